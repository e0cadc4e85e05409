"""What is worth an alert: the conditions and thresholds that the legacy system meant (legacy facts 4.5), and ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from operations.home import LEDGER
from operations.monitoring.keeping import Monitor
from operations.monitoring.measuring import DISK_FULL_BYTES, Figure

GB, MB = 1e9, 1e6
DAY = timedelta(days=1)
YEAR = timedelta(days=365)
_GROWTH_HOURS_MIN = timedelta(hours=12)
"""Growth over less than half a day says little about a day."""


class Level(StrEnum):
    """CRITICAL: stop and look; ERROR: something must be done; WARNING: soon; INFO: to know."""

    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"
    CRITICAL = "CRITICAL"


class Condition(NamedTuple):
    """Something that is the case now. label: which database, tier or model it is about."""

    name: str
    label: str
    level: Level
    message: str


def conditions(figures: Sequence[Figure], monitor: Monitor, now: datetime) -> list[Condition]:
    """Every condition that holds."""
    by_name: dict[str, list[Figure]] = {}
    for figure in figures:
        by_name.setdefault(figure.name, []).append(figure)
    return [
        *_of_room(by_name),
        *_of_growth(by_name, monitor, now),
        *_of_models(by_name),
        *_of_stores(by_name),
        *_of_copies(by_name),
    ]


Found = dict[str, list[Figure]]


def _of_room(found: Found) -> Iterator[Condition]:
    for figure in found.get("daybook_disk_free_bytes", []):
        free = figure.value / GB
        level = Level.ERROR if free < 5 else Level.WARNING if free < 10 else None
        level = Level.CRITICAL if figure.value < DISK_FULL_BYTES else level
        if level:
            yield Condition("disk", "", level, f"{free:.1f} GB are free on the disk of the home")
    for figure in found.get("daybook_wal_bytes", []):
        if figure.value > 100 * MB:
            message = f"the write-ahead log of {figure.label} has {figure.value / MB:.0f} MB; a reader may hold it"
            yield Condition("wal", figure.label, Level.ERROR, message)
    for figure in found.get("daybook_database_bytes", []):
        if figure.value > 100 * MB:
            yield Condition("size", figure.label, Level.INFO, f"{figure.label} has {figure.value / MB:,.0f} MB")


def _of_growth(found: Found, monitor: Monitor, now: datetime) -> Iterator[Condition]:
    for figure in found.get("daybook_database_bytes", []):
        day = growth(figure, monitor, now, over=DAY)
        if day is not None and day > 0.2:
            level = Level.ERROR if day > 0.5 else Level.WARNING
            yield Condition("growth", figure.label, level, f"{figure.label} grew by {day:.0%} in a day")
        elif day is not None and day > 0 and figure.label == LEDGER:
            yield Condition("growth", figure.label, Level.INFO, f"{figure.label} grew by {day:.1%} in a day")
        expected = ten_years(figure, monitor, now)
        if expected is not None and expected > 1_000 * MB:
            message = f"{figure.label} will have {expected / MB:,.0f} MB in ten years, if it goes on growing as it does"
            yield Condition("projection", figure.label, Level.WARNING, message)


def growth(figure: Figure, monitor: Monitor, now: datetime, *, over: timedelta) -> float | None:
    """Growth as a part of the size then; None when nothing was measured long enough ago."""
    before = monitor.earliest(figure.name, figure.label, since=now - over)
    if before is None or now - before[0] < _GROWTH_HOURS_MIN or before[1] <= 0:
        return None
    return figure.value / before[1] - 1


def ten_years(figure: Figure, monitor: Monitor, now: datetime) -> float | None:
    """Bytes in ten years: what was added per day since the oldest measurement of the last year goes on being added.

    None with less than 30 days of measurements. A ledger grows in a straight line with what happens, so nothing compounds.
    """
    before = monitor.earliest(figure.name, figure.label, since=now - YEAR)
    if before is None or now - before[0] < timedelta(days=30):
        return None
    per_day = (figure.value - before[1]) / ((now - before[0]) / DAY)
    return figure.value + max(0.0, per_day) * 3_650


def _of_models(found: Found) -> Iterator[Condition]:
    for figure in found.get("daybook_integrity_sound", []):
        if not figure.value:
            message = f"{figure.label} was damaged when it was last checked"
            yield Condition("integrity", figure.label, Level.ERROR, message)
    for figure in found.get("daybook_read_model_stopped", []):
        if figure.value:
            yield Condition(
                "stopped", figure.label, Level.ERROR, f"{figure.label} stands still at an event that it cannot take"
            )
    for figure in found.get("daybook_read_model_lag_seconds", []):
        if figure.value > 300:
            yield Condition("lag", figure.label, Level.WARNING, f"{figure.label} is {figure.value:,.0f} s behind")
    for figure in found.get("daybook_open_breaks", []):
        if figure.value:
            yield Condition("breaks", "", Level.WARNING, f"{figure.value:.0f} breaks between the sources stand open")


def _of_stores(found: Found) -> Iterator[Condition]:
    for figure in found.get("daybook_sessions_unsealed", []):
        if figure.value:
            message = f"{figure.value:.0f} market sessions are over and not sealed"
            yield Condition("sessions", "", Level.WARNING, message)
    for figure in found.get("daybook_files_broken", []):
        if figure.value:
            message = (
                f"{figure.value:.0f} day files or files of runs are missing or have changed since they were written"
            )
            yield Condition("files", "", Level.ERROR, message)


def _of_copies(found: Found) -> Iterator[Condition]:
    ages = {figure.label: figure.value for figure in found.get("daybook_backup_age_seconds", [])}
    for tier, hours in (("hourly", 2), ("daily", 26)):
        age = ages.get(tier)
        if age is None and not ages:
            continue
        if age is None or age > hours * 3600:
            said = "there is none" if age is None else f"the newest is {age / 3600:.0f} hours old"
            yield Condition("copies", tier, Level.WARNING, f"{tier} copies: {said}")
    if not ages:
        yield Condition("copies", "", Level.WARNING, "there is no copy of this home")
    for figure in found.get("daybook_restore_proven_age_seconds", []):
        if figure.value > 35 * 86_400:
            yield Condition(
                "drill", "", Level.WARNING, f"the last proven drill is {figure.value / 86_400:.0f} days old"
            )
