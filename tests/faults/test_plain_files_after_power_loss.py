"""A power cut while plain files are written: segments, seals, the key, reports, frozen copies, the mark of damage."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

import pytest

from ledger.durable import make_folder, write_whole
from ledger.guarding import mark, marked
from ledger.log import open_log
from ledger.seal import key_of
from ledger.tree import open_tree
from ledger.verifying import verify_log
from operations.backup import segments
from operations.backup.segments import checked, segments_in, ship
from operations.demo_legacy import write_legacy_folder
from operations.replaying import manifest_of
from operations.restoring import restore
from operations.sealing import check_seals, newest_seal, seal
from replay.freezing import freeze
from replay.sources import Use, look
from tests.faults.cutting import after_all, cuts
from tests.faults.disk import Disk, contents, seeded, write_state
from tests.faults.under_python import everything_watched
from tests.faults.under_sqlite3 import LIBRARY, REASON
from tests.projections.logs import SETTINGS, ledger_of

pytestmark = pytest.mark.skipif(LIBRARY is None, reason=REASON)

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def quiet(*_: object) -> None:
    """Tell nobody."""


def hashes(home: Path) -> list[bytes]:
    with open_log(home) as log:
        return [one.hash for one in log.read()]


def search(disk: Disk, place: Path, check: Callable[[Path, int, str], None]) -> int:
    """Every state after a cut at every step; returns how many there were."""
    assert after_all(disk) == contents(disk.folder)
    count = 0
    for cut in cuts(disk):
        write_state(cut.files, place)
        check(place, cut.promised, cut.said)
        shutil.rmtree(place)
        count += 1
    return count


def test_a_power_cut_anywhere_leaves_segments_that_are_whole_and_are_continued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "EVENTS_MAX", 2)
    home, disk = tmp_path / "home", Disk(made(tmp_path / "disk"))
    ledger_of(home, SETTINGS[:3])
    with everything_watched(disk):
        ship(home, [disk.folder / "shipped"], now=NOW)
        disk.promise(3)
    after = tmp_path / "after"

    def check(place: Path, promised: int, said: str) -> None:
        folder = place / "shipped" / segments.FOLDER
        found = [checked(path) for path in segments_in(folder)]
        assert max((one.last for one in found), default=0) >= promised, said
        ship(home, [place / "shipped"], now=NOW)
        again = [checked(path) for path in segments_in(folder)]
        assert [one.first for one in again] == [1, *(one.last + 1 for one in again[:-1])], said
        assert again[-1].last == 3, said

    assert search(disk, after, check) > 20
    write_state(after_all(disk), after)
    restore([after / "shipped"], tmp_path / "new", at=None, dry_run=False, replace=False, tell=quiet)
    assert hashes(tmp_path / "new") == hashes(home)


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_a_power_cut_anywhere_leaves_no_key_or_a_whole_one(tmp_path: Path) -> None:
    disk = Disk(made(tmp_path / "disk"))
    with everything_watched(disk):
        key = key_of(disk.folder / "seals" / "key.pem").public_key()
        disk.promise(1)

    def check(place: Path, promised: int, said: str) -> None:
        is_there = (place / "seals" / "key.pem").exists()
        assert is_there or not promised, said
        if is_there:
            assert key_of(place / "seals" / "key.pem").public_key() == key, said

    assert search(disk, tmp_path / "after", check) > 4


def test_after_a_power_cut_while_sealing_the_ledger_is_whole_fits_its_seals_and_is_sealed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.tree.KEPT_FROM", 1)  # so that a small log has a tree to be kept
    home = tmp_path / "home"
    ledger_of(home, SETTINGS[:3])
    seal(home)
    disk = Disk(home)
    with everything_watched(disk):
        seal(home, to=home / "elsewhere")
        disk.promise(5)
    assert after_all(disk) == contents(home)
    whole, rng = hashes(home), seeded()
    for cut in chain(cuts(disk, rng, count=8), cuts(disk, rng, count=3, first=len(disk.trace))):
        after = tmp_path / "after"
        write_state(cut.files, after)
        assert hashes(after) in (whole[:4], whole), cut.said
        assert len(hashes(after)) >= cut.promised, cut.said
        assert verify_log(after / "ledger.db").findings == [], cut.said
        assert check_seals(after, *after.glob("elsewhere/seal-*.json")) == [], cut.said
        assert newest_seal(after).position == 4 or not cut.promised, cut.said
        seal(after)
        assert check_seals(after) == [], cut.said
        shutil.rmtree(after)


def test_a_tree_that_a_power_cut_has_left_gives_the_same_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.tree.KEPT_FROM", 1)
    home = tmp_path / "home"
    ledger_of(home, SETTINGS[:3])

    def root(folder: Path) -> bytes:
        with open_log(folder) as log, open_tree(log, keep=True) as tree:
            return tree.root(log.head().position)

    root(home)
    ledger_of(home, SETTINGS[3:])
    disk = Disk(home)
    with everything_watched(disk):
        right = root(home)
    for cut in cuts(disk, seeded(), count=40):
        write_state(cut.files, tmp_path / "after")
        assert root(tmp_path / "after") == right, cut.said
        shutil.rmtree(tmp_path / "after")


def test_a_power_cut_anywhere_leaves_frozen_copies_whole_or_without_a_manifest(tmp_path: Path) -> None:
    write_legacy_folder(tmp_path / "legacy", securities=12, years=1)
    files = [one for one in look(tmp_path / "legacy") if one.use is Use.READ]
    files = [min(files, key=lambda one: one.path.stat().st_size), next(one for one in files if "/" in one.name)]
    disk = Disk(made(tmp_path / "disk"))
    folder = disk.folder / "backups" / "replay-1"
    with everything_watched(disk):
        make_folder(folder)
        freeze(files, folder)
        disk.promise(1)

    def check(place: Path, promised: int, said: str) -> None:
        frozen = place / "backups" / "replay-1"
        is_finished = (frozen / "manifest.json").exists()
        assert is_finished or not promised, said
        if is_finished:
            assert contents(frozen) == contents(folder), said
            assert manifest_of(frozen) == manifest_of(folder), said

    assert search(disk, tmp_path / "after", check) > 10


def test_a_power_cut_anywhere_leaves_a_small_file_as_it_was_or_as_it_should_be(tmp_path: Path) -> None:
    """The way in which reports, seals, keys, statements and manifests are written."""
    folder = made(tmp_path / "disk")
    old, new = json.dumps(["old"] * 300).encode(), json.dumps(["new"] * 400).encode()
    (folder / "report.json").write_bytes(old)
    disk = Disk(folder)
    with everything_watched(disk):
        write_whole(folder / "report.json", new)
        disk.promise(1)

    def check(place: Path, promised: int, said: str) -> None:
        found = (place / "report.json").read_bytes()
        assert found == new or (found == old and not promised), said

    assert search(disk, tmp_path / "after", check) > 4


def test_the_cuts_find_a_file_that_is_renamed_before_it_is_synced(tmp_path: Path) -> None:
    folder = made(tmp_path / "disk")
    disk = Disk(folder)
    with everything_watched(disk):
        (folder / "unfinished").write_bytes(b"x" * 1000)
        (folder / "unfinished").rename(folder / "report")
        disk.promise(1)
    left = {cut.files.get("report") for cut in cuts(disk) if cut.promised}
    assert left == {None, b"", b"x" * 1000, b"x" * 512, bytes(512) + b"x" * 488}


def test_a_ledger_that_was_found_damaged_stays_so_after_a_power_cut(tmp_path: Path) -> None:
    home = tmp_path / "home"
    ledger_of(home, SETTINGS[:2])
    with open_log(home, write=True) as log:
        log.checkpoint()
    disk = Disk(home)
    with everything_watched(disk):
        mark(home, home / "ledger.db", found_at="2026-11-20T12:00:00.000000Z", last_good=1, reason="a test")
        disk.promise(1)

    def check(place: Path, promised: int, said: str) -> None:
        found = marked(place)
        assert found is not None or not promised, said
        if found is not None:
            assert (place / found.kept).read_bytes() == (home / "ledger.db").read_bytes(), said

    assert search(disk, tmp_path / "after", check) > 8
