"""What can be void beside trades and cash: snapshots, exchange rates, bars, buckets; what cannot says why."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from domain.entries.refusal import Refused
from domain.event import encode, topic_of
from domain.portfolio import CashReconciled, PositionReported
from ledger.log import Entry, open_log
from operations.rebuilding import catch_up_all
from operations.verifying import verify
from tests import legacy as old
from tests.cli.program import run, run_json
from tests.cutover.asking import export
from tests.entries.given import Fields, bar, count, deposit, events, opened, trade
from tests.legacy import Legacy

Rows = list[tuple[Any, ...]]
SNAPSHOT = {"entry": "snapshot", "date": "2025-01-01", "total_value": "100", "cash_balance": "1"}
RATE = {"entry": "exchange-rate", "from_currency": "USD", "rate": "1.05"}
SATELLITE = {"entry": "bucket-open", "id": "s1", "name": "S"}


def void(what: str, *dates: str) -> Fields:
    return {"entry": "void", "what": what} | ({"dates": list(dates)} if dates else {})


def record(home: Path, *entries: Fields) -> list[str]:
    """Record in one transaction, then bring the read models up; the status of each."""
    with opened(home) as ledger:
        told = ledger.record(list(entries)).entries
    catch_up_all(home, tell=lambda *_: None)
    return [one.status for one in told]


def is_sound(home: Path) -> bool:
    return verify(home, "all", repair=False, tell=lambda *_: None).exit_code == 0


@pytest.fixture
def folder(legacy: Legacy) -> Legacy:
    """A legacy folder with a bar, a snapshot and a rate that stand in two files each, replayed."""
    legacy.write("config.db", "config_v12", securities=[old.security("AAPL.US")])
    bars = [old.bar("2025-03-03"), old.bar("2025-03-04"), old.bar("2025-03-05")]
    legacy.write("history/AAPL_US.db", "history_v1", daily_prices=bars)
    legacy.write("history/AAPL.US.db", "history_v1", daily_prices=[old.bar("2025-03-04", 11.0)])
    legacy.write("snapshots.db", "snapshots_v2", portfolio_snapshots=[
        old.snapshot("2025-01-01", 100.0), old.snapshot("2025-01-02", 200.0)])  # fmt: skip
    legacy.write("state.db", "state_v4", portfolio_snapshots=[old.snapshot("2025-01-01", 90.0, "2025-12-27 10:00:00")])
    legacy.write("rates.db", "rates_v1", exchange_rates=[old.rate("USD", 1.05, "2025-01-01T00:00:00Z")])
    legacy.replay()
    return legacy


def test_a_snapshot_that_is_void_is_gone_until_it_is_stated_again(folder: Legacy) -> None:
    assert len(folder.model("portfolio", "SELECT * FROM portfolio_snapshots_copies")) == 2
    assert record(folder.home, void("snapshot:2025-01-01")) == ["recorded"]
    assert folder.model("portfolio", "SELECT * FROM portfolio_snapshots_copies") == []
    days = "SELECT date, total_value FROM portfolio_snapshots ORDER BY date"
    assert folder.model("portfolio", days) == [("2025-01-02", 200.0)]
    assert record(folder.home, void("snapshot:2025-01-01")) == ["already there"]
    assert folder.replay().events_appended == 0
    assert is_sound(folder.home)
    record(folder.home, SNAPSHOT | {"total_value": "101"})
    assert folder.model("portfolio", days) == [("2025-01-01", 101.0), ("2025-01-02", 200.0)]
    assert is_sound(folder.home)


def test_bars_that_are_void_are_gone_whichever_file_they_came_from(folder: Legacy) -> None:
    closes = "SELECT date, close_price FROM daily_prices ORDER BY date"
    assert len(folder.model("history", "SELECT * FROM daily_price_copies")) == 2
    assert record(folder.home, void("prices:1d:AAPL.US", "2025-03-04", "2025-03-05")) == ["recorded"]
    assert folder.model("history", closes) == [("2025-03-03", 10.0)]
    assert folder.model("history", "SELECT * FROM daily_price_copies") == []
    assert record(folder.home, void("prices:1d:AAPL.US", "2025-03-04")) == ["already there"]
    assert folder.replay().events_appended == 0
    assert is_sound(folder.home)
    record(folder.home, bar("AAPL.US", "2025-03-04", 12.0))
    assert folder.model("history", closes) == [("2025-03-03", 10.0), ("2025-03-04", 12.0)]
    assert is_sound(folder.home)


def test_a_bar_may_be_entered_void_and_entered_again_at_once(home: Path, legacy: Legacy) -> None:
    legacy.home = home
    again = [bar("X", "2025-01-01"), void("prices:1d:X", "2025-01-01"), bar("X", "2025-01-01")]
    assert record(home, bar("X", "2025-01-02"), *again) == ["recorded"] * 4
    assert legacy.model("history", "SELECT date FROM daily_prices ORDER BY date") == [("2025-01-01",), ("2025-01-02",)]
    assert record(home, void("prices:1d:X", "2025-01-01"), void("prices:1d:X", "2025-01-02")) == ["recorded"] * 2
    assert legacy.model("history", "SELECT date FROM daily_prices") == []


def test_the_command_names_the_days(home: Path, legacy: Legacy) -> None:
    legacy.home = home
    record(home, *(bar("X", f"2025-01-0{day}") for day in (1, 2, 3)))
    told = run_json("record", "void", "prices:1d:X", "--date", "2025-01-01", "--date", "2025-01-03", home=home)
    assert told["status"] == "recorded"
    assert legacy.model("history", "SELECT date FROM daily_prices") == [("2025-01-02",)]


def test_months_are_void_by_their_name(home: Path, legacy: Legacy) -> None:
    legacy.home = home
    months = [{"entry": "monthly-prices", "symbol": "X", "year_month": f"2025-0{n}", "avg_close": 1.5} for n in (1, 2)]
    record(home, *months, void("prices:1mo:X", "2025-01"))
    assert legacy.model("history", "SELECT year_month FROM monthly_prices") == [("2025-02",)]


def test_the_quotes_of_a_day_are_void_and_what_was_converted_with_them_is_converted_no_more(
    home: Path, legacy: Legacy
) -> None:
    legacy.home = home
    record(home, trade("A-1", at="2025-01-02T12:00:00Z"), *[RATE | {"at": f"2025-01-0{n}T10:00:00Z"} for n in (1, 2, 2)],
           RATE | {"at": "2025-01-02T11:00:00Z", "rate": "1.25"})  # fmt: skip
    shown = "SELECT cost_basis_eur FROM positions"
    assert legacy.model("portfolio", shown) == [(800.0,)]
    record(home, void("exchange-rate:USD:EUR"))
    assert legacy.model("portfolio", shown) == [(None,)]
    assert legacy.model("history", "SELECT date FROM exchange_rates") == [("2025-01-01",)]
    assert is_sound(home)
    record(home, RATE | {"at": "2025-01-02T11:00:00Z", "rate": "1.25"})
    assert legacy.model("portfolio", shown) == [(800.0,)]
    record(home, void("exchange-rate:USD:EUR", "2025-01-01"))
    assert legacy.model("history", "SELECT date FROM exchange_rates") == [("2025-01-02",)]
    assert is_sound(home)


def test_a_rate_of_a_legacy_file_that_is_void_stays_so(folder: Legacy) -> None:
    record(folder.home, void("exchange-rate:USD:EUR"))
    assert folder.model("history", "SELECT * FROM exchange_rates") == []
    assert folder.replay().events_appended == 0
    assert is_sound(folder.home)


def test_what_is_void_is_not_written_back(folder: Legacy, tmp_path: Path) -> None:
    record(folder.home, bar("AAPL.US", "2025-03-06", 12.0), void("snapshot:2025-01-01"), void("exchange-rate:USD:EUR"),
           void("prices:1d:AAPL.US", "2025-03-04"))  # fmt: skip
    told = export(folder.home, tmp_path / "back")
    assert told.exit_code == 0
    (tmp_path / "again").mkdir()
    back = Legacy(tmp_path / "again")
    back.folder = tmp_path / "back"
    back.replay()
    for model, query in (
        ("portfolio", "SELECT date, total_value FROM portfolio_snapshots ORDER BY date"),
        ("history", "SELECT date, close_price FROM daily_prices ORDER BY date"),
        ("history", "SELECT date, rate FROM exchange_rates"),
    ):
        assert back.model(model, query) == folder.model(model, query)
    assert back.model("history", "SELECT count(*) FROM daily_prices") == [(3,)]


def test_a_book_of_accounts_knows_no_price_that_is_void(home: Path) -> None:
    days = ("2025-01-01", "2025-01-02")
    security = {"entry": "security", "symbol": "X", "name": "X", "product_type": "ETF", "currency": "USD"}
    record(home, security, *[bar("X", day) for day in days], *[RATE | {"at": f"{day}T10:00:00Z"} for day in days])
    assert len(prices(home)) == 4
    record(home, void("prices:1d:X", days[0]), void("exchange-rate:USD:EUR", days[1]))
    assert [line[:10] for line in prices(home)] == [days[0], days[1]]
    record(home, bar("X", days[0]), RATE | {"at": f"{days[1]}T10:00:00Z"})
    assert len(prices(home)) == 4


def prices(home: Path) -> list[str]:
    text = run("audit", "export", "--format", "beancount", "--prices", home=home).stdout
    return [line for line in text.splitlines() if line[10:17] == " price "]


def test_as_of_a_day_before_they_were_not_there_and_not_void(home: Path, tmp_path: Path) -> None:
    days = ("2025-01-01", "2025-01-03")
    record(home, *[bar("X", day) for day in days], *[SNAPSHOT | {"date": day} for day in days],
           *[RATE | {"at": f"{day}T10:00:00Z"} for day in days])  # fmt: skip
    record(home, void("prices:1d:X", days[1]), void(f"snapshot:{days[1]}"), void("exchange-rate:USD:EUR", days[1]))
    for as_of in ("2025-01-02", "2025-01-03"):
        into = tmp_path / as_of
        assert run("rebuild-projection", "--all", "--as-of", as_of, "--into", into, home=home).exit_code == 0
        then = Legacy(tmp_path / as_of)
        then.home = into
        for model, query in (
            ("history", "SELECT date FROM daily_prices"),
            ("history", "SELECT date FROM exchange_rates"),
            ("portfolio", "SELECT date FROM portfolio_snapshots"),
        ):
            assert then.model(model, query) == [(days[0],)]


def test_a_bucket_that_was_opened_by_mistake_is_void_with_its_empty_balances(home: Path, legacy: Legacy) -> None:
    legacy.home = home
    record(home, SATELLITE, deposit("D", bucket_id="s1"), void("D"), void("bucket:s1"))
    assert legacy.model("satellites", "SELECT * FROM buckets") == []
    assert legacy.model("satellites", "SELECT * FROM bucket_balances") == []
    assert is_sound(home)
    with opened(home) as ledger, pytest.raises(Refused) as refused:
        ledger.record(deposit("D-2", bucket_id="s1"))
    assert refused.value.rule == "bucket-unknown"


def test_an_empty_balance_is_void_by_itself(home: Path, legacy: Legacy) -> None:
    legacy.home = home
    record(home, SATELLITE, deposit("D", bucket_id="s1"), void("D"), void("bucket-balance:s1:EUR"))
    assert legacy.model("satellites", "SELECT * FROM bucket_balances") == []
    assert legacy.model("satellites", "SELECT id FROM buckets") == [("s1",)]


CORE = SATELLITE | {"id": "core", "type": "core"}
REFUSED: list[tuple[str, list[Fields], str]] = [
    ("bucket-core", [CORE, void("bucket:core")], "core"),
    ("bucket-cash", [SATELLITE, deposit("D", bucket_id="s1"), void("bucket:s1")], "1000 EUR"),
    ("bucket-cash", [SATELLITE, deposit("D", bucket_id="s1"), void("bucket-balance:s1:EUR")], "1000 EUR"),
    ("shape", [bar("X", "2025-01-01"), void("prices:1d:X")], "many prices"),
    ("unknown", [bar("X", "2025-01-01"), void("prices:1d:X", "2025-01-02")], "2025-01-02"),
    ("unknown", [RATE, void("exchange-rate:USD:EUR", "2025-01-02")], "2025-01-02"),
    ("shape", [trade("A"), void("A", "2025-01-02")], "no series"),
]


@pytest.mark.parametrize(("rule", "entries", "named"), REFUSED, ids=[f"{n}-{one[0]}" for n, one in enumerate(REFUSED)])
def test_what_depends_on_more_is_refused_and_nothing_is_recorded(
    home: Path, rule: str, entries: Sequence[Fields], named: str
) -> None:
    with opened(home) as ledger:
        with pytest.raises(Refused) as refused:
            ledger.record(list(entries))
        assert (refused.value.rule, count(home)) == (rule, 0)
    assert named in refused.value.message


def test_what_stays_as_it_is_says_why(home: Path) -> None:
    record(home, SATELLITE, deposit("D", bucket_id="s1"))
    (moved,) = {stream for stream, kind, _ in events(home) if kind == "bucket-cash-moved"}
    reported = PositionReported(symbol="X", quantity="1", avg_price="1", occurred_at="2025-01-01")  # type: ignore[arg-type]
    found = CashReconciled(date="2025-01-01", derived_eur="1", reported_eur="1", difference_eur="0", reason="agrees")  # type: ignore[arg-type]
    with open_log(home, write=True) as log:
        log.append(
            [
                Entry(name, topic_of(type(one)), encode(one))
                for name, one in (("position:X", reported), ("cash:1", found))
            ]
        )
    why = {moved: "void the cash flow", "position:X": "the broker said", "cash:1": "what a comparison found"}
    with opened(home) as ledger:
        for name, said in why.items():
            with pytest.raises(Refused, match=said) as refused:
                ledger.record(void(name))
            assert refused.value.rule == "not-correctable"
