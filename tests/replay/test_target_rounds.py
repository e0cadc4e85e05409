"""From the older layout to the one with eight databases and on: what moved or only changed its shape is not new."""

from __future__ import annotations

import shutil
from contextlib import closing

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from operations.replaying import replay
from replay import run
from replay.reshaping import Shape
from replay.shared_series import OneOfMany
from tests.legacy import Legacy, bar, cash_flow, position, security, tally, trade
from tests.replay import target_folders as target
from tests.replay.folders import Table, known_tables, write
from tests.replay.oracle import legacy_rows, recorded_rows, stored
from tests.replay.target_folders import APPLE, DESIGNED, LATER, NOW, build
from tests.replay.test_rounds import TRIMMED, Crash, LivingFolder, crashing
from tests.searching import examples

EIGHT = {
    **{f"{name}.db": f"eight_databases/{name}_designed" for name in (
        "universe", "config", "ledger", "portfolio", "satellites", "agents", "history", "cache")},
}  # fmt: skip
LATER_EIGHT = {
    f"{name}.db": f"eight_databases/{name}_unix"
    for name in ("universe", "config", "ledger", "portfolio", "agents", "history", "cache")
}


def older(legacy: Legacy) -> Legacy:
    """The older layout, with rows that the designed state holds as well."""
    legacy.write("config.db", "config_v12",
        securities=[security("AAPL.US", isin=APPLE, updated_at="2025-12-01T09:00:00Z", created_at=NOW)],
        settings=[{"key": "min_security_score", "value": "0.5", "updated_at": NOW}],
        country_groups=[
            {"group_name": group, "country_name": country, "created_at": NOW, "updated_at": NOW}
            for group, country in (("Europe", "Germany"), ("Gone", "Nowhere"))])  # fmt: skip
    legacy.write("ledger.db", "ledger_v4",
        trades=[trade("O1", executed_at="2026-01-03T15:30:06Z", currency="USD", value_eur=950.0, bucket_id="tech")],
        cash_flows=[cash_flow("T1")])  # fmt: skip
    legacy.write("state.db", "state_v4", positions=[
        position("AAPL.US", 6.0, isin=APPLE, last_updated=NOW, first_bought_at="2026-01-03T15:30:06Z", bucket_id="tech",
                 current_price=110.0, currency_rate=1.05, market_value_eur=628.5, cost_basis_eur=571.4,
                 unrealized_pnl=57.1, unrealized_pnl_pct=10.0)])  # fmt: skip
    agents = DESIGNED["agents.db"]
    legacy.write("planner.db", "planner_v0", planner_configs=agents["agent_configs"], sequences=agents["sequences"],
        evaluations=agents["evaluations"], best_result=agents["best_result"])  # fmt: skip
    legacy.write("history/AAPL_US.db", "history_v1", daily_prices=[
        bar("2026-01-02", 100.5, volume=7), bar("2026-01-03", 110.0, volume=7)])  # fmt: skip
    return legacy


def moved(legacy: Legacy) -> Legacy:
    """The older folder was replayed, then the new one took its place."""
    assert older(legacy).replay(timezone="UTC").proven
    shutil.rmtree(legacy.folder)
    legacy.folder.mkdir()
    return build(legacy, DESIGNED, "designed")


def test_what_moved_to_another_file_is_not_recorded_again(legacy: Legacy) -> None:
    report = moved(legacy).replay(timezone="UTC")
    unchanged = {(one.file, one.table) for one in report.tables if one.unchanged == one.read > 0}
    assert unchanged == {
        ("agents.db", "agent_configs"), ("agents.db", "sequences"), ("agents.db", "evaluations"),
        ("agents.db", "best_result"), ("portfolio.db", "positions"), ("config.db", "settings"),
    }  # fmt: skip
    assert tally(report, "universe.db", "country_groups").unchanged == 1
    assert report.proven
    assert legacy.replay(timezone="UTC").events_appended == 0


def test_what_moved_is_still_there_and_what_did_not_is_gone(legacy: Legacy) -> None:
    moved(legacy).replay(timezone="UTC")
    assert legacy.model("universe", "SELECT group_name FROM country_groups ORDER BY 1") == [("Asia",), ("Europe",)]
    assert legacy.model("universe", "SELECT symbol, name FROM securities ORDER BY 1") == [
        ("AAPL.US", "AAPL.US Inc."), ("SAP.EU", "SAP.EU Inc.")]  # fmt: skip
    assert legacy.model("history", "SELECT count(*) FROM symbol_removals") == [(0,)]
    assert legacy.model("portfolio", "SELECT quantity FROM positions") == [(6.0,)]
    assert legacy.model("agents", "SELECT id FROM agent_configs") == [("a1",)]


def test_a_trade_of_both_layouts_is_one_trade(legacy: Legacy) -> None:
    moved(legacy).replay(timezone="UTC")
    assert legacy.ledger("SELECT order_id, side, bucket_id FROM trades WHERE order_id = 'O1'") == [
        ("O1", "BUY", "tech")
    ]
    assert [one["order_id"] for one in legacy.events("trade-executed")] == ["O1", "O2"]
    # In the newer one the side is in lower case, so the row did change.
    assert [one["order_id"] for one in legacy.events("trade-corrected")] == ["O1"]


def test_bars_that_the_log_has_of_another_file_are_not_recorded_again(legacy: Legacy) -> None:
    files = {"history.db": {"daily_prices": [
        target.bar("AAPL.US", "2026-01-02", 100.5), target.bar("AAPL.US", "2026-01-03", 110.0),
        target.bar("AAPL.US", "2026-01-05", 111.0)]}}  # fmt: skip
    older(legacy).replay(timezone="UTC")
    shutil.rmtree(legacy.folder)
    legacy.folder.mkdir()
    report = build(legacy, files, "designed").replay(timezone="UTC")
    found = tally(report, "history.db", "daily_prices")
    assert (found.unchanged, found.events, report.proven) == (2, 1, True)
    assert legacy.model("history", "SELECT date, close_price FROM daily_prices ORDER BY 1") == [
        ("2026-01-02", 100.5), ("2026-01-03", 110.0), ("2026-01-05", 111.0)]  # fmt: skip


def test_a_bar_that_differs_by_storage_class_alone_is_recorded(legacy: Legacy) -> None:
    older(legacy).replay(timezone="UTC")
    files = {"history.db": {"daily_prices": [target.bar("AAPL.US", "2026-01-02", 100.5, volume=None)]}}
    report = build(legacy, files, "designed").replay(timezone="UTC")
    assert tally(report, "history.db", "daily_prices").events == 1
    assert report.proven


def test_a_folder_may_hold_both_layouts_and_the_newest_is_shown(legacy: Legacy) -> None:
    newer = ("universe.db", "portfolio.db", "agents.db", "history.db")
    build(older(legacy), {file: DESIGNED[file] for file in newer}, "designed")
    report = legacy.replay(timezone="UTC")
    assert report.proven
    assert recorded_rows(legacy.home).items() <= legacy_rows(legacy.folder).items()
    assert legacy.model("universe", "SELECT symbol, updated_at FROM securities ORDER BY 1") == [
        ("AAPL.US", "2026-01-03T20:39:00.000000Z"), ("SAP.EU", "2026-01-03T20:39:00.000000Z")]  # fmt: skip
    assert legacy.replay(timezone="UTC").events_appended == 0
    legacy.run("state.db", "UPDATE positions SET quantity = 7, last_updated = '2026-01-04T00:00:00Z'")
    report = legacy.replay(timezone="UTC")
    (told,) = [one for one in report.models if (one.table, one.file) == ("positions", "portfolio.db")]
    assert (report.proven, told.elsewhere) == (True, 1)
    assert legacy.model("portfolio", "SELECT quantity FROM positions") == [(7.0,)]


def test_a_row_that_only_one_of_both_places_lost_is_not_gone(legacy: Legacy) -> None:
    older(legacy).replay(timezone="UTC")
    build(legacy, {"universe.db": DESIGNED["universe.db"]}, "designed").replay(timezone="UTC")
    legacy.run("config.db", "DELETE FROM country_groups").replay(timezone="UTC")
    assert legacy.model("universe", "SELECT group_name FROM country_groups ORDER BY 1") == [("Asia",), ("Europe",)]
    legacy.run("universe.db", "DELETE FROM country_groups").replay(timezone="UTC")
    assert legacy.model("universe", "SELECT group_name FROM country_groups") == []


def test_a_column_that_is_dropped_takes_nothing_from_the_ledger(legacy: Legacy) -> None:
    build(legacy, DESIGNED, "designed").replay(timezone="UTC")
    legacy.run("portfolio.db", "ALTER TABLE positions DROP COLUMN bucket_id").run(
        "portfolio.db", "ALTER TABLE positions RENAME COLUMN first_bought TO first_bought_at"
    )
    report = legacy.replay(timezone="UTC")
    assert tally(report, "portfolio.db", "positions").unchanged == 1
    assert report.proven
    assert legacy.model("portfolio", "SELECT bucket_id FROM positions") == [("tech",)]


def test_a_renamed_column_with_another_value_is_a_change(legacy: Legacy) -> None:
    build(legacy, DESIGNED, "designed").replay(timezone="UTC")
    legacy.run("portfolio.db", "ALTER TABLE positions RENAME COLUMN first_bought TO first_bought_at").run(
        "portfolio.db", "UPDATE positions SET first_bought_at = '2026-01-02T00:00:00Z'"
    )
    report = legacy.replay(timezone="UTC")
    assert (tally(report, "portfolio.db", "positions").events, report.proven) == (1, True)
    assert legacy.model("portfolio", "SELECT first_bought_at FROM positions") == [("2026-01-02T00:00:00.000000Z",)]


def test_a_target_in_percent_is_never_taken_for_a_fraction(legacy: Legacy) -> None:
    target_row = {
        "group_type": "country",
        "group_name": "X",
        "target_percentage": 0.5,
        "created_at": NOW,
        "updated_at": NOW,
    }
    build(legacy, {"config.db": {"allocation_targets": [target_row]}}, "designed").replay(timezone="UTC")
    assert legacy.model("config", "SELECT target_pct FROM allocation_targets") == [(0.005,)]
    legacy.run("config.db", "DROP TABLE allocation_targets").run(
        "config.db",
        "CREATE TABLE allocation_targets (type TEXT, name TEXT, target_pct REAL, created_at TEXT, updated_at TEXT)",
    )
    again = {"type": "country", "name": "X", "target_pct": 0.5, "created_at": NOW, "updated_at": NOW}
    assert legacy.write("config.db", allocation_targets=[again]).replay(timezone="UTC").proven
    assert legacy.model("config", "SELECT target_pct FROM allocation_targets") == [(0.5,)]


def test_the_later_state_goes_on_where_the_designed_one_ended(legacy: Legacy) -> None:
    build(legacy, DESIGNED, "designed").replay(timezone="UTC")
    shutil.rmtree(legacy.folder)
    legacy.folder.mkdir()
    assert build(legacy, LATER, "unix").replay(timezone="UTC").proven
    # What a migration called migrated-7 is the cash flow that was number 7.
    assert legacy.ledger("SELECT transaction_id, type_doc_id, date FROM cash_flows WHERE id IN (7, 2) ORDER BY 1") == [
        ("migrated-7", 0, "2026-01-02")]  # fmt: skip
    assert legacy.model("portfolio", "SELECT symbol FROM scores") == [("AAPL.US",)]
    assert legacy.replay(timezone="UTC").events_appended == 0


@pytest.mark.parametrize("call", [2, 5, 9])
def test_a_run_cut_short_is_taken_up_and_ends_with_the_same_events(legacy: Legacy, call: int) -> None:
    build(legacy, LATER, "unix")
    with pytest.raises(Crash):
        legacy.replay(timezone="UTC", batch_max=4, tell=crashing("append", call))
    legacy.replay(timezone="UTC", batch_max=4)
    cut_short, legacy.home = stored(legacy.home), legacy.home.with_name("straight")
    legacy.replay(timezone="UTC", batch_max=4)
    assert cut_short == stored(legacy.home)


@pytest.mark.parametrize("file", ["universe.db", "portfolio.db", "history.db", "config.db", "agents.db"])
def test_a_file_that_is_missing_is_no_reason_to_forget_anything(legacy: Legacy, file: str) -> None:
    before = build(legacy, LATER, "unix").replay(timezone="UTC").position
    (legacy.folder / file).unlink()
    legacy.replay(timezone="UTC")
    after = legacy.ledger(f"SELECT DISTINCT type FROM events WHERE position > {before}")
    assert [kind for (kind,) in after if kind.endswith(("removed", "dropped", "kept", "untagged", "vanished"))] == []


@pytest.mark.parametrize(
    ("model", "damage"),
    [
        ("portfolio", "UPDATE scores SET stability_score = 0.25"),
        ("portfolio", "DELETE FROM cash_balances WHERE currency = 'USD'"),
        ("config", "UPDATE planner_settings SET updated_at = NULL"),
        ("universe", "DELETE FROM security_tags"),
        ("history", "UPDATE daily_prices SET close_price = 9 WHERE symbol = 'SAP.EU'"),
        ("history", "UPDATE daily_prices SET volume = 9.0 WHERE date = '2026-01-06'"),
        ("history", "DELETE FROM monthly_prices"),
        ("history", "UPDATE exchange_rates SET rate = 2"),
    ],
)
def test_a_read_model_that_says_something_else_than_the_files_is_noticed(
    legacy: Legacy, model: str, damage: str
) -> None:
    build(legacy, LATER, "unix").replay(timezone="UTC")
    assert not [line for line in legacy.replay(timezone="UTC").findings if line.startswith(f"{model}.db was")]
    with closing(apsw.Connection(str(legacy.home / f"{model}.db"))) as db:
        db.execute(damage)
    assert [line for line in legacy.replay(timezone="UTC").findings if line.startswith(f"{model}.db was")]


def test_a_row_that_the_log_has_otherwise_breaks_the_proof(legacy: Legacy, monkeypatch: pytest.MonkeyPatch) -> None:
    build(legacy, LATER, "unix").replay(timezone="UTC")
    monkeypatch.setattr(Shape, "recorded", lambda *_: None)
    monkeypatch.setattr(OneOfMany, "_rows_at", lambda *_: {})
    monkeypatch.setattr(run, "append_all", lambda work, *_, **__: setattr(work.report, "tables", []))
    report = replay(legacy.folder, legacy.home, timezone="UTC")
    assert {one.subject.partition(" symbol")[0] for one in report.mismatches if "daily_prices" in one.subject}
    assert not report.proven


@settings(
    max_examples=examples(5),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)
@given(tables=st.lists(
    known_tables(EIGHT) | known_tables(LATER_EIGHT), min_size=1, max_size=4,
    unique_by=lambda table: (table.file, table.name.lower())))  # fmt: skip
def test_whatever_the_eight_databases_hold_is_proven(
    tables: list[Table], tmp_path_factory: pytest.TempPathFactory
) -> None:
    legacy = Legacy(tmp_path_factory.mktemp("eight"))
    write(legacy.folder, tables)
    legacy.replay()
    assert recorded_rows(legacy.home) == legacy_rows(legacy.folder)
    assert legacy.replay().events_appended == 0


LIVING_EIGHT = {file: LATER_EIGHT[file] for file in ("universe.db", "portfolio.db", "history.db", "ledger.db")}


class LivingEight(LivingFolder):
    """The same life for the layout with eight databases."""

    living = LIVING_EIGHT
    reshaped = True
    trimmed = TRIMMED | {"drip_tracking", "exchange_rates"}

    @initialize(tables=st.lists(known_tables(LIVING_EIGHT, wild=False), min_size=3, max_size=8))
    def it_begins_with_rows(self, tables: list[Table]) -> None:
        for table in tables:
            self.rows_are_written(table)

    @rule(table=known_tables(LIVING_EIGHT, wild=False))
    def rows_are_written(self, table: Table) -> None:
        super().rows_are_written(table)


TestLivingEight = LivingEight.TestCase
TestLivingEight.settings = settings(max_examples=examples(3), stateful_step_count=6, deadline=None)
del LivingFolder  # its own test is elsewhere
