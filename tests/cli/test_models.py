"""`cli status`, `cli catch-up` and `cli rebuild-projection`: read models behind, missing, damaged, as they were."""

from __future__ import annotations

from pathlib import Path

from domain.systems import ARDUINO_TRADER
from projections.catalog import projectors
from tests.cli.damage import contents, execute, overwrite
from tests.cli.program import run, run_json

NAMES = [one.name for one in projectors() if one.system == ARDUINO_TRADER]


def test_a_home_that_is_up_to_date_says_so(home: Path) -> None:
    result = run("status", home=home)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "All read models are up to date."


def test_a_new_home_and_a_stale_one_say_what_to_do(source: Path, tmp_path: Path) -> None:
    home = tmp_path / "new"
    (source / "state.db").rename(tmp_path / "aside")
    (source / "state.db").write_text("unreadable")
    assert run("replay", source, home=home).exit_code == 3
    assert run("status", home=home).stdout.splitlines()[-1] == "The log is empty. Begin with: cli replay SOURCE"
    (tmp_path / "aside").replace(source / "state.db")
    assert run("replay", source, "--no-catch-up", home=home).exit_code == 0
    said = run("status", home=home).stdout.splitlines()[-1]
    assert said == f"{len(NAMES)} of {len(NAMES)} read models are not up to date. Bring them up: cli catch-up"
    assert run("catch-up", home=home).exit_code == 0
    assert run("status", home=home).stdout.splitlines()[-1] == "All read models are up to date."


def test_looking_at_the_status_changes_nothing(home: Path) -> None:
    before = contents(home)
    run("status", home=home)
    assert contents(home) == before


def test_catching_up_builds_missing_and_damaged_read_models_again_and_says_why(home: Path) -> None:
    (home / "config.db").unlink()
    overwrite(home / "universe.db", at=0, length=100)
    models = {one["name"]: one for one in run_json("catch-up", home=home)["models"]}
    assert [*models] == NAMES
    assert models["config"]["rebuilt"] == "the file is missing"
    assert "damaged" in models["universe"]["rebuilt"]
    assert models["agents"]["rebuilt"] is None
    assert run("verify", "projections", home=home).exit_code == 0


def test_a_rebuild_shows_what_differed_before(home: Path) -> None:
    execute(home / "config.db", "UPDATE settings SET value = 'forged' WHERE key = (SELECT min(key) FROM settings)")
    result = run("rebuild-projection", "config", home=home)
    assert result.exit_code == 0
    assert "value is 'forged', expected " in result.stdout
    (model,) = run_json("rebuild-projection", "config", home=home)["models"]
    assert model["differences"] == []


def test_all_read_models_are_rebuilt_and_a_name_given_twice_once(home: Path) -> None:
    assert [one["name"] for one in run_json("rebuild-projection", "--all", home=home)["models"]] == NAMES
    assert len(run_json("rebuild-projection", "config", "config", home=home)["models"]) == 1


def test_the_past_goes_into_a_folder_of_its_own(home: Path, tmp_path: Path) -> None:
    before = contents(home)
    result = run("rebuild-projection", "portfolio", "--as-of", "2025-06-30", "--into", tmp_path / "june", home=home)
    assert result.exit_code == 0
    assert contents(home) == before
    then = execute(tmp_path / "june" / "portfolio.db", "SELECT max(date) FROM portfolio_snapshots")
    assert str(then[0][0]) <= "2025-06-30"


def test_the_past_in_the_place_of_the_present_is_said_and_caught_up(home: Path) -> None:
    newest = "SELECT max(date) FROM portfolio_snapshots"
    present = execute(home / "portfolio.db", newest)
    result = run("rebuild-projection", "portfolio", "--as-of", "2025-06-30", home=home)
    assert result.exit_code == 0
    assert "The home shows the past now" in result.stdout
    assert str(execute(home / "portfolio.db", newest)[0][0]) <= "2025-06-30"
    assert run("catch-up", home=home).exit_code == 0
    assert execute(home / "portfolio.db", newest) == present


def test_the_home_may_be_named_before_or_behind_the_command(home: Path, tmp_path: Path) -> None:
    assert run("status", "--home", home).stdout == run("status", home=home).stdout
    assert run("status", "--home", home, home=tmp_path).exit_code == 0
