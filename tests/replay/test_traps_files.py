"""The traps of the legacy facts, section 3.4, that lie in files: names, leftovers, -wal, prices, orphans, reruns."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import apsw
import pytest

from domain.errors import HomeError
from operations.replaying import replay
from tests.legacy import Legacy, bar, position, security, tally, trade


def test_trap_04_a_missing_a_malformed_and_a_shared_isin_are_named(legacy: Legacy) -> None:
    report = legacy.write("config.db", "config_v12", securities=[
        security("A.US"), security("B.US", isin="US123"), security("C.US", isin="C.US"),
        security("D.US", isin="US0378331005"), security("E.US", isin="US0378331005")]).replay()  # fmt: skip
    assert report.findings == [
        "B.US: 'US123' is not an ISIN", "C.US: 'C.US' is not an ISIN", "US0378331005 is the ISIN of D.US and E.US",
    ]  # fmt: skip
    assert legacy.model("universe", "SELECT count(*) FROM securities") == [(5,)]


NAMES = {
    "AAPL.US": "AAPL_US.db", "BYD.285.AS": "BYD_285_AS.db", "NOVO-B.CO": "NOVO_B_CO.db", "NOV-C.CO": "NOV-C_CO.db",
    "SAP.EU": "DE0007164600.db", "MSFT.US": "MSFT.US.history.db",
}  # fmt: skip


@pytest.mark.parametrize("symbol", NAMES)
def test_trap_15_every_rule_for_file_names_finds_its_symbol(legacy: Legacy, symbol: str) -> None:
    isin = "DE0007164600" if symbol == "SAP.EU" else None
    legacy.write("config.db", "config_v12", securities=[security(symbol, isin=isin), security("NOVO.X.CO")])
    report = legacy.write(f"history/{NAMES[symbol]}", "history_v1", daily_prices=[bar("2025-01-02")]).replay()
    assert legacy.model("history", "SELECT symbol FROM daily_prices") == [(symbol,)]
    assert report.findings == []


def test_trap_15_a_name_that_two_symbols_share_is_reported(legacy: Legacy) -> None:
    legacy.write("config.db", "config_v12", securities=[security("A-B.X"), security("A.B.X")])
    report = legacy.write("history/A_B_X.db", "history_v1", daily_prices=[bar("2025-01-02")]).replay()
    assert report.findings == ["history/A_B_X.db may belong to A-B.X or A.B.X; taken as A-B.X"]
    assert tally(report, "history/A_B_X.db", "daily_prices").assumed == {"symbol": 1}


def test_trap_15_backups_sidecars_and_empty_files_are_listed_and_not_read(legacy: Legacy) -> None:
    legacy.write("history/AAPL_US.db", "history_v1", daily_prices=[bar("2025-01-02")])
    shutil.copy(legacy.folder / "history/AAPL_US.db", legacy.folder / "history/AAPL_US.db.bak")
    (legacy.folder / "history/MSFT_US.db").touch()
    report = legacy.replay()
    uses = {file.name: file.use for file in report.files}
    assert uses["history/AAPL_US.db.bak"] == "an old back-up"
    assert uses["history/MSFT_US.db"] == "empty"
    assert legacy.model("history", "SELECT count(*) FROM daily_prices") == [(1,)]


def test_trap_15_two_files_of_a_security_are_merged_and_the_newest_row_wins(legacy: Legacy) -> None:
    legacy.write("config.db", "config_v12", securities=[security("AAPL.US", isin="US0378331005")])
    legacy.write("history/AAPL_US.db", "history_v1", daily_prices=[
        bar("2025-01-02", 1.0), bar("2025-01-03", 2.0, created_at="2025-12-30 10:00:00")])  # fmt: skip
    legacy.write("history/US0378331005.db", "history_v1", daily_prices=[
        bar("2025-01-02", 3.0, created_at="2025-12-29 10:00:00"), bar("2025-01-03", 4.0), bar("2025-01-06", 5.0)])  # fmt: skip
    report = legacy.replay()
    found = legacy.model("history", "SELECT date, close_price FROM daily_prices ORDER BY date")
    assert found == [("2025-01-02", 3.0), ("2025-01-03", 2.0), ("2025-01-06", 5.0)]
    assert [one.subject for one in report.breaks] == ["AAPL.US 2025-01-02", "AAPL.US 2025-01-03"]


def test_trap_16_missing_prices_and_a_close_out_of_range_stay_as_they_are(legacy: Legacy) -> None:
    legacy.write("history/AAPL_US.db", "history_v1", daily_prices=[
        bar("2025-01-02", open_price=None, high_price=None, low_price=None, volume=None),
        bar("2025-01-03", 9.0, high_price=8.0)])  # fmt: skip
    legacy.replay()
    found = legacy.model(
        "history", "SELECT open_price, high_price, close_price, volume FROM daily_prices ORDER BY date"
    )
    assert found == [(None, None, 10.0, None), (9.0, 8.0, 9.0, 1000)]


@pytest.mark.parametrize("volume", [7.4, "", 2**62])
def test_trap_16_an_odd_volume_keeps_its_class(legacy: Legacy, volume: object) -> None:
    legacy.write("history/AAPL_US.db", "history_v1", daily_prices=[bar("2025-01-02", volume=volume), bar("2025-01-03")])
    legacy.replay()
    found = legacy.model("history", "SELECT volume, typeof(volume) FROM daily_prices ORDER BY date")
    assert found[0] == (volume, {float: "real", str: "text", int: "integer"}[type(volume)])


def test_trap_16_a_bar_without_a_close_is_kept_and_said(legacy: Legacy) -> None:
    legacy.run_new("history/AAPL_US.db", "CREATE TABLE daily_prices (date TEXT, close_price REAL, created_at TEXT)")
    legacy.write("history/AAPL_US.db", daily_prices=[
        {"date": "2025-01-02", "close_price": None}, {"date": "2025-13-02", "close_price": 1.0},
        {"date": "2025-01-03", "close_price": 2.0}, {"date": "2025-01-03", "close_price": 3.0}])  # fmt: skip
    report = legacy.replay()
    assert tally(report, "history/AAPL_US.db", "daily_prices").kept_reasons == {
        "close_price is missing": 1, "date is not a date": 1, "another row has the same date": 1,
    }  # fmt: skip
    assert legacy.model("history", "SELECT date, close_price FROM daily_prices") == [("2025-01-03", 2.0)]


def test_trap_17_a_series_that_is_only_monthly_is_not_lost(legacy: Legacy) -> None:
    month = {"avg_close": 5.0, "avg_adj_close": None, "created_at": "2025-12-28 10:00:00"}
    rows = [month | {"year_month": f"2016-{number:02}"} for number in range(1, 13)]
    legacy.write("history/AAPL_US.db", "history_v1", monthly_prices=rows).replay()
    assert legacy.model("history", "SELECT count(*), min(year_month) FROM monthly_prices") == [(12, "2016-01")]


def test_trap_18_what_sits_in_a_wal_is_read_and_the_folder_stays_as_it_is(legacy: Legacy) -> None:
    legacy.write("ledger.db", "ledger_v4", trades=[trade("O1")])
    db = apsw.Connection(str(legacy.folder / "ledger.db"))
    db.execute("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0").fetchall()
    db.execute("INSERT INTO trades (symbol, side, quantity, price, executed_at, order_id, created_at) "
               "VALUES ('MSFT.US', 'BUY', 1, 1, '2025-03-03 10:00:00', 'O2', '2025-03-03 10:00:00')")  # fmt: skip
    other = legacy.folder.with_name("torn")
    shutil.copytree(legacy.folder, other, ignore=lambda _, names: [n for n in names if n.endswith("-shm")])
    db.close()
    before = {path.name: path.read_bytes() for path in other.iterdir()}
    report = replay(other, legacy.home)
    assert (report.proven, tally(report, "ledger.db", "trades").read) == (True, 2)
    assert {path.name: path.read_bytes() for path in other.iterdir()} == before
    assert "ledger.db-wal" in before


def test_trap_21_orphans_of_missing_parents_are_recorded_like_any_row(legacy: Legacy) -> None:
    saved = {
        "id": "h1",
        "planner_config_id": "gone",
        "name": "n",
        "toml_config": "t",
        "saved_at": "2025-12-01T09:00:00",
    }
    legacy.write("planner.db", "planner_v0", planner_config_history=[saved])
    moved = {
        "id": 3,
        "bucket_id": "gone",
        "type": "deposit",
        "amount": 1.0,
        "currency": "EUR",
        "created_at": "2025-12-01T09:00:00",
    }
    legacy.write("satellites.db", "satellites_v1", bucket_transactions=[moved]).replay()
    assert legacy.model("agents", "SELECT id, agent_config_id FROM config_history") == [("h1", "gone")]
    assert legacy.model("satellites", "SELECT id, bucket_id FROM bucket_transactions") == [(3, "gone")]


@pytest.mark.parametrize("inside", ["", "home"])
def test_trap_23_a_home_in_the_legacy_folder_is_refused(legacy: Legacy, inside: str) -> None:
    legacy.write("ledger.db", "ledger_v4", trades=[trade("O1")])
    before = legacy.fingerprint()
    with pytest.raises(HomeError, match="legacy folder"):
        replay(legacy.folder, legacy.folder / inside)
    assert legacy.fingerprint() == before


def test_trap_23_a_legacy_ledger_in_the_home_is_not_taken_for_ours(legacy: Legacy, tmp_path: Path) -> None:
    legacy.write("ledger.db", "ledger_v4", trades=[trade("O1")])
    shutil.copytree(legacy.folder, legacy.home)
    (tmp_path / "source").mkdir()
    with pytest.raises(HomeError, match="not a Daybook ledger"):
        replay(legacy.folder, legacy.home)


def test_trap_24_the_old_single_file_is_kept_row_by_row_and_the_empty_one_is_listed(legacy: Legacy) -> None:
    legacy.write("trader.db", "trader_v0", settings=[{"key": "a", "value": "1"}])
    (legacy.folder / "trading.db").touch()
    report = legacy.write("state.db", "state_v4").replay()
    assert tally(report, "trader.db", "settings").kept == 1
    assert {file.name: file.use for file in report.files}["trading.db"] == "empty"


def test_trap_25_a_second_run_appends_nothing_and_writes_nothing_into_the_folder(legacy: Legacy) -> None:
    legacy.write("ledger.db", "ledger_v4", trades=[trade("O1")])
    legacy.write("state.db", "state_v4", positions=[position("AAPL.US", 10.0)])
    legacy.write("history/AAPL_US.db", "history_v1", daily_prices=[bar("2025-01-02")])
    before = legacy.fingerprint()
    first = legacy.replay()
    head = legacy.ledger("SELECT count(*), max(hash) FROM stored_events")
    second = legacy.replay()
    assert (first.events_appended > 0, second.events_appended) == (True, 0)
    assert legacy.ledger("SELECT count(*), max(hash) FROM stored_events") == head
    assert legacy.fingerprint() == before


def test_trap_25_a_half_migrated_folder_is_read_and_the_new_layout_is_only_kept(legacy: Legacy) -> None:
    legacy.write("state.db", "state_v4", positions=[position("AAPL.US", 10.0)])
    legacy.run_new("portfolio.db", "CREATE TABLE positions (symbol TEXT PRIMARY KEY, quantity REAL) STRICT")
    legacy.write("portfolio.db", positions=[{"symbol": "AAPL.US", "quantity": 3.0}])
    report = legacy.replay()
    assert tally(report, "portfolio.db", "positions").kept == 1
    assert legacy.model("portfolio", "SELECT quantity FROM positions") == [(10.0,)]


def test_every_trap_has_a_test() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_traps_*.py"))
    assert {int(number) for number in re.findall(r"def test_trap_(\d\d)_", text)} == {*range(1, 26)}
