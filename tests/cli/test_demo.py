"""`cli demo`: the whole product once, in about two screens, with a verdict in the last line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from operations.demonstration import Demo
from tests.cli.program import run, run_json

SMALL = ("demo", "--securities", "12", "--years", "1")
LAST = r"[\d,]+ rows, [\d,]+ events, 7 read models, proven, \d+\.\d seconds"


def test_the_last_line_says_what_was_done_and_that_it_is_proven(tmp_path: Path) -> None:
    result = run(*SMALL, "--into", tmp_path / "kept")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert re.fullmatch(LAST, lines[-1])
    assert len(lines) < 100
    assert max(len(line) for line in lines if str(tmp_path) not in line) < 180
    assert "The second time, 0 events were appended." in lines
    assert {path.name for path in (tmp_path / "kept").iterdir()} == {"legacy", "home"}


def test_a_temporary_folder_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    found = run_json(*SMALL)
    assert found["proven"]
    assert not list(tmp_path.iterdir())


def test_planted_breaks_are_shown_as_breaks_and_do_not_count_against_the_demo() -> None:
    found = run_json(*SMALL)
    assert {flaw["kind"] for flaw in found["planted"]} > {"missing-trade", "residue", "bucket-difference"}
    assert found["replay"]["breaks"]
    assert found["exit_code"] == 0


@pytest.mark.parametrize("broken", ["replay", "again"])
def test_a_demo_that_is_not_proven_ends_with_1(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Unproven(Demo, kw_only=True):
        def __post_init__(self) -> None:
            if broken == "again":
                self.again = 1
            else:
                self.replay.proven = False

    monkeypatch.setattr("operations.demonstration.Demo", Unproven)
    result = run(*SMALL)
    assert result.exit_code == 1
    assert "NOT PROVEN" in result.stdout.splitlines()[-1]
