"""Writing legacy database files, so that the same rows always give the same bytes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import apsw

from migrations import script
from operations.demo_legacy.planted import Flaw, FlawKind
from operations.demo_legacy.wal import settle_salts

Value = str | int | float | bytes | None
Row = Sequence[Value]

# Nothing here must survive a power cut; with a journal and syncs the folder would take several times as long.
FAST = "PRAGMA page_size = 4096; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF"
INTO_WAL = "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0"
FIRST_STEP = "2025-12-24T15:16:{second:02d}.104233"


@dataclass(kw_only=True)
class Build:
    """One folder in the making: where it is, and what has been put into it so far."""

    folder: Path
    dirt: bool
    rows: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))
    price_files: dict[str, str] = field(default_factory=dict)
    flaws: list[Flaw] = field(default_factory=list)

    def flaw(self, kind: FlawKind, file: str, said: str, *, table: str = "", key: str = "") -> None:
        """Note an oddity that was just planted and has no size."""
        self.flaws.append(Flaw(kind=kind, file=file, said=said, table=table, key=key))


@dataclass(frozen=True, kw_only=True)
class LegacyFile:
    """An open legacy database that counts the rows put into it."""

    db: apsw.Connection
    counts: dict[str, int]

    def script(self, name: str) -> None:
        """Run one of the legacy scripts below migrations/."""
        self.db.execute(script("legacy", "arduino_trader", f"{name}.sql"))

    def insert(self, table: str, columns: str, rows: Iterable[Row]) -> None:
        """Insert rows whose values stand in the order of `columns`, names separated by blanks."""
        names = columns.split()
        marks = ", ".join("?" * len(names))
        before = self.db.total_changes()
        # Table and columns are constants of this package; the values are bound.
        self.db.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", rows)
        self.counts[table] += self.db.total_changes() - before


@contextmanager
def legacy_file(build: Build, name: str, schema: str, *, version: int = 0) -> Iterator[LegacyFile]:
    """Create the file `name` with a legacy schema; everything inside the block is one transaction."""
    path = build.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    db = apsw.Connection(str(path))
    try:
        db.execute(FAST)
        with db:
            file = LegacyFile(db=db, counts=build.rows[name])
            file.script(schema)
            if version:
                steps = range(1, version + 1)
                rows = [(step, FIRST_STEP.format(second=step), f"Step to version {step}") for step in steps]
                file.insert("schema_version", "version applied_at description", rows)
            yield file
    finally:
        db.close()


@contextmanager
def left_in_wal(build: Build, name: str) -> Iterator[LegacyFile]:
    """Add rows that only the file's -wal will hold, as when a running program was copied or killed."""
    path = build.folder / name
    db = apsw.Connection(str(path))
    try:
        db.execute(INTO_WAL)
        with db:
            yield LegacyFile(db=db, counts=build.rows[name])
        db.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    finally:
        db.close()
    Path(f"{path}-shm").unlink(missing_ok=True)  # SQLite makes it again from the -wal
    settle_salts(Path(f"{path}-wal"), b"daybook!")


def seeded(*subject: str | int) -> Random:
    """Give a generator of its own to each subject, so that a change to one leaves the others as they were."""
    return Random(":".join(map(str, ("daybook", *subject))))
