"""The postings of trades and splits: shares at their cost, the cash, and the gain that makes the sum zero."""

from __future__ import annotations

from decimal import Decimal

from domain.money import rounded
from operations.exporting import names
from operations.exporting.journal import At, Posting
from operations.exporting.lots import Lot, Lots

CASH = "Assets:Broker:Cash"
SECURITIES = "Assets:Broker:Securities"
OWED = "Liabilities:Broker:Short"
UNRECORDED = "Equity:UnrecordedPurchases"
ROUNDING = "Equity:Rounding"
GAINS = "Income:Gains"
ZERO = Decimal(0)


def account(parent: str, commodity: str) -> str:
    """The account of one commodity below a parent."""
    return f"{parent}:{names.account_part(commodity)}"


class Shares:
    """Postings of shares, and what they are worth together: rounded so that the parts add up to the rounded sum."""

    def __init__(self, commodity: str) -> None:
        self.postings: list[Posting] = []
        self._commodity = commodity
        self._exact: dict[str, Decimal] = {}

    def move(self, parent: str, lot: Lot, *, dated: bool = False, sale: Lot | None = None) -> None:
        """Put the shares of a lot in, or take them out when negative. dated: the lot is named by its day. sale: the trade
        by which it goes.
        """
        before = self._exact.get(lot.currency, ZERO)
        after = self._exact[lot.currency] = before + lot.quantity * lot.price
        opened = lot.opened if dated else None
        at = At(lot.price, lot.currency, abs(rounded(after) - rounded(before)), opened, is_cost=parent != UNRECORDED)
        self.postings.append(Posting(account(parent, self._commodity), lot.quantity, self._commodity, at, sale))

    def balance(self, other: str, cash: dict[str, Decimal]) -> list[Posting]:
        """All postings: the shares, the cash by currency, and on the other account what is missing to zero."""
        postings = [*self.postings, *(Posting(CASH, number, currency) for currency, number in cash.items())]
        for currency in {**self._exact, **cash}:
            missing = -rounded(self._exact.get(currency, ZERO)) - cash.get(currency, ZERO)
            # Beancount takes its tolerance from the numbers that are written: of a foreign currency one must be.
            if missing or currency not in cash:
                postings.append(Posting(other, missing, currency))
        return postings


def traded(lots: Lots, trade: Lot, commodity: str, *, may_short: bool) -> list[Posting]:
    """A purchase (positive) or sale: it closes the oldest lots, at their cost, and opens one with the rest. What is sold
    without being there comes out of equity at the price, so that it shows no gain.
    """
    shares = Shares(commodity)
    taken, rest = lots.close(trade.quantity)
    for part in taken:
        shares.move(home(part), _out(part), dated=True, sale=trade)
    opened = trade._replace(quantity=rest)
    if rest > 0 or (rest and may_short):
        lots.open(opened)
        shares.move(home(opened), opened)
    elif rest:
        shares.move(UNRECORDED, opened)
    return shares.balance(GAINS, {trade.currency: -_money(trade)})


def split(lots: Lots, ratio: Decimal, commodity: str) -> list[Posting]:
    """Every lot goes out and comes in again with more shares, or fewer, at the same cost and of the same day."""
    shares = Shares(commodity)
    before, after = lots.split(ratio)
    for lot in before:
        shares.move(home(lot), _out(lot), dated=True)
    for lot in after:
        shares.move(home(lot), lot, dated=True)
    return shares.balance(ROUNDING, {})


def home(lot: Lot) -> str:
    """The accounts of shares that are there, or of those that are owed: in one account beancount would set one against
    the other as it pleases.
    """
    return SECURITIES if lot.quantity > 0 else OWED


def _out(lot: Lot) -> Lot:
    return lot._replace(quantity=-lot.quantity)


def _money(trade: Lot) -> Decimal:
    return rounded(trade.quantity * trade.price)
