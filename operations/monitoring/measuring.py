"""What is measured: sizes of the databases, the disk, positions, lags, ages of the evidence."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from domain.event import decode
from domain.upkeep import RestoreProven
from ledger import seal as seals
from ledger.lock import is_written_to
from ledger.log import Log
from operations.backup.copies import all_copies, copies_of
from operations.backup.tiers import Tier
from operations.drilling import STREAM as DRILLS
from operations.home import BACKUPS, LEDGER, size_of
from operations.monitoring.counting import Counts
from operations.settings import Settings
from operations.stores import broken_files, unsealed
from projections import catalog
from projections.building import standing
from projections.bulk import quoted
from projections.comparing import tables
from projections.engine import model_path
from projections.plan import Plan
from projections.profiles import open_reading
from projections.stopping import read_stop


class Figure(NamedTuple):
    """A measured value. name: as monitoring systems want it, with its unit last; label: which database, tier or model."""

    name: str
    label: str
    value: float


HELP = {
    "daybook_database_bytes": "Size of a database file.",
    "daybook_wal_bytes": "Size of the write-ahead log beside a database.",
    "daybook_database_pages": "Pages of a read model.",
    "daybook_database_free_pages": "Free pages of a read model.",
    "daybook_disk_free_bytes": "Room on the disk of the home.",
    "daybook_disk_full": "1 while the disk of the home has less than 0.5 GB of room, else 0.",
    "daybook_checkpoint_errors": "Times in 30 days that upkeep could not write a write-ahead log back whole.",
    "daybook_writers": "Programs that have the right to write to the ledger now, of which there can be one.",
    "daybook_log_position": "Position of the newest event.",
    "daybook_unsealed_events": "Events behind the newest seal.",
    "daybook_read_model_position": "Position that a read model has reached.",
    "daybook_read_model_lag_events": "Events that a read model has not seen yet.",
    "daybook_read_model_lag_seconds": "Age of the first event that a read model has not seen yet.",
    "daybook_read_model_stopped": "1 while a read model stands still at an event that it cannot take.",
    "daybook_read_model_skipped_events": "Events up to its position that a read model has not seen; none may be skipped.",
    "daybook_table_rows": "Rows of a table of a read model.",
    "daybook_growth_day_ratio": "Growth of a database in a day, as a part of its size then.",
    "daybook_ten_years_bytes": "Size of a database in ten years, if it goes on growing as in the last year.",
    "daybook_sessions_unsealed": "Market sessions that are over and have rows that are not sealed.",
    "daybook_files_broken": "Day files and files of runs that are missing or have changed since they were written.",
    "daybook_integrity_sound": "1 when the last integrity check of a database found nothing, else 0.",
    "daybook_integrity_age_seconds": "Age of the last integrity check of a database.",
    "daybook_vacuum_age_seconds": "Age of the last vacuum of a read model.",
    "daybook_job_age_seconds": "Age of the last time that a job of the schedule was done.",
    "daybook_open_breaks": "Breaks between the sources that stand open.",
    "daybook_backup_copies": "Copies of a tier.",
    "daybook_backup_age_seconds": "Age of the newest copy of a tier.",
    "daybook_restore_proven_age_seconds": "Age of the last drill that was proven.",
    "daybook_seal_age_seconds": "Age of the newest seal.",
}
"""What each figure is; every figure that is measured stands here."""

DISK_FULL_BYTES = 0.5e9
"""With less room than this nothing can be relied on any more (legacy facts 4.5)."""

NOT_KEPT = frozenset({"daybook_table_rows"})
"""Figures of which nobody asks what they were: monitor.db stays small without them."""

_OPEN_BREAKS = "SELECT count(*) FROM reconciliations WHERE open = 1"


def measured(home: Path, log: Log, settings: Settings, now: datetime, counts: Counts | None = None) -> list[Figure]:
    """All figures of a home, as of now. What is not there, such as a copy, has no figure. counts: of earlier times."""
    return [
        *_of_files(home),
        *_of_models(home, log, now, counts or Counts()),
        *_of_stores(home, log, now),
        *_of_evidence(home, log, settings, now),
    ]


def _of_files(home: Path) -> Iterator[Figure]:
    names = [LEDGER, *(one.file for one in catalog.projectors())]
    for name in names:
        path = home / name
        if path.exists():
            yield Figure("daybook_database_bytes", name, path.stat().st_size)
            yield Figure("daybook_wal_bytes", name, size_of(home / f"{name}-wal"))
    free = shutil.disk_usage(home).free
    yield Figure("daybook_disk_free_bytes", "", free)
    yield Figure("daybook_disk_full", "", float(free < DISK_FULL_BYTES))
    yield Figure("daybook_writers", "", float(is_written_to(home)))


def _of_models(home: Path, log: Log, now: datetime, counts: Counts) -> Iterator[Figure]:
    head = log.head().position
    yield Figure("daybook_log_position", "", head)
    for projector in catalog.projectors_of(log):
        path = model_path(home, projector.name)
        found = standing(path)
        reached = found.mark.position if found else 0
        lag = _age(log.at([reached + 1])[0].recorded_at, now) if reached < head else 0.0
        yield Figure("daybook_read_model_position", projector.file, reached)
        # What is recorded and shown while we look is no lag.
        yield Figure("daybook_read_model_lag_events", projector.file, max(0, head - reached))
        yield Figure("daybook_read_model_lag_seconds", projector.file, lag)
        yield Figure("daybook_read_model_stopped", projector.file, float(read_stop(projector, log, home) is not None))
        if found is not None:
            seen = counts.seen(log, through=reached, topics=Plan(projector).topics)
            yield Figure("daybook_read_model_skipped_events", projector.file, max(0, seen - found.mark.events))
            with closing(open_reading(path)) as db:
                yield Figure("daybook_database_pages", projector.file, float(str(db.pragma("page_count"))))
                yield Figure("daybook_database_free_pages", projector.file, float(str(db.pragma("freelist_count"))))
                for table in tables(db):
                    rows = float(str(db.execute(f"SELECT count(*) FROM {quoted([table])}").get))
                    yield Figure("daybook_table_rows", f"{projector.schema}.{table}", rows)
                if projector.name == "portfolio":
                    yield Figure("daybook_open_breaks", "", float(str(db.execute(_OPEN_BREAKS).get)))


def _of_stores(home: Path, log: Log, now: datetime) -> Iterator[Figure]:
    """Of read models of many files; a home without them has none that is broken or due."""
    yield Figure("daybook_sessions_unsealed", "", len(unsealed(home, log, now)))
    yield Figure("daybook_files_broken", "", len(broken_files(home, log)))


def _of_evidence(home: Path, log: Log, settings: Settings, now: datetime) -> Iterator[Figure]:
    head = log.head().position
    paths = seals.seals_in(home / seals.FOLDER)
    if paths:
        seal = seals.read(paths[-1])
        yield Figure("daybook_unsealed_events", "", max(0, head - seal.position - 1))
        yield Figure("daybook_seal_age_seconds", "", _age(seal.time, now))
    else:
        yield Figure("daybook_unsealed_events", "", head)
    place = home / BACKUPS
    for tier in Tier:
        made = [copy.manifest.made_at for copy in copies_of(place, tier) if copy.manifest]
        yield Figure("daybook_backup_copies", tier, len(made))
        if made:
            yield Figure("daybook_backup_age_seconds", tier, _age(max(made), now))
    if settings.backup.to:
        elsewhere = [copy.manifest.made_at for copy in all_copies(Path(settings.backup.to)) if copy.manifest]
        if elsewhere:
            yield Figure("daybook_backup_age_seconds", "elsewhere", _age(max(elsewhere), now))
    proven = [one for one in log.stream(DRILLS) if isinstance(decode(one.topic, one.state), RestoreProven)]
    if proven:
        yield Figure("daybook_restore_proven_age_seconds", "", _age(proven[-1].recorded_at, now))


def _age(moment: str, now: datetime) -> float:
    return max(0.0, (now - datetime.fromisoformat(moment)).total_seconds())
