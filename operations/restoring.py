"""`cli restore`: a home as it was at a point in time, made of the best copy and the segments behind it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain, takewhile
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from domain.errors import HomeError, LedgerError, StoreError
from domain.moments import end_of
from ledger.durable import make_folder, sync, sync_all
from ledger.lock import WriterLock
from ledger.log import Stored, open_log
from ledger.restoring import events_of, write_again
from operations.backup import segments
from operations.backup.copies import Copy, all_copies
from operations.backup.tiers import Tier
from operations.exchanging import exchange
from operations.home import BACKUPS, LEDGER, REPORTS, check_no_strangers, enough_room, time_stamp
from operations.rebuilding import rebuild
from operations.settings import FILE as SETTINGS
from operations.verifying import verify
from projections import catalog
from replay.run import Tell

SEALS = "seals"
_KEPT = (BACKUPS, REPORTS, SEALS, SETTINGS)
"""What is no part of a copy, or newer beside the old home than in it: these follow when a home is replaced."""


class Point(NamedTuple):
    """Where a restored log ends: at a position, or with the last event recorded by then; with neither, at the last there is."""

    position: int | None = None
    recorded_by: str | None = None

    def takes(self, event: Stored) -> bool:
        """Whether the event belongs to the restored log."""
        if self.position is not None:
            return event.position <= self.position
        return self.recorded_by is None or event.recorded_at <= self.recorded_by

    def is_within(self, copy: Copy) -> bool:
        """Whether the copy has everything up to this point."""
        assert copy.manifest is not None
        if self.position is not None:
            return copy.manifest.position >= self.position
        return self.recorded_by is not None and copy.manifest.recorded_at > self.recorded_by


def point_of(text: str | None) -> Point:
    """A point as the user writes it: a position, a date, a time with its zone; nothing for the newest that there is."""
    if text is None:
        return Point()
    digits = text.replace(",", "").replace("_", "")
    if digits.isdigit() and "-" not in text:
        return Point(position=int(digits))
    return Point(recorded_by=end_of(text))


class Plan(Struct, kw_only=True):
    """What a restore uses. copy: folder of the copy, empty when segments alone give the log; segments: files in order.

    position, recorded_at, head: the last event of the restored log. skipped: copies and segments that were passed over, and
    why.
    """

    copy: str
    segments: list[str]
    position: int
    recorded_at: str
    head: str
    skipped: list[str]


class Restored(Struct, kw_only=True):
    """What a restore made. aside: where the home that was replaced lies now. findings: what verifying found."""

    plan: Plan
    into: str
    aside: str | None = None
    findings: list[str] = []
    seconds: float = 0.0

    @property
    def exit_code(self) -> int:
        """1 when the restored home is not sound."""
        return int(bool(self.findings))


class _Chosen(NamedTuple):
    copy: Copy | None
    files: list[Path]
    skipped: list[str]


def _choose(places: Sequence[Path], point: Point) -> _Chosen:
    """The smallest proven copy that covers the point; else the newest proven one, and the segments that go on from it."""
    found = all_copies(*places)
    copies = [copy for copy in found if copy.manifest]
    skipped = [f"{copy.path}: {copy.reason}" for copy in found if not copy.manifest]
    covering = [copy for copy in reversed(copies) if point.is_within(copy)]
    best = None
    for copy in [*covering, *(copy for copy in copies if copy not in covering)]:
        problems = copy.problems()
        if not problems:
            best = copy
            break
        skipped.append(f"{copy.path}: {problems[0]}")
    if best and point.is_within(best):
        return _Chosen(best, [], skipped)
    reached = best.manifest.position if best and best.manifest else 0
    files = []
    for path in sorted(
        (one for place in places for one in segments.segments_in(place / segments.FOLDER)), key=_by_name
    ):
        try:
            statement = segments.checked(path)
        except StoreError as error:
            skipped.append(error.message)
            continue
        if statement.first <= reached + 1 and statement.last > reached:
            files.append(path)
            reached = statement.last
    return _Chosen(best, files, skipped)


def _by_name(path: Path) -> str:
    return path.name


def restore(
    places: Sequence[Path], into: Path, *, at: str | None, dry_run: bool, replace: bool, tell: Tell
) -> Restored:
    """Restore a home. places: folders with copies and segments; into: a new or empty folder, or a home with `replace`.

    The log is written again in a folder beside `into`, row by row where it must be cut, each hash computed again; then the
    read models are derived and everything verified, and only then does the folder get its name. A home that is replaced is
    moved aside, never removed. Raises LedgerError when the point cannot be reached, HomeError, HomeBusy, DiskFull.
    """
    began = datetime.now(UTC)
    point = point_of(at)
    chosen = _choose(places, point)
    if chosen.copy is None and not chosen.files:
        said = "; ".join(chosen.skipped) or f"there is none in {', '.join(map(str, places))}"
        raise LedgerError(f"no proven copy: {said}", hint="Name the folder of the copies with --from.")
    occupied = _is_occupied(into)
    if occupied and not replace and not dry_run:
        raise _not_empty(into)
    if occupied:
        check_no_strangers(into, [one.name for one in catalog.projectors()], strict=True)
    work = into.absolute().with_name(f".{into.absolute().name}.restoring")
    shutil.rmtree(work, ignore_errors=True)
    make_folder(work)
    try:
        with enough_room(work.parent, 3 * _size(chosen)):
            tell("restore", LEDGER, 0, 0)
            plan = _written(chosen, point, work)
            if dry_run:
                return Restored(plan=plan, into=str(into))
            tell("restore", "read models", 0, 0)
            rebuild(work, [], as_of=None, known_at=None, into=None, tell=tell)
            findings = _findings(work, tell)
            if not replace and _is_occupied(into):
                raise _not_empty(into)  # somebody made a home there meanwhile, which nobody has agreed to replace
            aside = None if findings else _put_in_place(work, into, began)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    seconds = round((datetime.now(UTC) - began).total_seconds(), 3)
    return Restored(plan=plan, into=str(into), aside=str(aside) if aside else None, findings=findings, seconds=seconds)


def _is_occupied(folder: Path) -> bool:
    return folder.exists() and any(folder.iterdir())


def _not_empty(folder: Path) -> HomeError:
    return HomeError(f"{folder} is not empty", hint="Name a new folder, or use --replace: the old one is moved aside.")


def _findings(home: Path, tell: Tell) -> list[str]:
    """What is wrong with the restored log or its read models."""
    parts = [
        *verify(home, "ledger", repair=False, tell=tell).parts,
        *verify(home, "projections", repair=False, tell=tell).parts,
    ]
    return [f"{part.name}: {said}" for part in parts for said in (*part.found, *part.unread)]


def _size(chosen: _Chosen) -> int:
    of_copy = chosen.copy.manifest.files[LEDGER].bytes if chosen.copy and chosen.copy.manifest else 0
    return of_copy + sum(path.stat().st_size for path in chosen.files)


def _written(chosen: _Chosen, point: Point, work: Path) -> Plan:
    """Write the log of the restored home, and put beside it what the copy has of seals and settings."""
    target, copy = work / LEDGER, chosen.copy
    if copy and copy.manifest:
        if point.is_within(copy):
            with open_log(copy.path) as log:
                write_again(target, takewhile(point.takes, events_of(log, through=copy.manifest.position)))
        else:
            # The ledger is its owner's alone, also where the copy is older than that or comes from elsewhere.
            target.touch(mode=0o600)
            shutil.copyfile(copy.path / LEDGER, target)
    write_again(target, takewhile(point.takes, _behind(target, chosen.files)))
    with open_log(work) as log:
        position, head = log.head()
        if position == 0 or (point.position is not None and position < point.position):
            raise LedgerError(
                f"the point cannot be reached: the newest event in the copies and segments is {position}",
                hint="Name an earlier point, or more folders with --from.",
            )
        (last,) = log.at([position])
    if copy:
        _copy_beside(copy.path, work, position)
    return Plan(
        copy=str(copy.path) if copy else "", segments=[str(path) for path in chosen.files], position=position,
        recorded_at=last.recorded_at, head=head.hex(), skipped=chosen.skipped,
    )  # fmt: skip


def _behind(target: Path, files: Sequence[Path]) -> Iterator[Stored]:
    """The events of the segments that the log does not have yet."""
    reached = 0
    if target.exists():
        with open_log(target.parent) as log:
            reached = log.head().position
    return (event for event in chain.from_iterable(map(segments.events_in, files)) if event.position > reached)


def _copy_beside(copy: Path, work: Path, position: int) -> None:
    """Settings, and the seals of what the restored log still holds; a later one would say, rightly, that events are missing."""
    if (copy / SETTINGS).exists():
        shutil.copy(copy / SETTINGS, work / SETTINGS)
    for path in sorted((copy / SEALS).glob("seal-*.json")):
        if int(path.stem.removeprefix("seal-")) <= position:
            make_folder(work / SEALS)
            shutil.copyfile(path, work / SEALS / path.name)


def _put_in_place(work: Path, into: Path, now: datetime) -> Path | None:
    """Give the restored home its name; the one that was there is moved aside, with the right to write to it."""
    sync_all(work)
    if not _is_occupied(into):
        work.rename(into)  # an empty folder of that name is replaced
        sync(into.absolute().parent)
        return None
    aside = into.absolute().with_name(f"{into.absolute().name}.replaced-{time_stamp(now)}")
    lock = WriterLock(into, "restore")
    try:
        work.rename(aside)
        exchange(into.absolute(), aside)
    finally:
        lock.release()
    # The exchange is kept before anything follows it: else a power cut could leave the old home without what it had.
    sync(into.absolute().parent)
    for name in _KEPT:
        _follow(aside / name, into / name)
    sync(into)
    sync(aside)
    return aside


def _follow(old: Path, new: Path) -> None:
    """Copies and reports stay with the home. Of seals and settings what the restored home lacks is copied, such as the key."""
    if not old.exists():
        return
    if old.name in (BACKUPS, REPORTS):
        if not new.exists():
            old.rename(new)
    elif old.is_dir():
        new.mkdir(mode=0o700, exist_ok=True)
        for path in old.glob("*.pem"):
            if not (new / path.name).exists():
                _copy(path, new / path.name)
        sync(new)
    elif not new.exists():
        _copy(old, new)


def _copy(old: Path, new: Path) -> None:
    shutil.copy2(old, new)
    sync(new)


def places_of(home: Path, named: Sequence[Path]) -> list[Path]:
    """Where copies are looked for: the folders named, else the home's own. A tier's folder or its parent may be named."""
    found = []
    for place in named or [home / BACKUPS]:
        inner = place / BACKUPS
        found.append(inner if any((inner / tier).is_dir() for tier in Tier) else place)
    return found
