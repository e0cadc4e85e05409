"""`cli rebuild-projection` and `cli catch-up`: read models derived from the log."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import resource_tracker
from pathlib import Path

from domain.moments import end_of
from ledger.log import open_log
from operations.home import check_has_its_ledger, check_no_strangers, check_writable, enough_room, models_bytes
from projections import catalog
from projections.engine import CaughtUp, model_path
from projections.projector import Projector
from projections.rebuilding import Rebuilt, rebuild_all
from projections.stopping import Stop, catch_up_or_stop
from replay.run import Tell


def rebuild(
    home: Path, names: Sequence[str], *, as_of: str | None, known_at: str | None, into: Path | None, tell: Tell
) -> list[Rebuilt]:
    """Rebuild the named read models, all when none is named. as_of and known_at: a date, or a time with a zone.

    A model of the past that takes the place of the live one is told by its checkpoint: catching up derives the present again.
    """
    chosen = [catalog.find(name) for name in dict.fromkeys(names)]
    valid = end_of(as_of) if as_of else None
    recorded = end_of(known_at) if known_at else None
    check_has_its_ledger(home)
    with open_log(home) as log:  # before anything is made
        chosen = chosen or list(catalog.projectors_of(log))
    check_no_strangers(into or home, [one.name for one in chosen], strict=into is not None)
    if into is not None:
        check_writable(into)
    tell("rebuild", chosen[0].file if len(chosen) == 1 else f"{len(chosen)} read models", 0, 0)
    with enough_room(into or home, models_bytes(home)):
        return _stoppable(lambda: rebuild_all(chosen, home, as_of=valid, known_at=recorded, into=into), chosen)


def _stoppable(work: Callable[[], list[Rebuilt]], chosen: Sequence[Projector]) -> list[Rebuilt]:
    """Several models are rebuilt in processes of their own. Ctrl-C reaches a whole process group; only this process shall
    answer, and stop the others: they inherit the mask of the thread that starts them.
    """
    if len(chosen) == 1:
        return work()
    with ThreadPoolExecutor(1, initializer=_deafen) as pool:
        done = pool.submit(work)
        try:
            return done.result()
        except KeyboardInterrupt:
            for child in multiprocessing.active_children():
                child.terminate()
            raise


def _deafen() -> None:
    """Block Ctrl-C in this thread. The tracker of multiprocessing, when it starts, would take the block away again."""
    resource_tracker.ensure_running()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def catch_up_all(home: Path, *, tell: Tell) -> list[CaughtUp | Stop]:
    """Bring every read model to the head of the log; one that stops at an event does not hold up the others."""
    done = []
    check_has_its_ledger(home)
    check_no_strangers(home, [one.name for one in catalog.projectors()])
    with enough_room(home, models_bytes(home)), open_log(home) as log:
        for projector in catalog.projectors_of(log):
            path = model_path(home, projector.name)
            tell("catch up", projector.file, 0, 0)
            done.append(catch_up_or_stop(projector, log, path, progress=_telling(tell, projector.file)))
    return done


def _telling(tell: Tell, file: str) -> Callable[[int, int], None]:
    return lambda position, end: tell("catch up", file, position, end)
