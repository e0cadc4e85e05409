"""`cli verify`: the log's chain, the read models derived again, and the frozen sources, row by row."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct, field

from domain.errors import LedgerError
from domain.event import decode
from domain.legacy import ReplayCompleted, ReplayStarted
from domain.moments import zone
from domain.streams import stream
from ledger.log import Log, open_log
from ledger.verifying import verify_log
from operations.home import check_writable, frozen_folders
from projections import catalog
from projections.rebuilding import rebuild
from projections.verifying import verify_model
from replay import run as phases
from replay.arduino_trader import SYSTEM
from replay.freezing import Frozen, sha256_of
from replay.report import RunReport
from replay.run import Run, Tell
from replay.seen import open_seen

Milestone = TypeVar("Milestone", ReplayStarted, ReplayCompleted)


class Part(Struct, kw_only=True):
    """One thing that was verified. found: what is wrong, a sentence each. unread: what could not be read at all."""

    name: str
    checked: str
    found: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    repaired: bool = False
    seconds: float = 0.0


class Verification(Struct, kw_only=True):
    """All parts. Exit code 1 when something is wrong and was not repaired, 3 when something could not be read, else 0."""

    home: str
    parts: list[Part] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 all is well, 1 something was found, 3 something could not be read."""
        if any(part.found and not part.repaired for part in self.parts):
            return 1
        return 3 if any(part.unread for part in self.parts) else 0


def verify(home: Path, what: str, *, repair: bool, tell: Tell) -> Verification:
    """Verify the ledger, the projections, the sources, or all of them. repair: rebuild the read models that differ."""
    result = Verification(home=str(home))
    with open_log(home) as log:
        if what in ("ledger", "all"):
            tell("verify", "ledger.db", 0, 0)
            result.parts.append(_ledger(log))
        if what in ("projections", "all"):
            for projector in catalog.projectors():
                tell("verify", f"{projector.name}.db", 0, 0)
                result.parts.append(_model(projector.name, log, home, repair=repair))
        if what in ("sources", "all"):
            result.parts.append(_sources(log, home, tell))
    return result


def _ledger(log: Log) -> Part:
    begin = time.perf_counter()
    verdict = verify_log(log)
    part = Part(name="ledger", checked=f"{verdict.events:,} events, head {verdict.head.hash.hex()[:16]}…")
    part.found = [f"position {f.position}: {f.message}" if f.position else f.message for f in verdict.findings]
    part.seconds = round(time.perf_counter() - begin, 3)
    return part


def _model(name: str, log: Log, home: Path, *, repair: bool) -> Part:
    projector = catalog.find(name)
    verdict = verify_model(projector, log, home)
    part = Part(name=f"{name}.db", checked=f"{verdict.events:,} events up to position {verdict.position:,}")
    part.found = [*verdict.problems, *map(str, verdict.differences)]
    part.seconds = round(verdict.seconds, 3)
    if verdict.behind and not part.found:
        part.checked += f", {verdict.behind:,} behind the log"
    if part.found and repair:
        rebuild(projector, log, home)
        again = verify_model(projector, log, home)
        part.repaired = again.is_proven
    return part


def _sources(log: Log, home: Path, tell: Tell) -> Part:
    """The newest frozen copy against its manifest, the manifest in the log, and row by row against the log."""
    begin = time.perf_counter()
    part = Part(name="sources", checked="")
    completed = _newest(log, ReplayCompleted)
    started = _newest(log, ReplayStarted)
    folders = frozen_folders(home)
    if started is None:
        part.checked = "nothing was ever replayed"
    elif completed is None or not folders:
        part.unread.append("no frozen copy of a completed run is left in backups/; replay the sources again")
    else:
        folder = next((one for one in reversed(folders) if _is_of(one, completed.manifest)), None)
        if folder is None:
            part.unread.append("no folder in backups/ is the copy that the log's newest run was made from")
        else:
            _compare_frozen(log, home, folder, completed, started, part, tell)
    part.seconds = round(time.perf_counter() - begin, 3)
    return part


def _is_of(folder: Path, manifest: dict[str, str]) -> bool:
    path = folder / "manifest.json"
    return path.exists() and {*msgspec.json.decode(path.read_bytes())} == {*manifest}


def _newest(log: Log, cls: type[Milestone]) -> Milestone | None:
    found = [decode(one.topic, one.state) for one in log.stream(stream("replay", SYSTEM.name))]
    return next((one for one in reversed(found) if isinstance(one, cls)), None)


def _compare_frozen(
    log: Log, home: Path, folder: Path, completed: ReplayCompleted, started: ReplayStarted, part: Part, tell: Tell
) -> None:
    frozen = []
    for name, expected in completed.manifest.items():
        path = folder / name
        if not path.is_file():
            part.unread.append(f"{name}: missing from {folder.name}")
        elif (actual := sha256_of(path)) != expected:
            part.found.append(f"{name}: its SHA-256 is {actual[:16]}…, the log says {expected[:16]}…")
        else:
            frozen.append(Frozen(name, path, actual, path.stat().st_size, "frozen"))
    check_writable(home)
    report = RunReport(system=SYSTEM.name, source=folder.name, home=str(home), mode="verify", started_at="", program="")
    seen = open_seen(home / "replay.db")
    try:
        run = Run(log, seen, SYSTEM, report, tell, zone(started.timezone), started.timezone_assumed)
        with phases.opened(frozen) as files:
            phases.prepare(run, files)
            phases.prove(run)
    except LedgerError as error:
        part.unread.append(error.message)
    finally:
        seen.close()
    part.checked = f"{report.rows_proven:,} legacy rows of {len(frozen)} files in {folder.name}"
    part.found += [f"{one.subject}: expected {one.expected}, found {one.found}" for one in report.mismatches]
