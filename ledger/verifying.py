"""Proves that the ledger is unaltered, or says what is wrong with it and where."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from domain.errors import HomeError
from domain.event import topics
from ledger.chain import EMPTY, START, Head
from ledger.checking import Finding, check_range, reader
from ledger.log import Log
from ledger.opening import uri
from ledger.splitting import broken
from migrations.runner import LEDGER, migrate_ledger, pending, scripts

__all__ = ["Finding", "Verified", "verify_log"]

LIMIT = 100

# SQLite quotes the schema when it cannot make sense of it, and Python cannot decode what is damaged there.
_UNREADABLE = (sqlite3.Error, UnicodeDecodeError)

# Statistics are no part of the schema: ANALYZE may have gathered them.
_SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT GLOB 'sqlite_stat*'"
_HEAD = "SELECT rowid, hash FROM stored_events NOT INDEXED ORDER BY rowid DESC LIMIT 1"
_LAST_IN_INDEX = "SELECT coalesce(max(rowid), 0) FROM stored_events INDEXED BY sqlite_autoindex_stored_events_1"
_COUNT = "SELECT count(*) FROM stored_events WHERE rowid <= ?"
# The quick one does not look up every entry of every index.
_SOUND = ("PRAGMA quick_check", "PRAGMA integrity_check")
_BEFORE_FIRST = "SELECT rowid FROM stored_events WHERE rowid < 1 LIMIT ?"
# Version 1 needs nothing; any other follows the version before it, which stands before it in the log.
_VERSIONS = (
    "SELECT rowid, originator_id, originator_version FROM stored_events AS event "
    "WHERE rowid <= ? AND originator_version IS NOT 1 AND NOT EXISTS ("
    "SELECT 1 FROM stored_events AS earlier WHERE earlier.originator_id = event.originator_id "
    "AND earlier.originator_version = event.originator_version - 1 AND earlier.rowid < event.rowid) "
    "LIMIT ?"
)


class Verified(NamedTuple):
    """What was verified: how many events, the last one's position and hash, and all that is wrong."""

    events: int
    head: Head
    findings: list[Finding]

    @property
    def intact(self) -> bool:
        return not self.findings


def verify_log(log: Log | Path, *, thorough: bool = True, limit: int = LIMIT) -> Verified:
    """Check every event and the file around them; at most `limit` findings are listed, and the last one says so.

    thorough: also prove that every event can be read, and that every index agrees with the table; takes about twice as
    long. Events cut off from the end leave no trace in the file: compare the head with a seal. Raises HomeError when
    there is no such file.
    """
    path = log.path if isinstance(log, Log) else log
    while True:
        inode = _inode(path)
        verified = _verified(path, thorough=thorough, limit=limit)
        # A home that is replaced meanwhile: what was found is of both ledgers, and true of neither.
        if _inode(path) == inode:
            return verified


def _inode(path: Path) -> int:
    with suppress(FileNotFoundError, NotADirectoryError):
        found = path.stat()
        if stat.S_ISREG(found.st_mode):
            return found.st_ino
    raise HomeError(f"there is no ledger at {path}", hint="Name the home with --home.")


def _verified(path: Path, *, thorough: bool, limit: int) -> Verified:
    name = uri(path.absolute(), write=False)
    try:
        with closing(sqlite3.connect(name, uri=True)) as connection:
            connection.text_factory = _shown
            head = _head(connection)
    except _UNREADABLE as error:
        return Verified(0, EMPTY, [Finding(None, "file", f"{path} cannot be read: {error}")])
    # SQLite checks the file in a thread of its own: it lets go of Python's lock while it does.
    with ThreadPoolExecutor(1) as thread:
        around = thread.submit(_around, name, head.position, thorough=thorough)
        read = reader(name) if thorough else None
        stretches = broken(name, head.position, path.stat().st_size, topics=topics(), read=read)
        outside = around.result()
    if outside:  # what was judged fast relies on a sound file
        stretches = [(1, head.position)]
    looked = (found for first, last in stretches for found in check_range(name, first, last, decoding=thorough))
    inside = list(islice(looked, limit + 1))
    schema = [finding for finding in outside if finding.kind == "schema"]
    findings = [*schema, *inside, *(finding for finding in outside if finding.kind != "schema")]
    if len(findings) > limit:
        more = Finding(None, "more", f"only the first {limit} findings are listed, there are more")
        findings = [*findings[:limit], more]
    return Verified(_count(name, head) if findings else head.position, head, findings)


def _head(connection: sqlite3.Connection) -> Head:
    """The last event's position and hash; where the last page is damaged, the index still knows its position."""
    try:
        row = connection.execute(_HEAD).fetchone()
    except sqlite3.DatabaseError:
        row = (connection.execute(_LAST_IN_INDEX).fetchone()[0], START)
    position, digest = row or EMPTY
    return Head(position, digest if isinstance(digest, bytes) else str(digest).encode())


def _count(name: str, head: Head) -> int:
    """How many events there are up to the head."""
    try:
        with closing(sqlite3.connect(name, uri=True)) as connection:
            (count,) = connection.execute(_COUNT, (head.position,)).fetchone()
            return int(count)
    except sqlite3.DatabaseError:
        # A page in the middle is damaged: there should be as many as the head says, and each that is missing is named.
        return head.position


def _schema(connection: sqlite3.Connection) -> Iterator[Finding]:
    """Compare every table, index, trigger and view with what the migrations make that this ledger has seen.

    One that was not written to since Daybook was brought up to date has not seen the newest.
    """
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as fresh:
        # Of one moment: somebody may be bringing the ledger up to date.
        connection.execute("BEGIN")
        migrate_ledger(fresh, without=_unseen(connection))
        found = {row[:2]: row[2:] for row in connection.execute(_SCHEMA)}
        connection.rollback()
        wanted = {row[:2]: row[2:] for row in fresh.execute(_SCHEMA)}
    for kind, name in sorted(wanted.keys() - found.keys()):
        yield Finding(None, "schema", f"the {kind} {name} is missing")
    for kind, name in sorted(found.keys() - wanted.keys()):
        yield Finding(None, "schema", f"the {kind} {name} does not belong into the ledger")
    for kind, name in sorted(wanted.keys() & found.keys()):
        if wanted[kind, name] != found[kind, name]:
            yield Finding(None, "schema", f"the {kind} {name} was altered")


def _unseen(connection: sqlite3.Connection) -> list[str]:
    """The scripts that this ledger has not seen yet."""
    unseen = pending(connection)
    return unseen if len(unseen) < len(scripts(LEDGER)) else []


def _around(name: str, last: int, *, thorough: bool) -> list[Finding]:
    """What no single event shows: the soundness of the file, and the versions of each stream."""
    findings: list[Finding] = []
    try:
        with closing(sqlite3.connect(name, uri=True)) as connection:
            connection.text_factory = _shown
            findings += _schema(connection)
            for (said,) in connection.execute(_SOUND[thorough]):
                if said != "ok":
                    findings.append(Finding(None, "file", f"SQLite finds the file damaged: {said}"))
            for (position,) in connection.execute(_BEFORE_FIRST, (LIMIT,)):
                findings.append(
                    Finding(position, "position", f"there is an event at position {position}, before the first")
                )
            for position, stream, version in connection.execute(_VERSIONS, (last, LIMIT)):
                message = f"position {position} holds version {version} of stream {stream}, but no version before it"
                findings.append(Finding(position, "version", message))
    except _UNREADABLE as error:
        findings.append(Finding(None, "file", f"SQLite finds the file damaged: {error}"))
    return findings


def _shown(text: bytes) -> str:
    """Whatever a damaged file holds, made fit to be printed."""
    return text.decode(errors="replace")
