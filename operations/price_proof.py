"""Price files beside history.db, compared inside SQLite: both sides are joined by key, and every column is compared."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import apsw

from domain.moments import read_instant
from replay.blocks import SeriesTranslator
from replay.reading import quote
from replay.reconciling import Break
from replay.report import ModelReport
from replay.run import Job

NAMED_MAX = 20
_TABLES = {"daily_prices": "daily_price_copies", "monthly_prices": "monthly_price_copies"}


def compare_series(job: Job, history: apsw.Connection, zone: ZoneInfo) -> tuple[ModelReport | None, list[Break]]:
    """Compare one price table of one file with history.db; rows that give way to a newer file count as elsewhere."""
    translator = job.translator
    assert isinstance(translator, SeriesTranslator)
    table, series = translator.table.name, translator.series
    report = ModelReport(
        model="history", table=table, file=job.file, rows=translator.tally.read - translator.tally.kept
    )
    if not translator.tally.read:
        return report, []
    kept = translator.tally.kept
    shown = _attached(job, history, table, zone)
    differing = _rows(job.db, shown, translator, copy=None)
    if differing:
        elsewhere = set(_rows(job.db, _TABLES[table], translator, copy=series.copy or ""))
        report.elsewhere = sum(key not in elsewhere for key in differing)
        differing = [key for key in differing if key in elsewhere]
    job.db.execute("DETACH shown")
    report.differing = max(len(differing) - kept, 0)
    return report, [
        _break(series.symbol, table, job.file, key) for key in differing[:NAMED_MAX]
    ] if report.differing else []


def _attached(job: Job, history: apsw.Connection, table: str, zone: ZoneInfo) -> str:
    def shown_time(*cells: apsw.SQLiteValue) -> str | None:
        cell = cells[0]
        return read_instant(cell, zone).text if isinstance(cell, str) and cell else None

    job.db.create_scalar_function("shown_time", shown_time, 1, deterministic=True)
    job.db.execute("ATTACH ? AS shown", (f"file:{history.filename}?mode=ro",))
    return table


def _rows(db: apsw.Connection, shown: str, translator: SeriesTranslator, *, copy: str | None) -> list[str]:
    """The keys whose row is not in the table that shows it, or not with the same values."""
    key = quote(translator.mapping.key)
    fields = [name for name in translator.table.columns if name in translator.mapping.event.__struct_fields__]
    same = " AND ".join(_same(name) for name in fields if name != translator.mapping.key)
    match = f"m.symbol = ? AND m.{key} = l.{key}" + ("" if copy is None else " AND m.copy = ?")
    query = (
        f"SELECT l.{key} FROM main.{quote(translator.table.name)} AS l LEFT JOIN shown.{quote(shown)} AS m ON {match} "
        f"WHERE m.symbol IS NULL OR NOT ({same})"
    )
    values = (translator.series.symbol,) if copy is None else (translator.series.symbol, copy)
    return [str(row[0]) for row in db.execute(query, values)]


def _same(name: str) -> str:
    if name == "created_at":
        sqlite_now = "l.created_at GLOB '????-??-?? ??:??:??'"
        plain = "replace(l.created_at, ' ', 'T') || '.000000Z'"
        return f"m.created_at IS CASE WHEN {sqlite_now} THEN {plain} ELSE shown_time(l.created_at) END"
    if name == "volume":
        return "m.volume IS l.volume AND typeof(m.volume) = typeof(l.volume)"
    return f"m.{quote(name)} IS l.{quote(name)}"


def _break(symbol: str, table: str, file: str, key: str) -> Break:
    return Break(
        kind="read model",
        subject=f"history {table} {symbol} {key}",
        expected=f"the row of {file}",
        found="another row, or none",
        reason=f"differs from {file}",
    )
