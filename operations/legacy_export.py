"""`cli export-legacy`: the legacy system's files written again from the ledger alone, entries included."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from msgspec import Struct

from domain.errors import LedgerError
from domain.moments import Instant, end_of
from ledger.log import Log, Stored, open_log
from operations.blaming import blamed_on_the_ledger
from operations.home import check_has_its_ledger, check_writable, enough_room
from operations.milestones import last_run
from projections.valid_time import happened_by
from replay.arduino_trader.writing_back import WRITING_BACK
from replay.system import WritingBack
from replay.work import Tell
from replay.written_files import write_files
from replay.written_report import WrittenFiles

WRITERS: Mapping[str, WritingBack] = {WRITING_BACK.system.name: WRITING_BACK}


class LegacyExport(Struct, kw_only=True):
    """Files that were written. timezone: the zone to replay them in, None where nobody had named one."""

    home: str
    into: str
    timezone: str | None
    as_of: str | None = None
    as_known_at: str | None = None
    written: WrittenFiles
    seconds: float

    @property
    def exit_code(self) -> int:
        """0 when every fact of the ledger is in the files, 1 when something has no place there."""
        return 0 if self.written.is_whole else 1


def export_legacy(
    home: Path, into: Path, *, system: str | None, as_of: str | None, known_at: str | None, tell: Tell
) -> LegacyExport:
    """Write a legacy system's files into a new or empty folder. as_of and known_at: a date, or a time with a zone."""
    valid = end_of(as_of) if as_of else None
    recorded = end_of(known_at) if known_at else None
    check_has_its_ledger(home)
    with open_log(home) as log, blamed_on_the_ledger(home):
        return write_legacy(log, into, writer(system), as_of=valid, known_at=recorded, tell=tell)


def writer(system: str | None) -> WritingBack:
    """How the files of a system are written; that of the only one when none is named."""
    found = WRITERS.get(system or next(iter(WRITERS)))
    if found is None:
        raise LedgerError(f"no files can be written for {system!r}", hint=f"Known are: {', '.join(WRITERS)}.")
    return found


def write_legacy(
    log: Log,
    into: Path,
    back: WritingBack,
    *,
    as_of: Instant | None = None,
    known_at: Instant | None = None,
    through: int | None = None,
    tell: Tell,
) -> LegacyExport:
    """Write the files beside the folder, and give them its name when they are complete. through: up to this position."""
    begin = time.perf_counter()
    name = back.system.name
    newest = last_run(log, name)
    if newest is None:
        raise LedgerError(
            f"{log.home}: no replay of {name} has reached its end here, so there are no legacy files to write again",
            hint="Name a home into which the legacy files were replayed.",
        )
    check_new_or_empty(into)
    check_writable(into.absolute().parent)
    unfinished = into.absolute().with_name(f".{into.absolute().name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    if through is None:
        through = log.recorded_position(known_at) if known_at else log.head().position
    happened = partial(_happened, as_of) if as_of else None
    try:
        with enough_room(into.absolute().parent, log.path.stat().st_size):
            unfinished.mkdir(mode=0o700)
            written = write_files(
                log, unfinished, back, through=through, as_of=as_of, happened=happened,
                tell=lambda file: tell("export", file, 0, 0),
            )  # fmt: skip
            if not written.files:
                raise LedgerError(f"the ledger knew no file of {name} at that time", hint="Name a later time.")
            _settle(unfinished)
            unfinished.rename(into)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    zone = None if newest[0].timezone_assumed else newest[0].timezone
    seconds = round(time.perf_counter() - begin, 3)
    return LegacyExport(
        home=str(log.home), into=str(into), timezone=zone, as_of=as_of, as_known_at=known_at, written=written,
        seconds=seconds,
    )  # fmt: skip


def _happened(as_of: Instant, stored: Stored) -> bool:
    return happened_by(as_of, stored.state, stored.recorded_at)


def check_new_or_empty(folder: Path) -> None:
    """Refuse a folder that holds something: legacy files are never overwritten."""
    if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise LedgerError(
            f"{folder} {'is not empty' if folder.is_dir() else 'is not a folder'}",
            hint="Name a folder that does not exist yet; what is there is never overwritten.",
        )


def _settle(folder: Path) -> None:
    """See to it that everything is on the disk before the folder gets its name."""
    for path in (*folder.rglob("*"), folder):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
