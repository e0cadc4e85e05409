"""The positions: what the broker reports, else what the trades say, with the EUR values that are missing computed.

A reported position shows exactly what the broker reported. A symbol without a report shows what its trades add up to,
unless the broker is known not to hold it: a reconciliation found no such position, or the report of it ended. A trade
entered, corrected or voided after that shows the symbol again, because the broker has not spoken since.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

import apsw
import msgspec

from domain.event import Event, encode
from domain.money import in_eur, rounded
from domain.portfolio import PositionNoLongerReported, PositionReconciled, PositionReported
from domain.prices import ExchangeRateQuoted, ExchangeRatesVoided
from domain.trading import SharesSplit, SharesSplitVoided, TradeExecuted, TradeVoided
from projections import known_rates, trade_fees
from projections.bulk import Row, Upsert
from projections.gains import Gains, Writer
from projections.holdings import Book, Derived, HoldingTrade, trades_of
from projections.known_rates import Rates
from projections.projector import StreamFact


class State(msgspec.Struct, gc=False):
    """What is known about a symbol: a row of `holding_states`."""

    derived: Derived
    gains: Gains
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
    realized_pnl: Decimal
    realized_pnl_unknown: int


_STATES = "SELECT symbol, derived, gains, report, denied FROM holding_states WHERE symbol = ?"
_COUNTING = (TradeExecuted, TradeVoided, SharesSplit, SharesSplitVoided)
_RATES = (ExchangeRateQuoted, ExchangeRatesVoided)
_HIDE = "DELETE FROM positions WHERE symbol = ?"
_keep = Upsert("holding_states", ("symbol", "derived", "gains", "report", "denied"), ("symbol",))
_show = Upsert("positions", Position.__struct_fields__, ("symbol",))
_read_derived = msgspec.json.Decoder(Derived).decode
_read_gains = msgspec.json.Decoder(Gains).decode
_read_report = msgspec.json.Decoder(PositionReported).decode
_write = msgspec.json.Encoder(decimal_format="string").encode

# What a derived position takes from the trades; the other columns are the newest trade's own words.
_FROM_TRADES = ("quantity", "avg_price", "last_updated", "first_bought_at", "last_sold_at")


def fold(db: apsw.Connection, facts: Sequence[StreamFact]) -> None:
    """Bring the positions, lots and gains of every symbol that these facts concern up to date."""
    rates = [(fact.position, fact.event) for fact in facts if isinstance(fact.event, _RATES)]
    quoted = known_rates.note(db, rates)
    disturbed = known_rates.traded(db, quoted) | trade_fees.note(db, facts)
    book = Book(db, {fact.stream for fact in facts if isinstance(fact.event, _COUNTING)})
    told = [(symbol, fact.event) for fact in facts for symbol in _about(fact, book)]
    states = _states(db, {symbol for symbol, _ in told} | disturbed)
    for symbol, event in told:
        _note(states[symbol], event)
    book.write(db)
    writer = Writer(db)
    for symbol, trades in book.news(disturbed):
        _count(writer, symbol, states[symbol], trades)
    writer.flush()
    _keep.rows(db, [_state_row(symbol, state) for symbol, state in states.items()])
    states |= _states(db, known_rates.concerned(db, quoted) - states.keys())
    _render(db, writer.rates, states)


def _count(writer: Writer, symbol: str, state: State, trades: Sequence[HoldingTrade] | None) -> None:
    """Count new trades, given in order, if all are later than what was counted; else all of the symbol's again."""
    if trades is None or trades[0].place < state.derived.last:
        state.derived = Derived()
        state.gains = writer.again(symbol, state.derived.counted(trades_of(writer.db, symbol)))
        return
    for trade in trades:
        state.derived.add(trade)
    writer.go_on(symbol, state.gains, trades)


def _about(fact: StreamFact, book: Book) -> Iterable[str]:
    """The symbols whose position the fact is about; what it says of trades goes into the book."""
    match fact.event:
        case TradeExecuted() | SharesSplit() as event:
            return book.put(fact.position, fact.stream, event)
        case TradeVoided() | SharesSplitVoided():
            return book.put(fact.position, fact.stream, None)
        case PositionReported() | PositionNoLongerReported() | PositionReconciled() as event:
            return (event.symbol,)
    return ()


def _note(state: State, event: Event) -> None:
    match event:
        case TradeExecuted() | TradeVoided():
            state.denied = False
        case PositionReported():
            state.report, state.denied = event, False
        case PositionNoLongerReported():
            state.report, state.denied = None, True
        case PositionReconciled():
            state.denied = event.reported_quantity is None and event.difference != 0


def _states(db: apsw.Connection, symbols: set[str]) -> dict[str, State]:
    """The state of each symbol, an empty one for a symbol that was never heard of."""
    states = {symbol: State(Derived(), Gains()) for symbol in sorted(symbols)}
    for symbol, derived, gained, report, denied in db.executemany(_STATES, [[symbol] for symbol in states]):
        said = _read_report(report) if report else None
        states[symbol] = State(_read_derived(derived), _read_gains(gained), said, bool(denied))
    return states


def _state_row(symbol: str, state: State) -> Row:
    report = encode(state.report).decode() if state.report else None
    return (symbol, _write(state.derived).decode(), _write(state.gains).decode(), report, int(state.denied))


def _render(db: apsw.Connection, rates: Rates, states: dict[str, State]) -> None:
    shown: list[Row] = []
    for symbol, state in states.items():
        position = _position(symbol, state)
        if position is not None:
            rate = rates.of(position.currency, position.currency_rate, position.last_updated)
            shown.append(_row(in_euros(position, rate)))
    rows = {row[0] for row in shown}
    db.executemany(_HIDE, [[symbol] for symbol in states if symbol not in rows])
    _show.rows(db, shown)


def _position(symbol: str, state: State) -> Position | None:
    """What is to be shown of a symbol, without the values that need a rate; None when it is not held."""
    if state.report is not None:
        return reported(state.report, state.derived, state.gains)
    quantity = state.derived.held.quantity
    if state.denied or not quantity or (quantity < 0 and not state.gains.is_short):
        return None
    return unreported(symbol, state.derived, state.gains)


def reported(report: PositionReported, derived: Derived, gained: Gains) -> Position:
    """The position as the broker reports it."""
    return Position(
        symbol=report.symbol, isin=report.isin, quantity=report.quantity, avg_price=report.avg_price,
        current_price=report.current_price, currency=report.currency, currency_rate=report.currency_rate,
        market_value_eur=report.market_value_eur, cost_basis_eur=report.cost_basis_eur,
        unrealized_pnl=report.unrealized_pnl, unrealized_pnl_pct=report.unrealized_pnl_pct,
        last_updated=report.occurred_at, first_bought_at=report.first_bought_at, last_sold_at=report.last_sold_at,
        bucket_id=report.bucket_id, derived_quantity=derived.held.quantity, derived_avg_price=derived.held.avg_price,
        realized_pnl=gained.realized_eur, realized_pnl_unknown=gained.unknown,
    )  # fmt: skip


def unreported(symbol: str, derived: Derived, gained: Gains) -> Position:
    """The position as its trades make it."""
    avg_price = derived.held.avg_price
    assert avg_price is not None, "shares are held without a cost"
    position = Position(
        symbol=symbol, isin=derived.isin, quantity=derived.held.quantity, avg_price=avg_price,
        currency=derived.currency, currency_rate=derived.currency_rate, last_updated=derived.last_traded_at,
        first_bought_at=derived.first_bought_at, last_sold_at=derived.last_sold_at, bucket_id=derived.bucket_id,
        derived_quantity=derived.held.quantity, derived_avg_price=avg_price, realized_pnl=gained.realized_eur,
        realized_pnl_unknown=gained.unknown,
    )  # fmt: skip
    position.computed = ",".join(column for column in _FROM_TRADES if getattr(position, column) is not None)
    return position


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
