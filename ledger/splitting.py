"""Finds the stretches of a log that are broken, on all cores: each stretch needs only the hash before it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Self

from ledger.linking import Links, Read

# Measured: the seconds that one event costs, those of one byte, and those after which another core pays.
_PER_EVENT, _PER_BYTE = 2.5e-6, 0.7e-9
_READ_PER_EVENT, _READ_PER_BYTE = 1.8e-6, 2.5e-9
_PAYS_AFTER, _READING_PAYS_AFTER = 0.06, 0.2
# Hashing lets go of Python's lock for texts of this size, and then a thread does what a process would.
_LARGE = 4096
_STRETCHES_EACH, _STRETCH_MAX = 12, 20_000
_CORES_MAX = 8

Stretch = tuple[int, int]
"""The first and the last position."""

# Started by a command line of its own, not by multiprocessing: that would run the caller's main program once more.
_CHILD = "import sys; sys.path[:] = sys.argv[3:]; from ledger.link_worker import main; main(*sys.argv[1:3])"


def broken(uri: str, last: int, size: int, *, topics: Collection[str], read: Read | None) -> list[Stretch]:
    """The stretches of positions 1 to `last` in which something is wrong, in order, those that touch as one.

    size: the bytes of the file, by which is judged what pays. read: what is also asked about each event, see `Links`.
    """
    links = Links(uri, topics, read)
    helpers = _helpers(last, size, reading=read is not None)
    stretches: SimpleQueue[Stretch] = SimpleQueue()
    for stretch in _stretches(last, helpers + 1):
        stretches.put(stretch)
    found: list[Stretch] = []

    def work(unbroken: Callable[[int, int], bool]) -> None:
        with suppress(Empty):
            while True:
                stretch = stretches.get_nowait()
                try:
                    sound = unbroken(*stretch)
                except OSError:  # a process that was killed: the others do the rest
                    found.append(stretch)
                    return
                if not sound:
                    found.append(stretch)

    with ExitStack() as stack:
        judges: list[Callable[[int, int], bool]] = []
        for _ in range(helpers):
            if read is None and size > last * _LARGE:
                judges.append(links.unbroken)
                continue
            with suppress(OSError):  # where no process can begin, this one does all
                judges.append(stack.enter_context(_Process(uri, topics, read)).unbroken)
        threads = stack.enter_context(ThreadPoolExecutor(max(helpers, 1)))
        try:
            working = [threads.submit(work, judge) for judge in judges]
            work(links.unbroken)
            for one in working:
                one.result()  # what went wrong there went wrong here: no stretch is taken for sound unseen
        finally:
            with suppress(Empty):
                while True:
                    stretches.get_nowait()
    return list(_joined(sorted(found)))


class _Process:
    """Another process that judges stretches; it ends with its input."""

    def __init__(self, uri: str, topics: Collection[str], read: Read | None) -> None:
        command = [sys.executable, "-c", _CHILD, uri, str(int(read is not None)), *sys.path]
        # Both the program and its arguments are our own.
        # What it says when it fails, or is interrupted with this one, is of no use: its stretch is looked at closely here.
        self._process = subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._topics = list(topics)

    def unbroken(self, first: int, last: int) -> bool:
        """Raise OSError when the process has ended."""
        asked = f"{first} {last}\n"
        if self._topics:
            asked = f"{' '.join(self._topics)}\n{asked}"
            self._topics = []
        said, heard = self._process.stdin, self._process.stdout
        assert said is not None
        assert heard is not None
        said.write(asked.encode())
        said.flush()
        answer = heard.readline()
        if not answer:
            raise ChildProcessError("the process that checks a part of the log has ended")
        return answer == b"1\n"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):  # it may have ended before it had read all
            self._process.communicate()


def _helpers(events: int, size: int, *, reading: bool) -> int:
    """How many cores to use beside this one: as many as there are, where they save more than they cost."""
    seconds = events * _PER_EVENT + size * _PER_BYTE
    if reading:
        seconds += events * _READ_PER_EVENT + size * _READ_PER_BYTE
    pays = seconds > (_READING_PAYS_AFTER if reading else _PAYS_AFTER)
    return min(os.cpu_count() or 1, _CORES_MAX) - 1 if pays else 0


def _stretches(last: int, workers: int) -> Iterator[Stretch]:
    """Small enough that no worker waits long for the last one, large enough that asking costs nothing."""
    count = max(min(last // (workers * _STRETCHES_EACH), _STRETCH_MAX), 1)
    for first in range(1, last + 1, count):
        yield first, min(first + count - 1, last)


def _joined(stretches: Iterable[Stretch]) -> Iterator[Stretch]:
    before: Stretch | None = None
    for stretch in stretches:
        if before is not None and stretch[0] == before[1] + 1:
            before = (before[0], stretch[1])
            continue
        if before is not None:
            yield before
        before = stretch
    if before is not None:
        yield before
