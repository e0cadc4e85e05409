"""The SQL of a read model and the digest that tells when it has changed."""

from __future__ import annotations

import hashlib
from functools import cache, lru_cache
from typing import NamedTuple

import apsw
import msgspec

from migrations.runner import read_model_script
from projections.bulk import Row
from projections.profiles import PAGE_BYTES, PROFILES
from projections.projector import Projector


class Schema(NamedTuple):
    """What creates the tables of a read model; the digest also covers how its file is laid out."""

    script: str
    digest: str


def schema_of(projector: Projector) -> Schema:
    """The tables of the read model and the engine's own."""
    script = read_model_script("engine") + "\n" + read_model_script(projector.name)
    layout = f"{script}\n{PROFILES[projector.profile].auto_vacuum} {PAGE_BYTES}"
    return Schema(script, hashlib.sha256(layout.encode()).hexdigest())


_OBJECTS = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"

Objects = list[Row]


def objects(db: apsw.Connection) -> Objects:
    """The tables, indexes, views and triggers that a file has."""
    return db.execute(_OBJECTS).fetchall()


@lru_cache
def objects_of(script: str) -> Objects:
    """Those that a script creates."""
    db = apsw.Connection(":memory:")
    try:
        db.execute(script)
        return objects(db)
    finally:
        db.close()


_TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite^_%' ESCAPE '^' ORDER BY name"
_TABLE_COLUMNS = "SELECT name, type, pk FROM pragma_table_info(?) ORDER BY cid"


@cache
def columns_by_table(name: str) -> dict[str, list[tuple[str, str, int]]]:
    """The tables of a read model without the engine's own: of each column its name, declared type and place in the key."""
    db = apsw.Connection(":memory:")
    try:
        db.execute(read_model_script(name))
        tables = [str(table) for (table,) in db.execute(_TABLES).fetchall()]
        found = {table: db.execute(_TABLE_COLUMNS, (table,)).fetchall() for table in tables}
        return {table: msgspec.convert(columns, list[tuple[str, str, int]]) for table, columns in found.items()}
    finally:
        db.close()
