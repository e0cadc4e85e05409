"""Price files beside history.db, compared inside SQLite: both sides are joined by key, and every column is compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import apsw

from domain.event import decode
from domain.moments import read_instant
from domain.prices import PricesVoided
from domain.streams import stream
from ledger.log import Log
from operations.retention import purges_of
from replay.blocks import SeriesTranslator
from replay.proving import for_proof
from replay.reading import chunks, quote
from replay.reconciling import Break
from replay.report import ModelReport
from replay.run import Job, Run

NAMED_MAX = 20
_COPIES = {"daily_prices": "daily_price_copies", "monthly_prices": "monthly_price_copies"}


def compare_series(run: Run, job: Job, history: apsw.Connection) -> tuple[ModelReport, list[Break]]:
    """Compare one price table of one file with history.db; rows that give way to a newer file count as elsewhere."""
    assert isinstance(job.translator, SeriesTranslator)
    table = job.translator.table.name
    memory = run.seen.of(run.system.name, job.file, table, run.log)
    recorded = for_proof(job.translator, memory, run.log)
    report = ModelReport(model="history", table=table, file=job.file, rows=recorded.tally.read - recorded.tally.kept)
    _attach(job.db, history, run.zone)
    try:
        hidden = _rows(job.db, table, recorded, copy=None)
        unlike = _rows(job.db, _COPIES[table], recorded, copy=recorded.series.copy or "") if hidden else []
    finally:
        job.db.execute("DETACH shown")
    report.elsewhere = len({*hidden} - {*unlike})
    # A row that stands in no block was only kept, and no read model shows it.
    lost = [row for row in hidden if row in unlike and recorded.same_as_recorded([row]) == [True]]
    if lost:
        entered, forgotten = _entered(run.log, recorded), purged_at(run.log, recorded.series.symbol)
        key = _key_place(recorded)
        lost = [row for row in lost if row[key] not in entered and not was_let_go(recorded, row[key], forgotten)]
    report.differing = len(lost)
    return report, [_break(recorded, job.file, row) for row in lost[:NAMED_MAX]]


def _key_place(recorded: SeriesTranslator) -> int:
    """The place of the date or month in a row."""
    return recorded.table.columns.index(recorded.mapping.key)


def purged_at(log: Log, symbol: str) -> int:
    """The position at which retention last let the prices of a security go; 0 when it never did."""
    return max((one.position for one in log.stream(purges_of(symbol))), default=0)


def was_let_go(recorded: SeriesTranslator, key: str, forgotten: int) -> bool:
    """Whether all that was recorded of a bar was recorded before its security was forgotten."""
    return bool(forgotten) and max(recorded.between(key, key), default=0) < forgotten


def _entered(log: Log, recorded: SeriesTranslator) -> set[str]:
    """The dates or months whose prices were stated or voided here; then that is shown."""
    stored = log.stream(stream(recorded.mapping.kind, recorded.series.symbol))
    told = [decode(one.topic, one.state) for one in stored if one.source is None]
    return {
        key
        for event in told
        for key in (event.dates if isinstance(event, PricesVoided) else getattr(event, recorded.mapping.key))
    }


def _attach(db: apsw.Connection, history: apsw.Connection, zone: ZoneInfo) -> None:
    def shown_time(*cells: apsw.SQLiteValue) -> str | None:
        content = cells[0]
        try:
            return read_instant(content.decode(encoding), zone).text if isinstance(content, bytes) else None
        except ValueError:
            return None

    encoding = str(next(iter(db.execute("PRAGMA encoding")))[0])
    db.create_scalar_function("shown_time", shown_time, 1, deterministic=True)
    db.execute("ATTACH ? AS shown", (f"file:{history.filename}?mode=ro",))


def _rows(db: apsw.Connection, shown: str, recorded: SeriesTranslator, *, copy: str | None) -> list[tuple[Any, ...]]:
    """The legacy rows that are not in the table that shows them, or not with the same values."""
    key, names = quote(recorded.mapping.key), recorded.table.columns
    same = " AND ".join(_same(name) for name in recorded.fields if name != recorded.mapping.key)
    match = f"m.symbol = {apsw.format_sql_value(recorded.series.symbol)} AND m.{key} = l.{key}"
    match += "" if copy is None else f" AND m.copy = {apsw.format_sql_value(copy)}"
    differing = (
        f"FROM main.{quote(recorded.table.name)} AS l LEFT JOIN shown.{quote(shown)} AS m ON {match} "
        f"WHERE m.symbol IS NULL OR NOT ({same})"
    )
    return [row for page in chunks(db, [f"l.{quote(name)}" for name in names], differing) for row in page]


def _same(name: str) -> str:
    if name == "created_at":
        sqlite_now = "l.created_at GLOB '????-??-?? ??:??:??'"
        plain = "replace(l.created_at, ' ', 'T') || '.000000Z'"
        return f"m.created_at IS CASE WHEN {sqlite_now} THEN {plain} ELSE shown_time(CAST(l.created_at AS BLOB)) END"
    if name == "volume":
        return "m.volume IS l.volume AND typeof(m.volume) = typeof(l.volume)"
    return f"m.{quote(name)} IS " + (f"l.{name}" if name == "source" else f"CAST(l.{quote(name)} AS REAL)")


def _break(recorded: SeriesTranslator, file: str, row: Sequence[Any]) -> Break:
    key = row[_key_place(recorded)]
    return Break(
        kind="read model",
        subject=f"history {recorded.table.name} {recorded.series.symbol} {key}",
        expected=f"the row of {file}",
        found="another row, or none",
        reason=f"differs from {file}",
    )
