"""Events of the replay itself: runs, the legacy schema, and legacy rows that no event describes."""

from __future__ import annotations

from typing import Any

from msgspec import field

from domain.event import Count, Event, Flag, register


@register
class ReplayStarted(Event, frozen=True, kw_only=True, tag="replay-started.v1"):
    """A replay found something new to record; what follows up to ReplayCompleted belongs to run number `run`.

    timezone: how naive times were read, `timezone_assumed` when nobody said so; timezones: those of single tables, where
    they were said to be others. program: the version that translated.
    """

    run: int
    system: str
    timezone: str
    timezone_assumed: bool
    program: str
    timezones: dict[str, str] = field(default_factory=dict)


@register
class ReplayCompleted(Event, frozen=True, kw_only=True, tag="replay-completed.v1"):
    """A run reached its end. manifest: SHA-256 of each frozen file; counts: rows read and kept, by table."""

    run: int
    system: str
    manifest: dict[str, str]
    counts: dict[str, dict[str, int]]


@register
class LegacySchemaRead(Event, frozen=True, kw_only=True, tag="legacy-schema-read.v1"):
    """The schema of one legacy file, so that the file can be written again. statements: its CREATE statements in order."""

    system: str
    file: str
    generation: str
    statements: list[str]
    pragmas: dict[str, str | int]


@register
class SchemaUpgraded(Event, frozen=True, kw_only=True, tag="schema-upgraded.v1"):
    """The legacy program brought a file to a schema version. Legacy `schema_version`; occurred_at from applied_at."""

    file: str
    version: int
    description: str | None = None


@register
class LegacyDatabaseChecked(Event, frozen=True, kw_only=True, tag="legacy-database-checked.v1"):
    """The legacy program checked one of its files. Legacy `_database_health`; occurred_at from checked_at.

    integrity_check_passed, vacuum_performed: 0 or 1; sizes in bytes; page_count and freelist_count in pages.
    """

    file: str
    id: int
    integrity_check_passed: Flag | None = None
    size_bytes: Count | None = None
    wal_size_bytes: Count | None = None
    page_count: Count | None = None
    freelist_count: Count | None = None
    vacuum_performed: Flag | None = None
    notes: str | None = None


@register
class LegacyRowKept(Event, frozen=True, kw_only=True, tag="legacy-row-kept.v1"):
    """A legacy row that no mapping knows or that cannot be typed. Its values are in the event, verbatim, with the reason.

    row: column name to value; a value JSON cannot hold is an object: {"blob": base64}, {"text": base64 of bytes that are
    not UTF-8}, {"real": "inf" or "-inf"}.
    """

    file: str
    table: str
    reason: str
    row: dict[str, Any]  # any legacy value, see above


@register
class LegacyRowVanished(Event, frozen=True, kw_only=True, tag="legacy-row-vanished.v1"):
    """A legacy row that had been kept is no longer there."""

    file: str
    table: str


@register
class CutOver(Event, frozen=True, kw_only=True, tag="cut-over.v1"):
    """The ledger took the place of a legacy system, whose files count no more; occurred_at: when that was said.

    source: the folder as the user named it. manifest: SHA-256 of each file as it was last replayed, by run number `run`.
    timezone: how its naive times were read. position, head: the last event before this one and its hash in hex.
    accepted: the breaks that stood open and that the user accepted, each as kind:subject.
    """

    system: str
    source: str
    run: int
    manifest: dict[str, str]
    timezone: str
    position: int
    head: str
    accepted: list[str]

    @property
    def day(self) -> str:
        """When it was said, as a person wants to read it."""
        return (self.occurred_at or "")[:16].replace("T", " at ") + " UTC"


@register
class CutOverReversed(Event, frozen=True, kw_only=True, tag="cut-over-reversed.v1"):
    """The legacy system counts again, from the files that the ledger wrote for it; occurred_at: when that was said.

    position: of the CutOver that no longer holds. written: name of the folder of files. rekeyed: streams of facts that the
    files hold under another key; they were voided here and come again from there.
    """

    system: str
    position: int
    written: str
    rekeyed: list[str]
