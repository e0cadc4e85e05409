"""A price table of many securities beside history.db: every row is looked up and compared, column by column."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, takewhile
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

import apsw

from domain.moments import read_instant
from ledger.log import Log
from operations.price_proof import purged_at, was_let_go
from replay.proving import for_proof
from replay.reading import quote
from replay.reconciling import Break
from replay.report import ModelReport
from replay.run import Job, Run
from replay.seen import SeenTable
from replay.shared_series import ManySeries, OneOfMany

NAMED_MAX = 20
_COPIES = {"daily_prices": "daily_price_copies", "monthly_prices": "monthly_price_copies"}


def compare_shared(run: Run, job: Job, history: apsw.Connection) -> tuple[ModelReport, list[Break]]:
    """Compare a price table of many securities with history.db; rows that give way to another file count as elsewhere."""
    many = job.translator
    assert isinstance(many, ManySeries)
    memory = run.seen.of(run.system.name, job.file, many.table.name, run.log)
    report = ModelReport(model="history", table=many.table.name, file=job.file, rows=many.tally.read - many.tally.kept)
    breaks: list[Break] = []
    for part in many.parts:
        missing = list(_missing(part, job.db, history, memory, run.log))
        hidden = [row for row, is_elsewhere in missing if not is_elsewhere]
        report.elsewhere += len(missing) - len(hidden)
        report.differing += len(hidden)
        breaks += [_break(part, job.file, row) for row in hidden]
    return report, breaks[:NAMED_MAX]


def _missing(
    part: OneOfMany, db: apsw.Connection, history: apsw.Connection, memory: SeenTable, log: Log
) -> Iterator[tuple[tuple[Any, ...], bool]]:
    """The rows that the read model does not show, each with whether it shows another file's in their place."""
    recorded = for_proof(part, memory, log)
    assert isinstance(recorded, OneOfMany)
    forgotten, place = purged_at(log, recorded.series.symbol), recorded.table.columns.index(recorded.mapping.key)
    for page in recorded.rows(db):
        shown = _shown(history, part.table.name, recorded, page)
        if _are_shown(recorded, page, shown):
            continue
        unlike = [row for row in page if not _is_among(recorded, row, shown)]
        copies = _shown(history, _COPIES[part.table.name], recorded, unlike)
        for row, is_recorded in zip(unlike, recorded.same_as_recorded(unlike), strict=True):
            # A row that stands in no block was only kept, and no read model shows it.
            if is_recorded and not was_let_go(recorded, row[place], forgotten):
                yield row, _is_among(recorded, row, copies)


def _shown(
    history: apsw.Connection, table: str, part: OneOfMany, rows: Iterable[Sequence[Any]]
) -> list[tuple[Any, ...]]:
    """The rows of a table of history.db that have the keys of these rows, and those between them."""
    place = part.fields.index(part.mapping.key)
    keys = [key for row in rows if isinstance(key := part.values(row)[place], str)]
    if not keys:
        return []
    names, key = ", ".join(map(quote, part.fields)), quote(part.mapping.key)
    query = f"SELECT {names} FROM {table} WHERE symbol = ? AND {key} BETWEEN ? AND ? ORDER BY {key}"
    return history.execute(query, (part.series.symbol, min(keys), max(keys))).fetchall()


def _are_shown(part: OneOfMany, page: Sequence[Sequence[Any]], shown: Sequence[tuple[Any, ...]]) -> bool:
    """Whether a page is shown row by row as it stands, which can be told at once of rows without a time."""
    cells = list(map(part.values, page))
    if "created_at" in part.fields or cells != shown:
        return False
    place = part.fields.index("volume") if "volume" in part.fields else 0
    return [type(row[place]) for row in cells] == [type(row[place]) for row in shown]


def _is_among(part: OneOfMany, row: Sequence[Any], shown: Sequence[tuple[Any, ...]]) -> bool:
    """Whether a row is among the shown ones, which are in the order of their keys."""
    place, expected = part.fields.index(part.mapping.key), part.cells(row)
    key = expected[part.mapping.key]
    if not isinstance(key, str):
        return False
    start = bisect_left(shown, key, key=itemgetter(place))
    same = takewhile(lambda one: one[place] == key, islice(shown, start, None))
    return any(_is_equal(expected, dict(zip(part.fields, one, strict=True)), part.knowledge.zone) for one in same)


def _is_equal(expected: Mapping[str, Any], shown: Mapping[str, Any], zone: ZoneInfo) -> bool:
    return all(_is_same(name, cell, shown[name], zone) for name, cell in expected.items())


def _is_same(name: str, cell: Any, shown: Any, zone: ZoneInfo) -> bool:  # a legacy cell and a read model's
    if name == "created_at" and isinstance(cell, str):
        return bool(shown == read_instant(cell, zone).text)
    if name == "volume":
        return type(cell) is type(shown) and bool(cell == shown)
    return bool(shown == (float(cell) if isinstance(cell, int | float) else cell))


def _break(part: OneOfMany, file: str, row: Sequence[Any]) -> Break:
    return Break(
        kind="read model",
        subject=f"history {part.table.name} {part.series.symbol} {part.cells(row)[part.mapping.key]}",
        expected=f"the row of {file}",
        found="another row, or none",
        reason=f"differs from {file}",
    )
