"""Secrets in settings: no command shows one unless it is asked to, no report holds one, and what must be whole is whole."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from click.testing import Result

from domain.event import encode, topic_of
from domain.secrets import MASK
from domain.universe import SettingChanged
from ledger.log import Entry, open_log
from operations import settings
from operations.backup.segments import segments_in
from operations.rebuilding import catch_up_all
from operations.secrets import mask_of
from tests.cli.program import ROOT, run, run_json
from tests.health.test_health import quiet
from tests.legacy import NOW, Legacy, security, trade

KEY, FIRST, SECOND = "tradernet_api_secret", "first-pa55-of-the-broker", 'zw3iter "pa55" of <the> brökèr\\n'
KEPT, ENTERED, NESTED = "kept-pa55-of-r2-store", "entered-pa55-of-mail", "nested-pa55-of-planner"
SECRETS = (FIRST, SECOND, KEPT, ENTERED, NESTED)


def traces(secret: str) -> set[str]:
    """What somebody who reads would recognise, however it is escaped: its longest plain part."""
    return {max(secret.replace("\\n", " ").replace('"', " ").split(), key=len), secret}


def leaks(text: str) -> list[str]:
    return [secret for secret in SECRETS if any(trace in text for trace in traces(secret))]


@pytest.fixture(scope="module")
def legacy(tmp_path_factory: pytest.TempPathFactory) -> Legacy:
    """A legacy system whose secret changed between two replays, with one in a row that is only kept; and an entry made here."""
    legacy = Legacy(tmp_path_factory.mktemp("secrets"))
    settings = [
        {"key": KEY, "value": FIRST, "updated_at": NOW},
        {"key": "min_score", "value": "0.5", "updated_at": NOW},
    ]
    legacy.write("config.db", "config_v12", settings=settings, securities=[security("AAPL.US")])
    legacy.run_new("extra.db", "CREATE TABLE settings_old (key TEXT, value TEXT)")
    legacy.write("ledger.db", "ledger_v4", trades=[trade("A-1")])
    legacy.run(
        "config.db", f"CREATE TABLE vault (key TEXT, value TEXT); INSERT INTO vault VALUES ('r2_secret', '{KEPT}')"
    )
    legacy.replay()
    with closing(sqlite3.connect(legacy.folder / "config.db")) as db, db:
        db.execute("UPDATE settings SET value = ?, updated_at = '2025-12-28T11:00:00' WHERE key = ?", (SECOND, KEY))
    legacy.replay()
    made = run("record", "setting", "--name", "mail_password", "--value", ENTERED, home=legacy.home)
    assert made.exit_code == 0, made.output
    planner = SettingChanged(key="planner", value=json.dumps({"api_token": NESTED}), occurred_at=None)
    with open_log(legacy.home, write=True) as log:
        log.append([Entry("setting:planner_tokens", topic_of(SettingChanged), encode(planner))])
    catch_up_all(legacy.home, tell=quiet)
    return legacy


@pytest.fixture
def home(legacy: Legacy, tmp_path: Path) -> Path:
    """A home for each test, because some of them write to it."""
    return shutil.copytree(legacy.home, tmp_path / "home")


_LINES = ("log", "history")  # an object in each line
KEPT_STREAM = "kept:config.db:vault*"
ROW = ("config.settings", KEY)
QUESTIONS = [
    ("log", "--limit", "500"),
    ("log", "--stream", "setting:*", "--oldest"),
    ("log", "--stream", KEPT_STREAM, "--text", "r2"),
    ("log", "--text", "pa55"),
    ("history", f"setting:{KEY}"),
    ("trace", *ROW),
    ("trace", *ROW, "value"),
    ("trace", "--from", "config.db", "settings", KEY),
    ("as-of", "2999-01-01", *ROW),
    ("as-of", "2999-01-01", "config.settings"),
    ("diff", "2025-12-28T10:30:00Z", "2999-01-01", *ROW),
    ("sql", "SELECT * FROM config.settings"),
    ("sql", "SELECT value AS a, upper(key) AS b, 'it is ' || value AS c FROM config.settings"),
    ("sql", "SELECT state, source FROM stored_events"),
    ("sql", "SELECT data ->> '$.value' FROM events UNION SELECT source ->> '$.row.value' FROM events"),
    ("sql", "SELECT group_concat(state) FROM stored_events"),
]


@pytest.mark.parametrize(
    "form", [(), ("--json",), ("--csv",), ("--raw-csv",)], ids=lambda form: "".join(form) or "table"
)
def test_no_question_shows_a_secret_unless_it_is_asked_to(home: Path, form: tuple[str, ...]) -> None:
    revealed = ""
    for question in QUESTIONS:
        result = run("audit", *question, *form, home=home)
        assert result.exit_code == 0, (question, result.output)
        assert leaks(result.stdout + result.stderr) == [], question
        if form == ("--json",):
            assert MASK in result.stdout, question
            for text in result.stdout.splitlines() if question[0] in _LINES else [result.stdout]:
                assert json.loads(text)
        revealed += run("audit", *question, *form, "--reveal-secrets", home=home).stdout
    assert {*leaks(revealed)} == {*SECRETS}


def test_show_masks_the_event_its_legacy_row_and_what_it_made(home: Path) -> None:
    with open_log(home) as log:
        positions = [one.position for one in log.read(after=0, through=log.head().position, limit=500)]
    shown = {at: run("audit", "show", at, *form, home=home) for at in positions for form in ((), ("--json",))}
    assert leaks("".join(one.output for one in shown.values())) == []
    revealed = [run("audit", "show", at, "--json", "--reveal-secrets", home=home).stdout for at in positions]
    assert {*leaks("".join(revealed))} == {*SECRETS}


@pytest.mark.parametrize("form", ["jsonl", "csv", "beancount", "hledger"])
def test_an_export_is_masked_and_says_so(home: Path, form: str) -> None:
    result = run("audit", "export", "--format", form, home=home)
    assert leaks(result.output) == []
    if form in ("jsonl", "csv"):
        assert "masked: the secrets of 5 events" in result.stderr
        whole = run("audit", "export", "--format", form, "--reveal-secrets", home=home)
        assert {*leaks(whole.stdout)} == {*SECRETS}
        assert whole.stderr == ""


def test_a_parquet_file_is_masked(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "log.parquet"
    assert run_exported(home, "parquet", out)["masked"] == 5
    read = f"SELECT string_agg(state::TEXT || coalesce(source::TEXT, ''), '') FROM '{out}'"
    program = "import sys, duckdb; print(duckdb.sql(sys.argv[1]).fetchall()[0][0])"
    done = subprocess.run([sys.executable, "-c", program, read], capture_output=True, text=True, check=True)
    assert leaks(done.stdout) == []
    assert MASK in done.stdout


def run_exported(home: Path, form: str, out: Path, *more: str) -> dict[str, object]:
    result = run("audit", "export", "--format", form, "--out", out, "--json", *more, home=home)
    assert result.exit_code == 0, result.output
    found: dict[str, object] = json.loads(result.stdout)
    return found


def test_only_an_export_with_its_secrets_can_be_checked_and_the_other_says_why_not(home: Path, tmp_path: Path) -> None:
    assert run("audit", "seal", home=home).exit_code == 0
    (sealed,) = (home / "seals").glob("seal-*.json")

    def checked(*more: str) -> tuple[int, str]:
        out = tmp_path / f"{len(more)}.jsonl"
        run_exported(home, "jsonl", out, *more)
        command = [sys.executable, str(ROOT / "docs" / "verify_proof.py"), str(out), str(sealed)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    assert checked("--reveal-secrets")[0] == 0
    code, said = checked()
    assert code == 1
    assert "its content does not give its hash; its secrets are masked: export with --reveal-secrets" in said


def test_a_proof_of_a_secret_is_made_only_when_it_is_meant(home: Path) -> None:
    run("audit", "seal", home=home)
    refused: Result = run("audit", "prove", f"setting:{KEY}", home=home)
    assert refused.exit_code == 2
    assert refused.stdout == ""
    assert "holds a secret" in refused.stderr
    assert leaks(refused.stderr) == []
    proof = json.loads(run("audit", "prove", f"setting:{KEY}", "--reveal-secrets", home=home).stdout)
    assert json.loads(proof["event"]["state"])["value"] == SECOND
    assert run("audit", "prove", "trade:A-1", home=home).exit_code == 0


def test_a_read_model_that_was_altered_is_told_without_the_secret(home: Path) -> None:
    def alter(value: str) -> None:
        with closing(sqlite3.connect(home / "config.db")) as db, db:
            db.execute("UPDATE settings SET value = ? WHERE key = ?", (value, KEY))

    alter("altered-pa55-of-nobody")
    try:
        for command in (("verify", "projections"), ("verify", "--json"), ("audit", "trace", *ROW), ("audit", "sql",
                        "SELECT value FROM config.settings"), ("rebuild-projection", "config", "--json")):  # fmt: skip
            result = run(*command, home=home)
            assert leaks(result.output) == []
            assert "altered-pa55" not in result.output, command
            assert MASK in result.output, command
    finally:
        alter(SECOND)


def test_an_entry_is_not_repeated_on_the_terminal(home: Path) -> None:
    said = ("record", "setting", "--name", "mail_password", "--key", "E-1", "--dry-run", "--no-catch-up")
    for value in ("never-recorded-pa55", "never-recorded-pa55 \u202e"):
        for command in ((*said, "--value", value), (*said, f"--value={value}", "--json"), (*said, "--at", value)):
            result = run(*command, home=home)
            assert "never-recorded-pa55" not in result.output or "--at" in command


def test_a_conflict_tells_neither_the_recorded_nor_the_new_value_of_a_secret(home: Path, tmp_path: Path) -> None:
    """Here both values are shorter than what is found wherever it stands, or were never met: the name alone can tell."""
    (home / settings.FILE).write_text('[secrets]\nwords = ["pet_name"]\n')
    said = '{{"entry":"setting","name":"{}","key":"C-{}","value":"{}"}}\n'
    file = tmp_path / "entries.jsonl"
    for number, name in enumerate(("mail_password", "pet_name")):
        first, second = f"one-{number}", f"two-{number}-never-met"
        file.write_text(said.format(name, number, first))
        assert run("record", "--from", file, "--no-catch-up", home=home).exit_code == 0
        file.write_text(said.format(name, number, second))
        option = ("record", "setting", "--name", name, "--key", f"C-{number}", "--value", second)
        for command in (("record", "--from", file), ("record", "--from", file, "--keep-going"), option):
            for form in ((), ("--json",)):
                result = run(*command, *form, home=home)
                assert result.exit_code in (1, 2), result.output
                assert f"value: recorded {MASK}, given {MASK}" in result.output
                assert first not in result.output
                assert second not in result.output
        rejects = tmp_path / "entries.jsonl.rejects.jsonl"
        assert msgspec.json.decode(msgspec.json.decode(rejects.read_bytes())["original"])["value"] == second
        assert rejects.stat().st_mode & 0o777 == 0o600


def test_a_line_that_is_broken_is_not_shown_where_it_names_a_secret(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "entries.jsonl"
    file.write_text('{"entry":"setting","name":"mail_password","value":"broken-pa55\n')
    result = run("record", "--from", file, "--json", home=home)
    assert result.exit_code == 2
    assert "broken-pa55" not in result.output


def test_reports_metrics_alerts_and_the_page_hold_no_secret(legacy: Legacy, home: Path) -> None:
    metrics, replay = home / "metrics.txt", ("replay", legacy.folder, "--json")
    commands: list[tuple[object, ...]] = [
        ("health", "--alert", "--metrics", metrics), ("health", "--json"), ("status", "--json"), replay,
        (*replay, "--dry-run"), (*replay, "--verify-only"), ("cutover", legacy.folder), ("backup", "daily"), ("ship",),
        ("drill", "--json"), ("watch", legacy.folder, "--until-quiet", "0"), ("maintain", "daily", "--json"),
        ("catch-up", "--json"), ("retention",),
    ]  # fmt: skip
    for command in commands:
        result = run(*command, home=home)
        assert result.exit_code in (0, 1), result.output
        assert leaks(result.output) == [], command
    texts = [*(home / "reports").iterdir(), home / "alerts.log", metrics]
    assert {path.suffix for path in texts} == {".json", ".md", ".html", ".log", ".txt"}
    assert [path.name for path in texts if leaks(path.read_text(encoding="utf-8"))] == []


def test_what_must_be_whole_is_whole(home: Path) -> None:
    run("ship", home=home)
    shipped = b"".join(path.read_bytes() for path in segments_in(home / "backups" / "segments")).decode()
    assert json.loads(json.loads(shipped.splitlines()[-1])["state"])
    for path in (home / "ledger.db", home / "config.db"):
        with closing(sqlite3.connect(path)) as db:
            table = "stored_events" if path.stem == "ledger" else "settings"
            assert SECOND in "".join(str(cell) for row in db.execute(f"SELECT * FROM {table}") for cell in row).replace(
                '\\"', '"'
            ).replace("\\\\", "\\")


def test_words_of_a_home_name_further_secrets(home: Path) -> None:
    (home / "daybook.toml").write_text('[secrets]\nwords = ["min_score"]\n', encoding="utf-8")
    try:
        assert "0.5" not in run("audit", "sql", "SELECT key, value FROM config.settings", home=home).stdout
        assert mask_of(home).names.tells("min_score")
    finally:
        (home / "daybook.toml").unlink()
    assert "0.5" in run("audit", "sql", "SELECT key, value FROM config.settings", home=home).stdout
    assert run_json("status", home=home)["position"] > 0


def test_bytes_of_a_process_hold_none_even_where_the_terminal_knows_no_unicode(home: Path) -> None:
    command = [sys.executable, "cli.py", "--home", str(home), "audit", "history", f"setting:{KEY}"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii:backslashreplace", "LC_ALL": "C"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, env=environment)
    assert done.returncode == 0
    assert leaks((done.stdout + done.stderr).decode()) == []
