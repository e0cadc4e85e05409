"""Proving the files of a partitioned read model: read again whole, or derived again beside the live ones and compared."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from domain.errors import StoreError
from ledger.lock import holder_of
from ledger.log import Log
from projections.partitioned import (
    BUILDING,
    Made,
    Making,
    Partition,
    PartitionedFiles,
    Unreadable,
    bring,
    file_digest,
    made_of,
    partitions,
    read_index,
)
from projections.places import LOCK, Place, known_places, writing

_LOOK_AGAIN_S, _WRITING_S = 0.1, 30.0


def proven(files: PartitionedFiles, index: Path, wanted: Sequence[Partition]) -> dict[str, Made]:
    """Read these files again, whole, and return by path what they hold. Raises StoreError when one does not hold what was
    written to it.
    """
    found = dict[str, Made]()
    for path, held in read_again(files, index, wanted).items():
        if isinstance(held, str):
            raise StoreError(f"{index.parent / path} {held}", hint="Run: cli verify projections --repair")
        found[path] = held
    return found


def read_again(files: PartitionedFiles, index: Path, wanted: Sequence[Partition]) -> dict[str, Made | str]:
    """Read these files again, whole: by path what each holds, or why it is not what was written to it."""
    with writing(index.parent, files.schema_version) as places, files.maker(1) as maker:
        known, found = places.all(), dict[str, Made | str]()
        for one in wanted:
            place = known.get(one.path)
            try:
                made = maker.look(index.parent / one.path, one)
            except Unreadable as error:
                found[one.path] = f"cannot be read: {error}"
            else:
                is_right = place is not None and made == Made(place.rows, place.digest)
                found[one.path] = made if is_right else "does not hold what was written to it"
        return found


def looked_over(index: Path, *, whole: bool = False) -> dict[str, str]:
    """What is wrong with files as they lie there, by path; one that is merely behind its index is not wrong. whole: also read
    every byte of them, which finds what a disk has changed by itself.

    Nobody is kept from writing: what is wrong at a second look as well, when nobody writes, is not just being written.
    """
    first = _looked_over(index, whole=whole)
    if not first:
        return first
    _let_others_write(index.parent)
    again = _looked_over(index, whole=whole)
    return {path: problem for path, problem in again.items() if first.get(path) == problem}


def _let_others_write(folder: Path) -> None:
    """Wait until whoever writes the files of a folder, or was about to, is done; not for ever."""
    until = time.monotonic() + _WRITING_S
    time.sleep(_LOOK_AGAIN_S)
    while holder_of(folder / LOCK) is not None and time.monotonic() < until:
        time.sleep(_LOOK_AGAIN_S)


def _looked_over(index: Path, *, whole: bool) -> dict[str, str]:
    problems = dict[str, str]()
    known = known_places(index.parent)
    for one in partitions(index):
        place, path = known.get(one.path), index.parent / one.path
        if place is None:
            continue  # it is still to be made, or made again
        if not path.exists():
            problems[one.path] = "it is missing"
        elif not place.is_untouched(index.parent) or (whole and file_digest(path) != place.sha256):
            problems[one.path] = "it has changed since it was written"
        elif one.is_sealed and path.stat().st_mode & 0o222:
            problems[one.path] = "it is sealed, but can be written to"
    return problems


def mend(files: PartitionedFiles, log: Log, index: Path, paths: Iterable[str]) -> None:
    """Make these files again, and what else is behind. Raises StoreError, HomeBusy."""
    with writing(index.parent, files.schema_version) as places:
        for path in paths:
            places.forget(path)
    bring(files, log, index)


def check(files: PartitionedFiles, log: Log, index: Path, *, limit: int) -> list[str]:
    """Derive every file again beside the live ones and compare: what is wrong, a sentence each, at most `limit`.

    Whoever has just brought the index further waits for us to make the files: what is behind is looked at again after that.
    """
    found, behind = _checked(files, log, index, limit, None)
    if behind:
        _let_others_write(index.parent)
        found |= _checked(files, log, index, limit, behind)[0]
    return [f"{path}: {sentence}" for path, problems in found.items() for sentence in problems][:limit]


def _checked(
    files: PartitionedFiles, log: Log, index: Path, limit: int, wanted: set[str] | None
) -> tuple[dict[str, list[str]], set[str]]:  # fmt: skip
    """What is wrong, by path, and the paths that are not as the index has them, which are left out; or of these only, when they
    are `wanted`.
    """
    folder, found, behind = index.parent, dict[str, list[str]](), set[str]()
    with writing(folder, files.schema_version) as places, files.maker(1) as maker, read_index(index) as opened:
        for left in folder.rglob(f".*{BUILDING}*"):
            # Of a process that was killed: we hold the lock. The index is derived without it, perhaps at this moment.
            if not left.name.startswith(f".{index.name}."):
                left.unlink()
        known, making = places.all(), Making(log, folder, maker, opened)
        for one in opened.partitions:
            place, room = known.get(one.path), limit - sum(map(len, found.values()))
            is_current = place is not None and place.made_of == made_of(files, one, opened.as_of)
            if wanted is None and not is_current:
                behind.add(one.path)
            elif room > 0 and (wanted is None or one.path in wanted):
                found[one.path] = list(_problems(making, one, place if is_current else None, room))
        listed = {one.path for one in opened.partitions}
        there = {str(path.relative_to(folder)) for one in files.suffixes for path in folder.rglob(f"[!.]*{one}")}
    if wanted is None:
        return found, behind | (there - listed)
    strange = ["nothing in the log says that there is such a file"]
    return found | dict.fromkeys(sorted(there - listed & wanted), strange), set()


def _problems(making: Making, partition: Partition, place: Place | None, limit: int) -> Iterator[str]:
    """What is wrong with the file of one partition. place: what it is made of, when that is what the index says."""
    path = making.folder / partition.path
    if not path.exists():
        yield "the file is missing"
        return
    if place is None:
        yield "the file is not up to date with its index"
    elif file_digest(path) != place.sha256:
        yield "the bytes of the file have changed since it was written"
    if partition.is_sealed and path.stat().st_mode & 0o222:
        yield "the session is sealed, but the file can be written to"
    again = making.beside(partition)
    again.unlink(missing_ok=True)
    try:
        expected = making.make(again, partition)
        if making.opened.as_of is None and partition.sealed_digest not in (None, expected.digest):
            yield "the log gives other rows than were sealed"
        if making.maker.look(path, partition) != expected:
            yield from making.maker.differences(again, path, partition, limit)
    except Unreadable as error:
        yield f"the file cannot be read: {error}"
    finally:
        again.unlink(missing_ok=True)
