"""`cli demo`: a realistic legacy folder, replayed, rebuilt, verified, with what was planted in it shown as found."""

from __future__ import annotations

import shutil
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from domain.errors import HomeError
from operations.backup.making import Made, backup
from operations.backup.tiers import Tier
from operations.demo_legacy import write_legacy_folder
from operations.drilling import Drill, Verdict, drill
from operations.home import BACKUPS, REPORTS
from operations.rebuilding import rebuild
from operations.replaying import replay
from operations.verifying import Verification, verify
from replay.report import RunReport
from replay.run import Tell


class PlantedFlaw(Struct, kw_only=True):
    """Something that was put into the legacy folder on purpose: its kind, its file, a sentence."""

    kind: str
    file: str
    said: str


class Demo(Struct, kw_only=True):
    """What the demo made and found. again: events that a second replay appended. seconds: of replay, rebuild and verify."""

    folder: str
    kept: bool
    written_s: float
    replay: RunReport
    rebuilt: dict[str, float]
    verification: Verification
    copies: list[Made]
    drill: Drill
    planted: list[PlantedFlaw]
    again: int
    seconds: float

    @property
    def proven(self) -> bool:
        """Every row rebuilt, every read model equal, the chain whole, a copy restored and equal, a second run empty."""
        sound = self.verification.exit_code == 0 and self.drill.verdict is Verdict.PROVEN
        return self.replay.proven and sound and self.again == 0

    @property
    def exit_code(self) -> int:
        """0 when proven; the planted breaks are what the demo is for."""
        return 0 if self.proven else 1


def demo(into: Path | None, *, securities: int, years: int, tell: Tell) -> Demo:
    """Run the whole product once. into: an empty or new folder that is kept; else a temporary one that is removed."""
    if into is not None and into.exists() and any(into.iterdir()):
        raise HomeError(
            f"{into} is not empty", hint="Name a new folder, so that nothing of yours is mixed with the demo."
        )
    place = into or Path(tempfile.mkdtemp(prefix="daybook-demo-"))
    try:
        return _demo(place, kept=into is not None, securities=securities, years=years, tell=tell)
    finally:
        if into is None:
            shutil.rmtree(place, ignore_errors=True)


def _demo(place: Path, *, kept: bool, securities: int, years: int, tell: Tell) -> Demo:
    legacy, home = place / "legacy", place / "home"
    tell("write", "a legacy folder", 0, 0)
    begin = time.perf_counter()
    planted = write_legacy_folder(legacy, securities=securities, years=years)
    written = time.perf_counter()
    report = replay(legacy, home, tell=tell)
    rebuilt = rebuild(home, [], as_of=None, known_at=None, into=None, tell=tell)
    verification = verify(home, "all", repair=False, tell=tell)
    done = time.perf_counter()
    copies, drilled = _drill(home, place / "rehearsal", tell)
    again = replay(legacy, home, tell=tell, catch_up=False)
    return Demo(
        folder=str(place),
        kept=kept,
        written_s=round(written - begin, 2),
        replay=report,
        rebuilt={one.name: round(one.seconds, 3) for one in rebuilt},
        verification=verification,
        copies=copies,
        drill=drilled,
        planted=[PlantedFlaw(kind=one.kind, file=one.file, said=one.said) for one in planted.flaws],
        again=again.events_appended,
        seconds=round(done - written, 2),
    )


def _drill(home: Path, rehearsal: Path, tell: Tell) -> tuple[list[Made], Drill]:
    """A copy, and the drill with it, in a home of its own: the one that is kept holds what was replayed, and nothing else."""
    now = datetime.now(UTC)
    shutil.copytree(home, rehearsal, ignore=shutil.ignore_patterns(BACKUPS, REPORTS))
    try:
        return backup(rehearsal, Tier.DAILY, now=now), drill(rehearsal, now=now, tell=tell)
    finally:
        shutil.rmtree(rehearsal, ignore_errors=True)
