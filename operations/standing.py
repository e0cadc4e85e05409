"""`cli status`: where the log and the read models stand."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from ledger.log import Log, open_log
from operations.home import REPORTS, check_has_its_ledger, frozen_folders
from operations.milestones import cut_overs
from projections import catalog
from projections.building import standing
from projections.engine import model_path, reason_to_rebuild
from projections.feeding import Feed
from projections.stopping import read_stop


class ModelStatus(Struct, kw_only=True):
    """A read model: the position it has reached, how many events behind the log, and why it needs a rebuild, if it does.

    stopped: where and why it stands still at an event that it cannot take, and what to do; None when it does not.
    """

    name: str
    position: int
    behind: int
    events: int
    bytes: int
    rebuild: str | None
    stopped: str | None


class Status(Struct, kw_only=True):
    """The home at a glance. head: hash of the newest event, in hex. cut_over: the system whose place it took."""

    home: str
    position: int
    head: str
    ledger_bytes: int
    last_recorded_at: str | None
    models: list[ModelStatus]
    last_report: str | None
    frozen: list[str]
    cut_over: str | None = None


def status(home: Path) -> Status:
    """Look, change nothing."""
    check_has_its_ledger(home)
    with open_log(home) as log:
        # The read models first: what is recorded and shown meanwhile must not stand beyond the head.
        looked = [(one, standing(model_path(home, one.name))) for one in catalog.projectors_of(log)]
        head = log.head()
        newest = log.at([head.position]) if head.position else []
        models = []
        for projector, found in looked:
            path = model_path(home, projector.name)
            mark = found.mark if found else None
            stop = read_stop(projector, log, home)
            reason = reason_to_rebuild(Feed(projector, log, head.position), found, path)
            models.append(
                ModelStatus(
                    name=projector.name, position=mark.position if mark else 0,
                    behind=head.position - (mark.position if mark else 0), events=mark.events if mark else 0,
                    bytes=path.stat().st_size if path.exists() else 0, rebuild=reason,
                    stopped=str(stop) if stop else None,
                )
            )  # fmt: skip
        reports = sorted(p.name for p in (home / REPORTS).glob("replay-*.md"))
        return Status(
            home=str(home), position=head.position, head=head.hash.hex(), ledger_bytes=log.path.stat().st_size,
            last_recorded_at=newest[0].recorded_at if newest else None, models=models,
            last_report=reports[-1] if reports else None, cut_over=_cut_over(log),
            frozen=[one.name for one in frozen_folders(home)],
        )  # fmt: skip


def _cut_over(log: Log) -> str | None:
    said = [f"{one.system} on {one.day} (event {position:,})" for position, one in cut_overs(log)]
    return ", ".join(said) or None
