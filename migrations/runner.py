"""Applies the scripts of the ledger, and hands out those of the read models, which are built rather than migrated."""

from __future__ import annotations

import hashlib
import sqlite3
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from migrations import script

if TYPE_CHECKING:
    from sqlite_utils import Database

LEDGER = "ledger"

_RECORDS = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '_sqlite_migrations'"
_APPLIED = "SELECT name FROM _sqlite_migrations WHERE migration_set = ?"


@cache
def scripts(name: str) -> tuple[str, ...]:
    """The numbered files of one database, in order."""
    folder = files("migrations").joinpath(name)
    return tuple(
        sorted(file.name for file in folder.iterdir() if file.name.endswith(".sql") and file.name[:4].isdigit())
    )


def migrate_ledger(connection: sqlite3.Connection, *, without: Collection[str] = ()) -> None:
    """Bring a ledger to the newest schema: each script and the record of it in one transaction.

    without: scripts that are left out, to see what an older version made.
    """
    if not pending(connection):
        return
    # Imported here: most openings have nothing to migrate.
    with _without_pandas():
        from sqlite_utils import Database, Migrations  # noqa: PLC0415

    migrations = Migrations(LEDGER)
    for name in scripts(LEDGER):
        if name not in without:
            migrations(name=name)(_running(name))
    db = Database(connection, recursive_triggers=False, execute_plugins=False)
    with db.atomic():  # the library makes its table and the index of it one after the other
        migrations.ensure_migrations_table(db)
    migrations.apply(db)


@contextmanager
def _without_pandas() -> Iterator[None]:
    """Where pandas and numpy are installed the library loads them at once, for more types of columns. That takes several times
    as long as making a ledger, which has none of them.
    """
    kept_away = {"pandas", "numpy"} - sys.modules.keys()
    for name in kept_away:
        sys.modules[name] = None  # type: ignore[assignment]  # as the language has it: not to be imported
    try:
        yield
    finally:
        for name in kept_away:
            del sys.modules[name]


def pending(connection: sqlite3.Connection) -> list[str]:
    """The scripts that this ledger has not seen yet."""
    if connection.execute(_RECORDS).fetchone() is None:
        return list(scripts(LEDGER))
    applied = {row[0] for row in connection.execute(_APPLIED, (LEDGER,))}
    return [name for name in scripts(LEDGER) if name not in applied]


def _running(name: str) -> Callable[[Database], None]:
    def run(db: Database) -> None:
        for statement in _statements(script(LEDGER, name)):
            db.execute(statement)

    return run


def _statements(sql: str) -> Iterator[str]:
    """Each statement of a script. sqlite3's executescript would end the transaction; the library's own asks SQLite after
    every character whether the statement is complete, which took as long as all the rest of making a ledger.
    """
    statement = ""
    for part in sql.split(";"):
        statement += f"{part};"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip("; \n"):
        yield statement.removesuffix(";")


def read_model_script(name: str) -> str:
    """All of a read model's SQL, in the order of its files."""
    folder = name.replace("-", "_")
    return "\n".join(script(folder, file) for file in scripts(folder))


def schema_digest(name: str) -> str:
    """Tells whether a read model was built from the present SQL files."""
    return hashlib.sha256(read_model_script(name).encode()).hexdigest()
