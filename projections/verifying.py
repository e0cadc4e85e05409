"""Proving a read model: derive it again beside the live one and compare every value."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import apsw

from ledger.log import Log
from projections.building import Built, built_beside, one_moment, recount, standing_in
from projections.checkpoint import Checkpoint
from projections.comparing import DIFFERENCES_MAX, Difference, differences_in
from projections.engine import model_path, reason_to_rebuild
from projections.feeding import Feed
from projections.partition_proof import check
from projections.profiles import open_reading
from projections.projector import Projector

_FINDINGS_MAX = 5


class Verdict(NamedTuple):
    """What a proof found. problems: sentences about the file as a whole; behind: events it has not been brought to."""

    name: str
    position: int
    behind: int
    events: int
    problems: Sequence[str]
    differences: Sequence[Difference]
    seconds: float

    @property
    def is_proven(self) -> bool:
        """Whether the model is what the log says, up to its position."""
        return not self.problems and not self.differences


def verify_model(projector: Projector, log: Log, home: Path, *, limit: int = DIFFERENCES_MAX) -> Verdict:
    """Derive the read model again up to where it stands, and compare count, digest and every value of every row.

    Others may bring it further meanwhile: what is compared is the file as it is at the beginning.
    """
    with one_moment(model_path(home, projector.name)) as db:
        return _verified(projector, log, model_path(home, projector.name), db, limit)


def _verified(projector: Projector, log: Log, live: Path, db: apsw.Connection | None, limit: int) -> Verdict:
    started = time.perf_counter()
    found = None if db is None else standing_in(db)
    head = log.head().position
    # A model as of a moment is proven like any other: derived again with the same cut.
    as_now = found and found._replace(mark=found.mark._replace(as_of=None))
    reason = reason_to_rebuild(Feed(projector, log, head), as_now, live)
    if db is None or found is None or reason is not None:
        problems = [f"{reason}; rebuild it"]
        return Verdict(projector.name, 0, head, 0, problems, [], time.perf_counter() - started)
    mark = found.mark
    with built_beside(Feed(projector, log, mark.position, mark.as_of), live) as built:
        seen = recount(Feed(projector, log, mark.position, mark.as_of))
        problems = [*_unequal(built, mark, seen), *_unsound(live)]
        differences = differences_in(built.path, db, limit)
    if projector.files and not problems and not differences:
        problems += check(projector.files, log, live, limit=limit)
    seconds = time.perf_counter() - started
    return Verdict(projector.name, mark.position, head - mark.position, mark.events, problems, differences, seconds)


def _unequal(built: Built, mark: Checkpoint, in_the_log: tuple[int, bytes]) -> list[str]:
    """The live model and the one derived now must both have seen what is in the log, counted apart from the engine."""
    if (built.mark.events, built.mark.digest) == (mark.events, mark.digest) == in_the_log:
        return []
    return [f"it says that it saw {mark.events} events, the log has {in_the_log[0]} for it, or others"]


def _unsound(live: Path) -> list[str]:
    """What SQLite itself finds wrong, indexes and free pages included."""
    try:
        db = open_reading(live)
        try:
            found = integrity(db)
        finally:
            db.close()
    except (apsw.Error, UnicodeDecodeError) as error:
        return [f"SQLite cannot read the file: {error}"]
    return [f"SQLite finds: {sentence}" for sentence in found]


def integrity(db: apsw.Connection) -> list[str]:
    """What SQLite's integrity check finds in a file, a line each, some and how many more; nothing when it is sound."""
    said = [line for (text,) in db.execute("PRAGMA integrity_check") for line in str(text).splitlines()]
    found = [line for line in said if line != "ok" and not line.startswith("***")]
    more = len(found) - _FINDINGS_MAX
    return found if more <= 0 else [*found[:_FINDINGS_MAX], f"{more:,} more of that kind"]
