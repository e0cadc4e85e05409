"""What lies in the files of a partitioned read model, kept beside them, and the right to write them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Self, TypeVar

import apsw

from domain.errors import StoreError
from ledger.durable import write_whole
from ledger.lock import lock_within
from migrations.runner import read_model_script
from projections.profiles import BUSY_MS

FILE, LOCK, VERSION = "files.db", ".writer.lock", ".schema_version"

_WAIT_S = BUSY_MS / 1000
_ALL = """
SELECT path, version, events, last_position, as_of, last_hash, rows, digest, bytes, modified_ns, sha256 FROM files
"""
_PUT = """
INSERT OR REPLACE INTO files (path, version, events, last_position, as_of, last_hash, rows, digest, bytes, modified_ns, sha256)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_IS_MADE = "SELECT 1 FROM sqlite_schema WHERE name = 'files'"
_KNOWN = "SELECT 1 FROM files WHERE path = ?"
_FORGET = "DELETE FROM files WHERE path = ?"


class MadeOf(NamedTuple):
    """The code that made a file, how many events it shows, the newest of them, and the moment of which it is ('' for now)."""

    version: str
    events: int
    last_position: int
    as_of: str


class Place(NamedTuple):
    """What a file was made of, what it holds, and how it looked when it was written."""

    made_of: MadeOf
    last_hash: bytes
    rows: int
    digest: str
    size: int
    modified_ns: int
    sha256: str
    path: str

    @classmethod
    def of(cls, made_of: MadeOf, last_hash: bytes, rows: int, digest: str, path: Path, sha256: str) -> Self:
        """The place of a file that was just written."""
        state = path.stat()
        return cls(made_of, last_hash, rows, digest, state.st_size, state.st_mtime_ns, sha256, "")

    def is_untouched(self, folder: Path) -> bool:
        """Whether the file looks as it did when it was written."""
        try:
            state = (folder / self.path).stat()
        except FileNotFoundError:
            return False
        return (state.st_size, state.st_mtime_ns) == (self.size, self.modified_ns)


class Places:
    """The table of files."""

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db

    def all(self) -> dict[str, Place]:
        """Every file by its path."""
        return {row[0]: Place._make((MadeOf._make(row[1:5]), *row[5:], row[0])) for row in self._db.execute(_ALL)}

    def put(self, path: str, place: Place) -> None:
        """A file was written."""
        self._db.execute(_PUT, (path, *place.made_of, *place[1:-1]))

    def forget(self, path: str) -> None:
        """A file is gone."""
        self._db.execute(_FORGET, (path,))


@contextmanager
def writing(folder: Path, schema_version: str) -> Iterator[Places]:
    """The right to write the files of a folder. Raises StoreError when the folder is of another version, HomeBusy when another
    process does not let go of it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = lock_within(_WAIT_S, folder, file=LOCK)
    try:
        check_version(folder, schema_version)
        path = folder / VERSION
        if not path.exists():
            write_whole(path, f"{schema_version}\n".encode(), mode=0o600)
        db = _opened(folder / FILE)
        try:
            yield Places(db)
        finally:
            db.close()
    finally:
        lock.release()


def known_places(folder: Path) -> dict[str, Place]:
    """Every file that is known to be in a folder, by its path; none when that cannot be read, since it says nothing then."""
    try:
        return _asked(folder, lambda db: Places(db).all()) or {}
    except _DAMAGED:
        return {}


def is_readable(folder: Path) -> bool:
    """Whether what is known of the files of a folder can be read."""
    try:
        _asked(folder, lambda db: Places(db).all())
    except _DAMAGED:
        return False
    return True


def was_made(folder: Path, path: str) -> bool:
    """Whether a file was ever written, as far as is known; raises StoreError when what is known cannot be read."""
    try:
        return bool(_asked(folder, lambda db: db.execute(_KNOWN, (path,)).fetchone()))
    except _DAMAGED as error:
        raise StoreError(f"{folder / FILE} is damaged: {error}", hint="Run: cli verify projections --repair") from error


_DAMAGED = (apsw.CorruptError, apsw.NotADBError, apsw.SQLError)
Answer = TypeVar("Answer")


def _asked(folder: Path, ask: Callable[[apsw.Connection], Answer]) -> Answer | None:
    """What the table of files says; None where there is none yet."""
    path = folder / FILE
    if not path.exists():
        return None
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        db.set_busy_timeout(BUSY_MS)
        # The first writer may just be making the table.
        return ask(db) if db.execute(_IS_MADE).fetchone() else None
    except apsw.ReadOnlyError:
        return None  # the power was cut while the table was being made, before it knew of any file: the next writer ends that
    finally:
        db.close()


def check_version(folder: Path, schema_version: str) -> None:
    """Refuse a folder that another version of the program has written: its files may mean something else."""
    try:
        found = (folder / VERSION).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"{folder / VERSION} cannot be read: {error}", hint=_HINT) from error
    if found != schema_version:
        raise StoreError(f"{folder} has version {found or 'none'} of its layout, not {schema_version}", hint=_HINT)


_HINT = "Use the version of Daybook that wrote it; or move the folder away and run: cli catch-up"


def _opened(path: Path) -> apsw.Connection:
    """The table of files; begun anew when it is damaged, since the files themselves tell the rest."""
    try:
        return _open(path)
    except _DAMAGED:
        for suffix in ("", "-wal", "-shm", "-journal"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        return _open(path)


def _open(path: Path) -> apsw.Connection:
    path.touch(mode=0o600)
    db = apsw.Connection(str(path))
    try:
        db.set_busy_timeout(BUSY_MS)
        db.pragma("journal_mode", "wal")
        db.pragma("synchronous", "NORMAL")
        if not db.execute(_IS_MADE).fetchall():
            with db:
                db.execute(read_model_script("partitions"))
        db.execute(_ALL).fetchone()
    except BaseException:
        db.close()
        raise
    return db
