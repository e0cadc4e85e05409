"""How far a read model has come: its checkpoint, kept in the transaction that writes the rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import apsw
from msgspec import convert

TABLE = "checkpoint"
NO_HASH = bytes(32)

_READ = "SELECT projector, projector_version, schema_digest, position, hash, events, digest, as_of FROM checkpoint"
_CREATE = """
INSERT INTO checkpoint (id, projector, projector_version, schema_digest, position, hash, events, digest, as_of)
VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_ADVANCE = "UPDATE checkpoint SET position = ?, hash = ?, events = ?, digest = ?"


class Checkpoint(NamedTuple):
    """Up to which event a read model was derived, by which code, and what the projector saw.

    events and digest: how many events of the projector's topics there were up to the position, and the sum of their
    hashes modulo 2**256. The sum does not depend on how the events were cut into batches. It proves that the projector
    saw every event exactly once; that the events themselves are unaltered is proved by the ledger's hash chain.
    """

    projector: str
    version: int
    schema_digest: str
    position: int = 0
    hash: bytes = NO_HASH
    events: int = 0
    digest: bytes = NO_HASH
    as_of: str | None = None


def read(db: apsw.Connection) -> Checkpoint | None:
    """The checkpoint; None when the file has none. Raises apsw.SQLError when it is no read model."""
    rows = db.execute(_READ).fetchall()
    return convert(rows[0], Checkpoint) if rows else None


def create(db: apsw.Connection, mark: Checkpoint) -> None:
    """Write the first checkpoint of a new file."""
    db.execute(_CREATE, mark)


def advance(db: apsw.Connection, mark: Checkpoint) -> None:
    """Write how far the open transaction has come."""
    db.execute(_ADVANCE, (mark.position, mark.hash, mark.events, mark.digest))


def add(digest: bytes, hashes: Iterable[bytes]) -> bytes:
    """The digest after these events as well."""
    total = sum(map(int.from_bytes, hashes), int.from_bytes(digest))
    return (total % (1 << 256)).to_bytes(32)
