"""`cli retention`: the read models forget a removed security when its days of grace are over, and old day files of market data
are archived; the log keeps everything.

The rules are those that the legacy system meant (legacy facts 4.2), without its faults: orphans wait as well, a security that
is active again or still held is never purged, and everything that is forgotten of one security goes in one append.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw
from msgspec import Struct, field

from domain.event import Event, encode, topic_of
from domain.moments import Instant, instant
from domain.portfolio import MetricRemoved, ScoreRemoved
from domain.prices import PriceHistoryPurged
from domain.streams import stream
from domain.universe import SecurityRemoved
from ledger.log import Entry, Log, open_log
from operations.market.archiving import Archived, archive
from operations.market.rollover import MARKET
from operations.settings import read as read_settings
from projections import catalog
from projections.engine import catch_up, model_path

EXPIRED = "grace_period_expired"
ORPHANED = "retention"
"""marked_by of a symbol whose prices belong to no security."""

_MODELS = ("history", "universe", "portfolio")
_REMOVALS = "SELECT symbol, removed_at, grace_period_days, row_count FROM history.symbol_removals ORDER BY symbol"
_ACTIVE = "SELECT 1 FROM universe.securities WHERE symbol = ? AND active = 1"
_HELD = "SELECT quantity FROM portfolio.positions WHERE symbol = ? AND quantity <> 0"
_ORPHANS = """
    SELECT symbol FROM history.daily_prices UNION SELECT symbol FROM history.monthly_prices
    EXCEPT SELECT symbol FROM universe.securities EXCEPT SELECT symbol FROM history.symbol_removals ORDER BY symbol"""
# '' is the proper home of a score; the copies of a symbol hold all of them, or none.
_SCORES = """
    SELECT copy FROM portfolio.scores_copies WHERE symbol = ?1
    UNION SELECT '' FROM portfolio.scores
    WHERE symbol = ?1 AND NOT EXISTS (SELECT 1 FROM portfolio.scores_copies WHERE symbol = ?1)"""
_METRICS = "SELECT metric FROM portfolio.calculated_metrics WHERE symbol = ? ORDER BY metric"


class Held(Struct, kw_only=True):
    """A security whose days of grace are over, and why nothing of it is forgotten all the same."""

    symbol: str
    reason: str


class Waiting(Struct, kw_only=True):
    """A removed security whose prices stay until then."""

    symbol: str
    until: Instant
    rows: int


class Retention(Struct, kw_only=True):
    """What was done. orphans: symbols with prices but without a security, whose days of grace began now. archived: day files of
    market data that became Parquet.
    """

    purged: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    archived: Archived = field(default_factory=Archived)


def retention(home: Path, *, now: datetime, dry_run: bool = False) -> Retention:
    """Let expired securities go, begin the grace of orphans, archive old day files. dry_run: only say what would be done.

    Run twice, or killed anywhere and run again, it comes to the same rows: what is to be done is read off the read models each
    time, and each security is one append. Only stores that the home has are looked at. Raises HomeError, HomeBusy, StoreError.
    """
    limits, result = read_settings(home).retention, Retention()
    with open_log(home) as log:
        present = {one.name for one in catalog.projectors_of(log)}
    if present.issuperset(_MODELS):
        with open_log(home, write=not dry_run, command="retention") as log:
            _let_go(home, log, result, now=now, grace=limits.grace_days, dry_run=dry_run)
    if MARKET in present:
        result.archived = archive(home, limits, now=now, dry_run=dry_run)
    return result


def _let_go(home: Path, log: Log, result: Retention, *, now: datetime, grace: int, dry_run: bool) -> None:
    moment = instant(now.astimezone(UTC))
    _up_to_date(home, log)
    with closing(_opened(home)) as db:
        for symbol in _column(db, _ORPHANS):
            result.orphans.append(symbol)
            event = SecurityRemoved(occurred_at=moment, symbol=symbol, grace_period_days=grace, marked_by=ORPHANED)
            _append(log, [(stream("security", symbol), event)], dry_run=dry_run)
        if result.orphans and not dry_run:
            _up_to_date(home, log)
        for symbol, until, rows in _removals(db):
            if until >= now:
                result.waiting.append(Waiting(symbol=symbol, until=instant(until), rows=rows))
            elif reason := _why_kept(db, symbol):
                result.held.append(Held(symbol=symbol, reason=reason))
            else:
                result.purged.append(symbol)
                _append(log, _forgotten(db, symbol, moment), dry_run=dry_run)
    if not dry_run:
        _up_to_date(home, log)


def _up_to_date(home: Path, log: Log) -> None:
    for name in _MODELS:
        catch_up(catalog.find(name), log, model_path(home, name))


def _opened(home: Path) -> apsw.Connection:
    db = apsw.Connection(":memory:", flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_URI)
    for name in _MODELS:
        db.execute(f"ATTACH ? AS {name}", (f"{model_path(home, name).absolute().as_uri()}?mode=ro",))
    return db


def _removals(db: apsw.Connection) -> list[tuple[str, datetime, int]]:
    """Symbol, end of its grace, and daily prices of each removed security."""
    return [
        (str(symbol), datetime.fromisoformat(str(removed_at)) + timedelta(days=int(str(days))), int(str(rows)))
        for symbol, removed_at, days, rows in db.execute(_REMOVALS).fetchall()
    ]


def _column(db: apsw.Connection, query: str, *values: str) -> list[str]:
    """The one column of a query as text; NULL is left out."""
    return [str(row[0]) for row in db.execute(query, values).fetchall() if row[0] is not None]


def _why_kept(db: apsw.Connection, symbol: str) -> str | None:
    if _column(db, _ACTIVE, symbol):
        return "it is active again"
    if held := _column(db, _HELD, symbol):
        return f"a position of {held[0]} is open"
    return None


def _forgotten(db: apsw.Connection, symbol: str, moment: Instant) -> Iterator[tuple[str, Event]]:
    """What is said about a security that goes: its prices, its scores and its metrics, each in the stream of the thing."""
    yield purges_of(symbol), PriceHistoryPurged(occurred_at=moment, symbol=symbol, cleanup_reason=EXPIRED)
    for copy in _column(db, _SCORES, symbol):
        yield stream("score", symbol), ScoreRemoved(occurred_at=moment, symbol=symbol, copy=copy or None)
    for metric in _column(db, _METRICS, symbol):
        yield stream("metric", symbol, metric), MetricRemoved(occurred_at=moment, symbol=symbol, metric=metric)


def purges_of(symbol: str) -> str:
    """The stream in which it stands that the prices of a security left the read models."""
    return stream("retention", symbol)


def _append(log: Log, said: Iterable[tuple[str, Event]], *, dry_run: bool) -> None:
    if not dry_run:
        log.append([Entry(name, topic_of(type(event)), encode(event)) for name, event in said])
