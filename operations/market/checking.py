"""What a feed takes for a price or a quantity, so that whatever it records can be shown."""

from __future__ import annotations

import math
import operator
from typing import Final, SupportsFloat, SupportsIndex

from domain.errors import LedgerError

_EXACT_MAX: Final = 1 << 53
_WHOLE_MIN, _WHOLE_MAX = -(1 << 63), (1 << 63) - 1


class BadRow(LedgerError):
    """A tick or bar that is none: nothing of it was recorded."""


def price(value: SupportsFloat, symbol: str) -> float:
    """A finite number as it is handed in, or as the float that it is when a library has a type of its own for it.

    Raises BadRow for anything else.
    """
    if type(value) is float and math.isfinite(value):
        return value
    if type(value) is int and -_EXACT_MAX <= value <= _EXACT_MAX:
        return value
    try:
        found = math.fsum([value])  # takes no text, as float would
    except (TypeError, ValueError, OverflowError) as error:
        raise BadRow(f"{symbol}: a price is not a {type(value).__name__} like this one", hint=_PRICES) from error
    if not math.isfinite(found):
        raise BadRow(f"{symbol}: a price of {found} is none", hint=_PRICES)
    return found


def price_or_none(value: SupportsFloat | None, symbol: str) -> float | None:
    """The same, where there may be none."""
    return None if value is None else price(value, symbol)


def quantity(value: SupportsIndex | None, symbol: str) -> int | None:
    """A whole number that the stores can hold, of whatever type a library has for it; None stays None.

    Raises BadRow for anything else.
    """
    if value is None or (type(value) is int and _WHOLE_MIN <= value <= _WHOLE_MAX):
        return value
    try:
        found = operator.index(value)
    except TypeError as error:
        raise BadRow(f"{symbol}: a quantity is not a {type(value).__name__}", hint=_QUANTITIES) from error
    if not _WHOLE_MIN <= found <= _WHOLE_MAX:
        raise BadRow(f"{symbol}: a quantity of {found.bit_length()} bits does not fit", hint=_QUANTITIES)
    return found


_PRICES: Final = "Prices are finite numbers."
_QUANTITIES: Final = "Quantities are whole numbers of 64 bits."
