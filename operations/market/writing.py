"""Appending the blocks of a feed: one transaction at a time, which opens sessions and numbers ticks by what the log says."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from domain.errors import HomeBusy
from domain.event import decode, encode, topic_of
from domain.market import KEPT_STREAM, MarketRowKept, RolloverCompleted, SessionOpened, session_stream
from domain.moments import zone
from ledger.log import Log, open_log
from ledger.writing import Unwritten, Writing
from operations.market.blocks import Row, SeriesKey, blocks, moment_of, next_number
from operations.market.voiding import Void

_LOOK_S = 0.01


class Batch(NamedTuple):
    """Rows of one series, in the order in which they were received."""

    key: SeriesKey
    zone: str
    rows: Sequence[Row]


class Written(NamedTuple):
    """How many blocks were appended, and the newest position of the log afterwards."""

    blocks: int
    position: int


def open_for_writing(home: Path, *, wait_s: float, command: str, create: bool = False) -> Log:
    """Open the log for writing, waiting while another process writes; raises HomeBusy, which names it, after `wait_s`."""
    until = time.monotonic() + wait_s
    while True:
        try:
            return open_log(home, create=create, write=True, command=command)
        except HomeBusy:
            if time.monotonic() >= until:
                raise
            time.sleep(_LOOK_S)


class BlockWriter:
    """Appends batches. What it knows of streams counts as long as nobody else has appended."""

    def __init__(self, home: Path, *, wait_s: float, command: str) -> None:
        self._home, self._wait_s, self._command = home, wait_s, command
        self._position = -1
        self._versions: dict[str, int] = {}
        self._numbers: dict[str, int] = {}
        self._open: set[str] = set()

    def write(
        self, batches: Sequence[Batch], kept: Sequence[MarketRowKept], told: Callable[[Written], None]
    ) -> None:  # fmt: skip
        """Append all of it in one transaction. told: called as soon as it is on the disk, before anything else can go wrong."""
        self._append(batches, kept, lambda _: [*self._opened(batches), *self._blocks(batches), *self._kept(kept)], told)

    def void(self, what: Void) -> Written:
        """Append that rows are taken back; on the disk when this returns. Raises BadRow when they are not there."""
        stream = what.key.stream

        def made(writing: Writing) -> list[Unwritten]:
            first, event = what.event(decode(one.topic, one.state) for one in writing.history(stream))
            opened = self._opened([Batch(what.key, what.zone, [(first,)])])
            return [*opened, self._unwritten(stream, topic_of(type(event)), encode(event))]

        return self._append([Batch(what.key, what.zone, [])], (), made, lambda _: None)

    def _append(
        self, batches: Sequence[Batch], kept: Sequence[MarketRowKept], make: Callable[[Writing], list[Unwritten]],
        told: Callable[[Written], None],
    ) -> Written:  # fmt: skip
        with open_for_writing(self._home, wait_s=self._wait_s, command=self._command, create=True) as log:
            try:
                with log.writing() as writing:
                    if writing.position != self._position:
                        self._forget()
                    self._learn(writing, batches, kept)
                    made = make(writing)
                    writing.append(made)
                    self._position = writing.position
            except BaseException:
                self._position = -1  # what was counted on was undone
                raise
            # Before the log is closed: whatever interrupts that, nobody shall write it again.
            written = Written(len(made), self._position)
            told(written)
            return written

    def _forget(self) -> None:
        self._versions, self._numbers, self._open = {}, {}, set()

    def _learn(self, writing: Writing, batches: Sequence[Batch], kept: Sequence[MarketRowKept]) -> None:
        """Look up the streams that are met for the first time."""
        sessions = {session_stream(one.key.exchange, one.key.session) for one in batches}
        ticks = {one.key.stream for one in batches if not one.key.timeframe}
        wanted = {one.key.stream for one in batches} | sessions | ({KEPT_STREAM} if kept else set())
        unknown = sorted(wanted - self._versions.keys())
        self._versions |= dict.fromkeys(unknown, 0)
        for found in writing.newest(unknown):
            self._versions[found.stream] = found.version
        for name in unknown:
            if name in ticks:
                told = writing.history(name) if self._versions[name] else []
                self._numbers[name] = next_number([one.state for one in told if one.topic.startswith("ticks-recorded")])
            elif name in sessions and self._versions[name]:
                self._open |= {name} if _is_open([one.topic for one in writing.history(name)]) else set()

    def _opened(self, batches: Sequence[Batch]) -> list[Unwritten]:
        """The sessions that begin to be recorded live with these rows."""
        made = []
        for one in batches:
            name = session_stream(one.key.exchange, one.key.session)
            if name not in self._open:
                self._open.add(name)
                first = moment_of(one.key.session, zone(one.zone), int(min(row[0] or 0 for row in one.rows)))
                event = SessionOpened(
                    exchange=one.key.exchange, session=one.key.session, zone=one.zone, occurred_at=first
                )
                made.append(self._unwritten(name, topic_of(type(event)), encode(event)))
        return made

    def _blocks(self, batches: Sequence[Batch]) -> list[Unwritten]:
        made: list[Unwritten] = []
        for one in batches:
            number = self._numbers.get(one.key.stream, 0)
            made += [self._unwritten(*block) for block in blocks(one.key, zone(one.zone), one.rows, number)]
            if not one.key.timeframe:
                self._numbers[one.key.stream] = number + len(one.rows)
        return made

    def _kept(self, kept: Sequence[MarketRowKept]) -> list[Unwritten]:
        return [self._unwritten(KEPT_STREAM, topic_of(type(one)), encode(one)) for one in kept]

    def _unwritten(self, stream: str, topic: str, state: bytes) -> Unwritten:
        version = self._versions[stream] = self._versions[stream] + 1
        return Unwritten(stream, version, topic, state)


def _is_open(topics: Sequence[str]) -> bool:
    """Whether a session is being recorded, from its steps."""
    steps = [topic for topic in topics if topic in (_OPENED, _COMPLETED)]
    return bool(steps) and steps[-1] == _OPENED


_OPENED, _COMPLETED = topic_of(SessionOpened), topic_of(RolloverCompleted)
