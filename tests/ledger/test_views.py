"""The classic tables in ledger.db show what plain Python makes of the same events."""

import sqlite3
import subprocess
import typing
from collections.abc import Iterator, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.event import Count, Event, topic_of
from domain.prices import DailyPricesRecorded
from domain.trading import (
    CashFlowBooked,
    CashFlowCorrected,
    CashFlowVoided,
    DividendCorrected,
    DividendPaid,
    DividendVoided,
    ReinvestmentTracked,
    TradeCorrected,
    TradeExecuted,
    TradeVoided,
)
from ledger import views
from ledger.log import Log, open_log
from tests.ledger.samples import NOON, entry
from tests.strategies import events

# The columns of a fresh legacy install, then those that only the eight databases had; a field of the event bears the same
# name unless it is the moment it happened.
COLUMNS = {
    "trades": "id symbol isin side quantity price executed_at order_id currency currency_rate value_eur source bucket_id "
    "mode created_at",
    "cash_flows": "id transaction_id type_doc_id transaction_type date amount currency amount_eur status status_c "
    "description params_json created_at bucket_id",
    "dividend_history": "id symbol isin cash_flow_id amount currency amount_eur payment_date reinvested reinvested_at "
    "reinvested_quantity pending_bonus bonus_cleared cleared_at created_at ex_date amount_per_share shares_held drip_enabled "
    "bucket_id",
    "drip_tracking": "symbol drip_enabled total_dividends_received total_shares_reinvested last_dividend_date updated_at",
}
HAPPENED = {"executed_at", "date", "payment_date", "updated_at"}
VOIDS = (TradeVoided, CashFlowVoided, DividendVoided)

Row = tuple[Any, ...]  # rows of any view
Story = list[tuple[str, Event]]

# SQLite 3.40 ends a JSON string at its first NUL, and may miss the last bit of a number with many digits.
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
NUMBERS = st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-1000, 1000).map(lambda eighths: eighths / 8))


def without_nul(event: type[Event]) -> st.SearchStrategy[Event]:
    hints = typing.get_type_hints(event, include_extras=True)
    special = {
        str: TEXTS,
        str | None: st.none() | TEXTS,
        Count | None: st.none() | NUMBERS,
        int | float | str: NUMBERS | TEXTS,
    }
    return events(event, **{name: special[hint] for name, hint in hints.items() if hint in special})


def stories(*kinds: type[Event]) -> st.SearchStrategy[Story]:
    return st.lists(st.tuples(st.sampled_from(["a:1", "a:2", "b:1"]), st.one_of(*map(without_nul, kinds))), max_size=8)


def shown(story: Story, view: str, *kinds: type[Event]) -> list[Row]:
    """The rows by plain Python: of each stream the newest event, one without the mark `copy` before one with it."""
    newest: dict[str, tuple[bool, int, Event]] = {}
    for position, (stream, event) in enumerate(story, start=1):
        if isinstance(event, kinds):
            newest[stream] = max(
                newest.get(stream, (False, 0, event)), (getattr(event, "copy", None) is None, position, event)
            )
    counting = sorted((position, event) for _, position, event in newest.values() if not isinstance(event, VOIDS))
    return [tuple(cell(position, event, name) for name in COLUMNS[view].split()) for position, event in counting]


def cell(position: int, event: Event, column: str) -> object:
    value = getattr(event, "occurred_at" if column in HAPPENED else column)
    if column == "id" and value is None:
        return position
    if isinstance(value, Decimal):
        number = float(value)
        return int(number) if column == "reinvested_quantity" and number.is_integer() else number
    return value


def of_view(log: Log, view: str) -> tuple[list[Row], list[Row]]:
    """The rows as Log gives them, and as any SQLite shell does."""
    names, found = log.rows_of_view(view)
    assert " ".join(names) == COLUMNS[view]
    with closing(sqlite3.connect(f"{log.path.as_uri()}?mode=ro", uri=True)) as connection:
        cursor = connection.execute(f"SELECT * FROM {view}")
        assert [column[0] for column in cursor.description] == COLUMNS[view].split()
        return list(found), cursor.fetchall()


def check(story: Story, view: str, kinds: Sequence[type[Event]], home: Path) -> None:
    with open_log(home, create=True, write=True) as log:
        log.append([entry(stream, event) for stream, event in story])
        exact, plain = of_view(log, view)
    expected = shown(story, view, *kinds)
    assert repr(exact) == repr(expected), "value by value, and type by type"
    assert [list(map(type, row)) for row in plain] == [list(map(type, row)) for row in expected]
    assert plain == [tuple(pytest.approx(x, 1e-15) if isinstance(x, float) else x for x in row) for row in expected]


TRADES = (TradeExecuted, TradeCorrected, TradeVoided)
CASH_FLOWS = (CashFlowBooked, CashFlowCorrected, CashFlowVoided)
DIVIDENDS = (DividendPaid, DividendCorrected, DividendVoided)


@given(story=stories(*TRADES, DividendVoided))
def test_trades_are_the_newest_that_are_not_void(story: Story, tmp_path_factory: pytest.TempPathFactory) -> None:
    check(story, "trades", TRADES, tmp_path_factory.mktemp("home"))


@given(story=stories(*CASH_FLOWS))
def test_cash_flows_are_the_newest_that_are_not_void(story: Story, tmp_path_factory: pytest.TempPathFactory) -> None:
    check(story, "cash_flows", CASH_FLOWS, tmp_path_factory.mktemp("home"))


@given(story=stories(*DIVIDENDS))
def test_dividends_from_the_old_place_give_way(story: Story, tmp_path_factory: pytest.TempPathFactory) -> None:
    check(story, "dividend_history", DIVIDENDS, tmp_path_factory.mktemp("home"))


@given(story=stories(ReinvestmentTracked))
def test_recorded_reinvestment_is_shown_as_recorded(story: Story, tmp_path_factory: pytest.TempPathFactory) -> None:
    check(story, "drip_tracking", (ReinvestmentTracked,), tmp_path_factory.mktemp("home"))


def dividend(symbol: str, amount: str, day: str, quantity: str | None = None) -> DividendPaid:
    return DividendPaid(
        occurred_at=day,
        symbol=symbol,
        amount=Decimal(amount),
        currency="EUR",
        reinvested=int(quantity is not None),
        reinvested_quantity=None if quantity is None else Decimal(quantity),
    )


def test_reinvestment_that_nobody_recorded_is_added_up(tmp_path: Path) -> None:
    tracked = ReinvestmentTracked(occurred_at=NOON, symbol="B", drip_enabled=0, total_dividends_received=Decimal("0.1"))
    story = [
        ("d:1", dividend("A", "1.5", "2025-01-01")),
        ("d:2", dividend("A", "2.25", "2025-03-01", "3")),
        ("d:3", dividend("B", "7", "2025-02-01", "1")),
        ("d:4", dividend("C", "9", "2025-02-01")),
        ("d:4", DividendVoided(reason="reversed")),
        ("drip:B", tracked),
    ]
    with open_log(tmp_path, create=True, write=True) as log:
        log.append([entry(stream, event) for stream, event in story])
        expected = [("B", 0, 0.1, None, None, NOON), ("A", 1, 3.75, 3.0, "2025-03-01", "2025-03-01")]
        assert of_view(log, "drip_tracking") == (expected, expected)


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    """Two trades among blocks of prices."""
    trade = TradeExecuted(occurred_at=NOON, symbol="A", side="BUY", quantity=Decimal(2), price=Decimal("1.5"))
    prices = DailyPricesRecorded(occurred_at="2025-01-01", symbol="A", count=1, date=["2025-01-01"], close_price=[1.0])
    with open_log(tmp_path_factory.mktemp("home"), create=True, write=True) as log:
        log.append([entry(f"prices:{number}", prices) for number in range(50)], recorded_at=NOON)
        log.append([entry("trade:1", trade), entry("trade:2", trade)], recorded_at=NOON)
        yield log


@pytest.mark.parametrize("view", views.CLASSIC)
def test_no_classic_table_scans_the_log(ledger: Log, view: str) -> None:
    with closing(sqlite3.connect(ledger.path)) as connection:
        for name in (view, f"{view}_exact"):
            plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN SELECT * FROM {name}")]
            touched = [
                step for step in plan if step.startswith(("SCAN", "SEARCH")) and ("event" in step or "later" in step)
            ]
            assert touched
            assert all("USING INDEX" in step for step in touched), plan


def test_the_view_of_all_events_has_plain_columns(ledger: Log) -> None:
    with closing(sqlite3.connect(ledger.path)) as connection:
        cursor = connection.execute("SELECT * FROM events WHERE position IN (1, 51)")
        names = [column[0] for column in cursor.description]
        first, trade = cursor.fetchall()
    assert names == ["position", "stream", "version", "type", "occurred_at", "recorded_at", "data", "source"]
    assert first[:6] == (1, "prices:0", 1, "daily-prices-recorded", "2025-01-01", NOON)
    assert trade[:6] == (51, "trade:1", 1, "trade-executed", NOON, NOON)
    assert msgspec.json.decode(trade[6])["event"] == topic_of(TradeExecuted)


def test_the_views_work_in_the_shell_of_sqlite(ledger: Log) -> None:
    try:
        shell = subprocess.run(
            ["sqlite3", "-readonly", str(ledger.path), "SELECT count(*), sum(quantity * price) FROM trades"],
            capture_output=True,
            text=True,
            check=True,
        )
    except FileNotFoundError:
        pytest.skip("the shell of SQLite is not installed")
    assert shell.stdout == "2|6.0\n"


def test_rows_of_a_view_can_be_left_unread(ledger: Log) -> None:
    for _ in range(30):  # more than there are connections in the pool
        _, found = ledger.rows_of_view("trades")
        next(found)
    assert ledger.head().position == 52
