"""Rows of an earlier run that are gone: what the log is told of them."""

from __future__ import annotations

from functools import cached_property

from domain import event as events
from domain.event import Event, topic_of
from domain.legacy import LegacyRowVanished
from ledger.log import Entry
from replay import provenance
from replay.mapping import TableMapping
from replay.reshaping import has_copies, siblings
from replay.tally import TableTally
from replay.translating import Translator
from replay.work import Run


def all_vanished(run: Run) -> list[Entry]:
    """Entries for recorded rows that are gone, of the tables read and of tables that the read files no longer have."""
    entries = []
    for job in run.jobs:
        entries += _of_table(run, job.file, job.translator.table.name, job.translator.tally)
    here = {(job.file, job.translator.table.name) for job in run.jobs} | run.passed
    read = {file for file, _ in here}
    for file, table in run.seen.origins(run.system.name):
        if file in read and (file, table) not in here:
            entries += _of_table(run, file, table, None)
    return entries


def _of_table(run: Run, file: str, table: str, tally: TableTally | None) -> list[Entry]:
    entries = []
    mapping = run.system.declared(file, table)
    shared = provenance.prefix(run.report.run, run.system.name, file, table)
    elsewhere = _Elsewhere(run, file, table, mapping)
    for gone in run.seen.of(run.system.name, file, table, run.log).gone():
        if not gone.kept and gone.stream in elsewhere:
            continue
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


class _Elsewhere:
    """The streams whose rows stand in other tables: a row that moved to another file is not gone. Read when first asked."""

    def __init__(self, run: Run, file: str, table: str, mapping: TableMapping | None) -> None:
        self._run, self._place, self._mapping = run, (file, table), mapping

    def __contains__(self, stream_id: str) -> bool:
        mapping = self._mapping
        if mapping is None or mapping.removed is None or has_copies(mapping.removed):
            return False
        # A table that was passed over in this round may hold the row; the round that reads it will tell.
        return self._may_hold or stream_id in self._streams

    @cached_property
    def _may_hold(self) -> bool:
        assert self._mapping is not None
        return any(self._run.unread(*place) for place in siblings(self._run, *self._place, self._mapping))

    @cached_property
    def _streams(self) -> frozenset[str]:
        assert self._mapping is not None
        found: set[str | None] = set()
        for job in self._run.jobs:
            rows = job.translator
            is_other = isinstance(rows, Translator) and (job.file, rows.table.name) != self._place
            if is_other and isinstance(rows, Translator) and rows.mapping and rows.mapping.kind == self._mapping.kind:
                for page in rows.rows(job.db):
                    found.update(rows.proof_streams(row)[0] for row in page)
        return frozenset(name for name in found if name is not None)


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
