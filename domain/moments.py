"""Time: the one text form of an instant in the log, and how legacy time stamps become it.

An instant is written `2026-11-20T18:00:00.000000Z`: UTC, six digits of a second, always 27 characters, so that text order
is time order in Python, in SQL and in any editor. A date stays `2026-11-20`, a month `2026-11`; a date sorts before every
instant of its day.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Meta

from domain.errors import LedgerError

Instant = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$", description="an instant in UTC")]
Date = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\d$", description="a calendar date")]
Moment = Annotated[
    str,
    Meta(
        pattern=r"^\d{4}-\d\d(-\d\d(T\d\d:\d\d:\d\d\.\d{6}Z)?)?$",
        description="an instant in UTC, a date or a month: as exact as it is known",
    ),
]

_DATE_LENGTH = len("2025-12-28")
_SQLITE_NOW_LENGTH = len("2025-12-28 18:00:00")
# By the length of `2025-12-28T18:00:00`, the same with milliseconds, and with microseconds.
_MISSING_DIGITS = {19: ".000000", 23: "000", 26: ""}
_FRACTION = re.compile(r":\d\d[.,](\d+)")
_DAY_SECONDS: Final = 86_400
MIDNIGHT: Final = "T00:00:00.000000Z"
"""How an instant ends that is the beginning of a day in UTC."""
# Files beside the zones that are none; those under right/ count leap seconds.
_OF_THE_MACHINE = frozenset({"localtime", "posixrules", "Factory"})
# Whole numbers between these are unix seconds; any other is a count or a key that strayed into a column of times.
_UNIX_FROM, _UNIX_UNTIL = 631_152_000, 4_102_444_800  # 1990 to 2100
_DAYS_FROM = -2_208_988_800  # prices reach back further: 1900


class LocalClock(ZoneInfo):
    """The zone of a source whose every naive time is local, also those that look as SQLite's datetime('now') writes them."""


_UNTIL_OFFSET = 26  # characters


class Clock(NamedTuple):
    """By which the naive times of one legacy column are read. is_assumed: whether nobody named the zone.

    may_be_sqlite: SQLite itself fills the column with UTC where the program gives no time. Both look alike there, so that a
    time which looks like SQLite's is taken for UTC, and that is an assumption whatever zone was named.
    """

    zone: ZoneInfo
    is_assumed: bool
    may_be_sqlite: bool = False

    def assumes(self, text: str | int, *, is_naive: bool) -> bool:
        """Whether something is assumed of a time; is_naive: what `Reading.assumed` or `is_assumed` says of it."""
        return (self.is_assumed and is_naive) or (self.may_be_sqlite and isinstance(text, str) and is_sqlites(text))


class Reading(NamedTuple):
    """A legacy time stamp as it was understood; `assumed` when a zone had to be assumed or a digit was cut."""

    text: Moment
    assumed: bool


def instant(moment: datetime) -> Instant:
    """Write an aware datetime in the log's form."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    # Most are in UTC already, and converting those would cost more than all the rest.
    utc = moment.astimezone(UTC) if moment.utcoffset() else moment
    return utc.isoformat(timespec="microseconds")[:_UNTIL_OFFSET] + "Z"


def zone(name: str) -> ZoneInfo:
    """The named IANA time zone; raises LedgerError for a name that does not exist."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise LedgerError(f"time zone {name!r} is not known", hint="Use a name like Europe/Athens or UTC.") from error


def zone_of_times(name: str) -> ZoneInfo:
    """As `zone`, of legacy times, which must be read the same way on any machine and in any year."""
    if name in _OF_THE_MACHINE or name.startswith("right/"):
        raise LedgerError(
            f"time zone {name!r} depends on the machine, and a replay on another would read other times",
            hint="Use a name like Europe/Athens or UTC.",
        )
    return zone(name)


@lru_cache(maxsize=8192)
def read_instant(text: str | int, naive_zone: ZoneInfo) -> Reading:
    """Understand one of the legacy shapes of a time stamp; raises ValueError when it is none of them.

    A whole number is unix seconds, which are UTC.

    `YYYY-MM-DD HH:MM:SS` is what SQLite's own datetime('now') writes, which is UTC, unless the zone is a LocalClock. Any other
    stamp without an offset is local time of `naive_zone` (a plain date its midnight), and that is an assumption. Digits beyond
    the microsecond are cut, which counts as one too.
    """
    if isinstance(text, int):
        return Reading(_of_unix(text), assumed=False)
    stamp = _stamp(text)
    if stamp.tzinfo is not None:
        return Reading(_in_utc(stamp), assumed=_is_cut(text))
    if is_sqlites(text) and not isinstance(naive_zone, LocalClock):
        return Reading(f"{text[:10]}T{text[11:]}.000000Z", assumed=False)
    if naive_zone.key == "UTC" and (written := _as_written(text)):
        return Reading(written, assumed=True)
    return Reading(_in_utc(stamp.replace(tzinfo=naive_zone)), assumed=True)


def _as_written(text: str) -> Instant | None:
    """A time stamp in UTC in the log's form, where that takes no more than adding digits: four times as fast."""
    missing = _MISSING_DIGITS.get(len(text))
    if missing is None or text[13] != ":" or text[16] != ":" or text[19:20] not in ("", "."):
        return None
    return f"{text[:10]}T{text[11:]}{missing}Z"


def _of_unix(seconds: int) -> Instant:
    if not _UNIX_FROM <= seconds < _UNIX_UNTIL:
        raise ValueError(f"{seconds} is not a time in unix seconds")
    return instant(datetime.fromtimestamp(seconds, UTC))


def unix_day(seconds: int) -> Date:
    """The date that a midnight in unix seconds stands for; raises ValueError for any other moment."""
    if seconds % _DAY_SECONDS or not _DAYS_FROM <= seconds < _UNIX_UNTIL:
        raise ValueError(f"{seconds} is not midnight of a day in unix seconds")
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).date().isoformat()


def _stamp(text: str) -> datetime:
    """Only YYYY-MM-DD with or without a time of day: the standard also knows weeks and forms without hyphens."""
    if text[4:5] != "-" or text[7:8] != "-" or not text[5:7].isdigit() or 10 < len(text) < 16:
        raise ValueError(f"{text!r} is not a time stamp")
    return datetime.fromisoformat(text)


def _is_cut(text: str) -> bool:
    fraction = _FRACTION.search(text)
    return fraction is not None and len(fraction[1]) > 6


def _in_utc(stamp: datetime) -> Instant:
    try:
        return instant(stamp)
    except OverflowError as error:
        raise ValueError(f"{stamp} is outside the years 1 to 9999 in UTC") from error


def read_moment(text: str | int, naive_zone: ZoneInfo) -> Reading:
    """Like `read_instant`, but a plain date stays a date."""
    if isinstance(text, str) and len(text) == _DATE_LENGTH:
        if not is_date(text):
            raise ValueError(f"{text!r} is not a date")
        return Reading(text, assumed=False)
    return read_instant(text, naive_zone)


def is_assumed(text: str, naive_zone: ZoneInfo | None = None) -> bool:
    """Whether `read_moment` assumes something of a time stamp; only for one that it can read. Dearer to ask it twice."""
    if len(text) == _DATE_LENGTH:
        return False
    if "Z" in text[11:] or "+" in text[11:] or "-" in text[11:]:
        return _is_cut(text)
    return isinstance(naive_zone, LocalClock) or not is_sqlites(text)


def is_sqlites(text: str) -> bool:
    """Whether a time looks as SQLite's datetime('now') writes it."""
    return len(text) == _SQLITE_NOW_LENGTH and text[10] == " "


def is_date(text: str) -> bool:
    """Whether the text is a calendar date that exists."""
    try:
        return len(text) == _DATE_LENGTH and text[4] == "-" and text[5].isdigit() and bool(date.fromisoformat(text))
    except ValueError:
        return False


def end_of(moment: str) -> Instant:
    """The last instant that a user means by a date or an instant with a zone; raises LedgerError for anything else."""
    if is_date(moment):
        day = datetime.fromisoformat(moment).replace(tzinfo=UTC)
        return instant(day + timedelta(days=1) - timedelta(microseconds=1))
    try:
        stamp = datetime.fromisoformat(moment)
    except ValueError as error:
        raise LedgerError(f"{moment!r} is not a time", hint="Use 2025-12-28 or 2025-12-28T18:00:00Z.") from error
    if stamp.tzinfo is None:
        raise LedgerError(f"{moment!r} has no time zone", hint=f"Write {moment}Z or {moment}+02:00.")
    return instant(stamp)
