"""What was put into a legacy folder on purpose: the row counts, the names of the price files, the flaws."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal

FlawKind = Literal[
    # universe
    "isin-missing", "isin-malformed", "isin-duplicate", "isin-is-symbol", "shifted-row", "suffixless-twin",
    "false-twin",
    # ledger
    "missing-trade", "residue", "oversell", "currency-wrong", "empty-bucket", "timestamp-shape", "unconverted",
    "unsettled", "unknown-type", "rows-in-wal", "orphan-cash-flow",
    # price files
    "bak-leftover", "unresolvable-file", "empty-file", "empty-tables", "differing-close", "null-ohlc",
    "close-outside-range", "odd-volume", "monthly-only",
    # everything else
    "stale-copy", "null-timestamp", "bucket-difference", "negative-balance", "orphan-bucket", "orphan-history",
    "odd-side", "duplicate-recommendation", "secret", "empty-marker", "stub-table", "unknown-table", "unknown-column",
    "old-file", "expired",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Flaw:
    """One oddity and where it is; `amount` is its size where it has one, `said` a sentence for people."""

    kind: FlawKind
    file: str
    said: str
    table: str = ""
    key: str = ""
    amount: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class Planted:
    """A legacy folder that was written, and everything in it that a replay should find."""

    folder: Path
    rows: dict[str, dict[str, int]]
    """Rows per file (path inside the folder) and table; rows that only a -wal holds are counted."""
    price_files: dict[str, str]
    """history/<name>.db -> the symbol whose prices it holds; a file that belongs to nobody is a flaw instead."""
    flaws: tuple[Flaw, ...]

    def of(self, kind: FlawKind) -> tuple[Flaw, ...]:
        """All flaws of one kind, in the order in which they were planted."""
        return tuple(flaw for flaw in self.flaws if flaw.kind == kind)

    @property
    def total_rows(self) -> int:
        """All rows of all tables, the version tables included."""
        return sum(sum(tables.values()) for tables in self.rows.values())
