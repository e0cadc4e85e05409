"""The copies there are, whether they are proven, and which of them are kept."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ledger.durable import sync
from operations.backup import manifest as manifests
from operations.backup.manifest import Manifest
from operations.backup.tiers import Tier
from operations.home import BACKUPS

UNFINISHED = ".unfinished-"


class Copy(NamedTuple):
    """A finished copy. manifest: what it holds; None when its manifest cannot be read, then `reason` says why."""

    tier: Tier
    path: Path
    manifest: Manifest | None
    reason: str = ""

    @property
    def name(self) -> str:
        """The period it belongs to."""
        return self.path.name

    def problems(self) -> list[str]:
        """What is wrong with it, a sentence each: every byte of every file is read again. Nothing: it is proven."""
        if self.manifest is None:
            return [self.reason]
        try:
            return list(manifests.changed(self.path, self.manifest))
        except FileNotFoundError:  # a back-up prunes it at this moment
            return ["it is being removed"]


def folders(home: Path, *others: Path) -> list[Path]:
    """Where copies of this home may lie: its own folder, and others such as another disk."""
    return [home / BACKUPS, *others]


def copies_of(folder: Path, tier: Tier) -> list[Copy]:
    """The copies of a tier, oldest first."""
    place = folder / tier
    found = sorted(one for one in place.iterdir() if one.is_dir()) if place.is_dir() else []
    copies = [_copy(tier, one) for one in found if not one.name.startswith(".")]
    # One that was pruned since the folder was listed is no copy that cannot be read.
    return [copy for copy in copies if copy.manifest or copy.path.is_dir()]


def _copy(tier: Tier, path: Path) -> Copy:
    found = manifests.read(path)
    return Copy(tier, path, None, found) if isinstance(found, str) else Copy(tier, path, found)


def all_copies(*places: Path) -> list[Copy]:
    """Every copy in these folders, the newest ledger first."""
    found = [copy for place in places for tier in Tier for copy in copies_of(place, tier)]
    return sorted(found, key=_newness, reverse=True)


def _newness(copy: Copy) -> tuple[int, str]:
    return (copy.manifest.position, copy.manifest.made_at) if copy.manifest else (-1, "")


def newest_proven(*places: Path) -> Copy | None:
    """The newest copy that still is what its manifest says."""
    return next((copy for copy in all_copies(*places) if not copy.problems()), None)


def prune(folder: Path, tier: Tier, *, keep: int) -> list[Copy]:
    """Remove the oldest copies of a tier beyond `keep`; returns what was removed.

    The newest proven copy stays, however old: a newer one that was damaged after it was made is no copy. Folders without a
    readable manifest are not ours to remove and do not count.
    """
    ours = [copy for copy in copies_of(folder, tier) if copy.manifest]
    spare = ours[:-keep]
    if spare and not any(not copy.problems() for copy in reversed(ours[-keep:])):
        last = next((copy for copy in reversed(spare) if not copy.problems()), None)
        spare = [copy for copy in spare if copy is not last]
    for copy in spare:
        _remove(copy.path)
    return spare


def _remove(path: Path) -> None:
    """First out of the way in one step, so that a kill or a power cut in the middle leaves no copy that looks whole."""
    gone = path.with_name(f"{UNFINISHED}{path.name}")
    path.rename(gone)
    sync(path.parent)
    shutil.rmtree(gone)


def remove_unfinished(folder: Path) -> None:
    """Remove what killed back-ups left; the caller holds the right to make copies."""
    for place in _tiers(folder):
        for one in place.glob(f"{UNFINISHED}*"):
            shutil.rmtree(one)


def _tiers(folder: Path) -> Iterator[Path]:
    return (folder / tier for tier in Tier if (folder / tier).is_dir())
