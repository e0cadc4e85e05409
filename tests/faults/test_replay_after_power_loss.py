"""A power cut anywhere in a replay: what was appended stays, and the replay that is given again ends with the same events."""

from __future__ import annotations

import shutil
from itertools import chain
from pathlib import Path

import msgspec
import pytest

from ledger.log import open_log
from ledger.verifying import verify_log
from operations.demo_legacy import write_legacy_folder
from operations.home import frozen_folders
from operations.replaying import manifest_of, replay
from operations.verifying import verify
from replay.freezing import sha256_of
from tests.faults.cutting import Cut, cuts
from tests.faults.disk import Disk, seeded, write_state
from tests.faults.under_python import everything_watched
from tests.faults.under_sqlite3 import LIBRARY, REASON
from tests.legacy import Legacy, bar, security, trade
from tests.replay.oracle import Event, chain_holds, stored

pytestmark = pytest.mark.skipif(LIBRARY is None, reason=REASON)


def quiet(*_: object) -> None:
    """Tell nobody."""


def replayed(legacy: Path, home: Path, batch: int) -> Disk:
    """A replay under watch; each batch that was appended is a promise."""
    home.mkdir()
    disk = Disk(home)

    def tell(phase: str, *_: object) -> None:
        if phase == "append":
            with open_log(home) as log:
                disk.promise(log.head().position)

    with everything_watched(disk):
        assert replay(legacy, home, batch_max=batch, tell=tell).proven
        disk.promise(len(stored(home)))
    return disk


def left(cut: Cut, copy: Path) -> list[Event]:
    """The events that are left; seen in a copy, since opening a ledger to write to it mends what a cut has left of it."""
    write_state(cut.files, copy)
    with open_log(copy, create=True, write=True):
        found = stored(copy)
    shutil.rmtree(copy)
    return found


def check(cut: Cut, legacy: Path, home: Path, after: Path) -> None:
    """What was acknowledged is there, reports and frozen copies are whole, and replaying again finishes what was begun."""
    write_state(cut.files, after)
    whole, found = stored(home), left(cut, after.with_name("looked-at"))
    assert len(found) >= cut.promised, cut.said
    assert found == whole[: len(found)], cut.said
    for folder in frozen_folders(after):
        for name, sha256 in manifest_of(folder).items():
            assert sha256_of(folder / name) == sha256, cut.said
    for path in after.glob("reports/replay-*.json"):
        assert msgspec.json.decode(path.read_bytes())["proven"], cut.said
    assert cut.promised < len(whole) or [*after.glob("reports/replay-*.md")], cut.said
    assert replay(legacy, after).proven, cut.said
    assert stored(after) == whole, cut.said
    assert chain_holds(after), cut.said
    assert verify_log(after / "ledger.db").findings == [], cut.said
    # The cache never waits for the disk: verifying finds what the cut has left of it, and mends it.
    verify(after, "projections", repair=True, tell=quiet)
    assert verify(after, "all", repair=False, tell=quiet).exit_code == 0, cut.said
    shutil.rmtree(after)


def test_after_a_power_cut_in_a_replay_the_next_one_ends_with_the_same_events(legacy: Legacy, tmp_path: Path) -> None:
    legacy.write("config.db", "config_v12", securities=[security("AAPL.US"), security("SAP.DE")])
    legacy.write("ledger.db", "ledger_v4", trades=[trade(f"T{number}", "AAPL.US") for number in range(3)])
    legacy.write("history/AAPL_US.db", "history_v1", daily_prices=[bar("2025-03-03"), bar("2025-03-04")])
    disk = replayed(legacy.folder, legacy.home, batch=3)
    rng = seeded()
    for cut in chain(cuts(disk, rng, count=2), cuts(disk, rng, count=1, first=len(disk.trace))):
        check(cut, legacy.folder, legacy.home, tmp_path / "after")


@pytest.mark.soak
def test_after_a_power_cut_at_many_steps_of_a_large_replay_the_next_one_ends_with_the_same_events(
    tmp_path: Path,
) -> None:
    write_legacy_folder(tmp_path / "legacy", securities=12, years=1)
    disk = replayed(tmp_path / "legacy", tmp_path / "home", batch=40)
    rng = seeded()
    for cut in chain(cuts(disk, rng, count=20), cuts(disk, rng, count=3, first=len(disk.trace))):
        check(cut, tmp_path / "legacy", tmp_path / "home", tmp_path / "after")
