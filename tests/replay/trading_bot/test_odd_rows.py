"""Rows of the trading bot's stores that hold anything: each is accounted for, and no event is one that nothing can show."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import apsw
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.trading_bot import backtest, config, signals, trading
from replay.trading_bot.tables import CONFIG, EXECUTION, INDEX, SCANNER, SIGNALS, TRADING
from tests.projections.folded import tables
from tests.replay.folders import Table, insert, known_tables
from tests.searching import examples
from tests.trading_bot.translating import translated

FILES = {
    TRADING: "trading_bot/isolated_trading", SIGNALS: "trading_bot/isolated_signals",
    CONFIG: "trading_bot/isolated_config", INDEX: "trading_bot/isolated_index",
    SCANNER: "trading_bot/isolated_scanner", EXECUTION: "trading_bot/isolated_execution",
    "trading_bot.duckdb": "trading_bot/monolith_b",
}  # fmt: skip
PROJECTORS = (trading.projector, signals.projector, config.projector, backtest.projector)


@settings(max_examples=examples(12))
@given(table=known_tables(FILES), cut=st.integers(0, 6))
def test_whatever_a_table_holds_each_row_is_an_event_that_can_be_shown_or_is_kept(table: Table, cut: int) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        with closing(apsw.Connection(str(path))) as db, db:
            db.execute(table.create)
            insert(db, table.name, table.columns, table.rows)
            (there,) = db.execute(f'SELECT count(*) FROM "{table.name}"').fetchall()[0]
        found = translated(path, table.file)
    tally = found.tallies.get(table.name)
    assert tally is None or (tally.read, tally.events + tally.kept) == (there, there)
    for projector in PROJECTORS:
        assert tables(projector, found.given[:cut], found.given[cut:]) == tables(projector, found.given)
