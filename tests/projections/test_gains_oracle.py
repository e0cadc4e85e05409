"""Lots and gains against counts that share no code with ours: fractions in plain Python, and SQL for the average cost."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import groupby, pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.event import Event
from domain.prices import ExchangeRateQuoted
from domain.trading import (
    CashFlowBooked,
    CashFlowCorrected,
    CashFlowVoided,
    SharesSplit,
    SharesSplitVoided,
    TradeCorrected,
    TradeExecuted,
    TradeVoided,
)
from projections.portfolio import projector
from tests.projections.folded import Given, tables
from tests.projections.gained import read
from tests.projections.test_holdings import DAY, Row, trade
from tests.searching import examples

amounts = st.decimals("0.01", "500", places=3)
symbols = st.sampled_from(["A.US", "B.EU"])
numbers = st.integers(1, 6)
days = numbers.map(DAY.format)
some = st.none() | amounts


def trades(event: type[TradeExecuted]) -> st.SearchStrategy[TradeExecuted]:
    return st.builds(
        event, symbol=symbols, side=st.sampled_from(["BUY", "SELL"]), quantity=amounts, price=amounts,
        occurred_at=days | st.none(), currency=st.sampled_from(["EUR", "USD", "USD", None]), isin=st.none(),
        currency_rate=st.sampled_from([None, Decimal(1), Decimal("1.25")]), bucket_id=st.sampled_from([None, "core"]),
        mode=st.sampled_from([None, "live", "live", "research"]), order_id=st.none(), source=st.none(), created_at=st.none(),
        id=st.none(), assumed=st.just(()), repaired=st.none(), value_eur=st.none(), short=st.sampled_from([None, 0, 1]),
        fee=some, fee_currency=st.sampled_from([None, "EUR", "USD"]),
    )  # fmt: skip


def flows(event: type[CashFlowBooked]) -> st.SearchStrategy[Given]:
    def booked(flow: int, order: int, amount: Decimal, currency: str, day: int) -> Given:
        fields: Row = {"type_doc_id": "trade_fee", "transaction_type": "trading_fee", "status": "completed"}
        moment = DAY.format(day)[:10]
        name = f"trade_fee_{order}"
        made = event(transaction_id=name, amount=amount, currency=currency, occurred_at=moment, **fields)
        return Given(f"cash-flow:{flow}", made)

    return st.builds(booked, st.integers(1, 3), numbers, amounts, st.sampled_from(["EUR", "USD"]), numbers)


trade_streams = numbers.map("trade:{}".format)
executed = st.builds(Given, trade_streams, trades(TradeExecuted))
splits = st.builds(
    SharesSplit, symbol=symbols, numerator=st.sampled_from([Decimal(2), Decimal(3)]), denominator=st.just(Decimal(2)),
    occurred_at=numbers.map(lambda day: DAY.format(day)[:10]), assumed=st.just(()), repaired=st.none(),
)  # fmt: skip
quotes = st.builds(
    ExchangeRateQuoted, from_currency=st.just("USD"), to_currency=st.just("EUR"), occurred_at=days, copy=st.none(),
    rate=st.sampled_from([Decimal("1.1"), Decimal("1.2"), Decimal(1)]), expires_at=st.none(), assumed=st.just(()),
    repaired=st.none(),
)  # fmt: skip
others = st.one_of(
    st.builds(Given, trade_streams, trades(TradeCorrected)),
    st.builds(Given, trade_streams, st.just(TradeVoided(reason="x"))),
    st.builds(Given, st.sampled_from(["split:1", "split:2"]), splits | st.just(SharesSplitVoided(reason="x"))),
    flows(CashFlowBooked),
    flows(CashFlowCorrected),
    st.builds(Given, st.just("cash-flow:1"), st.just(CashFlowVoided(reason="x"))),
    st.builds(Given, st.just("rate:1"), quotes),
)
histories = st.lists(executed | executed | others, max_size=22)

Number = Fraction | None


def standing(history: Sequence[Given]) -> dict[str, tuple[int, Event]]:
    """What stands in each stream in the end, and the position of what opened it."""
    found: dict[str, tuple[int, Event]] = {}
    for position, (stream, event) in enumerate(history, 1):
        first, _ = found.pop(stream, (position, event))
        paper = isinstance(event, TradeExecuted) and event.mode == "research"
        if not isinstance(event, TradeVoided | SharesSplitVoided | CashFlowVoided) and not paper:
            found[stream] = (first, event)
    return found


class Oracle:
    """The gains of a whole history, counted at once: lots are dicts, numbers are fractions."""

    def __init__(self, history: Sequence[Given]) -> None:
        self.now = standing(history)
        self.quoted: dict[str, Decimal] = {}
        quotes = [(e.occurred_at, n, e.rate) for n, (_, e) in enumerate(history) if isinstance(e, ExchangeRateQuoted)]
        for moment, _, rate in sorted(quotes):
            self.quoted[str(moment)[:10]] = rate

    def rate(self, currency: str | None, own: Decimal | None, moment: str | None) -> Number:
        if currency == "EUR":
            return Fraction(1)
        if currency is None:
            return None
        for candidate in (own, self.quoted.get((moment or "~")[:10])):
            if candidate not in (None, Decimal(1)):
                return Fraction(candidate)
        return None

    def fees(self, stream: str, event: TradeExecuted, rate: Number) -> tuple[Number, Number]:
        """In the trade's currency, and in EUR."""
        charged = [
            (flow.amount, flow.currency, flow.occurred_at)
            for _, flow in self.now.values()
            if isinstance(flow, CashFlowBooked) and flow.transaction_id == f"trade_fee_{stream.split(':')[1]}"
        ]
        if event.fee is not None:
            charged = [(event.fee, event.fee_currency or event.currency or "", event.occurred_at)]
        own: list[Number] = []
        euros: list[Number] = []
        for amount, currency, moment in charged:
            same = currency == (event.currency or "")
            in_euros = over(Fraction(amount), rate if same else self.rate(currency or None, None, moment))
            euros.append(in_euros)
            own.append(Fraction(amount) if same else None if in_euros is None or rate is None else in_euros * rate)
        return total(own), total(euros)

    def realized(self, method: str) -> Iterator[Row]:
        things = [(stream, at, event) for stream, (at, event) in self.now.items()]
        mine = [(s, at, e) for s, at, e in things if isinstance(e, TradeExecuted | SharesSplit)]
        mine.sort(key=lambda thing: (thing[2].symbol, thing[2].occurred_at or "~", thing[1]))
        for _, same in groupby(mine, key=lambda thing: thing[2].symbol):
            lots: list[Row] = []
            for stream, _, event in same:
                if isinstance(event, SharesSplit):
                    for lot in lots:
                        lot["shares"] *= Fraction(event.numerator) / Fraction(event.denominator)
                else:
                    yield from self.trade(stream, event, lots, method)

    def trade(self, stream: str, event: TradeExecuted, lots: list[Row], method: str) -> Iterator[Row]:
        rate = self.rate(event.currency, event.currency_rate, event.occurred_at)
        shares, sign = Fraction(event.quantity), 1 if event.side == "BUY" else -1
        fee, fee_eur = self.fees(stream, event, rate)
        value = shares * Fraction(event.price)
        per_share: Row = {
            "value": value / shares, "value_eur": over(value / shares, rate), "fee": over(fee, shares),
            "fee_eur": over(fee_eur, shares),
        }  # fmt: skip
        while shares and lots and lots[0]["sign"] != sign:
            lot = lots[0]
            part = min(shares, lot["shares"])
            share = part / lot["shares"]
            opened = {name: times(lot[name], share) for name in per_share}
            for name in per_share:
                lot[name] = times(lot[name], 1 - share)
            lot["shares"] -= part
            shares -= part
            if not lot["shares"]:
                lots.pop(0)
            yield {
                "stream": stream, "quantity": part,
                **gained(lot, opened, event.currency, {name: times(each, part) for name, each in per_share.items()}),
            }  # fmt: skip
        if shares and sign == -1 and not event.short:
            yield {"stream": stream, "quantity": shares, "gain": None, "gain_eur": None}
        elif shares:
            new: Row = {"sign": sign, "shares": shares, "currencies": {event.currency}}
            new |= {name: times(each, shares) for name, each in per_share.items()}
            if method == "average" and lots:
                new = {
                    name: lots[0][name] | new[name] if name == "currencies" else total([lots[0][name], new[name]])
                    for name in new
                } | {"sign": sign}  # fmt: skip
                lots[0] = new
            else:
                lots.append(new)


def gained(lot: Row, opened: Row, currency: str | None, closed: Row) -> Row:
    sign = lot["sign"]
    cost_eur, proceeds_eur = times(opened["value_eur"], -sign), times(closed["value_eur"], sign)
    gain_eur = total([cost_eur, proceeds_eur, times(opened["fee_eur"], -1), times(closed["fee_eur"], -1)])
    gain = total([sign * (closed["value"] - opened["value"]), times(opened["fee"], -1), times(closed["fee"], -1)])
    return {"gain": gain if lot["currencies"] == {currency} else None, "gain_eur": gain_eur}


def over(amount: Number, by: Number) -> Number:
    return None if amount is None or by is None else amount / by


def times(amount: Number, factor: Fraction | int) -> Number:
    return None if amount is None else amount * factor


def total(numbers: Sequence[Number]) -> Number:
    known = [number for number in numbers if number is not None]
    return sum(known, Fraction(0)) if len(known) == len(numbers) else None


def near(found: float | None, expected: Number) -> bool:
    if found is None or expected is None:
        return found is None and expected is None
    return abs(Fraction(found) - expected) <= Fraction(1, 10**6)


@settings(max_examples=examples(30))
@given(history=histories)
def test_gains_are_what_an_independent_count_says(history: list[Given]) -> None:
    found = read(history)["realized_gains"]
    for method in ("fifo", "average"):
        ours = [row for row in found if row["method"] == method]
        by_trade: dict[str, list[Row]] = {}
        for row in Oracle(history).realized(method):
            by_trade.setdefault(row["stream"], []).append(row)
        for stream, rows in by_trade.items():
            same = [row for row in ours if row["stream"] == stream]
            assert len(same) == len(rows), f"{method} {stream}"
            for mine, theirs in zip(same, rows, strict=True):
                for column in ("quantity", "gain", "gain_eur"):
                    assert near(mine[column], theirs[column]), f"{method} {stream}: {column} is not {theirs[column]}"
        assert len(ours) == sum(map(len, by_trade.values()))


@settings(max_examples=examples(30))
@given(history=histories)
def test_lots_gains_and_positions_agree_with_each_other(history: list[Given]) -> None:
    found = read(history)
    still_open = {lot["symbol"] for lot in found["lots"] if lot["remaining"]}
    assert {position["symbol"] for position in found["positions"]} == still_open
    for position in found["positions"]:
        mine = [row for row in found["realized_gains"] if row["symbol"] == position["symbol"]]
        known = [row["gain_eur"] for row in mine if row["method"] == "average" and row["gain_eur"] is not None]
        assert near(position["realized_pnl"], Fraction(sum(map(Fraction, known))))
        unknown = sum(row["gain_eur"] is None for row in mine if row["method"] == "average")
        assert position["realized_pnl_unknown"] == unknown
        open_lots = [lot for lot in found["lots"] if lot["symbol"] == position["symbol"]]
        held = sum(Fraction(lot["remaining"]) * (1 if lot["side"] == "long" else -1) for lot in open_lots)
        assert near(position["derived_quantity"], Fraction(held))
    for row in found["realized_gains"]:
        assert (row["reason"] is None) == (row["gain"] is not None and row["gain_eur"] is not None)


@settings(max_examples=examples(30))
@given(history=histories, cuts=st.lists(st.integers(0, 22), max_size=4))
def test_batches_change_nothing(history: list[Given], cuts: list[int]) -> None:
    bounds = [0, *sorted(cuts), len(history)]
    pieces = [history[start:end] for start, end in pairwise(bounds)]
    assert tables(projector, *pieces) == tables(projector, history)


AVERAGE = """
    WITH RECURSIVE
    numbered AS (SELECT *, row_number() OVER (PARTITION BY symbol ORDER BY at) AS n FROM trade),
    run (symbol, n, held, cost, gain) AS (
        SELECT DISTINCT symbol, 0, 0.0, 0.0, 0.0 FROM trade
        UNION ALL
        SELECT run.symbol, run.n + 1,
            CASE side WHEN 'BUY' THEN held + quantity ELSE max(held - quantity, 0) END,
            CASE side WHEN 'BUY' THEN cost + quantity * price
                      ELSE cost - coalesce(cost * min(quantity, held) / nullif(held, 0), 0) END,
            CASE side WHEN 'BUY' THEN 0
                      ELSE min(quantity, held) * price - coalesce(cost * min(quantity, held) / nullif(held, 0), 0) END
        FROM run JOIN numbered ON numbered.symbol = run.symbol AND numbered.n = run.n + 1)
    SELECT symbol, sum(gain) FROM run GROUP BY symbol"""


@settings(max_examples=examples(25))
@given(
    told=st.lists(st.tuples(symbols, st.sampled_from(["BUY", "BUY", "SELL"]), st.integers(1, 50), amounts), max_size=20)
)
def test_the_average_is_what_plain_sql_says(told: list[tuple[str, str, int, Decimal]]) -> None:
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE trade (at INTEGER, symbol TEXT, side TEXT, quantity REAL, price REAL)")
    rows = [(at, symbol, side, quantity, float(price)) for at, (symbol, side, quantity, price) in enumerate(told)]
    db.executemany("INSERT INTO trade VALUES (?, ?, ?, ?, ?)", rows)
    facts = [trade(side, str(quantity), str(price), 1, symbol=symbol) for symbol, side, quantity, price in told]
    found = read([Given(f"trade:{n}", fact) for n, fact in enumerate(facts)])["realized_gains"]
    for symbol, gain in db.execute(AVERAGE):
        mine = [row["gain"] or 0 for row in found if row["symbol"] == symbol and row["method"] == "average"]
        assert abs(sum(mine) - gain) < 1e-6
