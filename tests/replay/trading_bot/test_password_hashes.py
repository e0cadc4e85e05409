"""Password hashes of the bot's users: in the ledger, its copies, the frozen sources and config.db, and nowhere else."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from domain.secrets import MASK
from operations.replaying import replay
from replay.trading_bot.tables import CONFIG
from tests.cli.program import run
from tests.replay.trading_bot.test_source import MONOLITH, sql
from tests.trading_bot import legacy
from tests.trading_bot.rows import HASH, Row

SALT = "c2FsdHNhbHRzYWx0c2FsdA=="
FIRST, CHANGED, DOUBLED, ALTERED = (
    HASH,
    f"{SALT}:Y2hhbmdlZC1oYXNo",
    f"{SALT}:ZG91YmxlZC1oYXNo",
    f"{SALT}:YWx0ZXJlZC1oYXNo",
)
"""Of a user, of the same user later, of a row with a name that stands twice and is only kept, written past the ledger."""
HASHES = (FIRST, CHANGED, DOUBLED, ALTERED)


def leaks(text: str) -> list[str]:
    """The hashes that a text tells, whole or by their second half."""
    return [one for one in HASHES if one in text or one.partition(":")[2].rstrip("=") in text]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home and its source: users of a monolith, one of whom changed his password; one name stands twice."""
    place = tmp_path_factory.mktemp("hashes")
    users: list[Row] = [
        {"username": "asha", "password_hash": FIRST, "roles": "viewer"},
        {"username": "ravi", "password_hash": HASH, "roles": "admin"},
        {"username": "asha", "password_hash": DOUBLED, "roles": None},
    ]
    (place / "bot").mkdir()
    legacy.write_monolith(place / "bot" / MONOLITH, "b", {"users": users})
    replay(place / "bot", place / "home", timezone="Asia/Kolkata", catch_up=False)
    changed = f"UPDATE users SET password_hash = '{CHANGED}' WHERE username = 'asha' AND roles = 'viewer'"
    sql(place / "bot" / MONOLITH, changed)
    replay(place / "bot", place / "home", timezone="Asia/Kolkata")
    return place


ROW = ("trading-bot/config.users", "asha")
QUESTIONS = [
    ("log", "--limit", "500"),
    ("log", "--text", SALT[:12]),
    ("history", "bot-user:asha"),
    ("trace", *ROW),
    ("trace", *ROW, "password_hash"),
    ("trace", "--from", MONOLITH, "users", "ravi"),
    ("as-of", "2999-01-01", *ROW),
    ("as-of", "2999-01-01", ROW[0]),
    ("diff", "2020-01-01", "2999-01-01", *ROW),
    ("sql", "SELECT username, password_hash FROM trading_bot_config.users"),
    ("sql", "SELECT 'it is ' || password_hash AS said FROM trading_bot_config.users"),
    ("sql", "SELECT state, source FROM stored_events"),
    ("sql", "SELECT group_concat(data ->> '$.password_hash') FROM events"),
    ("sql", "SELECT source ->> '$.row.password_hash' AS p, data ->> '$.row.password_hash' AS q FROM events"),
]


@pytest.mark.parametrize("form", [(), ("--json",), ("--csv",)], ids=lambda form: "".join(form) or "table")
def test_no_question_shows_one_unless_it_is_asked_to(place: Path, form: tuple[str, ...]) -> None:
    revealed = ""
    for question in QUESTIONS:
        result = run("audit", *question, *form, home=place / "home")
        assert result.exit_code == 0, (question, result.output)
        assert leaks(result.output) == [], question
        if form == ("--json",):
            revealed += run("audit", *question, *form, "--reveal-secrets", home=place / "home").stdout
    assert form != ("--json",) or {*leaks(revealed)} == {FIRST, CHANGED, DOUBLED}


def test_no_event_that_is_shown_or_proven_and_no_export_tells_one(place: Path, tmp_path: Path) -> None:
    home, out = place / "home", tmp_path / "log.parquet"
    run("audit", "seal", home=home)
    told = [run("audit", "show", position, "--json", home=home).output for position in range(1, 9)]
    told += [
        run("audit", "export", "--format", one, home=home).output for one in ("jsonl", "csv", "beancount", "hledger")
    ]
    refused = run("audit", "prove", "bot-user:asha", home=home)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert run("audit", "export", "--format", "parquet", "--out", out, home=home).exit_code == 0
    program = "import sys, duckdb; print(duckdb.sql(f\"SELECT state, source FROM '{sys.argv[1]}'\").fetchall())"
    told.append(
        subprocess.run([sys.executable, "-c", program, str(out)], capture_output=True, text=True, check=True).stdout
    )
    assert leaks("".join([*told, refused.stderr])) == []
    assert all(MASK in one for one in told[-2:] if "asha" in one)
    revealed = run("audit", "export", "--format", "jsonl", "--reveal-secrets", home=home).stdout
    assert {*leaks(revealed)} == {FIRST, CHANGED, DOUBLED}


@contextmanager
def altered(config: Path, column: str) -> Iterator[None]:
    """A user's row of config.db with another hash, or with one byte of his name changed."""
    with closing(sqlite3.connect(config)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = config.read_bytes()
    if column == "password_hash":
        with closing(sqlite3.connect(config)) as db, db:
            db.execute("UPDATE users SET password_hash = ? WHERE username = 'asha'", (ALTERED,))
    else:
        config.write_bytes(before.replace(f"asha{CHANGED}".encode(), f"ashA{CHANGED}".encode()))
        assert config.read_bytes() != before
    try:
        yield
    finally:
        for path in config.parent.glob("config.db-*"):
            path.unlink()
        config.write_bytes(before)


SHOWING: list[tuple[str, ...]] = [
    ("verify", "projections"), ("verify", "--json"), ("audit", "trace", *ROW), ("health", "--json"),
    ("audit", "sql", "SELECT * FROM trading_bot_config.users"),
]  # fmt: skip


@pytest.mark.parametrize("column", ["password_hash", "username"])
def test_a_user_who_was_altered_in_config_db_is_told_without_one(place: Path, column: str) -> None:
    home, again = place / "home", ("replay", place / "bot", "--json", "--timezone", "Asia/Kolkata")
    mending = [("verify", "--repair", "projections"), again] if column == "username" else [again]
    with altered(home / CONFIG, column):
        told = [run(*command, home=home) for command in (*SHOWING, *mending)]
        assert [one.exit_code for one in told[:2]] == [1, 1]
        for one, command in zip(told, (*SHOWING, *mending), strict=True):
            assert leaks(one.output) == [], command
    assert column == "username" or "was not what the log says and was built again" in told[-1].output
    assert not [path for path in (home / "reports").iterdir() if leaks(path.read_text(encoding="utf-8"))]


def test_reports_metrics_alerts_and_every_other_command_hold_none(place: Path) -> None:
    home, source = place / "home", place / "bot"
    commands: list[tuple[object, ...]] = [
        ("replay", source, "--timezone", "Asia/Kolkata", "--verify-only"), ("status", "--json"), ("backup", "daily"),
        ("drill", "--json"), ("health", "--alert", "--metrics", home / "metrics.txt"),
        ("export-legacy", place / "legacy", "--system", "trading-bot"), ("rebuild-projection", "--all", "--json"),
    ]  # fmt: skip
    for command in commands:
        result = run(*command, home=home)
        assert result.exit_code in (0, 1) or command[0] == "export-legacy", result.output
        assert leaks(result.output) == [], command


def test_no_other_file_of_the_home_holds_one(place: Path) -> None:
    home = place / "home"
    run("verify", "--json", home=home)
    holding = {path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file() and found_in(path)}
    assert [name for name in holding if not name.startswith(("ledger.db", "config/config.db", "backups/"))] == []
    assert {"ledger.db", "config/config.db"} <= holding
    for name in holding:
        assert (home / name).stat().st_mode & 0o077 == 0 or (home / name).parent.stat().st_mode & 0o077 == 0, name


def found_in(path: Path) -> list[str]:
    return leaks(path.read_bytes().decode("latin-1"))


def test_whole_where_it_must_be(place: Path) -> None:
    with closing(sqlite3.connect(place / "home" / CONFIG)) as db:
        assert dict(db.execute("SELECT username, password_hash FROM users")) == {"asha": CHANGED, "ravi": FIRST}
    assert json.loads(run("audit", "log", "--json", "--limit", "1", home=place / "home").stdout.splitlines()[0])
