"""Files of entries: whole or not at all, or the good lines and a list of the others; bad input is told line by line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from domain.entries.refusal import Refused
from operations.entering.bulk import Summary, record_file
from tests.cli.program import ROOT, run, run_json
from tests.entries.given import Fields, bar, count, deposit, events, opened, trade, written

TRADES: list[Fields] = [trade(f"A-{number}", at=f"2026-01-01T00:{number:02}:00Z") for number in range(10)]


def record(home: Path, content: bytes, **options: Any) -> Summary:
    with opened(home) as ledger:
        return record_file(ledger, BytesIO(content), **options)


def line(fields: Fields) -> bytes:
    return json.dumps(fields).encode() + b"\n"


BAD_LINES: list[tuple[str, bytes]] = [
    ("shape", b"{"),
    ("shape", b"[1, 2]"),
    ("shape", b"null"),
    ("shape", b"[" * 100_000),
    ("shape", line(trade("Z", quantity=True))),
    ("shape", line(trade("Z") | {"colour": "red"})),
    ("shape", b'{"entry":"trade","symbol":"A","side":"BUY","quantity":NaN,"price":1,"currency":"USD","order_id":"Z"}'),
    ("shape", b'{"entry":"riches"}'),
    ("shape", b'{"entry":"trade"} {"entry":"trade"}'),
    ("number", line(trade("Z", quantity="Infinity"))),
    ("time", line(trade("Z", at="9999-12-31T23:59:59Z"))),
    ("currency", line(trade("Z", currency="ZZZ"))),
    ("unknown", line({"entry": "void", "what": "trade:nowhere"})),
    ("text", b'{"entry":"deposit","transaction_id":"\xff\xfe","amount":1,"currency":"EUR"}'),
    ("text", b'{"entry":"deposit","transaction_id":"\\u0000","amount":1,"currency":"EUR"}'),
    ("shape", b'{"entry":"deposit","transaction_id":"' + b"x" * 1_000_000 + b'"}'),
    ("shape", b"x" * 10_000_000),
    ("oversell", line(trade("Z", "SELL", "101"))),
    ("conflict", line(TRADES[0] | {"price": "7"})),
]


@pytest.mark.parametrize(("rule", "bad"), BAD_LINES, ids=[f"{n}-{rule}" for n, (rule, _) in enumerate(BAD_LINES)])
def test_a_bad_line_is_one_clear_error_and_nothing_of_the_file_is_recorded(home: Path, rule: str, bad: bytes) -> None:
    content = b"".join(map(line, TRADES)) + bad.rstrip() + b"\n" + line(trade("last"))
    summary = record(home, content)
    assert (summary.rejected, summary.kept, summary.lines) == (1, False, 12)
    assert [(one.line, one.rule) for one in summary.rejects] == [(11, rule)]
    assert summary.rejects[0].hint
    assert "\n" not in summary.rejects[0].error
    assert count(home) == 0


def test_with_rejects_the_good_lines_are_recorded_and_the_others_listed(home: Path, tmp_path: Path) -> None:
    bad = [content.rstrip() + b"\n" for _, content in BAD_LINES]
    content = b"".join(one for pair in zip(map(line, TRADES), bad, strict=False) for one in pair)
    rejects = tmp_path / "rejects.jsonl"
    summary = record(home, content, rejects=rejects)
    assert (summary.recorded, summary.rejected, summary.kept) == (10, 10, True)
    told = [json.loads(one) for one in rejects.read_text().splitlines()]
    assert [one["line"] for one in told] == list(range(2, 21, 2))
    assert [one["rule"] for one in told] == [rule for rule, _ in BAD_LINES[:10]]
    assert told[0]["original"] == "{"
    assert [stream for stream, _, _ in events(home)] == [f"trade:A-{number}" for number in range(10)]
    again = record(home, content, rejects=rejects)
    assert (again.recorded, again.already_there) == (0, 10)
    assert record(home, line(TRADES[0]), rejects=rejects).rejected == 0
    assert not rejects.exists(), "a list of an earlier time would be taken for one of this time"


def test_a_byte_order_mark_empty_lines_and_windows_line_ends_do_no_harm(home: Path) -> None:
    content = b"\xef\xbb\xbf" + b"\r\n\r\n  ".join(line(one).strip() for one in TRADES)
    assert record(home, content).recorded == 10
    assert record(home, b"").lines == 0
    assert record(home, b"\xef\xbb\xbf\n\n").lines == 0


def test_prices_come_as_csv_by_their_header(home: Path) -> None:
    text = "symbol,date,close_price,open_price,volume,source\nX,2026-01-01,10.5,,7,mine\nX,2026-01-02,11,10,,mine\n"
    assert record(home, text.encode()).recorded == 2
    ((stream, kind, block),) = events(home)
    assert (stream, kind, block["date"]) == ("prices:1d:X", "daily-prices-recorded", ["2026-01-01", "2026-01-02"])
    assert (block["close_price"], block["open_price"], block["volume"]) == ([10.5, 11.0], [None, 10.0], [7, None])
    monthly = "year_month,symbol,avg_close\n2026-01,X,10\n2026-13,X,10\n2026-02,X\n"
    summary = record(home, monthly.encode())
    assert [(one.line, one.rule) for one in summary.rejects] == [(3, "time"), (4, "shape")]


def test_a_file_that_holds_no_entries_is_refused_as_a_whole(home: Path) -> None:
    for content in (b"a,b,c\n1,2,3\n", b"SQLite format 3\x00\n", b"\x89PNG\n"):
        with pytest.raises(Refused):
            record(home, content)
    assert count(home) == 0


def test_later_lines_build_on_earlier_ones_across_batches(home: Path) -> None:
    buys = [trade(f"B-{n}", "BUY", "1", at=f"2026-01-01T00:{n:02}:00Z") for n in range(20)]
    sells = [trade(f"S-{n}", "SELL", "1", at=f"2026-01-02T00:{n:02}:00Z") for n in range(21)]
    summary = record(home, b"".join(map(line, [*buys, *sells])), batch=3)
    assert [(one.line, one.rule) for one in summary.rejects] == [(41, "oversell")]
    assert record(home, b"".join(map(line, [*buys, *sells[:20]])), batch=3).recorded == 40


def test_repeated_lines_of_one_file_are_recorded_once(home: Path) -> None:
    bars = [bar("X", "2026-01-01"), bar("Y", "2026-01-01")]
    summary = record(home, b"".join(map(line, [*TRADES, *bars, *TRADES, *bars])), batch=7)
    assert (summary.recorded, summary.already_there) == (12, 12)
    assert count(home) == 12


def test_the_command_records_a_file_and_says_what_changed(home: Path, tmp_path: Path) -> None:
    file = written(tmp_path / "e.jsonl", [*TRADES, deposit("D")])
    found = run_json("record", "--from", file, home=home)
    assert (found["status"], found["recorded"], found["exit_code"]) == ("recorded", 11, 0)
    assert {one["name"]: one["events"] for one in found["models"]}["portfolio"] >= 10
    assert "11 already there" in run("record", "--from", file, home=home).output
    file.write_bytes(file.read_bytes() + b"{\n" + line(trade("new")))
    refused = run("record", "--from", file, home=home)
    assert (refused.exit_code, count(home)) == (2, 11)
    assert "line 12: shape" in refused.output
    assert run("record", "--from", file, "--dry-run", "--keep-going", home=home).exit_code == 1
    assert count(home) == 11
    kept = run_json("record", "--from", file, "--keep-going", home=home)
    assert (kept["exit_code"], kept["recorded"], kept["rejected"]) == (1, 1, 1)
    assert kept["rejects_file"] == f"{file}.rejects.jsonl"


def test_the_command_reads_a_pipe(home: Path) -> None:
    content = b"".join(map(line, TRADES))
    words = [sys.executable, "cli.py", "--home", str(home), "record", "--from", "-", "--json"]
    done = subprocess.run(words, input=content, capture_output=True, cwd=ROOT, check=True)
    assert json.loads(done.stdout)["recorded"] == 10


PEAK = """
import resource, sys
from pathlib import Path
from operations.recording import record_from
record_from(Path(sys.argv[1]), Path(sys.argv[2]), keep_going=False, rejects=None, allow_short=False, dry_run=False,
            catch_up=False, wait_s=0)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_memory_does_not_grow_with_the_number_of_lines(home: Path, tmp_path: Path) -> None:
    peaks = []
    for number in (2_000, 24_000):
        file = tmp_path / f"{number}.jsonl"
        with file.open("wb") as out:
            for n in range(number):
                stamp = f"2026-01-{1 + n // 3600:02}T00:{n // 60 % 60:02}:{n % 60:02}Z"
                out.write(line(trade(f"{number}-{n}", "BUY", "1", symbol=f"S{n % 60}", at=stamp)))
        done = subprocess.run([sys.executable, "-c", PEAK, str(home), str(file)], cwd=ROOT, capture_output=True, text=True,
                              env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True)  # fmt: skip
        peaks.append(int(done.stdout))
    assert peaks[1] - peaks[0] < 40, peaks  # SQLite's cache fills up to 64 MB; the lines themselves would take 60 more
