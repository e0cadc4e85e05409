"""A disk that forgets: what SQLite wrote and synced, and every state in which a power cut may leave the files.

What was synced stays. Of the writes since, any may be lost, in any order, and a write may be torn at the edge of a sector. A
file that was never synced may be missing; a deletion may be undone.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, product
from pathlib import Path
from random import Random
from typing import NamedTuple

SECTOR = 512
SEED = int(os.environ.get("DAYBOOK_FAULT_SEED", "1"))
ALL_SUBSETS_UP_TO = 5

Files = dict[str, bytes]


class Op(NamedTuple):
    """One call of SQLite to the operating system, or a mark: everything up to position `at` is promised to be kept.

    sync-names: the folder was synced, which SQLite does when it syncs a new journal or -wal for the first time; it makes
    deletions last.
    """

    kind: str
    file: str = ""
    at: int = 0
    data: bytes = b""


class Cut(NamedTuple):
    """The files after a power cut behind operation `after`; promised: the last position that was acknowledged by then."""

    after: int
    promised: int
    files: Files
    said: str


@dataclass
class Disk:
    """Takes note of the operations on the files of one folder. fail: after so many more writes and syncs, each fails."""

    folder: Path
    trace: list[Op] = field(default_factory=list)
    before: Files = field(default_factory=dict)
    fail_after: int | None = None
    fail_code: int = 0
    _new: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.folder = self.folder.resolve()
        self.before = contents(self.folder)

    def note(self, kind: str, path: str, at: int = 0, data: bytes = b"") -> int:
        """Take note of an operation on a file of this folder; returns the error that SQLite is to get, 0 for none."""
        inside = Path(path)
        if not inside.is_relative_to(self.folder):
            return 0
        if self.fail_after is not None and kind in {"write", "sync", "truncate"}:
            if self.fail_after == 0:
                return self.fail_code
            self.fail_after -= 1
        file = str(inside.relative_to(self.folder))
        if kind == "create":
            self._new.add(file)
            return 0
        self.trace.append(Op(kind, file, at, data))
        if kind == "sync" and file in self._new:
            self._new.remove(file)
            self.trace.append(Op("sync-names"))
        return 0

    def promise(self, position: int) -> None:
        """From now on everything up to this position must survive."""
        self.trace.append(Op("mark", at=position))


def seeded(seed: int = SEED) -> Random:
    """Random choices; a test that fails shows the seed, and the variable DAYBOOK_FAULT_SEED chooses another."""
    sys.stdout.write(f"DAYBOOK_FAULT_SEED={seed}\n")
    return Random(seed)


def contents(folder: Path) -> Files:
    """The files that a power cut leaves in some state; the shared memory of a -shm is gone in any case."""
    paths = [path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(("-shm", ".lock"))]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def write_state(files: Files, folder: Path) -> None:
    """Make the folder look so."""
    folder.mkdir()
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(content)


def cuts(disk: Disk, rng: Random | None = None, *, count: int = 0, first: int = 0) -> Iterator[Cut]:
    """Each different state after a cut at each operation from `first` on; with `rng`, so many of them drawn at random."""
    if rng is not None:
        for after in (rng.randrange(len(disk.trace) + 1) for _ in range(count)):
            durable, pending, promised = _standing(disk, after)
            kept = [_torn_at_random(op, rng) for op in pending if rng.random() < 0.7]
            yield Cut(
                after, promised, _applied(durable, kept), f"cut after {after}, a random part of {len(pending)} kept"
            )
        return
    seen: set[bytes] = set()
    for after in range(first, len(disk.trace) + 1):
        durable, pending, promised = _standing(disk, after)
        for said, kept in _choices(pending):
            files = _applied(durable, kept)
            mark = _digest(promised, files)
            if mark not in seen:
                seen.add(mark)
                yield Cut(after, promised, files, f"cut after {after}, {said}")


def after_all(disk: Disk) -> Files:
    """The files when nothing was lost."""
    return _applied(disk.before, [op for op in disk.trace if op.kind in {"write", "truncate", "delete", "rename"}])


def _standing(disk: Disk, after: int) -> tuple[Files, list[Op], int]:
    """What is certain at that point, what is not, and what was promised."""
    durable, pending, promised = dict(disk.before), list[Op](), 0
    for op in disk.trace[:after]:
        if op.kind == "mark":
            promised = op.at
        elif op.kind == "sync":
            durable = _applied(durable, [one for one in pending if one.file == op.file])
            durable.setdefault(op.file, b"")
            pending = [one for one in pending if one.file != op.file]
        elif op.kind == "sync-names":
            certain = [one for one in pending if one.kind == "delete" or _is_renamed_in(one, op.file)]
            durable = _applied(durable, certain)
            pending = [one for one in pending if one not in certain]
        else:
            pending.append(op)
    return durable, pending, promised


def _is_renamed_in(op: Op, folder: str) -> bool:
    return op.kind == "rename" and str(Path(op.data.decode()).parent) == folder


def _choices(pending: Sequence[Op]) -> Iterator[tuple[str, list[Op]]]:
    """What may be left of the writes that were not synced."""
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


def _applied(files: Files, ops: Sequence[Op]) -> Files:
    changed: dict[str, bytearray | None] = {}
    for op in ops:
        if op.kind == "delete":
            changed[op.file] = None
            continue
        if op.kind == "rename":
            files = _renamed({**files, **{name: bytes(left) for name, left in changed.items() if left is not None}}, op)
            changed = {name: None for name, left in changed.items() if left is None}
            continue
        content = changed.get(op.file)
        if content is None:
            content = changed[op.file] = bytearray(b"" if op.file in changed else files.get(op.file, b""))
        if op.kind == "truncate":
            del content[op.at :]
        elif op.kind == "write":
            content.extend(bytes(max(0, op.at - len(content))))
            content[op.at : op.at + len(op.data)] = op.data
    left = {name: bytes(content) for name, content in changed.items() if content is not None}
    return {name: content for name, content in files.items() if name not in changed} | left


def _renamed(files: Files, op: Op) -> Files:
    """A folder, or a file, under its new name; the certain content of its files goes with it."""
    old, new = op.file, op.data.decode()
    return {
        new + name[len(old) :] if name == old or name.startswith(f"{old}/") else name: content
        for name, content in files.items()
    }


def _digest(promised: int, files: Files) -> bytes:
    digest = hashlib.blake2b(str(promised).encode(), digest_size=16)
    for name, content in sorted(files.items()):
        digest.update(f"{name} {len(content)} ".encode() + content)
    return digest.digest()
