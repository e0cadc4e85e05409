"""market_data/: day files of candles and ticks, and the index of the events that each of them is derived from."""

from __future__ import annotations

import re
from collections.abc import Sequence

import apsw

from domain.event import Event
from domain.market import (
    BarsRecorded,
    BarsVoided,
    MarketRowKept,
    RolloverCompleted,
    RolloverStarted,
    SessionArchived,
    SessionOpened,
    SessionSealed,
    TicksRecorded,
    TicksVoided,
)
from domain.moments import zone as check_zone
from domain.systems import TRADING_BOT
from projections.market_files import ARCHIVED, FILES
from projections.projector import Fact, LaneTable, Projector

projector = Projector(
    name="trading-bot/market-data",
    version=1,
    system=TRADING_BOT,
    file="market_data/index.db",
    files=FILES,
    batch_max=1_000,  # a block is as large as some hundred other events
)

_SESSION = "SELECT is_open FROM sessions WHERE exchange = ? AND session = ?"
_MEET = """
INSERT INTO sessions (exchange, session, zone, is_open, through, last_position) VALUES (?, ?, ?, 0, 0, ?)
ON CONFLICT DO UPDATE SET last_position = excluded.last_position
"""
_OPEN = """
INSERT INTO sessions (exchange, session, zone, is_open, through, last_position) VALUES (?, ?, ?, 1, 0, ?)
ON CONFLICT DO UPDATE SET is_open = 1, last_position = excluded.last_position
"""
_THROUGH = "UPDATE sessions SET through = max(through, ?) WHERE exchange = ? AND session = ?"
_CLOSE = "UPDATE sessions SET is_open = 0 WHERE exchange = ? AND session = ? AND last_position <= ?"
_PARTITION = "SELECT id FROM partitions WHERE exchange = ? AND session = ? AND kind = ? AND timeframe = ?"
_NEW = """
INSERT INTO partitions (path, exchange, session, kind, timeframe, zone, events, last_position)
VALUES (?, ?, ?, ?, ?, ?, 0, 0) RETURNING id
"""
_EVENT = "INSERT INTO partition_events (partition, position, is_held) VALUES (?, ?, ?)"
_SHOW = "UPDATE partitions SET events = events + 1, last_position = ? WHERE id = ?"
_RELEASE = """
UPDATE partition_events SET is_held = 0
WHERE position <= ?3 AND is_held AND partition IN (SELECT id FROM partitions WHERE exchange = ?1 AND session = ?2)
"""
_RECOUNT = """
UPDATE partitions SET
    events = (SELECT count(*) FROM partition_events WHERE partition = id AND NOT is_held),
    last_position = (SELECT coalesce(max(position), 0) FROM partition_events WHERE partition = id AND NOT is_held)
WHERE exchange = ? AND session = ?
"""
_SEAL = """
UPDATE partitions SET sealed_through = ?, sealed_rows = ?, sealed_digest = ?
WHERE exchange = ? AND session = ? AND kind = ? AND timeframe = ?
"""
_ARCHIVE = "UPDATE partitions SET path = ? WHERE exchange = ? AND session = ? AND kind = ? AND timeframe = ?"
_KEEP = "INSERT INTO kept_rows (position, kind, row, reason) VALUES (?, ?, ?, ?)"

_UNSAFE = re.compile(r"[^a-z0-9A-Z_-]")
_Rows = BarsRecorded | TicksRecorded | BarsVoided | TicksVoided


def partition_path(
    exchange: str, session: str, timeframe: str | None = None, *, suffix: str = FILES.suffixes[0]
) -> str:  # fmt: skip
    """Where the ticks of a session, or its candles of a timeframe, lie in market_data/. No name leads out of it."""
    kind = ("ticks",) if timeframe is None else ("candles", timeframe)
    return "/".join(map(_safe, (exchange, *kind, session))) + suffix


def _safe(name: str) -> str:
    """A name as one part of a path: whatever is not plain is written as its bytes."""
    return _UNSAFE.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), name) or "%"


@projector.lane(
    BarsRecorded, TicksRecorded, BarsVoided, TicksVoided, SessionOpened, RolloverStarted, SessionSealed, RolloverCompleted,
    SessionArchived,
    tables=tuple(LaneTable(name) for name in ("sessions", "partitions", "partition_events")),
)  # fmt: skip
def day_files(db: apsw.Connection, facts: Sequence[Fact]) -> None:
    for position, event in facts:
        if isinstance(event, _Rows):
            _rows(db, position, event)
        else:
            _step(db, position, event)


@projector.lane(MarketRowKept, tables=(LaneTable("kept_rows"),))
def market_row_kept(db: apsw.Connection, facts: Sequence[Fact]) -> None:
    for position, row in facts:
        assert isinstance(row, MarketRowKept)
        db.execute(_KEEP, (position, row.kind, row.row, row.reason))


def _rows(db: apsw.Connection, position: int, rows: _Rows) -> None:
    session = (rows.exchange, rows.session)
    check_zone(rows.zone)  # its clocks are needed wherever times are compared
    db.execute(_MEET, (*session, rows.zone, position))
    is_open: int = db.execute(_SESSION, session).get
    timeframe = rows.timeframe if isinstance(rows, BarsRecorded | BarsVoided) else None
    key = (*session, *_kind(timeframe))
    found = db.execute(_PARTITION, key).fetchone()
    if found is None:
        found = db.execute(_NEW, (partition_path(*session, timeframe), *key, rows.zone)).fetchone()
        assert found is not None
    db.execute(_EVENT, (found[0], position, is_open))
    if not is_open:
        db.execute(_SHOW, (position, found[0]))


def _kind(timeframe: str | None) -> tuple[str, str]:
    """Kind and timeframe as the table of partitions has them."""
    return ("ticks", "") if timeframe is None else ("candles", timeframe)


def _step(db: apsw.Connection, position: int, step: Event) -> None:
    if isinstance(step, SessionOpened):
        db.execute(_OPEN, (step.exchange, step.session, step.zone, position))
    elif isinstance(step, RolloverStarted):
        session = (step.exchange, step.session)
        db.execute(_THROUGH, (step.through, *session))
        db.execute(_RELEASE, (*session, step.through))
        db.execute(_RECOUNT, session)
    elif isinstance(step, SessionSealed):
        for name, digest in step.digests.items():
            kind = _kind(name.removeprefix("candles/") if name != "ticks" else None)
            db.execute(_SEAL, (step.through, step.rows.get(name), digest, step.exchange, step.session, *kind))
    elif isinstance(step, SessionArchived):
        timeframe = None if step.kind == "ticks" else step.timeframe
        path = partition_path(step.exchange, step.session, timeframe, suffix=ARCHIVED)
        db.execute(_ARCHIVE, (path, step.exchange, step.session, step.kind, step.timeframe))
    else:
        assert isinstance(step, RolloverCompleted)
        db.execute(_CLOSE, (step.exchange, step.session, step.through))
