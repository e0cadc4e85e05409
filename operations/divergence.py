"""Where a legacy system and its ledger diverge, and since when: kept in reports/, as data and as a page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct, field

from domain.event import decode
from domain.portfolio import CashReconciled, PositionReconciled
from domain.streams import stream
from ledger.durable import make_folder, write_whole
from ledger.log import Log
from operations.divergence_page import page
from operations.home import REPORTS
from operations.secrets import mask_of
from replay.reconciling import Break
from replay.report import ModelReport, RunReport

NAME = "divergence"


class Aged(Struct, kw_only=True, frozen=True):
    """A break, and since when it stands open without a pause: as the log says, or when it was first seen."""

    kind: str
    subject: str
    expected: str
    found: str
    reason: str
    since: str


class Divergence(Struct, kw_only=True):
    """Legacy system and ledger side by side.

    breaks: what the sources contradict each other in. differences: what the ledger or a read model gives otherwise than the
    sources. tables: every legacy table that a read model shows. troubles: files that cannot be read at present, and why.
    """

    source: str
    home: str
    at: str
    position: int
    breaks: list[Aged] = field(default_factory=list)
    differences: list[Aged] = field(default_factory=list)
    tables: list[ModelReport] = field(default_factory=list)
    troubles: dict[str, str] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether old and new say the same, and everything could be read."""
        return not (self.breaks or self.differences or self.troubles)


def update(home: Path, log: Log, report: RunReport, *, whole: bool, troubles: Mapping[str, str]) -> Divergence:
    """Bring the divergence up to date with what a run found, and write it. whole: the run has read every table."""
    before = read(home)
    now = report.started_at
    kept = [] if whole or before is None else before.tables
    read_now = {(one.model, one.table, one.file) for one in report.models}
    tables = [one for one in kept if (one.model, one.table, one.file) not in read_now] + report.models
    found = Divergence(
        source=report.source, home=report.home, at=now, position=report.position,
        breaks=_aged(report.breaks, log, before.breaks if before else [], now),
        differences=_aged(report.mismatches, log, before.differences if before else [], now),
        tables=sorted(tables, key=lambda one: (one.model, one.table, one.file)), troubles=dict(troubles),
    )  # fmt: skip
    found = mask_of(home).content(found)
    make_folder(home / REPORTS)
    write_whole(home / REPORTS / f"{NAME}.json", msgspec.json.format(msgspec.json.encode(found), indent=1))
    write_whole(home / REPORTS / f"{NAME}.html", page(found).encode())
    return found


def read(home: Path) -> Divergence | None:
    """The divergence as it was written last; None when there is none, or none that can be read."""
    try:
        return msgspec.json.decode((home / REPORTS / f"{NAME}.json").read_bytes(), type=Divergence)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def _aged(breaks: Iterable[Break], log: Log, before: Iterable[Aged], now: str) -> list[Aged]:
    seen = {(one.kind, one.subject): one.since for one in before}
    aged = []
    for one in breaks:
        since = _since_in_log(one, log) or seen.get((one.kind, one.subject), now)
        fields = {name: getattr(one, name) for name in Break.__struct_fields__}
        aged.append(Aged(**fields, since=since))
    return aged


def _since_in_log(one: Break, log: Log) -> str | None:
    """When the log learned of a break of holdings or cash that has not agreed since; None for what the log does not say."""
    if one.kind not in ("position", "cash"):
        return None
    since = None
    for stored in reversed(log.stream(stream("reconciliation", one.subject if one.kind == "position" else "cash"))):
        event = decode(stored.topic, stored.state)
        if isinstance(event, PositionReconciled | CashReconciled) and event.reason == "agrees":
            break
        since = stored.recorded_at
    return since
