"""Putting a session away: promote, verify, seal, and only then reset the live buffer, in steps that are events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from msgspec import Struct, field

from domain.errors import LedgerError, StoreError
from domain.event import Event, encode, topic_of
from domain.market import (
    BarsPromoted,
    BufferReset,
    RolloverCompleted,
    RolloverStarted,
    SessionSealed,
    TicksPromoted,
    session_stream,
)
from domain.moments import is_date
from ledger.durable import sync
from ledger.log import Entry, Log
from operations.home import check_has_its_ledger
from operations.market.comparing import missing_from
from operations.market.standing import Session, begun, sessions
from operations.market.writing import open_for_writing
from projections import catalog
from projections.engine import catch_up, model_path
from projections.market_files import FILES
from projections.partition_proof import proven
from projections.partitioned import Made, Partition, partitions

MARKET: Final = "trading-bot/market-data"
LIVE: Final = "trading-bot/live-buffer"

Step = Callable[[str], None]
"""Told before each step, so that a test may end the process there."""


class Rolled(Struct, kw_only=True):
    """A session that was put away. through: the newest event it was put away with. rows: by `ticks` and `candles/…`.

    resumed: an earlier rollover of it was begun and had not come to its end.
    """

    exchange: str
    session: str
    through: int
    resumed: bool
    rows: dict[str, int]


class Rollover(Struct, kw_only=True):
    """What `cli rollover` did. known: how many sessions the home has that were looked at and had nothing new to put away."""

    put_away: list[Rolled] = field(default_factory=list)
    known: int = 0


def _silent(_: str) -> None:
    pass


def roll_over(
    home: Path, *, session: str | None = None, exchange: str | None = None, wait_s: float = 0, step: Step = _silent
) -> Rollover:
    """Put sessions away: those that a feed has recorded, and those that were amended since they were sealed; with a date or an
    exchange, of that only, and then also those that no feed recorded.

    Killed at any moment and run again, it goes on where it was; run again when it is done, it does nothing. Raises HomeBusy
    when another process writes, StoreError when a day file does not hold what the live buffer holds: then nothing was reset.
    """
    if session is not None and not is_date(session):
        raise LedgerError(f"{session!r} is not a date", hint="Use a date such as 2026-11-20.")
    check_has_its_ledger(home)
    done = Rollover()
    with open_for_writing(home, wait_s=wait_s, command="cli rollover") as log:
        bring(log, home, step)
        for one in sessions(model_path(home, MARKET)):
            if session in (None, one.session) and exchange in (None, one.exchange):
                steps = begun(log, one.exchange, one.session)
                if one.is_open or steps or (one.amended and (one.sealed or session or exchange)):
                    done.put_away.append(_Rolling(log, home, one, step).run(steps))
                else:
                    done.known += 1
    return done


def bring(log: Log, home: Path, step: Step) -> None:
    """Bring the day files and the live buffer to the head of the log."""
    for name in (MARKET, LIVE):
        step(f"bring {name}")
        catch_up(catalog.find(name), log, model_path(home, name))


class _Rolling:
    """One session on its way. Each step is done when its event is in the log, and is not done again."""

    def __init__(self, log: Log, home: Path, session: Session, step: Step) -> None:
        self._log, self._home, self._session, self._step = log, home, session, step
        self._index = model_path(home, MARKET)

    def run(self, steps: Sequence[Event]) -> Rolled:
        """Do all steps that have not been done. steps: those of a rollover that was begun."""
        mine = (self._session.exchange, self._session.session)
        start = steps[0] if steps else None
        # Rows of a session that no feed recorded go into its file at once, so the file may know more than was begun with.
        if not isinstance(start, RolloverStarted) or any(one.last_position > start.through for one in self._files()):
            start, steps = RolloverStarted(exchange=mine[0], session=mine[1], through=self._session.last_position), []
            self._append(start)
            bring(self._log, self._home, self._step)
        through = start.through
        made = self._promote(through, steps)
        if not any(isinstance(one, SessionSealed) for one in steps):
            rows = {name: one.rows for name, one in made.items()}
            digests = {name: one.digest for name, one in made.items()}
            self._append(SessionSealed(exchange=mine[0], session=mine[1], through=through, rows=rows, digests=digests))
            bring(self._log, self._home, self._step)
        if not any(isinstance(one, BufferReset) for one in steps):
            self._keep_index()
            self._append(BufferReset(exchange=mine[0], session=mine[1], through=through))
        bring(self._log, self._home, self._step)
        self._append(RolloverCompleted(exchange=mine[0], session=mine[1], through=through))
        bring(self._log, self._home, self._step)
        rows = {name: one.rows for name, one in made.items()}
        return Rolled(exchange=mine[0], session=mine[1], through=through, resumed=bool(steps), rows=rows)

    def _promote(self, through: int, steps: Sequence[Event]) -> dict[str, Made]:
        """Read every day file back, and compare it with the live buffer; what was found is recorded, file by file."""
        told = {one.timeframe if isinstance(one, BarsPromoted) else "" for one in steps if isinstance(one, _PROMOTED)}
        files = self._files()
        self._step("verify")
        found = proven(FILES, self._index, files)
        for one in files:
            missing = missing_from(self._index.parent / one.path, one, model_path(self._home, LIVE), through)
            if missing:
                raise StoreError(
                    f"{one.path}: {missing:,} rows of the live buffer are not in the day file",
                    hint="Nothing was reset. Run: cli verify projections --repair",
                )
            if one.timeframe not in told:
                self._append(_promoted(one, through, found[one.path]))
        return {_name(one): found[one.path] for one in files}

    def _files(self) -> list[Partition]:
        mine = (self._session.exchange, self._session.session)
        return [one for one in partitions(self._index) if (one.exchange, one.session) == mine]

    def _keep_index(self) -> None:
        """Have the index on the disk before the buffer lets go of its rows: while somebody reads the index, SQLite puts that
        off, and a power cut could keep the reset without it.
        """
        waiting = self._index.with_name(f"{self._index.name}-wal")
        # The last who closes the index has it on the disk, and then takes this file along.
        with suppress(FileNotFoundError):
            sync(waiting)
            sync(waiting.parent)

    def _append(self, event: Event) -> None:
        self._step(f"append {type(event).__name__}")
        name = session_stream(self._session.exchange, self._session.session)
        self._log.append([Entry(name, topic_of(type(event)), encode(event))])
        self._step(f"appended {type(event).__name__}")


_PROMOTED = (TicksPromoted, BarsPromoted)


def _name(partition: Partition) -> str:
    return "ticks" if partition.kind == "ticks" else f"candles/{partition.timeframe}"


def _promoted(one: Partition, through: int, made: Made) -> Event:
    if one.kind == "ticks":
        return TicksPromoted(
            exchange=one.exchange, session=one.session, through=through, rows=made.rows, digest=made.digest
        )
    return BarsPromoted(
        exchange=one.exchange, session=one.session, timeframe=one.timeframe, through=through, rows=made.rows,
        digest=made.digest,
    )  # fmt: skip
