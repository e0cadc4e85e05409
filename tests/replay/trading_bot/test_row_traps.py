"""Where the trading bot's own migration lost or bent rows: each trap with the rows that fell into it (legacy facts 3)."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from domain.bot_backtest import BacktestRun, BacktestTradeClosed, EquityMarked
from domain.bot_config import (
    ContractListed,
    DerivativesMasterListed,
    FeedStatusChanged,
    RoleDefined,
    RunnerStateUpdated,
    UniverseSignalListed,
    UserRegistered,
)
from domain.bot_signals import RegimeIdentified, RegimeSnapshotTaken, SignalEmitted
from domain.bot_trading import BotPositionReported, FillRecorded, OrderPlaced, RoundTripClosed
from domain.event import Event
from migrations import script
from projections.trading_bot import backtest, config, signals, trading
from replay.trading_bot.fills import win_rate
from replay.trading_bot.tables import CONFIG, INDEX, RUNS, SIGNALS, TRADING
from tests.projections.folded import rows
from tests.trading_bot import legacy
from tests.trading_bot.rows import EVIL_RUN, HASH, OTHER_RUN, RELIANCE, RUN, Row, Rows
from tests.trading_bot.translating import Translated, translated

MONOLITH = "trading_bot.duckdb"
SERIES = ["live_ticks", "ohlcv_1m", "ohlcv_resampled"]
NOBODY_KNOWS: object = None


@pytest.fixture(scope="module")
def of_a(tmp_path_factory: pytest.TempPathFactory) -> Translated:
    path = tmp_path_factory.mktemp("a") / MONOLITH
    return translated(legacy.write_monolith(path, "a", legacy.monolith_a(per_session=1)), MONOLITH)


@pytest.fixture(scope="module")
def of_b(tmp_path_factory: pytest.TempPathFactory) -> Translated:
    path = tmp_path_factory.mktemp("b") / MONOLITH
    tables = legacy.monolith_b(per_session=1, old_roles=True)
    return translated(legacy.write_monolith(path, "b", tables, old_roles=True), MONOLITH)


@pytest.fixture(scope="module")
def of_stores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Translated]:
    folder, stores = tmp_path_factory.mktemp("stores"), legacy.isolated(per_session=1)
    legacy.write_isolated(folder, stores)
    return {file: translated(folder / file, file) for file in stores if not file.startswith(("market", "live"))}


def store(tmp_path: Path, file: str, tables: Rows) -> Translated:
    """An isolated store with these rows only."""
    made = script("legacy", "trading_bot", f"{legacy.ISOLATED_SCRIPTS[file]}.sql")
    return translated(legacy.write_sqlite(tmp_path / "store.db", made, tables), file)


def test_m1_a_user_who_stands_twice_takes_no_other_with_him(of_b: Translated) -> None:
    assert [row["username"] for row in rows(config.projector, "users", of_b.given)] == ["admin", "asha"]
    assert of_b.kept["users", "another row has the same username"] == 1
    assert of_b.tallies["users"].read == 3


def test_m2_users_who_came_after_the_migration_outlive_the_monolith_coming_again(
    tmp_path: Path, of_b: Translated
) -> None:
    later = store(tmp_path, CONFIG, {"users": [{"username": "ravi", "password_hash": "x", "roles": "viewer"}]})
    found = rows(config.projector, "users", [*of_b.given, *later.given, *of_b.given])
    assert [row["username"] for row in found] == ["admin", "asha", "ravi"]


def test_m3_a_role_without_permissions_takes_none_from_another(tmp_path: Path) -> None:
    schema = "CREATE TABLE roles (role_name TEXT PRIMARY KEY)"
    bare = translated(legacy.write_sqlite(tmp_path / "a.db", schema, {"roles": [{"role_name": "trader"}]}), CONFIG)
    seeded = store(tmp_path, CONFIG, {"roles": [{"role_name": "admin", "permissions": "read"}]})
    found = rows(config.projector, "roles", [*seeded.given, *bare.given])
    assert [(row["role_name"], row["permissions"]) for row in found] == [("admin", "read"), ("trader", None)]


@pytest.mark.parametrize(
    ("table", "event", "count"),
    [
        ("trades", FillRecorded, 5), ("runner_state", RunnerStateUpdated, 1), ("websocket_status", FeedStatusChanged, 1),
        ("fo_stocks_master", DerivativesMasterListed, 1), ("regime_insights", RegimeIdentified, 3),
        ("regime_snapshots", RegimeSnapshotTaken, 3), ("backtest_trades", BacktestTradeClosed, 6),
        ("backtest_equity_curves", EquityMarked, 3),
    ],
)  # fmt: skip
def test_m9_what_was_never_migrated_comes_in(of_b: Translated, table: str, event: type[Event], count: int) -> None:
    assert of_b.tallies[table].events == of_b.tallies[table].read == count == len(of_b.events(event))


def test_m9_orders_and_positions_of_the_stores_come_in(of_stores: dict[str, Translated]) -> None:
    assert len(of_stores[TRADING].events(OrderPlaced)) == len(of_stores[TRADING].events(BotPositionReported)) == 1


def test_m9_a_runs_own_file_and_the_monolith_tell_of_the_same_trades(
    of_b: Translated, of_stores: dict[str, Translated]
) -> None:
    own = of_stores[f"{RUNS}{RUN}.duckdb"].given
    streams = [one.stream for one in own]
    assert len(streams) == 3
    assert [one for one in of_b.given if one.stream in streams] == own
    both = rows(backtest.projector, "backtest_trades", [*of_b.given, *own])
    assert sorted((row["run_id"], row["trade_id"]) for row in both) == sorted(
        (run, f"pt_{number}") for run in (RUN, OTHER_RUN) for number in range(3)
    )


def test_m10_a_fraction_of_a_monolith_and_percent_of_the_index_show_as_the_same_percent(
    of_a: Translated, of_b: Translated, of_stores: dict[str, Translated]
) -> None:
    shown = [
        (row["win_rate"], row["legacy_win_rate"], row["win_rate_unit"])
        for found in (of_a, of_b, of_stores[INDEX])
        for row in rows(backtest.projector, "backtest_runs", found.given)
        if row["run_id"] == RUN
    ]
    assert shown == [(62.5, 0.625, "fraction"), (62.5, 0.625, "fraction"), (62.5, 62.5, "percent")]
    assert of_b.tallies["backtest_runs"].assumed["win_rate_pct"] == 2


@pytest.mark.parametrize(
    ("rate", "unit"), [(0.625, "fraction"), (1.0, "fraction"), (0.0, "fraction"), (1.5, "percent")]
)
def test_m10_up_to_one_is_a_fraction(rate: float, unit: str) -> None:
    fields: dict[str, object] = {"win_rate": rate, "total_trades": 8}
    assert win_rate(fields, NOBODY_KNOWS) == ["win_rate_pct"]  # type: ignore[arg-type]  # the rule looks nothing up
    assert fields["win_rate_unit"] == unit
    assert fields["win_rate_pct"] == Decimal(repr(rate)) * (100 if unit == "fraction" else 1)


def test_m10_a_run_that_failed_has_no_win_rate(of_b: Translated) -> None:
    (failed,) = [run for run in of_b.events(BacktestRun) if isinstance(run, BacktestRun) and run.run_id == EVIL_RUN]
    assert isinstance(failed, BacktestRun)
    assert (failed.win_rate, failed.win_rate_pct, failed.win_rate_unit, failed.assumed) == (None, None, None, ())


def test_m11_signals_without_an_id_stay_as_many_as_they_are(of_b: Translated, of_stores: dict[str, Translated]) -> None:
    for found in (of_b, of_stores[SIGNALS]):
        assert len(found.events(SignalEmitted)) == found.tallies["signals"].read == 8
        again = rows(signals.projector, "signals", [*found.given, *found.given])
        assert [row["signal_id"] for row in again].count(None) == 2


def test_m13_the_old_name_of_a_role_is_not_dropped(of_b: Translated) -> None:
    assert [(role.role_name, role.permissions) for role in of_b.events(RoleDefined) if isinstance(role, RoleDefined)] == [
        ("admin", "read,write,execute"), ("viewer", "read"),
    ]  # fmt: skip


def test_m13_the_column_names_of_the_first_monolith_are_not_dropped(of_a: Translated) -> None:
    (run, _) = rows(backtest.projector, "backtest_runs", of_a.given)
    expected = legacy.monolith_a()["backtest_runs"][0]
    assert (run["strategy_id"], run["symbol"], run["params"], run["max_drawdown"], run["final_capital"]) == tuple(
        expected[name]
        for name in ("strategy_name", "instrument_key", "parameters", "max_drawdown_pct", "final_capital")
    )


def test_no_table_of_a_monolith_is_unknown_but_bars_and_ticks(of_a: Translated, of_b: Translated) -> None:
    assert of_a.unmapped == SERIES[1:]
    assert of_b.unmapped == ["candles", "live_ticks", "ohlcv_resampled"]
    kept = {table for found in (of_a, of_b) for table, _ in found.kept}
    assert kept == {"users"}


def test_every_cell_of_every_row_is_in_a_field(
    of_a: Translated, of_b: Translated, of_stores: dict[str, Translated]
) -> None:
    for found in (of_a, of_b, *of_stores.values()):
        assert {name: tally.unknown_columns for name, tally in found.tallies.items() if tally.unknown_columns} == {}


def test_round_trips_contracts_and_the_scans_list_of_the_first_monolith_come_in(of_a: Translated) -> None:
    counts = [len(of_a.events(kind)) for kind in (RoundTripClosed, ContractListed, UniverseSignalListed)]
    assert counts == [3, 3, 1]
    (listed,) = rows(config.projector, "ehma_universe", of_a.given)
    assert (listed["signal_date"], listed["details"]) == ("2026-01-30", '{"score":0.5}')


def fork(tmp_path: Path, **cells: object) -> Row:
    """A fill from the fork's table, which has both columns of each pair."""
    schema = script("legacy", "trading_bot", "isolated_trading.sql").replace(
        "metadata TEXT\n);\nCREATE TABLE positions",
        "metadata TEXT, direction TEXT, price REAL, status TEXT\n);\nCREATE TABLE positions",
    )
    row = {"trade_id": "t", "symbol": RELIANCE, "timestamp": "2026-02-02 10:00:00", "quantity": 5} | cells
    found = translated(legacy.write_sqlite(tmp_path / "fork.db", schema, {"trades": [row]}), TRADING)
    assert found.tallies["trades"].unknown_columns == []
    (shown,) = rows(trading.projector, "trades", found.given)
    return shown


def test_of_two_columns_for_side_and_price_either_may_say_it(tmp_path: Path) -> None:
    shown = fork(tmp_path, direction="LONG", price=7.5, status="FILLED")
    assert (shown["side"], shown["entry_price"], shown["direction"], shown["price"]) == ("BUY", 7.5, None, None)


def test_of_two_columns_for_side_and_price_both_are_kept(tmp_path: Path) -> None:
    shown = fork(tmp_path, side="sell", direction="LONG", entry_price=8.0, price=7.5)
    assert (shown["side"], shown["entry_price"], shown["direction"], shown["price"]) == ("SELL", 8.0, "LONG", 7.5)


def test_a_password_hash_is_in_no_event_but_that_of_its_user(of_b: Translated) -> None:
    holding = {type(one.event) for one in of_b.given if HASH in repr(one.event)}
    assert holding == {UserRegistered}


@pytest.mark.parametrize("at", ["", None, "soon"])
def test_an_insight_whose_time_nobody_knows_is_kept(tmp_path: Path, at: str | None) -> None:
    found = store(
        tmp_path, SIGNALS, {"confluence_insights": [{"timestamp": at, "symbol": RELIANCE, "bias": "BULLISH"}]}
    )
    assert sum(found.kept.values()) == found.tallies["confluence_insights"].read == 1
    assert rows(signals.projector, "confluence_insights", found.given) == []


@pytest.mark.parametrize("cells", [{"side": "HOLD"}, {"quantity": None}, {"entry_price": "dear"}, {"symbol": None}])
def test_a_fill_that_says_too_little_is_kept_and_no_other_is_touched(tmp_path: Path, cells: Row) -> None:
    good = {"symbol": RELIANCE, "side": "BUY", "quantity": 1, "entry_price": 2.0, "timestamp": "2026-02-02 10:00:00"}
    found = store(tmp_path, TRADING, {"trades": [good | {"trade_id": "a"}, good | {"trade_id": "b"} | cells]})
    assert sum(found.kept.values()) == 1
    assert [row["trade_id"] for row in rows(trading.projector, "trades", found.given)] == ["a"]
