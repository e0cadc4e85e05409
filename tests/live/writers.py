"""Other processes that write: to a ledger, and to a legacy system."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable

from domain.event import encode, topic_of
from domain.universe import SettingChanged
from ledger.log import Entry
from tests.cli.program import ROOT

APPEND = """
import sys
from pathlib import Path
from ledger.log import open_log
from tests.live.writers import setting
with open_log(Path(sys.argv[1]), create=True, write=True) as log:
    while True:
        head = log.head().position
        log.append([setting(head + number) for number in range(int(sys.argv[2]))])
        print(head + int(sys.argv[2]), flush=True)
"""

# Says the name and the time of each trade when its commit is done; ends when its input does.
LEGACY = """
import sqlite3, sys, time
path, journal, name, count, pause = sys.argv[1:]
db = sqlite3.connect(path, timeout=60)
assert db.execute(f"PRAGMA journal_mode = {journal}").fetchone()[0] == journal
for number in range(int(count)):
    db.execute(
        "INSERT INTO trades (symbol, side, quantity, price, executed_at, order_id, created_at) "
        "VALUES ('AAPL.US', 'BUY', 1, 100, '2025-03-03T10:00:00', ?, '2025-03-03 10:00:00')", (f"{name}-{number}",)
    )
    asked = time.time()
    db.commit()
    print(f"{name}-{number}", asked, time.time(), flush=True)
    time.sleep(float(pause))
sys.stdin.read()
"""


def setting(number: int, value: str = "on") -> Entry:
    event = SettingChanged(key=f"key {number % 7}", value=f"{value} {number}")
    return Entry(f"setting:{number}", topic_of(SettingChanged), encode(event))


def started(script: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def until(condition: Callable[[], bool], seconds: float = 60.0) -> float:
    """Wait until it holds; the seconds that took."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds, "it never came"
        time.sleep(0.005)
    return time.monotonic() - begun
