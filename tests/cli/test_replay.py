"""`cli replay` as a user meets it: what it says, how it ends, what it leaves behind."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.cli.damage import contents, execute, overwrite
from tests.cli.program import mishaps, run, run_json


def test_a_clean_source_is_proven_and_ends_with_0(source: Path, tmp_path: Path) -> None:
    result = run("replay", source, home=tmp_path / "new")
    assert result.exit_code == 0
    assert ", proven, " in result.stdout.splitlines()[-1]
    assert mishaps(result.stderr) == []


def test_a_break_ends_with_1_although_all_is_proven(dirty: Path, tmp_path: Path) -> None:
    result = run("replay", dirty, home=tmp_path / "new")
    assert result.exit_code == 1
    assert " breaks, proven, " in result.stdout.splitlines()[-1]
    assert "FJRD-B.CO" in result.stdout


def test_a_second_run_appends_nothing_and_keeps_one_frozen_copy(source: Path, home: Path) -> None:
    again = run_json("replay", source, home=home)
    assert (again["events_appended"], again["proven"]) == (0, True)
    assert len(list((home / "backups").iterdir())) == 1
    assert again["frozen"] == next((home / "backups").iterdir()).name


def test_the_legacy_folder_stays_as_it_is(dirty: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in dirty.rglob("*") if path.is_file()}
    run("replay", dirty, home=tmp_path / "new")
    assert {path: path.read_bytes() for path in dirty.rglob("*") if path.is_file()} == before


def test_a_new_home_is_for_its_owner_s_eyes_only(source: Path, tmp_path: Path) -> None:
    home = tmp_path / "new"
    run("replay", source, home=home)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", ["--verify-only", "--dry-run"])
def test_looking_changes_nothing(source: Path, home: Path, tmp_path: Path, mode: str) -> None:
    execute(source / "config.db", "UPDATE settings SET value = '42' WHERE key = (SELECT min(key) FROM settings)")
    before = contents(home)
    found = run_json("replay", source, mode, home=home)
    assert found["events_appended"] > 0
    assert contents(home) == before
    assert run("replay", source, mode, home=tmp_path / "none").exit_code == 0
    assert not (tmp_path / "none").exists()


def test_unreadable_files_are_all_named_and_nothing_is_appended(source: Path, home: Path) -> None:
    execute(source / "config.db", "UPDATE settings SET value = '42' WHERE key = (SELECT min(key) FROM settings)")
    overwrite(source / "ledger.db", at=4096 * 5, length=4096 * 3)
    (source / "satellites.db").write_bytes(b"not a database at all")
    before = contents(home)["ledger.db"]
    result = run("replay", source, home=home)
    assert result.exit_code == 3
    assert result.stdout.count("Not read: ") == 2
    assert "Not read: ledger.db: " in result.stdout
    assert "config.db" in result.stdout
    assert "2 of " in result.stdout.splitlines()[-1]
    assert contents(home)["ledger.db"] == before
    assert len(list((home / "backups").iterdir())) == 1


def test_a_run_that_failed_begins_well_the_next_time(source: Path, tmp_path: Path) -> None:
    whole = (source / "state.db").read_bytes()
    overwrite(source / "state.db", at=0, length=4096)
    assert run("replay", source, home=tmp_path / "new").exit_code == 3
    (source / "state.db").write_bytes(whole)
    assert run("replay", source, home=tmp_path / "new").exit_code == 0


def test_frozen_copies_of_killed_runs_are_cleared_away(source: Path, home: Path) -> None:
    killed = home / "backups" / "replay-20200101T000000.000000Z"
    killed.mkdir()
    (killed / "config.db").write_bytes(b"half")
    assert run("replay", source, home=home).exit_code == 0
    assert not killed.exists()


def test_read_models_that_were_damaged_or_altered_are_derived_again_and_that_is_said(source: Path, home: Path) -> None:
    (home / "cache.db").unlink()
    overwrite(home / "universe.db", at=0, length=100)
    overwrite(home / "history.db", at=16_384 * 4, length=16_384 * 10)
    execute(home / "portfolio.db", "UPDATE positions SET quantity = quantity + 1")
    report = run_json("replay", source, home=home)
    assert (report["exit_code"], report["proven"]) == (0, True)
    said = "\n".join(report["findings"])
    for name in ("universe.db", "history.db", "portfolio.db"):
        assert f"{name} was" in said
    assert run("verify", "projections", home=home).exit_code == 0


def test_without_catch_up_the_read_models_are_left_alone(source: Path, tmp_path: Path) -> None:
    report = run_json("replay", source, "--no-catch-up", home=tmp_path / "new")
    assert (report["proven"], report["models_compared"]) == (True, False)
    assert not (tmp_path / "new" / "portfolio.db").exists()


def test_a_report_is_written_for_machines_and_for_people(dirty: Path, tmp_path: Path) -> None:
    result = run("replay", dirty, home=tmp_path / "new")
    pages = sorted((tmp_path / "new" / "reports").iterdir())
    assert [path.suffix for path in pages] == [".json", ".md"]
    assert str(pages[1]) in result.stdout
