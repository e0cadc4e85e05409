"""`cli cutover --undo`: the legacy files written again, entries included, and the legacy system counts once more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct, convert

from domain import event as events
from domain.errors import LedgerError
from domain.event import Event, topic_of, topics
from domain.legacy import CutOver, CutOverReversed
from domain.moments import instant
from ledger.log import Entry, Log, open_log
from operations.home import check_has_its_ledger
from operations.legacy_export import LegacyExport, write_legacy, writer
from operations.milestones import cut_over_stream, standing_cut_over
from operations.replaying import replay
from replay.report import RunReport
from replay.system import WritingBack
from replay.work import Tell


class Undone(Struct, kw_only=True):
    """The way back: the files, the event that says so, and the first replay of them."""

    export: LegacyExport
    position: int
    replayed: RunReport

    @property
    def exit_code(self) -> int:
        """0 when the files hold every fact and their replay is proven; breaks that stood open before are no reason."""
        if self.replayed.failed:
            return self.replayed.exit_code
        return self.export.exit_code or int(bool(self.replayed.mismatches) or not self.replayed.proven)


def undo(home: Path, into: Path, *, system: str | None, tell: Tell) -> Undone:
    """Write the legacy files into a new or empty folder, and say that they count again; then replay them.

    A fact that was entered under a key which the files cannot hold is voided, and comes again from the files under the key that
    it has there. If the process dies before the replay is done, replaying the folder does the rest.
    """
    back = writer(system)
    check_has_its_ledger(home)
    with open_log(home, write=True, command=f"cli cutover --undo --to {into}") as log:
        found = standing_cut_over(log, back.system.name)
        if found is None:
            raise LedgerError(
                f"{home}: this ledger has not taken the place of {back.system.name}, or no longer holds it",
                hint="cli export-legacy DIR writes the legacy files at any time.",
            )
        export = write_legacy(log, into, back, tell=tell)
        log.append([*_entries(log, back, found, export)])
        position = log.head().position
    cut = found[1]
    zone = export.timezone or (cut.timezone if cut.timezone != "UTC" else None)
    return Undone(export=export, position=position, replayed=replay(into, home, timezone=zone, tell=tell))


def _entries(log: Log, back: WritingBack, found: tuple[int, CutOver], export: LegacyExport) -> Iterator[Entry]:
    now, system = instant(datetime.now(UTC)), back.system.name
    rekeyed = export.written.rekeyed
    for stream in rekeyed:
        void = _void(log, back, stream)
        if void is not None:
            said = {"occurred_at": now, "reason": f"written back to {system}, where it has another key"}
            yield Entry(stream, topic_of(void), events.encode(convert(said, void)))
    reversed_ = CutOverReversed(
        occurred_at=now, system=system, position=found[0], written=Path(export.into).name, rekeyed=list(rekeyed)
    )
    yield Entry(cut_over_stream(system), topic_of(CutOverReversed), events.encode(reversed_))


def _void(log: Log, back: WritingBack, stream: str) -> type[Event] | None:
    newest = log.stream(stream)[-1]
    return back.voids.get(topics()[newest.topic])
