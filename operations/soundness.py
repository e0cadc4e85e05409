"""The integrity check of upkeep: every database of a home read whole, and what is broken derived again or stopped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import apsw
from msgspec import Struct, field

from domain.moments import instant
from ledger import guarding
from ledger.log import Log, open_log
from ledger.verifying import verify_log
from operations.home import LEDGER, enough_room, models_bytes
from operations.monitoring.keeping import open_monitor
from operations.monitoring.measuring import Figure
from operations.monitoring.noted import SOUND
from operations.stores import mend_files
from projections import catalog
from projections.engine import model_path
from projections.profiles import open_reading
from projections.rebuilding import rebuild
from projections.verifying import integrity

_FINDINGS_MAX = 5


class Soundness(Struct, kw_only=True):
    """What the check found. ledger: what is wrong with the ledger; healed: read models that were derived again, and why."""

    checked: int = 0
    ledger: list[str] = field(default_factory=list)
    healed: list[str] = field(default_factory=list)


def check_soundness(home: Path, *, now: datetime) -> Soundness:
    """Hash the whole ledger again, let SQLite check every file, and read every day file and file of a run. Raises HomeError.

    A damaged ledger is marked, so that nobody writes to it, and never mended; a damaged read model is derived again. What was
    found is noted in monitor.db.
    """
    found, figures = Soundness(), []
    path = home / LEDGER
    damage = verify_log(path).findings
    found.ledger = [one.message for one in damage[:_FINDINGS_MAX]]
    figures.append(Figure(SOUND, LEDGER, float(not damage)))
    if damage and not guarding.marked(home):
        first = min((one.position for one in damage if one.position), default=1)
        guarding.mark(
            home, path, found_at=instant(now.astimezone(UTC)), last_good=max(0, first - 1), reason=damage[0].message
        )
    with open_log(home) as log:
        for name, problems in _models(home, log):
            figures.append(Figure(SOUND, catalog.file_of(name), float(not problems)))
            if problems and not damage:
                with enough_room(home, models_bytes(home)):
                    made = rebuild(catalog.find(name), log, home)
                why = f"because SQLite found it damaged: {problems[0]}"
                found.healed.append(f"{catalog.file_of(name)} was derived again from {made.events:,} events, {why}")
        if not damage:
            found.healed += mend_files(home, log, whole=True)
    found.checked = len(figures)
    with open_monitor(home) as monitor:
        monitor.keep(figures, now)
    return found


def _models(home: Path, log: Log) -> Iterator[tuple[str, list[str]]]:
    """The read models that are there, and what SQLite finds wrong with each."""
    for projector in catalog.projectors_of(log):
        path = model_path(home, projector.name)
        if path.exists():
            yield projector.name, _problems(path)


def _problems(path: Path) -> list[str]:
    try:
        with closing(open_reading(path)) as db:
            return integrity(db)
    except (apsw.CorruptError, apsw.NotADBError) as error:
        return [str(error)]
