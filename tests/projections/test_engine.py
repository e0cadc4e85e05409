"""The engine: exactly once, whatever the batches, the crashes and the state of the file."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import StoreError
from domain.event import Event
from domain.prices import ExchangeRateQuoted
from domain.universe import SettingChanged
from ledger.log import Log
from projections import catalog, checkpoint
from projections.checkpoint import Checkpoint
from projections.engine import PoisonEvent, catch_up
from projections.feeding import Feed
from projections.plan import Batch, Plan
from projections.projector import Fact, Projector
from projections.rebuilding import rebuild_file
from projections.verifying import verify_model
from tests.projections.logs import SETTINGS, Content, ListedLog, content, histories, log_of, setting
from tests.searching import examples

# Of one that is an index of files, the index: the files have tests of their own.
PROJECTORS = [pytest.param(replace(one, files=None), id=one.name) for one in catalog.projectors()]
CONFIG = catalog.find("config")
few = settings(max_examples=examples(6), deadline=None, suppress_health_check=[HealthCheck.too_slow])


class Crash(BaseException):
    """The process ends here; no handler of errors sees it."""


def folded(projector: Projector, history: Sequence[Event], *, cuts: Sequence[int], batch: int) -> Content:
    """The read model after it was caught up at each of the cuts, and twice at the end."""
    log = ListedLog()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.db"
        for cut in [*sorted(cuts), len(history)]:
            log.extend(history[len(log.stored) : cut])
            catch_up(projector, _as_log(log), path, batch=batch)
        once = content(path)
        assert catch_up(projector, _as_log(log), path, batch=batch).events == 0
        assert content(path) == once
        return once


def _as_log(log: ListedLog) -> Log:
    return log  # type: ignore[return-value]  # it has the methods that the engine calls


@pytest.mark.parametrize("projector", PROJECTORS)
@given(data=st.data(), cuts=st.lists(st.integers(0, 12), max_size=3), batch=st.integers(1, 4))
@few
def test_stops_and_batches_change_nothing(
    projector: Projector, data: st.DataObject, cuts: list[int], batch: int
) -> None:
    history = data.draw(histories(projector))
    assert folded(projector, history, cuts=cuts, batch=batch) == folded(projector, history, cuts=[], batch=1_000)


@pytest.mark.parametrize("projector", PROJECTORS)
@given(data=st.data(), batch=st.integers(1, 4), crash=st.integers(0, 12))
@few
def test_a_crash_in_mid_batch_changes_nothing(
    projector: Projector, data: st.DataObject, batch: int, crash: int
) -> None:
    history = data.draw(histories(projector))
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        path = Path(folder) / "model.db"
        catch_up(projector, log_of(), path)
        patch.setattr(checkpoint, "advance", _crashing(checkpoint.advance, crash))
        try:
            catch_up(projector, log_of(*history), path, batch=batch)
        except Crash:
            catch_up(projector, log_of(*history), path, batch=batch)
        patch.undo()
        assert content(path) == folded(projector, history, cuts=[], batch=1_000)


def _crashing(advance: Callable[[apsw.Connection, Checkpoint], None], after: int) -> Callable[..., None]:
    """The last step of a batch, which fails once: the rows are written and nothing is committed."""
    left = [after]

    def crash(db: apsw.Connection, mark: Checkpoint) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Crash
        advance(db, mark)

    return crash


def _one_too_far(plan: Plan, log: Log, *, after: int, through: int, limit: int) -> Batch:
    return READ(plan, log, after=after + (after > 0), through=through, limit=limit)


def _one_again(plan: Plan, log: Log, *, after: int, through: int, limit: int) -> Batch:
    return READ(plan, log, after=max(after - 1, 0), through=through, limit=limit)


READ = Plan.read


@pytest.mark.parametrize("fault", [_one_too_far, _one_again])
def test_an_off_by_one_between_batches_is_caught(fault: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Plan, "read", fault)
    with pytest.raises(Exception, match=r"assert|has seen"):
        assert folded(CONFIG, SETTINGS, cuts=[2, 4], batch=2) == folded(CONFIG, SETTINGS, cuts=[], batch=1_000)


def test_rows_without_their_checkpoint_are_caught(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    projector = counting()
    path = tmp_path / "config.db"
    catch_up(projector, log_of(), path)
    real = checkpoint.advance

    def commit_early(db: apsw.Connection, mark: Checkpoint) -> None:
        db.execute("COMMIT")
        monkeypatch.setattr(checkpoint, "advance", real)
        raise Crash

    monkeypatch.setattr(checkpoint, "advance", commit_early)
    with pytest.raises(Crash):
        catch_up(projector, log_of(*SETTINGS), path, batch=2)
    catch_up(projector, log_of(*SETTINGS), path, batch=2)
    assert verify_model(projector, log_of(*SETTINGS), tmp_path).differences


def counting() -> Projector:
    """A projector of which every event counts: handling one twice shows, which an upsert would hide."""
    projector = Projector(name="config", version=99)

    @projector.on(SettingChanged)
    def counted(db: apsw.Connection, fact: Fact) -> None:
        assert isinstance(fact.event, SettingChanged)
        if fact.event.value == "poison":
            raise ValueError("it tastes odd")
        db.execute(COUNT)

    return projector


COUNT = """
INSERT INTO settings (key, value) VALUES ('count', '1')
ON CONFLICT (key) DO UPDATE SET value = CAST(value + 1 AS TEXT)
"""


def test_two_that_catch_up_the_same_model_take_turns(tmp_path: Path) -> None:
    projector = counting()
    path = tmp_path / "config.db"
    catch_up(projector, log_of(), path)
    log = log_of(*(setting(number) for number in range(60)))
    threads = [threading.Thread(target=catch_up, args=(projector, log, path), kwargs={"batch": 1}) for _ in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert apsw.Connection(str(path)).execute("SELECT value FROM settings").get == "60"
    assert verify_model(projector, log, tmp_path).is_proven


def test_an_event_that_cannot_be_taken_is_named_and_its_batch_undone(tmp_path: Path) -> None:
    projector = counting()
    path = tmp_path / "config.db"
    catch_up(projector, log_of(*SETTINGS[:2]), path)
    before = content(path)
    history = [*SETTINGS[:4], setting(4, "poison"), *SETTINGS[4:]]
    with pytest.raises(PoisonEvent, match=r"config: .*position 5 \(setting-changed\.v1\).*ValueError: it tastes odd"):
        catch_up(projector, log_of(*history), path)
    assert content(path) == before


def test_an_event_that_cannot_be_taken_stops_a_rebuild_and_leaves_the_live_model(tmp_path: Path) -> None:
    projector = counting()
    path = tmp_path / "config.db"
    catch_up(projector, log_of(*SETTINGS[:2]), path)
    before = content(path)
    log = log_of(*SETTINGS[:4], setting(4, "poison"))
    with pytest.raises(PoisonEvent, match="position 5"):
        rebuild_file(Feed(projector, log, 5), path)
    assert content(path) == before
    assert [file.name for file in tmp_path.iterdir() if "building" in file.name] == []


def test_an_event_that_a_table_refuses_is_named(tmp_path: Path) -> None:
    quote = ExchangeRateQuoted(from_currency="USD", to_currency="EUR", rate=Decimal("NaN"))
    with pytest.raises(PoisonEvent, match=r"history: .*position 2"):
        catch_up(catalog.find("history"), log_of(SETTINGS[0], quote), tmp_path / "history.db")


def _skipping(plan: Plan, log: Log, *, after: int, through: int, limit: int) -> Batch:
    batch = READ(plan, log, after=after, through=through, limit=limit)
    return batch._replace(states=batch.states[1:], hashes=batch.hashes[1:])


def test_a_skipped_event_is_found_by_the_count(tmp_path: Path) -> None:
    path = tmp_path / "config.db"
    catch_up(CONFIG, log_of(*SETTINGS[:2]), path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Plan, "read", _skipping)
        catch_up(CONFIG, log_of(*SETTINGS), path)
    verdict = verify_model(CONFIG, log_of(*SETTINGS), tmp_path)
    assert [str(difference) for difference in verdict.differences] == ["settings key 2: the row is missing"]
    assert verdict.problems == ["it says that it saw 5 events, the log has 6 for it, or others"]


def test_a_build_that_skips_an_event_never_goes_live(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Plan, "read", _skipping)
    with pytest.raises(StoreError, match=r"has seen 5 events up to 6, the log has 6"):
        catch_up(CONFIG, log_of(*SETTINGS), tmp_path / "config.db")
    assert list(tmp_path.iterdir()) == []


@given(history=histories(CONFIG), through=st.integers(0, 12), batch=st.integers(1, 4))
@few
def test_a_model_through_a_position_is_the_model_at_that_position(
    history: list[Event], through: int, batch: int
) -> None:
    through = min(through, len(history))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.db"
        catch_up(CONFIG, log_of(*history), path, through=through, batch=batch)
        assert content(path) == folded(CONFIG, history[:through], cuts=[], batch=1_000)


def test_the_position_advances_past_events_of_others(tmp_path: Path) -> None:
    rate = ExchangeRateQuoted(from_currency="USD", to_currency="EUR", rate=Decimal(1))
    result = catch_up(CONFIG, log_of(SETTINGS[0], rate, rate), tmp_path / "config.db")
    assert (result.position, result.events) == (3, 1)
