"""The positions that the trading bot's fills make, in the order of execution, beside those it wrote down.

A fill later than all others of its symbol continues from what is there, so that the cost of many fills is a straight line. One
that is earlier, or corrected, makes the fills of its symbol count again from the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

import apsw
import msgspec
from msgspec import json

from domain.bot_positions import BotPosition, after_fill
from domain.bot_trading import BotPositionNoLongerReported, BotPositionReported, FillCorrected, FillRecorded
from domain.money import normalised
from ledger.concerning import SAME_STREAM
from projections.bulk import Row, Upsert, quoted
from projections.projector import Concern, LaneTable, StreamFact

UNKNOWN_TIME = "~"
"""Stands for a time that nobody knows; it sorts after all others."""

_BY_SYMBOL = (
    Concern((FillRecorded, FillCorrected), {"symbol": "symbol"}, (SAME_STREAM,)),
    Concern((BotPositionReported, BotPositionNoLongerReported), {"symbol": "symbol"}),
)
TABLES = (
    LaneTable("positions", _BY_SYMBOL),
    LaneTable("position_fills", _BY_SYMBOL, is_shown=False),
    LaneTable("position_states", _BY_SYMBOL, is_shown=False),
)


class Fill(NamedTuple):
    """A row of `position_fills`: a fill that counts. Decimals are normalised, since they are kept as text."""

    symbol: str
    executed_at: str
    position: int
    stream: str
    side: str
    quantity: Decimal
    price: Decimal
    fees: Decimal | None

    @property
    def place(self) -> tuple[str, int]:
        """Where the fill stands in the order of execution."""
        return self.executed_at, self.position


class Derived(msgspec.Struct, gc=False):
    """What the fills of a symbol add up to. last: the place of the last of them."""

    held: BotPosition = BotPosition()
    last: tuple[str, int] = ("", 0)

    def add(self, fills: Iterable[Fill]) -> None:
        """Count further fills, later than all before."""
        for fill in fills:
            self.held = after_fill(self.held, fill.side, fill.quantity, fill.price, fees=fill.fees)
            self.last = fill.place


_COLUMNS = quoted(Fill._fields)
_OF_STREAMS = f"SELECT {_COLUMNS} FROM json_each(?) JOIN position_fills ON stream = value"
_OF_SYMBOL = f"SELECT {_COLUMNS} FROM position_fills WHERE symbol = ? ORDER BY executed_at, position"
_FORGET = "DELETE FROM position_fills WHERE stream = ?"
_STATE = "SELECT derived, report FROM position_states WHERE symbol = ?"
_DROP_STATE = "DELETE FROM position_states WHERE symbol = ?"
_DROP_POSITION = "DELETE FROM positions WHERE symbol = ?"
_keep = Upsert("position_fills", Fill._fields, ("symbol", "executed_at", "position"))
_keep_state = Upsert("position_states", ("symbol", "derived", "report"), ("symbol",))
_show = Upsert(
    "positions",
    (
        "symbol", "quantity", "avg_entry_price", "realized_pnl", "updated_at", "fees", "reported_quantity",
        "reported_avg_entry_price", "reported_realized_pnl", "reported_at",
    ),
    ("symbol",),
)  # fmt: skip


def fold(db: apsw.Connection, facts: Sequence[StreamFact]) -> None:
    """Bring the positions of every symbol that these facts are about up to date."""
    reports: dict[str, BotPositionReported | None] = {}
    streams = json.encode([fact.stream for fact in facts if isinstance(fact.event, FillRecorded)]).decode()
    before = {fill.stream: fill for fill in map(_read, db.execute(_OF_STREAMS, [streams]))}
    now: dict[str, Fill | None] = {**before}
    touched: set[str] = {fill.symbol for fill in before.values()}
    for position, stream, event in facts:
        if isinstance(event, FillRecorded):
            was = now.get(stream)
            now[stream] = _counting(was.position if was else position, stream, event)
            touched.add(event.symbol)
        elif isinstance(event, BotPositionReported):
            reports[event.symbol] = event
        elif isinstance(event, BotPositionNoLongerReported):
            reports[event.symbol] = None
    changed = {stream: fill for stream, fill in now.items() if fill != before.get(stream)}
    db.executemany(_FORGET, [[stream] for stream in changed if stream in before])
    _keep.rows(db, [_row(fill) for fill in changed.values() if fill])
    # Where a fill changed that was there already, the fills of its old and of its new symbol count again.
    disturbed = {one.symbol for stream in changed if stream in before for one in (before[stream], now[stream]) if one}
    appended: dict[str, list[Fill]] = {}
    for stream, fill in changed.items():
        if fill is not None and stream not in before:
            appended.setdefault(fill.symbol, []).append(fill)
    for symbol in sorted(touched | reports.keys()):
        _write(db, symbol, None if symbol in disturbed else appended.get(symbol, []), reports)


def _write(
    db: apsw.Connection, symbol: str, new: list[Fill] | None, reports: dict[str, BotPositionReported | None]
) -> None:
    """Write the position of a symbol after these new fills; None: its fills count again from the first."""
    stored = db.execute(_STATE, [symbol]).fetchone()
    derived = json.decode(stored[0], type=Derived) if stored else Derived()
    report = json.decode(stored[1], type=BotPositionReported) if stored and stored[1] else None
    report = reports.get(symbol, report) if symbol in reports else report
    if new is None or (new and min(fill.place for fill in new) < derived.last):
        derived = Derived()
        derived.add(map(_read, db.execute(_OF_SYMBOL, [symbol])))
    else:
        derived.add(sorted(new, key=lambda fill: fill.place))
    if derived.last == ("", 0) and report is None:
        db.execute(_DROP_STATE, [symbol])
        db.execute(_DROP_POSITION, [symbol])
        return
    text = json.encode(report).decode() if report else None
    _keep_state.rows(db, [(symbol, json.encode(derived).decode(), text)])
    _show.rows(db, [_position(symbol, derived, report)])


def _position(symbol: str, derived: Derived, report: BotPositionReported | None) -> Row:
    held, at = derived.held, derived.last[0]
    reported = (
        (*map(_real, (report.quantity, report.avg_entry_price, report.realized_pnl)), report.occurred_at)
        if report
        else (None,) * 4
    )
    return (
        symbol, float(held.quantity), float(held.avg_price), float(held.realized),
        None if at in ("", UNKNOWN_TIME) else at, float(held.fees), *reported,
    )  # fmt: skip


def _counting(position: int, stream: str, event: FillRecorded) -> Fill | None:
    """The fill as a row, None when it does not change what is held."""
    if not event.counts:
        return None
    at = event.occurred_at or UNKNOWN_TIME
    fees = None if event.fees is None else normalised(event.fees)
    return Fill(
        event.symbol, at, position, stream, event.side, normalised(event.quantity), normalised(event.price), fees
    )


def _row(fill: Fill) -> Row:
    return (*fill[:5], str(fill.quantity), str(fill.price), None if fill.fees is None else str(fill.fees))


def _read(row: Sequence[apsw.SQLiteValue]) -> Fill:
    return msgspec.convert(row, Fill)


def _real(number: Decimal | None) -> float | None:
    return None if number is None else float(number)
