"""What others write between two looks of one command: a model that is brought further, or derived again, meanwhile."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from projections import building, catalog, engine, rebuilding, stopping, verifying
from projections.building import standing
from projections.engine import CaughtUp, catch_up, model_path
from projections.rebuilding import rebuild
from projections.stopping import Stop, catch_up_or_stop, read_stop
from projections.verifying import verify_model
from tests.live.test_poison import counting
from tests.projections.logs import SETTINGS, ListedLog, content, log_of, setting

CONFIG = catalog.find("config")


class Others:
    """Three events that are recorded at some moment, and the model that others bring up to them at once."""

    def __init__(self, path: Path) -> None:
        self.path, self.more = path, SETTINGS[3:]
        self.listed = ListedLog(SETTINGS[:3])
        self.log: Any = self.listed
        catch_up(CONFIG, self.log, path)

    def come(self) -> None:
        more, self.more = self.more, []
        self.listed.extend(more)
        if more:
            catch_up(CONFIG, self.log, self.path)


def before(others: Others, function: Callable[..., Any]) -> Callable[..., Any]:
    def looked(*args: Any, **named: Any) -> Any:
        others.come()
        return function(*args, **named)

    return looked


def after(others: Others, function: Callable[..., Any]) -> Callable[..., Any]:
    def looked(*args: Any, **named: Any) -> Any:
        found = function(*args, **named)
        others.come()
        return found

    return looked


@pytest.mark.parametrize("moment", [before, after])
def test_a_model_that_others_bring_further_meanwhile_is_not_derived_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: Callable[..., Any]
) -> None:
    others = Others(tmp_path / "config.db")
    monkeypatch.setattr(engine, "standing", moment(others, standing))
    done = catch_up(CONFIG, others.log, others.path)
    assert (done.rebuilt, done.position) == (None, 6)
    assert content(others.path)[1].position == 6


@pytest.mark.parametrize("moment", [before, after])
@pytest.mark.parametrize("look", ["one_moment", "standing_in", "differences_in", "recount"])
def test_a_model_that_moves_on_while_it_is_verified_is_proven(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: Callable[..., Any], look: str
) -> None:
    others = Others(tmp_path / "config.db")
    monkeypatch.setattr(verifying, look, moment(others, getattr(verifying, look)))
    verdict = verify_model(CONFIG, others.log, tmp_path)
    assert not others.more
    assert (verdict.problems, verdict.differences) == ([], [])
    assert verdict.behind >= 0


@pytest.mark.parametrize("look", ["built_beside", "one_moment", "differences_in", "_switch", "_copy_into"])
def test_a_rebuild_takes_nothing_back_that_others_have_shown_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, look: str
) -> None:
    others = Others(tmp_path / "config.db")
    catch_up(CONFIG, log_of(*SETTINGS), tmp_path / "right.db")
    monkeypatch.setattr(rebuilding, look, before(others, getattr(rebuilding, look)))
    rebuilt = rebuild(CONFIG, others.log, tmp_path)
    assert content(others.path) == content(tmp_path / "right.db")
    assert (rebuilt.position, rebuilt.events, rebuilt.rows["settings"], rebuilt.differences) == (6, 6, 6, [])


def test_a_model_as_it_was_known_stays_so_though_others_show_more_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = Others(tmp_path / "config.db")
    monkeypatch.setattr(rebuilding, "_switch", before(others, rebuilding._switch))
    rebuild(CONFIG, others.log, tmp_path, known_at="2026-01-01T00:00:02.000000Z")
    assert content(others.path)[1].position == 2


def test_a_stop_that_others_have_met_meanwhile_stays_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, listed = tmp_path / "config.db", ListedLog(SETTINGS[:3])
    log: Any = listed
    stops: list[CaughtUp | Stop] = []

    def caught_up(*args: Any, **named: Any) -> CaughtUp:
        done = catch_up(*args, **named)
        with monkeypatch.context() as patch:
            patch.setattr(stopping, "catch_up", catch_up)
            listed.extend([setting(99, "poison")])
            stops.append(catch_up_or_stop(counting(1), log, path))
        return done

    monkeypatch.setattr(stopping, "catch_up", caught_up)
    assert isinstance(catch_up_or_stop(counting(1), log, path), CaughtUp)
    assert stops == [read_stop(counting(1), log, tmp_path)]
    assert isinstance(stops[0], Stop)


def test_the_note_of_a_model_in_a_folder_is_found_where_it_lies(tmp_path: Path) -> None:
    projector = replace(counting(1), name="trading-bot/config")
    path = model_path(tmp_path, projector.name)
    log = log_of(setting(99, "poison"))
    stop = catch_up_or_stop(projector, log, path)
    assert isinstance(stop, Stop)
    time.sleep(0.001)
    assert catch_up_or_stop(projector, log, path) == stop == read_stop(projector, log, tmp_path)


def test_a_file_that_its_owner_has_just_begun_anew_is_no_leftover(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside, flock = tmp_path / f".config.db.{os.getpid()}.building", fcntl.flock
    beside.touch()

    def begun_anew(file: Any, how: int) -> None:
        beside.unlink()
        beside.write_text("new")
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", begun_anew)
    building.remove_leftovers(tmp_path / "config.db")
    assert beside.read_text() == "new"
