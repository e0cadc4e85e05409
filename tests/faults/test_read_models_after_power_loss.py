"""A power cut while a read model catches up or is rebuilt: catching up again gives what the log says."""

from __future__ import annotations

import shutil
from pathlib import Path

import apsw

from domain.advice import CacheEntryStored
from domain.event import Event
from projections import catalog
from projections.comparing import table_digests
from projections.engine import catch_up, model_path
from projections.feeding import Feed
from projections.rebuilding import rebuild, rebuild_file
from projections.verifying import verify_model
from tests.faults.cutting import Cut, after_all, cuts
from tests.faults.disk import Disk, contents, seeded, write_state
from tests.faults.under_apsw import watched
from tests.projections.logs import content, log_of, setting


def cached(number: int) -> Event:
    return CacheEntryStored(cache="cache_entries", cache_key=f"key {number % 4}", cache_value=f"{number}" * 400)


HISTORIES: dict[str, list[Event]] = {
    "config": [setting(number % 4, str(number)) for number in range(8)],
    "cache": [cached(number) for number in range(8)],
}


def lived(name: str, home: Path) -> Disk:
    """A read model of four events that takes four more, one after the other."""
    home.mkdir()
    log, path = log_of(*HISTORIES[name]), model_path(home, name)
    catch_up(catalog.find(name), log, path, through=4)
    disk = Disk(home)
    with watched(disk):
        for through in range(5, 9):
            catch_up(catalog.find(name), log, path, through=through)
    return disk


def test_the_watched_disk_holds_what_the_real_one_holds(tmp_path: Path) -> None:
    disk = lived("config", tmp_path / "home")
    assert {op.kind for op in disk.trace} >= {"write", "sync", "delete"}
    assert after_all(disk) == contents(tmp_path / "home")


def test_after_a_power_cut_catching_up_again_gives_the_whole_read_model(tmp_path: Path) -> None:
    disk = lived("config", tmp_path / "home")
    log = log_of(*HISTORIES["config"])
    right = content(model_path(tmp_path / "home", "config"))
    for cut in drawn(disk, 60):
        write_state(cut.files, tmp_path / "after")
        path = model_path(tmp_path / "after", "config")
        catch_up(catalog.find("config"), log, path)
        assert content(path) == right, cut.said
        shutil.rmtree(tmp_path / "after")


def test_what_a_power_cut_does_to_the_cache_is_mended_or_found_by_verifying_and_then_mended(tmp_path: Path) -> None:
    """The cache never waits for the disk: what was written may be there in parts."""
    disk = lived("cache", tmp_path / "home")
    projector, log = catalog.find("cache"), log_of(*HISTORIES["cache"])
    right = content(model_path(tmp_path / "home", "cache"))
    found = 0
    for cut in drawn(disk, 60):
        write_state(cut.files, tmp_path / "after")
        path = model_path(tmp_path / "after", "cache")
        catch_up(projector, log, path)
        is_right = table_digests_or_none(path) == right[0]
        assert verify_model(projector, log, tmp_path / "after").is_proven == is_right, cut.said
        if not is_right:
            found += 1
            rebuild(projector, log, tmp_path / "after")
            assert content(path) == right, cut.said
        shutil.rmtree(tmp_path / "after")
    assert found, "no cut left the cache in parts, so this shows nothing"


def drawn(disk: Disk, count: int) -> list[Cut]:
    found = list(cuts(disk))
    return seeded().sample(found, min(count, len(found)))


def table_digests_or_none(path: Path) -> dict[str, tuple[int, str]] | None:
    try:
        return table_digests(path)
    except apsw.Error:
        return None


def test_a_power_cut_while_a_rebuilt_model_is_put_in_place_leaves_one_that_can_be_caught_up(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    log, path = log_of(*HISTORIES["config"]), model_path(home, "config")
    catch_up(catalog.find("config"), log, path, through=3)
    disk = Disk(home)
    with watched(disk):
        rebuild_file(Feed(catalog.find("config"), log, 8), path)
    right = content(path)
    for cut in cuts(disk, seeded(), count=40):
        write_state(cut.files, tmp_path / "after")
        after = model_path(tmp_path / "after", "config")
        catch_up(catalog.find("config"), log, after)
        assert content(after) == right, cut.said
        shutil.rmtree(tmp_path / "after")
