"""Several programs record at once, or are killed in the middle: nothing is lost, nothing is there twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from domain.errors import HomeBusy
from operations.ledger import Ledger
from operations.verifying import verify
from tests.cli.program import ROOT
from tests.entries.given import deposit, events, opened, trade, written

WRITER = """
import sys
from pathlib import Path
from operations.ledger import Ledger
for number in range(5):
    with Ledger.open(Path(sys.argv[1]), wait_s=300) as ledger:
        ledger.record({"entry": "deposit", "transaction_id": f"shared-{number}", "amount": "1", "currency": "EUR",
                       "at": "2026-01-01"})
        ledger.record({"entry": "deposit", "transaction_id": f"{sys.argv[2]}-{number}", "amount": "1", "currency": "EUR"})
"""
SLOW = """
import sys
from pathlib import Path
from operations.ledger import Ledger
with Ledger.open(Path(sys.argv[1])) as ledger:
    for number in range(100000):
        ledger.record({"entry": "trade", "symbol": "X.US", "side": "BUY", "quantity": "1", "price": "1", "currency": "USD",
                       "order_id": f"K-{number}", "at": "2026-01-01T00:00:00Z"})
        print(number, flush=True)
"""


def start(code: str, *arguments: object, **options: object) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", code, *map(str, arguments)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(words, cwd=ROOT, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_ten_writers_at_once_lose_nothing_and_record_nothing_twice(home: Path) -> None:
    writers = [start(WRITER, home, name) for name in range(10)]
    for writer in writers:
        _, err = writer.communicate(timeout=600)
        assert writer.returncode == 0, err
    found = Counter(stream for stream, _, _ in events(home))
    expected = [f"cash-flow:{name}-{number}" for name in ["shared", *range(10)] for number in range(5)]
    assert found == Counter(expected)
    assert verify(home, "ledger", repair=False, tell=lambda *_: None).exit_code == 0


def test_a_second_writer_is_told_who_the_first_is_and_may_wait(home: Path) -> None:
    with opened(home, command="my trading program"), pytest.raises(HomeBusy, match="my trading program"):
        Ledger.open(home)
    with opened(home):
        begin = time.monotonic()
        with pytest.raises(HomeBusy):
            Ledger.open(home, wait_s=0.3)
        assert time.monotonic() - begin >= 0.3
    with Ledger.open(home, wait_s=5) as ledger:
        ledger.record(deposit("D"))


def test_what_was_answered_is_there_after_a_kill_and_the_program_goes_on_where_it_was(home: Path) -> None:
    process = start(SLOW, home)
    assert process.stdout is not None
    answered = [process.stdout.readline() for _ in range(40)]
    process.send_signal(signal.SIGKILL)
    # From where the lines above came from: `communicate` knows nothing of those that were read ahead with them.
    answered += process.stdout.readlines()
    process.communicate()
    last = max(int(one) for one in answered if one.strip())
    held = [stream for stream, _, _ in events(home)]
    assert len(held) == len(set(held)) in {last + 1, last + 2}, "what was answered, and at most the one in hand"
    with opened(home) as ledger:
        again = [
            trade(f"K-{n}", quantity="1", symbol="X.US", price="1", at="2026-01-01T00:00:00Z") for n in range(last + 5)
        ]
        told = [one.status for one in ledger.record(again).entries]
    assert told == ["already there"] * len(held) + ["recorded"] * (last + 5 - len(held))
    assert verify(home, "all", repair=True, tell=lambda *_: None).exit_code == 0


def _size(path: Path) -> int:
    """0 for a file that is not there; SQLite makes and removes its -wal at any moment."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def test_a_file_that_is_recorded_when_the_power_goes_is_recorded_not_at_all_and_then_whole(
    home: Path, tmp_path: Path
) -> None:
    file = written(tmp_path / "e.jsonl", [trade(f"F-{n}", at="2026-01-01T00:00:00Z") for n in range(8_000)])
    words = [sys.executable, "cli.py", "--home", str(home), "record", "--from", str(file), "--no-catch-up", "--json"]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True)
    wal = home / "ledger.db-wal"
    until = time.monotonic() + 30
    while _size(wal) < 800_000 and time.monotonic() < until:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert len(events(home)) in {0, 8_000}
    done = subprocess.run(words, cwd=ROOT, capture_output=True, check=True)
    found = json.loads(done.stdout)
    assert found["recorded"] + found["already_there"] == 8_000
    assert len(events(home)) == 8_000


READER = """
import sys
from pathlib import Path
from operations.ledger import Ledger
with Ledger.subscribe(Path(sys.argv[1]), types=["trade-executed"]) as events:
    for event in events:
        print(event.position, event.stream, flush=True)
"""


def test_another_program_sees_each_trade_as_soon_as_it_is_recorded(home: Path) -> None:
    reader = start(READER, home)
    assert reader.stdout is not None
    try:
        with opened(home) as ledger:
            for number in (1, 3, 5):
                ledger.record([trade(f"A-{number}"), deposit(f"D-{number}")])
                assert reader.stdout.readline().split() == [str(number), f"trade:A-{number}"]
    finally:
        reader.kill()
        reader.communicate()
