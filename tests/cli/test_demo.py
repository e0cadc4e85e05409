"""`cli demo`: the whole product once, in about two screens, with a verdict in the last line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from operations.demonstration import Demo
from operations.drilling import Verdict
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
    drilled = lines.index("$ cli backup daily; cli drill")
    assert re.fullmatch(r"backups/daily/\S+: [\d,]+ events, [\d.]+ MB, proven", lines[drilled + 1])
    assert lines[drilled + 2].startswith("PROVEN: daily/")
    assert {path.name for path in (tmp_path / "kept").iterdir()} == {"legacy", "home"}


class Temporary(NamedTuple):
    """What a demo in a temporary folder found, and what it left there."""

    found: dict[str, Any]
    left: list[Path]


@pytest.fixture(scope="module")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Temporary:
    place = tmp_path_factory.mktemp("temporary")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(place))
        return Temporary(run_json(*SMALL), list(place.iterdir()))


def test_a_temporary_folder_is_removed(temporary: Temporary) -> None:
    assert temporary.found["proven"]
    assert temporary.left == []


def test_the_copy_is_restored_and_what_is_kept_holds_only_what_was_replayed(temporary: Temporary) -> None:
    replayed, drill = temporary.found["replay"], temporary.found["drill"]
    assert (drill["verdict"], drill["position"]) == ("proven", replayed["position"])
    assert drill["lost_events"] == 0


def test_planted_breaks_are_shown_as_breaks_and_do_not_count_against_the_demo(temporary: Temporary) -> None:
    found = temporary.found
    assert {flaw["kind"] for flaw in found["planted"]} > {"missing-trade", "residue", "bucket-difference"}
    assert found["replay"]["breaks"]
    assert found["exit_code"] == 0


@pytest.mark.parametrize("broken", ["replay", "again", "drill"])
def test_a_demo_that_is_not_proven_ends_with_1(
    broken: str, temporary: Temporary, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = msgspec.convert(temporary.found, Demo, dec_hook=lambda kind, value: kind(value))
    assert found.proven
    if broken == "again":
        found.again = 1
    elif broken == "drill":
        found.drill.verdict = Verdict.FAILED
    else:
        found.replay.proven = False
    monkeypatch.setattr("operations.demonstration.demo", lambda *_, **__: found)
    result = run(*SMALL)
    assert result.exit_code == 1
    assert "NOT PROVEN" in result.stdout.splitlines()[-1]
