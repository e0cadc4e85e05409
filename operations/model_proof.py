"""The read models beside the frozen sources: every legacy row is looked up and compared, column by column, by name.

What is expected is worked out from the legacy cell itself, not from the event: a number is that number, text that text, a
time stamp its instant in UTC. Only where the event says that a value was assumed or repaired, its value is expected.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import apsw

from domain.event import Event
from domain.moments import MIDNIGHT, read_instant, read_moment
from domain.systems import ARDUINO_TRADER
from ledger.log import Log
from migrations import script
from operations.market_proof import compare_market
from operations.price_proof import compare_series
from operations.shared_price_proof import compare_shared
from operations.shown import LEDGER, Place, places
from projections.engine import model_path
from replay import provenance
from replay.blocks import SeriesTranslator
from replay.mapping import Kind, kinds
from replay.market_blocks import MarketSeries
from replay.reading import quote
from replay.reconciling import Break
from replay.report import ModelReport
from replay.reshaping import has_copies
from replay.run import Job, Run
from replay.shared_series import ManySeries
from replay.translating import Translator

NAMED_MAX = 20


def compare(run: Run, home: Path) -> None:
    """Compare every mapped table of the run with its read model; counts, breaks and differences go into the report."""
    models = _Models(home, run.log)
    try:
        for job in run.jobs:
            run.tell("compare", job.file, 0, 0)
            if isinstance(job.translator, MarketSeries):
                compared: tuple[ModelReport | None, list[Break]] = compare_market(run, job, home)
            elif isinstance(job.translator, SeriesTranslator):
                compared = compare_series(run, job, models.open("history"))
            elif isinstance(job.translator, ManySeries):
                compared = compare_shared(run, job, models.open("history"))
            else:
                compared = _compare_table(job, models)
            report, differing = compared
            if report is not None:
                run.report.models.append(report)
                run.report.mismatches += differing
        if run.system.name == ARDUINO_TRADER:
            run.report.breaks += models.differing_copies()
            run.report.missing_eur = models.missing_eur()
        run.report.models_compared = True
    finally:
        models.close()


class _Models:
    """The read models, opened when they are asked for; the ledger's views are loaded into a temporary database."""

    def __init__(self, home: Path, log: Log) -> None:
        self._home, self.log = home, log
        self._open: dict[str, apsw.Connection] = {}

    def open(self, name: str) -> apsw.Connection:
        if name not in self._open:
            self._open[name] = apsw.Connection(str(model_path(self._home, name)), flags=apsw.SQLITE_OPEN_READONLY)
        return self._open[name]

    def table(self, place: Place) -> apsw.Connection:
        """A connection in which the place's table can be looked up by its key."""
        if place.model != LEDGER:
            return self.open(place.model)
        name = f"{LEDGER}.{place.table}"
        if name not in self._open:
            self._open[name] = _loaded(self.log, place)
        return self._open[name]

    def differing_copies(self) -> list[Break]:
        """Bars that two files of one security give differently."""
        query = (
            "SELECT symbol, date, group_concat(coalesce(nullif(copy, ''), 'its own file') || ' ' || close_price, '; ') "
            "FROM daily_price_copies GROUP BY symbol, date HAVING count(DISTINCT close_price) > 1 ORDER BY symbol, date"
        )
        return [
            Break(
                kind="price", subject=f"{symbol} {date}", expected="one close", found=str(closes),
                reason="two files of one security differ; the newest is shown",
            )
            for symbol, date, closes in self.open("history").execute(query)
        ]  # fmt: skip

    def missing_eur(self) -> dict[str, int]:
        """How many EUR values stay empty because no rate is known."""
        positions = self.open("portfolio").execute("SELECT count(*) FROM positions WHERE cost_basis_eur IS NULL")
        _, rows = self.log.rows_of_view("trades")
        columns, _ = self.log.rows_of_view("trades")
        place = columns.index("value_eur")
        return {
            "positions without a cost in EUR": int(next(iter(positions))[0]),
            "trades without a value in EUR": sum(row[place] is None for row in rows),
        }

    def close(self) -> None:
        for db in self._open.values():
            db.close()


def _loaded(log: Log, place: Place) -> apsw.Connection:
    """A view of the ledger as a table of a temporary database, which SQLite may put on disk."""
    columns, rows = log.rows_of_view(place.table)
    db = apsw.Connection("")
    db.execute(script("proof", f"{place.table}.sql"))
    with db:
        db.executemany(f"INSERT INTO {place.table} VALUES ({', '.join('?' * len(columns))})", rows)
    return db


def _compare_table(job: Job, models: _Models) -> tuple[ModelReport | None, list[Break]]:
    translator = job.translator
    assert isinstance(translator, Translator)
    place = places().get(translator.mapping.event) if translator.mapping else None
    if place is None:
        return None, []
    beside = _Beside(translator, place, models)
    breaks: list[Break] = []
    for page in translator.rows(job.db):
        for row in page:
            breaks += beside.compare(row)
    return beside.report, breaks[:NAMED_MAX]


class _Beside:
    """One legacy table beside its place in a read model."""

    def __init__(self, translator: Translator, place: Place, models: _Models) -> None:
        self._translator, self._place, self._log = translator, place, models.log
        self._db = db = models.table(place)
        self._columns = [row[0] for row in db.execute("SELECT name FROM pragma_table_info(?)", (place.table,))]
        mapping = translator.mapping
        assert mapping is not None
        kind_of = kinds(mapping.event)
        self._legacy = [
            (index, field, kind_of[field], self._columns.index(place.column(field)))
            for index, field in enumerate(mapping.targets(translator.table.columns))
            if field in kind_of and field not in mapping.made and place.column(field) in self._columns
        ]
        own = ", ".join(map(quote, self._columns))
        self._select = f"SELECT {own} FROM "
        self.report = ModelReport(model=place.model, table=place.table, file=translator.file, rows=0)

    def compare(self, row: tuple[Any, ...]) -> Iterator[Break]:
        event = self._translator.event_of(row)
        if event is None:
            return
        self.report.rows += 1
        key = {column: self._shown(_as_shown(getattr(event, self._place.field(column)))) for column in self._place.key}
        found = [self._differing(row, event, candidate) for candidate in self._rows(self._place.table, event, key)]
        if [] in found:
            return
        if self._gives_way(row, event, key):
            self.report.elsewhere += 1
        else:
            self.report.differing += 1
            yield self._break(tuple(key.values()), found[0] if found else None)

    def _rows(self, table: str, event: Event, key: dict[str, Any]) -> apsw.Cursor:  # any cells of a read model
        told = {column: cell for column, cell in key.items() if not self._stands_in(self._place.field(column), event)}
        matches = " AND ".join(f"{quote(column)} IS ?" for column in told)
        return self._db.execute(f"{self._select}{quote(table)} WHERE {matches}", tuple(told.values()))

    def _stands_in(self, field: str, event: Event) -> bool:
        """Whether the read model shows a value of the log's own, because the source does not say."""
        return field in self._place.stand_ins and getattr(event, field) is None

    def _gives_way(self, row: tuple[Any, ...], event: Event, key: dict[str, Any]) -> bool:
        """Whether the row of another file is shown instead, as it should be."""
        if self._place.model == LEDGER and getattr(event, "copy", None) is not None:
            return True
        if self._place.copies is not None and self._in_copies(row, event, key):
            return True
        return self._was_entered_since(row) or (not has_copies(type(event)) and self._is_said_anew(row))

    def _was_entered(self, row: Sequence[Any]) -> bool:
        """Whether somebody entered here what the row is about: what the row leaves out, the entry may have said."""
        name, _ = self._translator.proof_streams(tuple(row))
        return name is not None and any(one.source is None for one in self._log.stream(name))

    def _was_entered_since(self, row: tuple[Any, ...]) -> bool:
        """Whether somebody corrected or stated it here after the row was read: then that is what the read model shows."""
        name, _ = self._translator.proof_streams(row)
        return name is not None and any(one.source is None for one in self._log.stream(name)[-1:])

    def _is_said_anew(self, row: tuple[Any, ...]) -> bool:
        """Whether another table had the last word about this row's stream."""
        name, _ = self._translator.proof_streams(row)
        last = self._log.stream(name)[-1:] if name is not None else []
        about = [provenance.decode(one.source) for one in last if one.source is not None]
        own = (self._translator.file, self._translator.table.name)
        return any((one.file, one.table) != own and not one.vanished for one in about)

    def _in_copies(self, row: Sequence[Any], event: Event, key: dict[str, Any]) -> bool:
        """Whether the row is among the copies, and what is shown in its place is another of them."""
        copy, copies = getattr(event, "copy", None) or "", self._place.copies or ""
        found = self._rows(copies, event, {**key, "copy": copy}).fetchall()
        if all(self._differing(row, event, candidate) for candidate in found):
            return False
        shown = self._rows(self._place.table, event, key).fetchall()
        rivals = [one for one in self._rows(copies, event, key) if one not in found]
        return any(one in rivals for one in shown) if shown else self._place.hides

    def _differing(self, row: Sequence[Any], event: Event, found: Sequence[Any]) -> list[tuple[str, Any, Any]]:
        differing = []
        for index, field, kind, place in self._legacy:
            cell, shown = row[index], found[place]
            if self._stands_in(field, event):
                continue
            if field in event.assumed or event.repaired:
                expected = self._shown(_as_shown(getattr(event, field)))
            elif cell is None and shown is not None and (self._is_computed(found, place) or self._was_entered(row)):
                self.report.filled += 1
                continue
            else:
                zone = self._translator.zone_of(self._translator.table.columns[index])
                expected = self._shown(self._expected(cell, kind, field, shown, zone))
            if expected != shown or (kind is Kind.ANY and type(expected) is not type(shown)):
                differing.append((self._columns[place], expected, shown))
        return differing

    def _shown(self, value: Any) -> Any:  # a read model's cell
        """The value as its place can show it: in SQL's views of the ledger a text ends at a NUL, in the log it does not."""
        return value.partition("\0")[0] if self._place.model == LEDGER and isinstance(value, str) else value

    def _is_computed(self, found: Sequence[Any], place: int) -> bool:
        """Whether the read model says of a cell that it was computed here."""
        if "computed" not in self._columns:
            return False
        return self._columns[place] in str(found[self._columns.index("computed")] or "").split(",")

    def _expected(
        self, cell: Any, kind: Kind, field: str, shown: Any, zone: ZoneInfo
    ) -> Any:  # a legacy cell in, a read model's cell out
        if cell is None:
            return None
        mapping = self._translator.mapping
        assert mapping is not None
        if field in mapping.shifted:
            return float(Decimal(repr(cell)).scaleb(mapping.shifted[field]))
        if kind in (Kind.INSTANT, Kind.MOMENT):
            read = read_instant if kind is Kind.INSTANT else read_moment
            text = read(cell, zone).text if cell else None
            return text.removesuffix(MIDNIGHT) if text and field in mapping.days else text
        if kind is Kind.DECIMAL and isinstance(shown, float):
            return float(cell)  # a whole number of more digits than REAL has
        return cell.strip().upper() if field == "side" else cell

    def _break(self, key: tuple[Any, ...], differing: list[tuple[str, Any, Any]] | None) -> Break:
        subject = f"{self._place.model} {self._place.table} {', '.join(map(str, key))}"
        if differing is None:
            return Break(
                kind="read model", subject=subject, expected="a row", found="nothing", reason="the row is missing"
            )
        names = ", ".join(name for name, _, _ in differing)
        return Break(
            kind="read model",
            subject=f"{subject}: {names}",
            expected=repr([expected for _, expected, _ in differing]),
            found=repr([shown for _, _, shown in differing]),
            reason=f"differs from {self._translator.file}",
        )


def _as_shown(value: Any) -> Any:  # a field of an event in, a read model's cell out
    return float(value) if isinstance(value, Decimal) else value
