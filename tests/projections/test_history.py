"""history.db: blocks become rows, copies are elected, removals and purges count what was there."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from domain.prices import DailyPricesRecorded, ExchangeRateQuoted, MonthlyPricesRecorded, PriceHistoryPurged
from domain.universe import SecurityDescribed, SecurityRemoved
from projections.bulk import GROUP_ROWS
from projections.history import projector
from tests.projections import folded
from tests.projections.folded import rows

NOW = "2025-12-28T10:00:00.000000Z"
LATER = "2025-12-29T10:00:00.000000Z"


def daily(dates: list[str], close: list[Any] | float, **more: Any) -> DailyPricesRecorded:
    fields: dict[str, Any] = {"symbol": "A", "created_at": "2025-01-01T10:00:00", "source": "yahoo", **more}
    return DailyPricesRecorded(count=len(dates), occurred_at=dates[0], date=dates, close_price=close, **fields)


def shown(table: str, *events: Any) -> list[dict[str, Any]]:
    """The rows of a table, the same whether the events come at once or one by one."""
    at_once = folded.given(events)
    found = rows(projector, table, at_once)
    assert found == rows(projector, table, *[[one] for one in at_once])
    return found


def closes(*events: Any) -> list[tuple[str, float]]:
    return [(row["date"], row["close_price"]) for row in shown("daily_prices", *events)]


def test_a_block_becomes_rows_and_a_constant_column_counts_for_all() -> None:
    (first, second) = shown(
        "daily_prices", daily(["2025-01-01", "2025-01-02"], [1.5, 2], volume=7, open_price=[1, None])
    )
    assert first == {
        "symbol": "A", "date": "2025-01-01", "open_price": 1.0, "high_price": None, "low_price": None,
        "close_price": 1.5, "volume": 7, "source": "yahoo", "created_at": "2025-01-01T10:00:00.000000Z",
        "adjusted_close": None,
    }  # fmt: skip
    assert (second["close_price"], second["open_price"]) == (2.0, None)


@pytest.mark.parametrize("volume", [1, 1.5, "", "n/a", None])
def test_volume_keeps_its_storage_class(volume: Any) -> None:
    (row,) = shown("daily_prices", daily(["2025-01-01"], 1.0, volume=[volume]))
    assert (row["volume"], type(row["volume"])) == (volume, type(volume))


@pytest.mark.parametrize("count", [1, GROUP_ROWS - 1, GROUP_ROWS, GROUP_ROWS + 1, 3 * GROUP_ROWS + 5])
def test_every_row_of_a_block_arrives_whatever_its_length(count: int) -> None:
    days = [f"2{number:03}-01-01" for number in range(count)]
    assert closes(daily(days, [float(number) for number in range(count)])) == [
        (day, float(number)) for number, day in enumerate(days)
    ]


def test_naive_stamps_are_read_in_the_zone_of_the_block_and_unreadable_ones_kept() -> None:
    stamps = ["2025-07-01T12:00:00", "2025-07-01 12:00:00", "last week", None]
    days = [f"2025-01-0{number}" for number in range(1, 5)]
    found = shown("daily_prices", daily(days, 1.0, created_at=stamps, zone="Europe/Athens"))
    assert [row["created_at"] for row in found] == [
        "2025-07-01T09:00:00.000000Z", "2025-07-01T12:00:00.000000Z", "last week", None,
    ]  # fmt: skip


def test_a_later_block_that_repeats_a_date_replaces_that_row_whole() -> None:
    first = daily(["2025-01-01", "2025-01-02"], [1.0, 2.0], volume=5)
    restated = daily(["2025-01-02", "2025-01-03"], [9.0, 3.0])
    assert closes(first, restated) == [("2025-01-01", 1.0), ("2025-01-02", 9.0), ("2025-01-03", 3.0)]
    assert [row["volume"] for row in shown("daily_prices", first, restated)] == [5, None, None]


def test_of_bars_that_two_files_hold_the_newest_counts_and_the_proper_file_on_a_tie() -> None:
    days = ["2025-01-01", "2025-01-02", "2025-01-03"]
    own = daily(days[:2], [1.0, 2.0], created_at=["2025-01-01T10:00:00", "2025-01-05T10:00:00"])
    other = daily(days, 9.0, created_at="2025-01-05T10:00:00", copy="A.US.db")
    expected = [("2025-01-01", 9.0), ("2025-01-02", 2.0), ("2025-01-03", 9.0)]
    assert closes(own, other) == closes(other, own) == expected
    assert len(shown("daily_price_copies", own, other)) == 5


def test_months_are_kept_like_days() -> None:
    months = MonthlyPricesRecorded(
        symbol="A",
        count=2,
        occurred_at="2025-01",
        year_month=["2025-01", "2025-02"],
        avg_close=[1.0, 2.0],
        min_price=0.5,
    )
    found = shown("monthly_prices", months)
    assert [(row["year_month"], row["avg_close"], row["min_price"], row["max_price"]) for row in found] == [
        ("2025-01", 1.0, 0.5, None),
        ("2025-02", 2.0, 0.5, None),
    ]


def test_a_rate_counts_for_its_day_and_the_newest_of_a_day_is_shown() -> None:
    def quote(rate: str, at: str, copy: str | None = None) -> ExchangeRateQuoted:
        return ExchangeRateQuoted(from_currency="USD", to_currency="EUR", rate=Decimal(rate), occurred_at=at, copy=copy)

    quotes = [quote("1.1", NOW), quote("1.2", "2025-12-28T11:00:00.000000Z", "cache.db"), quote("1.05", LATER)]
    found = shown("exchange_rates", *quotes)
    assert [(row["date"], row["rate"]) for row in found] == [("2025-12-28", 1.2), ("2025-12-29", 1.05)]


def described(symbol: str, copy: str | None = None) -> SecurityDescribed:
    return SecurityDescribed(symbol=symbol, name=symbol, created_at=NOW, occurred_at=NOW, copy=copy)


def test_a_removed_security_is_marked_with_the_rows_it_has_then_until_it_is_described_again() -> None:
    bars, removed = daily(["2025-01-01", "2025-01-02"], 1.0), SecurityRemoved(symbol="A", occurred_at=NOW)
    assert shown("symbol_removals", described("A"), bars, removed, daily(["2025-01-03"], 1.0)) == [
        {"symbol": "A", "removed_at": NOW, "grace_period_days": 30, "row_count": 2, "marked_by": "replay"}
    ]
    assert shown("symbol_removals", described("A"), bars, removed, described("A")) == []


def test_a_security_that_another_file_still_describes_is_not_removed() -> None:
    both = [described("A"), described("A", "config.db")]
    gone = SecurityRemoved(symbol="A", occurred_at=NOW, copy="config.db")
    assert shown("symbol_removals", *both, gone) == []
    assert len(shown("symbol_removals", *both, gone, SecurityRemoved(symbol="A", occurred_at=NOW))) == 1


def test_a_purge_takes_the_prices_of_its_security_only_and_is_logged() -> None:
    months = MonthlyPricesRecorded(symbol="A", count=1, occurred_at="2025-01", year_month=["2025-01"], avg_close=1.0)
    events = [
        daily(["2025-01-01", "2025-01-02"], 1.0),
        daily(["2025-01-01"], 1.0, symbol="B"),
        months,
        SecurityRemoved(symbol="A", occurred_at=NOW),
        PriceHistoryPurged(symbol="A", cleanup_reason="grace_period_expired", occurred_at=LATER),
    ]
    assert [row["symbol"] for row in shown("daily_prices", *events)] == ["B"]
    assert shown("monthly_prices", *events) == shown("symbol_removals", *events) == []
    (entry,) = shown("cleanup_log", *events)
    assert (entry["symbol"], entry["deleted_at"], entry["row_count"]) == ("A", LATER, 3)
    assert (entry["cleanup_reason"], entry["size_freed_bytes"]) == ("grace_period_expired", None)
