"""Trimming: the read models forget old plans of the planner, and the record of purges long ago; the log keeps everything.

The numbers are those of the legacy system (legacy facts 4.2 and 4.4), whose deletes compared text with numbers and deleted
nothing. A sequence that is the best of its portfolio stays, and so does a row that does not say when it was made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import apsw
from msgspec import Struct

from domain.agents import EvaluationForgotten, SequenceForgotten
from domain.event import Event, encode, topic_of
from domain.moments import Instant, instant
from domain.prices import CleanupForgotten, LegacyCleanupForgotten
from domain.streams import stream
from ledger.log import Entry, Log, open_log
from operations.retention import purges_of
from operations.settings import read as read_settings
from projections import catalog
from projections.engine import catch_up, model_path

PAGE = 1_000
"""Events of one append."""

_NOT_BEST = """
    AND NOT EXISTS (SELECT 1 FROM best_result AS best WHERE best.portfolio_hash = plan.portfolio_hash
                    AND best.best_sequence_hash = plan.sequence_hash)
    ORDER BY sequence_hash, portfolio_hash LIMIT ?"""
_SEQUENCES = "SELECT sequence_hash, portfolio_hash FROM sequences AS plan WHERE created_at < ?" + _NOT_BEST
_EVALUATIONS = "SELECT sequence_hash, portfolio_hash FROM evaluations AS plan WHERE evaluated_at < ?" + _NOT_BEST
_CLEANUPS = "SELECT id, symbol FROM cleanup_log WHERE deleted_at < ? ORDER BY id LIMIT ?"
_LEGACY_CLEANUPS = "SELECT id FROM legacy_cleanup_log WHERE deleted_at < ? ORDER BY id LIMIT ?"

Key = Sequence[object]  # cells of a read model
Said = tuple[str, Event]


class Trimmed(Struct, kw_only=True):
    """How many rows each table has forgotten."""

    rows: dict[str, int]

    @property
    def total(self) -> int:
        """Of all tables."""
        return sum(self.rows.values())


class _Table(NamedTuple):
    """A table that is trimmed. said: the stream and the event that make it forget the row with this key."""

    model: str
    name: str
    old: str
    said: Callable[[Instant, Key], Said]


def _sequence(moment: Instant, key: Key) -> Said:
    sequence, portfolio = map(str, key)
    event = SequenceForgotten(occurred_at=moment, sequence_hash=sequence, portfolio_hash=portfolio)
    return stream("sequence", sequence, portfolio), event


def _evaluation(moment: Instant, key: Key) -> Said:
    sequence, portfolio = map(str, key)
    event = EvaluationForgotten(occurred_at=moment, sequence_hash=sequence, portfolio_hash=portfolio)
    return stream("evaluation", sequence, portfolio), event


def _cleanup(moment: Instant, key: Key) -> Said:
    position, symbol = key
    return purges_of(str(symbol)), CleanupForgotten(occurred_at=moment, id=int(str(position)), symbol=str(symbol))


def _legacy_cleanup(moment: Instant, key: Key) -> Said:
    return stream("cleanup", str(key[0])), LegacyCleanupForgotten(occurred_at=moment, id=int(str(key[0])))


_PLANS = (
    _Table("agents", "sequences", _SEQUENCES, _sequence),
    _Table("agents", "evaluations", _EVALUATIONS, _evaluation),
)
_CLEANUP_LOGS = (
    _Table("history", "cleanup_log", _CLEANUPS, _cleanup),
    _Table("history", "legacy_cleanup_log", _LEGACY_CLEANUPS, _legacy_cleanup),
)


def trim_plans(home: Path, *, now: datetime, page: int = PAGE) -> Trimmed:
    """Forget sequences and evaluations that are older than plan_days of daybook.toml. Raises HomeError, HomeBusy."""
    return _trim(home, _PLANS, now=now, days=read_settings(home).retention.plan_days, page=page)


def trim_cleanup_logs(home: Path, *, now: datetime, page: int = PAGE) -> Trimmed:
    """Forget what was purged longer ago than cleanup_days of daybook.toml. Raises HomeError, HomeBusy."""
    return _trim(home, _CLEANUP_LOGS, now=now, days=read_settings(home).retention.cleanup_days, page=page)


def _trim(home: Path, tables: Sequence[_Table], *, now: datetime, days: int, page: int) -> Trimmed:
    """Run twice, or killed anywhere and run again, it comes to the same rows: what is old is read off the read models, which
    are first brought up to everything that was said before.
    """
    moment, limit = instant(now.astimezone(UTC)), instant((now - timedelta(days=days)).astimezone(UTC))
    rows = {}
    with open_log(home, write=True, command="maintain") as log:
        present = {one.name for one in catalog.projectors_of(log)}
        for table in tables:
            if table.model in present:
                rows[table.name] = _trim_table(home, log, table, moment=moment, limit=limit, page=page)
    return Trimmed(rows=rows)


def _trim_table(home: Path, log: Log, table: _Table, *, moment: Instant, limit: Instant, page: int) -> int:
    before: list[Key] = []
    count = 0
    while True:
        catch_up(catalog.find(table.model), log, model_path(home, table.model))
        with closing(apsw.Connection(str(model_path(home, table.model)), flags=apsw.SQLITE_OPEN_READONLY)) as db:
            keys: list[Key] = [*db.execute(table.old, (limit, page))]
        if not keys:
            return count
        assert keys != before, f"{table.name}: rows stay that were to be forgotten"
        before = keys
        said = [table.said(moment, key) for key in keys]
        log.append([Entry(name, topic_of(type(event)), encode(event)) for name, event in said])
        count += len(keys)
