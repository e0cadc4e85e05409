"""The measurements as a table for people: docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
import re
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import apsw

from benchmarks.kept import Kept
from benchmarks.measuring import Row, Sizes

_HEAD = ("work", "ours", "limit", "ratio", "goal", "")
_SAID = {"met": "met", "least": "**goal missed**, least met", "missed": "**missed**", "": ""}
_BUSY = 1.2
_WHAT = """\
Ours and the limit run in turns, round by round, in one process and on one disk; the numbers are medians, with the smallest
and the largest in brackets. A ratio is our rate as a part of the limit's, taken round by round: 1 is as fast, and above 1 is
faster. Absolute times move by a third on a shared machine, the ratios much less. `./dev bench` measures here and now;
`./dev bench --write` measures and writes this page, `./dev bench --write NAME` one benchmark of it anew."""


def page(measured: Sequence[tuple[str, Kept]], sizes: Sizes) -> str:
    """The whole page, from what was measured of each benchmark."""
    rows = [row for _, kept in measured for row in kept.rows]
    names = list(dict.fromkeys(row.limit_name for row in rows if row.limit_name))
    lines = [f"| {' | '.join(_HEAD)} |", f"|{' --- |' * len(_HEAD)}"]
    lines += [f"| {' | '.join(cells(row, names))} |" for row in rows]
    limits = [f"{number}. {name}" for number, name in enumerate(names, 1)]
    notes = [f"- {row.work}: {row.note}" for row in rows if row.note]
    parts = ["# Benchmarks", _WHAT, _where(sizes), "\n".join(lines), "## When", _when(measured)]
    parts += ["## The limits", "\n".join(limits), "## Beside", "\n".join(notes)]
    return "\n\n".join(parts) + "\n"


def _when(measured: Sequence[tuple[str, Kept]]) -> str:
    """When each benchmark ran, and how busy the machine was before."""
    lines = []
    for name, kept in measured:
        busy = ": busy with other work, measure again before relying on these numbers" if kept.load > _BUSY else ""
        lines.append(f"- {name}: {kept.on}, load {kept.load}{busy}")
    return "\n".join(lines)


def cells(row: Row, limits: Sequence[str]) -> list[str]:
    """A row of the table; limits are named by their number."""
    limit = f"{_rate(row, row.limit)} ({limits.index(row.limit_name) + 1})" if row.limit else ""
    ratios = sorted(row.ratios)
    ratio = f"{median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})" if ratios else ""
    peak = f", {row.peak_mb:.0f} MB" if row.peak_mb else ""
    return [row.work, _rate(row, row.ours) + peak, limit, ratio, _goal(row), _SAID[row.verdict]]


def line(row: Row) -> str:
    """The row as it is printed when it is measured."""
    work, ours, limit, ratio, goal, verdict = (cell.replace("**", "") for cell in cells(row, [row.limit_name]))
    said = f"{work}\n    ours   {ours}\n"
    if limit:
        said += f"    limit  {limit.removesuffix(' (1)')}: {row.limit_name}\n    ratio  {ratio}\n"
    said += f"    goal   {goal}: {verdict}\n" if goal else ""
    return said + (f"    beside {row.note}\n" if row.note else "")


def _rate(row: Row, seconds: Sequence[float]) -> str:
    taken, least, most = median(seconds), min(seconds), max(seconds)
    spread = f" ({_time(least)} to {_time(most)})" if len(seconds) > 1 else ""
    return (
        f"{_time(taken)}{spread}"
        if row.count == 1
        else f"{_number(row.count / taken)} {row.unit}/s, {_time(taken)}{spread}"
    )


def _time(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def _number(rate: float) -> str:
    return f"{rate / 1e6:.2f} M" if rate >= 1e6 else f"{rate / 1e3:.0f} k" if rate >= 10_000 else f"{rate:,.0f}"


def _goal(row: Row) -> str:
    goals = []
    if row.goal is not None:
        goals.append(f"{row.goal}" + (f", at least {row.least}" if row.least else ""))
    if row.goal_s is not None:
        goals.append(f"under {_time(row.goal_s)}")
    if row.peak_goal_mb is not None:
        goals.append(f"within {row.peak_goal_mb:.0f} MB")
    return "; ".join([*goals, row.other_goal] if row.other_goal else goals)


def _where(sizes: Sizes) -> str:
    programs = (
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version} (sqlite3) and "
        f"{apsw.sqlite_lib_version()} (apsw)"
    )
    return (
        f"Measured on: {_processor()}, {os.cpu_count()} cores, {platform.system()}; {programs}. "
        f"Sizes: {sizes.files} price files of {sizes.bars:,} bars, {sizes.facts:,} facts of a kind, {sizes.rounds} rounds."
    )


def _processor() -> str:
    about = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.*)", about.read_text()) if about.exists() else None
    return found[1].strip() if found else platform.machine()
