"""`cli verify`: what it finds, how it names it, what it mends, and how it ends."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.damage import contents, execute, forge, overwrite
from tests.cli.program import run, run_json


def copy_of(home: Path) -> Path:
    (folder,) = (home / "backups").iterdir()
    return folder


def test_a_sound_home_ends_with_0_and_is_left_as_it_was(home: Path) -> None:
    before = contents(home)
    result = run("verify", home=home)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "All 9 sound."
    assert contents(home) == before


def test_a_forged_event_is_named_by_its_position(home: Path) -> None:
    forge(home / "ledger.db", "UPDATE stored_events SET state = replace(state, '1', '2') WHERE rowid = 7")
    result = run("verify", "ledger", home=home)
    assert result.exit_code == 1
    assert "ledger: the event at position 7 " in result.stdout
    assert "never repaired" in result.stdout


def test_the_quick_check_of_the_ledger_finds_a_forged_event_and_says_what_it_did_not_look_at(home: Path) -> None:
    result = run("verify", "ledger", "--quick", home=home)
    assert result.exit_code == 0
    assert "hashes and pages only" in result.stdout
    assert "hashes and pages only" not in run("verify", "ledger", home=home).stdout
    forge(home / "ledger.db", "UPDATE stored_events SET state = replace(state, '1', '2') WHERE rowid = 7")
    result = run("verify", "ledger", "--quick", home=home)
    assert result.exit_code == 1
    assert "ledger: the event at position 7 " in result.stdout


def test_a_damaged_event_does_not_keep_the_rest_from_being_verified(home: Path) -> None:
    state = execute(home / "ledger.db", "SELECT state FROM stored_events WHERE topic LIKE 'daily-prices%' LIMIT 1")[0][
        0
    ]
    place = (home / "ledger.db").read_bytes().index(str(state)[:200].encode())
    overwrite(home / "ledger.db", at=place + 100, length=30)
    parts = {part["name"]: part for part in run_json("verify", home=home)["parts"]}
    assert len(parts) == 9
    assert parts["ledger"]["found"]
    assert parts["history.db"]["unread"]
    assert not parts["agents.db"]["found"] + parts["agents.db"]["unread"]


@pytest.mark.parametrize("cut", [100, 4096 * 40])
def test_a_ledger_that_cannot_be_read_ends_with_3_and_says_so_once(home: Path, cut: int) -> None:
    with (home / "ledger.db").open("r+b") as file:
        file.truncate(cut)
    result = run("verify", home=home)
    assert result.exit_code == 3
    assert result.stdout.count("the ledger cannot be opened") == 1
    assert result.stdout.splitlines()[-1].startswith("NOT VERIFIED (not read: ledger, agents.db")
    for command in ("status", "catch-up"):
        assert run(command, home=home).exit_code == 3


def test_what_differs_in_a_read_model_is_named_and_can_be_repaired(home: Path) -> None:
    symbol = execute(home / "portfolio.db", "SELECT min(symbol) FROM positions")[0][0]
    execute(home / "portfolio.db", f"UPDATE positions SET quantity = 1234.5 WHERE symbol = '{symbol}'")
    (home / "config.db").unlink()
    overwrite(home / "universe.db", at=0, length=50)
    found = run("verify", "projections", home=home)
    assert found.exit_code == 1
    assert f"portfolio.db: positions {symbol}: quantity is 1234.5, expected " in found.stdout
    assert "config.db: the file is missing" in found.stdout
    assert "--repair" in found.stdout
    mended = run("verify", "projections", "--repair", home=home)
    assert mended.exit_code == 0
    assert mended.stdout.splitlines()[-1] == "All 7 sound, 3 of them after repair."
    assert run("verify", home=home).stdout.splitlines()[-1] == "All 9 sound."


def test_repair_never_touches_the_ledger(home: Path) -> None:
    forge(home / "ledger.db", "UPDATE stored_events SET topic = 'trade-voided.v1' WHERE rowid = 9")
    before = (home / "ledger.db").read_bytes()
    assert run("verify", "ledger", "--repair", home=home).exit_code == 1
    assert (home / "ledger.db").read_bytes() == before


def test_an_altered_frozen_file_is_named_with_its_rows(home: Path) -> None:
    execute(copy_of(home) / "state.db", "UPDATE positions SET quantity = 77 WHERE rowid = 1")
    result = run("verify", "sources", home=home)
    assert result.exit_code == 1
    assert "sources: state.db: altered since it was frozen" in result.stdout
    assert "quantity: expected [77.0], found " in result.stdout


def test_a_damaged_frozen_file_is_named(home: Path) -> None:
    overwrite(copy_of(home) / "state.db", at=0, length=5000)
    result = run("verify", "sources", home=home)
    assert result.exit_code == 1
    assert "state.db: altered since it was frozen" in result.stdout
    assert "cannot be read any more" in result.stdout


@pytest.mark.parametrize("name", ["config.db", "ledger.db", "manifest.json"])
def test_verified_but_one_missing_is_not_0(home: Path, name: str) -> None:
    (copy_of(home) / name).unlink()
    result = run("verify", home=home)
    assert result.exit_code == 3
    assert "NOT READ" in result.stdout
    assert result.stdout.splitlines()[-1] == "NOT VERIFIED (not read: sources)"


def test_a_deleted_frozen_copy_ends_with_3(home: Path) -> None:
    shutil.rmtree(home / "backups")
    result = run("verify", "sources", home=home)
    assert result.exit_code == 3
    assert "no frozen copy is left" in result.stdout


def test_an_altered_manifest_names_what_differs(home: Path) -> None:
    manifest = copy_of(home) / "manifest.json"
    manifest.write_text(
        manifest.read_text().replace('"bytes"', '"octets"', 1).replace('"sha256": "', '"sha256": "0', 1)
    )
    result = run("verify", "sources", home=home)
    assert result.exit_code == 3
    assert "manifest.json differs from the log in " in result.stdout


def test_the_index_of_what_was_seen_is_not_believed(home: Path) -> None:
    (home / "replay.db").write_bytes(b"rubbish")
    assert run("verify", "sources", home=home).exit_code == 0
    assert (home / "replay.db").read_bytes() == b"rubbish"


def test_an_object_lists_every_part(home: Path) -> None:
    found = run_json("verify", home=home)
    assert found["parts"][0]["name"] == "ledger"
    assert all(not part["found"] and not part["unread"] for part in found["parts"])


@pytest.mark.parametrize(
    "forged",
    [
        "UPDATE stored_events SET state = 'x' WHERE topic = 'daily-prices-recorded.v1'",
        "UPDATE stored_events SET state = '{}' WHERE topic = 'trade-executed.v1'",
        "UPDATE stored_events SET source = 'x' WHERE topic = 'trade-executed.v1'",
        "UPDATE stored_events SET state = '{}' WHERE topic GLOB 'replay-*'",
        "UPDATE stored_events SET rowid = rowid + 5 WHERE rowid = (SELECT max(rowid) FROM stored_events)",
        "DELETE FROM stored_events WHERE rowid = 200",
    ],
)
def test_whatever_was_done_to_the_log_no_command_crashes(source: Path, home: Path, forged: str) -> None:
    forge(home / "ledger.db", forged)
    assert run("verify", home=home).exit_code == 1
    for command in (("replay", source), ("rebuild-projection", "--all"), ("status",)):
        assert run(*command, home=home).exit_code in (0, 1, 3)
