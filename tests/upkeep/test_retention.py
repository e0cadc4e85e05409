"""Retention: what goes, when, what never goes, and that a crash anywhere changes nothing of it."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.event import Event, encode, topic_of
from domain.moments import instant
from domain.portfolio import MetricCalculated, ScoreCalculated
from domain.prices import DailyPricesRecorded
from domain.trading import TradeExecuted
from domain.universe import SecurityDescribed, SecurityRemoved
from ledger.log import Entry, Log, open_log
from operations import retention as module
from operations.demo_legacy import write_legacy_folder
from operations.rebuilding import catch_up_all, rebuild
from operations.replaying import replay
from operations.retention import retention
from projections.comparing import table_digests

REMOVED = datetime(2026, 1, 1, 12, tzinfo=UTC)
OVER = REMOVED + timedelta(days=30, seconds=1)
MODELS = ("history", "portfolio", "universe")


def quiet(*_: object) -> None:
    """Tell nobody."""


def say(home: Path, *said: tuple[str, Event]) -> None:
    with open_log(home, create=True, write=True) as log:
        log.append([Entry(stream, topic_of(type(event)), encode(event)) for stream, event in said])


def known(symbol: str) -> tuple[str, Event]:
    moment = instant(REMOVED - timedelta(days=100))
    event = SecurityDescribed(occurred_at=moment, symbol=symbol, name=symbol, active=1, created_at=moment)
    return f"security:{symbol}", event


def priced(symbol: str, *dates: str) -> tuple[str, Event]:
    closes: list[object] = [1.5 + at for at in range(len(dates))]
    event = DailyPricesRecorded(symbol=symbol, count=len(dates), zone="UTC", date=list(dates), close_price=closes)  # type: ignore[arg-type]  # as replay makes them
    return f"prices:1d:{symbol}", event


def figured(symbol: str) -> list[tuple[str, Event]]:
    return [
        (f"score:{symbol}", ScoreCalculated(symbol=symbol, total_score=Decimal("0.5"))),
        (f"metric:{symbol}:RSI", MetricCalculated(symbol=symbol, metric="RSI", value=Decimal(50))),
    ]


def gone(symbol: str, at: datetime = REMOVED) -> tuple[str, Event]:
    return f"security:{symbol}", SecurityRemoved(occurred_at=instant(at), symbol=symbol)


def bought(symbol: str) -> tuple[str, Event]:
    moment = instant(REMOVED - timedelta(days=50))
    event = TradeExecuted(
        occurred_at=moment, symbol=symbol, side="BUY", quantity=Decimal(3), price=Decimal(10), order_id=f"T{symbol}",
        currency="EUR",
    )  # fmt: skip
    return f"trade:T{symbol}", event


def rows(home: Path, model: str, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"{(home / f'{model}.db').as_uri()}?mode=ro", uri=True)) as db:
        return db.execute(query).fetchall()


def symbols(home: Path) -> set[object]:
    found = rows(home, "history", "SELECT symbol FROM daily_prices")
    found += rows(home, "portfolio", "SELECT symbol FROM scores UNION SELECT symbol FROM calculated_metrics")
    return {symbol for (symbol,) in found}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A goes, B stays, C was removed but is held, D was removed and came back, E has prices and no security."""
    home = tmp_path / "home"
    for symbol in "ABCD":
        say(home, known(symbol), priced(symbol, "2025-12-01", "2025-12-02"), *figured(symbol))
    say(home, priced("E", "2025-12-01"), bought("C"), gone("A"), gone("C"), gone("D"), known("D"))
    return home


def test_a_removed_security_is_forgotten_strictly_after_its_days_of_grace(home: Path) -> None:
    at_the_end = retention(home, now=OVER - timedelta(seconds=1))
    assert (at_the_end.purged, [one.symbol for one in at_the_end.waiting]) == ([], ["A", "C", "E"])
    assert symbols(home) == set("ABCDE")
    over = retention(home, now=OVER)
    assert over.purged == ["A"]
    assert symbols(home) == set("BCDE")
    logged = rows(home, "history", "SELECT symbol, deleted_at, row_count, cleanup_reason FROM cleanup_log")
    assert logged == [("A", instant(OVER), 2, "grace_period_expired")]


def test_the_log_keeps_what_the_read_models_forget(home: Path) -> None:
    with open_log(home) as log:
        before = log.read()
    retention(home, now=OVER)
    with open_log(home) as log:
        assert log.read()[: len(before)] == before


def test_what_is_held_or_active_again_is_never_forgotten(home: Path) -> None:
    found = retention(home, now=OVER + timedelta(days=1000))
    assert [(one.symbol, one.reason) for one in found.held] == [("C", "a position of 3.0 is open")]
    assert {"C", "D"} <= symbols(home)


def test_orphans_wait_for_the_grace_too(home: Path) -> None:
    first = retention(home, now=OVER)
    assert first.orphans == ["E"]
    assert [(one.symbol, one.until) for one in first.waiting] == [("E", instant(OVER + timedelta(days=30)))]
    assert retention(home, now=OVER + timedelta(days=30)).purged == []
    assert retention(home, now=OVER + timedelta(days=31)).purged == ["E"]
    assert "E" not in symbols(home)


def test_an_orphan_whose_security_is_entered_in_time_stays(home: Path) -> None:
    retention(home, now=OVER)
    say(home, known("E"))
    assert retention(home, now=OVER + timedelta(days=99)).purged == []
    assert "E" in symbols(home)


def test_a_security_that_comes_back_shows_the_prices_that_come_with_it(home: Path) -> None:
    retention(home, now=OVER)
    say(home, known("A"), priced("A", "2026-03-01"))
    catch_up_all(home, tell=quiet)
    assert rows(home, "history", "SELECT date FROM daily_prices WHERE symbol = 'A'") == [("2026-03-01",)]


def test_a_second_run_does_nothing(home: Path) -> None:
    retention(home, now=OVER)
    with open_log(home) as log:
        head = log.head()
    again = retention(home, now=OVER)
    assert (again.purged, again.orphans) == ([], [])
    with open_log(home) as log:
        assert log.head() == head


def test_a_dry_run_only_says_what_would_be_done(home: Path) -> None:
    with open_log(home) as log:
        head = log.head()
    found = retention(home, now=OVER, dry_run=True)
    assert (found.purged, found.orphans) == (["A"], ["E"])
    with open_log(home) as log:
        assert log.head() == head
    assert symbols(home) == set("ABCDE")


class Crash(Exception):
    """The process dies here."""


@given(crashes=st.lists(st.integers(0, 4), max_size=3))
@settings(max_examples=8, deadline=None)
def test_a_crash_anywhere_comes_to_the_same_rows(tmp_path_factory: pytest.TempPathFactory, crashes: list[int]) -> None:
    place = tmp_path_factory.mktemp("crashes")
    home, calm = place / "home", place / "calm"
    for symbol in "AB":
        say(home, known(symbol), priced(symbol, "2025-12-01"), *figured(symbol), gone(symbol))
    say(home, priced("E", "2025-12-01"))
    shutil.copytree(home, calm)
    for steps in crashes:
        left = [steps]

        def dying(
            log: Log, *arguments: object, real: object = module._append, left: list[int] = left, **named: object
        ) -> None:
            if left[0] == 0:
                raise Crash
            left[0] -= 1
            real(log, *arguments, **named)  # type: ignore[operator]  # the function that it stands for

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "_append", dying)
            try:
                retention(home, now=OVER)
            except Crash:
                continue
    retention(home, now=OVER)
    retention(calm, now=OVER)
    for name in MODELS:
        assert _shown(home, name) == _shown(calm, name)
    rebuild(home, [], as_of=None, known_at=None, into=place / "rebuilt", tell=quiet)
    for name in MODELS:
        assert table_digests(place / "rebuilt" / f"{name}.db") == table_digests(home / f"{name}.db")


def _shown(home: Path, name: str) -> dict[str, list[tuple[object, ...]]]:
    """The rows without positions: a crash may change the order of what is appended, never what is shown."""
    tables = {
        "history": (
            "symbol, date FROM daily_prices",
            "symbol, removed_at FROM symbol_removals",
            "symbol FROM cleanup_log",
        ),
        "portfolio": ("symbol, total_score FROM scores", "symbol, metric FROM calculated_metrics"),
        "universe": ("symbol, active FROM securities",),
    }
    return {one: sorted(rows(home, name, f"SELECT {one}")) for one in tables[name]}


def test_a_replay_of_a_source_that_still_has_them_is_proven_and_brings_nothing_back(tmp_path: Path) -> None:
    write_legacy_folder(tmp_path / "legacy", securities=12, years=1)
    home, now = tmp_path / "home", datetime.now(UTC)
    assert replay(tmp_path / "legacy", home).proven
    held = {symbol for (symbol,) in rows(home, "portfolio", "SELECT symbol FROM positions")}
    scored = {symbol for (symbol,) in rows(home, "portfolio", "SELECT symbol FROM scores")} - held
    symbol = str(min(scored, key=str))
    say(home, gone(symbol, now - timedelta(days=31)))
    assert retention(home, now=now).purged == [symbol]
    assert symbol not in symbols(home)
    again = replay(tmp_path / "legacy", home)
    assert (again.proven, again.mismatches, again.events_appended) == (True, [], 0)
    assert symbol not in symbols(home)
