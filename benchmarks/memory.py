"""Memory and growth: millions of bars in a process of its own, and twice the rows in twice the time."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measuring import Ran, Row, Sizes, in_own_process
from benchmarks.samples import price_files

PEAK_MB = 400
GROWTH_MAX = 2.2


def measure(place: Path, sizes: Sizes) -> Iterator[Row]:
    """Many files, and one file that is very long: replay, rebuild, verify, and the same with half the rows."""
    shapes = {
        f"{sizes.large_files} files of {sizes.large_bars:,} bars": (sizes.large_files, sizes.large_bars),
        f"one file of {sizes.long_bars:,} bars": (1, sizes.long_bars),
    }
    for shape, (files, bars) in shapes.items():
        half = (files, bars // 2) if files == 1 else (files // 2, bars)
        small, large = _best(place, *half), _best(place, files, bars)
        for work, ran in large.items():
            growth = ran.seconds / small[work].seconds
            yield Row(
                work=f"{work} of {shape}", count=files * bars, unit="bars", ours=[ran.seconds], peak_mb=ran.peak_mb,
                peak_goal_mb=PEAK_MB, other_goal=f"twice the rows in at most {GROWTH_MAX} times the time",
                other_met=growth <= GROWTH_MAX,
                note=f"twice the rows took {growth:.2f} times the time, {ran.peak_mb - small[work].peak_mb:+.0f} MB",
            )  # fmt: skip


def _best(place: Path, files: int, bars: int) -> dict[str, Ran]:
    """Of two runs the shorter time, for growth cannot be told from one disturbed run, and the larger peak."""
    one, other = _works(place, files, bars), _works(place, files, bars)
    return {
        work: Ran(min(one[work].seconds, other[work].seconds), max(one[work].peak_mb, other[work].peak_mb))
        for work in one
    }


def _works(place: Path, files: int, bars: int) -> dict[str, Ran]:
    folder = place / "large"
    source, home = price_files(folder / "legacy", files=files, bars=bars), folder / "home"
    ran = {
        "replay and proof": in_own_process("replay", source, home),
        "rebuild of history.db": in_own_process("rebuild", home, "history"),
        "rebuild over a live history.db": in_own_process("rebuild", home, "history"),
        "verification of the ledger": in_own_process("verify", home, "ledger"),
        "verification of the sources": in_own_process("verify", home, "sources"),
    }
    shutil.rmtree(folder)
    return ran
