"""Entries about trades and splits of shares."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

from domain.entries import checks
from domain.entries.base import Amount, Currency, Entry, Fact, Mode, Name, Standing, Symbol
from domain.entries.buckets import bucket_stream, check_may_trade
from domain.entries.holding import Move, move_of
from domain.entries.refusal import Refused
from domain.money import in_eur, usable_rate
from domain.streams import is_plain, stream
from domain.trading import SharesSplit, Side, TradeExecuted

CORE = "core"


class Trade(Entry, frozen=True, kw_only=True, tag="trade"):
    """The broker filled an order, wholly or in part.

    quantity: shares; price: per share in `currency`. order_id: the broker's id of this fill; without one, give a key.
    currency_rate: units of `currency` per 1 EUR, from which value_eur follows when it is left out. fee: what the broker
    took for it. source: who decided. mode: research for a paper trade, which changes nothing that is held.
    """

    symbol: Symbol
    side: Side
    quantity: Amount
    price: Amount
    currency: Currency
    order_id: Name | None = None
    isin: str | None = None
    currency_rate: Amount | None = None
    value_eur: Amount | None = None
    fee: Amount | None = None
    fee_currency: Currency | None = None
    source: str = "manual"
    bucket_id: Name = CORE
    mode: Literal["live", "research"] = "live"

    def about(self) -> Sequence[str]:
        """The trade, and its bucket."""
        return (self._stream(), bucket_stream(self.bucket_id)) if self.order_id or self.key else ()

    def facts(self, standing: Standing) -> list[Fact]:
        """The trade, unless it sells what is not held."""
        name = self._stream()
        value_eur = self.value_eur
        if value_eur is None and self.currency_rate is not None:
            checks.positive("currency_rate", self.currency_rate)
            value_eur = in_eur(self.quantity * self.price, usable_rate(self.currency, self.currency_rate))
        trade = TradeExecuted(
            occurred_at=checks.moment(self.at, standing.clock), symbol=self.symbol, isin=self.isin, side=self.side,
            quantity=self.quantity, price=self.price, order_id=self.order_id, currency=self.currency,
            currency_rate=self.currency_rate, value_eur=value_eur, source=self.source, bucket_id=self.bucket_id,
            mode=self.mode, created_at=standing.clock.now, fee=self.fee, fee_currency=self.fee_currency,
        )  # fmt: skip
        check_trade(trade)
        if standing.newest(name) is not None:
            return [Fact(name, trade, Mode.ONCE)]  # whether it says the same is for the caller to compare
        check_may_trade(standing, self.bucket_id)
        return [Fact(name, judged(trade, name, standing), Mode.ONCE)]

    def _stream(self) -> str:
        if self.order_id is not None:
            return f"trade:{self.order_id}" if is_plain(self.order_id) else stream("trade", self.order_id)
        if self.key is not None:
            return stream("trade", "", "key", self.key)  # as replay names a trade whose order id is missing
        raise Refused("identity", "the trade has neither an order_id nor a key")


class Split(Entry, frozen=True, kw_only=True, tag="split"):
    """Every share of a security became numerator/denominator shares on a day: 4 and 1 make four of one."""

    symbol: Symbol
    numerator: Amount
    denominator: Amount
    date: str

    def facts(self, standing: Standing) -> list[Fact]:
        """The split, one per security and day."""
        checks.symbol(self.symbol)
        checks.positive("numerator", self.numerator)
        checks.positive("denominator", self.denominator)
        day = checks.day(self.date, standing.clock)
        split = SharesSplit(occurred_at=day, symbol=self.symbol, numerator=self.numerator, denominator=self.denominator)
        name = stream("split", self.symbol, day)
        if standing.newest(name) is None:
            check_split(split, name, standing)
        return [Fact(name, split, Mode.ONCE)]


def check_split(split: SharesSplit, name: str, standing: Standing) -> None:
    """Refuse a split after which more was sold than held."""
    found = move_of(split)
    assert found is not None
    check_held(split.symbol, name, found[1], standing)


def check_trade(trade: TradeExecuted) -> None:
    """What every trade must be, also a corrected one."""
    checks.symbol(trade.symbol)
    checks.positive("quantity", trade.quantity)
    checks.positive("price", trade.price)
    if trade.currency_rate is not None:
        checks.positive("currency_rate", trade.currency_rate)
    if trade.value_eur is not None:
        checks.positive("value_eur", trade.value_eur)
    if trade.currency is not None:
        checks.currency("currency", trade.currency)
    if trade.fee_currency is not None:
        checks.currency("fee_currency", trade.fee_currency)
    checks.not_negative("fee", trade.fee)
    checks.text("source", trade.source)
    checks.text("isin", trade.isin)
    checks.text("order_id", trade.order_id)


def judged(trade: TradeExecuted, name: str, standing: Standing) -> TradeExecuted:
    """The trade, marked as short when it sells borrowed shares; refused when that is not allowed."""
    found = move_of(trade)
    if found is None:
        return trade
    symbol, move = found
    lacking = standing.oversold(symbol, name, move)
    if lacking <= 0:
        return trade
    if standing.allow_short and trade.side == "SELL":
        return _short(trade)
    raise Refused("oversell", f"{lacking:f} shares of {symbol} would be sold that are not held at {move.at}")


def check_held(symbol: str, name: str, move: Move | None, standing: Standing) -> None:
    """Refuse a change after which more was sold than held; move None: the trade or split never happened."""
    lacking: Decimal = standing.oversold(symbol, name, move)
    if lacking > 0 and not standing.allow_short:
        raise Refused("oversell", f"without it, {lacking:f} shares of {symbol} were sold that were not held")


def _short(trade: TradeExecuted) -> TradeExecuted:
    values = {field: getattr(trade, field) for field in trade.__struct_fields__}
    return type(trade)(**{**values, "short": 1})
