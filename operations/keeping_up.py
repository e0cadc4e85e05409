"""`cli catch-up --follow`: the read models follow the log within moments; `wait_for`: until they have an entry."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event as Flag

from msgspec import Struct, field

from domain.errors import HomeBusy, LedgerError
from domain.event import Event
from ledger.log import Log, Stored, open_log
from ledger.subscribing import subscribe, ticks
from operations.home import check_has_its_ledger, check_no_strangers, enough_room, models_bytes
from projections import catalog
from projections.building import standing
from projections.engine import CaughtUp, model_path
from projections.stopping import Stop, catch_up_or_stop, read_stop

WAIT_STEP_S = 0.02
RETRY_S = 1.0


class Posted(Struct, kw_only=True):
    """One time that the read models were brought up. events: new ones by read model, those without any left out.

    at: when the newest event was recorded. stopped: the read models that stand still, and why. waiting: those that another
    program has locked, and what it says; they are tried again.
    """

    position: int
    at: str
    events: dict[str, int] = field(default_factory=dict)
    rebuilt: dict[str, str] = field(default_factory=dict)
    stopped: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


def keep_up(home: Path, *, stop: Flag, told: Callable[[Posted], None]) -> Posted:
    """Keep every read model at the head of the log until `stop` is set; the last thing that was told.

    Any number may do this side by side: a batch and its checkpoint are one transaction, so each event is applied once.
    """
    check_has_its_ledger(home)
    check_no_strangers(home, [one.name for one in catalog.projectors()])
    with enough_room(home, models_bytes(home)), open_log(home) as log:
        last: Posted | None = None
        again_at = 0.0
        for head in ticks(log, stop=stop):
            due = last is None or head.position != last.position
            if not due and not (last and last.waiting and time.monotonic() >= again_at):
                continue
            last = _post(log, home, retry=last is None)
            again_at = time.monotonic() + RETRY_S
            told(last)
        assert last is not None, "the first look at the log comes at once"
        return last


def _post(log: Log, home: Path, *, retry: bool) -> Posted:
    begun = time.perf_counter()
    newest = log.head()
    at = log.at([newest.position])[0].recorded_at if newest.position else ""
    done = Posted(position=newest.position, at=at)
    for projector in catalog.projectors_of(log):
        try:
            _note(done, catch_up_or_stop(projector, log, model_path(home, projector.name), retry=retry))
        except HomeBusy as error:
            done.waiting[projector.name] = error.message
    done.seconds = round(time.perf_counter() - begun, 3)
    return done


def _note(done: Posted, found: CaughtUp | Stop) -> None:
    if isinstance(found, Stop):
        done.stopped[found.model] = str(found)
        return
    if found.events:
        done.events[found.name] = found.events
    if found.rebuilt:
        done.rebuilt[found.name] = found.rebuilt


def wait_for(home: Path, position: int, timeout_s: float) -> None:
    """Return when every read model has the event at this position.

    Raises LedgerError when one stands still before it, or when the time is up: it names those that are behind.
    """
    until = time.monotonic() + timeout_s
    with open_log(home) as log:
        behind = list(catalog.projectors_of(log))
        while behind := [one for one in behind if _reached(model_path(home, one.name)) < position]:
            for projector in behind:
                stop = read_stop(projector, log, home)
                # One that was brought up since we looked may stand still behind the position, and show it.
                if stop is not None and stop.position <= position:
                    raise LedgerError(f"{projector.file} {stop}", hint="The entry is in the ledger.")
            if time.monotonic() >= until:
                names = ", ".join(one.file for one in behind)
                raise LedgerError(
                    f"after {timeout_s:g} s these read models have not reached position {position:,}: {names}",
                    hint="The entry is in the ledger. Bring them up: cli catch-up (--follow keeps them so).",
                )
            time.sleep(WAIT_STEP_S)


def _reached(path: Path) -> int:
    found = standing(path)
    return found.mark.position if found and found.mark.as_of is None else -1


@contextmanager
def subscription(
    home: Path, *, after: int = 0, types: Collection[str | type[Event]] | None = None, stop: Flag | None = None
) -> Iterator[Iterator[Stored]]:
    """The events of a home after a position and those to come, as `ledger.subscribing.subscribe` gives them."""
    with open_log(home) as log:
        yield subscribe(log, after=after, types=types, stop=stop)
