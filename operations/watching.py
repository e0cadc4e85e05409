"""`cli watch`: the ledger follows a legacy system that is still being written to."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from threading import Event as Flag

from msgspec import Struct, field

from domain.errors import HomeBusy, SourceError
from domain.moments import zone
from ledger.log import open_log
from ledger.waking import wakings
from operations import divergence
from operations.home import check_apart, check_has_its_ledger, check_no_strangers
from operations.progress import Teller
from operations.replaying import legacy_system, source_settings
from operations.rounds import GONE, Round, Watcher
from projections import catalog

POLL_S = 1.0
HELD = "nothing is recorded until this file, which was never read before, can be read: others depend on it"


class Seen(Struct, kw_only=True):
    """Where a watch stands. changed: the files that were read again in this round; rows: read from them; appended: events.

    breaks, differences: open now, see the divergence page. troubles: files that cannot be read, and why. waiting: why nothing
    at all could be done, empty when it could.
    """

    at: str = ""
    changed: list[str] = field(default_factory=list)
    rows: int = 0
    appended: int = 0
    position: int = 0
    breaks: int = 0
    differences: int = 0
    troubles: dict[str, str] = field(default_factory=dict)
    waiting: str = ""
    seconds: float = 0.0

    @property
    def exit_code(self) -> int:
        """0 old and new agree, 1 they differ, 3 something could not be read."""
        if self.waiting or any(why != GONE for why in self.troubles.values()):
            return SourceError.exit_code
        return int(bool(self.breaks or self.differences))


def watch(
    source: Path,
    home: Path,
    *,
    system: str | None,
    timezone: str | None,
    until_quiet: float | None,
    stop: Flag,
    told: Callable[[Seen], None],
    force: bool = False,
) -> Seen:
    """Replay what changes in the legacy folder until `stop` is set, or nothing has changed for `until_quiet` seconds.

    Returns where it stands at the end. A round that finds something is told, and so is every change of what cannot be read.
    Raises LedgerError for what keeps it from beginning: no such folder, another's home, a zone or system that is not known.
    """
    legacy = legacy_system(system, source)
    zone(timezone or "UTC")
    if not source.exists():
        raise SourceError(f"{source}: no such file or folder", hint="Name the folder that holds the legacy databases.")
    check_apart(home, source)
    check_has_its_ledger(home)
    check_no_strangers(home, [one.name for one in catalog.projectors()])
    watcher = Watcher(source, home, legacy, timezone or source_settings(home, source, legacy).timezone, force=force)
    folder = source if source.is_dir() else source.parent
    last, quiet_since = Seen(), time.monotonic()
    for _ in chain([None], wakings(folder, stop=stop, poll_s=POLL_S, recursive=True)):
        seen = _look(watcher, last)
        if seen.changed or (seen.troubles, seen.waiting) != (last.troubles, last.waiting):
            told(seen)
        if seen.changed:
            quiet_since = time.monotonic()
        last = seen
        if stop.is_set() or (until_quiet is not None and time.monotonic() - quiet_since >= until_quiet):
            break
    return last


def _look(watcher: Watcher, last: Seen) -> Seen:
    """One look at the folder: where things stand after it."""
    begun = time.perf_counter()
    now = Seen(position=last.position, breaks=last.breaks, differences=last.differences)
    try:
        with Teller() as teller:
            watcher.tell = teller.tell
            done = watcher.look()
    except (SourceError, HomeBusy) as error:
        now.waiting, now.troubles = error.message, last.troubles
        return now
    now.troubles = {name: trouble.reason for name, trouble in watcher.troubles.items()}
    if done is not None:
        _tell_of(done, now, watcher)
        now.seconds = round(time.perf_counter() - begun, 3)
    elif last.waiting == HELD and now.troubles:
        now.waiting = HELD
    return now


def _tell_of(done: Round, now: Seen, watcher: Watcher) -> None:
    report = done.report
    if report is None:
        now.waiting = HELD
        return
    if not done.finished and not report.rows:
        return  # the files were written again, with the same in them
    now.at, now.changed, now.rows, now.appended = report.started_at, done.changed, report.rows, report.events_appended
    if done.finished:
        with open_log(watcher.home) as log:
            found = divergence.update(watcher.home, log, report, whole=done.whole, troubles=now.troubles)
        now.position, now.breaks, now.differences = found.position, len(found.breaks), len(found.differences)
