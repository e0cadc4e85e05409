"""Whether a stretch of the log is unbroken: the fast answer, for nearly all of it. A no is only the reason to look closer.

Nothing but the standard library is imported, so that a process that checks a part of a large log starts at once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing

from ledger.chain import START, hash_after, middle_of

_ROWS = (
    "SELECT rowid, originator_id, originator_version, topic, state, recorded_at, source, hash FROM stored_events "
    "WHERE rowid BETWEEN ? AND ? ORDER BY rowid"
)
_HASH = "SELECT hash FROM stored_events WHERE rowid = ?"
_NO = (sqlite3.Error, ValueError, TypeError, LookupError, AttributeError, RecursionError)

Read = Callable[[int, str, bytes, bytes | None], bool]
"""Whether the event at a position, of a topic, with its state and its source, can be read; it may raise ValueError."""


class Links:
    """Judges stretches of one log, in any number of threads.

    topics: all that the log may hold. read: what is also asked about each event.
    """

    def __init__(self, uri: str, topics: Iterable[str], read: Read | None = None) -> None:
        self._uri = uri
        self._topics = {topic.encode(): topic for topic in topics}
        self._read = read

    def unbroken(self, first: int, last: int) -> bool:
        """Whether the events of these positions are all there, each with the hash that follows the one before it.

        The storage class of a value is not judged: as bytes, a text and a blob are the same. SQLite's own check of a STRICT
        table judges that.
        """
        try:
            with closing(sqlite3.connect(self._uri, uri=True)) as connection:
                connection.text_factory = bytes  # what is hashed need not be decoded, and encoded again
                return self._unbroken(connection, first, last)
        except _NO:
            return False

    def _unbroken(self, connection: sqlite3.Connection, first: int, last: int) -> bool:
        previous = START if first == 1 else connection.execute(_HASH, (first - 1,)).fetchone()[0]
        read, expected = self._read, first
        kind = when = b""
        name = middle = ""
        for position, stream, version, topic, state, recorded_at, source, digest in connection.execute(
            _ROWS, (first, last)
        ):
            if topic != kind or recorded_at != when or not name:
                kind, when, name, middle = topic, recorded_at, self._topics[topic], middle_of(topic, recorded_at)
            if position != expected or hash_after(previous, position, stream, version, middle, state, source) != digest:
                return False
            if read is not None and not read(position, name, state, source):
                return False
            previous = digest
            expected += 1
        return expected == last + 1
