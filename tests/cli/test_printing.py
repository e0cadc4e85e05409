"""How tables and texts look: aligned in a pipe, folded on a narrow terminal, harmless whatever a file holds."""

from __future__ import annotations

import os
import sys

import pytest

from operations import printing
from operations.printing import plain, say, table

ROWS = [("ledger.db", "a long reason that goes on and on", 1_234_567), ("config.db", "short", 8)]


def test_in_a_pipe_no_line_is_folded_and_none_ends_in_blanks(capsys: pytest.CaptureFixture[str]) -> None:
    table(("file", "why", "rows"), ROWS, texts=2)
    assert capsys.readouterr().out.splitlines() == [
        "file       why                                     rows",
        "ledger.db  a long reason that goes on and on  1,234,567",
        "config.db  short                                      8",
    ]


def test_a_narrow_terminal_folds_the_last_text(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(printing.shutil, "get_terminal_size", lambda: os.terminal_size((44, 24)))
    monkeypatch.setenv("NO_COLOR", "1")
    table(("file", "why", "rows"), ROWS, texts=2)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 44
    assert lines[1].endswith("1,234,567")
    assert lines[2].strip() == "goes on and on"


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a\x1b[31mb", "a\\x1b[31mb"), ("two\nlines", "two lines"), ("bell\x07", "bell\\x07"), ("é ✓", "é ✓")],
)
def test_nothing_from_a_file_acts_on_the_terminal(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_colours_stay_out_of_pipes_and_of_terminals_that_want_none(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    say("green", color="green", bold=True)
    assert capsys.readouterr().out == "green\n"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    say("green", color="green")
    assert capsys.readouterr().out == "\x1b[32mgreen\x1b[0m\n"
    monkeypatch.setenv("NO_COLOR", "1")
    say("green", color="green")
    assert capsys.readouterr().out == "green\n"
