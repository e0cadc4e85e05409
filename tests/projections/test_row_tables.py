"""Every table whose rows are events as they stand: discovered, not listed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import apsw
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.event import Event
from migrations import script
from migrations.runner import read_model_script
from projections import catalog
from projections.projector import Projector, RowTable
from tests.projections.folded import Given, rows, tables
from tests.searching import examples
from tests.strategies import events

PROJECTORS = {projector.name: projector for projector in catalog.projectors()}
TABLES = [
    pytest.param(projector, table, id=f"{projector.name}-{table.table}")
    for projector in PROJECTORS.values()
    for table in projector.rows
]

# Legacy script and table: read model and table, and the columns that have another name now.
HOMES: dict[tuple[str, str], tuple[str, str, dict[str, str]]] = {
    ("config_v12", "securities"): ("universe", "securities", {}),
    ("config_v9", "stocks"): ("universe", "securities", {}),
    ("config_v12", "country_groups"): ("universe", "country_groups", {}),
    ("config_v12", "industry_groups"): ("universe", "industry_groups", {}),
    ("config_v12", "settings"): ("config", "settings", {}),
    ("config_v12", "allocation_targets"): ("config", "allocation_targets", {}),
    ("recommendations_v2", "recommendations"): ("cache", "recommendations", {}),
    ("config_v6", "recommendations"): ("cache", "recommendations", {}),
    ("state_v4", "positions"): ("portfolio", "positions", {}),
    ("state_v4", "scores"): ("portfolio", "scores", {}),
    ("state_v4", "portfolio_snapshots"): ("portfolio", "portfolio_snapshots", {}),
    ("calculations_v3", "scores"): ("portfolio", "scores", {}),
    ("calculations_v3", "calculated_metrics"): ("portfolio", "calculated_metrics", {}),
    ("satellites_v1", "buckets"): ("satellites", "buckets", {}),
    ("satellites_v1", "satellite_settings"): ("satellites", "satellite_settings", {}),
    ("satellites_v1", "bucket_balances"): ("satellites", "bucket_balances", {}),
    ("satellites_v1", "bucket_transactions"): ("satellites", "bucket_transactions", {}),
    ("satellites_v1", "allocation_settings"): ("satellites", "allocation_settings", {}),
    ("satellites_v1", "satellite_regime_performance"): ("satellites", "satellite_regime_performance", {}),
    ("planner_v0", "planner_configs"): ("agents", "agent_configs", {}),
    ("planner_v0", "planner_config_history"): ("agents", "config_history", {"planner_config_id": "agent_config_id"}),
    ("planner_v0", "sequences"): ("agents", "sequences", {}),
    ("planner_v0", "evaluations"): ("agents", "evaluations", {}),
    ("planner_v0", "best_result"): ("agents", "best_result", {}),
    ("cache_v2", "cache_entries"): ("cache", "cache_data", {"key": "cache_key", "value": "cache_value"}),
    ("cache_v2", "yahoo_cache"): ("cache", "cache_data", {"data": "cache_value"}),
    ("cache_v2", "recommendation_cache"): ("cache", "cache_data", {"data": "cache_value"}),
    ("cache_v2", "analytics_cache"): ("cache", "cache_data", {"data": "cache_value"}),
}


def columns(sql: str, table: str) -> list[str]:
    db = apsw.Connection(":memory:")
    db.execute(sql)
    return [name for (name,) in db.execute("SELECT name FROM pragma_table_info(?) ORDER BY cid", [table])]


def shown(table: RowTable) -> list[msgspec.structs.FieldInfo]:
    """The fields that are columns."""
    return [field for field in msgspec.structs.fields(table.row) if field.name != "copy"]


def stored(value: object) -> object:
    return float(value) if isinstance(value, Decimal) else value


@pytest.mark.parametrize(("projector", "table"), TABLES)
def test_struct_and_table_have_the_same_columns_in_the_same_order(projector: Projector, table: RowTable) -> None:
    names = [field.name for field in shown(table)]
    assert columns(read_model_script(projector.name), table.table) == names
    if table.newest:
        assert columns(read_model_script(projector.name), f"{table.table}_copies") == ["copy", *names]


@pytest.mark.parametrize(("projector", "table"), TABLES)
@settings(max_examples=examples(8))
@given(data=st.data())
def test_every_column_is_filled_from_its_field(projector: Projector, table: RowTable, data: st.DataObject) -> None:
    for stated in table.stated:
        event = data.draw(events(stated))
        found = rows(projector, table.table, [Given("thing:1", event)])
        assert found == [{field.name: stored(getattr(event, field.encode_name)) for field in shown(table)}]


@pytest.mark.parametrize(("projector", "table"), TABLES)
@settings(max_examples=examples(5))
@given(data=st.data())
def test_a_second_statement_replaces_the_row_whole(projector: Projector, table: RowTable, data: st.DataObject) -> None:
    first = data.draw(events(table.stated[0], copy=st.none()) if table.newest else events(table.stated[0]))
    key = {name: getattr(first, name) for name in event_key(table)}
    newer = {"occurred_at": "2061-01-01T00:00:00.000000Z", "created_at": "2061-01-01T00:00:00.000000Z", "copy": None}
    fixed = key | ({name: newer[name] for name in newer if name not in key} if table.newest else {})
    fixed = {name: value for name, value in fixed.items() if name in first.__struct_fields__}
    second = msgspec.structs.replace(data.draw(events(table.stated[0])), **fixed)
    once = tables(projector, [Given("thing:1", second)])[table.table]
    assert tables(projector, [Given("thing:1", first), Given("thing:1", second)])[table.table] == once
    assert tables(projector, [Given("thing:1", first)], [Given("thing:1", second)])[table.table] == once


@pytest.mark.parametrize(("projector", "table"), [param for param in TABLES if param.values[1].removed])
@settings(max_examples=examples(5))
@given(data=st.data())
def test_a_removal_takes_its_own_row_and_no_other(projector: Projector, table: RowTable, data: st.DataObject) -> None:
    kept, gone = data.draw(events(table.stated[0])), data.draw(events(table.stated[0]))
    names = event_key(table)
    if [getattr(kept, name) for name in names] == [getattr(gone, name) for name in names]:
        return
    removal = removal_of(table, gone, data)
    facts = [Given("thing:1", kept), Given("thing:2", gone), Given("thing:2", removal)]
    assert tables(projector, facts)[table.table] == tables(projector, facts[:1])[table.table]
    assert tables(projector, *[[fact] for fact in facts])[table.table] == tables(projector, facts)[table.table]


def event_key(table: RowTable) -> list[str]:
    fields = {field.name: field.encode_name for field in msgspec.structs.fields(table.row)}
    return [fields[name] for name in table.key]


def removal_of(table: RowTable, event: Event, data: st.DataObject) -> Event:
    removed = table.removed[0]
    copied: dict[str, Any] = {
        name: getattr(event, name)
        for name in [*event_key(table), "copy"]
        if name in removed.__struct_fields__ and name in event.__struct_fields__
    }
    return msgspec.structs.replace(data.draw(events(removed)), **copied)


@pytest.mark.parametrize(("script_name", "legacy"), HOMES)
def test_no_legacy_column_is_lost(script_name: str, legacy: str) -> None:
    model, table, renamed = HOMES[script_name, legacy]
    before = columns(script("legacy", "arduino_trader", f"{script_name}.sql"), legacy)
    now = columns(read_model_script(model), table)
    assert before, "the legacy script has no such table"
    assert [name for name in before if renamed.get(name, name) not in now] == []


@pytest.mark.parametrize("projector", PROJECTORS.values(), ids=PROJECTORS.keys())
def test_every_table_is_strict(projector: Projector) -> None:
    db = apsw.Connection(":memory:")
    db.execute(read_model_script(projector.name))
    declared = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table'"
    assert db.execute(f"{declared} AND strict = 0 AND name NOT LIKE 'sqlite_%'").fetchall() == []
