"""`cli audit export`: the log, or a part of it, in one of five formats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import takewhile
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

import msgspec
from msgspec import Struct

from domain.errors import LedgerError
from ledger.facts import CASH_FLOWS, DIVIDENDS, SPLITS, TRADES, newest
from ledger.log import Log, Stored, open_log
from ledger.querying import Wanted, search
from operations.exporting import beancount, hledger, knowing, lines, parquet, prices, target
from operations.exporting.booking import Book
from operations.exporting.journal import Closing, Item
from operations.printing import plain

STYLES = MappingProxyType({"beancount": beancount.STYLE, "hledger": hledger.STYLE})


class Order(Struct, frozen=True, kw_only=True):
    """What is exported and how. raw_csv: cells as they are; rates, closes: prices in a journal; force: replace a file."""

    form: str
    wanted: Wanted
    raw_csv: bool = False
    rates: bool = True
    closes: bool = False
    force: bool = False


class Exported(Struct, kw_only=True):
    """What was written: events, or entries and prices of a journal; the bytes of the file."""

    format: str
    items: int
    bytes: int
    out: str | None = None
    left_out: dict[str, int] = msgspec.field(default_factory=dict)


def to_file(home: Path, order: Order, out: Path) -> Exported:
    """Write a file that is complete or not there; raises LedgerError when it is there already."""
    target.check(out, home, force=order.force)
    with open_log(home) as log, target.beside(out, force=order.force) as part:
        if order.form == "parquet":
            count = parquet.write(_events(log, order), part)
            done = Exported(format=order.form, items=count, bytes=0)
        else:
            with part.open("wb") as stream:
                done = _write(log, order, stream)
        done.out, done.bytes = str(out), part.stat().st_size
    return done


def to_stream(home: Path, order: Order, stream: BinaryIO) -> Exported:
    """Write to standard output, as it comes."""
    if order.form == "parquet":
        raise LedgerError("a Parquet file cannot be written as it comes", hint="Name a file with --out.")
    with open_log(home) as log:
        return _write(log, order, stream)


def _write(log: Log, order: Order, stream: BinaryIO) -> Exported:
    closing = Closing()
    count = size = 0
    for text, is_item in _texts(log, order, closing):
        size += stream.write((screened(text) if stream.isatty() else text).encode())
        count += is_item
    stream.flush()
    return Exported(format=order.form, items=count, bytes=size, left_out=closing.left_out)


def screened(text: str) -> str:
    """The text for a terminal, which must not act on what a legacy row holds."""
    return "\n".join(plain(line) for line in text.split("\n"))


def _texts(log: Log, order: Order, closing: Closing) -> Iterator[tuple[str, bool]]:
    """What is written, piece by piece, and whether it is an item or belongs to the frame."""
    if order.form in STYLES:
        style = STYLES[order.form]
        yield style.head, False
        for item in _items(log, order, closing):
            yield style.item(item), True
        yield style.closing(closing), False
    elif order.form == "csv":
        rows = lines.csv_rows(_events(log, order), raw=order.raw_csv)
        yield next(rows), False
        yield from _all_items(rows)
    else:
        yield from _all_items(lines.jsonl(_events(log, order)))


def _all_items(texts: Iterable[str]) -> Iterator[tuple[str, bool]]:
    return ((text, True) for text in texts)


def _events(log: Log, order: Order) -> Iterator[Stored]:
    """The events that are there now; what others append meanwhile belongs to the next export."""
    last = log.head().position
    return takewhile(lambda stored: stored.position <= last, search(log, order.wanted))


def _items(log: Log, order: Order, closing: Closing) -> Iterator[Item]:
    through = log.head().position
    book = Book(closing, knowing.known(log, order.wanted, through))
    for stored in newest(log, order.wanted, TRADES, SPLITS, CASH_FLOWS, DIVIDENDS, through=through):
        item = book.post(stored)
        if item is not None:
            yield item
    if order.rates:
        yield from prices.rates(log, order.wanted, through, closing)
    if order.closes:
        yield from prices.closes(log, order.wanted, through, closing)
