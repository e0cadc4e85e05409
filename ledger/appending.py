"""Appending in a process of its own, so that one batch is hashed and written while the next is being made.

The process that started us holds the writer's lock; its file descriptor is inherited, so that the lock is held while either
of the two lives. Batches go through a pipe, each whole or not at all: when the starter is killed, the pipe ends, what it had
not sent whole is dropped, and this process ends. When this process is killed, SQLite undoes the append it was at, and the
starter says so with a StoreError.
"""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import msgspec

from domain import errors
from domain.errors import LedgerError, StoreError
from ledger.lock import WriterLock
from ledger.log import Entry, Log, open_shared

# The modules are found where the starter found them, wherever it was started.
_PROGRAM = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from ledger import appending; appending.main()"
_END = b""


class _Order(NamedTuple):
    """What the new process is told: the file, and the descriptors that it inherits."""

    path: str
    page_max: int | None
    lock: int
    batches: int
    answers: int


class _Refusal(NamedTuple):
    """A LedgerError on its way from one process to the other."""

    kind: str
    message: str
    hint: str


_encode = msgspec.msgpack.Encoder().encode
_entries = msgspec.msgpack.Decoder(list[Entry]).decode
_refusal = msgspec.msgpack.Decoder(_Refusal | None).decode


class Appender:
    """Appends to a log that this process has open for writing. Between `with` and its end nobody else may append to it.

    An error of one batch surfaces with a later one, or at the end; nothing is appended after it.
    """

    def __init__(self, log: Log) -> None:
        self._path = log.path
        batches, self._batches = Pipe(duplex=False)
        self._answers, answers = Pipe(duplex=False)
        with batches, answers:
            assert isinstance(log.lock, WriterLock), "this log was opened for reading"
            order = _Order(str(log.path), log.page_max, log.lock.fileno(), batches.fileno(), answers.fileno())
            arguments = [msgspec.json.encode(part).decode() for part in (sys.path, order)]
            # A session of its own: Ctrl-C is for the starter, which then waits for the batch that is being appended.
            self._process = subprocess.Popen(  # noqa: S603  our own program
                [sys.executable, "-c", _PROGRAM, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(order.lock, order.batches, order.answers),
                start_new_session=True,
            )

    @property
    def process_id(self) -> int:
        """Of the process that appends."""
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._process, self._answers:
            try:
                if error is None:
                    self._send(_END)
            finally:
                # Without an end the other process drops what it has not begun to append.
                self._batches.close()
            if error is None:
                self._raise_refusal()

    def append(self, entries: Sequence[Entry]) -> None:
        """Hand over a batch; returns when the other process has taken it, which it does when the one before is appended."""
        self._send(_encode(entries))

    def _send(self, message: bytes) -> None:
        try:
            self._batches.send_bytes(message)
        except BrokenPipeError:
            self._raise_refusal()

    def _raise_refusal(self) -> None:
        """Raise what the other process refused with, or that it is gone; return when it has appended everything."""
        try:
            refusal = _refusal(self._answers.recv_bytes())
        except EOFError as error:
            raise StoreError(
                f"{self._path}: the process that appends ended with code {self._process.wait()} before it was done",
                hint="What it had appended whole is kept. Run the same command again: it goes on from there.",
            ) from error
        if refusal is not None:
            raise _error_of(refusal)


def _error_of(refusal: _Refusal) -> LedgerError:
    kind: type[LedgerError] = getattr(errors, refusal.kind)
    return kind(refusal.message, hint=refusal.hint)


def main() -> None:
    """What the new process runs."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()
    order = msgspec.json.decode(sys.argv[2], type=_Order)
    batches, answers = Connection(order.batches, writable=False), Connection(order.answers, readable=False)
    refusal = None
    try:
        with open_shared(Path(order.path), order.lock, page_max=order.page_max) as log:
            for entries in _received(batches):
                log.append(entries)
    except LedgerError as error:
        refusal = _Refusal(type(error).__name__, error.message, error.hint)
    with suppress(BrokenPipeError):
        answers.send_bytes(_encode(refusal))


def _received(batches: Connection) -> Iterator[list[Entry]]:
    """The batches up to the end that the starter sends; ends the process when there is none, for the starter is gone."""
    while True:
        try:
            message = batches.recv_bytes()
        except (EOFError, OSError):
            sys.exit(1)
        if message == _END:
            return
        yield _entries(message)
