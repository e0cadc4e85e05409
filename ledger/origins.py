"""The events that came from a legacy row."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from difflib import get_close_matches

from domain.errors import LedgerError
from ledger.failures import translated
from ledger.log import Log, Stored
from ledger.opening import uri

_NEAR_MAX = 5
_ROW = "SELECT rowid FROM stored_events WHERE source ->> '$.file' = ? AND source ->> '$.table' = ?"
_BLOCKS = _ROW.replace("WHERE", "WHERE topic IN ('bars-recorded.v1', 'ticks-recorded.v1') AND")
_PART = "CAST(json_extract(source, ?) AS TEXT) = ?"
_BETWEEN = "? BETWEEN source ->> '$.first' AND source ->> '$.last'"
_FILES = "SELECT DISTINCT source ->> '$.file' FROM stored_events WHERE source IS NOT NULL ORDER BY 1"
_TABLES = "SELECT DISTINCT source ->> '$.table' FROM stored_events WHERE source ->> '$.file' = ? ORDER BY 1"
_KEYS = (
    "SELECT DISTINCT coalesce(source ->> '$.key[0]', source ->> '$.first') AS key FROM stored_events "
    "WHERE source ->> '$.file' = ? AND source ->> '$.table' = ? AND CAST(key AS TEXT) >= ? ORDER BY key LIMIT ?"
)


def from_row(log: Log, file: str, table: str, *, key: Sequence[str], cells: Mapping[str, str]) -> list[int]:
    """Positions of the events of a legacy row, named by its key or by some of its cells; of a block that may hold it.

    Raises LedgerError when there are none, naming what is near.
    """
    conditions = [_PART] * (len(key) + len(cells))
    values: list[object] = []
    for number, part in enumerate(key):
        values += [f"$.key[{number}]", part]
    for column, cell in cells.items():
        values += [f'$.row."{column}"', cell]
    either = [" AND ".join([*conditions, f"json_array_length(source, '$.key') = {len(key)}"] if key else conditions)]
    if key:
        either.append(_BETWEEN)
        values.append(key[-1])
    query = f"{_ROW} AND ({' OR '.join(either)}) ORDER BY rowid"
    with translated(log.path), closing(sqlite3.connect(uri(log.path, write=False), uri=True)) as db:
        found = [row[0] for row in db.execute(query, (file, table, *values))]
        if not found:
            raise _nothing(db, file, table, [*key, *(f"{column}={cell}" for column, cell in cells.items())])
        return found


def blocks_from(log: Log, file: str, table: str, symbol: str) -> tuple[bool, list[Stored]]:
    """Whether a legacy table became blocks of bars or ticks, and those of an instrument."""
    with translated(log.path), closing(sqlite3.connect(uri(log.path, write=False), uri=True)) as db:
        is_market = db.execute(f"{_BLOCKS} LIMIT 1", (file, table)).fetchone() is not None
        query = f"{_BLOCKS} AND state ->> '$.symbol' = ? ORDER BY rowid"
        found = [row[0] for row in db.execute(query, (file, table, symbol))] if is_market else []
    return is_market, log.at(found)


def _nothing(db: sqlite3.Connection, file: str, table: str, named: Sequence[str]) -> LedgerError:
    files = _texts(db, _FILES, ())
    if file not in files:
        alike = (
            [one for one in files if one.endswith(f"/{file}")] or get_close_matches(file, files, n=_NEAR_MAX) or files
        )
        more = f" and {len(alike) - _NEAR_MAX} more" if len(alike) > _NEAR_MAX else ""
        return LedgerError(f"nothing came from a file {file}", hint=f"Files: {', '.join(alike[:_NEAR_MAX])}{more}.")
    tables = _texts(db, _TABLES, (file,))
    if table not in tables:
        return LedgerError(f"nothing came from a table {table} of {file}", hint=f"Its tables: {', '.join(tables)}.")
    first = named[0].rpartition("=")[2]
    near = _texts(db, _KEYS, (file, table, first[:1], _NEAR_MAX)) or _texts(db, _KEYS, (file, table, "", _NEAR_MAX))
    return LedgerError(
        f"nothing came from a row {' '.join(named)} of {table} in {file}",
        hint=f"Keys near it: {', '.join(near)}; or name a column: id=17." if near else "Name a column: id=17.",
    )


def _texts(db: sqlite3.Connection, query: str, values: Sequence[object]) -> list[str]:
    return [str(row[0]) for row in db.execute(query, values)]
