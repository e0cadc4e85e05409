"""`cli simulate`: years that go by in a throw-away home, measured and proven; the same seed gives the same years."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from domain.entries.trading import Trade
from operations.simulated.chart import Panel, chart
from operations.simulated.trader import Trader, mondays
from tests.cli.program import run, run_json

SVG = "{http://www.w3.org/2000/svg}"


def entered(seed: int) -> list[object]:
    trader = Trader(12, seed)
    found: list[object] = list(trader.begin(date(2024, 1, 1)))
    for monday in mondays(date(2024, 1, 1), date(2024, 12, 31)):
        found += [*trader.week(monday), *trader.month(monday)]
    return found


def test_the_same_seed_gives_the_same_entries_and_another_seed_others() -> None:
    assert entered(1) == entered(1)
    assert entered(1) != entered(2)


def test_a_week_ends_on_a_friday_within_the_time_that_was_asked_for() -> None:
    found = mondays(date(2024, 12, 29), date(2025, 12, 28))
    assert found[0] == date(2024, 12, 30)
    assert found[-1] == date(2025, 12, 22)
    assert len(found) == 52


def test_nothing_is_sold_that_is_not_held() -> None:
    held: dict[str, object] = {}
    for one in entered(3):
        if isinstance(one, Trade):
            change = one.quantity if one.side == "BUY" else -one.quantity
            held[one.symbol] = held.get(one.symbol, 0) + change  # type: ignore[operator]
            assert held[one.symbol] >= 0  # type: ignore[operator]


def test_two_small_years_go_by_and_each_is_measured_and_proven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("operations.simulating.WEEKS", 14)
    found = run_json("simulate", "--years", "2", "--securities", "12", "--into", tmp_path / "kept", "--chart",
                     tmp_path / "growth.svg")  # fmt: skip
    assert found["exit_code"] == 0
    assert found["problems"] == []
    first, second = found["years"]
    for counted in ("entries", "events", "rows", "ledger_bytes", "copies", "copies_bytes", "purged"):
        assert second[counted] > first[counted], counted
    assert all(second[name] > 0 for name in second if name.endswith("_s"))
    assert all(taken > 0 for taken in second["query_ms"].values())
    assert second["copies"] == 2 * first["copies"] >= 6
    with closing(sqlite3.connect(tmp_path / "kept" / "home" / "ledger.db")) as db:
        assert db.execute("SELECT count(*) FROM stored_events").fetchone()[0] == second["events"]
    picture = ET.parse(tmp_path / "growth.svg").getroot()
    lines = picture.findall(f".//{SVG}polyline")
    assert len(lines) >= 10
    assert {len(str(line.get("points")).split()) for line in lines} == {2}


def test_a_folder_with_something_in_it_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep me")
    result = run("simulate", "--into", tmp_path)
    assert result.exit_code == 2
    assert "is not empty" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_chart_that_cannot_be_written_is_refused_before_the_years_go_by(tmp_path: Path) -> None:
    result = run("simulate", "--chart", tmp_path / "none" / "growth.svg")
    assert result.exit_code == 2
    assert "is not a folder" in result.stderr


@pytest.mark.parametrize("values", [[0.0, 0.0], [0.003, 0.004], [12.0, 99999.0]])
def test_a_line_stays_within_its_panel(values: list[float]) -> None:
    picture = ET.fromstring(chart("a & b", [1, 2], [Panel("x < y", {"one": values, "two": values})]))
    for line in picture.iter(f"{SVG}polyline"):
        for point in str(line.get("points")).split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= 420
            assert 30 <= y <= 240
    labels = [float(str(text.get("y"))) for text in picture.iter(f"{SVG}text") if text.text in {"one", "two"}]
    assert abs(labels[0] - labels[1]) >= 12
