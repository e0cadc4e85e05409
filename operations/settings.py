"""daybook.toml: what the owner of a home has decided. Every section and every value has a default; the file may be missing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct, field

from domain.errors import HomeError, LedgerError
from domain.moments import zone, zone_of_times

FILE = "daybook.toml"


def _check_zone(name: str, find: Callable[[str], ZoneInfo] = zone) -> None:
    """Ask for this one zone: to list those that there are takes longer than many a command."""
    try:
        find(name)
    except LedgerError as error:
        raise ValueError(str(error)) from None


class Backup(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[backup]: how many copies of each tier are kept, and a second folder (another disk) that gets each copy as well."""

    hourly: int = 24
    daily: int = 30
    weekly: int = 12
    monthly: int = 120
    to: str | None = None

    def __post_init__(self) -> None:
        for tier in ("hourly", "daily", "weekly", "monthly"):
            if getattr(self, tier) < 1:
                raise ValueError(f"{tier} must be 1 or more")


class Health(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[health]: how old evidence may be before it is a warning: days, hours and seconds."""

    replay_days: float = 7
    seal_days: float = 7
    drill_days: float = 35
    backup_hours: float = 48
    lag_seconds: float = 300


class Retention(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[retention]: days for which the read models show what they forget: prices of a symbol without a security (grace_days),
    sequences and evaluations of the planner (plan_days), and the record of what was purged (cleanup_days). Days after which
    the day files of ticks (tick_days) and of candles of one minute (minute_candle_days) are archived as Parquet.
    """

    grace_days: int = 30
    plan_days: int = 90
    cleanup_days: int = 365
    tick_days: int = 90
    minute_candle_days: int = 365

    def __post_init__(self) -> None:
        if min(self.tick_days, self.minute_candle_days) < 1:
            raise ValueError(
                "a session that runs is never archived: tick_days and minute_candle_days must be 1 or more"
            )


class Alerts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[alerts]: who is told, beside alerts.log. level: from which on; again_hours: after which the same is told again.

    command: a program and its arguments, which gets each notice as JSON on its standard input; webhook: an address on this
    machine that gets it as a POST; webhook_hosts: other machines that may get it.
    """

    level: Literal["INFO", "WARNING", "ERROR", "CRITICAL"] = "WARNING"
    again_hours: float = 24
    command: tuple[str, ...] = ()
    webhook: str | None = None
    webhook_hosts: tuple[str, ...] = ()


class Source(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[sources.NAME]: a legacy system. path: its folder or file, which is watched; left out where only its times are to be
    understood, NAME then being the system's. timezone: of its naive times; timezones: of those of single tables, by name,
    and of single columns, such as signals.created_at.
    """

    path: str = ""
    timezone: str | None = None
    timezones: dict[str, str] = {}
    system: str | None = None

    def __post_init__(self) -> None:
        for name in sorted({*self.timezones.values(), *filter(None, [self.timezone])}):
            _check_zone(name, zone_of_times)

    def options(self) -> tuple[str, ...]:
        """What stands behind the path in a command."""
        named = {"--timezone": self.timezone, "--system": self.system}
        return tuple(word for name, value in named.items() if value for word in (name, value))


class Schedule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[schedule]: the zone in which the times of the jobs are meant, and jobs that are left out, by name."""

    timezone: str = "UTC"
    without: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_zone(self.timezone)


class Secrets(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[secrets]: what the name of a setting contains when its value is masked, beside the words known (domain.secrets)."""

    words: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if any(len(word) < 2 for word in self.words):
            raise ValueError("a word of secrets must have 2 letters or more")


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All sections."""

    backup: Backup = field(default_factory=Backup)
    health: Health = field(default_factory=Health)
    retention: Retention = field(default_factory=Retention)
    alerts: Alerts = field(default_factory=Alerts)
    schedule: Schedule = field(default_factory=Schedule)
    secrets: Secrets = field(default_factory=Secrets)
    sources: dict[str, Source] = field(default_factory=dict)

    @property
    def watched(self) -> dict[str, Source]:
        """The sources that are watched, by name."""
        return {name: one for name, one in self.sources.items() if one.path}


def read(home: Path) -> Settings:
    """The settings of a home; raises HomeError for a file that cannot be understood, naming the line or the key."""
    path = home / FILE
    try:
        return msgspec.toml.decode(path.read_bytes(), type=Settings)
    except (FileNotFoundError, NotADirectoryError):
        return Settings()
    except (msgspec.MsgspecError, ValueError) as error:
        raise HomeError(
            f"{path}: {error}", hint="Correct that line, or remove it: every value has a default."
        ) from error
