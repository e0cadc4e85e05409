"""The hash chain: what the hash of an event covers, and how it is computed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import NamedTuple

START = bytes(32)


class Head(NamedTuple):
    """The last event's position and hash; position 0 and 32 zero bytes for an empty log."""

    position: int
    hash: bytes


EMPTY = Head(0, START)


def frame(value: str | bytes | int | None) -> bytes:
    """The length of the bytes in ASCII decimal, a colon, the bytes, a comma; `-,` for NULL."""
    if value is None:
        return b"-,"
    if isinstance(value, int):
        value = str(value)
    if isinstance(value, str):
        value = value.encode()
    return b"%d:%b," % (len(value), value)


def next_hash(
    previous: bytes,
    position: int,
    stream: str,
    version: int,
    topic: str,
    recorded_at: str,
    state: str | bytes,
    source: str | bytes | None,
) -> bytes:
    """The hash of the event at `position`, which follows the event whose hash is `previous`."""
    framed = map(frame, (position, stream, version, topic, recorded_at, state, source))
    return sha256(previous + b"".join(framed)).digest()


Draft = tuple[str, int, str, bytes, bytes | None]
"""Stream, version, topic, state, source: an event that has no place in the log yet."""

Row = tuple[int, str, int, str, str, str, str | None, bytes]
"""Position, stream, version, topic, state, recorded_at, source, hash: the columns of the log in their order."""


def hash_after(
    previous: bytes, position: int, stream: bytes, version: int, middle: str, state: bytes, source: bytes | None
) -> bytes:
    """What `next_hash` computes, at half the cost; `middle` is the frames of topic and recorded time, which repeat."""
    place, number = str(position), str(version)
    start = f"{len(place)}:{place},{len(stream)}:".encode()
    between = f",{len(number)}:{number},{middle}{len(state)}:".encode()
    if source is None:
        return sha256(b"".join((previous, start, stream, between, state, b",-,"))).digest()
    origin = f",{len(source)}:".encode()
    return sha256(b"".join((previous, start, stream, between, state, origin, source, b","))).digest()


def middle_of(topic: bytes | str, recorded_at: bytes | str) -> str:
    """The part of what is hashed that repeats from event to event."""
    return (frame(topic) + frame(recorded_at)).decode()


def chained(head: Head, drafts: Iterable[Draft], recorded_at: str) -> Iterator[Row]:
    """The rows that follow `head`, one by one: each is hashed and written while it is in the processor's cache."""
    position, previous = head
    middles: dict[str, str] = {}
    for stream, version, topic, state, source in drafts:
        position += 1
        middle = middles.get(topic)
        if middle is None:
            middle = middles[topic] = middle_of(topic, recorded_at)
        previous = hash_after(previous, position, stream.encode(), version, middle, state, source)
        origin = None if source is None else source.decode()
        yield position, stream, version, topic, state.decode(), recorded_at, origin, previous
