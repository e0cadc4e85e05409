"""The lines of a file of entries: JSON Lines, or CSV with a header for prices; each within limits, each with its number."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple

from domain.entries.base import Entry
from domain.entries.catalog import read_fields, read_json
from domain.entries.refusal import Refused

LINE_MAX = 1_000_000
"""Bytes of one line. An entry takes a few hundred."""

_BOM = b"\xef\xbb\xbf"
_READ = 1 << 16
_CSV_KINDS = {"date": "prices", "year_month": "monthly-prices"}


class Line(NamedTuple):
    """One line that is not empty. size: of all of it, when it was too long to be kept whole."""

    number: int
    content: bytes
    size: int


def lines(file: BinaryIO, *, line_max: int = LINE_MAX) -> Iterator[Line]:
    """The lines of a file; of one that is too long only the beginning is kept in memory."""
    number = 0
    while content := file.readline(line_max + 1):
        number += 1
        size = len(content)
        if size > line_max and not content.endswith(b"\n"):
            size += _skipped(file)
            yield Line(number, content[:_READ], size)
            continue
        if number == 1:
            content = content.removeprefix(_BOM)
        content = content.strip(b" \t\r\n")
        if content:
            yield Line(number, content, len(content))


def _skipped(file: BinaryIO) -> int:
    """Read to the end of the line; returns the bytes."""
    size = 0
    while rest := file.readline(_READ):
        size += len(rest)
        if rest.endswith(b"\n"):
            break
    return size


class Reader:
    """Reads lines as entries; the first line says whether they are JSON or CSV."""

    def __init__(self, *, line_max: int = LINE_MAX) -> None:
        self._line_max = line_max
        self._columns: Sequence[str] | None = None
        self._begun = False

    def read(self, line: Line) -> Entry | None:
        """The entry that a line holds, None for the header of a CSV. Raises Refused."""
        if line.size > self._line_max:
            raise Refused(
                "shape", f"the line has {line.size:,} bytes", hint=f"A line may have {self._line_max:,} bytes."
            )
        if not self._begun:
            self._begun = True
            if not line.content.startswith((b"{", b"[")):
                self._columns = self._header(line)
                return None
        if self._columns is None:
            return read_json(line.content)
        return self._row(line, self._columns)

    def _header(self, line: Line) -> list[str]:
        try:
            columns = _cells(line)
        except Refused:
            columns = []
        kinds = [kind for column, kind in _CSV_KINDS.items() if column in columns]
        if "symbol" not in columns or len(kinds) != 1:
            raise NotEntries(
                "shape",
                "the file begins neither with a JSON object nor with the header of a CSV of prices",
                hint="A CSV has the columns symbol, date, close_price and others that cli schema prices shows.",
            )
        return columns

    def _row(self, line: Line, columns: Sequence[str]) -> Entry:
        cells = _cells(line)
        if len(cells) != len(columns):
            raise Refused("shape", f"the line has {len(cells)} columns, the header has {len(columns)}")
        kind = next(kind for column, kind in _CSV_KINDS.items() if column in columns)
        fields = {column: cell for column, cell in zip(columns, cells, strict=True) if cell}
        return read_fields({**fields, "entry": kind}, texts=True)


class NotEntries(Refused):
    """The file holds something else: nothing of it is read."""


def _cells(line: Line) -> list[str]:
    try:
        (cells,) = csv.reader([line.content.decode()], strict=True)
    except UnicodeDecodeError as error:
        raise Refused("text", "the line is not UTF-8") from error
    except (csv.Error, ValueError) as error:
        raise Refused("shape", f"the line is not CSV: {error}") from error
    return [cell.strip() for cell in cells]
