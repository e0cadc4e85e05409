"""A power cut while a back-up is made or restored: what was said to be done is done, and doing it again works."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from pathlib import Path

import pytest

from ledger.log import open_log
from ledger.verifying import verify_log
from operations.backup.copies import newest_proven
from operations.backup.making import backup
from operations.backup.tiers import Tier
from operations.home import BACKUPS
from operations.rebuilding import catch_up_all
from operations.restoring import restore
from operations.verifying import verify
from tests.faults.cutting import after_all, cuts
from tests.faults.disk import Disk, contents, seeded, write_state
from tests.faults.under_python import everything_watched
from tests.faults.under_sqlite3 import LIBRARY, REASON
from tests.projections.logs import SETTINGS, ledger_of

pytestmark = pytest.mark.skipif(LIBRARY is None, reason=REASON)

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def quiet(*_: object) -> None:
    """Tell nobody."""


def a_home(place: Path) -> Path:
    """A home with an older copy."""
    home = place / "home"
    ledger_of(home, SETTINGS[:4])
    (home / "daybook.toml").write_text("[backup]\nhourly = 3\n")
    catch_up_all(home, tell=quiet)
    backup(home, Tier.HOURLY, now=NOON - timedelta(hours=1))
    return home


def test_after_a_power_cut_while_copying_the_ledger_is_whole_and_a_copy_that_was_made_is_proven(
    tmp_path: Path,
) -> None:
    home = a_home(tmp_path)
    disk = Disk(home)
    with everything_watched(disk):
        backup(home, Tier.HOURLY, now=NOON)
        disk.promise(1)
    assert after_all(disk).keys() >= {f"backups/hourly/2026-11-20T12/{name}" for name in ("ledger.db", "manifest.json")}
    tried = 0
    for cut in chain(cuts(disk, seeded(), count=8), cuts(disk, first=len(disk.trace))):
        write_state(cut.files, tmp_path / "after")
        after, tried = tmp_path / "after", tried + 1
        found = newest_proven(after / BACKUPS)
        assert found is not None, cut.said
        assert found.name == "2026-11-20T12" or not cut.promised, cut.said
        assert verify_log(after / "ledger.db").findings == [], cut.said
        backup(after, Tier.HOURLY, now=NOON)
        again = newest_proven(after / BACKUPS)
        assert again is not None, cut.said
        assert again.name == "2026-11-20T12", cut.said
        assert verify_log(again.path / "ledger.db").findings == [], cut.said
        shutil.rmtree(after)
    assert tried > 8


def restored(tmp_path: Path, *, drawn: int, promised: int) -> None:
    """Cut the power while a home is restored, so often at random, and when it was said to be restored."""
    home = a_home(tmp_path)
    disk = Disk(tmp_path)
    with everything_watched(disk):
        restore([home / BACKUPS], tmp_path / "new", at=None, dry_run=False, replace=False, tell=quiet)
        disk.promise(4)
    whole = [*cuts(disk, seeded(), count=drawn), *islice(cuts(disk, first=len(disk.trace)), promised)]
    for cut in whole:
        write_state(cut.files, tmp_path / "after")
        after = tmp_path / "after" / "new"
        if cut.promised:
            with open_log(after, write=True) as log:
                assert log.head().position == 4, cut.said
            assert contents(after).get("daybook.toml") == disk.before["home/daybook.toml"], cut.said
            catch_up_all(after, tell=quiet)
            assert verify(after, "all", repair=False, tell=quiet).exit_code == 0, cut.said
        else:
            shutil.rmtree(after, ignore_errors=True)
            done = restore(
                [tmp_path / "after" / "home" / BACKUPS], after, at=None, dry_run=False, replace=False, tell=quiet
            )
            assert done.findings == [], cut.said
        shutil.rmtree(tmp_path / "after")
    assert contents(home)["ledger.db"] == disk.before["home/ledger.db"]


def test_after_a_power_cut_a_home_that_was_restored_is_whole(tmp_path: Path) -> None:
    restored(tmp_path, drawn=1, promised=3)


@pytest.mark.soak
def test_after_a_power_cut_at_many_steps_of_a_restore_it_can_be_done_again(tmp_path: Path) -> None:
    restored(tmp_path, drawn=60, promised=200)
