"""Whether the provenance of an event points to something: a run that began before it, and a file which that log has read."""

from __future__ import annotations

import sqlite3

import msgspec
from msgspec import Struct

from domain.event import decode
from domain.legacy import LegacySchemaRead, ReplayStarted

_STARTED = (
    "SELECT rowid, topic, state FROM stored_events WHERE originator_id >= 'replay:' AND originator_id < 'replay;' "
    "UNION ALL SELECT rowid, topic, state FROM stored_events "
    "WHERE originator_id >= 'legacy-schema:' AND originator_id < 'legacy-schema;' ORDER BY 1"
)


class Origin(Struct, frozen=True, gc=False):
    """What of a provenance can point somewhere. Provenance of another kind than a replay's has no run."""

    run: int | None = None
    system: str = ""
    file: str = ""


read = msgspec.json.Decoder(Origin).decode


class Landmarks:
    """The runs of a log and the files that were read in them, each with the position of the event that says so."""

    def __init__(self, db: sqlite3.Connection | None) -> None:
        """With no log to read, nothing is known, and nothing is said to be missing."""
        self._is_known = db is not None
        self._runs: dict[tuple[str, int], int] = {}
        self._files: dict[tuple[str, str], int] = {}
        self._from: dict[Origin, int] = {}
        for position, topic, state in db.execute(_STARTED) if db else ():
            try:
                event = decode(topic, state)
            except (msgspec.MsgspecError, ValueError, TypeError):
                continue  # the event itself is a finding
            if isinstance(event, ReplayStarted):
                self._runs.setdefault((event.system, event.run), position)
            elif isinstance(event, LegacySchemaRead):
                self._files.setdefault((event.system, event.file), position)

    def lacks(self, origin: Origin, position: int) -> str | None:
        """What the provenance of the event at a position names that the log does not know before it."""
        if origin.run is None or not self._is_known or position > self._first(origin):
            return None
        if position <= self._runs.get((origin.system, origin.run), position):
            return f"run {origin.run} of {origin.system or 'no system'}, which had not begun"
        return f"the file {origin.file!r} of {origin.system}, which had not been read"

    def _first(self, origin: Origin) -> int:
        """The position behind which the origin is known; beyond every position when it never is."""
        found = self._from.get(origin)
        if found is None:
            assert origin.run is not None
            never = 2**63
            run = self._runs.get((origin.system, origin.run), never)
            found = self._from[origin] = max(run, self._files.get((origin.system, origin.file), never))
        return found
