"""The accident of config.db's schema version 10: rows of `securities` shifted by one column (legacy facts 1.17).

`stocks` was copied positionally; with product_type as a new fifth column each value from industry on landed one column to
the right, and the product type itself at the end. A row count and an integrity check cannot see that; the values can.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from domain.moments import is_date
from replay.mapping import Fields

ACCIDENT = "config v10 shift"
PRODUCT_TYPES = frozenset({"EQUITY", "ETF", "ETC", "MUTUALFUND", "UNKNOWN", "CASH"})

STOCKS_ORDER = (
    "symbol", "yahoo_symbol", "isin", "name", "industry", "country", "fullExchangeName", "priority_multiplier", "min_lot",
    "active", "allow_buy", "allow_sell", "currency", "last_synced", "min_portfolio_target", "max_portfolio_target",
    "created_at", "updated_at", "product_type",
)  # fmt: skip
SECURITIES_ORDER = (
    "symbol", "yahoo_symbol", "isin", "name", "product_type", "industry", "country", "fullExchangeName",
    "priority_multiplier", "min_lot", "active", "allow_buy", "allow_sell", "currency", "last_synced",
    "min_portfolio_target", "max_portfolio_target", "created_at", "updated_at",
)  # fmt: skip
_NUMBER = re.compile(r"\s*[-+]?\d+(\.\d+)?([eE][-+]?\d+)?\s*")
_FLAGS = ("active", "allow_buy", "allow_sell")
_NUMBERS = ("priority_multiplier", "min_lot", "min_portfolio_target", "max_portfolio_target")


def unshifted(row: Fields) -> Fields | None:
    """The row as it was before the accident, None when it did not suffer it."""
    if not _looks_shifted(row):
        return None
    for last in ("product_type", "last_synced"):
        back = _shifted_back(row, STOCKS_ORDER[: STOCKS_ORDER.index(last) + 1])
        if _makes_sense(back):
            return {**back, "repaired": ACCIDENT}
    return None


def _looks_shifted(row: Fields) -> bool:
    exchange, product_type = row.get("fullExchangeName"), row.get("product_type")
    currency = row.get("currency")
    signs = (
        _is_number(exchange),
        product_type is not None and product_type not in PRODUCT_TYPES,
        isinstance(currency, str) and _is_stamp(currency),
    )
    return sum(signs) >= 2 or (_is_number(exchange) and product_type is None)


def _shifted_back(row: Fields, moved: Sequence[str]) -> Fields:
    """Each of the moved columns takes the value of the place that its value landed in."""
    back = dict(row)
    landed = SECURITIES_ORDER[STOCKS_ORDER.index("industry") :]
    start = STOCKS_ORDER.index("industry")
    for name, place in zip(moved[start:], landed, strict=False):
        back[name] = row.get(place)
    if "product_type" not in moved:
        back["product_type"] = None
    for name in _NUMBERS:
        back[name] = _as_number(back.get(name))
    if isinstance(back.get("min_lot"), float) and back["min_lot"].is_integer():
        back["min_lot"] = int(back["min_lot"])
    for name in _FLAGS:
        if isinstance(back.get(name), float) and back[name] in (0.0, 1.0):
            back[name] = int(back[name])
    return back


def _makes_sense(row: Fields) -> bool:
    return (
        row.get("product_type") in PRODUCT_TYPES | {None}
        and not _is_number(row.get("fullExchangeName"))
        and all(row.get(name) in (0, 1, None) for name in _FLAGS)
        and (row.get("currency") is None or re.fullmatch(r"[A-Z]{3}", str(row["currency"])) is not None)
        and all(row.get(name) is None or isinstance(row[name], int | float) for name in _NUMBERS)
        and all(_is_stamp(row.get(name)) for name in ("created_at", "updated_at"))
        and (row.get("last_synced") is None or _is_stamp(row["last_synced"]))
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) or (isinstance(value, str) and _NUMBER.fullmatch(value) is not None)


def _as_number(value: object) -> object:
    """A number that a TEXT column turned into text, as the REAL it was."""
    return float(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value


def _is_stamp(value: object) -> bool:
    return isinstance(value, str) and len(value) >= 10 and is_date(value[:10])
