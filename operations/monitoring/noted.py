"""What was noted before, as figures of now: jobs that were done, integrity checks, vacuums, write-ahead logs, growth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from operations.monitoring.conditions import DAY, growth, ten_years
from operations.monitoring.keeping import Monitor
from operations.monitoring.measuring import Figure

SOUND, VACUUMED = "daybook_integrity_sound", "daybook_vacuumed"
NOT_WRITTEN_BACK = "daybook_checkpoint_errors"
"""1 for each time that a write-ahead log could not be written back, 0 for each time that it could."""
_COUNTED_DAYS = 30


def noted(measured: Sequence[Figure], monitor: Monitor, now: datetime) -> Iterator[Figure]:
    """Ages of what was done, and the growth of what was measured now."""
    for name, done_at in monitor.jobs():
        yield Figure("daybook_job_age_seconds", name, _age(done_at, now))
    for label, checked_at, is_sound in monitor.latest(SOUND):
        yield Figure(SOUND, label, is_sound)
        yield Figure("daybook_integrity_age_seconds", label, _age(checked_at, now))
    for label, vacuumed_at, _ in monitor.latest(VACUUMED):
        yield Figure("daybook_vacuum_age_seconds", label, _age(vacuumed_at, now))
    for label, errors in monitor.totals(NOT_WRITTEN_BACK, since=now - timedelta(days=_COUNTED_DAYS)):
        yield Figure(NOT_WRITTEN_BACK, label, errors)
    for figure in measured:
        if figure.name == "daybook_database_bytes":
            grown = growth(figure, monitor, now, over=DAY)
            if grown is not None:
                yield Figure("daybook_growth_day_ratio", figure.label, grown)
            expected = ten_years(figure, monitor, now)
            if expected is not None:
                yield Figure("daybook_ten_years_bytes", figure.label, expected)


def _age(moment: str, now: datetime) -> float:
    return max(0.0, (now - datetime.fromisoformat(moment)).total_seconds())
