"""The positions: what the broker reports, else what the trades say, with the EUR values that are missing computed.

A reported position shows exactly what the broker reported. A symbol without a report shows what its trades add up to,
unless the broker is known not to hold it: a reconciliation found no such position, or the report of it ended. A trade
entered, corrected or voided after that shows the symbol again, because the broker has not spoken since.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import apsw
import msgspec

from domain.event import Event, encode
from domain.holdings import counts_as_holding
from domain.money import in_eur, rounded, usable_rate
from domain.portfolio import PositionNoLongerReported, PositionReconciled, PositionReported
from domain.prices import ExchangeRateQuoted
from domain.trading import TradeExecuted, TradeVoided
from projections import known_rates
from projections.bulk import Row, Upsert
from projections.holdings import Book, Derived
from projections.projector import StreamFact


class State(msgspec.Struct, gc=False):
    """What is known about a symbol: a row of `holding_states`."""

    derived: Derived
    report: PositionReported | None = None
    denied: bool = False


class Position(msgspec.Struct, kw_only=True, gc=False):
    """A row of `positions` before its decimals become REAL."""

    symbol: str
    isin: str | None
    quantity: Decimal
    avg_price: Decimal
    current_price: Decimal | None = None
    currency: str | None
    currency_rate: Decimal | None
    market_value_eur: Decimal | None = None
    cost_basis_eur: Decimal | None = None
    unrealized_pnl: Decimal | None = None
    unrealized_pnl_pct: Decimal | None = None
    last_updated: str | None
    first_bought_at: str | None
    last_sold_at: str | None
    bucket_id: str | None
    derived_quantity: Decimal
    derived_avg_price: Decimal | None
    computed: str | None = None


_STATES = "SELECT symbol, derived, report, denied FROM holding_states WHERE symbol = ?"
_HIDE = "DELETE FROM positions WHERE symbol = ?"
_keep = Upsert("holding_states", ("symbol", "derived", "report", "denied"), ("symbol",))
_show = Upsert("positions", Position.__struct_fields__, ("symbol",))
_read_derived = msgspec.json.Decoder(Derived).decode
_read_report = msgspec.json.Decoder(PositionReported).decode
_write = msgspec.json.Encoder(decimal_format="string").encode

# What a derived position takes from the trades; the other columns are the newest trade's own words.
_FROM_TRADES = ("quantity", "avg_price", "last_updated", "first_bought_at", "last_sold_at")


def fold(db: apsw.Connection, facts: Sequence[StreamFact]) -> None:
    """Bring the positions of every symbol that these facts concern up to date."""
    traded = [fact for fact in facts if isinstance(fact.event, TradeExecuted | TradeVoided)]
    book = Book(db, {fact.stream for fact in traded})
    states = _states(db, book.symbols() | {symbol for fact in facts if (symbol := _symbol(fact.event)) is not None})
    for fact in facts:
        _note(fact, book, states)
    derived = {symbol: state.derived for symbol, state in states.items()}
    book.write(db, derived)
    for symbol, state in states.items():
        state.derived = derived[symbol]
    _keep.rows(db, [_state_row(symbol, state) for symbol, state in states.items()])
    quoted = known_rates.note(db, [(f.position, f.event) for f in facts if isinstance(f.event, ExchangeRateQuoted)])
    states |= _states(db, known_rates.concerned(db, quoted) - states.keys())
    _render(db, states)


def _note(fact: StreamFact, book: Book, states: dict[str, State]) -> None:
    match fact.event:
        case TradeExecuted() | TradeVoided() as event:
            trade = event if isinstance(event, TradeExecuted) else None
            for symbol in book.put(fact.position, fact.stream, trade):
                states[symbol].denied = False
        case PositionReported() as event:
            states[event.symbol].report, states[event.symbol].denied = event, False
        case PositionNoLongerReported() as event:
            states[event.symbol].report, states[event.symbol].denied = None, True
        case PositionReconciled() as event:
            states[event.symbol].denied = event.reported_quantity is None and event.difference != 0


def _symbol(event: Event) -> str | None:
    """The symbol whose position the event is about, as far as the event says so."""
    match event:
        case TradeExecuted():
            return event.symbol if counts_as_holding(event.symbol, event.mode, event.order_id) else None
        case PositionReported() | PositionNoLongerReported() | PositionReconciled():
            return event.symbol
    return None


def _states(db: apsw.Connection, symbols: set[str]) -> dict[str, State]:
    """The state of each symbol, an empty one for a symbol that was never heard of."""
    states = {symbol: State(Derived()) for symbol in sorted(symbols)}
    for symbol, derived, report, denied in db.executemany(_STATES, [[symbol] for symbol in states]):
        states[symbol] = State(_read_derived(derived), _read_report(report) if report else None, bool(denied))
    return states


def _state_row(symbol: str, state: State) -> Row:
    report = encode(state.report).decode() if state.report else None
    return (symbol, _write(state.derived).decode(), report, int(state.denied))


def _render(db: apsw.Connection, states: dict[str, State]) -> None:
    shown: list[Row] = []
    for symbol, state in states.items():
        position = _position(symbol, state)
        if position is not None:
            shown.append(_row(in_euros(position, _rate(db, position))))
    rows = {row[0] for row in shown}
    db.executemany(_HIDE, [[symbol] for symbol in states if symbol not in rows])
    _show.rows(db, shown)


def _position(symbol: str, state: State) -> Position | None:
    """What is to be shown of a symbol, without the values that need a rate; None when it is not held."""
    if state.report is not None:
        return reported(state.report, state.derived)
    if state.denied or state.derived.held.quantity <= 0:
        return None
    return unreported(symbol, state.derived)


def reported(report: PositionReported, derived: Derived) -> Position:
    """The position as the broker reports it."""
    return Position(
        symbol=report.symbol, isin=report.isin, quantity=report.quantity, avg_price=report.avg_price,
        current_price=report.current_price, currency=report.currency, currency_rate=report.currency_rate,
        market_value_eur=report.market_value_eur, cost_basis_eur=report.cost_basis_eur,
        unrealized_pnl=report.unrealized_pnl, unrealized_pnl_pct=report.unrealized_pnl_pct,
        last_updated=report.occurred_at, first_bought_at=report.first_bought_at, last_sold_at=report.last_sold_at,
        bucket_id=report.bucket_id, derived_quantity=derived.held.quantity, derived_avg_price=derived.held.avg_price,
    )  # fmt: skip


def unreported(symbol: str, derived: Derived) -> Position:
    """The position as its trades make it."""
    avg_price = derived.held.avg_price
    assert avg_price is not None, "shares are held without a cost"
    position = Position(
        symbol=symbol, isin=derived.isin, quantity=derived.held.quantity, avg_price=avg_price,
        currency=derived.currency, currency_rate=derived.currency_rate, last_updated=derived.last_traded_at,
        first_bought_at=derived.first_bought_at, last_sold_at=derived.last_sold_at, bucket_id=derived.bucket_id,
        derived_quantity=derived.held.quantity, derived_avg_price=avg_price,
    )  # fmt: skip
    position.computed = ",".join(column for column in _FROM_TRADES if getattr(position, column) is not None)
    return position


def _rate(db: apsw.Connection, position: Position) -> Decimal | None:
    """Units of the position's currency per 1 EUR: its own rate, else the one quoted on the day of last_updated."""
    own = usable_rate(position.currency, position.currency_rate)
    if own is not None or position.currency is None or position.last_updated is None:
        return own
    return usable_rate(position.currency, known_rates.rate(db, position.currency, position.last_updated[:10]))


def in_euros(position: Position, rate: Decimal | None) -> Position:
    """The position with the EUR values that it leaves out, as far as price and rate are known (legacy facts 5.3)."""
    quantity, avg_price, price = position.quantity, position.avg_price, position.current_price
    values = {"cost_basis_eur": in_eur(quantity * avg_price, rate)}
    if price is not None:
        values["market_value_eur"] = in_eur(quantity * price, rate)
        values["unrealized_pnl"] = in_eur((price - avg_price) * quantity, rate)
        values["unrealized_pnl_pct"] = rounded((price / avg_price - 1) * 100) if avg_price else Decimal(0)
    missing = {
        column: values[column]
        for column in Position.__struct_fields__
        if values.get(column) is not None and getattr(position, column) is None
    }
    computed = ",".join(filter(None, [position.computed, *missing]))
    return msgspec.structs.replace(position, **missing, computed=computed or None)


def _row(position: Position) -> Row:
    return tuple(float(value) if isinstance(value, Decimal) else value for value in msgspec.structs.astuple(position))
