"""The statements by which DuckDB turns blocks of bars and ticks into day files, and tells what those hold."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

FOLDER: Final = ("trading_bot", "market_files")
PART_TICKS: Final = 100_000
"""Part of what a digest is: another number gives other digests to symbols with more ticks than that."""

_COUNT = "len(j.time)"
_FACTOR = "CASE j.unit WHEN 'us' THEN 1 WHEN 'ms' THEN 1000 ELSE 1000000 END"
_TIME = f"make_timestamp(epoch_us(j.session::TIMESTAMP) + unnest(j.time) * {_FACTOR})"


class Shape(NamedTuple):
    """The statements of one kind of day file.

    stage: takes positions and states of events. staged: how many rows were taken of each symbol. is_plain: whether each key
    of the symbols from one through another was recorded once and none is void. fill: takes all of them, which is right then.
    choose: takes those that count, which is always right and takes longer. parts: of each symbol its parts, which fit into
    memory, and how many rows each has. digest: of each part from one through another: SHA-256 of its rows as JSON, column by
    column in order of time, which is microseconds since 1970 by the exchange's clocks. compare: the rows that are not the same
    in two files.
    """

    table: str
    clear: str
    stage: str
    staged: str
    is_plain: str
    fill: str
    choose: str
    parts: str
    digest: str
    compare: str

    def named(self, timeframe: str) -> dict[str, str]:
        """What `fill` wants to be told beside the moment."""
        return {"timeframe": timeframe} if self.table == "candles" else {}


def quoted(text: str) -> str:
    """Text as a string of SQL."""
    return "'" + text.replace("'", "''") + "'"


def quoted_path(path: Path) -> str:
    """A path as a string of SQL."""
    return quoted(str(path))


def _column(name: str, kind: str) -> str:
    """A column of a block, row by row: a list has one value per row, anything else is the value of all rows."""
    return f"unnest(coalesce(j.{name}, list_resize([]::{kind}[], {_COUNT}, one.{name})))"


def _struct(fields: dict[str, str]) -> str:
    return "{" + ", ".join(f'"{name}": {kind}' for name, kind in fields.items()) + "}"


_STATES = "SELECT unnest(?::BIGINT[]) AS position, unnest(?::VARCHAR[]) AS state"
_HEAD = {"event": '"VARCHAR"', "symbol": '"VARCHAR"', "session": '"DATE"', "unit": '"VARCHAR"', "copy": '"VARCHAR"',
         "time": '["BIGINT"]'}  # fmt: skip


def _stage(table: str, columns: dict[str, str], values: list[str]) -> str:
    """Each block is parsed twice, for its lists and for what stands for all of its rows: that takes less time than to parse
    each column once more when it is known which of the two it is. What is not of the shape asked for is NULL.
    """
    names = ", ".join(columns)
    lists = _struct(_HEAD | {name: f'["{kind}"]' for name, kind in columns.items()})
    singles = _struct({name: f'"{kind}"' for name, kind in columns.items()})
    return f"""
INSERT INTO staged_{table} (symbol, timestamp, {names}, is_copy, is_void, position, place)
WITH events AS ({_STATES}),
blocks AS (SELECT position, from_json(state, '{lists}') AS j, from_json(state, '{singles}') AS one FROM events)
SELECT j.symbol, {_TIME}, {", ".join(values)}, j.copy IS NOT NULL, j.event LIKE '%-voided.v%', position,
    unnest(range(greatest({_COUNT}, coalesce(len(j.{next(iter(columns))}), 0))::BIGINT))
FROM blocks
"""


def _shape(table: str, key: str, columns: str, stage: str, *, timeframe: str = "", part: str = "0") -> Shape:
    """part: the number of the part of its symbol that a row is in."""
    told = f"{timeframe}, " if timeframe else ""
    named = "timeframe, " if timeframe else ""
    held = ", ".join(f"'{name}': {name}" for name in columns.split(", "))
    held = held.replace(": timestamp", ": epoch_us(timestamp)")
    lists = ", ".join(f"'{name}': [one.{name} FOR one IN rows]" for name in columns.split(", "))
    order = ", ".join(name for name in ("timestamp", "sequence") if name in columns.split(", "))
    fill = f"INSERT INTO made.{table} (symbol, {named}{columns}) SELECT symbol, {told}{columns} FROM"
    some = f"staged_{table} WHERE symbol BETWEEN $first AND $last"
    cut = f"NOT is_void AND ($until::TIMESTAMP IS NULL OR timestamp <= $until::TIMESTAMP) ORDER BY symbol, {order}"
    matches = " AND ".join(f"expected.{name} = found.{name}" for name in key.split(", "))
    shown = ", ".join(f"coalesce(expected.{name}, found.{name})" for name in key.split(", "))
    return Shape(
        table=table,
        clear=f"DELETE FROM staged_{table}",
        stage=stage,
        # Two keys with one hash are taken for one, and then looked at as if they were.
        is_plain=f"SELECT count(*) = count(DISTINCT hash({key})) AND NOT coalesce(bool_or(is_void), FALSE) FROM {some}",
        staged=f"SELECT symbol, count(*) FROM staged_{table} GROUP BY symbol ORDER BY symbol",
        fill=f"{fill} {some} AND {cut}",
        choose=f"""
{fill} (
    SELECT symbol, {columns}, is_void FROM {some}
    QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY is_copy, position DESC, place DESC) = 1
) WHERE {cut} """,
        parts=f"SELECT symbol, {part} AS part, count(*) FROM {{file}}.{table} GROUP BY ALL ORDER BY ALL",
        digest=f"""
SELECT sha256(to_json({{'symbol': symbol, {lists}}})::VARCHAR) FROM (
    SELECT symbol, {part} AS part, list_sort(list({{{held}}})) AS rows FROM {{file}}.{table}
    WHERE symbol BETWEEN $first AND $last AND (symbol > $first OR {part} >= $first_part)
        AND (symbol < $last OR {part} <= $last_part)
    GROUP BY ALL
) ORDER BY symbol, part
""",
        compare=f"""
SELECT concat_ws(' ', {shown}), if(expected.symbol IS NULL, NULL, to_json(expected)::VARCHAR),
    if(found.symbol IS NULL, NULL, to_json(found)::VARCHAR)
FROM expected.{table} AS expected FULL JOIN found.{table} AS found ON {matches}
WHERE to_json(expected) IS DISTINCT FROM to_json(found) ORDER BY ALL LIMIT ?
""",
    )


_BARS = {"open": "DOUBLE", "high": "DOUBLE", "low": "DOUBLE", "close": "DOUBLE", "volume": "BIGINT"}
_BAR_COLUMNS = {**_BARS, "is_synthetic": "TINYINT", "open_interest": "BIGINT"}
_BAR_VALUES = [
    *(_column(name, kind) for name, kind in _BARS.items()),
    f"coalesce({_column('is_synthetic', 'TINYINT')}, 0)::BOOLEAN",
    _column("open_interest", "BIGINT"),
]
CANDLES: Final = _shape(
    "candles",
    "symbol, timestamp",
    f"timestamp, {', '.join(_BAR_COLUMNS)}",
    _stage("candles", _BAR_COLUMNS, _BAR_VALUES),
    timeframe="$timeframe",
)

_NUMBERS = f"unnest(coalesce(j.sequence, range(one.sequence, one.sequence + {_COUNT})))"
_TICK_COLUMNS = {"sequence": "BIGINT", "price": "DOUBLE", "volume": "BIGINT", "bid": "DOUBLE", "ask": "DOUBLE"}
_TICK_VALUES = [_NUMBERS, *(_column(name, kind) for name, kind in _TICK_COLUMNS.items() if name != "sequence")]
TICKS: Final = _shape(
    "ticks",
    "symbol, sequence",
    f"timestamp, {', '.join(_TICK_COLUMNS)}",
    _stage("ticks", _TICK_COLUMNS, _TICK_VALUES),
    # By their numbers, so that a part is the same rows however the file is laid out. A day of bars is one part.
    part=f"sequence // {PART_TICKS}",
)
