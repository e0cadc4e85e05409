"""Traces: every row is what its events make, every chain ends in the legacy file's own row, and a broken link says why."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import apsw
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from cli import main
from domain.errors import LedgerError
from domain.event import Event, encode, topic_of
from domain.portfolio import PositionReconciled
from domain.prices import ExchangeRateQuoted
from domain.systems import ARDUINO_TRADER
from domain.trading import DividendPaid, TradeExecuted, TradeVoided
from ledger.concerning import concerning
from ledger.log import Entry, open_log
from operations.following import follow
from operations.tables import ModelTable, find_tables
from operations.tracing import Trace, trace
from operations.tracing_back import trace_from
from projections import catalog
from projections.engine import catch_up
from projections.narrowing import events_of
from projections.rebuilding import model_path, rebuild
from replay.verbatim import wrap
from tests.audit.keyed import told, write
from tests.legacy import Legacy, position, score, trade
from tests.searching import examples

MODELS = [projector.name for projector in catalog.projectors() if projector.system == ARDUINO_TRADER]


def live_keys(
    home: Path, table: Any, most: int
) -> Iterator[tuple[list[str], dict[str, Any]]]:  # a table as it is named
    """Some keys of a table as a user writes them, with the live row."""
    with open_log(home) as log:
        rows = table.live(home, log, {}).rows
    step = max(1, len(rows) // most)
    for row in rows[::step][:most]:
        cells = dict(zip(table.columns, row, strict=True))
        columns = next(key for key in table.keys if all(cells[name] is not None for name in key))
        yield [str(cells[name]) for name in columns], cells


def legacy_row(home: Path, file: str, table: str, wanted: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of a legacy file, found by some of their cells with plain SQL."""
    db = sqlite3.connect(f"file:{home.parent / 'legacy' / file}?mode=ro", uri=True)
    db.row_factory = sqlite3.Row
    where = " AND ".join(f'"{name}" IS ?' for name in wanted) or "TRUE"
    found = [dict(row) for row in db.execute(f'SELECT * FROM "{table}" WHERE {where}', tuple(wanted.values()))]
    db.close()
    return [{name: wrap(cell) for name, cell in row.items()} for row in found]


@pytest.mark.parametrize("model", ["ledger", *MODELS])
def test_every_row_is_what_its_events_make_and_every_chain_ends_in_the_legacy_row(demo: Path, model: str) -> None:
    chains = 0
    for table in find_tables(model):
        for key, live in live_keys(demo, table, most=4):
            found = trace(demo, table.name, key)
            assert found.row == found.shown == live
            assert found.exit_code == 0
            assert sum(len(step.sets) for step in found.steps) == len(table.columns)
            for step in found.steps:
                origin = step.origin
                assert bool(origin.row) != bool(origin.gap) or origin.key[0] != origin.key[-1]
                if origin.row and origin.file and origin.table:
                    same = legacy_row(demo, origin.file, origin.table, _plain(origin.row))
                    assert origin.row in same
                    chains += 1
    assert chains > 0


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: cell for name, cell in row.items() if not isinstance(cell, dict)}


@pytest.mark.parametrize(
    ("name", "legacy_table", "column"),
    [
        ("portfolio.positions", "positions", "quantity"),
        ("universe.securities", "securities", "fullExchangeName"),
        ("history.daily_prices", "daily_prices", "close_price"),
        ("ledger.trades", "trades", "price"),
        ("ledger.cash_flows", "cash_flows", "amount"),
        ("config.settings", "settings", "value"),
        ("cache.cache_data", "cache_entries", "cache_value"),
        ("satellites.buckets", "buckets", "target_pct"),
    ],
)
def test_a_cell_ends_in_the_legacy_cell(demo: Path, name: str, legacy_table: str, column: str) -> None:
    (table,) = find_tables(name)
    for key, live in live_keys(demo, table, most=5):
        found = trace(demo, name, [*key, column])
        last = found.steps[-1]
        assert last.sets == [column]
        assert last.cells[column][1] == live[column]
        if last.origin.table == legacy_table:
            assert last.origin.cell == live[column]
            return
    raise AssertionError(f"no {column} comes from {legacy_table}")


@pytest.mark.parametrize(
    ("file", "table", "key", "place"),
    [
        ("state.db", "positions", "symbol", "portfolio.positions"),
        ("ledger.db", "trades", "order_id", "ledger.trades"),
        ("config.db", "securities", "symbol", "universe.securities"),
        ("planner.db", "planner_configs", "id", "agents.agent_configs"),
        ("satellites.db", "bucket_transactions", "id", "satellites.bucket_transactions"),
    ],
)
def test_a_legacy_row_leads_to_the_row_that_shows_it(demo: Path, file: str, table: str, key: str, place: str) -> None:
    row = next(one for one in legacy_row(demo, file, table, {}) if one[key] is not None)
    (found,) = trace_from(demo, file, table, [str(row[key])])
    assert found.origin.row == row
    shown = next(one for one in found.rows if one.place == place)
    assert shown.fate == "shows it"
    assert shown.row == trace(demo, place, [str(value) for value in shown.key.values()]).shown
    by_cell = trace_from(demo, file, table, [f"{key}={row[key]}"])
    assert [one.position for one in by_cell] == [found.position]


def test_a_bar_leads_from_its_file_to_its_day_and_no_further(demo: Path) -> None:
    (table,) = find_tables("history.daily_prices")
    key, _ = next(live_keys(demo, table, most=1))
    file = trace(demo, table.name, key).steps[0].origin.file or ""
    row = legacy_row(demo, file, "daily_prices", {})[20]
    found = trace_from(demo, file, "daily_prices", [row["date"]])
    assert found[0].origin.row == row
    assert {one.key["date"] for each in found for one in each.rows} == {row["date"]}


@pytest.mark.parametrize("model", MODELS)
@settings(max_examples=examples(4))
@given(data=st.data())
def test_whatever_happened_the_way_of_a_row_ends_at_the_row(model: str, data: st.DataObject) -> None:
    projector = catalog.find(model)
    facts = data.draw(st.lists(st.sampled_from(events_of(projector)).flatmap(told), max_size=14))
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        write(home, facts)
        with open_log(home) as log:
            rebuild(projector, log, home)
            head = log.head().position
            for table in (one for one in find_tables(model) if isinstance(one, ModelTable)):
                for row in table.live(home, log, {}).rows:
                    key = {name: row[table.columns.index(name)] for name in table.keys[0]}
                    way = follow(log, table, key, concerning(log, table.sought(key), through=head), at=head)
                    assert way.row == way.at == row
                    assert [one.before for one in way.changes[1:]] == [one.after for one in way.changes[:-1]]


def test_quotes_that_may_concern_anything_are_followed_as_exactly_as_one_by_one(tmp_path: Path) -> None:
    events = [
        _bought(10, "USD"),
        *(_quoted(str(Decimal(100 + n % 7) / 100), f"2026-01-0{1 + n % 3}") for n in range(40)),
    ]
    append(tmp_path, *events)
    found = trace(tmp_path, "portfolio.positions", ["A.US", "cost_basis_eur"])
    expected = [
        1,
        *(position for position, event in enumerate(events, 1) if _newest_of_its_day(events, position, event)),
    ]
    assert [step.position for step in found.steps] == expected[1:]
    assert "quoted by the event at position" in found.computed["cost_basis_eur"]


def _newest_of_its_day(events: list[Event], position: int, event: Event) -> bool:
    """Whether a quote of the day of the trade changes its rate: every quote of a day is as new as the others."""
    if not isinstance(event, ExchangeRateQuoted) or (event.occurred_at or "")[:10] != "2026-01-02":
        return False
    before = [
        one for one in events[1 : position - 1]
        if isinstance(one, ExchangeRateQuoted) and (one.occurred_at or "")[:10] == "2026-01-02"
    ]  # fmt: skip
    last = before[-1] if before else None
    return not isinstance(last, ExchangeRateQuoted) or last.rate != event.rate


def _quoted(rate: str, day: str) -> ExchangeRateQuoted:
    return ExchangeRateQuoted(
        from_currency="USD", to_currency="EUR", rate=Decimal(rate), occurred_at=f"{day}T12:00:00.000000Z"
    )


def _bought(quantity: int, currency: str = "EUR") -> TradeExecuted:
    return TradeExecuted(
        symbol="A.US", side="BUY", quantity=Decimal(quantity), price=Decimal(10), order_id="T-1", currency=currency,
        occurred_at="2026-01-02T10:00:00.000000Z",
    )  # fmt: skip


def append(home: Path, *events: Event, stream: str = "thing:{}", models: bool = True) -> None:
    """Record these events and bring the read models up."""
    with open_log(home, create=True, write=True) as log:
        start = log.head().position
        log.append([Entry(stream.format(start + n), topic_of(type(one)), encode(one)) for n, one in enumerate(events)])
        if models:
            for projector in catalog.projectors():
                catch_up(projector, log, model_path(home, projector.name))


def reasons(found: Trace) -> list[str]:
    return [gap.reason for gap in found.gaps]


def test_what_was_entered_here_is_a_gap_with_that_reason(tmp_path: Path) -> None:
    append(tmp_path, _bought(10))
    found = trace(tmp_path, "portfolio.positions", ["A.US"])
    assert reasons(found) == ["recorded here: no legacy row stands behind it"]
    assert found.exit_code == 0
    assert found.computed["quantity"] == "from the trades"


def test_a_read_model_behind_the_log_is_compared_with_what_it_knows_of(tmp_path: Path) -> None:
    append(tmp_path, _bought(10), stream="trade:1")
    append(tmp_path, TradeVoided(reason="never filled"), stream="trade:1", models=False)
    found = trace(tmp_path, "portfolio.positions", ["A.US"])
    assert (found.row, found.shown["quantity"]) == ({}, 10.0)
    assert any("portfolio knows the log up to position 1 of 2" in reason for reason in reasons(found))
    assert any("no row is left: trade-voided.v1 at position 2" in reason for reason in reasons(found))
    assert found.exit_code == 0
    assert found.steps[-1].is_gone


def test_a_newer_row_of_another_file_is_named(legacy: Legacy) -> None:
    legacy.write("calculations.db", "calculations_v3", scores=[score("A.US", "2025-12-02T00:00:00", 0.9)])
    legacy.write("state.db", "state_v4", scores=[score("A.US", "2025-12-01T00:00:00", 0.1)])
    legacy.replay()
    ((newer,),) = [[one.position for one in trace_from(legacy.home, "calculations.db", "scores", ["A.US"])]]
    (older,) = trace_from(legacy.home, "state.db", "scores", ["A.US"])
    assert [(row.place, row.fate, row.by) for row in older.rows] == [("portfolio.scores", "superseded", newer)]


def test_a_row_that_came_too_late_to_be_shown_says_what_is_shown_instead(legacy: Legacy) -> None:
    legacy.write("calculations.db", "calculations_v3", scores=[score("A.US", "2025-12-02T00:00:00", 0.9)])
    legacy.replay()
    legacy.write("state.db", "state_v4", scores=[score("A.US", "2025-12-01T00:00:00", 0.1)])
    legacy.replay()
    (shown,) = trace_from(legacy.home, "calculations.db", "scores", ["A.US"])
    (older,) = trace_from(legacy.home, "state.db", "scores", ["A.US"])
    assert [(row.fate, row.by) for row in older.rows] == [("shows another instead", shown.position)]
    assert trace(legacy.home, "portfolio.scores", ["A.US"]).silent == [(older.position, "score-calculated.v1")]


def test_a_row_that_vanished_leads_to_its_end(legacy: Legacy) -> None:
    legacy.write("state.db", "state_v4", positions=[position("A.US", 5.0), position("B.US", 1.0)])
    legacy.replay()
    legacy.run("state.db", "DELETE FROM positions WHERE symbol = 'A.US'")
    legacy.replay()
    first, *_, last = trace_from(legacy.home, "state.db", "positions", ["A.US"])
    assert (first.type, last.type) == ("position-reported.v1", "position-no-longer-reported.v1")
    assert "no longer there" in last.origin.gap
    assert {row.fate for row in first.rows} == {"the row is gone"}
    found = trace(legacy.home, "portfolio.positions", ["A.US"])
    assert found.steps[-1].is_gone
    assert any("no row is left" in reason for reason in reasons(found))


def test_a_row_that_is_only_kept_says_why_in_both_directions(legacy: Legacy) -> None:
    legacy.write("state.db", "state_v4", positions=[position("A.US", 5.0), position("B.US", b"many")])  # type: ignore[arg-type]
    legacy.replay()
    (kept,) = trace_from(legacy.home, "state.db", "positions", ["B.US"])
    assert "quantity is not a number" in kept.kept
    assert kept.rows == []
    found = trace(legacy.home, "portfolio.positions", ["B.US"])
    assert (found.steps, found.row) == ([], {})
    (gap,) = found.gaps
    assert "a row of positions in state.db is only kept, because quantity is not a number" in gap.reason
    assert gap.position == kept.position


def test_a_trade_without_an_order_id_is_found_by_its_row_id(legacy: Legacy) -> None:
    legacy.write("ledger.db", "ledger_v4", trades=[trade(None, quantity=3.0), trade("T-1")])
    legacy.replay()
    found = trace(legacy.home, "ledger.trades", ["1"])
    assert (found.key, found.row["quantity"]) == ({"id": 1}, 3.0)
    (back,) = trace_from(legacy.home, "ledger.db", "trades", ["id=1"])
    assert back.position == found.steps[0].position


PLANTED = {
    "UPDATE positions SET quantity = 999 WHERE symbol = 'A.US'": "the read model shows quantity 999.0, the events make 5.0",
    "DELETE FROM positions WHERE symbol = 'A.US'": "the read model has no such row, though the events make one",
}


@pytest.mark.parametrize("damage", PLANTED)
def test_a_read_model_that_differs_from_its_events_is_a_broken_link(legacy: Legacy, damage: str) -> None:
    legacy.write("state.db", "state_v4", positions=[position("A.US", 5.0)])
    legacy.replay()
    _run(legacy.home / "portfolio.db", damage)
    found = trace(legacy.home, "portfolio.positions", ["A.US"])
    assert any(PLANTED[damage] in gap.reason and gap.is_broken for gap in found.gaps)
    assert found.exit_code == run(legacy.home, "trace", "portfolio.positions", "A.US").exit_code == 1


def test_a_row_that_no_event_makes_is_a_broken_link(tmp_path: Path) -> None:
    append(tmp_path, _bought(10), stream="trade:1")
    append(tmp_path, TradeVoided(reason="never filled"), stream="trade:1")
    _run(
        tmp_path / "portfolio.db",
        "INSERT INTO positions (symbol, quantity, avg_price, derived_quantity) VALUES ('A.US', 1, 1, 0)",
    )
    found = trace(tmp_path, "portfolio.positions", ["A.US"])
    assert any("shows a row that no event makes" in gap.reason and gap.is_broken for gap in found.gaps)


def test_a_read_model_that_cannot_be_asked_is_a_broken_link(legacy: Legacy) -> None:
    legacy.write("state.db", "state_v4", positions=[position("A.US", 5.0)])
    legacy.replay()
    (legacy.home / "portfolio.db").unlink()
    found = trace(legacy.home, "portfolio.positions", ["A.US"])
    assert found.row["quantity"] == 5.0
    assert any("portfolio.db is missing" in gap.reason and gap.is_broken for gap in found.gaps)
    (legacy.home / "portfolio.db").write_bytes(b"nothing of the kind")
    assert any("damaged" in reason for reason in reasons(trace(legacy.home, "portfolio.positions", ["A.US"])))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda source: source | {"run": 7}, "the log knows no run 7 of arduino-trader"),
        (lambda source: source | {"system": "other"}, "the log knows no run 1 of other"),
        (lambda source: source | {"file": "other.db"}, "run 1 read no file other.db"),
    ],
)
def test_provenance_that_points_nowhere_is_a_broken_link(
    legacy: Legacy, change: Callable[[dict[str, Any]], dict[str, Any]], reason: str
) -> None:
    legacy.write("state.db", "state_v4", positions=[position("A.US", 5.0)])
    legacy.replay()
    with open_log(legacy.home, write=True) as log:
        (stored,) = log.stream("position:A.US")
        state = stored.state.replace('"quantity":"5.0"', '"quantity":"6.0"').encode()
        source = json.dumps(change(json.loads(stored.source or ""))).encode()
        log.append([Entry("position:A.US", stored.topic, state, source)])
        catch_up(catalog.find("portfolio"), log, legacy.home / "portfolio.db")
    found = trace(legacy.home, "portfolio.positions", ["A.US", "quantity"])
    assert [gap.reason for gap in found.gaps if gap.is_broken] == [reason]


def _run(path: Path, sql: str) -> None:
    db = apsw.Connection(str(path))
    db.execute(sql)
    db.close()


def run(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--home", str(home), "audit", *arguments])


def test_the_same_trace_comes_as_text_json_and_csv(legacy: Legacy) -> None:
    legacy.write("state.db", "state_v4", positions=[position("A\x1b.US", 5.0)])
    legacy.write(
        "config.db", "config_v12", settings=[{"key": "k", "value": "=1+1", "updated_at": "2025-01-01T00:00:00"}]
    )
    legacy.replay()
    asked = ("trace", "portfolio.positions", "A\x1b.US", "quantity")
    text = run(legacy.home, *asked).stdout
    assert "from state.db, table positions, key A\\x1b.US, in run 1 of arduino-trader" in text
    assert "quantity there: 5.0" in text
    assert "\x1b" not in text
    (step,) = json.loads(run(legacy.home, *asked, "--json").stdout)["steps"]
    (line,) = [one for one in csv.DictReader(io.StringIO(run(legacy.home, *asked, "--csv").stdout)) if one["column"]]
    assert line["legacy_value"] == str(step["origin"]["cell"]) == "5.0"
    assert "'=1+1" in run(legacy.home, "trace", "config.settings", "k", "--csv").stdout
    back = run(legacy.home, "trace", "--from", "config.db", "settings", "k")
    assert "config.settings k: shows it: key k  value =1+1" in back.stdout
    assert "config.settings" in run(legacy.home, "trace", "--from", "config.db", "settings", "k", "--csv").stdout
    (event,) = json.loads(run(legacy.home, "trace", "--from", "config.db", "settings", "k", "--json").stdout)["events"]
    assert event["rows"][0]["fate"] == "shows it"


def test_an_event_shows_the_rows_of_handlers_too(legacy: Legacy) -> None:
    legacy.write("state.db", "state_v4", positions=[position("A.US", 5.0)])
    legacy.write("ledger.db", "ledger_v4", trades=[trade("T-1", "A.US", quantity=3.0)])
    legacy.replay()
    found = {kind: _shown(legacy.home, kind) for kind in ("trade-executed", "position-reported", "position-reconciled")}
    assert {*found["trade-executed"]} == {"ledger.trades", "portfolio.lot_entries", "portfolio.positions"}
    assert found["trade-executed"]["ledger.trades"]["order_id"] == "T-1"
    assert found["position-reported"]["portfolio.positions"]["quantity"] == 5.0
    assert found["position-reconciled"]["portfolio.reconciliations"]["subject"] == "A.US"


def test_a_voided_trade_shows_the_position_that_it_changed(tmp_path: Path) -> None:
    append(tmp_path, _bought(10), stream="trade:1")
    append(tmp_path, TradeVoided(reason="twice"), stream="trade:1")
    append(tmp_path, _bought(7), stream="trade:2")
    shown = _shown(tmp_path, "trade-voided")
    assert shown["portfolio.positions"]["quantity"] == 7.0
    assert "ledger.trades" not in shown


def test_a_reconciliation_names_the_row_of_its_own_place(tmp_path: Path) -> None:
    append(
        tmp_path, PositionReconciled(symbol="A.US", derived_quantity=Decimal(1), difference=Decimal(-1), reason="gone")
    )
    assert trace(tmp_path, "portfolio.reconciliations", ["1"]).row["subject"] == "A.US"


def _shown(home: Path, kind: str) -> dict[str, dict[str, Any]]:
    found = json.loads(run(home, "log", "--type", kind, "--limit", "1", "--json").stdout)
    shown = json.loads(run(home, "show", str(found["position"]), "--json").stdout)
    return {row["place"]: row["cells"] for row in shown["produced"]}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["portfolio.positions"], "the key of one row is needed. Its key is: symbol."),
        (["history.daily_prices", "HLVC.US"], "the key of one row is needed. Its key is: symbol date."),
        (["portfolio.positions", "NOBODY.US"], "portfolio.positions never had a row NOBODY.US"),
        (["portfolio.positions", "{symbol}", "quantitie"], "has no column 'quantitie'. Perhaps: quantity."),
        (
            ["history.daily_prices", "{symbol}", "2025-01-32"],
            "history.daily_prices never had a row {symbol} 2025-01-32",
        ),
        (["ledger.trades", "nothing"], "ledger.trades never had a row nothing"),
        (["nothing", "A"], "there is no table 'nothing'"),
        (["positions", "A.US", "--from", "stat.db"], "nothing came from a file stat.db. Files: "),
        (["position", "A.US", "--from", "state.db"], "nothing came from a table position of state.db. Its tables: "),
        (
            ["positions", "A.US", "--from", "state.db"],
            "nothing came from a row A.US of positions in state.db. Keys near",
        ),
        (["positions", "--from", "state.db"], "the legacy row is not named"),
    ],
)
def test_a_wrong_question_about_a_row_is_one_clear_line(demo: Path, arguments: list[str], said: str) -> None:
    (table,) = find_tables("portfolio.positions")
    (symbol,), _ = next(live_keys(demo, table, most=1))
    found = run(demo, "trace", *(word.format(symbol=symbol) for word in arguments))
    assert found.exit_code == 2
    assert said.format(symbol=symbol) in found.stderr
    assert len(found.stderr.splitlines()) == 1


def test_the_key_of_two_rows_must_be_whole(tmp_path: Path) -> None:
    paid = [DividendPaid(id=1, symbol=name, amount=Decimal(1), currency="EUR") for name in ("A.US", "B.US")]
    append(tmp_path, *paid, stream="dividend:{}")
    with pytest.raises(LedgerError, match="2 rows have the key 1") as refused:
        trace(tmp_path, "ledger.dividend_history", ["1"])
    assert refused.value.hint == "Name the whole key: id symbol."
    assert trace(tmp_path, "ledger.dividend_history", ["1", "B.US", "symbol"]).steps[0].cells["symbol"][1] == "B.US"
