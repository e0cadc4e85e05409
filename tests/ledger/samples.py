"""Entries for the log, and the hash computed by a plain reading of the design."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from domain.event import Event, encode, topic_of
from domain.trading import TradeVoided
from ledger.log import Entry

NOON = "2026-11-20T12:00:00.000000Z"


def entry(stream: str, event: Event | None = None, source: str | None = None) -> Entry:
    event = event or TradeVoided(reason="a sample")
    return Entry(stream, topic_of(type(event)), encode(event), None if source is None else source.encode())


def entries(count: int, *, streams: int = 10**9, start: int = 0) -> list[Entry]:
    """Small entries, spread evenly over a number of streams; every third has a provenance."""
    return [
        entry(
            f"trade:T-{number % streams}",
            TradeVoided(reason=f"number {number} é"),
            None if number % 3 else '{"note":1}',
        )
        for number in range(start, start + count)
    ]


def rows(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(
            "SELECT rowid, originator_id, originator_version, topic, recorded_at, state, source, hash "
            "FROM stored_events ORDER BY rowid"
        ).fetchall()


def chain(path: Path) -> bytes:
    """The hash of the last row, computed from all others by nothing but the words of the design."""
    digest = bytes(32)
    for *covered, _ in rows(path):
        digest = hashlib.sha256(digest + framed(covered)).digest()
    return digest


def framed(values: Iterable[object]) -> bytes:
    out = b""
    for value in values:
        if value is None:
            out += b"-,"
        else:
            data = str(value).encode("utf-8")
            out += str(len(data)).encode("ascii") + b":" + data + b","
    return out
