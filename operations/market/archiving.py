"""Archiving: day files that are older than their limit become Parquet; longer bars stay as they are for ever."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Literal, cast

from msgspec import Struct, field

from domain.event import encode, topic_of
from domain.market import SessionArchived, session_stream
from domain.moments import zone
from ledger.log import Entry, open_log
from operations.market.rollover import MARKET, Step
from operations.market.standing import sessions
from operations.market.writing import open_for_writing
from operations.settings import Retention
from projections import catalog
from projections.engine import catch_up, model_path
from projections.market_files import FILES, is_archived
from projections.partition_proof import read_again
from projections.partitioned import Made, Partition, partitions


class Unarchived(Struct, kw_only=True):
    """Day files that are old enough, and why they stay as they are. first: the path of the oldest of them."""

    reason: str
    files: int
    first: str


class Archived(Struct, kw_only=True):
    """Day files that became Parquet, by path before; or, on a dry run, would become it."""

    files: list[str] = field(default_factory=list)
    rows: int = 0
    held: list[Unarchived] = field(default_factory=list)


_WAIT_S = 30.0
_AT_ONCE = 16
"""Files for which the store is held at a time, so that a feed and its followers get their turn."""


def _silent(_: str) -> None:
    pass


def archive(
    home: Path, limits: Retention, *, now: datetime, dry_run: bool = False, step: Step = _silent
) -> Archived:  # fmt: skip
    """Archive the day files of sessions that ended longer ago than the limit of their kind.

    Each is read whole first: only what is sealed and still holds what was sealed is archived, and its rows and digest are an
    event. The Parquet file is derived from the log beside the day file and read back, and only when its digest is the one that
    was sealed does the day file go. Killed anywhere and run again, it comes to the same. A feed may record meanwhile: the log
    is held for the events alone. Raises StoreError, and HomeBusy when another process writes for long.
    """
    index, found = model_path(home, MARKET), Archived()
    if not dry_run:
        _bring(home, step)  # also what an earlier run began
    if not index.exists():
        return found
    ready, reasons = _sorted_out(index, _due(index, limits, now))
    for start in range(0, len(ready), _AT_ONCE):
        sound = _sound(index, ready[start : start + _AT_ONCE], reasons)
        if sound and not dry_run:
            sound = _said(home, sound, step)
            _bring(home, step)
        found.files += [one.path for one, _ in sound]
        found.rows += sum(made.rows for _, made in sound)
    found.held = _gathered(reasons)
    return found


def _sound(index: Path, some: Sequence[Partition], reasons: dict[str, str]) -> list[tuple[Partition, Made]]:
    """The files that hold what was sealed, with what they hold; why the others do not goes into `reasons`."""
    sound = list[tuple[Partition, Made]]()
    held = read_again(FILES, index, some)
    now = set(partitions(index))
    for one in some:
        made = held[one.path]
        if one not in now:
            continue  # another archived or amended it meanwhile: what was read is of no use, and nothing is wrong
        if isinstance(made, str):
            reasons[one.path] = f"the file {made}; mend it first: cli health"
        elif made.digest != one.sealed_digest:
            reasons[one.path] = "the file holds other rows than were sealed; look first: cli verify projections"
        else:
            sound.append((one, made))
    return sound


def _bring(home: Path, step: Step) -> None:
    step("bring")
    with open_log(home) as log:
        catch_up(catalog.find(MARKET), log, model_path(home, MARKET))


def _said(home: Path, sound: Sequence[tuple[Partition, Made]], step: Step) -> list[tuple[Partition, Made]]:
    """Append the events of those files that are still as they were when they were read; returns these."""
    with open_for_writing(home, wait_s=_WAIT_S, command="retention") as log:
        catch_up(catalog.find(MARKET), log, model_path(home, MARKET))
        now = set(partitions(model_path(home, MARKET)))
        same = [(one, made) for one, made in sound if one in now]
        step("append")
        log.append([_entry(one, made) for one, made in same])
    return same


def _due(index: Path, limits: Retention, now: datetime) -> Iterator[Partition]:
    """Files of ended sessions that are older than their limit, oldest first."""
    for one in sorted(partitions(index), key=_age):
        days = _limit(one, limits)
        if days is not None and not is_archived(one.path):
            today = now.astimezone(zone(one.zone)).date()
            if date.fromisoformat(one.session) + timedelta(days=days) < today:
                yield one


def _age(one: Partition) -> tuple[str, str]:
    return one.session, one.path


def _limit(one: Partition, limits: Retention) -> int | None:
    if one.kind == "ticks":
        return limits.tick_days
    return limits.minute_candle_days if one.timeframe == "1m" else None


def _sorted_out(index: Path, due: Iterator[Partition]) -> tuple[list[Partition], dict[str, str]]:
    """The files that can be archived, and by path why others cannot."""
    is_open = {(one.exchange, one.session) for one in sessions(index) if one.is_open}
    ready, reasons = list[Partition](), dict[str, str]()
    for one in due:
        if (one.exchange, one.session) in is_open:
            reasons[one.path] = "the session is not put away; do it first: cli rollover"
        elif not one.is_sealed:
            reasons[one.path] = f"the session is not sealed; do it first: cli rollover --exchange {one.exchange}"
        else:
            ready.append(one)
    return ready, reasons


def _entry(one: Partition, made: Made) -> Entry:
    kind = cast(Literal["ticks", "candles"], one.kind)
    event = SessionArchived(
        exchange=one.exchange, session=one.session, kind=kind, timeframe=one.timeframe, through=one.last_position,
        rows=made.rows, digest=made.digest,
    )  # fmt: skip
    return Entry(session_stream(one.exchange, one.session), topic_of(SessionArchived), encode(event))


def _gathered(reasons: Mapping[str, str]) -> list[Unarchived]:
    """A line for each reason, however many files have it."""
    paths: dict[str, list[str]] = {}
    for path, reason in reasons.items():
        paths.setdefault(reason, []).append(path)
    return [_held(reason, some) for reason, some in paths.items()]


def _held(reason: str, paths: Sequence[str]) -> Unarchived:
    return Unarchived(reason=reason, files=len(paths), first=paths[0])
