"""The files of backtest runs: made by DuckDB from the events of a run, and read back by value."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from domain.bot_backtest import BacktestTradeClosed, BacktestTradeRemoved, EquityMarked
from domain.bot_runs import SUFFIX
from domain.bot_trading import RoundTripClosed
from domain.event import topic_of
from migrations import script
from projections.market_files import attached, engine
from projections.market_sql import quoted_path
from projections.partitioned import Made, Page, Partition, PartitionedFiles, Unreadable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SCHEMA_VERSION = "2.0.0"

_FOLDER: Final = ("trading_bot", "run_files")
_STAGE = """
INSERT INTO staged (position, topic, state)
SELECT unnest(?::BIGINT[]), unnest(?::VARCHAR[]), unnest(?::VARCHAR[])::JSON
"""
_CLEAR = "DELETE FROM staged"
# Readable by every DuckDB since 1.2; small blocks, because most runs are small.
_NEW = "ATTACH {path} AS made (BLOCK_SIZE 16384, STORAGE_VERSION 'v1.2.0')"
_OLD = "ATTACH {path} AS {name} (READ_ONLY)"
_ABOUT = "INSERT INTO made.schema_version (version, run_id, events, last_position) VALUES (?, ?, ?, ?)"
_VERSION = "SELECT version, run_id FROM found.schema_version"


def _text(*names: str) -> str:
    """The first of these fields that an event has; the two kinds of trades call some of them by different names."""
    return "coalesce(" + ", ".join(f"state->>'$.{name}'" for name in names) + ")"


def _time(*names: str) -> str:
    """A moment of an event in UTC; a month is its first day."""
    text = _text(*names)
    return f"CAST(CASE length({text}) WHEN 7 THEN {text} || '-01' ELSE rtrim({text}, 'Z') END AS TIMESTAMP)"


def _number(*names: str) -> str:
    return f"CAST({_text(*names)} AS DOUBLE)"


# What a round trip has and a trade of a run has not.
_MORE = ", ".join(f"'{name}', state->>'$.{name}'" for name in ("trade_type", "exit_reason", "pnl_pct", "notes"))
_COLUMNS = {
    "trade_id": _text("trade_id"), "symbol": _text("symbol", "instrument_key"), "entry_ts": _time("occurred_at"),
    "exit_ts": _time("exit_ts", "exit_time"), "direction": _text("direction"), "entry_price": _number("entry_price"),
    "exit_price": _number("exit_price"), "qty": _number("qty", "quantity"), "pnl": _number("pnl"),
    "fees": _number("fees", "commission"),
    "metadata": f"if(topic = $trip, CAST(json_object({_MORE}) AS VARCHAR), {_text('metadata')})",
}  # fmt: skip
_TRADES = f"""
INSERT INTO made.trades ({", ".join(_COLUMNS)})
SELECT {", ".join(_COLUMNS.values())} FROM (
    SELECT topic, state FROM staged WHERE topic <> $equity
    QUALIFY row_number() OVER (PARTITION BY {_text("trade_id")} ORDER BY position DESC) = 1
) WHERE topic IN ($closed, $trip) AND {_text("run_id")} = $run ORDER BY {_COLUMNS["entry_ts"]}, {_COLUMNS["trade_id"]}
"""
_EQUITY = f"""
INSERT INTO made.equity (timestamp, equity)
SELECT {_time("occurred_at")} AS moment, {_number("equity")} FROM (
    SELECT state FROM staged WHERE topic = $equity
    QUALIFY row_number() OVER (PARTITION BY state->>'$.occurred_at' ORDER BY position DESC) = 1
) ORDER BY moment
"""
_TABLES = {"trades": "trade_id", "equity": "timestamp, equity"}
_ROWS = " UNION ALL ".join(
    f"SELECT '{table}' AS tab, to_json(one)::VARCHAR AS row FROM {{file}}.{table} AS one" for table in _TABLES
)
_DIGEST = (
    f"SELECT count(*), sha256(coalesce(string_agg(tab || row || chr(10), '' ORDER BY tab, row), '')) FROM ({_ROWS})"
)
_COMPARE = f"""
SELECT coalesce(a.tab, b.tab), a.row, b.row
FROM (SELECT tab, row, row_number() OVER (PARTITION BY tab, row) AS twin FROM ({_ROWS.format(file="expected")})) AS a
FULL JOIN (SELECT tab, row, row_number() OVER (PARTITION BY tab, row) AS twin FROM ({_ROWS.format(file="found")})) AS b
ON a.tab = b.tab AND a.row = b.row AND a.twin = b.twin
WHERE a.row IS NULL OR b.row IS NULL ORDER BY ALL LIMIT ?
"""


class RunMaker:
    """Makes and reads the files of runs."""

    def __init__(self, db: DuckDBPyConnection) -> None:
        self._db = db
        db.execute(script(*_FOLDER, "staging.sql"))

    def make(self, path: Path, partition: Partition, pages: Iterator[Page], as_of: str | None) -> Made:  # noqa: ARG002
        """Write a new file: of each trade and moment what was recorded last. as_of: the index knows of no later event."""
        db = self._db
        db.execute(_CLEAR)
        for page in pages:
            db.execute(_STAGE, [[one[0] for one in page], [one[1] for one in page], [one[2] for one in page]])
        db.execute(_NEW.format(path=quoted_path(path)))
        try:
            db.execute("USE made")
            db.execute(script(*_FOLDER, "run.sql"))
            db.execute("USE memory")
            db.execute(_ABOUT, [SCHEMA_VERSION, partition.session, partition.events, partition.last_position])
            equity = topic_of(EquityMarked)
            kinds = {"closed": topic_of(BacktestTradeClosed), "trip": topic_of(RoundTripClosed)}
            db.execute(_TRADES, {"equity": equity, "run": partition.session, **kinds})
            db.execute(_EQUITY, {"equity": equity})
            made = self._made("made")
            db.execute("CHECKPOINT made")
        finally:
            db.execute("USE memory")
            db.execute("DETACH made")
            db.execute(_CLEAR)
        return made

    def look(self, path: Path, partition: Partition) -> Made:
        """Read all rows of a file; raises Unreadable when DuckDB cannot, or when it is another's."""
        with self._attached(path, "found"):
            said = self._db.execute(_VERSION).fetchall()
            if said != [(SCHEMA_VERSION, partition.session)]:
                raise Unreadable(f"it says of itself {said}, expected {[(SCHEMA_VERSION, partition.session)]}")
            return self._made("found")

    def differences(self, expected: Path, found: Path, partition: Partition, limit: int) -> list[str]:  # noqa: ARG002
        """What differs in the rows of two files; a row that was changed is missing as it was and too many as it is."""
        with self._attached(expected, "expected"), self._attached(found, "found"):
            rows = self._db.execute(_COMPARE, [limit]).fetchall()
        return [
            f"{table}: the row {wanted} is missing" if there is None else f"{table}: the row {there} is too many"
            for table, wanted, there in rows
        ] or ["the rows are not stored as they were written"]

    def _made(self, name: str) -> Made:
        row = self._db.execute(_DIGEST.replace("{file}", name)).fetchone()
        assert row is not None
        return Made(*row)

    def _attached(self, path: Path, name: str) -> AbstractContextManager[None]:
        return attached(self._db, name, lambda: self._db.execute(_OLD.format(path=quoted_path(path), name=name)))


@contextmanager
def _maker(_workers: int) -> Iterator[RunMaker]:
    with engine() as db:
        yield RunMaker(db)


RunEvent = BacktestTradeClosed | BacktestTradeRemoved | EquityMarked | RoundTripClosed
EVENTS = (BacktestTradeClosed, BacktestTradeRemoved, EquityMarked, RoundTripClosed)
"""What the file of a run is made of."""

FILES = PartitionedFiles(SCHEMA_VERSION, 1, (SUFFIX,), _maker)
