"""The log exported as it is: jsonl, csv and parquet hold every event, and a file is there complete or not at all."""

from __future__ import annotations

import csv
import errno
import io
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from domain.trading import CashFlowBooked, TradeVoided
from domain.universe import SettingChanged
from ledger import lines as ledger_lines
from ledger.log import open_log
from ledger.querying import Wanted
from operations.demo_legacy import write_legacy_folder
from operations.exporting import export as exporting
from operations.exporting import lines, parquet
from operations.replaying import replay
from tests.audit.exporting import export, exported, home_of

COLUMNS = ("position", "stream", "version", "topic", "recorded_at", "state", "source", "hash")
STORED = "SELECT rowid, originator_id, originator_version, topic, recorded_at, state, source, hash FROM stored_events"
Row = tuple[Any, ...]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A replayed demo of a dozen securities and one year."""
    place = tmp_path_factory.mktemp("exports")
    write_legacy_folder(place / "legacy", securities=12, years=1)
    replay(place / "legacy", place / "home")
    return place / "home"


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A home with texts that are hard to write."""
    said = ("=1+1", "\x00\x1b[31m\r\n\t", 'a "b", c', "\u2028\ufffe\U0001f600", "", "x" * 3_000_000)
    facts = [(f"=setting:{n}", SettingChanged(key="k", value=text)) for n, text in enumerate(said)]
    home_of(tmp_path / "odd", facts)
    return home_of(tmp_path / "odd", [("+trade", TradeVoided(reason="@x"))], source=None)


def stored(home: Path) -> list[Row]:
    """The log, read by plain SQLite; the hash in hex."""
    db = sqlite3.connect(home / "ledger.db")
    rows = [(*row[:-1], row[-1].hex()) for row in db.execute(f"{STORED} ORDER BY rowid")]
    db.close()
    return rows


def test_jsonl_holds_every_event_as_it_is_stored(home: Path, odd: Path) -> None:
    for place in (home, odd):
        objects = [json.loads(line) for line in exported(place, "jsonl").split("\n")[:-1]]
        assert [tuple(one) for one in objects] == [COLUMNS] * len(objects)
        assert [tuple(one.values()) for one in objects] == stored(place)


def test_csv_holds_every_event_and_is_defused_unless_asked_otherwise(home: Path, odd: Path) -> None:
    for place in (home, odd):
        csv.field_size_limit(10_000_000)
        head, *rows = csv.reader(io.StringIO(exported(place, "csv", "--raw-csv"), newline=""))
        assert tuple(head) == COLUMNS
        assert rows == [["" if cell is None else str(cell) for cell in row] for row in stored(place)]
    streams = [row[1] for row in csv.reader(io.StringIO(exported(odd, "csv"), newline=""))][1:]
    assert streams == [f"'{row[1]}" for row in stored(odd)]


def test_parquet_holds_every_event_with_types(home: Path, odd: Path, tmp_path: Path) -> None:
    for number, place in enumerate((home, odd)):
        out = tmp_path / f"it's {number}.parquet"
        assert export(place, "parquet", "--out", str(out)).exit_code == 0
        with duckdb.connect() as db:
            kinds = db.execute(
                "SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM read_parquet(?))", [str(out)]
            )
            assert dict(kinds.fetchall()) == {
                "position": "BIGINT", "stream": "VARCHAR", "version": "BIGINT", "type": "VARCHAR", "topic": "VARCHAR",
                "occurred_at": "VARCHAR", "recorded_at": "TIMESTAMP WITH TIME ZONE", "state": "JSON", "source": "JSON",
                "hash": "BLOB",
            }  # fmt: skip
            db.execute("SET TimeZone = 'UTC'")
            query = (
                "SELECT position, stream, version, topic, strftime(recorded_at, '%Y-%m-%dT%H:%M:%S.%fZ'), "
                "state::VARCHAR, source::VARCHAR, lower(hex(hash)), type, occurred_at FROM read_parquet(?)"
            )
            rows = db.execute(query, [str(out)]).fetchall()
            codecs = db.execute("SELECT DISTINCT compression FROM parquet_metadata(?)", [str(out)]).fetchall()
        assert [row[:8] for row in rows] == stored(place)
        assert [row[8:] for row in rows] == [
            (row[3][: -len(".v1")], json.loads(row[5]).get("occurred_at")) for row in stored(place)
        ]
        assert codecs == [("ZSTD",)]
        assert sorted(path.name for path in tmp_path.glob("*.parquet*")) == [
            f"it's {n}.parquet" for n in range(number + 1)
        ]


def test_duckdb_is_told_to_reach_for_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(
        parquet, "_COPY", "COPY (SELECT 1 FROM read_csv('{home}')) TO {{out}}".format(home=tmp_path / "x")
    )
    (tmp_path / "x").write_text("a\n1\n", encoding="utf-8")
    with pytest.raises(Exception, match=r"disabled|Permission"):
        parquet.write([], tmp_path / "out")
    settings = dict(parquet._SETTINGS)
    assert {settings[name] for name in settings if "extension" in name} == {"false"}


def test_duckdb_is_loaded_for_parquet_only(home: Path) -> None:
    code = (
        "import sys, cli; from click.testing import CliRunner; "
        f"CliRunner().invoke(cli.main, ['--home', {str(home)!r}, 'audit', 'export', '--format', 'csv']); "
        "print('operations.exporting.export' in sys.modules, 'duckdb' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet", "beancount", "hledger"])
def test_the_filters_of_the_log_leave_the_same_events(home: Path, form: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ("--type", "trade-executed", "--from", "2025-03-01", "--to", "2025-09-30", "--no-rates")
    done = export(home, form, *arguments, "--out", str(out), "--json")
    query = (
        "SELECT count(*) FROM events WHERE type = 'trade-executed' AND occurred_at >= '2025-03-01' "
        "AND occurred_at < '2025-10-01'"
    )
    with open_log(home) as log:
        db = sqlite3.connect(log.path)
        (expected,) = db.execute(query).fetchone()
        db.close()
    assert expected > 0
    said = json.loads(done.stdout)
    assert (said["items"], said["bytes"]) == (expected, out.stat().st_size)


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet", "beancount", "hledger"])
def test_a_filter_that_leaves_nothing_gives_an_empty_file_and_says_so(home: Path, form: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = export(home, form, "--stream", "no:such", "--out", str(out))
    assert (done.exit_code, done.stderr) == (0, "Nothing was left to export; it is empty.\n")
    if form == "parquet":
        with duckdb.connect() as db:
            assert db.execute("SELECT count(*) FROM read_parquet(?)", [str(out)]).fetchall() == [(0,)]
    else:
        text = out.read_text(encoding="utf-8")
        assert all(line.startswith((";", "option", "decimal-mark", "position,")) for line in text.splitlines() if line)


def test_a_file_that_exists_is_replaced_only_with_force(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_text("mine", encoding="utf-8")
    refused = export(home, "jsonl", "--out", str(out))
    assert (refused.exit_code, out.read_text(encoding="utf-8")) == (2, "mine")
    assert refused.stderr == f"Error: {out} exists. Choose another name, or replace it with --force.\n"
    assert export(home, "jsonl", "--out", str(out), "--force").exit_code == 0
    assert out.read_text(encoding="utf-8") == exported(home, "jsonl")
    assert out.stat().st_mode & 0o777 == 0o600


class Terminal(io.BytesIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("form", ["jsonl", "csv", "beancount", "hledger"])
def test_a_terminal_gets_no_control_character(tmp_path: Path, form: str) -> None:
    said = "a\x9b31m\x1b[2J\x7f"
    flow = CashFlowBooked(transaction_id="1", type_doc_id=1, amount=Decimal(1), currency=said, description=said)
    home = home_of(tmp_path / "home", [("cash-flow:\x9b", flow)], source=None)
    terminal = Terminal()
    exporting.to_stream(home, exporting.Order(form=form, wanted=Wanted(), raw_csv=True), terminal)
    shown = terminal.getvalue().decode()
    assert "31m" in shown
    assert all(char == "\n" or char.isprintable() for char in shown)


@pytest.mark.parametrize("name", ["ledger.db", "portfolio.db"])
def test_nothing_of_the_home_is_ever_replaced(home: Path, name: str) -> None:
    before = (home / name).read_bytes()
    refused = export(home, "csv", "--out", str(home / "seals" / ".." / name), "--force")
    assert refused.exit_code == 2
    assert (home / name).read_bytes() == before


def test_a_file_that_came_in_the_meantime_is_kept(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    write = lines.jsonl

    def slow(events: Any) -> Iterator[str]:
        out.write_text("mine", encoding="utf-8")
        yield from write(events)

    monkeypatch.setattr(lines, "jsonl", slow)
    assert export(home, "jsonl", "--out", str(out)).exit_code == 2
    assert [(path.name, path.read_text(encoding="utf-8")) for path in tmp_path.iterdir()] == [("out", "mine")]


@pytest.mark.parametrize(
    ("fault", "code"), [(KeyboardInterrupt(), 130), (OSError(errno.ENOSPC, "No space left on device"), 2)]
)
@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_what_is_stopped_halfway_leaves_nothing(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, fault: BaseException, code: int
) -> None:
    about, out = ledger_lines.about, tmp_path / "out"
    out.write_text("before", encoding="utf-8")

    def broken(one: Any) -> Any:
        if one.position == 700:
            raise fault
        return about(one)

    monkeypatch.setattr(ledger_lines, "about", broken)
    monkeypatch.setattr(lines, "about", broken)
    monkeypatch.setattr(parquet, "about", broken)
    assert export(home, form, "--out", str(out), "--force").exit_code == code
    assert [(path.name, path.read_text(encoding="utf-8")) for path in tmp_path.iterdir()] == [("out", "before")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("parquet",), "a Parquet file cannot be written as it comes"),
        (("jsonl", "--from", "2025-01-01T10:00:00"), "has no time zone"),
        (("jsonl", "--json"), "--json needs --out"),
        (("xml",), "is not one of"),
        (("jsonl", "--out", "/no/such/folder/x"), "No such file or directory"),
    ],
)
def test_a_wrong_order_is_refused_in_words(home: Path, arguments: tuple[str, ...], said: str) -> None:
    found = export(home, *arguments)
    assert found.exit_code == 2
    assert "position" not in found.stdout
    assert said in found.stderr


def test_a_home_without_a_ledger_is_refused(tmp_path: Path) -> None:
    assert export(tmp_path / "none", "jsonl").exit_code == 2
    assert export(tmp_path / "none", "jsonl", "--out", str(tmp_path / "out")).exit_code == 2
    assert not list(tmp_path.iterdir())
