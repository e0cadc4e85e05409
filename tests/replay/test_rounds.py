"""A legacy system that goes on living: its files change between replays, and replays are cut short anywhere."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import apsw
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from operations.replaying import replay
from replay.report import RunReport
from replay.run import Tell
from tests.legacy import Legacy
from tests.replay.folders import ANYTHING, SCHEMAS, BrokenText, Table, insert, known_tables, made, write
from tests.replay.oracle import Row, chain_holds, legacy_rows, listing, recorded_rows, stored
from tests.searching import examples

LIVING = {file: SCHEMAS[file] for file in ("config.db", "state.db", "ledger.db", "satellites.db", "history/AAPL_US.db")}
STATE = {
    "config": ("settings", "allocation_targets"),
    "universe": ("securities", "country_groups", "industry_groups"),
    # Of the positions only what was reported: the rest is computed from the trades, which stay.
    "portfolio": ("(SELECT symbol, report FROM holding_states WHERE report IS NOT NULL)", "scores"),
    "satellites": (
        "buckets", "bucket_balances", "satellite_settings", "allocation_settings", "satellite_regime_performance",
    ),
    "cache": ("recommendations",),
}  # fmt: skip
# What the legacy system only ever adds to, or trims: a row that is gone there stays in the log.
SERIES = ("daily_prices", "monthly_prices")
TRIMMED = frozenset({
    "trades", "cash_flows", "dividend_history", "portfolio_snapshots", "bucket_transactions", "schema_version", *SERIES,
})  # fmt: skip


PHASES = ("freeze", "prepare", "append", "append", "append", "append", "reconcile", "prove")
PICKS = st.integers(0, 100)
CRASHES = st.tuples(st.sampled_from(PHASES), st.integers(1, 6))


class Crash(Exception):
    """The process ends here."""


def crashing(phase: str, call: int) -> Tell:
    """Says nothing until that call of a phase, when the process is gone."""
    left = iter(range(call - 1))

    def tell(now: str, _file: str, _done: int, _total: int) -> None:
        if now == phase and next(left, None) is None:
            raise Crash

    return tell


def replay_in_pieces(legacy: Path, home: Path, crashes: Sequence[tuple[str, int]], batch_max: int) -> RunReport:
    """Replay with a crash at each of these moments, one after the other, then without one."""
    for phase, call in crashes:
        with suppress(Crash):
            replay(legacy, home, catch_up=False, batch_max=batch_max, tell=crashing(phase, call))
    return replay(legacy, home, catch_up=False, batch_max=batch_max)


def shown(home: Path, model: str, table: str) -> list[tuple[Any, ...]]:
    with closing(apsw.Connection(str(home / f"{model}.db"), flags=apsw.SQLITE_OPEN_READONLY)) as db:
        return sorted(db.execute(f"SELECT * FROM {table}").fetchall(), key=repr)


def with_columns_of(here: Counter[Row], there: Counter[Row]) -> Counter[Row]:
    """Recorded rows as the table would hold them now: a column that was dropped is no reason to record a bar again."""
    names = [name for row in [*here][:1] for name, _ in row]
    rows: Counter[Row] = Counter()
    for row, count in there.items():
        cells = dict(row)
        rows[frozenset((name, cells.get(name, ("null", b""))) for name in names)] += count
    return rows


class LivingFolder(RuleBasedStateMachine):
    """Two homes follow one legacy folder: one by whole replays, one by replays that are cut short and taken up again."""

    living: Mapping[str, str] = LIVING
    reshaped = False  # whether a row stays what it is when its table loses a column
    trimmed = TRIMMED

    def __init__(self) -> None:
        super().__init__()
        self.place = Path(mkdtemp())
        self.legacy, self.straight, self.broken = self.place / "legacy", self.place / "straight", self.place / "broken"
        write(self.legacy, [
            Table(file, name, create, (), []) for file, schema in self.living.items() for name, create, _ in made(schema)
        ])  # fmt: skip

        self.crashes: list[tuple[str, int]] = []
        self.batch_max, self.steps_to_go = 3, 1

    def change(self, pick: int, sql: str, values: Sequence[Any] = (), *, column: int = 0) -> None:
        """Change one of the tables that hold rows."""
        filled = sorted(legacy_rows(self.legacy))
        if not filled:
            return
        file, table = filled[pick % len(filled)]
        with closing(apsw.Connection(str(self.legacy / file))) as db:
            columns = [row[0] for row in db.execute("SELECT name FROM pragma_table_info(?)", (table,))]
            # The table may refuse the value, or have the column already.
            with suppress(apsw.ConstraintError, apsw.MismatchError, apsw.SQLError):
                db.execute(sql.format(table=table, column=columns[column % len(columns)]), values).fetchall()

    @initialize(tables=st.lists(known_tables(LIVING, wild=False), min_size=3, max_size=8))
    def it_begins_with_rows(self, tables: list[Table]) -> None:
        for table in tables:
            self.rows_are_written(table)

    @rule(table=known_tables(LIVING, wild=False))
    def rows_are_written(self, table: Table) -> None:
        with closing(apsw.Connection(str(self.legacy / table.file))) as db:
            with suppress(apsw.SQLError):  # the table is there
                db.execute(table.create)
            with suppress(apsw.SQLError):  # it has lost one of these columns
                insert(db, table.name, table.columns, table.rows)

    @rule(pick=PICKS, column=st.integers(0, 30), row=st.integers(0, 2), value=ANYTHING)
    def a_cell_changes(self, pick: int, column: int, row: int, value: Any) -> None:
        value, cast = (value[0], "CAST(? AS TEXT)") if isinstance(value, BrokenText) else (value, "?")
        chosen = f"(SELECT rowid FROM {{table}} ORDER BY rowid LIMIT 1 OFFSET {row})"
        self.change(pick, f'UPDATE {{table}} SET "{{column}}" = {cast} WHERE rowid = {chosen}', [value], column=column)

    @rule(pick=PICKS, rows=st.integers(1, 3))
    def rows_are_deleted(self, pick: int, rows: int) -> None:
        self.change(
            pick, f"DELETE FROM {{table}} WHERE rowid IN (SELECT rowid FROM {{table}} ORDER BY rowid LIMIT {rows})"
        )

    @rule(pick=PICKS)
    def a_table_is_dropped(self, pick: int) -> None:
        self.change(pick, "DROP TABLE {table}")

    @rule(pick=PICKS, name=st.sampled_from(("own", "isin", "note", "source")))
    def a_column_is_added(self, pick: int, name: str) -> None:
        self.change(pick, f"ALTER TABLE {{table}} ADD COLUMN {name} DEFAULT 7")

    @rule(pick=PICKS, column=st.integers(0, 30))
    def a_column_is_dropped(self, pick: int, column: int) -> None:
        self.change(pick, 'ALTER TABLE {table} DROP COLUMN "{column}"', column=column)

    @rule(crashes=st.lists(CRASHES, min_size=1, max_size=3), batch_max=st.integers(1, 4), after=st.integers(1, 3))
    def the_next_replay_is_cut_short(self, crashes: list[tuple[str, int]], batch_max: int, after: int) -> None:
        self.crashes, self.batch_max, self.steps_to_go = crashes, batch_max, after

    @invariant()
    def it_is_replayed(self) -> None:
        self.steps_to_go -= 1
        if self.steps_to_go <= 0:
            self.follow(self.crashes, self.batch_max)
            self.crashes, self.steps_to_go = [], 1

    def follow(self, crashes: list[tuple[str, int]], batch_max: int) -> None:
        before = listing(self.legacy)
        straight = replay(self.legacy, self.straight, catch_up=False)
        pieces = replay_in_pieces(self.legacy, self.broken, crashes, batch_max)
        for report in (straight, pieces):
            assert report.failed == {}
            assert report.mismatches == []
            assert report.proven
        assert listing(self.legacy) == before
        assert stored(self.broken) == stored(self.straight)
        rows, recorded = legacy_rows(self.legacy), recorded_rows(self.straight)
        for place in {*rows, *recorded}:
            here, there = rows.get(place, Counter()), recorded.get(place, Counter())
            if place[1] in SERIES or self.reshaped:
                there = with_columns_of(here, there)
            assert here <= there if place[1] in self.trimmed else here == there, place

    def teardown(self) -> None:
        try:
            self.follow(self.crashes, self.batch_max)
            assert chain_holds(self.broken)
            fresh = self.place / "fresh"
            for home in (self.straight, fresh):
                assert replay(self.legacy, home).proven
            for model, tables in STATE.items():
                for table in tables:
                    assert shown(self.straight, model, table) == shown(fresh, model, table), f"{model}.{table}"
        finally:
            shutil.rmtree(self.place)


def test_a_run_cut_short_and_taken_up_in_another_time_zone_reads_all_times_in_the_new_one(legacy: Legacy) -> None:
    rows = [{"key": f"s{number}", "value": "1", "updated_at": "2025-07-01T10:00:00"} for number in range(6)]
    legacy.write("config.db", "config_v12", settings=rows)
    with pytest.raises(Crash):
        legacy.replay(timezone="Europe/Athens", batch_max=2, tell=crashing("append", 3))
    assert 0 < len(legacy.events("setting-changed")) < len(rows)
    legacy.replay(timezone="America/New_York")
    assert legacy.model("config", "SELECT DISTINCT updated_at FROM settings") == [("2025-07-01T14:00:00.000000Z",)]


TestLivingFolder = LivingFolder.TestCase
TestLivingFolder.settings = settings(max_examples=examples(3), stateful_step_count=8)
