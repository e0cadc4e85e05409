"""Progress on stderr, for whatever takes more than a second: phase, file, rows, rate, time left."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

PATIENCE_S = 1.0
LINE_EVERY_S = 5.0
_ROWS = ("append", "prove")


class Teller:
    """Tells how far a command is. On a terminal a bar that goes away at the end; in a pipe a line every few seconds."""

    def __init__(
        self, out: TextIO | None = None, *, patience_s: float = PATIENCE_S, line_every_s: float = LINE_EVERY_S
    ) -> None:
        self._out = out or sys.stderr
        self._patience_s, self._line_every_s = patience_s, line_every_s
        self._began, self._told = time.monotonic(), 0.0
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
        if now - self._began < self._patience_s:
            return
        if self._out.isatty():
            self._show(phase, file, done, total, now - self._phase_began)
        elif now - self._told >= self._line_every_s:
            self._told = now
            about = _about(phase, done, total, now - self._phase_began)
            self._out.write(": ".join(filter(None, (phase, file, about))) + "\n")
            self._out.flush()

    def _show(self, phase: str, file: str, done: int, total: int, seconds: float) -> None:
        if self._bar is None:
            self._bar = _bar(self._out)
            self._task = self._bar.add_task(phase, about="", file=file)
            self._bar.start()
        assert self._task is not None
        about = _about(phase, done, total, seconds)
        self._bar.update(
            self._task, completed=done if total else 0, total=total or None, description=phase, about=about, file=file
        )


def _bar(out: TextIO) -> Progress:
    # Loaded here: most commands are done before a bar is needed.
    from rich.console import Console  # noqa: PLC0415 - see above
    from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415 - see above

    about = TextColumn("{task.fields[about]}", markup=False)
    file = TextColumn("{task.fields[file]}", markup=False)
    return Progress(
        TextColumn("{task.description:<10}", markup=False), BarColumn(bar_width=24), about, file,
        console=Console(file=out), transient=True,
    )  # fmt: skip


def _about(phase: str, done: int, total: int, seconds: float) -> str:
    """How far, how fast, and how long it will take; nothing where nobody counts."""
    if not total:
        return ""
    unit = "rows" if phase in _ROWS else "events"
    said = f"{done:,} of {total:,} {unit}"
    if not done or seconds <= 0:
        return said
    rate = done / seconds
    left = f", {(total - done) / rate:.0f} s left" if done < total else ""
    return f"{said}, {rate:,.0f}/s{left}"
