"""backtest/runs/: a file per run, whatever the run is called, made again from the log and proven against it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.bot_backtest import BacktestRun, BacktestTradeClosed, BacktestTradeRemoved, EquityMarked
from domain.bot_runs import FOLDER, run_file
from domain.bot_trading import RoundTripClosed
from domain.event import Event
from ledger.log import open_log
from projections.engine import catch_up, model_path
from projections.profiles import open_reading
from projections.rebuilding import rebuild
from projections.trading_bot.backtest import projector
from projections.verifying import verify_model
from tests.projections.logs import ledger_of
from tests.trading_bot.rows import EVIL_RUN, RUN

Rows = list[tuple[object, ...]]
_DAY = "2026-01-30T10:00:0{}.000000Z"


def closed(run: str, trade: str, pnl: float = 1.0, second: int = 0) -> BacktestTradeClosed:
    fields = {"run_id": run, "trade_id": trade, "pnl": pnl, "qty": 10, "entry_price": 1400.05, "metadata": "{'a': 1}"}
    return msgspec.convert(fields | {"occurred_at": _DAY.format(second)}, BacktestTradeClosed)


def marked(run: str, second: int, equity: float) -> EquityMarked:
    return msgspec.convert({"run_id": run, "occurred_at": _DAY.format(second), "equity": equity}, EquityMarked)


HISTORY: list[Event] = [
    BacktestRun(run_id=RUN), closed(RUN, "a"), closed(RUN, "b", 2.0, 1), closed(EVIL_RUN, "a", 7.0),
    marked(RUN, 1, 100.0), marked(RUN, 1, 101.5), closed(RUN, "a", 3.25), closed(RUN, "c"),
    BacktestTradeRemoved(run_id=RUN, trade_id="c"),
]  # fmt: skip


def caught_up(home: Path, events: Sequence[Event] = HISTORY) -> Path:
    ledger_of(home, events)
    with open_log(home) as log:
        catch_up(projector, log, model_path(home, projector.name))
        assert verify_model(projector, log, home).is_proven
    return home


def ask(path: Path, query: str) -> Rows:
    with duckdb.connect(str(path), read_only=True) as db:
        return db.execute(query).fetchall()


def trades(home: Path, run: str) -> Rows:
    return ask(home / run_file(run).path, "SELECT trade_id, pnl, qty, metadata FROM trades ORDER BY trade_id")


def test_a_run_has_its_trades_as_they_were_last_stated(tmp_path: Path) -> None:
    home = caught_up(tmp_path)
    assert trades(home, RUN) == [("a", 3.25, 10.0, "{'a': 1}"), ("b", 2.0, 10.0, "{'a': 1}")]
    assert ask(home / run_file(RUN).path, "SELECT timestamp::VARCHAR, equity FROM equity") == [
        ("2026-01-30 10:00:01", 101.5)
    ]


def test_a_run_whose_id_is_a_path_gets_a_file_in_its_folder_and_is_listed(tmp_path: Path) -> None:
    home = caught_up(tmp_path / "home")
    assert trades(home, EVIL_RUN) == [("a", 7.0, 10.0, "{'a': 1}")]
    assert {path.parent for path in tmp_path.rglob("*.duckdb")} == {home / FOLDER}
    db = open_reading(home / projector.file)
    assert db.execute("SELECT run_id, why FROM run_files WHERE is_renamed").fetchall() == [
        (EVIL_RUN, "contains a slash")
    ]
    db.close()


@pytest.mark.parametrize("damage", ["gone", "bytes", "row", "other"])
def test_damage_is_found_and_mended(tmp_path: Path, damage: str) -> None:
    home = caught_up(tmp_path)
    path = home / run_file(RUN).path
    before = trades(home, RUN)
    match damage:
        case "gone":
            path.unlink()
        case "bytes":
            path.write_bytes(bytes(100) + path.read_bytes()[100:])
        case "row":
            with duckdb.connect(str(path)) as db:
                db.execute("UPDATE trades SET pnl = 99 WHERE trade_id = 'b'")
        case _:
            path.write_bytes((home / run_file(EVIL_RUN).path).read_bytes())
    with open_log(home) as log:
        assert not verify_model(projector, log, home).is_proven
        rebuild(projector, log, home)
        assert verify_model(projector, log, home).is_proven
    assert trades(home, RUN) == before


def test_only_the_run_that_something_is_said_of_is_made_again(tmp_path: Path) -> None:
    home = caught_up(tmp_path)
    other = home / run_file(EVIL_RUN).path
    before = other.stat().st_mtime_ns, other.stat().st_ino
    caught_up(home, [closed(RUN, "d")])
    assert (other.stat().st_mtime_ns, other.stat().st_ino) == before
    assert [row[0] for row in trades(home, RUN)] == ["a", "b", "d"]


def test_a_round_trip_of_the_first_monolith_is_in_the_file_of_the_run_that_it_belongs_to_now(tmp_path: Path) -> None:
    def trip(run: str | None, pnl: float) -> RoundTripClosed:
        fields = {"trade_id": "t", "run_id": run, "instrument_key": "K", "trade_type": "BACKTEST", "direction": "LONG"}
        more = {"entry_price": 1, "quantity": 2, "commission": 3, "pnl": pnl, "exit_reason": "TP"}
        return msgspec.convert(fields | more | {"occurred_at": _DAY.format(0)}, RoundTripClosed)

    home = caught_up(tmp_path, [trip("one", 1.0), trip("one", 2.0), trip(None, 9.0)])
    assert trades(home, "one") == []
    home = caught_up(home, [trip("two", 4.0)])
    assert trades(home, "one") == []
    said = '{"trade_type":"BACKTEST","exit_reason":"TP","pnl_pct":null,"notes":null}'
    assert trades(home, "two") == [("t", 4.0, 2.0, said)]


@given(ids=st.sets(st.text(max_size=130) | st.sampled_from(["A", "a", "con", "x/../y"]), max_size=8))
@example(ids={"..", "", ".", "a/b", "a\\b", "A", "a", "\x00", "sha256-" + "0" * 64, "é", "x" * 101, "\ud800"})
def test_no_id_leads_out_of_the_folder_or_into_the_file_of_another(ids: set[str]) -> None:
    paths = [run_file(one).path for one in ids]
    assert len({path.lower() for path in paths}) == len(ids)
    for path in paths:
        folder, _, name = path.rpartition("/")
        assert folder == FOLDER
        assert name.isascii()
        assert name.isprintable()
        assert len(name) <= 110
        assert not name.startswith(".")
        assert Path(path).name == name


def test_a_plain_id_names_its_file() -> None:
    assert run_file(RUN) == (f"{FOLDER}/{RUN}.duckdb", None)
    assert run_file("scan_20260202_180000_0a1b2c_train_reliance").why is None
