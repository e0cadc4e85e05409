"""Entries about cash: deposits, withdrawals, fees, interest, dividends."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import ClassVar, Literal

from domain.entries import checks
from domain.entries.base import Amount, Currency, Entry, Fact, Mode, Name, Standing, Symbol
from domain.entries.buckets import booked
from domain.entries.refusal import Refused
from domain.money import in_eur, usable_rate
from domain.streams import stream
from domain.trading import CashFlowBooked, DividendPaid

COMPLETED = 3
"""The broker's number for settled money."""


class CashEntry(Entry, frozen=True, kw_only=True):
    """Cash that came in or went out, always a positive amount.

    transaction_id: the broker's; without one the key stands in for it. bucket_id: the bucket whose balance it changes, none
    when it is left out. amount_eur follows from currency_rate (units of `currency` per 1 EUR) when it is left out.
    """

    amount: Amount
    currency: Currency
    transaction_id: Name | None = None
    amount_eur: Amount | None = None
    currency_rate: Amount | None = None
    description: str | None = None
    bucket_id: Name | None = None

    kind: ClassVar[str] = ""
    document: ClassVar[str] = ""
    in_bucket: ClassVar[str] = ""

    def about(self) -> Sequence[str]:
        """The cash flow."""
        return (flow_stream(self.identity()),) if self.transaction_id or self.key else ()

    def facts(self, standing: Standing) -> list[Fact]:
        """The cash flow, and what it does to its bucket."""
        flow = self.flow(standing)
        check_flow(flow)
        name = flow_stream(flow.transaction_id)
        fact = Fact(name, flow, Mode.ONCE)
        if self.bucket_id is None or standing.newest(name) is not None:
            return [fact]
        change = signed(flow)
        return [fact, *booked(standing, self.bucket_id, self.in_bucket, change, self.currency, flow.occurred_at, name)]

    def flow(self, standing: Standing) -> CashFlowBooked:
        """The cash flow as the broker's records have it."""
        return CashFlowBooked(
            occurred_at=checks.day_or_moment(self.at, standing.clock), transaction_id=self.identity(),
            type_doc_id=self.document, transaction_type=self.transaction_type(), amount=self.amount,
            currency=self.currency, amount_eur=self.in_eur(), status="completed", status_c=COMPLETED,
            description=self.description, created_at=standing.clock.now,
        )  # fmt: skip

    def transaction_type(self) -> str:
        """The broker's word, which says the direction."""
        return self.kind

    def identity(self) -> str:
        """What makes it the same cash flow when it comes again."""
        found = self.transaction_id or self.key
        if found is None:
            raise Refused("identity", f"the {self.kind} has neither a transaction_id nor a key")
        return found

    def in_eur(self) -> Decimal | None:
        """The amount in EUR as far as it is known."""
        if self.amount_eur is not None or self.currency_rate is None:
            return self.amount_eur
        checks.positive("currency_rate", self.currency_rate)
        checks.positive("amount", self.amount)
        return in_eur(self.amount, usable_rate(self.currency, self.currency_rate))


class Deposit(CashEntry, frozen=True, kw_only=True, tag="deposit"):
    """Cash came into the account."""

    kind = "deposit"
    document = "deposit"
    in_bucket = "deposit"


class Withdrawal(CashEntry, frozen=True, kw_only=True, tag="withdrawal"):
    """Cash left the account."""

    kind = "withdrawal"
    document = "withdrawal"
    in_bucket = "reallocation"


class Fee(CashEntry, frozen=True, kw_only=True, tag="fee"):
    """The broker took a fee. order_id: of the trade that it was taken for; it stands in for the transaction id."""

    order_id: Name | None = None
    type: Literal["trading_fee", "withdrawal_fee", "structured_product_fee"] = "trading_fee"

    kind = "fee"
    document = "trade_fee"
    in_bucket = "reallocation"

    def transaction_type(self) -> str:
        """Which fee it is."""
        return self.type

    def identity(self) -> str:
        """A fee for a trade is named after it, as the broker does."""
        if self.transaction_id is None and self.order_id is not None:
            return f"trade_fee_{self.order_id}"
        return CashEntry.identity(self)


class Interest(CashEntry, frozen=True, kw_only=True, tag="interest"):
    """The account or a bond paid interest."""

    kind = "interest"
    document = "interest"
    in_bucket = "deposit"


class Dividend(CashEntry, frozen=True, kw_only=True, tag="dividend"):
    """An issuer paid cash for shares held: a cash flow and a dividend.

    cash_flow_id: the id of the legacy cash flow, so that the legacy system's own row of this dividend meets it.
    reinvested_quantity: shares that were bought with it.
    """

    symbol: Symbol
    isin: str | None = None
    cash_flow_id: int | None = None
    reinvested_quantity: Amount | None = None

    kind = "dividend"
    document = "corp_dividend"
    in_bucket = "dividend"

    def facts(self, standing: Standing) -> list[Fact]:
        """The cash flow, what it does to its bucket, and the dividend."""
        cash = CashEntry.facts(self, standing)
        flow = cash[0].event
        assert isinstance(flow, CashFlowBooked)
        paid = DividendPaid(
            occurred_at=flow.occurred_at, symbol=self.symbol, isin=self.isin, cash_flow_id=self.cash_flow_id,
            amount=self.amount, currency=self.currency, amount_eur=flow.amount_eur,
            reinvested=None if self.reinvested_quantity is None else 1, reinvested_quantity=self.reinvested_quantity,
            created_at=standing.clock.now,
        )  # fmt: skip
        check_dividend(paid)
        if self.cash_flow_id is None:
            name = stream("dividend", "", "transaction", flow.transaction_id)
        else:
            name = stream("dividend", str(self.cash_flow_id))
        return [*cash, Fact(name, paid, Mode.ONCE)]


_IN = frozenset({"deposit", "refill", "transfer_in", "dividend", "coupon", "maturity", "partial_maturity", "interest"})


def flow_stream(transaction_id: str) -> str:
    """The stream of a cash flow."""
    return stream("cash-flow", transaction_id)


def signed(flow: CashFlowBooked) -> Decimal:
    """The amount, negative when it went out."""
    return flow.amount if flow.transaction_type in _IN else -flow.amount


def check_flow(flow: CashFlowBooked) -> None:
    """What every cash flow must be, also a corrected one."""
    checks.positive("amount", flow.amount)
    checks.currency("currency", flow.currency)
    checks.not_negative("amount_eur", flow.amount_eur)
    checks.text("description", flow.description)
    checks.text("transaction_id", flow.transaction_id)


def check_dividend(paid: DividendPaid) -> None:
    """What every dividend must be, also a corrected one."""
    checks.symbol(paid.symbol)
    checks.positive("amount", paid.amount)
    checks.currency("currency", paid.currency)
    for name in ("amount_eur", "reinvested_quantity"):
        value = getattr(paid, name)
        if value is not None:
            checks.positive(name, value)
