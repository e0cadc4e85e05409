"""The frozen copy of the newest run: still the files that the log speaks of, and row by row what the log gives back."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import apsw
from msgspec import Struct, field

from domain.errors import LedgerError
from domain.legacy import ReplayCompleted, ReplayStarted
from domain.moments import zone
from ledger.log import Log
from operations.home import frozen_folders
from operations.milestones import runs
from operations.replaying import manifest_of
from replay import run as phases
from replay.arduino_trader import SYSTEM
from replay.freezing import Frozen, sha256_of
from replay.reading import damage, open_frozen
from replay.report import RunReport
from replay.run import Run, Tell
from replay.seen import open_seen


class SourceProof(Struct, kw_only=True):
    """What was compared, what is wrong, and what could not be read."""

    checked: str = ""
    found: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def prove_sources(log: Log, home: Path, tell: Tell) -> SourceProof:
    """Compare the newest run's frozen copy with its hashes in the log, and every row of it with the log."""
    proof = SourceProof()
    starts, ends = runs(log, SYSTEM.name, ReplayStarted), runs(log, SYSTEM.name, ReplayCompleted)
    if not starts:
        proof.checked = "nothing was ever replayed"
        return proof
    if not ends:
        proof.unread.append("no replay has reached its end yet; replay the sources again")
        return proof
    completed = ends[-1]
    started = next(one for one in reversed(starts) if one.run == completed.run)
    folder = _copy_of(home, completed.manifest, proof)
    if folder is not None:
        frozen = _unaltered(folder, completed.manifest, proof)
        _prove_rows(log, folder, frozen, started, proof, tell)
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
    frozen = []
    for name, expected in wanted.items():
        path = folder / name
        if not path.is_file():
            proof.unread.append(f"{name}: missing from {folder.name}")
            continue
        actual = sha256_of(path)
        if actual != expected:
            said = f"{name}: altered since it was frozen: its SHA-256 is {actual[:16]}…, the log says {expected[:16]}…"
            reason = _damage(path)
            proof.found.append(said + (f"; it cannot be read any more: {reason}" if reason else ""))
            if reason:
                continue
        frozen.append(Frozen(name, path, actual, path.stat().st_size, "frozen"))
    return frozen


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
    log: Log, folder: Path, frozen: list[Frozen], started: ReplayStarted, proof: SourceProof, tell: Tell
) -> None:
    report = RunReport(system=SYSTEM.name, source=folder.name, home="", mode="verify", started_at="", program="")
    # What the log has seen is derived afresh: nothing that lies in the home is believed.
    with tempfile.TemporaryDirectory(prefix="daybook-") as place:
        seen = open_seen(Path(place) / "replay.db")
        try:
            run = Run(log, seen, SYSTEM, report, tell, zone(started.timezone), started.timezone_assumed)
            with phases.opened(frozen) as files:
                phases.prepare(run, files)
                phases.prove(run)
        except LedgerError as error:
            proof.unread.append(error.message)
        finally:
            seen.close()
    proof.checked = f"{report.rows_proven:,} legacy rows of {len(frozen)} files in {folder.name}"
    proof.found += [f"{one.subject}: expected {one.expected}, found {one.found}" for one in report.mismatches]
