"""`cli record ticks`, `cli record bars` and `cli rollover`, as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from cli import main
from ledger.log import open_log
from operations.market.rollover import LIVE
from projections import catalog
from projections.rebuilding import model_path, rebuild
from tests.cli.program import refused, run, run_json
from tests.market.market import DAY, NIFTY, STOCK, bars, fed, live_rows, told


def test_bars_from_stdin_are_recorded_put_away_and_found(tmp_path: Path) -> None:
    home, rows = tmp_path / "home", bars(DAY, 4)
    lines = [
        json.dumps({"symbol": NIFTY, "time": row.time.isoformat(), **row._asdict() | {"time": row.time.isoformat()}})
        for row in rows
    ]
    said = CliRunner().invoke(main, ["--home", str(home), "record", "bars", "--from", "-"], input="\n".join(lines))
    assert said.exit_code == 0, said.output
    assert said.stdout.startswith("4 rows recorded in 2 events")
    assert live_rows(home) == 4
    first = run_json("rollover", home=home)
    assert [(one["session"], one["rows"]) for one in first["put_away"]] == [(DAY, {"candles/1m": 4})]
    assert told(home) == rows
    assert run_json("rollover", home=home)["put_away"] == []
    assert "No session has anything to put away; 1 are put away already." in run("rollover", home=home).stdout
    refused(run("rollover", "--session", "today", home=home), 2, "'today' is not a date")
    refused(run("rollover", home=tmp_path / "nowhere"), 2, "there is no ledger")


def test_a_bad_line_is_exit_code_one_and_the_others_are_recorded(tmp_path: Path) -> None:
    source = tmp_path / "ticks.jsonl"
    tick = {"symbol": STOCK, "time": 1_795_000_000_250, "price": 2931.5, "volume": 10}
    source.write_text(f"{json.dumps(tick)}\nnonsense\n\n{json.dumps(tick)}\n", encoding="utf-8")
    found = run_json("record", "ticks", "--from", source, home=tmp_path / "home")
    assert (found["exit_code"], found["fed"]["rows"], found["fed"]["repeats"], found["bad"][0]["line"]) == (1, 1, 1, 2)
    assert "1 lines are none and were kept" in run("record", "ticks", "--from", source, home=tmp_path / "other").stdout


def test_the_live_buffer_is_known_as_of_a_moment_within_a_block(tmp_path: Path) -> None:
    fed(tmp_path, bars(DAY, 6))
    with open_log(tmp_path) as log:
        rebuild(catalog.find(LIVE), log, tmp_path, as_of=f"{DAY}T03:47:00.000000Z", into=tmp_path / "past")  # 09:17
    assert model_path(tmp_path / "past", LIVE).exists()
    assert live_rows(tmp_path / "past") == 3
