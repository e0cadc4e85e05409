"""Making a copy: copied by SQLite, opened, checked, hashed, and only then named."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import apsw
from msgspec import Struct, field

from domain.errors import HomeError, StoreError
from domain.moments import instant
from ledger.copying import back_up
from ledger.durable import make_folder, sync
from ledger.log import open_log
from ledger.querying import event_at
from ledger.seal import FOLDER as SEALS
from ledger.seal import seals_in
from ledger.verifying import Verified, verify_log
from operations.backup import manifest as manifests
from operations.backup.copies import UNFINISHED, Copy, copies_of, prune, remove_unfinished
from operations.backup.manifest import Manifest, digested
from operations.backup.stores import copy_files
from operations.backup.targets import in_each, written_to
from operations.backup.tiers import Tier
from operations.home import BACKUPS, LEDGER, models_bytes
from operations.locking import held
from operations.program import program_version
from operations.settings import FILE as SETTINGS
from operations.settings import read as read_settings
from projections import catalog
from projections.profiles import open_reading

_LOCK = "backup.lock"


class Made(Struct, kw_only=True):
    """What one back-up did in one folder. is_new: False when the copy of this period was already there."""

    tier: str
    folder: str
    name: str
    is_new: bool
    position: int
    bytes: int
    removed: list[str] = field(default_factory=list)


def backup(home: Path, tier: Tier, *, now: datetime, to: Sequence[Path] = ()) -> list[Made]:
    """Make the copy of this period in the home's own folder and in others, then remove the oldest beyond what is kept.

    Run twice in the same period, the second finds the copy there, proves it again, and replaces it only when it is damaged.
    Raises StoreError when the ledger is not sound, HomeBusy, and for a folder that cannot take the copy DiskFull or HomeError,
    when the others have theirs; where it fails nothing has got a name and no copy was removed.
    """
    settings = read_settings(home).backup
    places = [home / BACKUPS, *to, *([Path(settings.to)] if settings.to else [])]

    def in_place(place: Path) -> Made:
        with written_to(place, models_bytes(home)), _alone(place, tier):
            made = _present(place, tier, now) or _made(home, place, tier, now)
            made.removed = [copy.name for copy in prune(place, tier, keep=tier.kept(settings))]
            return made

    return in_each((place.absolute() for place in places), in_place)


@contextmanager
def _alone(place: Path, tier: Tier) -> Iterator[None]:
    """Only one back-up at a time makes copies here."""
    make_folder(place / tier)
    with held(place / _LOCK, f"backup {tier}", f"another back-up is being made in {place}"):
        remove_unfinished(place)
        yield


def _present(place: Path, tier: Tier, now: datetime) -> Made | None:
    """The copy of this period, if it is there and sound; one that was damaged makes room."""
    name = tier.period(now)
    copy = next((copy for copy in copies_of(place, tier) if copy.name == name), None)
    if copy is None:
        return None
    if copy.manifest is None or copy.problems():
        copy.path.rename(copy.path.with_name(f"{UNFINISHED}{name}"))
        remove_unfinished(place)
        return None
    return _about(copy, is_new=False)


def _made(home: Path, place: Path, tier: Tier, now: datetime) -> Made:
    name = tier.period(now)
    folder = place / tier / f"{UNFINISHED}{name}"
    folder.mkdir(mode=0o700)
    try:
        verified = _copy_ledger(home, folder)
        with open_log(folder) as log:
            models = catalog.projectors_of(log)
        earlier = next((copy.path for copy in reversed(copies_of(place, tier)) if copy.manifest), None)
        for projector in models:
            if tier.takes(projector.name):
                _copy_model(home / projector.file, folder / projector.file)
                if projector.files:
                    index, version = Path(projector.file), projector.files.schema_version
                    before = earlier / index.parent if earlier else None
                    copy_files(home / index, folder / index, version, earlier=before)
        for path in [home / SETTINGS, *seals_in(home / SEALS)]:
            if path.exists():
                copy = folder / path.relative_to(home)
                make_folder(copy.parent)
                shutil.copy(path, copy)
        manifests.write(_manifest(folder, tier, verified, now), folder)
        path = folder.rename(folder.with_name(name))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    sync(path.parent)
    found = manifests.read(path)
    assert isinstance(found, Manifest), found
    return _about(Copy(tier, path, found), is_new=True)


def _manifest(folder: Path, tier: Tier, verified: Verified, now: datetime) -> Manifest:
    with open_log(folder) as log:
        recorded_at = event_at(log, verified.head.position).recorded_at
    files = {str(one.relative_to(folder)): digested(one) for one in sorted(folder.rglob("*")) if one.is_file()}
    return Manifest(
        tier=tier, name=tier.period(now), made_at=instant(now.astimezone(UTC)), position=verified.head.position,
        head=verified.head.hash.hex(), recorded_at=recorded_at, files=files, program=program_version(),
    )  # fmt: skip


def _copy_ledger(home: Path, folder: Path) -> Verified:
    """Copy the ledger and verify every event of the copy."""
    path = folder / LEDGER
    with open_log(home) as log:
        back_up(log, path, alone=True)
    verified = verify_log(path)
    if verified.findings:
        raise StoreError(
            f"the ledger is not sound, and a copy of it would not be either: {verified.findings[0].message}",
            hint="See: cli verify ledger. The copies made before are as they were.",
        )
    if verified.events == 0:
        raise HomeError(f"there is nothing in {home} to be copied yet", hint="Replay something first.")
    return verified


def _copy_model(path: Path, copy: Path) -> None:
    """Copy a read model; one that is missing or damaged can be derived again and is left out."""
    if not path.exists():
        return
    copy.parent.mkdir(mode=0o700, exist_ok=True)
    copy.touch(mode=0o600)
    try:
        with (
            closing(open_reading(path)) as source,
            closing(apsw.Connection(str(copy))) as target,
        ):
            with target.backup("main", source, "main") as work:
                work.step()
            target.pragma("journal_mode", "delete")
            sound = target.pragma("quick_check") == "ok"
    except (apsw.CorruptError, apsw.NotADBError):
        sound = False
    if not sound:
        copy.unlink(missing_ok=True)


def _about(copy: Copy, *, is_new: bool) -> Made:
    manifest = copy.manifest
    assert manifest is not None
    return Made(
        tier=copy.tier, folder=str(copy.path.parent.parent), name=copy.name, is_new=is_new, position=manifest.position,
        bytes=sum(one.bytes for one in manifest.files.values()),
    )  # fmt: skip
