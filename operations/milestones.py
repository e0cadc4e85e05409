"""What the log says of runs of replay and of the cut-over: the events of a system's own streams."""

from __future__ import annotations

from typing import TypeVar

from domain.errors import LedgerError
from domain.event import Event, decode, topic_of
from domain.legacy import CutOver, CutOverReversed, ReplayCompleted, ReplayStarted
from domain.streams import stream
from ledger.log import Log

Milestone = TypeVar("Milestone", ReplayStarted, ReplayCompleted)


class CutOverStands(LedgerError):
    """The ledger has taken the legacy system's place, so its files count no more."""


def runs(log: Log, system: str, cls: type[Milestone]) -> list[Milestone]:
    """The runs of replay of a system that began, or that reached their end, oldest first."""
    return [one for one in _told(log, system) if isinstance(one, cls)]


def _told(log: Log, system: str) -> list[Event]:
    return [decode(one.topic, one.state) for one in log.stream(stream("replay", system))]


def last_run(log: Log, system: str) -> tuple[ReplayStarted, ReplayCompleted] | None:
    """The newest run, None when there is none or it has not reached its end."""
    told = _told(log, system)  # once: a run may begin and end between two looks
    starts = [one for one in told if isinstance(one, ReplayStarted)]
    ends = [one for one in told if isinstance(one, ReplayCompleted)]
    return (starts[-1], ends[-1]) if starts and ends and starts[-1].run == ends[-1].run else None


def cut_over_stream(system: str) -> str:
    """Where it is said that the ledger took a system's place."""
    return stream("cut-over", system)


def standing_cut_over(log: Log, system: str) -> tuple[int, CutOver] | None:
    """The cut-over that holds now and its position, None when there is none or it was reversed."""
    recorded = log.stream(cut_over_stream(system))
    if not recorded:
        return None
    event = decode(recorded[-1].topic, recorded[-1].state)
    assert isinstance(event, CutOver | CutOverReversed)
    return (recorded[-1].position, event) if isinstance(event, CutOver) else None


def cut_overs(log: Log) -> list[tuple[int, CutOver]]:
    """Every cut-over that holds now, with its position."""
    positions = log.read(topics=[topic_of(CutOver)])
    systems = dict.fromkeys(
        event.system for one in positions if isinstance(event := decode(one.topic, one.state), CutOver)
    )
    found = (standing_cut_over(log, system) for system in systems)
    return [one for one in found if one is not None]


def check_not_cut_over(log: Log, system: str) -> None:
    """Refuse to replay a legacy system whose place the ledger has taken."""
    found = standing_cut_over(log, system)
    if found is not None:
        raise CutOverStands(
            f"this ledger took the place of {system} on {found[1].day} "
            f"(event {found[0]:,}); what its files say now is not replayed",
            hint="To go back, run cli cutover --undo --to DIR. To replay all the same, use --force.",
        )
