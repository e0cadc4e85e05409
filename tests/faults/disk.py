"""A disk that forgets: what was written, synced and named in one folder, call by call.

Files and folders have an identity apart from their names, as on a real disk: to sync a file keeps its content, and only to
sync a folder keeps the names in it. What a power cut may leave of this is told by the module `cutting`.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import NamedTuple

SEED = int(os.environ.get("DAYBOOK_FAULT_SEED", "1"))
FACTOR = float(os.environ.get("DAYBOOK_FAULT_FACTOR", "1"))
"""How many times as many random cuts as usual."""
ROOT = 1
_NOT_KEPT = ("-shm", ".lock")
_FAILING = {"write", "sync", "truncate", "copy", "mkdir", "rename"}

Files = dict[str, bytes]


class Op(NamedTuple):
    """One call to the operating system, or a mark: everything up to position `at` is promised to be kept.

    node: the file or folder it is about. Of names: folder and name, and where a rename or an exchange goes to.
    """

    kind: str
    node: int = 0
    at: int = 0
    data: bytes = b""
    folder: int = 0
    name: str = ""
    to_folder: int = 0
    to_name: str = ""


@dataclass
class Tree:
    """Names of folders, and contents of files. A copy shares the contents until one of the two is written to."""

    entries: dict[int, dict[str, int]] = field(default_factory=lambda: {ROOT: {}})
    data: dict[int, bytes | bytearray] = field(default_factory=dict)
    _owned: set[int] = field(default_factory=set)

    def copy(self) -> Tree:
        self._owned.clear()
        return Tree({folder: dict(names) for folder, names in self.entries.items()}, dict(self.data))

    def apply(self, op: Op) -> None:
        """Change the tree as the call did. A name whose making was lost is no obstacle to what came after it."""
        if op.kind in {"write", "truncate"}:
            self._write(op)
        elif op.kind in {"make", "make-folder"}:
            self.entries.setdefault(op.folder, {})[op.name] = op.node
            if op.kind == "make-folder":
                self.entries.setdefault(op.node, {})
        elif op.kind == "delete":
            self._forget(op.folder, op.name, op.node)
        elif op.kind == "rename":
            self._forget(op.folder, op.name, op.node)
            self.entries.setdefault(op.to_folder, {})[op.to_name] = op.node
        elif op.kind == "exchange":
            here, there = self.entries.setdefault(op.folder, {}), self.entries.setdefault(op.to_folder, {})
            if op.name in here and op.to_name in there:
                here[op.name], there[op.to_name] = there[op.to_name], here[op.name]

    def _forget(self, folder: int, name: str, node: int) -> None:
        names = self.entries.setdefault(folder, {})
        if names.get(name) == node:
            del names[name]

    def _write(self, op: Op) -> None:
        content = self.data.get(op.node, b"")
        if op.node not in self._owned or not isinstance(content, bytearray):
            content = self.data[op.node] = bytearray(content)
            self._owned.add(op.node)
        if op.kind == "truncate":
            del content[op.at :]
        else:
            content.extend(bytes(max(0, op.at - len(content))))
            content[op.at : op.at + len(op.data)] = op.data

    def find(self, parts: tuple[str, ...]) -> int | None:
        """The node of this path."""
        node: int | None = ROOT
        for part in parts:
            node = self.entries.get(node, {}).get(part) if node else None
        return node

    def walk(self, folder: int = ROOT, prefix: str = "") -> Iterator[tuple[str, int]]:
        """Path and node of everything that has a name."""
        for name, node in self.entries.get(folder, {}).items():
            yield prefix + name, node
            yield from self.walk(node, f"{prefix}{name}/")

    def files(self) -> Files:
        """Path and content of each file; one whose content never came is empty."""
        return {path: bytes(self.data.get(node, b"")) for path, node in self.walk() if node not in self.entries}


@dataclass
class Disk:
    """Takes note of the calls on one folder. fail_after: after so many more calls that take room, each of them fails."""

    folder: Path
    trace: list[Op] = field(default_factory=list)
    before: Files = field(default_factory=dict)
    start: Tree = field(default_factory=Tree)
    live: Tree = field(default_factory=Tree)
    fail_after: int | None = None
    fail_code: int = 0
    fail_errno: int = errno.ENOSPC
    _nodes: int = ROOT
    _fresh: set[int] = field(default_factory=set)
    _of_sqlite: set[int] = field(default_factory=set)
    _seen: dict[int, tuple[int, int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder = self.folder.resolve()
        self.look()
        self.before, self.start, self.trace = self.live.files(), self.live.copy(), []

    def note(self, kind: str, path: str, at: int = 0, data: bytes = b"") -> int:
        """Take note of what SQLite does to a file of this folder; returns the error that it is to get, 0 for none.

        create: a journal or -wal that is new; when it is synced for the first time, SQLite syncs the names of its folder.
        """
        if not Path(path).is_relative_to(self.folder):
            return 0
        if self.fails(kind):
            return self.fail_code
        node = self._node(path)
        self._of_sqlite.add(node)
        if kind == "create":
            self._fresh.add(node)
        elif kind == "delete":
            self.note_names("delete", Path(path))
        else:
            self._add(Op(kind, node, at, data))
            if kind == "sync" and node in self._fresh:
                self._fresh.remove(node)
                self._add(Op("sync-names", self._folder(self._inside(path)[:-1])))
        return 0

    def note_names(self, kind: str, path: Path, to: Path | None = None) -> None:
        """Take note of a rename, an exchange, a link to another name, or a deletion."""
        parts = self._inside(path)
        node = self.live.find(parts)
        if node is None:
            return
        here, there = (self._folder(parts[:-1]), parts[-1]), (0, "")
        if to is not None:
            target = self._inside(to)
            there = (self._folder(target[:-1]), target[-1])
        if kind == "link":
            self._add(Op("make", node, folder=there[0], name=there[1]))
        else:
            self._add(Op(kind, node, folder=here[0], name=here[1], to_folder=there[0], to_name=there[1]))

    def note_sync(self, path: Path) -> None:
        """Take note that a file, or the names in a folder, were synced."""
        node = self.live.find(self._inside(path))
        if node is not None:
            self._add(Op("sync-names" if node in self.live.entries else "sync", node))

    def look(self) -> None:
        """Take note of what changed in plain files since the last look, as writes that were not synced."""
        there: set[str] = set()
        for path in sorted(self.folder.rglob("*")):
            name = str(path.relative_to(self.folder))
            there.add(name)
            if path.is_dir():
                self._folder(self._inside(path))
            elif not name.endswith(_NOT_KEPT):
                self._look_at(path)
        for name, node in reversed(list(self.live.walk())):
            if name not in there and self.live.find(tuple(name.split("/"))) == node:
                self.note_names("delete", self.folder / name)

    def _look_at(self, path: Path) -> None:
        status, node = path.stat(), self._node(str(path))
        mark = (status.st_ino, status.st_size, status.st_mtime_ns)
        if node in self._of_sqlite or self._seen.get(node) == mark:
            return
        content, known = path.read_bytes(), self.live.data.get(node, b"")
        if content != known:
            if known:
                self._add(Op("truncate", node, 0))
            self._add(Op("write", node, 0, content))
        self._seen[node] = mark

    def fails(self, kind: str) -> bool:
        """Whether this call is to fail."""
        if self.fail_after is None or kind not in _FAILING:
            return False
        self.fail_after -= 1
        return self.fail_after < 0

    def promise(self, position: int) -> None:
        """From now on everything up to this position must survive."""
        self.look()
        self.trace.append(Op("mark", at=position))

    def _inside(self, path: Path | str) -> tuple[str, ...]:
        return Path(path).relative_to(self.folder).parts

    def _node(self, path: str) -> int:
        parts = self._inside(path)
        return self.live.find(parts) or self._made(self._folder(parts[:-1]), parts[-1])

    def _folder(self, parts: tuple[str, ...]) -> int:
        node = ROOT
        for part in parts:
            node = self.live.entries[node].get(part) or self._made(node, part, "make-folder")
        return node

    def _made(self, folder: int, name: str, kind: str = "make") -> int:
        self._nodes += 1
        self._add(Op(kind, self._nodes, folder=folder, name=name))
        return self._nodes

    def _add(self, op: Op) -> None:
        self.trace.append(op)
        self.live.apply(op)


def seeded(seed: int = SEED) -> Random:
    """Random choices; a test that fails shows seed and budget, which the variables of these names change."""
    sys.stdout.write(f"DAYBOOK_FAULT_SEED={seed} DAYBOOK_FAULT_FACTOR={FACTOR:g}\n")
    return Random(seed)


def contents(folder: Path) -> Files:
    """The files that a power cut leaves in some state; the shared memory of a -shm is gone in any case."""
    paths = [path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(_NOT_KEPT)]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def write_state(files: Files, folder: Path) -> None:
    """Make the folder look so."""
    folder.mkdir()
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(content)
