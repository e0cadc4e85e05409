"""An event of the log as one line of JSON, from which its hash can be computed again; and the way back."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from domain.errors import StoreError
from ledger.log import Stored


class Line(Struct, frozen=True, forbid_unknown_fields=True):
    """The columns of the log. state, source: the texts as stored, not as objects; hash: hex."""

    position: int
    stream: str
    version: int
    topic: str
    recorded_at: str
    state: str
    source: str | None
    hash: str


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Line).decode


def line_of(stored: Stored) -> bytes:
    """The line, without its end."""
    return _encode(Line(*stored[:-1], stored.hash.hex()))


def stored_of(line: bytes) -> Stored:
    """The event that a line holds; raises StoreError."""
    try:
        found = _decode(line)
        return Stored._make((*msgspec.structs.astuple(found)[:-1], bytes.fromhex(found.hash)))
    except (msgspec.MsgspecError, ValueError) as error:
        raise StoreError(f"not an event of a log: {error}") from error
