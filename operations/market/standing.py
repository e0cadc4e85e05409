"""Where the sessions stand: which are open, which are put away, which were amended since they were sealed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from domain.event import Event, decode
from domain.market import RolloverCompleted, RolloverStarted, session_stream
from domain.moments import zone
from ledger.log import Log
from projections.profiles import open_reading

_SESSIONS = """
SELECT exchange, session, zone, is_open, last_position,
    (SELECT count(*) FROM partitions AS one WHERE one.exchange = sessions.exchange AND one.session = sessions.session
        AND sealed_through IS NOT NULL),
    (SELECT count(*) FROM partitions AS one WHERE one.exchange = sessions.exchange AND one.session = sessions.session
        AND coalesce(sealed_through, 0) < last_position)
FROM sessions ORDER BY session, exchange
"""


SESSION_ENDS: Final = {"mcx": time(23, 55)}
SESSION_END: Final = time(15, 30)
_DUE_AFTER = timedelta(minutes=30)


class Session(NamedTuple):
    """A session of an exchange. last_position: its newest event. sealed, amended: how many of its day files are sealed, and how
    many show more than was sealed, or were never sealed.
    """

    exchange: str
    session: str
    zone: str
    is_open: bool
    last_position: int
    sealed: int
    amended: int


def sessions(index: Path) -> list[Session]:
    """All sessions that the index knows, oldest first."""
    with closing(open_reading(index)) as db:
        return [msgspec.convert(row, Session, strict=False) for row in db.execute(_SESSIONS)]


def due(index: Path, now: datetime) -> list[Session]:
    """Sessions that ended half an hour ago or more and have rows that are not sealed, oldest first."""
    return [one for one in sessions(index) if (one.is_open or one.amended) and _end(one) + _DUE_AFTER < now]


def _end(one: Session) -> datetime:
    clock = SESSION_ENDS.get(one.exchange, SESSION_END)
    return datetime.combine(date.fromisoformat(one.session), clock, zone(one.zone))


def command_for(some: Sequence[Session]) -> str:
    """The command that puts these sessions away. Those that no feed recorded must be asked for."""
    unasked = {one.exchange for one in some if not (one.is_open or one.sealed)}
    commands = [f"cli rollover --exchange {name}" for name in sorted(unasked)]
    if any(one.exchange not in unasked for one in some):
        commands.insert(0, "cli rollover")
    return ", then ".join(commands)


def begun(log: Log, exchange: str, session: str) -> Sequence[Event]:
    """The steps of a rollover of the session that was begun and not completed, its beginning first; none when there is none."""
    steps = [decode(one.topic, one.state) for one in log.stream(session_stream(exchange, session))]
    starts = [place for place, step in enumerate(steps) if isinstance(step, RolloverStarted)]
    if not starts or any(isinstance(step, RolloverCompleted) for step in steps[starts[-1] :]):
        return []
    return steps[starts[-1] :]
