"""What an entry says about its fact beside the amounts, and which numbers can be booked."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext

from domain.errors import LedgerError
from ledger.log import Stored
from replay import provenance

# Beancount counts with 28 digits. Within these bounds everything that it multiplies and adds up here is exact enough to
# be checked, and no trade of a private person lies outside.
LARGEST = Decimal("1e15")
FINEST = Decimal("1e-12")
TOO_LARGE = "amounts too large to be counted exactly"
WIDE = Context(prec=80, rounding=ROUND_HALF_EVEN)


class NotBooked(LedgerError):
    """A fact has no place in the accounts; the message is the reason."""


class Notes:
    """What an entry says about its fact: where it came from, what was assumed."""

    def __init__(self, stored: Stored, assumed: list[str]) -> None:
        self.assumed = assumed
        self._about = {
            "position": str(stored.position), "stream": stored.stream, "hash": stored.hash.hex()[:16],
        }  # fmt: skip
        if stored.source is not None:
            source = provenance.decode(stored.source)
            self.say(file=source.file, table=source.table)

    def say(self, **about: str | None) -> None:
        """Note what is known."""
        self._about |= {name: text for name, text in about.items() if text}

    def number(self, name: str, value: Decimal) -> Decimal:
        """The number with twelve decimals at most, its exact form noted where it has more; raises NotBooked."""
        if not value.is_finite() or abs(value) >= LARGEST:
            raise NotBooked(TOO_LARGE)
        with localcontext(WIDE):
            short = value.quantize(FINEST).normalize()
        if short != value:
            self._about[f"exact-{name}"] = str(value)
        return short

    def about(self) -> dict[str, str]:
        """All of it."""
        assumed = ", ".join(dict.fromkeys(self.assumed))
        return {**self._about, "assumed": assumed} if assumed else self._about
