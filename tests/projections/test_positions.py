"""Positions against an oracle that knows nothing of batches, and the properties that folding must have."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from domain.event import Event
from domain.portfolio import PositionNoLongerReported, PositionReconciled, PositionReported
from domain.prices import ExchangeRateQuoted
from domain.trading import TradeCorrected, TradeExecuted, TradeVoided
from projections.portfolio import projector
from tests.projections.folded import Given, rows, tables
from tests.projections.test_holdings import DAY, Row, trade

amounts = st.decimals("0.01", "500", places=3)
symbols = st.sampled_from(["A.US", "B.EU"])
streams = st.integers(1, 6).map("trade:{}".format)
times = st.integers(1, 6).map(DAY.format)
currencies = st.sampled_from(["EUR", "USD", None])
rates = st.sampled_from([None, Decimal(1), Decimal("1.25")])


def trades(event: type[TradeExecuted]) -> st.SearchStrategy[TradeExecuted]:
    return st.builds(
        event, symbol=symbols | st.just("USD/EUR"), side=st.sampled_from(["BUY", "SELL"]), quantity=amounts, price=amounts,
        occurred_at=times | st.none(), currency=currencies, currency_rate=rates, bucket_id=st.sampled_from([None, "", "core"]),
        mode=st.sampled_from([None, "live", "research"]), isin=st.none(), order_id=st.none(), source=st.none(),
        created_at=st.none(), id=st.none(), assumed=st.just(()), repaired=st.none(), value_eur=st.none(),
    )  # fmt: skip


def broker_said() -> st.SearchStrategy[Event]:
    some = st.none() | amounts
    return st.one_of(
        st.builds(
            PositionReported, symbol=symbols, quantity=amounts, avg_price=amounts | st.just(Decimal(0)), current_price=some,
            currency=currencies, currency_rate=rates, occurred_at=times | st.none(), market_value_eur=some, cost_basis_eur=some,
            unrealized_pnl=some, unrealized_pnl_pct=some, isin=st.none(), bucket_id=st.none(), first_bought_at=st.none(),
            last_sold_at=st.none(), assumed=st.just(()), repaired=st.none(),
        ),
        st.builds(PositionNoLongerReported, symbol=symbols, assumed=st.just(()), repaired=st.none(), occurred_at=st.none()),
        st.builds(
            PositionReconciled, symbol=symbols, derived_quantity=amounts, reported_quantity=some, reason=st.just(""),
            difference=st.sampled_from([Decimal(0), Decimal(1)]), derived_avg_price=st.none(), reported_avg_price=st.none(),
            occurred_at=st.none(), assumed=st.just(()), repaired=st.none(),
        ),
        st.builds(
            ExchangeRateQuoted, from_currency=st.sampled_from(["USD", "GBP"]), to_currency=st.sampled_from(["EUR", "USD"]),
            rate=st.sampled_from([Decimal("1.1"), Decimal("1.2"), Decimal(1)]), occurred_at=times | st.none(),
            copy=st.sampled_from([None, "cache.db"]), expires_at=st.none(), assumed=st.just(()), repaired=st.none(),
        ),
    )  # fmt: skip


executed = st.builds(Given, streams, trades(TradeExecuted))
facts = st.one_of(
    executed,
    st.builds(Given, streams, trades(TradeCorrected)),
    st.builds(Given, streams, st.just(TradeVoided(reason="never happened"))),
    st.builds(Given, st.just("other:1"), broker_said()),
)
histories = st.lists(executed | facts, max_size=20)


class Heard:
    """What a history says in the end: the trades that count, the reports, and what the broker denies."""

    def __init__(self, history: Sequence[Given]) -> None:
        self.held: dict[str, tuple[int, TradeExecuted]] = {}
        self.said: dict[str, PositionReported | None] = {}
        self.hidden: dict[str, bool] = {}
        for position, (stream, event) in enumerate(history):
            if isinstance(event, TradeExecuted | TradeVoided):
                self.trade(position, stream, event)
            elif isinstance(event, PositionReported):
                self.said[event.symbol], self.hidden[event.symbol] = event, False
            elif isinstance(event, PositionNoLongerReported):
                self.said[event.symbol], self.hidden[event.symbol] = None, True
            elif isinstance(event, PositionReconciled):
                self.hidden[event.symbol] = event.reported_quantity is None and event.difference != 0

    def trade(self, position: int, stream: str, event: TradeExecuted | TradeVoided) -> None:
        first, before = self.held.pop(stream, (position, None))
        if before is not None:
            self.hidden[before.symbol] = False
        if isinstance(event, TradeExecuted) and "/" not in event.symbol and event.mode != "research":
            self.held[stream] = (first, event)
            self.hidden[event.symbol] = False

    def trades_of(self, symbol: str) -> list[TradeExecuted]:
        mine = [(at, event) for at, event in self.held.values() if event.symbol == symbol]
        return [event for _, event in sorted(mine, key=lambda pair: (pair[1].occurred_at or "~", pair[0]))]


def expected(history: Sequence[Given]) -> dict[str, Row]:
    """The positions, told from the whole history at once and with fractions."""
    heard = Heard(history)
    found: dict[str, Row] = {}
    for symbol in {event.symbol for _, event in heard.held.values()} | heard.said.keys():
        quantity, cost = replayed(heard.trades_of(symbol))
        row: Row = {"derived_quantity": quantity, "derived_avg_price": cost / quantity if quantity else None}
        told = heard.said.get(symbol)
        if told is not None:
            row |= {"quantity": told.quantity, "avg_price": told.avg_price, "last_updated": told.occurred_at}
            found[symbol] = row | in_euros(told, history)
        elif quantity > 0 and not heard.hidden.get(symbol):
            found[symbol] = row | {"quantity": quantity, "avg_price": cost / quantity}
    return found


def replayed(ordered: Sequence[TradeExecuted]) -> tuple[Fraction, Fraction]:
    quantity = cost = Fraction(0)
    for event in ordered:
        if event.side == "BUY":
            quantity, cost = (
                quantity + Fraction(event.quantity),
                cost + Fraction(event.quantity) * Fraction(event.price),
            )
        elif Fraction(event.quantity) >= quantity:
            quantity = cost = Fraction(0)
        else:
            left = quantity - Fraction(event.quantity)
            quantity, cost = left, cost * left / quantity
    return quantity, cost


def in_euros(told: PositionReported, history: Sequence[Given]) -> Row:
    rate = Fraction(1) if told.currency == "EUR" else None
    if told.currency == "USD" and told.currency_rate not in (None, Decimal(1)):
        rate = Fraction(told.currency_rate or 1)
    elif told.currency == "USD" and told.occurred_at is not None:
        quotes = [
            (event.occurred_at, event.copy is None, position, event.rate)
            for position, (_, event) in enumerate(history)
            if isinstance(event, ExchangeRateQuoted) and (event.from_currency, event.to_currency) == ("USD", "EUR")
            and event.occurred_at is not None and event.occurred_at[:10] == told.occurred_at[:10]
        ]  # fmt: skip
        rate = Fraction(max(quotes)[3]) if quotes and max(quotes)[3] != 1 else None
    quantity, avg = Fraction(told.quantity), Fraction(told.avg_price)
    price = None if told.current_price is None else Fraction(told.current_price)
    values: Row = {
        "market_value_eur": None if price is None or rate is None else quantity * price / rate,
        "cost_basis_eur": None if rate is None else quantity * avg / rate,
        "unrealized_pnl": None if price is None or rate is None else (price - avg) * quantity / rate,
        "unrealized_pnl_pct": None if price is None else (price / avg - 1) * 100 if avg else Fraction(0),
    }
    return {name: value if getattr(told, name) is None else getattr(told, name) for name, value in values.items()}


def near(found: object, expected: object) -> bool:
    if isinstance(found, float) and isinstance(expected, Fraction | Decimal):
        return abs(Fraction(found) - Fraction(expected)) <= Fraction(1, 10**7)
    return found == expected


@given(history=histories)
def test_positions_are_what_an_independent_count_says(history: list[Given]) -> None:
    found = {row["symbol"]: row for row in rows(projector, "positions", history)}
    oracle = expected(history)
    assert found.keys() == oracle.keys()
    for symbol, columns in oracle.items():
        for column, value in columns.items():
            assert near(found[symbol][column], value), f"{symbol} {column}: {found[symbol][column]} is not {value}"


@given(history=histories, cuts=st.lists(st.integers(0, 20), max_size=3))
def test_batches_change_nothing(history: list[Given], cuts: list[int]) -> None:
    bounds = [0, *sorted(cuts), len(history)]
    pieces = [history[start:end] for start, end in pairwise(bounds)]
    assert tables(projector, *pieces) == tables(projector, history)


@given(data=st.data(), bought=st.lists(st.tuples(amounts, amounts, st.sampled_from(["BUY", "SELL"])), max_size=8))
def test_the_order_of_entry_does_not_matter(data: st.DataObject, bought: list[tuple[Decimal, Decimal, str]]) -> None:
    in_order = [
        Given(f"trade:{day}", trade(side, str(quantity), str(price), day))
        for day, (quantity, price, side) in enumerate(bought, 1)
    ]
    shuffled = data.draw(st.permutations(in_order))
    cut = data.draw(st.integers(0, len(bought)))
    assert rows(projector, "positions", shuffled[:cut], shuffled[cut:]) == rows(projector, "positions", in_order)
