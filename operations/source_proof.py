"""The frozen copy of the newest run: still the files that the log speaks of, and row by row what the log gives back."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import apsw
from msgspec import Struct, field

from domain.errors import LedgerError
from domain.legacy import ReplayCompleted, ReplayStarted
from domain.moments import zone
from ledger.lock import FILE as LOCK
from ledger.lock import holder_of
from ledger.log import Log
from operations.home import frozen_folders
from operations.milestones import runs
from operations.replaying import SYSTEMS, manifest_of
from replay import run as phases
from replay.duck_image import SUFFIX as IMAGE
from replay.freezing import Frozen, sha256_of
from replay.reading import damage, open_frozen
from replay.report import RunReport
from replay.run import Run, Tell
from replay.seen import open_seen
from replay.system import LegacySystem

_TRIES, _WAIT_S = 3, 1.0


class SourceProof(Struct, kw_only=True):
    """What was compared, what is wrong, and what could not be read."""

    checked: str = ""
    found: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def prove_sources(log: Log, home: Path, tell: Tell) -> SourceProof:
    """Compare the frozen copy of each system's newest run with its hashes in the log, and every row of it with the log."""
    proof = SourceProof()
    checked = []
    for system in SYSTEMS.values():
        one = _prove_system(log, home, system, tell)
        checked += [one.checked] if one.checked else []
        proof.found += one.found
        proof.unread += one.unread
    proof.checked = "; ".join(checked) or ("" if proof.unread else "nothing was ever replayed")
    return proof


def _prove_system(log: Log, home: Path, system: LegacySystem, tell: Tell) -> SourceProof:
    """The same of one system. What a watch or a replay records meanwhile is other than the copy that is being compared, which a
    watch even removes: then it is the copy of that run that is to be proven.
    """
    for number in range(_TRIES):
        time.sleep(_WAIT_S if number else 0)
        # The ends first: each has its start.
        ends, starts = runs(log, system.name, ReplayCompleted), runs(log, system.name, ReplayStarted)
        if not starts:
            return SourceProof()
        if not ends:
            return SourceProof(unread=["no replay has reached its end yet; replay the sources again"])
        try:
            proof = _prove_run(log, home, system, starts, ends[-1], tell)
        except (OSError, apsw.Error):
            if not _is_replayed(log, home, system, len(starts), ends[-1]):
                raise
            continue
        if not (proof.found or proof.unread) or not _is_replayed(log, home, system, len(starts), ends[-1]):
            return proof
    again = f"{system.name} was replayed again whenever it was compared; stop the watch, and verify again"
    return SourceProof(unread=[again])


def _is_replayed(log: Log, home: Path, system: LegacySystem, starts: int, completed: ReplayCompleted) -> bool:
    """Whether another run than the one that was proven has begun since, or is at it."""
    newest = runs(log, system.name, ReplayStarted)
    return len(newest) > starts or (newest[-1].run != completed.run and _is_at_it(home))


def _is_at_it(home: Path) -> bool:
    """Whether it is a replay or a watch that writes to the home now; another program keeps no difference from being told."""
    holder = holder_of(home / LOCK) or ""
    return holder == "another process" or "(cli replay " in holder or "(cli watch " in holder


def _prove_run(
    log: Log, home: Path, system: LegacySystem, starts: list[ReplayStarted], completed: ReplayCompleted, tell: Tell
) -> SourceProof:
    proof = SourceProof()
    started = next(one for one in reversed(starts) if one.run == completed.run)
    folder = _copy_of(home, completed.manifest, proof)
    if folder is not None:
        frozen = _unaltered(folder, completed.manifest, proof)
        proof.checked = _prove_rows(log, folder, frozen, system, started, proof, tell)
    return proof


def _copy_of(home: Path, wanted: Mapping[str, str], proof: SourceProof) -> Path | None:
    """The folder whose manifest says what the log says."""
    folders = frozen_folders(home)
    for folder in reversed(folders):
        if manifest_of(folder) == wanted:
            return folder
    if not folders:
        proof.unread.append("no frozen copy is left in backups/; replay the sources again")
        return None
    nearest = manifest_of(folders[-1])
    names = sorted(name for name in {*wanted, *nearest} if wanted.get(name) != nearest.get(name))
    proof.unread.append(
        f"no folder in backups/ is the copy that the newest run was made from; {folders[-1].name}/manifest.json "
        f"differs from the log in {', '.join(names[:5])}{' …' if len(names) > 5 else ''}; replay the sources again"
    )
    return None


def _unaltered(folder: Path, wanted: Mapping[str, str], proof: SourceProof) -> list[Frozen]:
    """The files that can be compared row by row: an altered one as well, so that its rows can be named."""
    frozen: dict[str, Frozen] = {}
    for name, expected in wanted.items():
        path = folder / name
        if not path.is_file():
            proof.unread.append(f"{name}: missing from {folder.name}")
            continue
        actual = sha256_of(path)
        if actual != expected:
            said = f"{name}: altered since it was frozen: its SHA-256 is {actual[:16]}…, the log says {expected[:16]}…"
            # What is read of a file with an image is the image.
            reason = None if f"{name}{IMAGE}" in wanted else _damage(path)
            proof.found.append(said + (f"; it cannot be read any more: {reason}" if reason else ""))
            if reason:
                continue
        frozen[name] = Frozen(name, path, actual, path.stat().st_size, "frozen")
    with_images = [one._replace(image=frozen.get(f"{one.name}{IMAGE}")) for one in frozen.values()]
    of_others = {f"{name}{IMAGE}" for name in wanted}
    return [
        one for one in with_images if one.name not in of_others and (one.image or f"{one.name}{IMAGE}" not in wanted)
    ]


def _damage(path: Path) -> str | None:
    try:
        db = open_frozen(path)
        try:
            return damage(db, indexes=True)
        finally:
            db.close()
    except apsw.Error as error:
        return str(error)


def _prove_rows(
    log: Log,
    folder: Path,
    frozen: list[Frozen],
    system: LegacySystem,
    started: ReplayStarted,
    proof: SourceProof,
    tell: Tell,
) -> str:
    """Compare every row with the log; how many of how many files are as they are there."""
    report = RunReport(system=system.name, source=folder.name, home="", mode="verify", started_at="", program="")
    # What the log has seen is derived afresh: nothing that lies in the home is believed.
    with tempfile.TemporaryDirectory(prefix="daybook-") as place:
        seen = open_seen(Path(place) / "replay.db")
        try:
            run = Run(log, seen, system, report, tell, zone(started.timezone), started.timezone_assumed)
            run.timezones = started.timezones
            with phases.opened(frozen) as files:
                phases.prepare(run, files)
                phases.prove(run)
        except LedgerError as error:
            proof.unread.append(error.message)
        finally:
            seen.close()
    proof.found += [f"{one.subject}: expected {one.expected}, found {one.found}" for one in report.mismatches]
    return f"{report.rows_proven:,} legacy rows of {len(frozen)} files in {folder.name}"
