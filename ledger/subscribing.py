"""Following the log while others append to it, from this process or from any other."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path
from threading import Event as Flag

from domain.errors import HomeError, LedgerError, StoreError
from domain.event import Event, topic_of, topics
from ledger.chain import EMPTY, Head
from ledger.failures import translated
from ledger.log import Log, Stored
from ledger.opening import uri
from ledger.waking import wakings

POLL_S = 0.3
PAGE = 1_000


def subscribe(
    log: Log,
    *,
    after: int = 0,
    types: Collection[str | type[Event]] | None = None,
    stop: Flag | None = None,
    poll_s: float = POLL_S,
    page: int = PAGE,
) -> Iterator[Stored]:
    """Every event after position `after`, and then each one that is appended, in order; waits for the next one.

    Ends when `stop` is set. Whoever keeps the position of the last event that it has dealt with, and begins again after that,
    sees each event exactly once, however often either side is killed. types: names such as `trade-executed`, or classes.
    Raises StoreError when another ledger is put in the place of this one, HomeError when it is gone.
    """
    wanted = None if types is None else _topics(types)
    stop = stop or Flag()
    mark, known = _hash_at(log, after), None
    for head in ticks(log, stop=stop, poll_s=poll_s):
        if head != known and (head.position < after or _hash_at(log, after) != mark):
            raise _another(log)
        while after < head.position and not stop.is_set():
            found = log.read(after=after, through=head.position, topics=wanted, limit=page)
            yield from found
            after, mark = (found[-1].position, found[-1].hash) if len(found) == page else head
        known = head


def ticks(log: Log, *, stop: Flag, poll_s: float = POLL_S) -> Iterator[Head]:
    """The newest event: now, whenever the log may have grown, and at least every `poll_s`."""
    with closing(_Tail(log)) as tail:
        yield tail.head()
        for _ in wakings(log.home, stop=stop, poll_s=poll_s):
            yield tail.head()


class _Tail:
    """The end of a log. SQLite says for next to nothing whether anybody has committed since it was last asked."""

    def __init__(self, log: Log) -> None:
        self._log = log
        with translated(log.path):
            self._db = sqlite3.connect(uri(log.path, write=False), uri=True, check_same_thread=False)
        self._version, self._head = -1, EMPTY

    def close(self) -> None:
        self._db.close()

    def head(self) -> Head:
        """The newest event; looked up only when something was committed."""
        if _inode(self._log.path) != self._log.inode:
            raise _another(self._log)
        with translated(self._log.path):
            version = self._db.execute("PRAGMA data_version").fetchone()[0]
        if version != self._version:
            # In this order: what is committed between the two changes the version again.
            self._version, self._head = version, self._log.head()
        return self._head


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except FileNotFoundError as error:
        raise HomeError(f"{path} is gone", hint="Put the ledger back; whoever follows it then goes on.") from error


def _hash_at(log: Log, position: int) -> bytes | None:
    if not position:
        return None
    found = log.hashes(after=position - 1, through=position, topics=None, limit=1)
    return found[0][1] if found else None


def _another(log: Log) -> LedgerError:
    return StoreError(
        f"another ledger was put in the place of {log.path}",
        hint="Begin again: read models notice by themselves; a subscriber of your own begins after position 0.",
    )


def _topics(types: Collection[str | type[Event]]) -> frozenset[str]:
    """The topics of these types in all their versions; a name with a version means that one alone."""
    known = topics()
    found: set[str] = set()
    for one in types:
        name = one if isinstance(one, str) else topic_of(one).rpartition(".v")[0]
        same = {topic for topic in known if name in (topic, topic.rpartition(".v")[0])}
        if not same:
            raise LedgerError(f"there is no type of event {name!r}", hint="See: cli audit stats")
        found |= same
    return frozenset(found)
