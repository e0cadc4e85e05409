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


def preimage(position: int, stream: str, version: int, middle: str, state: str, source: str | None) -> bytes:
    """What `next_hash` frames, at half the cost; `middle` is the frames of topic and recorded time, which repeat."""
    place, number = str(position), f"{version:d}"
    length = len(stream) if stream.isascii() else len(stream.encode())
    size = len(state) if state.isascii() else len(state.encode())
    start = f"{len(place)}:{place},{length}:{stream},{len(number)}:{number},{middle}{size}:{state},"
    if source is None:
        return f"{start}-,".encode()
    size = len(source) if source.isascii() else len(source.encode())
    return f"{start}{size}:{source},".encode()


def chained(head: Head, drafts: Iterable[Draft], recorded_at: str) -> Iterator[Row]:
    """The rows that follow `head`, one by one: each is hashed and written while it is in the processor's cache."""
    position, previous = head
    middles: dict[str, str] = {}
    for stream, version, topic, state, source in drafts:
        position += 1
        middle = middles.get(topic)
        if middle is None:
            middle = middles[topic] = (frame(topic) + frame(recorded_at)).decode()
        text = state.decode()
        origin = None if source is None else source.decode()
        previous = sha256(previous + preimage(position, stream, version, middle, text, origin)).digest()
        yield position, stream, version, topic, text, recorded_at, origin, previous
