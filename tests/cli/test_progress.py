"""Progress: nothing in the first second, lines in a pipe, a bar on a terminal that goes away at the end."""

from __future__ import annotations

import io
import os
import pty
import re
import select
from collections.abc import Iterator

import pytest

from operations import progress
from operations.progress import Teller


class Clock:
    """A clock that a test moves."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moved = Clock()
    monkeypatch.setattr(progress, "time", moved)
    return moved


def test_what_is_done_within_a_second_says_nothing(clock: Clock) -> None:
    out = io.StringIO()
    with Teller(out) as teller:
        for done in range(10):
            teller.tell("append", "", done, 10)
            clock.now += 0.09
    assert out.getvalue() == ""


def test_in_a_pipe_lines_tell_phase_file_rows_rate_and_time_left(clock: Clock) -> None:
    out = io.StringIO()
    with Teller(out) as teller:
        teller.tell("append", "", 0, 100_000)
        for _ in range(20):
            clock.now += 1
            teller.tell("append", "", int(1_000 * (clock.now - 100)), 100_000)
        teller.tell("prove", "config.db", 0, 100_000)
        clock.now += 6
        teller.tell("prove", "config.db", 60_000, 100_000)
        clock.now += 6
        teller.tell("verify", "ledger.db", 0, 0)
    lines = out.getvalue().splitlines()
    assert lines[0] == "append: 1,000 of 100,000 rows, 1,000/s, 99 s left"
    assert lines[1] == "append: 6,000 of 100,000 rows, 1,000/s, 94 s left"
    assert lines[-2:] == ["prove: config.db: 60,000 of 100,000 rows, 10,000/s, 4 s left", "verify: ledger.db"]
    assert len(lines) == 6


@pytest.fixture
def terminal() -> Iterator[tuple[int, io.TextIOWrapper]]:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w", encoding="utf-8") as out:
        yield ours, out
    os.close(ours)


def test_on_a_terminal_a_bar_is_drawn_and_removed(
    clock: Clock, terminal: tuple[int, io.TextIOWrapper], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    ours, out = terminal
    with Teller(out) as teller:
        teller.tell("append", "", 0, 100)
        clock.now += 2
        teller.tell("append", "", 50, 100)
        teller.tell("catch up", "[bold]history.db", 0, 0)
        assert teller._bar is not None
        teller._bar.refresh()  # by itself it does so ten times in a second
    out.flush()
    drawn = ""
    while select.select([ours], [], [], 0.2)[0]:
        drawn += os.read(ours, 100_000).decode(errors="replace")
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn)
    assert "append" in shown
    assert "[bold]history.db" in shown
    assert drawn.rstrip().endswith("\x1b[2K")
