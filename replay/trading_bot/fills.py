"""Rules for what the trading bot's rows leave open or say in several ways (legacy facts 1.2, 3)."""

from __future__ import annotations

import re
from decimal import Decimal

from domain.bot_backtest import WinRateUnit
from replay.mapping import Fields, Fill, KeepRow, Knowledge

_PROGRESS = re.compile(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*(?:%|/\s*(\d{1,9}))\s*")
_SIDES = {"LONG": "BUY", "SHORT": "SELL"}


def timed(then: Fill | None = None) -> Fill:
    """For rows whose time is part of what they are: one without cannot be told from others."""

    def fill(fields: Fields, known: Knowledge) -> list[str]:
        if fields.get("occurred_at") is None:
            raise KeepRow("the row has no time")
        return then(fields, known) if then else []

    return fill


def order(fields: Fields, _: Knowledge) -> list[str]:
    """Side in upper case."""
    fields["side"] = _side(fields.get("side"))
    return []


def fill_of_pairs(fields: Fields, _: Knowledge) -> list[str]:
    """Side and price, each from the one of its two columns that says it; what the other says as well stands beside."""
    if fields.get("side") in (None, ""):
        fields["side"] = fields.pop("stated_direction", None)
    if fields.get("price") is None:
        fields["price"] = fields.pop("stated_price", None)
    fields["side"] = _side(fields["side"])
    return []


def _side(said: object) -> object:
    """BUY or SELL, for LONG and SHORT as well; anything else as it stands, which is then refused."""
    if not isinstance(said, str):
        return said
    word = said.strip().upper()
    return _SIDES.get(word, word)


def reported(fields: Fields, _: Knowledge) -> list[str]:
    """The sign of a quantity whose row says the side in words."""
    side, quantity = fields.get("side"), fields.get("quantity")
    if isinstance(side, str) and side.strip().upper() == "SHORT" and isinstance(quantity, int | float):
        fields["quantity"] = -abs(quantity)
    return []


def progress(fields: Fields, _: Knowledge) -> list[str]:
    """The percent of a download: a number, or a text such as 50% or 5/100, which then stands beside it."""
    said = fields.get("progress_text")
    if type(said) in (int, float):
        fields["progress"], fields["progress_text"] = said, None
    elif isinstance(said, str) and (percent := _percent(said)) is not None:
        fields["progress"] = percent
    return []


def _percent(said: str) -> Decimal | None:
    found = _PROGRESS.fullmatch(said)
    if found is None:
        return None
    done, whole = Decimal(found[1]), Decimal(found[2] or 100)
    return done * 100 / whole if whole else None


def win_rate(fields: Fields, _: Knowledge) -> list[str]:
    """The rate in percent: up to 1 it is a fraction, beyond that percent (legacy trap M10).

    The number of trades cannot tell more: what is a whole number of winners in percent is one as a fraction, too.
    """
    rate = fields.get("win_rate")
    if type(rate) not in (int, float):
        return []
    exact = Decimal(repr(rate))
    unit: WinRateUnit = "percent" if exact > 1 else "fraction"
    fields["win_rate_unit"] = unit
    fields["win_rate_pct"] = exact.scaleb(2) if unit == "fraction" else exact
    return ["win_rate_pct"]


def day_of(*names: str) -> Fill:
    """For columns that hold a day, with or without a midnight beside it: the day."""

    def fill(fields: Fields, _: Knowledge) -> list[str]:
        for name in names:
            value = fields.get(name)
            if isinstance(value, str):
                fields[name] = value.removesuffix(" 00:00:00").removesuffix("T00:00:00")
        return []

    return fill
