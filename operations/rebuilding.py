"""`cli rebuild-projection` and `cli catch-up`: read models derived from the log."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from domain.moments import end_of
from ledger.log import open_log
from operations.home import check_writable
from projections import catalog
from projections.engine import CaughtUp, catch_up, model_path
from projections.rebuilding import Rebuilt, rebuild_all
from replay.run import Tell


def rebuild(
    home: Path, names: Sequence[str], *, as_of: str | None, known_at: str | None, into: Path | None, tell: Tell
) -> list[Rebuilt]:
    """Rebuild the named read models, all when none is named. as_of and known_at: a date, or a time with a zone."""
    chosen = [catalog.find(name) for name in names] or list(catalog.projectors())
    if into is not None:
        check_writable(into)
    tell("rebuild", ", ".join(one.name for one in chosen), 0, 0)
    return rebuild_all(
        chosen, home, as_of=end_of(as_of) if as_of else None, known_at=end_of(known_at) if known_at else None, into=into
    )


def catch_up_all(home: Path, *, tell: Tell) -> list[CaughtUp]:
    """Bring every read model to the head of the log."""
    done = []
    with open_log(home) as log:
        for projector in catalog.projectors():
            tell("catch up", projector.name, 0, 0)
            done.append(catch_up(projector, log, model_path(home, projector.name)))
    return done
