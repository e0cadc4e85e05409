"""Every state in which a power cut may leave a disk.

What was synced stays. Of the writes since, any may be lost, in any order, and a write may be torn at the edge of a sector. A
name stays when its folder was synced: until then a new file may be missing or empty, a rename or a deletion may be undone, each
by itself. That is more than journaling file systems do, and no more than they promise.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise, product
from random import Random
from typing import NamedTuple

from tests.faults.disk import FACTOR, Disk, Files, Op, Tree

SECTOR = 512
ALL_SUBSETS_UP_TO = 5
_CONTENT = {"write", "truncate"}


class Cut(NamedTuple):
    """The files after a power cut behind operation `after`; promised: the last position that was acknowledged by then."""

    after: int
    promised: int
    files: Files
    said: str


class _Standing(NamedTuple):
    """What is certain at some point, what is not, and what was promised."""

    durable: Tree
    pending: list[Op]
    promised: int


def cuts(disk: Disk, rng: Random | None = None, *, count: int = 0, first: int = 0) -> Iterator[Cut]:
    """Each different state after a cut at each operation from `first` on; with `rng`, so many of them drawn at random."""
    if rng is not None:
        budget = max(1, round(count * FACTOR))
        sys.stdout.write(f"{budget} cuts in {len(disk.trace) - first} operations\n")
        yield from _drawn(disk, rng, sorted(rng.randrange(first, len(disk.trace) + 1) for _ in range(budget)))
        return
    seen: set[bytes] = set()
    for after, standing in _standings(disk):
        if after < first:
            continue
        for said, kept in _choices(standing.pending):
            files = _with(standing.durable, kept)
            mark = _digest(standing.promised, files)
            if mark not in seen:
                seen.add(mark)
                yield Cut(after, standing.promised, files, f"cut after {after}, {said}")


def without(disk: Disk, path: str) -> Cut:
    """A cut at the end that takes from one file all that was not synced, and nothing from the others."""
    *_, (after, standing) = _standings(disk)
    node = disk.live.find(tuple(path.split("/")))
    kept = [op for op in standing.pending if op.kind not in _CONTENT or op.node != node]
    return Cut(after, standing.promised, _with(standing.durable, kept), f"cut at the end, {path} as it was synced")


def after_all(disk: Disk) -> Files:
    """The files when nothing was lost."""
    return _with(disk.start, disk.trace)


def _drawn(disk: Disk, rng: Random, moments: Sequence[int]) -> Iterator[Cut]:
    for after, standing in _standings(disk):
        for _ in range(moments.count(after)):
            keep = rng.choice((0.0, 0.5, 0.9))
            kept = [_torn_at_random(op, rng) for op in standing.pending if rng.random() < keep]
            said = f"cut after {after}, a random part of {len(standing.pending)} kept"
            yield Cut(after, standing.promised, _with(standing.durable, kept), said)


def _standings(disk: Disk) -> Iterator[tuple[int, _Standing]]:
    standing = _Standing(disk.start.copy(), [], 0)
    yield 0, standing
    for after, op in enumerate(disk.trace, 1):
        standing = _step(standing, op)
        yield after, standing


def _step(standing: _Standing, op: Op) -> _Standing:
    durable, pending, promised = standing
    if op.kind == "mark":
        return _Standing(durable, pending, op.at)
    if op.kind not in {"sync", "sync-names"}:
        pending.append(op)
        return standing
    left: list[Op] = []
    for one in pending:
        if _is_made_certain(one, op):
            durable.apply(one)
            # What became of the same name before is told by this.
            left = [old for old in left if not _keys(old) & _keys(one)]
        else:
            left.append(one)
    return _Standing(durable, left, promised)


def _is_made_certain(one: Op, by: Op) -> bool:
    if by.kind == "sync":
        return one.kind in _CONTENT and one.node == by.node
    return one.kind not in _CONTENT and (one.to_folder or one.folder) == by.node


def _keys(op: Op) -> set[tuple[int, str]]:
    return set() if op.kind in _CONTENT else {(op.folder, op.name), (op.to_folder or op.folder, op.to_name or op.name)}


def _with(durable: Tree, kept: Sequence[Op]) -> Files:
    tree = durable.copy()
    for op in kept:
        tree.apply(op)
    return tree.files()


def _choices(pending: Sequence[Op]) -> Iterator[tuple[str, list[Op]]]:
    """What may be left of what was not synced."""
    count = len(pending)
    if count <= ALL_SUBSETS_UP_TO:
        for kept in product((False, True), repeat=count):
            yield f"kept {kept}", [op for op, is_kept in zip(pending, kept, strict=True) if is_kept]
    else:
        for length in range(count + 1):
            yield f"the first {length} of {count} kept", [*pending[:length]]
            yield f"the last {length} of {count} kept", [*pending[count - length :]]
        for one in range(count):
            yield f"number {one} of {count} lost", [op for at, op in enumerate(pending) if at != one]
            yield f"number {one} of {count} alone kept", [pending[one]]
    for one, op in enumerate(pending):
        for said, parts in _torn(op):
            yield f"number {one} of {count} torn, {said}", [*pending[:one], *parts]
            yield (
                f"number {one} of {count} torn, {said}, the others kept",
                [*pending[:one], *parts, *pending[one + 1 :]],
            )


def _torn(op: Op) -> Iterator[tuple[str, list[Op]]]:
    """Parts of a write that reaches over the edge of a sector."""
    pieces = _sectors(op)
    if len(pieces) > 1:
        half = len(pieces) // 2
        yield "its beginning kept", pieces[:half]
        yield "its end kept", pieces[half:]


def _torn_at_random(op: Op, rng: Random) -> Op:
    pieces = _sectors(op)
    if len(pieces) < 2 or rng.random() < 0.7:
        return op
    first = rng.randrange(len(pieces))
    kept = pieces[first : rng.randrange(first, len(pieces)) + 1]
    return op._replace(at=kept[0].at, data=b"".join(piece.data for piece in kept))


def _sectors(op: Op) -> list[Op]:
    if op.kind != "write":
        return [op]
    edges = [op.at, *range(op.at // SECTOR * SECTOR + SECTOR, op.at + len(op.data), SECTOR), op.at + len(op.data)]
    spans = pairwise(edges)
    return [op._replace(at=start, data=op.data[start - op.at : end - op.at]) for start, end in spans]


def _digest(promised: int, files: Files) -> bytes:
    digest = hashlib.blake2b(str(promised).encode(), digest_size=16)
    for name, content in sorted(files.items()):
        digest.update(f"{name} {len(content)} ".encode() + content)
    return digest.digest()
