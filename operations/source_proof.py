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
from operations.replaying import SYSTEMS, manifest_of
from replay import run as phases
from replay.duck_image import SUFFIX as IMAGE
from replay.freezing import Frozen, sha256_of
from replay.reading import damage, open_frozen
from replay.report import RunReport
from replay.run import Run, Tell
from replay.seen import open_seen
from replay.system import LegacySystem


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
        starts, ends = runs(log, system.name, ReplayStarted), runs(log, system.name, ReplayCompleted)
        if not starts:
            continue
        if not ends:
            proof.unread.append("no replay has reached its end yet; replay the sources again")
            continue
        completed = ends[-1]
        started = next(one for one in reversed(starts) if one.run == completed.run)
        folder = _copy_of(home, completed.manifest, proof)
        if folder is not None:
            frozen = _unaltered(folder, completed.manifest, proof)
            checked.append(_prove_rows(log, folder, frozen, system, started, proof, tell))
    proof.checked = "; ".join(checked) or ("" if proof.unread else "nothing was ever replayed")
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
