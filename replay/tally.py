"""Counts of a run, per legacy table, such that no row is ever missing from the sums."""

from __future__ import annotations

from collections import Counter

from msgspec import Struct, field


class TableTally(Struct, kw_only=True):
    """What became of the rows of one table: read = events + unchanged + kept.

    events: rows newly recorded as events (a row of a block counts as one). unchanged: rows that the log already had.
    kept: rows that no event describes, verbatim in the log; kept_reasons counts why. assumed: fields filled by a rule.
    repaired: rows whose known corruption was undone. vanished: rows of an earlier run that are gone and recorded as such.
    unknown_columns: columns no event field takes; their values are in the provenance.
    """

    file: str
    table: str
    read: int = 0
    events: int = 0
    unchanged: int = 0
    kept: int = 0
    appended: int = 0
    repaired: int = 0
    vanished: int = 0
    assumed: Counter[str] = field(default_factory=Counter)
    kept_reasons: Counter[str] = field(default_factory=Counter)
    unknown_columns: list[str] = field(default_factory=list)

    @property
    def adds_up(self) -> bool:
        """Whether every row read is accounted for."""
        return self.read == self.events + self.unchanged + self.kept
