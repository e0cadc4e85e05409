"""Money: from a foreign currency to EUR, only with a rate that is really known."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

CENT_FRACTION = Decimal("0.00000001")
"""Computed amounts carry eight decimals: far below a cent, and stable text."""

EUR = "EUR"


def usable_rate(currency: str | None, rate: Decimal | None) -> Decimal | None:
    """Units of `currency` per 1 EUR when that is known, else None.

    Rate 1 for a foreign currency is the legacy system's silent fallback, not a rate (legacy facts 1.11).
    """
    if currency == EUR:
        return Decimal(1)
    if currency is None or rate is None or not rate.is_finite() or rate <= 0 or rate == 1:
        return None
    return rate


def in_eur(amount: Decimal, rate: Decimal | None) -> Decimal | None:
    """EUR = foreign amount / rate; None when the rate is not known."""
    if rate is None:
        return None
    return rounded(amount / rate)


def normalised(number: Decimal) -> Decimal:
    """The same number as it is always written: no exponent, no trailing zeros, no negative zero. 3.0 and 3E+0 become 3."""
    text = f"{number:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return Decimal("0" if text == "-0" else text)


def rounded(amount: Decimal) -> Decimal:
    """The amount with eight decimals, half to even; as it is where its 28 digits leave no room for eight decimals."""
    if amount.adjusted() >= 19:
        return amount
    return amount.quantize(CENT_FRACTION, rounding=ROUND_HALF_EVEN)
