"""A ten-year legacy home with all tables: replay, rebuild and verify together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.limits import fresh
from benchmarks.measuring import Row, Sizes, in_turns, timed
from operations.demo_legacy import write_legacy_folder
from operations.rebuilding import rebuild
from operations.replaying import replay
from operations.verifying import verify
from replay.report import RunReport


def measure(place: Path, sizes: Sizes) -> Iterator[Row]:
    """The work of `cli demo` without writing the folder."""
    source = place / "legacy"
    write_legacy_folder(source, securities=65, years=sizes.demo_years)
    reports: list[RunReport] = []
    parts: dict[str, list[float]] = {"replay": [], "rebuild": [], "verify": []}

    def ours() -> float:
        with fresh(place / "home") as home:
            for name, work in (
                ("replay", lambda: reports.append(replay(source, home))),
                ("rebuild", lambda: rebuild(home, [], as_of=None, known_at=None, into=None, tell=_silent)),
                ("verify", lambda: _verify(home)),
            ):
                parts[name].append(timed(work))
        assert reports[-1].proven
        return sum(seconds[-1] for seconds in parts.values())

    (seconds,) = in_turns(sizes.rounds, ours)
    beside = ", ".join(f"{name} {median(found):.2f} s" for name, found in parts.items())
    phases = ", ".join(f"{phase} {taken:.2f}" for phase, taken in reports[-1].seconds.items() if taken >= 0.05)
    yield Row(
        work=f"a home of 65 securities and {sizes.demo_years} years, all tables: replay, rebuild, verify",
        count=reports[-1].rows, unit="legacy rows", ours=seconds, goal_s=5.0, note=f"{beside}; replay: {phases}",
    )  # fmt: skip


def _verify(home: Path) -> None:
    assert verify(home, "all", repair=False, tell=_silent).exit_code == 0


def _silent(phase: str, file: str, done: int, total: int) -> None:
    """Tell nobody."""
