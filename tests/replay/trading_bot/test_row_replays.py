"""Row tables of the trading bot through a whole replay: what the legacy rows say is what the read models show."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import apsw
import pytest

from migrations import script
from operations.replaying import replay
from operations.tables import find_tables
from operations.tracing import trace
from projections.schema import columns_by_table
from replay.report import RunReport
from replay.trading_bot.tables import CONFIG, EXECUTION, INDEX, SCANNER, SIGNALS, TRADING
from tests.trading_bot import legacy
from tests.trading_bot.rows import CRUDE, HASH, INDIA, RELIANCE, Row, Rows

NAME = "trading_bot.duckdb"
SERIES = {"candles", "ohlcv_1m", "ohlcv_resampled", "live_ticks"}
MODELS = {
    "trading-bot/trading": "trading/trading.db", "trading-bot/signals": "signals/signals.db",
    "trading-bot/config": "config/config.db", "trading-bot/backtest": "backtest/index.db",
}  # fmt: skip
# Script and table to the read model's table, where that has another name, and columns whose name is another now.
TABLE_NAMES = {
    ("monolith_a", "trades"): "round_trips", ("isolated_run", "trades"): "backtest_trades",
    ("isolated_execution", "fills"): "trades",
}  # fmt: skip
COLUMN_NAMES = {
    ("monolith_a", "backtest_runs"): {
        "strategy_name": "strategy_id", "instrument_key": "symbol", "parameters": "params",
        "max_drawdown_pct": "max_drawdown", "win_rate": "legacy_win_rate",
    },
    ("monolith_b", "backtest_runs"): {"win_rate": "legacy_win_rate"},
    ("isolated_index", "backtest_runs"): {"win_rate": "legacy_win_rate"},
    ("monolith_b", "trades"): {"direction": "side", "price": "entry_price"},
    ("monolith_a", "ehma_universe"): {"score": "details"},
    ("isolated_trading", "positions"): {
        "quantity": "reported_quantity", "avg_entry_price": "reported_avg_entry_price",
        "realized_pnl": "reported_realized_pnl", "updated_at": "reported_at",
    },
    ("isolated_execution", "orders"): {"correlation_id": "order_id"},
    ("isolated_execution", "fills"): {"fill_id": "trade_id", "fee": "fees", "price": "entry_price"},
    ("isolated_execution", "positions"): {
        "side": "reported_quantity", "quantity": "reported_quantity", "avg_price": "reported_avg_entry_price",
        "timestamp": "reported_at",
    },
}  # fmt: skip
STORES = {
    TRADING: "isolated_trading", SIGNALS: "isolated_signals", CONFIG: "isolated_config", INDEX: "isolated_index",
    SCANNER: "isolated_scanner", EXECUTION: "isolated_execution",
}  # fmt: skip


def rows_of_b(*, dirt: bool = True) -> Rows:
    """A monolith's row tables: how bars and ticks come in is for other tests to say."""
    return {name: rows for name, rows in legacy.monolith_b(per_session=1, dirt=dirt).items() if name not in SERIES}


def stores() -> dict[str, Rows]:
    """The isolated stores without bars and ticks."""
    return {
        name: tables
        for name, tables in legacy.isolated(per_session=1).items()
        if not name.startswith(("market", "live"))
    }


def replayed(source: Path, home: Path) -> RunReport:
    report = replay(source, home, timezone="Asia/Kolkata")
    assert report.sums_hold
    assert report.mismatches == []
    assert report.proven
    return report


def shown(home: Path, model: str, table: str) -> list[Row]:
    with closing(apsw.Connection(str(home / MODELS[model]), flags=apsw.SQLITE_OPEN_READONLY)) as db:
        cursor = db.execute(f"SELECT * FROM {table}")
        return [dict(zip((name for name, *_ in cursor.description), row, strict=True)) for row in cursor]


def as_shown(cell: Any) -> Any:  # what the legacy program bound, and a cell of a read model
    if isinstance(cell, datetime):
        return cell.replace(tzinfo=INDIA).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(cell, date):
        return str(cell)
    return int(cell) if isinstance(cell, bool) else cell


def home_of(table: str) -> str:
    return next(model for model in MODELS if table in columns_by_table(model))


def assert_shown(home: Path, schema: str, tables: Rows) -> None:
    """Each legacy row stands in its read model, cell by cell; plain Python, nothing of the product's own proof."""
    for table, its_rows in tables.items():
        if table in SERIES:
            continue
        name = TABLE_NAMES.get((schema, table), table)
        renamed = COLUMN_NAMES.get((schema, table), {})
        found = shown(home, home_of(name), name)
        for row in its_rows:
            wanted = {renamed.get(column, column): as_shown(cell) for column, cell in row.items()}
            wanted.pop("details", None)
            wanted["side"] = {"LONG": "BUY", "SHORT": "SELL"}.get(wanted.get("side", ""), wanted.get("side"))
            assert any(all(one.get(column) == cell for column, cell in wanted.items()) for one in found), (
                table,
                wanted,
            )


@pytest.mark.parametrize("generation", ["a", "b"])
def test_every_row_of_a_monolith_is_shown_cell_by_cell(tmp_path: Path, generation: str) -> None:
    tables = rows_of_b(dirt=False)
    if generation == "a":
        tables = {name: rows for name, rows in legacy.monolith_a(per_session=1).items() if name not in SERIES}
    legacy.write_monolith(tmp_path / NAME, "a" if generation == "a" else "b", tables)
    report = replayed(tmp_path / NAME, tmp_path / "home")
    assert_shown(tmp_path / "home", f"monolith_{generation}", tables)
    compared = {(one.model, one.table) for one in report.models}
    listed = {TABLE_NAMES.get((f"monolith_{generation}", table), table) for table in tables if table not in SERIES}
    assert {table for _, table in compared} >= listed


@pytest.fixture(scope="module")
def after_both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home into which a monolith was replayed, then the stores that it had become, in which life had gone on."""
    place = tmp_path_factory.mktemp("both")
    tables = sorted({table for tables in stores().values() for table in tables})
    named = "".join(f'{table} = "Asia/Kolkata"\n' for table in tables)
    (place / "home").mkdir()
    # In a column that SQLite itself may fill, 2026-02-02 10:00:00 is taken for UTC, unless its table has a zone.
    (place / "home" / "daybook.toml").write_text(f"[sources.trading-bot.timezones]\n{named}")
    legacy.write_monolith(place / NAME, "b", rows_of_b())
    replayed(place / NAME, place / "home")
    later = stores()
    later[CONFIG]["users"].append({"username": "ravi", "password_hash": HASH, "roles": "viewer"})
    legacy.write_isolated(place / "stores", later)
    replayed(place / "stores", place / "home")
    return place


def test_the_stores_rows_are_shown_cell_by_cell_after_the_monolith(after_both: Path) -> None:
    written = stores()
    for file, schema in STORES.items():
        assert_shown(after_both / "home", schema, written[file])


def test_the_monolith_coming_again_takes_nothing_back(after_both: Path, tmp_path: Path) -> None:
    shutil.copytree(after_both / "home", tmp_path / "home")
    before = {model: shown(tmp_path / "home", model, "sqlite_schema") for model in MODELS}
    users = shown(tmp_path / "home", "trading-bot/config", "users")
    assert replayed(after_both / NAME, tmp_path / "home").events_appended == 0
    assert shown(tmp_path / "home", "trading-bot/config", "users") == users
    assert [row["username"] for row in users] == ["admin", "asha", "ravi"]
    assert {model: shown(tmp_path / "home", model, "sqlite_schema") for model in MODELS} == before


def test_a_row_that_changed_appends_the_change_and_one_that_vanished_ends(after_both: Path, tmp_path: Path) -> None:
    for part in ("home", "stores"):
        shutil.copytree(after_both / part, tmp_path / part)
    run(tmp_path / "stores" / SIGNALS, "UPDATE signals SET status = 'EXECUTED' WHERE signal_id = 'sig-2'")
    run(tmp_path / "stores" / CONFIG, "DELETE FROM users WHERE username = 'ravi'")
    run(tmp_path / "stores" / TRADING, "UPDATE positions SET quantity = -50")
    report = replayed(tmp_path / "stores", tmp_path / "home")
    assert report.breaks == []
    statuses = {row["signal_id"]: row["status"] for row in shown(tmp_path / "home", "trading-bot/signals", "signals")}
    assert (statuses["sig-2"], statuses["sig-3"]) == ("EXECUTED", "PENDING")
    assert [row["username"] for row in shown(tmp_path / "home", "trading-bot/config", "users")] == ["admin", "asha"]
    positions = shown(tmp_path / "home", "trading-bot/trading", "positions")
    assert [(row["symbol"], row["quantity"], row["reported_quantity"]) for row in positions] == [
        (CRUDE, 2.0, 2.0), (RELIANCE, -50.0, -50.0),
    ]  # fmt: skip


def run(path: Path, statement: str) -> None:
    with closing(apsw.Connection(str(path))) as db:
        db.execute(statement)


def test_a_password_hash_is_in_no_file_but_the_ledger_the_sources_copies_and_config_db(after_both: Path) -> None:
    home = after_both / "home"
    holding = {
        path.relative_to(home).as_posix()
        for path in home.rglob("*")
        if path.is_file() and HASH.encode() in path.read_bytes()
    }
    allowed = ("ledger.db", "config/config.db", "backups/")
    assert {path for path in holding if not path.startswith(allowed)} == set()


def created(schema: str) -> Iterable[tuple[str, list[str]]]:
    """The tables of a legacy script and their columns; the statements are plain enough for SQLite, whose types are loose."""
    with closing(apsw.Connection(":memory:")) as db:
        db.execute(script("legacy", "trading_bot", f"{schema}.sql"))
        for (table,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
            yield str(table), [str(name) for (name,) in db.execute("SELECT name FROM pragma_table_info(?)", (table,))]


@pytest.mark.parametrize("schema", ["monolith_a", "monolith_b", "isolated_run", *STORES.values()])
def test_no_legacy_column_is_lost(schema: str) -> None:
    for table, names in created(schema):
        if table in SERIES:
            continue
        name = TABLE_NAMES.get((schema, table), table)
        known = {column for column, _, _ in columns_by_table(home_of(name))[name]}
        renamed = COLUMN_NAMES.get((schema, table), {})
        assert [column for column in names if renamed.get(column, column) not in known] == []


@pytest.mark.parametrize("model", MODELS)
def test_a_row_of_every_table_is_traced_to_the_legacy_rows_behind_it(after_both: Path, model: str) -> None:
    home = after_both / "home"
    for table in find_tables(model):
        name = table.name.rpartition(".")[2]
        for row in shown(home, model, name)[:2]:
            found = trace(home, table.name, [str(row[column]) for column in table.keys[0]])
            assert found.row == found.shown == row
            gaps = {step.origin.gap for step in found.steps if not step.origin.row}
            assert gaps == ({"recorded here: no legacy row stands behind it"} if name == "reconciliations" else set())
