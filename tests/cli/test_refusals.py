"""What a user can get wrong: one line that says what is wrong and what to do, the right exit code, nothing half done."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from ledger.log import open_log
from tests.cli.damage import contents
from tests.cli.program import refused, run, run_json


def test_a_source_that_is_not_there_makes_no_home(tmp_path: Path) -> None:
    refused(run("replay", tmp_path / "nowhere", home=tmp_path / "home"), 3, "nowhere: no such file or folder")
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("names", [[], ["notes.txt"], ["photos.db"]])
def test_a_folder_without_known_files_makes_no_home(tmp_path: Path, names: list[str]) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in names:
        (source / name).write_bytes(b"SQLite format 3\x00")
    refused(run("replay", source, home=tmp_path / "home"), 3, "no database of a known legacy system", "config.db")
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("inside", [".", "new", "new/deeper", "history"])
def test_the_home_must_not_be_the_legacy_folder_nor_lie_in_it(source: Path, inside: str) -> None:
    before = contents(source)
    refused(run("replay", source, home=source / inside), 2, "legacy folder", "--home")
    assert contents(source) == before
    assert not (source / "new").exists()


def test_the_default_home_inside_the_legacy_folder_is_refused(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(source)
    refused(run("replay", "."), 2, "the home data lies in the legacy folder")


def test_a_home_beside_a_single_file_is_taken(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(source)
    assert run("replay", "ledger.db").exit_code == 0
    assert (source / "data" / "ledger.db").exists()


def test_a_ledger_of_a_legacy_system_is_not_taken_for_ours(source: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(source / "ledger.db", home)
    before = contents(home)
    for command in ("status", "verify", "catch-up"):
        refused(run(command, home=home), 2, "ledger.db is not a Daybook ledger")
    refused(run("replay", source, home=home), 2, "ledger.db is not a Daybook ledger")
    assert contents(home)["ledger.db"] == before["ledger.db"]


def test_another_system_s_databases_are_never_overwritten_by_read_models(
    source: Path, home: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(source / "config.db", other)
    before = contents(other)
    refused(run("replay", source, home=other), 2, "config.db is not a read model of Daybook")
    refused(run("rebuild-projection", "config", "--into", other, home=home), 2, "would be overwritten")
    shutil.copy(source / "config.db", home)
    for command in (("catch-up",), ("rebuild-projection", "--all"), ("verify", "projections", "--repair")):
        refused(run(*command, home=home), 2, "config.db is not a read model of Daybook")
    assert contents(other) == before
    assert (home / "config.db").read_bytes() == before["config.db"]


@pytest.mark.parametrize("left", ["missing", "empty"])
def test_a_home_that_lost_its_ledger_does_not_begin_a_new_one(source: Path, home: Path, left: str) -> None:
    for path in home.glob("ledger.db*"):
        path.unlink()
    if left == "empty":
        (home / "ledger.db").touch()
    for command in (("status",), ("verify",), ("catch-up",), ("rebuild-projection", "--all"), ("replay", source)):
        refused(run(*command, home=home), 2, f"ledger.db is {left}", "back-up")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("replay", "{source}", "--system", "hal"), "'hal' is not known. Known are: arduino-trader, trading-bot."),
        (("replay", "{source}", "--timezone", "Mars/Olympus"), "time zone 'Mars/Olympus' is not known"),
        (("replay", "{source}", "--timezone", "localtime"), "time zone 'localtime' depends on the machine"),
        (("rebuild-projection", "profits"), "there is no read model 'profits'. There are: agents, cache,"),
        (("rebuild-projection", "config", "--as-of", "soon", "--into", "x"), "'soon' is not a time"),
    ],
)
def test_what_is_not_known_is_named(source: Path, home: Path, command: tuple[str, ...], said: str) -> None:
    before = contents(home)
    refused(run(*(word.format(source=source) for word in command), home=home), 2, said)
    assert contents(home) == before


def test_a_zone_of_the_settings_that_is_another_elsewhere_is_refused_for_times_and_not_for_a_schedule(
    source: Path, tmp_path: Path
) -> None:
    settings = tmp_path / "home" / "daybook.toml"
    settings.parent.mkdir()
    for name in ("timezone", "timezones.trades"):
        settings.write_text(f'[sources.arduino-trader]\n{name} = "localtime"\n')
        refused(run("replay", source, home=settings.parent), 2, "daybook.toml", "'localtime' depends on the machine")
        assert contents(settings.parent).keys() == {"daybook.toml"}
    settings.write_text('[schedule]\ntimezone = "localtime"\n')
    assert run("replay", source, home=settings.parent).exit_code == 0


@pytest.mark.parametrize(
    "command",
    [
        ("rebuild-projection",),
        ("rebuild-projection", "config", "--all"),
        ("replay",),
        ("replay", "x", "--verify-only", "--dry-run"),
        ("verify", "everything"),
        ("verify", "--quick"),
        ("status", "--wrong"),
        ("nonsense",),
        ("demo", "--securities", "3"),
    ],
)
def test_wrong_usage_ends_with_2_and_names_the_help(command: tuple[str, ...]) -> None:
    result = run(*command)
    assert result.exit_code == 2
    assert "--help" in result.stderr
    assert result.stdout == ""


def test_a_home_without_a_ledger_says_how_to_begin(tmp_path: Path) -> None:
    for command in ("status", "verify", "catch-up"):
        refused(run(command, home=tmp_path / "none"), 2, "there is no ledger in", "cli replay SOURCE")
    refused(
        run("rebuild-projection", "--all", "--into", tmp_path / "x", home=tmp_path / "none"), 2, "there is no ledger"
    )
    assert not list(tmp_path.iterdir())


def test_a_home_that_cannot_be_made_or_written_is_named(source: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    refused(run("replay", source, home=tmp_path / "file" / "home"), 2, "cannot be made: Not a directory")
    if os.getuid():
        (tmp_path / "locked").mkdir(mode=0o500)
        refused(run("replay", source, home=tmp_path / "locked"), 2, "cannot be written to")


def test_a_busy_home_names_who_holds_it(source: Path, home: Path) -> None:
    with open_log(home, write=True, command="cli watch elsewhere"):
        refused(run("replay", source, home=home), 2, f"process {os.getpid()} (cli watch elsewhere)")
        assert run("status", home=home).exit_code == 0
        assert run("verify", home=home).exit_code == 0


def test_a_folder_that_is_not_empty_gets_no_demo(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    refused(run("demo", "--into", tmp_path), 2, "is not empty")


def test_an_error_is_an_object_as_well(tmp_path: Path) -> None:
    error = run_json("status", home=tmp_path)
    assert error["exit_code"] == 2
    assert error["error"].startswith("there is no ledger")
    assert "cli replay" in error["hint"]
    assert run_json("status", "--wrong")["exit_code"] == 2


def test_two_dots_in_a_path_survive(tmp_path: Path) -> None:
    assert "../gone: no such file" in run("replay", "../gone", home=tmp_path).stderr
