"""Why an entry is refused: a named rule, what is wrong, what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from domain.errors import LedgerError

HINTS: dict[str, str] = {
    "shape": "cli schema ENTRY shows what an entry may hold.",
    "identity": "Give the id that the broker gave it, or a --key of your own: then it cannot be recorded twice.",
    "conflict": "Correct the recorded one with: cli record correct. For something else use another id or key.",
    "symbol": "Write the symbol as the broker does, such as AAPL.US.",
    "positive": "Quantities, prices and amounts are positive; the side or the kind of entry says the direction.",
    "number": "Give a finite number with at most 28 digits.",
    "currency": "Use a code of ISO 4217, such as EUR.",
    "time": "Write 2026-11-20T18:00:00Z or 2026-11-20T18:00:00+02:00; between 1970 and one day from now.",
    "text": "Give a text that is not empty and holds no broken characters.",
    "choice": "Use one of the words that are allowed.",
    "fraction": "Give a fraction from 0 to 1.",
    "limits": "The smaller limit must not be above the larger one.",
    "oversell": "Enter the missing purchase first; or use --allow-short when the shares were borrowed.",
    "bucket-unknown": "Open the bucket first with: cli record bucket-open.",
    "bucket-status": "Look at the bucket's status, and change it first with bucket-change, bucket-pause or bucket-resume.",
    "bucket-core": "The core is always there: move its cash instead.",
    "bucket-cash": "Move the rest of its cash to another bucket first with: cli record bucket-transfer.",
    "budget": "Satellites may have 30 % together; lower a target or the budget.",
    "funds": "Transfer less, or enter the missing deposit first.",
    "core-minimum": "Transfer less, or raise satellite_budget_pct with: cli record setting --allocation.",
    "transition": "What is decided stays decided; issue a new recommendation.",
    "security-unknown": "Add it first with: cli record security.",
    "security-known": "Change it with: cli record security-change; restore a removed one with: cli record security-restore.",
    "unknown": "cli audit log --stream PREFIX* finds streams.",
    "void": "What is void stays void: enter it again under another id.",
    "not-correctable": "State the value again with its own kind of entry: the newest counts.",
    "toml": "Mend the text of the configuration.",
}
"""What to do, by rule."""


class Refused(LedgerError):
    """An entry breaks a rule; nothing of it was recorded."""

    def __init__(self, rule: str, message: str, *, hint: str = "") -> None:
        super().__init__(f"{rule}: {message}", hint=hint or HINTS[rule])
        self.rule = rule

    def at(self, place: str) -> Self:
        """The same error, saying which of several entries it is about."""
        if place:
            self.message = f"{place}: {self.message}"
            self.args = (self.message,)
        return self


class Conflict(Refused):
    """The same id or key was recorded with other content. differences: field, recorded, given."""

    def __init__(self, what: str, differences: Sequence[tuple[str, object, object]]) -> None:
        told = "; ".join(f"{field}: recorded {_said(held)}, given {_said(given)}" for field, held, given in differences)
        super().__init__("conflict", f"{what} is recorded with other content: {told}")
        self.differences = list(differences)


def _said(value: object) -> str:
    return "nothing" if value is None else str(value)
