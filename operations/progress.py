"""Progress on stderr, for whatever takes more than a second: phase, file, rows, rate, time left."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

PATIENCE_S = 1.0
LINE_EVERY_S = 5.0


class Teller:
    """Tells how far a run is. On a terminal a bar that goes away at the end; in a pipe a line every few seconds."""

    def __init__(self, console: Console | None = None, *, quiet: bool = False) -> None:
        self._console = console or Console(stderr=True)
        self._quiet = quiet
        self._began = self._told = time.monotonic()
        self._phase, self._phase_began = "", self._began
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def tell(self, phase: str, file: str, done: int, total: int) -> None:
        """Take note; show it when more than a second has gone by since the start."""
        now = time.monotonic()
        if phase != self._phase:
            self._phase, self._phase_began = phase, now
        if self._quiet or now - self._began < PATIENCE_S:
            return
        rate = done / max(now - self._phase_began, 1e-6)
        if self._console.is_terminal:
            self._show(phase, file, done, total, rate)
        elif now - self._told >= LINE_EVERY_S:
            self._told = now
            self._say(phase, file, done, total, rate)

    def _show(self, phase: str, file: str, done: int, total: int, rate: float) -> None:
        if self._bar is None:
            self._bar = Progress(
                TextColumn("{task.fields[phase]:<10}"), BarColumn(bar_width=30), MofNCompleteColumn(),
                TextColumn("{task.fields[rate]:>12} rows/s"), TimeRemainingColumn(), TextColumn("{task.fields[file]}"),
                console=self._console, transient=True,
            )  # fmt: skip
            self._task = self._bar.add_task("", phase=phase, rate="", file="")
            self._bar.start()
        assert self._task is not None
        self._bar.update(
            self._task, completed=done, total=total or None, phase=phase, rate=f"{rate:,.0f}" if done else "", file=file
        )

    def _say(self, phase: str, file: str, done: int, total: int, rate: float) -> None:
        left = f", {(total - done) / rate:.0f} s left" if done and total > done else ""
        print(
            f"{phase}: {file + ' ' if file else ''}{done:,} of {total:,} rows, {rate:,.0f} rows/s{left}",
            file=sys.stderr,
        )
