"""Rows of an earlier run that are gone: what the log is told of them."""

from __future__ import annotations

from domain import event as events
from domain.event import Event, topic_of
from domain.legacy import LegacyRowVanished
from ledger.log import Entry
from replay import provenance
from replay.mapping import TableMapping
from replay.tally import TableTally
from replay.work import Run


def all_vanished(run: Run) -> list[Entry]:
    """Entries for recorded rows that are gone, of the tables read and of tables that the read files no longer have."""
    entries = []
    for job in run.jobs:
        entries += _of_table(run, job.file, job.translator.table.name, job.translator.tally)
    here = {(job.file, job.translator.table.name) for job in run.jobs}
    read = {job.file for job in run.jobs}
    for file, table in run.seen.origins(run.system.name):
        if file in read and (file, table) not in here:
            entries += _of_table(run, file, table, None)
    return entries


def _of_table(run: Run, file: str, table: str, tally: TableTally | None) -> list[Entry]:
    entries = []
    mapping = run.system.declared(file, table)
    shared = provenance.prefix(run.report.run, run.system.name, file, table)
    for gone in run.seen.of(run.system.name, file, table, run.log).gone():
        (stored,) = run.log.at([gone.position])
        entry = _vanished(
            mapping=mapping, shared=shared, file=file, table=table, stream_id=gone.stream,
            last=events.decode(stored.topic, stored.state), kept=gone.kept,
        )  # fmt: skip
        if entry is not None:
            entries.append(entry)
            if tally is not None:
                tally.vanished += 1
    return entries


def _vanished(
    *, mapping: TableMapping | None, shared: bytes, file: str, table: str, stream_id: str, last: Event, kept: bool
) -> Entry | None:
    """The entry that says a row is gone, None where the legacy system merely trims history; `last`: its newest event."""
    if kept:
        gone: Event = LegacyRowVanished(file=file, table=table)
    elif mapping is None or mapping.removed is None:
        return None
    else:
        removed = mapping.removed
        own = {field: getattr(last, field) for field in removed.__struct_fields__ if hasattr(last, field)}
        gone = removed(**{**own, "occurred_at": None, "assumed": (), "repaired": None})
    return Entry(stream_id, topic_of(type(gone)), events.encode(gone), provenance.of_vanished(shared))
