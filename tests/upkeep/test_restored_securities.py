"""A removed security that is brought back: an event of its own, which everything takes that takes its description."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.event import Event, encode, topic_of
from domain.moments import instant
from domain.prices import DailyPricesRecorded
from domain.universe import SecurityDescribed, SecurityRemoved, SecurityRestored
from ledger.log import Entry, open_log
from operations.ledger import Ledger
from operations.rebuilding import catch_up_all
from operations.retention import retention
from projections.comparing import table_digests
from tests.cli.program import run

REMOVED = datetime(2026, 1, 1, 12, tzinfo=UTC)
BACK = REMOVED + timedelta(days=10)
OVER = REMOVED + timedelta(days=60)
STREAM = "security:A.US"
DESCRIBED = {"occurred_at": instant(REMOVED - timedelta(days=100)), "symbol": "A.US", "name": "A", "currency": "EUR",
             "product_type": "EQUITY", "active": 0, "created_at": instant(REMOVED - timedelta(days=100))}  # fmt: skip
RESTORE = {"entry": "security-restore", "symbol": "A.US", "at": instant(BACK)}


def quiet(*_: object) -> None:
    """Tell nobody."""


def say(home: Path, *said: tuple[str, Event]) -> None:
    with open_log(home, create=True, write=True) as log:
        log.append([Entry(stream, topic_of(type(event)), encode(event)) for stream, event in said])


def begun(home: Path) -> Path:
    """A home with a security that was described, priced and removed."""
    prices = DailyPricesRecorded(symbol="A.US", count=1, zone="UTC", date=["2025-12-01"], close_price=[1.5])
    gone = SecurityRemoved(occurred_at=instant(REMOVED), symbol="A.US")
    say(home, (STREAM, SecurityDescribed(**DESCRIBED)), ("prices:1d:A.US", prices), (STREAM, gone))  # type: ignore[arg-type]  # as a dict cannot say
    return home


def recorded(home: Path, *entries: dict[str, Any]) -> list[str]:
    """What the log has of the security by type, after these entries."""
    with Ledger.open(home) as ledger:
        ledger.record(list(entries))
    with open_log(home) as log:
        return [one.topic for one in log.stream(STREAM)]


def rows(home: Path, model: str, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"{(home / f'{model}.db').as_uri()}?mode=ro", uri=True)) as db:
        return db.execute(query).fetchall()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return begun(tmp_path / "home")


def test_the_restore_entry_records_the_last_description_as_an_event_of_its_own(home: Path) -> None:
    topics = recorded(home, RESTORE)
    assert topics == ["security-described.v1", "security-removed.v1", "security-restored.v1"]
    with open_log(home) as log:
        restored = log.stream(STREAM)[-1]
    expected = SecurityRestored(**DESCRIBED | {"occurred_at": instant(BACK)})  # type: ignore[arg-type]  # the same
    assert restored.state == encode(expected).decode()


def test_what_is_there_is_not_restored_and_a_change_after_it_is_a_description(home: Path) -> None:
    change = {"entry": "security-change", "symbol": "A.US", "priority_multiplier": "2"}
    topics = recorded(home, RESTORE, RESTORE, change, change, RESTORE)
    assert topics[2:] == ["security-restored.v1", "security-described.v1"]
    with open_log(home) as log:
        last = log.stream(STREAM)[-1]
    assert '"event":"security-described.v1"' in last.state
    assert recorded(home, {"entry": "void", "what": STREAM})[-1] == "security-removed.v1"


def test_a_restored_security_is_not_forgotten_and_shows_what_a_description_showed(home: Path, tmp_path: Path) -> None:
    old = begun(tmp_path / "old")
    say(old, (STREAM, SecurityDescribed(**DESCRIBED | {"occurred_at": instant(BACK)})))  # type: ignore[arg-type]  # the same
    recorded(home, RESTORE)
    for place in (home, old):
        found = retention(place, now=OVER)
        assert (found.purged, found.orphans, found.waiting, found.held) == ([], [], [], [])
        catch_up_all(place, tell=quiet)
    assert rows(home, "universe", "SELECT symbol, updated_at FROM securities") == [("A.US", instant(BACK))]
    assert rows(home, "history", "SELECT symbol FROM daily_prices") == [("A.US",)]
    for name in ("universe", "history"):
        assert table_digests(home / f"{name}.db") == table_digests(old / f"{name}.db")


def test_questions_find_it(home: Path) -> None:
    recorded(home, RESTORE)
    catch_up_all(home, tell=quiet)
    listed = run("audit", "log", "--type", "security-restored", "--csv", home=home)
    assert listed.output.count(STREAM) == 1
    told = run("audit", "trace", "universe.securities", "A.US", "updated_at", home=home)
    assert told.exit_code == 0, told.output
    assert "security-restored" in told.output
