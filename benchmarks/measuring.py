"""Taking times: ours and the limit in turns, so that whatever slows the machine down slows both."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
Timed = Callable[[], float]
"""Does its work once, in a fresh place, and returns the seconds that count."""


class Sizes(NamedTuple):
    """How much work is measured, and how often."""

    rounds: int
    files: int
    bars: int
    facts: int
    appends: int
    peer_events: int
    large_files: int
    large_bars: int
    long_bars: int
    demo_years: int
    starts: int
    large_events: int
    market_symbols: int
    market_sessions: int
    tick_seconds: int


FULL = Sizes(
    rounds=5, files=400, bars=2_520, facts=100_000, appends=2_000, peer_events=5_000, large_files=400, large_bars=12_500,
    long_bars=1_000_000, demo_years=10, starts=10, large_events=10_000_000, market_symbols=71,
    market_sessions=375, tick_seconds=60,
)  # fmt: skip
QUICK = Sizes(
    rounds=3, files=60, bars=2_520, facts=10_000, appends=300, peer_events=1_000, large_files=40, large_bars=5_000,
    long_bars=100_000, demo_years=2, starts=5, large_events=200_000, market_symbols=20,
    market_sessions=10, tick_seconds=5,
)  # fmt: skip


@dataclass(kw_only=True)
class Row:
    """One line of the table.

    ours, limit: seconds of each round. limit_name: what the limit is. goal, least: ratios, our rate as a part of the limit's.
    goal_s: seconds. peak_mb: the largest peak of memory seen, peak_goal_mb what it may be. other_goal, other_met: a goal that
    is no time. note: what else was found.
    """

    work: str
    count: int
    unit: str
    ours: Sequence[float]
    limit: Sequence[float] = field(default_factory=list)
    limit_name: str = ""
    goal: float | None = None
    least: float | None = None
    goal_s: float | None = None
    peak_mb: float | None = None
    peak_goal_mb: float | None = None
    other_goal: str = ""
    other_met: bool = True
    note: str = ""

    @property
    def ratios(self) -> list[float]:
        """Of each round, how near we come to the limit; 1 is as fast."""
        return [limit / ours for ours, limit in zip(self.ours, self.limit, strict=True)] if self.limit else []

    @property
    def verdict(self) -> str:
        """Whether the goal is met, or only the least that is asked."""
        if self.peak_mb and self.peak_goal_mb and self.peak_mb > self.peak_goal_mb:
            return "missed"
        if not self.other_met or (self.goal_s is not None and median(self.ours) > self.goal_s):
            return "missed"
        if self.goal is not None:
            reached = median(self.ratios)
            return "met" if reached >= self.goal else "least" if reached >= (self.least or self.goal) else "missed"
        return "met" if self.goal_s or self.peak_goal_mb or self.other_goal else ""


def in_turns(rounds: int, *ways: Timed) -> list[list[float]]:
    """The seconds of each way, round by round; each round begins with another way, so that none always goes first."""
    seconds: list[list[float]] = [[] for _ in ways]
    for number in range(rounds):
        for place in range(len(ways)):
            way = (number + place) % len(ways)
            gc.collect()
            seconds[way].append(ways[way]())
    return seconds


def timed(work: Callable[[], object]) -> float:
    """The seconds that one call takes."""
    begin = perf_counter()
    work()
    return perf_counter() - begin


class Ran(NamedTuple):
    """What a process of its own took: the seconds of the work, its peak of memory with that of its children."""

    seconds: float
    peak_mb: float


def in_own_process(work: str, *arguments: Path | str) -> Ran:
    """Run one of the works of benchmarks.child alone in a process, to see what memory it needs."""
    command = [sys.executable, "-m", "benchmarks.child", work, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return Ran(**json.loads(done.stdout.splitlines()[-1]))
