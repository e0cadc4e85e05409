"""Reading the next events of the log in another thread, while the rows of the ones before are being written."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from ledger.log import Log
from projections.plan import Batch, Plan


class Ahead:
    """Hands out batches one after the other. Only runs of one topic are read ahead: SQLite joins them in a single step, while
    fetching row by row would take the interpreter away from the writing thread again and again.
    """

    def __init__(self, plan: Plan, log: Log, *, through: int, limit: int) -> None:
        self._plan, self._log, self._through, self._limit = plan, log, through, limit
        self._thread = ThreadPoolExecutor(1)
        self._next: Future[Batch | None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown()

    def batch(self, after: int) -> Batch:
        """The events after a position, where the batch before ended."""
        found = self._next.result() if self._next is not None else None
        if found is None:
            found = self._plan.read(self._log, after=after, through=self._through, limit=self._limit)
        self._next = None
        if not found.complete and self._plan.is_alone(found):
            self._next = self._thread.submit(
                self._plan.read_joined, self._log, after=found.last, through=self._through, limit=self._limit
            )
        return found
