"""A power cut while a home is replaced by a restored one, and while a drill is held: nothing that was there is lost."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path

import pytest

from ledger.log import open_log
from ledger.verifying import verify_log
from operations.backup.copies import newest_proven
from operations.backup.making import backup
from operations.backup.tiers import Tier
from operations.drilling import STREAM, Verdict, drill
from operations.home import BACKUPS
from operations.rebuilding import catch_up_all
from operations.restoring import restore
from operations.sealing import seal
from operations.verifying import verify
from tests.faults.cutting import Cut, after_all, cuts
from tests.faults.disk import Disk, contents, seeded, write_state
from tests.faults.under_python import everything_watched
from tests.faults.under_sqlite3 import LIBRARY, REASON
from tests.projections.logs import SETTINGS, ledger_of

pytestmark = pytest.mark.skipif(LIBRARY is None, reason=REASON)

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
KEY = "seals/seal-key.pem"


def quiet(*_: object) -> None:
    """Tell nobody."""


def a_home(place: Path) -> Path:
    """A sealed home with settings of its own, read models, and a copy of its first four events."""
    home = place / "home"
    ledger_of(home, SETTINGS[:4])
    (home / "daybook.toml").write_text("[backup]\nhourly = 3\n")
    backup(home, Tier.HOURLY, now=NOON - timedelta(hours=1))
    seal(home)
    catch_up_all(home, tell=quiet)
    return home


def hashes(home: Path) -> list[bytes]:
    """The whole log; empty where there is none."""
    if not (home / "ledger.db").exists():
        return []
    with open_log(home) as log:
        return [one.hash for one in log.read()]


def restored(place: Path, home: Path) -> None:
    """Go back to the fourth event, with the copies wherever they are now."""
    places = [one / BACKUPS for one in [home, *place.glob("home.replaced-*")]]
    done = restore(places, home, at="4", dry_run=False, replace=True, tell=quiet)
    assert done.findings == []


def check_replaced(cut: Cut, before: list[bytes], place: Path, *, thorough: bool) -> None:
    """The old home or the new one has the name, both are whole, and what belongs to them is with one of them."""
    write_state(cut.files, place)
    home, aside = place / "home", [*place.glob("home.replaced-*")]
    assert hashes(home) in (before, before[:4]), cut.said
    assert before in map(hashes, [home, *aside]), cut.said
    assert any((one / KEY).exists() and (one / KEY).read_bytes() for one in [home, *aside]), cut.said
    assert newest_proven(*(one / BACKUPS for one in [home, *aside])) is not None, cut.said
    if cut.promised:
        assert hashes(home) == before[:4], cut.said
        assert all(contents(home).get(name) == contents(aside[0])[name] for name in (KEY, "daybook.toml")), cut.said
        assert newest_proven(home / BACKUPS) is not None, cut.said
    if thorough:
        if not cut.promised:
            restored(place, home)
        assert hashes(home) == before[:4], cut.said
        catch_up_all(home, tell=quiet)
        assert verify(home, "all", repair=False, tell=quiet).exit_code == 0, cut.said
    shutil.rmtree(place)


def replaced(tmp_path: Path, *, drawn: int, late: int, thorough_each: int) -> None:
    """Cut the power while a home is replaced: anywhere, and from when the folders change their names."""
    home = a_home(tmp_path)
    before = hashes(home)
    disk = Disk(tmp_path)
    with everything_watched(disk):
        restored(tmp_path, home)
        disk.promise(4)
    assert after_all(disk) == contents(tmp_path)
    rng = seeded()
    swap = next(at for at, op in enumerate(disk.trace) if op.kind == "exchange")
    found = chain(
        cuts(disk, rng, count=drawn),
        cuts(disk, rng, count=late, first=swap),
        cuts(disk, rng, count=late // 2, first=len(disk.trace)),
    )
    for number, cut in enumerate(found):
        check_replaced(cut, before, tmp_path / "after", thorough=number % thorough_each == 0)


def test_after_a_power_cut_while_a_home_is_replaced_the_old_one_or_the_new_one_is_whole(tmp_path: Path) -> None:
    replaced(tmp_path, drawn=6, late=20, thorough_each=20)


@pytest.mark.soak
def test_after_a_power_cut_at_many_steps_of_replacing_a_home_it_can_be_done_again(tmp_path: Path) -> None:
    replaced(tmp_path, drawn=80, late=100, thorough_each=5)


def drilled(tmp_path: Path, *, drawn: int) -> None:
    """Cut the power while a drill restores, compares and says what it found."""
    home = a_home(tmp_path)
    before = hashes(home)
    disk = Disk(home)
    with everything_watched(disk):
        assert drill(home, now=NOON, tell=quiet).verdict is Verdict.PROVEN
        disk.promise(len(before) + 1)
    whole = hashes(home)
    rng = seeded()
    for cut in chain(cuts(disk, rng, count=drawn), cuts(disk, rng, count=1, first=len(disk.trace))):
        after = tmp_path / "after"
        write_state(cut.files, after)
        assert hashes(after) in (before, whole), cut.said
        assert len(hashes(after)) >= cut.promised, cut.said
        assert verify_log(after / "ledger.db").findings == [], cut.said
        assert drill(after, now=NOON, tell=quiet).verdict is Verdict.PROVEN, cut.said
        assert not [*(after / BACKUPS).glob(".drill-*")], cut.said
        with open_log(after) as log:
            assert len(log.stream(STREAM)) == len(hashes(after)) - len(before), cut.said
        shutil.rmtree(after)


def test_after_a_power_cut_in_a_drill_the_ledger_is_whole_and_the_next_drill_proves_it(tmp_path: Path) -> None:
    drilled(tmp_path, drawn=1)


@pytest.mark.soak
def test_after_a_power_cut_at_many_steps_of_a_drill_the_next_one_proves_it(tmp_path: Path) -> None:
    drilled(tmp_path, drawn=40)
