"""What the phases of one run share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import apsw

from ledger.log import Log
from replay.blocks import SeriesTranslator
from replay.market_blocks import MarketSeries
from replay.market_held import Held
from replay.report import RunReport
from replay.seen import Seen
from replay.shared_series import ManySeries
from replay.system import LegacySystem
from replay.translating import Translator

BATCH_MAX = 10_000
# From this many legacy rows on, starting a process that appends takes less time than it saves.
APART_ROWS = 50_000

Tell = Callable[[str, str, int, int], None]
"""Progress: phase, file, rows done, rows in all (0 when not known)."""


@dataclass
class Job:
    """One table of one frozen file on its way into the log."""

    file: str
    db: apsw.Connection
    translator: Translator | SeriesTranslator | ManySeries | MarketSeries


@dataclass
class Run:
    """Everything that the phases of one run share."""

    log: Log
    seen: Seen
    system: LegacySystem
    report: RunReport
    tell: Tell
    zone: ZoneInfo
    zone_assumed: bool
    batch_max: int = BATCH_MAX
    apart_rows: int = APART_ROWS
    timezones: dict[str, str] = field(default_factory=dict)
    """Zones of single tables, by name."""
    jobs: list[Job] = field(default_factory=list)
    started: bool = False
    anything_entered: bool | None = None
    """Whether trades, cash flows or dividends were entered here, which legacy rows may meet; None until somebody asks."""
    unread: Callable[[str, str], bool] = lambda _file, _table: False
    """Tables, by file and name, that are known to be as they were when the log last heard of them: they are passed over."""
    held: dict[str, Held] = field(default_factory=dict)
    """What the log has of bars and of ticks, by kind, shared by all tables of them."""
    passed: set[tuple[str, str]] = field(default_factory=set)

    @contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        """Measure a phase into the report."""
        begin = time.perf_counter()
        self.tell(phase, "", 0, 0)
        try:
            yield
        finally:
            self.report.seconds[phase] = round(self.report.seconds.get(phase, 0) + time.perf_counter() - begin, 3)
