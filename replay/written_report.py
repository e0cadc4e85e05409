"""What a legacy folder that was written again holds, and what it could not take, as data."""

from __future__ import annotations

from msgspec import Struct, field


class WrittenTable(Struct, kw_only=True):
    """A table that was written: rows in all, of which entered and changed here; rows that gave way to a later one."""

    file: str
    table: str
    rows: int = 0
    entered: int = 0
    changed: int = 0
    replaced: int = 0
    faithful: bool = True


class Unwritten(Struct, kw_only=True):
    """Something of the log that the files do not hold, and why."""

    what: str
    count: int
    reason: str


class WrittenFiles(Struct, kw_only=True):
    """What was written. ended: facts that were voided or removed here and are left out; own: Daybook's own events, which no
    legacy file has; made: columns that the schema demands and the entry leaves open; rekeyed: streams of facts that the
    files hold under another key. A folder is whole when nothing is unwritten and every table reads back as it should.
    """

    system: str
    position: int
    files: list[str] = field(default_factory=list)
    tables: list[WrittenTable] = field(default_factory=list)
    unwritten: list[Unwritten] = field(default_factory=list)
    ended: dict[str, int] = field(default_factory=dict)
    own: dict[str, int] = field(default_factory=dict)
    made: dict[str, int] = field(default_factory=dict)
    rekeyed: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether every fact of the log is in the files."""
        return not self.unwritten and all(table.faithful for table in self.tables)
