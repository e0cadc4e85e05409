"""Appending in a thread of its own, so that one batch is hashed and written while the next is read and translated."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from ledger.log import Entry, Log


class Writer:
    """Appends batches in order, one at a time; an error of one surfaces with the next call, or at the end."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="append")
        self._last: Future[range] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.finish()
        finally:
            self._pool.shutdown()

    def append(self, batch: Sequence[Entry]) -> None:
        """Hand over a batch; waits for the one before, so that two batches are the most in memory."""
        self.finish()
        self._last = self._pool.submit(self._log.append, batch)

    def finish(self) -> None:
        """Wait until everything handed over is in the log."""
        if self._last is not None:
            last, self._last = self._last, None
            last.result()
