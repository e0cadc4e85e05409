"""`cli audit export`: the log, or a part of it, in one of five formats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

import msgspec
from msgspec import Struct

from domain.errors import LedgerError
from domain.secrets import Mask, Unmasked
from ledger.facts import CASH_FLOWS, DIVIDENDS, SPLITS, TRADES, newest
from ledger.log import Log, Stored, open_log
from ledger.querying import Wanted, search
from operations.exporting import beancount, bot, bot_prices, hledger, knowing, lines, parquet, prices, target
from operations.exporting.booking import Book
from operations.exporting.journal import Closing, Item
from operations.printing import plain
from operations.secrets import mask_of
from projections.catalog import systems_in

STYLES = MappingProxyType({"beancount": beancount.STYLE, "hledger": hledger.STYLE})


class Order(Struct, frozen=True, kw_only=True):
    """What is exported and how. raw_csv: cells as they are; rates, closes: prices in a journal; force: replace a file.

    reveal: secrets as they are, without which nobody can compute the hash of an event that holds one.
    """

    form: str
    wanted: Wanted
    raw_csv: bool = False
    rates: bool = True
    closes: bool = False
    force: bool = False
    reveal: bool = False


class Exported(Struct, kw_only=True):
    """What was written: events, or entries and prices of a journal; the bytes of the file; events with masked secrets."""

    format: str
    items: int
    bytes: int
    masked: int = 0
    out: str | None = None
    left_out: dict[str, int] = msgspec.field(default_factory=dict)


def to_file(home: Path, order: Order, out: Path) -> Exported:
    """Write a file that is complete or not there; raises LedgerError when it is there already."""
    target.check(out, home, force=order.force)
    secrets = Secrets(home, reveal=order.reveal)
    with open_log(home) as log, target.beside(out, force=order.force) as part:
        if order.form == "parquet":
            count = parquet.write(_events(log, order, secrets), part)
            done = Exported(format=order.form, items=count, bytes=0, masked=secrets.count)
        else:
            with part.open("wb") as stream:
                done = _write(log, order, stream, secrets)
        done.out, done.bytes = str(out), part.stat().st_size
    return done


def to_stream(home: Path, order: Order, stream: BinaryIO) -> Exported:
    """Write to standard output, as it comes."""
    if order.form == "parquet":
        raise LedgerError("a Parquet file cannot be written as it comes", hint="Name a file with --out.")
    secrets = Secrets(home, reveal=order.reveal)
    with open_log(home) as log:
        return _write(log, order, stream, secrets)


class Secrets:
    """Masks the events of an export, and counts those in which there was something to mask."""

    def __init__(self, home: Path, *, reveal: bool) -> None:
        self._home, self._reveal = home, reveal
        self.count = 0

    @cached_property
    def mask(self) -> Mask:
        """Looked up when the first event is written, after it was settled how far the export goes: no later secret is in it."""
        return Unmasked() if self._reveal else mask_of(self._home)

    def masked(self, events: Iterable[Stored]) -> Iterator[Stored]:
        """The events as they may be shown."""
        for stored in events:
            shown = self.mask.content(stored)
            self.count += shown != stored
            yield shown


def _write(log: Log, order: Order, stream: BinaryIO, secrets: Secrets) -> Exported:
    closing = Closing()
    count = size = 0
    for text, is_item in _texts(log, order, closing, secrets):
        size += stream.write((screened(text) if stream.isatty() else text).encode())
        count += is_item
    stream.flush()
    return Exported(format=order.form, items=count, bytes=size, masked=secrets.count, left_out=closing.left_out)


def screened(text: str) -> str:
    """The text for a terminal, which must not act on what a legacy row holds."""
    return "\n".join(plain(line) for line in text.split("\n"))


def _texts(log: Log, order: Order, closing: Closing, secrets: Secrets) -> Iterator[tuple[str, bool]]:
    """What is written, piece by piece, and whether it is an item or belongs to the frame."""
    if order.form in STYLES:
        style = STYLES[order.form]
        yield style.head(systems_in(log)), False
        for item in _items(log, order, closing):
            yield secrets.mask.printed(style.item(item)), True
        yield style.closing(closing), False
    elif order.form == "csv":
        rows = lines.csv_rows(_events(log, order, secrets), raw=order.raw_csv)
        yield next(rows), False
        yield from _all_items(rows)
    else:
        yield from _all_items(lines.jsonl(_events(log, order, secrets)))


def _all_items(texts: Iterable[str]) -> Iterator[tuple[str, bool]]:
    return ((text, True) for text in texts)


def _events(log: Log, order: Order, secrets: Secrets) -> Iterator[Stored]:
    """The events that are there now; what others append meanwhile belongs to the next export."""
    last = log.head().position
    return secrets.masked(takewhile(lambda stored: stored.position <= last, search(log, order.wanted)))


def _items(log: Log, order: Order, closing: Closing) -> Iterator[Item]:
    through = log.head().position
    book = Book(closing, knowing.known(log, order.wanted, through))
    for stored in newest(log, order.wanted, TRADES, SPLITS, CASH_FLOWS, DIVIDENDS, through=through):
        item = book.post(stored)
        if item is not None:
            yield item
    of_bot = bot.BotBook(closing)
    yield from of_bot.items(newest(log, order.wanted, bot.FILLS, bot.ROUND_TRIPS, through=through))
    for _ in newest(log, order.wanted, bot.OF_BACKTESTS, through=through):
        closing.leave_out(bot.OF_A_BACKTEST)
    if order.rates:
        yield from prices.rates(log, order.wanted, through, closing)
    if order.closes:
        yield from prices.closes(log, order.wanted, through, closing)
        yield from bot_prices.closes(log, order.wanted, through, closing, of_bot.symbols, bot.INR)
