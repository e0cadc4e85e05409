"""A whole legacy folder written again from the log: which rows stand, what was entered since, and what has no place."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from domain.event import topic_of, topics
from domain.legacy import LegacyRowKept, LegacySchemaRead
from domain.moments import Instant
from ledger.log import Log, Stored
from replay import provenance
from replay.blocks import SeriesMapping
from replay.legacy_file import LegacyFile, Row, Tally, make_file
from replay.numbering import Placed, numbered
from replay.reading import Table
from replay.standing_rows import At, StandingRows, twin_of
from replay.system import WritingBack
from replay.writing_back import REKEYED, RowWriter, Written, verbatim
from replay.written_prices import Prices
from replay.written_report import Unwritten, WrittenFiles, WrittenTable

_KEPT = topic_of(LegacyRowKept)
_ROW_NUMBER = re.compile(r":row-(-?\d+)$")
_GENERATION = re.compile(r"v(\d+)$")


def write_files(
    log: Log, folder: Path, back: WritingBack, *, through: int, as_of: Instant | None = None,
    happened: Callable[[Stored], bool] | None = None, tell: Callable[[str], None] = lambda _: None,
) -> WrittenFiles:  # fmt: skip
    """Write every file of a legacy system into a folder, as the log has it up to a position."""
    standing = StandingRows(log, back, through=through, happened=happened)
    try:
        writer = _Writer(standing, folder, back, through, as_of)
        for file in writer.schemas:
            tell(file)
            writer.write(file)
        tell("entries")
        writer.write_entered()
        return writer.result()
    finally:
        standing.close()


class _Writer:
    """Writes the files one after the other, then what was entered and stands in no legacy row."""

    def __init__(
        self, standing: StandingRows, folder: Path, back: WritingBack, through: int, as_of: Instant | None
    ) -> None:
        self._standing, self._folder, self._back = standing, folder, back
        self._report = WrittenFiles(system=back.system.name, position=through)
        self._unwritten: Counter[tuple[str, str]] = Counter()
        self._made: Counter[str] = Counter()
        self._newest = standing.tables()
        self._tables: dict[At, Table] = {}
        self._about: dict[At, WrittenTable] = {}
        self._writers: dict[At, RowWriter] = {}
        self._series: dict[At, SeriesMapping] = {}
        self._open: dict[str, LegacyFile] = {}
        self._prices = Prices(standing, back, as_of)
        for topic in self._prices.homeless:
            self._unwritten[topic, "no legacy file of prices shows in which schema to write them"] += 1
        self.schemas = dict(sorted(self._prices.schemas.items()))
        for file, schema in self.schemas.items():
            self._make(file, schema)

    def _make(self, file: str, schema: LegacySchemaRead) -> None:
        path = self._folder / file
        for statement, reason in make_file(path, schema).items():
            self._unwritten[f"{file}: {' '.join(statement.split())[:60]}", f"SQLite refuses it: {reason}"] += 1
        self._report.files.append(file)
        system, version = self._back.system, _GENERATION.search(schema.generation)
        opened = LegacyFile(path)
        for table in opened.tables.values():
            at = At(file, table.name)
            self._tables[at], self._about[at] = table, WrittenTable(file=file, table=table.name)
            if series := system.series(file, table):
                self._series[at] = series
            if mapping := system.mapping(file, table):
                self._writers[at] = RowWriter(
                    file=file, table=table, mapping=mapping, back=self._back, demanded=opened.demanded(table.name),
                    statement=opened.statement(table.name),
                    version=int(version[1]) if version else 0,
                )  # fmt: skip
        opened.close()

    def write(self, file: str) -> None:
        """Fill one file with the rows that stand, and the prices entered here."""
        opened = LegacyFile(self._folder / file)
        # What SQLite counts for itself comes last: it counts along while the others are written.
        for name, table in sorted(opened.tables.items(), key=lambda one: one[0] == "sqlite_sequence"):
            at = At(file, name)
            if name == "sqlite_sequence":
                opened.empty(name)
            about, written = self._about[at], opened.write(table, self._rows(at, table))
            about.rows, about.replaced = written.rows - written.replaced, written.replaced
            about.faithful = self._reads_back(opened, table, written)
        opened.close()

    def _reads_back(self, opened: LegacyFile, table: Table, written: Tally) -> bool:
        found = opened.read_back(table)
        return found.rows == written.rows - written.replaced if written.replaced else found.equals(written)

    def _rows(self, at: At, table: Table) -> Iterator[Row]:
        cells_of = self._cells(at, table)
        if not table.row_number or not self._standing.knows_some_numbers(at):
            yield from (Row(one.cells, one.number) for one in cells_of)
            return
        yield from numbered(cells_of)

    def _cells(self, at: At, table: Table) -> Iterator[Placed]:
        """Every row: first those of blocks."""
        series, writer = self._series.get(at), self._writers.get(at)
        mapping = writer.mapping if writer else None
        keys, twins = ([series.key], ()) if series else (mapping.key, mapping.twins) if mapping else ((), ())
        about, names = self._about[at], table.columns
        about.entered = self._prices.entered(at)
        for _, day, cells in self._prices.rows(at, table):
            yield Placed(tuple(cells.get(name) for name in names), None, str((day,)), 1)
        held = At(self._prices.like.get(at.file, at.file), at.table) if at.table == self._back.version_table else at
        for recorded, later in self._standing.rows(held):
            cells = verbatim(recorded)
            if later is not None and writer is not None and self._target(later) == at:
                cells = self._noted(writer.changed(recorded, later), later)
                about.changed += 1
            number = _number(recorded, table) if recorded.topic == _KEPT else None
            # As a replay names them: by more of what they hold where the key is missing.
            more = twins if None in map(cells.get, keys) else ()
            key = str(tuple(str(cells.get(name)) for name in (*keys, *more))) if keys else None
            yield Placed(tuple(cells.get(name) for name in names), number, key, twin_of(recorded))

    def _noted(self, written: Written, entered: Stored) -> dict[str, Any]:
        """Count what the row does not say as the entry does."""
        for column in written.made:
            self._made[column] += 1
        for what, reason in written.unlike.items():
            if what == REKEYED:
                self._report.rekeyed.append(entered.stream)
            else:
                self._unwritten[f"{entered.topic}: {what}", reason] += 1
        return written.cells

    def _target(self, entered: Stored) -> At | None:
        """The table that a fact entered here belongs into: the one that has its row, the proper home before a copy."""
        cls = topics()[entered.topic]
        able = [
            at for at, one in self._writers.items() if cls is one.mapping.changed or issubclass(cls, one.mapping.event)
        ]
        held = dict(self._standing.places(entered.stream))

        def rank(at: At) -> tuple[bool, bool, int]:
            return self._is_copy(at), at not in held, -self._newest.get(at, 0)

        return min(able, key=rank, default=None)

    def _is_copy(self, at: At) -> bool:
        mapping = self._writers[at].mapping
        return mapping.copy is not None or (bool(mapping.files) and at.file != mapping.files[0])

    def write_entered(self) -> None:
        """Add a row for every fact entered here that no legacy row stands for."""
        for stored in self._standing.entered():
            at = self._target(stored)
            if at is None:
                self._unwritten[stored.topic, "no file of the legacy system has a table for it"] += 1
            elif at not in {place for place, _ in self._standing.places(stored.stream)}:
                self._add(at, stored)
        for opened in self._open.values():
            opened.close()

    def _add(self, at: At, stored: Stored) -> None:
        if at.file not in self._open:
            self._open[at.file] = LegacyFile(self._folder / at.file)
        cells = self._noted(self._writers[at].new(stored), stored)
        refused = self._open[at.file].add(self._tables[at], cells)
        if refused:
            self._unwritten[stored.topic, f"the table {at.table} refuses it: {refused}"] += 1
        else:
            self._about[at].rows += 1
            self._about[at].entered += 1

    def result(self) -> WrittenFiles:
        """The report."""
        report, classes = self._report, topics()
        for at in self._newest:
            if at not in self._tables:
                count = sum(1 for _ in self._standing.rows(at)) + len(self._standing.series(at))
                self._unwritten[f"{at.file} {at.table}", "the newest schema of the file has no such table"] += count
        for topic, count in self._standing.others.items():
            reason = self._back.why_unwritten(classes[topic])
            if reason is None:
                report.own[topic] = count
            else:
                self._unwritten[topic, reason] += count
        report.tables = list(self._about.values())
        report.unwritten = [
            Unwritten(what=what, count=count, reason=reason)
            for (what, reason), count in sorted(self._unwritten.items())
        ]
        report.ended, report.made = dict(self._standing.ended), dict(self._made)
        return report


def _number(kept: Stored, table: Table) -> int | None:
    """The row number of a kept row, where it is named by it."""
    if table.row_number is None:
        return None
    if not table.key:
        (number,) = provenance.decode(kept.source or "").key or [None]
        return number if isinstance(number, int) else None
    found = _ROW_NUMBER.search(kept.stream)
    return int(found[1]) if found else None
