"""Who may import whom, and where SQL may stand: the shape of the house, read from the source of every module."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# What each part may import of ours, beside itself. A part that is not listed has no place in the house.
MAY_IMPORT: dict[str, set[str]] = {
    "domain": set(),
    "docs": set(),  # what a stranger runs: nothing of ours
    "migrations": {"domain"},
    "ledger": {"domain", "migrations"},
    "projections": {"domain", "migrations", "ledger"},
    "replay": {"domain", "migrations", "ledger"},
    "operations": {"domain", "migrations", "ledger", "projections", "replay"},
    "commands": {"domain", "ledger", "projections", "replay", "operations"},
    "cli": {"domain", "ledger", "projections", "replay", "operations", "commands"},
}
AROUND_THE_HOUSE = {"tests", "benchmarks"}  # may import everything, and make tables
SHOWING = {"cli", "commands"}

# Libraries that are at home in some parts only. The domain does no I/O; a file is never opened through two SQLites, so
# the log keeps to sqlite3 and the read models to apsw; eventsourcing must be replaceable in one place.
KEPT_OUT: dict[str, set[str]] = {
    "eventsourcing": set(MAY_IMPORT) - {"ledger"},
    "apsw": {"domain", "ledger"} | SHOWING,
    "sqlite3": {"domain", "projections"} | SHOWING,
    "sqlite_utils": {"domain"} | SHOWING,
    "click": {"domain"},
    "rich": {"domain"},
    "watchfiles": {"domain"},
}

# A statement begins a string or one of its lines, or follows another statement; prose about one does not look so.
BEGIN = r"(?:^|;)[ \t]*"
DDL = re.compile(
    BEGIN + r"(?:CREATE\s+(?:(?:TEMP|TEMPORARY|UNIQUE|VIRTUAL)\s+)*(?:TABLE|INDEX|TRIGGER|VIEW)"
    r"|ALTER\s+TABLE|DROP\s+(?:TABLE|INDEX|TRIGGER|VIEW))\s",
    re.IGNORECASE | re.MULTILINE,
)
STATEMENT = re.compile(
    BEGIN + r"(?:SELECT\s|INSERT\s+(?:INTO|OR)\s|REPLACE\s+INTO\s|UPDATE\s+\S+\s+SET\s|DELETE\s+FROM\s"
    r"|WITH\s+\w+\s+AS\s|(?:PRAGMA|ATTACH|DETACH|VACUUM|REINDEX|ANALYZE)\b)",
    re.MULTILINE,
)
SELECT_STAR = re.compile(r"\bSELECT\s+(?:(?:DISTINCT|ALL)\s+)?(?:[\w\"]+\.)?\*", re.IGNORECASE)


def modules() -> list[Path]:
    """Every Python file of the checkout, whatever its folder is called; hidden folders and builds are not ours."""
    tops = [
        path for path in ROOT.iterdir() if not path.name.startswith(".") and path.name not in {"build", "dist", "data"}
    ]
    found = [path for path in tops if path.suffix == ".py"]
    return sorted(found + [path for top in tops if top.is_dir() for path in top.rglob("*.py")])


def part_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and top-level name of every absolute import, also inside functions and through importlib."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.partition(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.lineno, node.module.partition(".")[0]
        elif isinstance(node, ast.Call) and node.args:
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            name = text_of(node.args[0])
            if called in {"import_module", "__import__"} and name:
                yield node.lineno, name.partition(".")[0]


def text_of(node: ast.AST) -> str:
    """The text of a string; what an f-string puts in is left as a blank word."""
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) or "_" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def strings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and text of every string that is used: no docstring, and an f-string once, as a whole."""
    unused: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            unused.add(id(node.value))
        elif isinstance(node, ast.JoinedStr):
            unused.update(id(part) for part in node.values)
    for node in ast.walk(tree):
        if id(node) not in unused and (text := text_of(node)):
            yield getattr(node, "lineno", 0), text


def wrong_imports(part: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    for line, name in imported(tree):
        if name in MAY_IMPORT.keys() | AROUND_THE_HOUSE and name != part and name not in MAY_IMPORT[part]:
            yield line, f"{part} must not import {name}"
        elif part in KEPT_OUT.get(name, ()):
            yield line, f"{name} has no place in {part}"


def wrong_sql(part: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    for line, text in strings(tree):
        if DDL.search(text):
            yield line, "a table is made or changed outside migrations/*.sql"
        if SELECT_STAR.search(text):
            yield line, "SELECT * breaks when a column is added: name the columns"
        if part in SHOWING and STATEMENT.search(text):
            yield line, "SQL in a command: parse, call one function, print"
    if part in SHOWING:
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in {"execute", "executemany", "executescript"}:
                yield node.lineno, f"a command calls {node.attr}: parse, call one function, print"


def wrong_opening(source: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Only a `#!` line may stand before the docstring, and its first line must say something."""
    first_line = 2 if source.startswith("#!") else 1
    docstring = ast.get_docstring(tree, clean=False) or ""
    if not docstring.partition("\n")[0].strip() or tree.body[0].lineno != first_line:
        yield first_line, "the first line does not say what the module is about"


def faults(part: str, source: str) -> list[tuple[int, str]]:
    """Everything in a module that contradicts the design, with its line."""
    tree = ast.parse(source)
    found = list(wrong_opening(source, tree))
    if part in MAY_IMPORT:
        found += [*wrong_imports(part, tree), *wrong_sql(part, tree)]
    elif part not in AROUND_THE_HOUSE:
        found.append((1, f"{part} has no place in the design"))
    return sorted(found)


def test_every_module_keeps_to_the_design() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {what}"
        for path in modules()
        for line, what in faults(part_of(path), path.read_text(encoding="utf-8"))
    ]
    assert not found, "\n" + "\n".join(found)


def test_no_migration_of_ours_selects_star() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sorted((ROOT / "migrations").rglob("*.sql"))
        if "legacy" not in path.parts  # those are the legacy systems' own words
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if SELECT_STAR.search(line.partition("--")[0])
    ]
    assert not found, "\n".join(found)


def test_the_table_has_no_circle() -> None:
    settled: set[str] = set()
    while free := {part for part, others in MAY_IMPORT.items() if others <= settled} - settled:
        settled |= free
    assert settled == MAY_IMPORT.keys()


@pytest.mark.parametrize(
    ("part", "planted"),
    [
        ("domain", "import ledger.appending"),
        ("domain", "import click"),
        ("ledger", "from projections.engine import catch_up"),
        ("ledger", "import apsw"),
        ("replay", "def late():\n    from projections import engine"),
        ("replay", "if TYPE_CHECKING:\n    import projections"),
        ("projections", "import_module(f'replay.{name}')"),
        ("projections", "import sqlite3"),
        ("operations", "from eventsourcing.persistence import Recorder"),
        ("operations", "import tests"),
        ("ledger", "import cli"),
        ("ledger", "MAKE = 'CREATE TABLE trades (id)'"),
        ("ledger", "MAKE = f'''\n    create unique index {name} on trades (id)'''"),
        ("replay", "db.execute('BEGIN; DROP TABLE trades')"),
        ("replay", "TRADES = f'SELECT * FROM {table}'"),
        ("replay", "TRADES = 'SELECT t.* FROM trades AS t'"),
        ("cli", "HELD = 'SELECT quantity FROM positions'"),
        ("commands", "log.execute(question)"),
        ("cli", "import sqlite3"),
        ("utils", ""),
    ],
)
def test_a_planted_fault_is_found(part: str, planted: str) -> None:
    assert len(faults(part, f'"""A module."""\n\n{planted}\n')) >= 1


@pytest.mark.parametrize("source", ["", "import os\n", '""""""\n', '\n"""Late."""\n', '"""\nLate."""\n'])
def test_a_module_that_does_not_say_its_subject_is_found(source: str) -> None:
    assert faults("domain", source)


@pytest.mark.parametrize(
    ("part", "allowed"),
    [
        ("ledger", "from eventsourcing.sqlite import SQLiteDatastore\nfrom domain.event import Event"),
        ("replay", "raise SourceError('the CREATE TABLE statement of this file is damaged')"),
        ("replay", '"""SELECT * FROM anything"""'),
        ("projections", "COUNT = 'SELECT count(*) FROM trades'"),
        ("cli", "HELP = 'Select one of the read models; update it with care.'"),
        ("tests", "import eventsourcing\nMAKE = 'CREATE TABLE trades (id)'"),
        ("domain", "from . import money"),
    ],
)
def test_what_the_design_allows_is_not_found(part: str, allowed: str) -> None:
    assert faults(part, f'#!/usr/bin/env python3\n"""A module."""\n\n{allowed}\n') == []
