"""`cli audit log`, `show`, `history`, `stats`: events with where they came from and what they made."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import apsw
import msgspec
from msgspec import Struct

from domain.errors import LedgerError
from domain.event import Event, decode
from domain.moments import end_of, is_date
from domain.prices import DailyPricesRecorded, MonthlyPricesRecorded, PriceBlock
from ledger.log import Log, Stored, open_log
from ledger.querying import Figure, Wanted, event_at, neighbours, search, statistics, stream_of
from operations.shown import LEDGER, places
from projections.engine import model_path
from replay import provenance
from replay.reading import quote
from replay.verbatim import decode_row

NEIGHBOURS = 3
FOLLOW_S = 0.5


class Row(Struct, kw_only=True):
    """A row of a read model that an event stands behind. cells: column to value."""

    place: str
    cells: dict[str, Any]  # any SQL value


class Shown(Struct, kw_only=True):
    """An event in full. kind, when, recorded: in words; state: the event; origin: run, file, table and key; row: the legacy
    row as it was found; produced: rows of read models (of a block the first and the last); before, after: positions and
    topics in the same stream.
    """

    position: int
    stream: str
    version: int
    topic: str
    recorded_at: str
    hash: str
    state: dict[str, Any]  # the event's JSON
    origin: dict[str, Any]  # empty for an event that was entered here
    row: dict[str, Any]
    produced: list[Row]
    before: list[tuple[int, str]]
    after: list[tuple[int, str]]


def moment(text: str | None, *, end: bool) -> str | None:
    """A time as the user names it, for comparison with the log's: a date, or an instant with a zone."""
    if text is None:
        return None
    limit = end_of(text)
    return text if is_date(text) and not end else limit


def wanted(**asked: Any) -> Wanted:
    """Which events, as the user names them; raises LedgerError for a time without a zone."""
    for name in ("valid", "recorded"):
        asked[f"{name}_from"] = moment(asked[f"{name}_from"], end=False)
        asked[f"{name}_to"] = moment(asked[f"{name}_to"], end=True)
    return Wanted(**asked)


def log_events(home: Path, wanted: Wanted, *, limit: int | None, newest: bool, follow: bool) -> Iterator[Stored]:
    """The events that are wanted: the newest first, or from the first one on.

    With `follow` the newest come in the order of the log, or all of them when `newest` is not asked for, and then those that
    are appended, until it is stopped.
    """
    with open_log(home) as log:
        if not follow:
            yield from islice(search(log, wanted, newest_first=newest), limit)
            return
        seen = log.head().position
        found: Iterable[Stored] = search(log, wanted)
        if newest:
            found = reversed(list(islice(search(log, wanted, newest_first=True), limit)))
        for stored in found:
            seen = max(seen, stored.position)
            yield stored
        while True:
            time.sleep(FOLLOW_S)
            # What does not match is not looked at again.
            head = log.head().position
            for stored in search(log, wanted, after=seen):
                head = max(head, stored.position)
                yield stored
            seen = head


def stats(home: Path) -> list[Figure]:
    """Events by type."""
    with open_log(home) as log:
        return statistics(log)


def history(home: Path, stream: str) -> Iterator[Stored]:
    """All events of a stream, oldest first."""
    with open_log(home) as log:
        yield from stream_of(log, stream)


def show(home: Path, position: int) -> Shown:
    """One event with its provenance, what it made, and its neighbours in the stream."""
    with open_log(home) as log:
        stored = event_at(log, position)
        before, after = neighbours(log, stored, NEIGHBOURS)
        event = decode(stored.topic, stored.state)
        origin, row = _origin(stored)
        return Shown(
            position=stored.position, stream=stored.stream, version=stored.version, topic=stored.topic,
            recorded_at=stored.recorded_at, hash=stored.hash.hex(), state=msgspec.json.decode(stored.state), origin=origin,
            row=row, produced=_produced(home, log, event), before=before, after=after,
        )  # fmt: skip


def _origin(stored: Stored) -> tuple[dict[str, Any], dict[str, Any]]:
    if stored.source is None:
        return {}, {}
    source = provenance.decode(stored.source)
    about = {name: getattr(source, name) for name in ("run", "system", "file", "table", "key", "first", "last")}
    row = decode_row(source.row) if bytes(source.row) else {}
    return {name: value for name, value in about.items() if value is not None}, row


def _produced(home: Path, log: Log, event: Event) -> list[Row]:
    """The rows that show the event now; a later event may have changed them."""
    if isinstance(event, PriceBlock):
        return _of_block(home, event)
    place = places().get(type(event))
    if place is None or place.model == LEDGER:
        return [] if place is None else [Row(place=f"ledger.{place.table}", cells=_of_view(log, place.table, event))]
    path = model_path(home, place.model)
    key = [_plain(getattr(event, place.field(column))) for column in place.key]
    where = " AND ".join(f"{quote(column)} IS ?" for column in place.key)
    return _rows(path, f"{place.model}.{place.table}", f"FROM {quote(place.table)} WHERE {where}", key)


def _of_block(home: Path, block: PriceBlock) -> list[Row]:
    table, column = (
        ("daily_prices", "date") if isinstance(block, DailyPricesRecorded) else ("monthly_prices", "year_month")
    )
    assert isinstance(block, DailyPricesRecorded | MonthlyPricesRecorded)
    keys = block.date if isinstance(block, DailyPricesRecorded) else block.year_month
    query = f"FROM {table} WHERE symbol = ? AND {column} BETWEEN ? AND ? ORDER BY {column}"
    rows = _rows(model_path(home, "history"), f"history.{table}", query, [block.symbol, keys[0], keys[-1]])
    return [*rows[:1], *rows[1:][-1:]]


def _of_view(log: Log, view: str, event: Event) -> dict[str, Any]:
    columns, rows = log.rows_of_view(view)
    names = {"trades": "order_id", "cash_flows": "transaction_id", "dividend_history": "id"}
    place, wanted = columns.index(names[view]), getattr(event, names[view])
    found = next((row for row in rows if row[place] == wanted), None)
    return dict(zip(columns, found, strict=True)) if found else {}


def _rows(path: Path, place: str, tail: str, values: list[Any]) -> list[Row]:
    """The rows of a table of a read model; `tail` begins with FROM and the table."""
    if not path.exists():
        return []
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        about = db.execute("SELECT name FROM pragma_table_info(?)", (place.split(".")[1],))
        names = [str(name) for (name,) in about]
        found = db.execute(f"SELECT {', '.join(map(quote, names))} {tail}", values)
        return [Row(place=place, cells=dict(zip(names, row, strict=True))) for row in found]
    finally:
        db.close()


def _plain(value: Any) -> Any:  # an event's field in, an SQL value out
    return float(value) if isinstance(value, Decimal) else value


def position_of(text: str) -> int:
    """A position as the user writes it: 17, or 10,472."""
    if not re.fullmatch(r"\d[\d,_]*", text):
        raise LedgerError(f"{text!r} is not a position", hint="Positions are numbers: 1, 2, 3 …")
    return int(text.replace(",", "").replace("_", ""))
