"""Rows as they were: by valid time, by recorded time, beside read models rebuilt as of that moment; and what changed."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from cli import main
from domain import catalog
from domain.event import Event, encode, topic_of
from domain.moments import end_of
from domain.portfolio import PositionReported
from domain.prices import DailyPricesRecorded
from domain.trading import TradeCorrected, TradeExecuted, TradeVoided
from ledger.log import Entry, open_log
from ledger.past_views import VIEWS
from operations import past
from operations.tables import find_tables
from tests.audit.keyed import DAYS, RECORDED, Told, told, write
from tests.searching import examples

EVERYTHING = 1_000_000


@settings(max_examples=examples(5))
@given(data=st.data())
def test_a_classic_table_as_of_a_moment_is_that_of_a_ledger_which_holds_no_more(data: st.DataObject) -> None:
    facts = data.draw(st.lists(st.sampled_from(_classic_events()).flatmap(told), max_size=12))
    at, late = data.draw(st.sampled_from(DAYS)), data.draw(st.integers(0, 2))
    with tempfile.TemporaryDirectory() as place:
        home, less = Path(place) / "home", Path(place) / "less"
        write(home, facts)
        write(less, [one for one in facts if one.late <= late and _by(one, at)])
        for table in find_tables("ledger"):
            found = past.as_of(home, at, RECORDED[late], table.name, [], rows_max=EVERYTHING)
            with open_log(less) as log:
                _, rows = log.rows_of_view(table.name.removeprefix("ledger."))
                assert sorted(found.rows, key=repr) == sorted(rows, key=repr)


def _classic_events() -> list[type[Event]]:
    topics = {topic for view in VIEWS.values() for some in view.topics for topic in some}
    return [event for topic, event in sorted(catalog.events().items()) if topic in topics]


def _by(one: Told, day: str) -> bool:
    return (one.event.occurred_at or RECORDED[one.late]) <= end_of(day)


def test_what_changed_is_what_differs_between_two_moments(demo: Path) -> None:
    for first, second in (("2025-03-01", "2025-09-01"), ("2025-12-20", "2025-12-28")):
        for table in ("portfolio.positions", "history.daily_prices", "ledger.trades", "universe.securities"):
            columns = past.as_of(demo, first, None, table, [], rows_max=EVERYTHING).columns
            before, after = (
                {
                    _key(table, columns, row): row
                    for row in past.as_of(demo, at, None, table, [], rows_max=EVERYTHING).rows
                }
                for at in (first, second)
            )
            expected = {
                key: ("removed" if key not in after else "added" if key not in before else "changed")
                for key in before.keys() | after.keys()
                if before.get(key) != after.get(key)
            }
            found, _ = past.diff(demo, first, second, table, [], known_at=(None, None), rows_max=EVERYTHING)
            assert {tuple(one.key.values()): one.change for one in found} == expected
            for one in found:
                key = tuple(one.key.values())
                for column, (old, new) in one.cells.items():
                    place = columns.index(column)
                    assert (
                        before[key][place] if key in before else None,
                        after[key][place] if key in after else None,
                    ) == (
                        old,
                        new,
                    )


def _key(table: str, columns: Sequence[str], row: Sequence[Any]) -> tuple[Any, ...]:
    names = {"history.daily_prices": ("symbol", "date"), "ledger.trades": ("order_id",)}.get(table, ("symbol",))
    key = tuple(row[columns.index(name)] for name in names)
    return key if None not in key else (row[columns.index("id")],)


def trade(symbol: str, quantity: int, day: str, kind: type[TradeExecuted] = TradeExecuted) -> TradeExecuted:
    return kind(
        symbol=symbol, side="BUY", quantity=Decimal(quantity), price=Decimal(10), order_id="T-1",
        occurred_at=f"{day}T10:00:00.000000Z", currency="EUR",
    )  # fmt: skip


def append(home: Path, recorded_at: str, **events: Event) -> None:
    with open_log(home, create=True, write=True) as log:
        entries = [Entry(stream.replace("_", ":"), topic_of(type(one)), encode(one)) for stream, one in events.items()]
        log.append(entries, recorded_at=recorded_at)


@pytest.fixture
def late(tmp_path: Path) -> Path:
    """A trade of 3 January, recorded on 1 February; corrected on 1 March; another of 2 January recorded on 1 April."""
    append(tmp_path, "2026-02-01T00:00:00.000000Z", trade_1=trade("A.US", 10, "2026-01-03"))
    append(tmp_path, "2026-03-01T00:00:00.000000Z", trade_1=trade("A.US", 12, "2026-01-03", TradeCorrected))
    append(tmp_path, "2026-04-01T00:00:00.000000Z", trade_2=trade("A.US", 5, "2026-01-02"))
    append(tmp_path, "2026-05-01T00:00:00.000000Z", trade_1=TradeVoided(reason="never filled"))
    return tmp_path


@pytest.mark.parametrize(
    ("at", "known_at", "quantity"),
    [
        ("2026-01-04", "2026-01-31", None),
        ("2026-01-04", "2026-02-15", 10.0),
        ("2026-01-04", "2026-03-15", 12.0),
        ("2026-01-04", "2026-04-15", 17.0),
        ("2026-01-02", "2026-04-15", 5.0),
        ("2026-01-01", "2026-04-15", None),
        ("2026-05-02", "2026-05-15", 5.0),
        ("2026-01-04", None, 17.0),  # that it was voided happened when it was recorded
        ("2026-05-02", None, 5.0),
    ],
)
def test_a_fact_that_was_learned_late_is_there_in_one_time_and_not_in_the_other(
    late: Path, at: str, known_at: str | None, quantity: float | None
) -> None:
    found = past.as_of(late, at, known_at, "portfolio.positions", ["A.US"], rows_max=10)
    shown = [row[found.columns.index("quantity")] for row in found.rows]
    assert shown == ([] if quantity is None else [quantity])


def test_what_was_learned_between_two_moments_is_shown_for_one_day(late: Path) -> None:
    known = ("2026-02-15", "2026-04-15")
    (found,), _ = past.diff(late, "2026-01-04", "2026-01-04", "portfolio.positions", [], known_at=known, rows_max=10)
    assert found.cells["quantity"] == (10.0, 17.0)
    assert found.change == "changed"


def test_a_stream_as_of_a_moment_ends_with_what_held_then(late: Path) -> None:
    assert past.stream_as_of(late, "2026-01-02", None, "trade:1") == []
    assert [one.position for one in past.stream_as_of(late, "2026-01-04", "2026-02-15", "trade:1")] == [1]
    assert [one.position for one in past.stream_as_of(late, "2026-01-04", None, "trade:1")] == [1, 2]
    assert [one.position for one in past.stream_as_of(late, "2026-06-01", None, "trade:1")] == [1, 2, 4]


def test_a_block_is_cut_where_the_moment_falls(tmp_path: Path) -> None:
    days = ["2026-01-01", "2026-01-02", "2026-01-03"]
    block = DailyPricesRecorded(symbol="A.US", count=3, date=days, close_price=[1.0, 2.0, 3.0], occurred_at=days[0])
    append(tmp_path, "2026-02-01T00:00:00.000000Z", **{"prices:1d:A.US": block})
    found = past.as_of(tmp_path, "2026-01-02", None, "history.daily_prices", ["A.US"], rows_max=10)
    assert [row[found.columns.index("date")] for row in found.rows] == days[:2]
    assert (
        past.as_of(tmp_path, "2026-01-02", None, "history.daily_prices", ["A.US", "2026-01-03"], rows_max=9).rows == []
    )


def test_rows_beyond_the_limit_are_cut_and_it_is_said(tmp_path: Path) -> None:
    events = {f"position_{number}": _reported(f"S{number}") for number in range(5)}
    append(tmp_path, "2026-02-01T00:00:00.000000Z", **events)
    found = run(tmp_path, "as-of", "2026-01-04", "portfolio.positions", "--rows", "3", "--csv")
    assert len(found.stdout.splitlines()) == 4
    assert "cut after 3 rows" in found.stderr
    found = run(tmp_path, "diff", "2025-01-04", "2026-01-04", "portfolio.positions", "--rows", "3")
    assert "cut after 3 rows" in found.stderr


def _reported(symbol: str) -> PositionReported:
    return PositionReported(
        symbol=symbol, quantity=Decimal(1), avg_price=Decimal(2), occurred_at="2026-01-03T00:00:00.000000Z"
    )


def run(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--home", str(home), "audit", *arguments])


def test_the_same_answer_comes_as_table_json_and_csv(late: Path) -> None:
    question = ("as-of", "2026-01-04", "portfolio.positions", "--as-known-at", "2026-02-15")
    (row,) = json.loads(run(late, *question, "--json").stdout)["rows"]
    (as_csv,) = csv.DictReader(io.StringIO(run(late, *question, "--csv").stdout))
    assert (row["symbol"], row["quantity"]) == (as_csv["symbol"], float(as_csv["quantity"])) == ("A.US", 10.0)
    assert "quantity: 10.0" in run(late, *question).stdout
    changed = ("diff", "2026-01-01", "2026-01-04", "portfolio")
    by_place = {one["place"]: one for one in json.loads(run(late, *changed, "--json").stdout)["differences"]}
    found = by_place["portfolio.positions"]
    assert (found["change"], found["cells"]["quantity"]) == ("added", [None, 17.0])
    assert "portfolio.positions,A.US,added,quantity,,17.0" in run(late, *changed, "--csv").stdout
    assert "quantity" in run(late, *changed).stdout
    assert run(late, "diff", "2026-01-04", "2026-01-04", "portfolio").stdout == "Nothing changed.\n"
    assert "no such row then" in run(late, "as-of", "2025-01-04", "portfolio.positions", "A.US").stdout
    lines = run(late, "as-of", "2026-01-04", "trade:1", "--json").stdout.splitlines()
    assert [json.loads(line)["position"] for line in lines] == [1, 2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["as-of", "2026-01-04T10:00:00", "portfolio.positions"], "has no time zone"),
        (["as-of", "yesterday", "portfolio.positions"], "'yesterday' is not a time"),
        (["as-of", "2026-01-04", "portfolio.positions", "--as-known-at", "noon"], "'noon' is not a time"),
        (["as-of", "2026-01-04", "portfolio.position"], "portfolio has no table 'position'. It has: positions."),
        (
            ["as-of", "2026-01-04", "positions"],
            "there is no table 'positions'. Perhaps: portfolio.positions, trading-bot/trading.positions.",
        ),
        (["as-of", "2026-01-04", "nothing.at_all"], "there is no table 'nothing.at_all'"),
        (["as-of", "2026-01-04", "ledger.trade"], "ledger has no table 'trade'. It has: trades"),
        (["as-of", "2026-01-04", "portfolio.positions", "A.EU"], "portfolio.positions never had a row A.EU"),
        (["as-of", "2026-01-04", "portfolio.positions", "A.US", "B"], "too many cells for a key. Its key is: symbol."),
        (["as-of", "2026-01-04", "portfolio.reconciliations", "x"], "has no key x: a whole number is needed"),
        (["as-of", "2026-01-04", "trade:nobody"], "there is no stream trade:nobody"),
        (["diff", "2026-01-04", "2026-01-03", "portfolio"], "2026-01-04 is later than 2026-01-03"),
        (["diff", "2026-01-04", "2026-01-05", "portfoli"], "there is no table 'portfoli'"),
        (["diff", "2026-01-04", "soon", "portfolio"], "'soon' is not a time"),
        (["diff", "2026-01-04", "2026-01-05", "portfolio", "A.US"], "portfolio is a read model, which has no key"),
    ],
)
def test_a_wrong_question_about_the_past_is_one_clear_line(late: Path, arguments: list[str], said: str) -> None:
    before = (late / "ledger.db").read_bytes()
    found = run(late, *arguments)
    assert found.exit_code == 2
    assert said in found.stderr
    assert len(found.stderr.splitlines()) == 1
    assert (late / "ledger.db").read_bytes() == before
