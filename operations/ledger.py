"""`Ledger`: what a trading program opens to record new entries."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from threading import Event as Flag
from types import TracebackType
from typing import Any, Self

from msgspec import Struct

from domain.entries.base import Clock, Entry
from domain.entries.catalog import read_fields
from domain.entries.refusal import Refused
from domain.errors import HomeBusy
from domain.event import Event
from domain.moments import Instant, instant
from ledger.log import Log, Stored, open_log
from operations.entering.session import RECORDED, Place, Session, Taken
from operations.entering.shares import Shares
from operations.home import check_has_its_ledger, check_no_strangers
from operations.keeping_up import subscription
from operations.secrets import names_of
from projections import catalog

__all__ = ["Ledger", "Place", "Recorded", "Taken"]

BATCH = 1_000
_LOOK_S = 0.05
_DAY_LENGTH = len("2025-12-28")


class Recorded(Struct):
    """What became of the entries of one call.

    entries: one for each, in their order, with the places in the log where it was recorded. position: the newest position of
    the log afterwards, which read models must reach to show all of it.
    """

    entries: list[Taken]
    position: int

    @property
    def status(self) -> str:
        """`recorded`, or `already there` when the log said all of it before."""
        return RECORDED if any(one.status == RECORDED for one in self.entries) else "already there"

    @property
    def positions(self) -> list[int]:
        """Where in the log, each position once."""
        return sorted({place.position for one in self.entries for place in one.places})


class Counted(Struct):
    """How many entries of many were recorded, and how many the log said before; position: of the log afterwards."""

    recorded: int = 0
    already_there: int = 0
    position: int = 0


class Undone(Exception):
    """Ends a transaction of which nothing is to be kept."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Ledger:
    """An open ledger that takes new entries; a context manager.

        with Ledger.open(Path("data")) as ledger:
            done = ledger.record({"entry": "trade", "symbol": "AAPL.US", "side": "BUY", "quantity": "3",
                                  "price": "190.12", "currency": "USD", "order_id": "A-1"})
            print(done.status, done.positions)

    An entry is a mapping as above, with the fields that `cli schema trade` shows, or a struct of domain.entries. When
    `record` returns, the entry is on the disk. The same entry again is no error: its status says `already there`. An entry
    that breaks a rule raises Refused, with the name of the rule, and nothing is recorded.

    One program at a time may have a ledger open for recording: open it for as long as you record, and close it. Reading, and
    bringing read models up to date, is possible meanwhile. A ledger belongs to one thread.
    """

    def __init__(self, log: Log, home: Path, clock: Callable[[], datetime] = _utc_now) -> None:
        self._log, self._home, self._clock = log, home, clock
        self._shares: Shares | None = None

    @classmethod
    def open(
        cls,
        home: Path | str,
        *,
        create: bool = False,
        wait_s: float = 0,
        command: str = "",
        clock: Callable[[], datetime] = _utc_now,
    ) -> Ledger:
        """Open the ledger of a home for recording.

        create: make the home when it is not there. wait_s: how long to wait while another program records; then, or at once
        without it, HomeBusy names that program. command: what others are told is recording. Raises HomeError when there is no
        ledger, or when the folder is not a home.
        """
        folder = Path(home)
        check_has_its_ledger(folder)
        check_no_strangers(folder, [one.name for one in catalog.projectors()])
        until = time.monotonic() + wait_s
        while True:
            try:
                return cls(open_log(folder, create=create, write=True, command=command), folder, clock)
            except HomeBusy:
                if time.monotonic() >= until:
                    raise
                time.sleep(_LOOK_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @staticmethod
    def subscribe(
        home: Path | str,
        *,
        after: int = 0,
        types: Collection[str | type[Event]] | None = None,
        stop: Flag | None = None,
    ) -> AbstractContextManager[Iterator[Stored]]:
        """Every event of a home after position `after`, and then each new one; whoever records, in whatever process.

            with Ledger.subscribe(Path("data"), after=seen, types=["trade-executed"]) as events:
                for event in events:
                    print(event.position, event.state)

        Reads only, so it keeps nobody from recording. It waits for the next event until `stop` is set. Whoever keeps the
        position of the last event that was dealt with, and begins again after it, sees each event exactly once. types: names
        without a version, or classes of events; all when left out.
        """
        return subscription(Path(home), after=after, types=types, stop=stop)

    def close(self) -> None:
        """Close the ledger, and let the next one record."""
        self._forget()
        self._log.close()

    @property
    def position(self) -> int:
        """The newest position of the log."""
        return self._log.head().position

    # Any: the values of an entry's fields.
    def record(
        self,
        entries: Entry | Mapping[str, Any] | Sequence[Entry | Mapping[str, Any]],
        *,
        allow_short: bool = False,
        dry_run: bool = False,
    ) -> Recorded:
        """Record one entry or several: all of them or none, in one transaction that is on the disk when this returns.

        Later entries may build on earlier ones. allow_short: shares that are not held may be sold; the trade is then marked
        as short. dry_run: judge them, and record nothing. Raises Refused (its `rule` names the rule) when one breaks a rule,
        and Conflict, a kind of Refused, when its id or key was recorded with other content.
        """
        given = [entries] if isinstance(entries, Entry | Mapping) else entries
        read = [one if isinstance(one, Entry) else read_fields(dict(one)) for one in given]
        taken: list[Taken] = []
        position = 0
        try:
            with self.session(allow_short=allow_short) as session:
                session.prepare(read)
                for number, entry in enumerate(read, start=1):
                    taken.append(_taken(session, entry, f"entry {number}" if len(read) > 1 else ""))
                session.finish()
                position = session.position
                undo(when=dry_run)
        except Undone:
            position = self.position
        return Recorded(taken, position)

    def record_many(
        self, entries: Iterable[Entry | Mapping[str, Any]], *, allow_short: bool = False, batch: int = BATCH
    ) -> Iterator[Recorded]:
        """Record any number of entries, `batch` of them in a transaction; each is on the disk when its batch is yielded.

        One that breaks a rule raises Refused: the batches before it are kept, its own is not. Entries come from an iterator, so
        memory does not grow with their number; started again from the first, those that were recorded are `already there`.
        """
        coming = iter(entries)
        while some := list(islice(coming, batch)):
            yield self.record(some, allow_short=allow_short)

    @contextmanager
    def session(self, *, allow_short: bool = False) -> Iterator[Session]:
        """One transaction; an exception undoes all of it."""
        now = instant(self._clock())
        clock = Clock(now, _a_day_later(now))
        if self._shares is None:
            self._shares = Shares(self._log, self._home)
        try:
            with self._log.writing() as writing:
                names = partial(names_of, self._home)
                yield Session(writing, self._shares, clock, allow_short=allow_short, names=names)
        except BaseException:
            self._forget()  # it may have counted trades that were undone
            raise

    def _forget(self) -> None:
        if self._shares is not None:
            self._shares.close()
            self._shares = None


def _a_day_later(moment: Instant) -> Instant:
    return _next_day(moment[:_DAY_LENGTH]) + moment[_DAY_LENGTH:]


@lru_cache(maxsize=2)
def _next_day(day: str) -> str:
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


def undo(*, when: bool) -> None:
    """End the transaction, keeping nothing."""
    if when:
        raise Undone


def _taken(session: Session, entry: Entry, place: str) -> Taken:
    try:
        return session.take(entry)
    except Refused as error:
        raise error.at(place) from None
