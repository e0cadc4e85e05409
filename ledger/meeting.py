"""The streams in which a legacy row followed something that was entered here: where the two may say otherwise."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing

import msgspec

from ledger.failures import translated
from ledger.log import Log
from ledger.opening import uri

# One for each partial index of migrations/ledger/0003_classic_tables.sql: the topics must stand there word for word.
_MET = """
    SELECT DISTINCT originator_id FROM stored_events AS entered
    WHERE topic IN ('{0}-{1}.v1', '{0}-corrected.v1', '{0}-voided.v1') AND source IS NULL AND EXISTS (
        SELECT 1 FROM stored_events AS later
        WHERE later.originator_id = entered.originator_id
            AND later.originator_version > entered.originator_version
            AND later.source IS NOT NULL
    )"""
_ANY = """
    SELECT EXISTS (
        SELECT 1 FROM stored_events WHERE topic IN ('{0}-{1}.v1', '{0}-corrected.v1', '{0}-voided.v1') AND source IS NULL
    )"""
_ENTERED = """
    SELECT originator_id, topic, state FROM json_each(?) JOIN stored_events ON originator_id = value
    WHERE source IS NULL ORDER BY originator_id, originator_version"""
_KINDS = (("trade", "executed"), ("cash-flow", "booked"), ("dividend", "paid"))


def met_streams(log: Log) -> list[str]:
    """Streams of trades, cash flows and dividends with an event that was entered and, after it, a legacy row."""
    with translated(log.path), closing(_connect(log)) as db:
        return [str(row[0]) for kind in _KINDS for row in db.execute(_MET.format(*kind))]


def anything_entered(log: Log) -> bool:
    """Whether any trade, cash flow or dividend was entered here."""
    with translated(log.path), closing(_connect(log)) as db:
        return any(db.execute(_ANY.format(*kind)).fetchone()[0] for kind in _KINDS)


def entered_in(log: Log, streams: Collection[str]) -> Iterator[tuple[str, str, str]]:
    """Stream, topic and state of what was entered in these streams, in the order of each stream."""
    with translated(log.path), closing(_connect(log)) as db:
        yield from db.execute(_ENTERED, (msgspec.json.encode(list(streams)).decode(),))


def _connect(log: Log) -> sqlite3.Connection:
    return sqlite3.connect(uri(log.path, write=False), uri=True)
