"""`cli simulate`: a throw-away home filled year by year through the real code, and what it costs as it grows."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median

from msgspec import Struct, field

from domain.entries.base import Entry
from domain.errors import HomeError, LedgerError
from operations.asking import ask
from operations.backup.making import backup
from operations.backup.tiers import Tier
from operations.demo_legacy import write_legacy_folder
from operations.drilling import drill
from operations.home import BACKUPS, LEDGER
from operations.ledger import Ledger
from operations.past import as_of
from operations.rebuilding import catch_up_all, rebuild
from operations.replaying import replay
from operations.retention import retention
from operations.simulated.trader import LAST_DAY, Trader, mondays
from operations.verifying import verify
from projections import catalog
from projections.comparing import tables
from projections.engine import model_path
from projections.profiles import open_reading
from projections.stopping import Stop
from replay.run import Tell

WEEKS = 53
"""Of each year, so that tests can do with fewer."""
_ASKED_TIMES = 5


class Year(Struct, kw_only=True):
    """The home at the end of a simulated year.

    entries, trades and so on are counted since the first day. record_s, follow_s, backup_s, retention_s: what the work of
    that year took in all; the others what one run of it took then. replay_s: of a legacy folder of as many years and
    securities into another home. query_ms: the median of several runs, by question.
    """

    year: int
    last_day: str
    entries: int
    events: int
    rows: int
    ledger_bytes: int
    models_bytes: int
    copies: int
    copies_bytes: int
    purged: int
    record_s: float
    follow_s: float
    backup_s: float
    retention_s: float
    replay_s: float
    rebuild_s: float
    verify_s: float
    drill_s: float
    query_ms: dict[str, float]

    @property
    def slowest_ms(self) -> float:
        """Of the questions, the one that takes longest."""
        return max(self.query_ms.values())


class Simulation(Struct, kw_only=True):
    """All years. problems: what verifying, a drill or a read model found wrong; nothing when all is well."""

    folder: str
    kept: bool
    securities: int
    seed: int
    years: list[Year] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def exit_code(self) -> int:
        """1 when something was found to be wrong."""
        return int(bool(self.problems))


class _Spent(Struct):
    """Seconds of one year by kind of work, and what was counted."""

    record: float = 0.0
    follow: float = 0.0
    backup: float = 0.0
    retention: float = 0.0
    entries: int = 0
    purged: int = 0


def simulate(into: Path | None, *, years: int, securities: int, seed: int, tell: Tell) -> Simulation:
    """Fill a home year by year. into: an empty or new folder that is kept; else a temporary one that is removed."""
    if into is not None and into.exists() and any(into.iterdir()):
        raise HomeError(f"{into} is not empty", hint="Name a new folder, so that nothing of yours is mixed with it.")
    begin = time.perf_counter()
    place = into or Path(tempfile.mkdtemp(prefix="daybook-simulation-"))
    result = Simulation(folder=str(place), kept=into is not None, securities=securities, seed=seed)
    try:
        _Run(place, result, tell).through(years)
    finally:
        if into is None:
            shutil.rmtree(place, ignore_errors=True)
    result.seconds = round(time.perf_counter() - begin, 1)
    return result


class _Run:
    """One simulation at work."""

    def __init__(self, place: Path, result: Simulation, tell: Tell) -> None:
        self._place, self._home = place, place / "home"
        self._result, self._tell = result, tell
        self._trader = Trader(result.securities, result.seed)
        self._entries = self._purged = 0

    def through(self, years: int) -> None:
        """One year after the other."""
        first = _years_before(LAST_DAY, years) + timedelta(days=1)
        for year in range(1, years + 1):
            last = _years_before(LAST_DAY, years - year)
            spent = self._live(year, first, last)
            self._result.years.append(self._measured(year, last, spent))
            first = last + timedelta(days=1)

    def _live(self, year: int, first: date, last: date) -> _Spent:
        """A year as a home has it: entries each week, read models that follow, a copy and retention each month."""
        spent, weeks = _Spent(), mondays(first, last)[:WEEKS]
        for number, monday in enumerate(weeks):
            self._tell("simulate", f"year {year}, the week of {monday}", 0, 0)
            friday = monday + timedelta(days=4)
            entries = list(self._trader.begin(monday)) if year == 1 and not number else []
            entries += self._trader.week(monday)
            ends_month = (friday + timedelta(days=7)).month != friday.month
            entries += self._trader.month(friday) if ends_month else ()
            now = _evening(friday)
            spent.record += _seconds(lambda: self._record(entries, now))  # noqa: B023  called at once
            spent.follow += _seconds(self._follow)
            spent.entries += len(entries)
            if ends_month:
                spent.backup += _seconds(lambda: backup(self._home, Tier.MONTHLY, now=now))  # noqa: B023  the same
                begin = time.perf_counter()
                spent.purged += len(retention(self._home, now=now).purged)
                spent.retention += time.perf_counter() - begin
        self._entries += spent.entries
        self._purged += spent.purged
        return spent

    def _record(self, entries: list[Entry], now: datetime) -> None:
        with Ledger.open(self._home, create=True, command="simulate", clock=lambda: now) as ledger:
            ledger.record(entries)

    def _follow(self) -> None:
        for one in catch_up_all(self._home, tell=_quiet):
            if isinstance(one, Stop):
                raise LedgerError(f"{one.model}.db {one}", hint="This is a fault of Daybook.")

    def _measured(self, year: int, last: date, spent: _Spent) -> Year:
        """What everything takes at the end of the year."""
        self._tell("measure", f"year {year}", 0, 0)
        files = [path for path in (self._home / BACKUPS).rglob("*") if path.is_file()]
        drill_s = self._drilled(_evening(last))
        with Ledger.open(self._home) as ledger:
            events = ledger.position
        return Year(
            year=year, last_day=last.isoformat(), entries=self._entries, events=events, rows=self._rows(),
            ledger_bytes=_size(self._home / LEDGER),
            models_bytes=sum(_size(model_path(self._home, one.name)) for one in catalog.projectors()),
            copies=len(list((self._home / BACKUPS / Tier.MONTHLY).iterdir())),
            copies_bytes=sum(path.stat().st_size for path in files), purged=self._purged,
            record_s=round(spent.record, 2), follow_s=round(spent.follow, 2), backup_s=round(spent.backup, 2),
            retention_s=round(spent.retention, 2), replay_s=self._replayed(year), rebuild_s=self._rebuilt(),
            verify_s=self._verified(), drill_s=drill_s, query_ms=dict(self._asked(last)),
        )  # fmt: skip

    def _rows(self) -> int:
        """Rows of all read models."""
        rows = 0
        for projector in catalog.projectors():
            path = model_path(self._home, projector.name)
            if not path.exists():
                continue
            with closing(open_reading(path)) as db:
                for name in tables(db):
                    rows += int(str(db.execute(f'SELECT count(*) FROM "{name}"').fetchall()[0][0]))
        return rows

    def _drilled(self, now: datetime) -> float:
        found = drill(self._home, now=now, tell=_quiet)
        if found.exit_code:
            self._result.problems.append(f"the drill of {now.date()} is {found.verdict}: {found.reason}")
        self._follow()  # the drill is an event as well
        return round(found.recover_seconds, 2)

    def _replayed(self, years: int) -> float:
        """A legacy folder of as many years, replayed and proven; both are removed again."""
        legacy, home = self._place / "legacy", self._place / "replayed"
        try:
            write_legacy_folder(legacy, securities=self._result.securities, years=years)
            begin = time.perf_counter()
            report = replay(legacy, home, tell=_quiet)
            seconds = time.perf_counter() - begin
        finally:
            shutil.rmtree(legacy, ignore_errors=True)
            shutil.rmtree(home, ignore_errors=True)
        if not report.proven:
            self._result.problems.append(f"a replay of {years} years is not proven")
        return round(seconds, 2)

    def _rebuilt(self) -> float:
        return round(
            _seconds(lambda: rebuild(self._home, [], as_of=None, known_at=None, into=None, tell=_quiet)),
            2,
        )

    def _verified(self) -> float:
        begin = time.perf_counter()
        found = verify(self._home, "all", repair=False, tell=_quiet)
        seconds = time.perf_counter() - begin
        self._result.problems += [
            f"{part.name}: {said}" for part in found.parts for said in (*part.found, *part.unread)
        ]
        return round(seconds, 2)

    def _asked(self, last: date) -> Iterator[tuple[str, float]]:
        """Questions as a person asks them, each several times."""
        symbol, traded = self._trader.symbols[len(self._trader.symbols) // 2], self._trader.first_traded
        questions: dict[str, Callable[[], object]] = {
            name: _asking(self._home, query.format(symbol=symbol, traded=traded)) for name, query in QUERIES.items()
        }
        month_ago = (last - timedelta(days=30)).isoformat()
        questions["a position a month ago"] = lambda: as_of(
            self._home, month_ago, None, "portfolio.positions", [traded], rows_max=10
        )
        for name, question in questions.items():
            taken = [_seconds(question) for _ in range(_ASKED_TIMES)]
            yield name, round(1000 * median(taken), 1)


QUERIES = {
    "what is held": "SELECT symbol, quantity FROM portfolio.positions ORDER BY symbol",
    "a year of bars of one security": (
        "SELECT date, close_price FROM history.daily_prices WHERE symbol = '{symbol}' ORDER BY date DESC LIMIT 250"
    ),
    "all trades of one security": "SELECT executed_at, side, quantity FROM trades WHERE symbol = '{traded}'",
    "the newest hundred events": "SELECT position, type, data FROM events ORDER BY position DESC LIMIT 100",
}


def _asking(home: Path, query: str) -> Callable[[], object]:
    return lambda: ask(home, query)


def _years_before(day: date, years: int) -> date:
    return day.replace(year=day.year - years)


def _evening(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 22, tzinfo=UTC)


def _size(path: Path) -> int:
    """Of a database with what stands in its write-ahead log."""
    wal = path.with_name(f"{path.name}-wal")
    return sum(one.stat().st_size for one in (path, wal) if one.exists())


def _seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def _quiet(phase: str, file: str, done: int, total: int) -> None:
    """The year is told, not each of its steps."""
