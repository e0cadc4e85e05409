"""The trading bot as a source: recognised, frozen, read through an image, proven; and what cannot be read, named."""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import duckdb
import pytest

from domain.event import decode
from ledger.log import open_log
from migrations import script
from operations import replaying
from operations.verifying import verify
from projections import catalog
from replay import run
from replay.freezing import freeze
from replay.report import RunReport
from tests.legacy import tally
from tests.trading_bot import legacy

MONOLITH = "trading_bot.duckdb"
SOME = ("users", "roles", "user_watchlist", "signals")
HOLD = "import duckdb, sys; db = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a monolith of generation B, made once."""
    folder = tmp_path_factory.mktemp("bot")
    legacy.write_monolith(folder / MONOLITH, "b", legacy.monolith_b(per_session=2))
    return folder


@pytest.fixture
def source(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "bot"))


@pytest.fixture
def without_series(tmp_path: Path) -> Path:
    """A folder with a monolith that holds only a few row tables, which is read much faster."""
    made = script("legacy", "trading_bot", "monolith_b.sql").split(";")
    some = [one for one in made if any(f"CREATE TABLE {name} (" in one for name in SOME)]
    rows = legacy.monolith_b(per_session=1, dirt=False)
    (tmp_path / "bot").mkdir()
    legacy.write_duckdb(tmp_path / "bot" / MONOLITH, ";".join(some), {name: rows[name] for name in SOME})
    return tmp_path / "bot"


def sha256s(folder: Path) -> dict[str, str]:
    files = (one for one in folder.rglob("*") if one.is_file())
    return {str(one.relative_to(folder)): hashlib.sha256(one.read_bytes()).hexdigest() for one in files}


def sql(path: Path, *statements: str) -> None:
    with closing(duckdb.connect(str(path))) as db:
        for statement in statements:
            db.execute(statement)


def assert_proven(report: RunReport) -> None:
    assert report.proven, report.mismatches
    assert not report.failed


@contextmanager
def held(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the file open for writing."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield process
    finally:
        process.communicate("")


def replay(source: Path, home: Path, *, timezone: str | None = None, catch_up: bool = False) -> RunReport:
    """A run without read models, where a test does not look at them."""
    return replaying.replay(source, home, timezone=timezone, catch_up=catch_up)


def test_a_monolith_is_recognised_read_and_proven_and_comes_in_only_once(source: Path, tmp_path: Path) -> None:
    before, home = sha256s(source), tmp_path / "home"
    first = replay(source / MONOLITH, home, catch_up=True)
    assert_proven(first)
    assert first.system == "trading-bot"
    assert first.files[0].generation == "monolith, generation B with candles"
    assert tally(first, MONOLITH, "users").events == 2
    assert sha256s(source) == before
    (frozen,) = (home / "backups").iterdir()
    assert {one.name for one in frozen.iterdir()} == {MONOLITH, f"{MONOLITH}.image", "manifest.json"}
    again = replay(source, home, catch_up=True)
    assert_proven(again)
    assert again.events_appended == 0
    assert not [part for part in verify(home, "all", repair=False, tell=lambda *_: None).parts if part.found]


def test_a_changed_row_comes_in_as_a_change_and_a_removed_one_as_its_removal(
    without_series: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    replay(without_series, home)
    sql(
        without_series / MONOLITH, "UPDATE users SET roles = 'viewer' WHERE username = 'admin'", "DELETE FROM user_watchlist",
        "CREATE TABLE notes (a INTEGER[], b HUGEINT)",
        "INSERT INTO notes VALUES ([1, 2], 170141183460469231731687303715884105727)",
    )  # fmt: skip
    report = replay(without_series, home)
    assert_proven(report)
    assert tally(report, MONOLITH, "users").events == 1
    assert tally(report, MONOLITH, "user_watchlist").vanished
    kept = tally(report, MONOLITH, "notes")
    assert (kept.kept, dict(kept.kept_reasons)) == (1, {"no event describes this table": 1})
    assert replay(without_series, home).events_appended == 0


def test_the_wal_of_a_killed_ingestor_is_read_and_left_where_it_is(without_series: Path, tmp_path: Path) -> None:
    late = "INSERT INTO roles (role_name, permissions) VALUES ('late', 'read')"
    died = f'import duckdb, os, sys; db = duckdb.connect(sys.argv[1]); db.execute("{late}"); os._exit(9)'
    assert subprocess.run([sys.executable, "-c", died, str(without_series / MONOLITH)], check=False).returncode == 9
    before = sha256s(without_series)
    assert f"{MONOLITH}.wal" in before
    report = replay(without_series, tmp_path / "home")
    assert_proven(report)
    assert tally(report, MONOLITH, "roles").read == 3
    assert sha256s(without_series) == before


def test_the_isolated_layout_is_found_in_its_folders(tmp_path: Path) -> None:
    source = legacy.write_isolated(tmp_path / "data", legacy.isolated(per_session=2))
    before = sha256s(source)
    report = replay(source, tmp_path / "home", timezone="Asia/Kolkata")
    assert_proven(report)
    assert sha256s(source) == before
    read = {one.name for one in report.files if one.sha256}
    assert {*legacy.ISOLATED_SCRIPTS} <= read
    assert all(one.generation == "isolated" for one in report.files if one.sha256 and one.use == "read")


def test_a_home_has_the_read_models_of_the_systems_that_its_log_is_about(without_series: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    replay(without_series, home)
    with open_log(home) as log:
        assert {one.system for one in catalog.projectors_of(log)} == {"trading-bot"}
    with open_log(tmp_path / "new", create=True, write=True) as log:
        assert {one.system for one in catalog.projectors_of(log)} == {"arduino-trader"}


@pytest.mark.parametrize(("section", "hour"), [("", 9), ('signals = "Asia/Kolkata"', 3)])
def test_naive_times_are_of_the_zone_that_is_named_for_their_table(
    section: str, hour: int, without_series: Path, tmp_path: Path
) -> None:
    """Facts 1.4: what lies in a naive column is UTC or the exchange's time, and only the owner knows which."""
    sql(
        without_series / MONOLITH,
        "DELETE FROM signals",
        "INSERT INTO signals (signal_id, created_at) VALUES ('s', '2026-01-30 09:15:00')",
    )
    home = tmp_path / "home"
    home.mkdir()
    (home / "daybook.toml").write_text(f"[sources.trading_bot.timezones]\n{section}\n")
    report = replay(without_series, home)
    assert bool(tally(report, MONOLITH, "signals").assumed) is not bool(section)
    with open_log(home) as log:
        (stored,) = log.stream("bot-signal:s")
        assert (decode(stored.topic, stored.state).occurred_at or "").startswith(f"2026-01-30T{hour:02}:")
    assert replay(without_series, home).events_appended == 0
    (home / "daybook.toml").write_text('[sources.trading_bot.timezones]\nsignals = "America/New_York"\n')
    changed = replay(without_series, home)
    assert_proven(changed)
    assert tally(changed, MONOLITH, "signals").events == 1


def test_a_monolith_that_a_running_bot_has_open_is_refused_by_the_name_of_the_process(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "freeze", partial(freeze, lock_wait_s=0.1))
    with held(source / MONOLITH) as bot:
        report = replay(source, tmp_path / "home")
    assert report.exit_code == 3
    assert report.events_appended == 0
    assert f"is open for writing in process {bot.pid}" in report.failed[MONOLITH]
    assert_proven(replay(source, tmp_path / "home"))


def newer(content: bytes) -> bytes:
    """The storage version raised, and with it the checksum of the header's block, which stands before it."""
    block = content[8:12] + (9_999).to_bytes(8, "little") + content[20:4096]
    found = 5381
    for (word,) in struct.iter_unpack("<Q", block):
        found ^= word * 0xBF58476D1CE4E5B9 % 2**64
    return struct.pack("<Q", found) + block + content[4096:]


def halved(content: bytes) -> bytes:
    return content[: len(content) // 2]


def foreign(_: bytes) -> bytes:
    return b"this was never a database" * 10


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + os.urandom(8_192) + content[middle + 8_192 :]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [(newer, "version"), (halved, "cannot be read"), (foreign, "not a DuckDB database"), (flipped, "cannot be read")],
)
def test_a_monolith_that_cannot_be_read_is_named_and_nothing_is_appended(
    damage: object, reason: str, source: Path, tmp_path: Path
) -> None:
    assert callable(damage)
    path = source / MONOLITH
    path.write_bytes(damage(path.read_bytes()))
    report = replay(source, tmp_path / "home")
    assert (report.exit_code, report.events_appended) == (3, 0)
    assert reason in report.failed[MONOLITH]
