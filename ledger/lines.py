"""An event of the log as one line of JSON, from which its hash can be computed again; and the way back."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from msgspec import Struct

from domain.errors import StoreError
from ledger.log import Stored

COLUMNS = ("position", "stream", "version", "topic", "recorded_at", "state", "source", "hash")

# ASCII only, so that no terminal finds anything to act on. docs/verify_proof.py demands this very form, so that no byte of
# an export can change unseen.
_encode = json.JSONEncoder(separators=(",", ":")).encode


class _Line(Struct, frozen=True, forbid_unknown_fields=True):
    """A line as it is read back. state, source: the texts as stored, not as objects; hash: hex."""

    position: int
    stream: str
    version: int
    topic: str
    recorded_at: str
    state: str
    source: str | None
    hash: str


_decode = msgspec.json.Decoder(_Line).decode


def about(stored: Stored) -> dict[str, Any]:  # JSON values
    """An event with everything that its hash covers: state and source as the text that was stored, the hash in hex."""
    return {name: stored.hash.hex() if name == "hash" else getattr(stored, name) for name in COLUMNS}


def line_of(stored: Stored) -> str:
    """The line, without its end."""
    return _encode(about(stored))


def stored_of(line: bytes) -> Stored:
    """The event that a line holds; raises StoreError."""
    try:
        found = _decode(line)
        return Stored(
            position=found.position, stream=found.stream, version=found.version, topic=found.topic, state=found.state,
            recorded_at=found.recorded_at, source=found.source, hash=bytes.fromhex(found.hash),
        )  # fmt: skip
    except (msgspec.MsgspecError, ValueError) as error:
        raise StoreError(f"not an event of a log: {error}") from error
