"""Bars and ticks of a frozen file beside the day files: compared inside DuckDB, a few sessions at a time.

First as a whole: how many rows there are, and a sum over all of them that no order changes. Where that is not the same, row by
row; what a day file does not show as it is may have given way to what was recorded later, which the log says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import apsw

from domain.market import bars_stream, ticks_stream
from ledger.log import Log
from operations.market.history import LIVE, MARKET
from operations.market.said import Row, said_of
from projections.engine import model_path
from projections.market_files import attach, attached, is_archived
from projections.partitioned import Unreadable, partitions
from projections.profiles import open_reading
from replay.market_blocks import MarketSeries
from replay.market_series import is_same, text
from replay.reconciling import Break
from replay.report import ModelReport
from replay.run import Job, Run

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

NAMED_MAX = 20
FILES_MAX = 64
"""Day files that are open at once; each takes memory."""

Key = tuple[str, str, str]  # exchange, session, timeframe, which is empty for ticks

_WANTED = "SELECT DISTINCT exchange, session::VARCHAR, timeframe FROM placed WHERE why IS NULL ORDER BY ALL"
_PLACED = """
SELECT exchange, symbol, timeframe, session, local, micros, {values}
FROM placed WHERE why IS NULL AND (exchange, session::VARCHAR, timeframe) IN ({keys})"""
_SHOWN = """
SELECT {exchange} AS exchange, symbol, {timeframe} AS timeframe, timestamp AS local, {values} FROM {name}.{kind}
WHERE {which}"""
_NONE = "SELECT '' AS exchange, '' AS symbol, '' AS timeframe, NULL::TIMESTAMP AS local, {values} WHERE FALSE"
_WHOLE = "SELECT count(*), sum(hash(exchange, symbol, timeframe, local, {cells})) FROM ({rows})"
_MISSING = """
SELECT p.exchange, p.symbol, p.timeframe, p.session::VARCHAR, p.local::VARCHAR, p.twin, p.micros, {cells}
FROM (SELECT exchange, symbol, timeframe, session, local, micros, {values}, {twin} AS twin FROM ({placed})) AS p
ANTI JOIN (SELECT exchange, symbol, timeframe, local, {values}, {twin} AS twin FROM ({shown})) AS h
ON p.exchange = h.exchange AND p.symbol = h.symbol AND p.timeframe = h.timeframe AND p.local = h.local AND p.twin = h.twin
    AND {same}
ORDER BY p.session, p.symbol, p.timeframe
"""
_LIVE = """
SELECT time_us, {values} FROM {table}
WHERE exchange = ? AND session = ? AND symbol = ? AND {timeframe} = ? AND NOT is_void
"""


class Missing(NamedTuple):
    """A row that the day file of its session does not show as it is. twin: the how manieth it is of rows that are alike."""

    exchange: str
    symbol: str
    timeframe: str
    session: str
    local: str
    twin: int
    row: Row


def compare_market(run: Run, job: Job, home: Path) -> tuple[ModelReport, list[Break]]:
    """Compare the bars or ticks of one table with the day files; rows that gave way to later ones count as elsewhere."""
    series = job.translator
    assert isinstance(series, MarketSeries)
    report = ModelReport(model=MARKET, table=series.table.name, file=job.file, rows=0)
    beside, elsewhere = _Beside(series, model_path(home, MARKET)), _Elsewhere(series, run.log, home)
    breaks = list[Break]()
    for db, part in series.placed():
        which = part.holds("symbol") if part.of > 1 else "TRUE"
        for some in _groups(db):
            rows, missing = beside.compare(db, some, which)
            report.rows += rows
            for one in missing:
                if elsewhere.is_shown(one):
                    report.elsewhere += 1
                else:
                    report.differing += 1
                    breaks += [_break(one, job.file)] if len(breaks) < NAMED_MAX else []
    return report, breaks


def _groups(db: DuckDBPyConnection) -> Iterator[Sequence[Key]]:
    """The sessions that the rows are of, so few at a time that their files can be open together."""
    wanted: Iterator[Key] = iter(db.execute(_WANTED).fetchall())
    while some := list(islice(wanted, FILES_MAX)):
        yield some


def _break(one: Missing, file: str) -> Break:
    what = f"candles {one.timeframe}" if one.timeframe else "ticks"
    return Break(
        kind="read model", subject=f"{MARKET} {one.exchange} {what} {one.symbol} {one.local}", expected=repr(one.row[1]),
        found="another row, or none", reason=f"differs from {file}",
    )  # fmt: skip


class _Beside:
    """Rows of `placed` beside the day files that must show them."""

    def __init__(self, series: MarketSeries, index: Path) -> None:
        self._folder = index.parent
        self._files = {(one.exchange, one.session, one.timeframe): one for one in partitions(index)}
        self._is_real = series.reading.is_real
        names = [*series.reading.values]
        self._values = ", ".join(names)
        self._typed = ", ".join(f"{name}::{'DOUBLE' if self._is_real[name] else 'BIGINT'} AS {name}" for name in names)
        self._none = _NONE.format(values=", ".join(f"NULL AS {name}" for name in names))
        # Zero has a sign, which a hash does not see.
        self._cells = ", ".join([*names, *(f"signbit({name})" for name in names if self._is_real[name])])
        self._same = " AND ".join(is_same(name, real=self._is_real[name]) for name in names)
        # Of bars there is one for each key.
        alike = f"PARTITION BY exchange, symbol, local, {self._values}"
        self._twin = f"row_number() OVER ({alike})" if series.mapping.is_numbered else "1"

    def compare(self, db: DuckDBPyConnection, some: Sequence[Key], which: str) -> tuple[int, list[Missing]]:
        """How many rows there are of these sessions, and those that no day file shows as they are.

        which: the symbols of the part, as SQL. A file that cannot be read shows nothing.
        """
        try:
            with ExitStack() as stack:
                shown = [self._shown(stack, db, one, number, which) for number, one in enumerate(some)]
                return self._compared(db, some, " UNION ALL ".join([self._none, *filter(None, shown)]))
        except Unreadable:
            if len(some) == 1:
                return self._compared(db, some, self._none)
        each = [self.compare(db, [one], which) for one in some]
        return sum(rows for rows, _ in each), [row for _, missing in each for row in missing]

    def _shown(self, stack: ExitStack, db: DuckDBPyConnection, key: Key, number: int, which: str) -> str:
        """SQL for the rows of a day file, which is attached as long as the stack stands; empty where there is none."""
        partition, name = self._files.get(key), f"shown{number}"
        if partition is None:
            return ""
        file, is_parquet = self._folder / partition.path, is_archived(partition.path)
        stack.enter_context(attached(db, name, lambda: attach(db, file, name, partition.kind, is_parquet=is_parquet)))
        exchange, _, timeframe = map(text, key)
        return _SHOWN.format(
            exchange=exchange, timeframe=timeframe, values=self._typed, name=name, kind=partition.kind, which=which
        )

    def _compared(self, db: DuckDBPyConnection, some: Sequence[Key], shown: str) -> tuple[int, list[Missing]]:
        keys = ", ".join(f"({', '.join(map(text, key))})" for key in some)
        placed = _PLACED.format(keys=keys, values=self._values)
        wanted, found = (
            db.execute(_WHOLE.format(cells=self._cells, rows=rows)).fetchall()[0] for rows in (placed, shown)
        )
        if wanted == found:
            return wanted[0], []
        query = _MISSING.format(
            cells=", ".join(f"p.{name}" for name in self._values.split(", ")), values=self._values, twin=self._twin,
            placed=placed, shown=shown, same=self._same,
        )  # fmt: skip
        rows = db.execute(query).fetchall()
        return wanted[0], [Missing._make((*row[:6], (row[6], tuple(row[7:])))) for row in rows]


class _Elsewhere:
    """Whether a row that no day file shows is rightly not there."""

    def __init__(self, series: MarketSeries, log: Log, home: Path) -> None:
        self._log, self._live = log, model_path(home, LIVE)
        self._names = [*series.reading.values]
        self._of: tuple[str, Counter[Row], Counter[Row]] = ("", Counter(), Counter())

    def is_shown(self, one: Missing) -> bool:
        """Whether something later was recorded in its place, or its session is recorded live and the buffer shows it."""
        key = (one.exchange, one.symbol)
        stream = bars_stream(*key, one.timeframe, one.session) if one.timeframe else ticks_stream(*key, one.session)
        if self._of[0] != stream:
            self._of = stream, said_of(self._log, stream, self._names), self._live_rows(one)
        _, said, live = self._of
        return said[one.row] < one.twin or live[one.row] > 0

    def _live_rows(self, one: Missing) -> Counter[Row]:
        table, timeframe = ("candles", "timeframe") if one.timeframe else ("ticks", "''")
        query = _LIVE.format(values=", ".join(self._names), table=table, timeframe=timeframe)
        try:
            with closing(open_reading(self._live)) as db:
                rows = db.execute(query, (one.exchange, one.session, one.symbol, one.timeframe)).fetchall()
        except apsw.CantOpenError:
            return Counter()
        return Counter((int(row[0] or 0), tuple(row[1:])) for row in rows)
