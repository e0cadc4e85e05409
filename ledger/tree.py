"""The Merkle tree of a log: subtree hashes, read from the events once and kept in `tree.db` beside the ledger."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ledger import merkle
from ledger.chain import Head
from ledger.log import Log
from migrations import script

FILE = "tree.db"
KEPT_FROM = 256
"""Subtrees of this many leaves and more are kept; smaller ones are computed from the events each time."""

_FIND = "SELECT hash, checksum FROM nodes WHERE size = ? AND start = ?"
_KEEP = "INSERT OR REPLACE INTO nodes (size, start, hash, checksum) VALUES (?, ?, ?, ?)"
_MARKS = "SELECT position, hash FROM mark"
_HAS_NODES = "SELECT 1 FROM nodes LIMIT 1"
_HAS_CHECKSUMS = "SELECT 1 FROM pragma_table_info('nodes') WHERE name = 'checksum'"
_NOT_THE_FILES_FAULT = frozenset({
    sqlite3.SQLITE_PERM, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN,
})  # fmt: skip


class Tree:
    """Subtree hashes of the first events of a log."""

    def __init__(self, log: Log, kept: Nodes) -> None:
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
        found = self._kept.find(size, start)
        if found is not None:
            return found
        if size == KEPT_FROM:
            computed = merkle.complete(self._leaves(start, size))
        else:
            half = size // 2
            computed = merkle.node(self.subtree(start, half), self.subtree(start + half, half))
        self._kept.keep(size, start, computed)
        return computed

    def _leaves(self, start: int, size: int) -> list[bytes]:
        page = self._log.hashes(after=start, through=start + size, topics=None, limit=size)
        assert len(page) == size, f"the log has no {size} events after position {start}"
        return [merkle.leaf(of_event) for _, of_event in page]


class Nodes:
    """The hashes that are kept, in a file, or for the moment in memory.

    Each has a checksum: what a fault of the disk left of one would be signed, and nobody would notice. A file that is damaged,
    or of another log, is begun anew, one that cannot be used is done without; `trouble` says which happened, and why.
    """

    def __init__(self, log: Log, path: Path | None) -> None:
        self.trouble = ""
        self._log, self._path = log, path
        try:
            self._db = self._opened(path)
        except (sqlite3.Error, OSError) as error:
            self._begin_anew(error)

    def find(self, size: int, start: int) -> bytes | None:
        """The hash of a subtree; None when it is not kept."""
        try:
            found = self._db.execute(_FIND, (size, start)).fetchone()
            if found and (not isinstance(found[0], bytes) or found[1] != _checksum(size, start, found[0])):
                raise sqlite3.DatabaseError(f"the hash of {size} events from {start + 1} on does not fit its checksum")
        except sqlite3.Error as error:
            self._begin_anew(error)
            return None
        return found[0] if found else None

    def keep(self, size: int, start: int, computed: bytes) -> None:
        """Keep the hash of a subtree."""
        try:
            self._db.execute(_KEEP, (size, start, computed, _checksum(size, start, computed)))
        except sqlite3.Error as error:
            self._begin_anew(error)

    def settle(self, head: Head) -> None:
        """Have it on the disk, and note which log it is of."""
        try:
            with self._db:
                self._db.execute("DELETE FROM mark")
                self._db.execute("INSERT INTO mark (position, hash) VALUES (?, ?)", head)
        except sqlite3.Error as error:
            self._begin_anew(error)

    def close(self) -> None:
        """Close the file; what was not settled is forgotten."""
        self._db.close()

    def _begin_anew(self, error: sqlite3.Error | OSError) -> None:
        """Go on with a new file where the old one is damaged, and in memory where no file can be used."""
        if hasattr(self, "_db"):
            self._db.close()
        if self._path is not None and _is_damage(error) and not self.trouble:
            self.trouble = f"{FILE} was no good and is made again from the events: {error}"
            try:
                # The journal first: it would be played back into the new file.
                self._path.with_name(f"{FILE}-journal").unlink(missing_ok=True)
                self._path.unlink(missing_ok=True)
                self._db = self._opened(self._path)
            except (sqlite3.Error, OSError):
                self._db = self._opened(None)
            return
        self.trouble = self.trouble or f"{FILE} cannot be used, so all is computed from the events: {error}"
        self._db = self._opened(None)

    def _opened(self, path: Path | None) -> sqlite3.Connection:
        if path is not None and not path.exists():
            path.touch(mode=0o600)
        db = sqlite3.connect(path or ":memory:")
        try:
            # What a power cut left of a tree would have to be made again.
            db.execute("PRAGMA synchronous = FULL")
            if not db.execute(_HAS_CHECKSUMS).fetchone():
                # As a whole: another process may be making them as well.
                db.executescript(f"BEGIN IMMEDIATE;{script('tree', '0001_tree.sql')}COMMIT;")
            self._check_mark(db)
        except BaseException:
            db.close()
            raise
        return db

    def _check_mark(self, db: sqlite3.Connection) -> None:
        # In this order: nodes that another process keeps after the first look come together with their mark.
        has_nodes = db.execute(_HAS_NODES).fetchone()
        if has_nodes and not any(_is_at(self._log, *mark) for mark in db.execute(_MARKS)):
            raise sqlite3.DatabaseError("it is of another log")


@contextmanager
def open_tree(log: Log, *, keep: bool, tell: Callable[[str], None] = lambda _: None) -> Iterator[Tree]:
    """The tree of a log; with `keep` what is computed stays in the home, else it is forgotten.

    A file that is damaged, of another log, or cannot be used is no error: `tell` is told.
    """
    kept = Nodes(log, log.home / FILE if keep else None)
    try:
        yield Tree(log, kept)
        kept.settle(log.head())
        if kept.trouble:
            tell(kept.trouble)
    finally:
        kept.close()


def _is_damage(error: sqlite3.Error | OSError) -> bool:
    """Whether it is the content of the file that is wrong, and not that it cannot be read or written just now."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    return isinstance(error, sqlite3.Error) and code & 0xFF not in _NOT_THE_FILES_FAULT


def _is_at(log: Log, position: object, of_event: object) -> bool:
    """Whether the event still has this hash, which covers all before it."""
    if not isinstance(position, int):
        return False
    found = log.hashes(after=position - 1, through=position, topics=None, limit=1)
    return bool(found) and found[0][1] == of_event


def _checksum(size: int, start: int, of_subtree: bytes) -> bytes:
    """Against accidents; against intent there is the seal."""
    return hashlib.sha256(b"%d %d " % (size, start) + of_subtree).digest()[:8]
