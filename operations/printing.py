"""How the commands print: tables and sentences on stdout, or one JSON object; what went wrong as one line on stderr."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import click
import msgspec

from domain.errors import LedgerError
from operations.masking import masked

INTERRUPTED = 130
BROKEN_PIPE = 141
NARROWEST = 20

Cell = str | int


def plain(text: object) -> str:
    """Text from a file in one line, with control characters written out, so that no terminal acts on them."""
    one_line = " ".join(masked(str(text)).splitlines())
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in one_line)


def say(text: str = "", *, bold: bool = False, color: str | None = None, dim: bool = False) -> None:
    """A sentence on stdout; its style is dropped in a pipe, and where NO_COLOR is set."""
    styled = click.style(text, fg=color, bold=bold or None, dim=dim or None) if text else ""
    click.echo(styled, color=False if os.environ.get("NO_COLOR") else None)


def table(head: Sequence[str], rows: Sequence[Sequence[Cell]], *, texts: int = 1) -> None:
    """A table whose first `texts` columns are text and the others numbers. On a narrow terminal the last text is folded."""
    cells = [[f"{cell:,}" if isinstance(cell, int) else plain(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    if sys.stdout.isatty():
        _squeeze(widths, texts)
    say(_line(head, widths, texts), bold=True)
    for row in cells:
        for line in _folded(row, widths, texts):
            say(_line(line, widths, texts))


def _squeeze(widths: list[int], texts: int) -> None:
    """Take from the last text column what the terminal does not have."""
    missing = sum(widths) + 2 * (len(widths) - 1) - shutil.get_terminal_size().columns
    if missing > 0 and texts:
        widths[texts - 1] = max(NARROWEST, widths[texts - 1] - missing)


def _folded(row: Sequence[str], widths: Sequence[int], texts: int) -> list[list[str]]:
    last, width = texts - 1, widths[texts - 1]
    if not texts or len(row[last]) <= width:
        return [list(row)]
    parts = textwrap.wrap(row[last], width)
    first = [*row[:last], parts[0], *row[texts:]]
    return [first, *(["" if place != last else part for place in range(len(row))] for part in parts[1:])]


def _line(cells: Sequence[str], widths: Sequence[int], texts: int) -> str:
    aligned = [
        cell.ljust(width) if place < texts else cell.rjust(width)
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(aligned).rstrip()


# Any: whatever a command found; msgspec knows how to write it.
def as_object(content: Mapping[str, Any]) -> None:
    """One JSON object on stdout."""
    click.echo(msgspec.json.format(msgspec.json.encode(masked(content)), indent=2).decode())


def fail(error: BaseException, *, as_json: bool) -> int:
    """Say in one line what is wrong and what to do; returns the exit code."""
    if isinstance(error, BrokenPipeError):
        _drop_output()
        return BROKEN_PIPE
    message, hint, code = _told(error)
    try:
        if as_json:
            as_object({"error": message, "hint": hint, "exit_code": code})
        sys.stdout.flush()
    except OSError:  # perhaps the very error that is to be told: then it is told below
        _drop_output()
    said = f"Error: {message.rstrip('.')}. {hint}" if code != INTERRUPTED else f"{message}. {hint}"
    click.echo(plain(said).rstrip(), err=True)
    return code


def _drop_output() -> None:
    """Nobody reads any more, or the disk is full: nothing shall try again to write what is left in the buffer."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _told(error: BaseException) -> tuple[str, str, int]:
    if isinstance(error, LedgerError):
        return error.message, error.hint, error.exit_code
    if isinstance(error, KeyboardInterrupt):
        return "Stopped", "What was recorded is whole; the same command goes on where this one stopped.", INTERRUPTED
    if isinstance(error, click.UsageError):
        return error.format_message(), "", error.exit_code
    assert isinstance(error, OSError)
    name = f"{error.filename}: " if error.filename else ""
    return f"{name}{error.strerror or error}", "Check the path, its permissions and the disk.", 2
