"""The Merkle tree of a log: subtree hashes, read from the events once and kept in `tree.db` beside the ledger."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ledger import merkle
from ledger.log import Log
from migrations import script

FILE = "tree.db"
KEPT_FROM = 256
"""Subtrees of this many leaves and more are kept; smaller ones are computed from the events each time."""

_FIND = "SELECT hash FROM nodes WHERE size = ? AND start = ?"
_KEEP = "INSERT OR REPLACE INTO nodes (size, start, hash) VALUES (?, ?, ?)"


class Tree:
    """Subtree hashes of the first events of a log. What is kept is checked by nobody: a proof made of it is."""

    def __init__(self, log: Log, kept: sqlite3.Connection) -> None:
        self._log, self._kept = log, kept

    def root(self, size: int) -> bytes:
        """The root over the first `size` events."""
        return merkle.root(size, self.subtree)

    def inclusion(self, position: int, size: int) -> list[bytes]:
        """The audit path of the event at a position in the tree of the first `size` events."""
        return merkle.inclusion(position - 1, size, self.subtree)

    def consistency(self, old: int, new: int) -> list[bytes]:
        """The proof that the first `new` events begin with the first `old` ones."""
        return merkle.consistency(old, new, self.subtree)

    def subtree(self, start: int, size: int) -> bytes:
        """The hash of a complete subtree, from what is kept or from the events."""
        if size < KEPT_FROM:
            return merkle.complete(self._leaves(start, size))
        found = self._kept.execute(_FIND, (size, start)).fetchone()
        if found:
            return bytes(found[0])
        if size == KEPT_FROM:
            computed = merkle.complete(self._leaves(start, size))
        else:
            half = size // 2
            computed = merkle.node(self.subtree(start, half), self.subtree(start + half, half))
        self._kept.execute(_KEEP, (size, start, computed))
        return computed

    def _leaves(self, start: int, size: int) -> list[bytes]:
        page = self._log.hashes(after=start, through=start + size, topics=None, limit=size)
        assert len(page) == size, f"the log has no {size} events after position {start}"
        return [merkle.leaf(of_event) for _, of_event in page]


@contextmanager
def open_tree(log: Log, *, keep: bool) -> Iterator[Tree]:
    """The tree of a log; with `keep` what is computed stays in the home, else it is forgotten.

    What was kept of another log, such as the one before a restore, is thrown away; so is a file that cannot be used.
    """
    path = log.home / FILE
    try:
        kept = _connect(path if keep else None)
        _of_this_log(kept, log)
    except sqlite3.Error:
        path.unlink(missing_ok=True)
        kept = _connect(path)
    try:
        with kept:
            yield Tree(log, kept)
            kept.execute("DELETE FROM mark")
            kept.execute("INSERT INTO mark VALUES (?, ?)", log.head())
    finally:
        kept.close()


def _of_this_log(kept: sqlite3.Connection, log: Log) -> None:
    """Forget the nodes unless the event they were computed up to still has its hash; that hash covers all before it."""
    marks = kept.execute("SELECT position, hash FROM mark").fetchall()
    same = [(position, of_event) for position, of_event in marks if _hash_at(log, position) == of_event]
    if not same:
        kept.execute("DELETE FROM nodes")
        kept.commit()


def _hash_at(log: Log, position: int) -> bytes | None:
    found = log.hashes(after=position - 1, through=position, topics=None, limit=1)
    return found[0][1] if found else None


def _connect(path: Path | None) -> sqlite3.Connection:
    db = sqlite3.connect(path or ":memory:")
    db.execute("PRAGMA synchronous = OFF")
    if not db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'nodes'").fetchone():
        db.executescript(script("tree", "0001_tree.sql"))
    return db
