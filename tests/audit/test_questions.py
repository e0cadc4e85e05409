"""Questions to the log: what they find, what they refuse, and text that must not act on a terminal or a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli import main
from domain.errors import LedgerError
from operations.asking import QUERIES, ask
from operations.demo_legacy import write_legacy_folder
from operations.replaying import replay


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A replayed demo of a dozen securities and one year."""
    place = tmp_path_factory.mktemp("questions")
    write_legacy_folder(place / "legacy", securities=12, years=1)
    replay(place / "legacy", place / "home")
    return place / "home"


def run(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--home", str(home), "audit", *arguments])


@pytest.mark.parametrize(
    ("arguments", "is_right"),
    [
        (["--type", "trade-executed"], lambda one: one["topic"] == "trade-executed.v1"),
        (["--stream", "trade:*"], lambda one: one["stream"].startswith("trade:")),
        (["--file", "ledger.db", "--table", "trades"], lambda one: one["source"]["table"] == "trades"),
        (
            ["--from", "2025-01-01", "--to", "2025-06-30"],
            lambda one: "2025-01" <= one["state"]["occurred_at"] < "2025-07",
        ),
        (["--run", "1", "--text", "BUY"], lambda one: "BUY" in json.dumps(one)),
    ],
)
def test_the_log_is_filtered(home: Path, arguments: list[str], is_right: Callable[[dict[str, Any]], bool]) -> None:
    found = run(home, "log", "--json", "--limit", "20", *arguments)
    assert found.exit_code == 0, found.output
    lines = [json.loads(line) for line in found.output.splitlines()]
    assert len(lines) == 20
    assert all(map(is_right, lines))


def test_the_newest_events_come_first_unless_asked_otherwise(home: Path) -> None:
    newest = [json.loads(line)["position"] for line in run(home, "log", "--json", "--limit", "5").output.splitlines()]
    oldest = [
        json.loads(x)["position"] for x in run(home, "log", "--json", "--oldest", "--limit", "5").output.splitlines()
    ]
    assert newest == sorted(newest, reverse=True)
    assert oldest == [1, 2, 3, 4, 5]


def test_one_event_is_shown_with_its_legacy_row_and_the_row_that_shows_it(home: Path) -> None:
    found = run(home, "log", "--type", "position-reported", "--limit", "1", "--json")
    position = json.loads(found.output)["position"]
    shown = json.loads(run(home, "show", str(position), "--json").output)
    (row,) = shown["produced"]
    assert row["place"] == "portfolio.positions"
    assert row["cells"]["symbol"] == shown["row"]["symbol"] == shown["state"]["symbol"]
    assert shown["origin"]["file"] == "state.db"


@pytest.mark.parametrize("kind", ["daily-prices-recorded", "trade-executed", "setting-changed", "legacy-row-kept"])
def test_every_kind_of_event_can_be_shown(home: Path, kind: str) -> None:
    position = json.loads(run(home, "log", "--type", kind, "--limit", "1", "--json").output)["position"]
    found = run(home, "show", str(position))
    assert found.exit_code == 0
    assert f"{kind}.v1 at position" in found.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "999999"], "there is no event at position 999999"),
        (["show", "abc"], "'abc' is not a position"),
        (["history", "trade:nobody"], "there is no stream trade:nobody"),
        (["log", "--from", "2025-01-01T10:00:00"], "has no time zone"),
        (["sql", "SELEC"], "syntax error"),
        (["sql", "--named", "nothing"], "there is no question 'nothing'"),
    ],
)
def test_a_wrong_question_is_one_clear_line(home: Path, arguments: list[str], said: str) -> None:
    found = run(home, *arguments)
    assert found.exit_code == 2
    assert said in found.stderr
    assert len(found.stderr.splitlines()) == 1


FORBIDDEN = (
    "DELETE FROM stored_events", "INSERT INTO stored_events (topic) VALUES ('x')", "UPDATE portfolio.positions SET isin = 0",
    "ATTACH 'x.db' AS x", "DETACH portfolio", "PRAGMA writable_schema = ON", "CREATE TEMP TABLE t (x)", "DROP VIEW trades",
    "SELECT load_extension('x')", "VACUUM INTO 'x.db'", "BEGIN IMMEDIATE", "PRAGMA query_only = OFF",
)  # fmt: skip


@pytest.mark.parametrize("query", FORBIDDEN)
def test_nothing_but_reading_is_allowed(home: Path, query: str) -> None:
    before = (home / "ledger.db").read_bytes()
    with pytest.raises(LedgerError, match="only reading is allowed"):
        ask(home, query)
    assert (home / "ledger.db").read_bytes() == before


def test_a_query_that_runs_too_long_is_stopped(home: Path) -> None:
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT sum(x) FROM n"
    with pytest.raises(LedgerError, match=r"longer than 0\.2 s"):
        ask(home, endless, seconds=0.2)


def test_an_answer_that_was_cut_says_so(home: Path) -> None:
    found = run(home, "sql", "SELECT position FROM events ORDER BY position", "--rows", "2", "--json")
    assert json.loads(found.stdout) == [{"position": 1}, {"position": 2}]
    assert "cut after 2 rows" in found.stderr


QUESTIONS = sorted(path.stem for path in QUERIES.glob("*.sql"))


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_ready_made_question_is_answered_where_it_belongs(home: Path, bot: Path, name: str) -> None:
    asked = {one: run(one, "sql", "--named", name, "--json") for one in (home, bot)}
    answered = [one for one, found in asked.items() if found.exit_code == 0]
    assert answered
    for one in answered:
        assert isinstance(json.loads(asked[one].stdout), list)
    for one in asked.keys() - {*answered}:
        (line,) = asked[one].stderr.splitlines()
        assert f"{name} is a question about" in line
        assert "of which this home has nothing" in line
        assert asked[one].exit_code == 2


def test_a_wrong_question_lists_only_those_that_fit(home: Path, bot: Path) -> None:
    said = {one: run(one, "sql", "--named", "nothing").stderr for one in (home, bot)}
    assert "rows_kept" in said[home]
    assert "rows_kept" in said[bot]
    assert "open_breaks" in said[home]
    assert "open_breaks" not in said[bot]
    assert "bot_missing_minutes" not in said[home]
    assert "bot_missing_minutes" in said[bot]


def test_a_wrong_query_names_the_read_models_that_are_there(bot: Path) -> None:
    said = run(bot, "sql", "SELECT 1 FROM portfolio.positions").stderr
    assert "trading_bot_trading.…" in said
    assert "portfolio.…" not in said


def test_read_models_are_there_under_their_names(home: Path) -> None:
    query = "SELECT count(*) FROM portfolio.positions p JOIN universe.securities s ON s.symbol = p.symbol"
    assert ask(home, query).rows[0][0] > 0


def test_a_spreadsheet_gets_no_formula_and_a_terminal_no_control_character(home: Path) -> None:
    formula = run(home, "sql", "SELECT '=1+1' AS a, '-2' AS b, char(27) || '[31mred' AS c", "--csv").stdout
    assert next(csv.reader(io.StringIO(formula.split("\n", 1)[1])))[:2] == ["'=1+1", "'-2"]
    raw = run(home, "sql", "SELECT '=1+1' AS a", "--raw-csv").stdout
    assert raw.splitlines()[1] == "=1+1"
    assert "\x1b" not in run(home, "sql", "SELECT char(27) || '[31mred' AS c").stdout
