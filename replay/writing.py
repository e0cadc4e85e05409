"""Who appends the batches of a run: this process, or one of its own where there are many rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from ledger.appending import Appender
from ledger.log import Entry, Log

Append = Callable[[Sequence[Entry]], object]


@contextmanager
def writing(log: Log, *, apart: bool) -> Iterator[Append]:
    """Appends batches in order. apart: in a process of its own, where an error surfaces with a later batch or at the end."""
    if not apart:
        yield log.append
        return
    with Appender(log) as appender:
        yield appender.append
