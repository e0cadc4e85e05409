"""What a run found, as data: the report that is written as JSON and shown as a page."""

from __future__ import annotations

from msgspec import Struct, field

from replay.reconciling import Break
from replay.tally import TableTally


class FileReport(Struct, kw_only=True):
    """A file of the legacy folder: what became of it and why; rows and sha256 of its frozen copy when it was read.

    version: what the file says itself; generation: the state that its schema is in.
    """

    name: str
    use: str
    reason: str = ""
    version: int | None = None
    generation: str = ""
    rows: int = 0
    sha256: str = ""
    bytes: int = 0
    copied_by: str = ""


class ModelReport(Struct, kw_only=True):
    """A legacy table beside its read model. rows: legacy rows that were compared; elsewhere: rows that gave way to a newer
    copy in another file; filled: cells that the legacy row left empty and the ledger knew; differing: rows that differ.
    """

    model: str
    table: str
    file: str
    rows: int
    elsewhere: int = 0
    filled: int = 0
    differing: int = 0


class RunReport(Struct, kw_only=True):
    """One run of `cli replay`. seconds: by phase. proven: every row of every source was rebuilt from the log alone and was
    equal, and so were the read models, when they were compared (`models_compared`). failed: why files could not be read;
    in_part: what the others say came in all the same.
    """

    system: str
    source: str
    home: str
    mode: str
    started_at: str
    program: str
    run: int = 0
    timezone: str = "UTC"
    timezone_assumed: bool = True
    files: list[FileReport] = field(default_factory=list)
    tables: list[TableTally] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    in_part: bool = False
    findings: list[str] = field(default_factory=list)
    breaks: list[Break] = field(default_factory=list)
    mismatches: list[Break] = field(default_factory=list)
    models: list[ModelReport] = field(default_factory=list)
    models_compared: bool = False
    missing_eur: dict[str, int] = field(default_factory=dict)
    events_appended: int = 0
    run_events: int = 0
    position: int = 0
    rows_proven: int = 0
    proven: bool = False
    frozen: str = ""
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Rows read from all tables."""
        return sum(table.read for table in self.tables)

    @property
    def sums_hold(self) -> bool:
        """Whether read = events + unchanged + kept for every table."""
        return all(table.adds_up for table in self.tables)

    @property
    def exit_code(self) -> int:
        """0 all is well, 1 a break or a mismatch, 3 a source could not be read."""
        if self.failed:
            return 3
        if self.mismatches or self.breaks or not self.sums_hold:
            return 1
        return 0 if self.proven or self.mode == "verify-only" else 1
