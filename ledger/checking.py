"""Says what is wrong in a stretch of the log, event by event: its place, its types, its hash, and that it can be read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final, NamedTuple

import msgspec

# Imported for its effect: every topic that the log may hold is registered.
import domain.catalog  # noqa: F401
from domain.event import decode, topics
from ledger.chain import START, next_hash
from ledger.linking import Read
from ledger.pointing import Landmarks, Origin
from ledger.pointing import read as read_origin

PAGE: Final = 256

_SELECT = "SELECT rowid, originator_id, originator_version, topic, state, recorded_at, source, hash FROM stored_events "
_PAGE = _SELECT + "WHERE rowid > ? AND rowid <= ? ORDER BY rowid LIMIT ?"
_ONE = _SELECT + "WHERE rowid = ?"
_COLUMNS: Final[dict[str, tuple[type, ...]]] = {
    "stream": (str,),
    "version": (int,),
    "topic": (str,),
    "state": (str,),
    "recorded_at": (str,),
    "source": (str, type(None)),
    "hash": (bytes,),
}
# Brackets that are nested too deep are a RecursionError.
_UNREADABLE: Final = (msgspec.MsgspecError, ValueError, RecursionError)
_STORED_AS: Final = {str: "text", int: "an integer", float: "a real number", bytes: "a blob", type(None): "NULL"}

# Any: a damaged file may hold any type in any column.
Row = tuple[Any, ...]


class Finding(NamedTuple):
    """Something wrong with the ledger; `position` is that of the event it is about, if it is about one."""

    position: int | None
    kind: str
    message: str


class Link(NamedTuple):
    """What the next event must follow: the last position, its hash as stored and as computed; None when not known."""

    position: int
    stored: bytes | None
    computed: bytes | None


def check_range(uri: str, first: int, last: int, *, decoding: bool) -> Iterator[Finding]:
    """Check the events from position `first` to `last`; each that is wrong is named, whatever stands before it.

    decoding: also prove that each state can be read as its event, and that each source is JSON and points to a run and a
    file that the log knows.
    """
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        marks = _landmarks(connection) if decoding else None
        # The event before is checked once more, to learn whether its hash can be trusted.
        link = _before(connection, max(first - 1, 1))
        while True:
            rows = _page(connection, link.position, last)
            if not rows:
                return
            for row in rows:
                findings = list(examine(row, link, marks))
                yield from (finding for finding in findings if finding.position is None or finding.position >= first)
                link = _link(row, link)


def _landmarks(connection: sqlite3.Connection) -> Landmarks:
    """The runs and files of the log; where its pages are damaged none, and then what points to them is not judged."""
    try:
        return Landmarks(connection)
    except (sqlite3.Error, UnicodeDecodeError):
        return Landmarks(None)


def _before(connection: sqlite3.Connection, position: int) -> Link:
    if position == 1:
        return Link(0, START, START)
    rows = _page(connection, position - 2, position - 1)
    stored = rows[0][-1] if rows and isinstance(rows[0][-1], bytes) else None
    return Link(position - 1, stored, stored)


def reader(uri: str) -> Read:
    """Asks whether an event can be read as what it says it is, and whether its provenance points to something."""
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        marks = _landmarks(connection)

    def read(position: int, topic: str, state: bytes, source: bytes | None) -> bool:
        decode(topic, state)
        return source is None or marks.lacks(read_origin(source), position) is None

    return read


def _page(connection: sqlite3.Connection, after: int, last: int) -> list[Row]:
    """The next events. Where the file is damaged, one by one; one that cannot be read is its position and the reason."""
    try:
        return connection.execute(_PAGE, (after, last, PAGE)).fetchall()
    except sqlite3.Error:
        connection.text_factory = _any_text
        try:
            return connection.execute(_PAGE, (after, last, PAGE)).fetchall()
        except sqlite3.Error:
            return [_one(connection, position) for position in range(after + 1, min(last, after + PAGE) + 1)]
        finally:
            connection.text_factory = str


def _one(connection: sqlite3.Connection, position: int) -> Row:
    try:
        return connection.execute(_ONE, (position,)).fetchone() or (position, "it is not there")
    except sqlite3.Error as error:
        return (position, str(error))


def _any_text(text: bytes) -> str:
    return text.decode(errors="surrogateescape")


def examine(row: Row, link: Link, marks: Landmarks | None) -> Iterator[Finding]:
    """Everything that is wrong with one event, given the one before it; with `marks`, whether it can be read as well."""
    position = row[0]
    if position > link.position + 1:
        first, last = link.position + 1, position - 1
        gone = f"position {first} is" if first == last else f"positions {first} to {last} are"
        yield Finding(first, "missing", f"{gone} missing from the log")
    if len(row) < len(_COLUMNS):
        yield Finding(position, "unreadable", f"the event at position {position} cannot be read: {row[1]}")
        return
    named = f"the event at position {position} (stream {row[1]!r}, version {row[2]!r}, {row[3]!r})"
    for (column, kinds), value in zip(_COLUMNS.items(), row[1:], strict=True):
        if type(value) not in kinds:
            wanted = " or ".join(_STORED_AS[kind] for kind in kinds)
            yield Finding(
                position, "type", f"{named}: {column} is stored as {_STORED_AS[type(value)]}, not as {wanted}"
            )
    if position == link.position + 1 and link.stored is not None and _hash(link.stored, row) != _bytes(row[-1]):
        if link.computed is not None and _hash(link.computed, row) == _bytes(row[-1]):
            yield Finding(
                link.position, "hash", f"the hash at position {link.position} was changed, and nothing else there"
            )
        else:
            yield Finding(position, "altered", f"{named} does not agree with its hash and the hash before it")
    yield from _undecodable(row, named, marks)


def _undecodable(row: Row, named: str, marks: Landmarks | None) -> Iterator[Finding]:
    _, _, _, topic, state, _, source, _ = row
    if topic not in topics():
        yield Finding(row[0], "topic", f"{named} is of a type that this version does not know")
    elif marks is not None and isinstance(state, str):
        try:
            decode(topic, _bytes(state))
        except _UNREADABLE as error:
            yield Finding(row[0], "state", f"{named} cannot be read as what it says it is: {error}")
    if marks is not None and isinstance(source, str):
        try:
            origin: Origin = read_origin(_bytes(source))
        except _UNREADABLE as error:
            yield Finding(row[0], "source", f"{named} has a provenance that cannot be read: {error}")
            return
        if missing := marks.lacks(origin, row[0]):
            yield Finding(row[0], "source", f"{named} has a provenance that points nowhere: it names {missing}")


def _link(row: Row, link: Link) -> Link:
    """What the event after this one must follow."""
    if len(row) < len(_COLUMNS):
        return Link(row[0], None, None)
    known = row[0] == link.position + 1 and link.stored is not None
    return Link(row[0], _bytes(row[-1]), _hash(link.stored, row) if known else None)


def _hash(previous: bytes | None, row: Row) -> bytes:
    position, stream, version, topic, state, recorded_at, source, _ = map(_bytes, row)
    return next_hash(previous or b"", position, stream, version, topic, recorded_at, state, source)


def _bytes(value: Any) -> Any:
    """A value as the hash covers it: text that is not UTF-8 as the bytes it was; NULL stays."""
    return value if value is None or isinstance(value, bytes) else str(value).encode(errors="surrogateescape")
