"""The whole life at once, for minutes: a legacy system that writes, a watch, a follower, entries, kills; then all is verified.

DAYBOOK_SOAK_SECONDS says how long, 600 unless told; DAYBOOK_SOAK_SEED which life, so that one can be lived again.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from random import Random
from statistics import quantiles

import pytest

from domain.errors import HomeBusy, LedgerError
from operations.demo_legacy import write_legacy_folder
from operations.keeping_up import wait_for
from operations.ledger import Ledger
from operations.replaying import replay
from tests.cli.program import COMMAND, environment, run, run_json

SECONDS = float(os.environ.get("DAYBOOK_SOAK_SECONDS", "600"))
SEED = int(os.environ.get("DAYBOOK_SOAK_SEED", "1"))
KILLED_ABOUT_EVERY_S = 20

WRITER = """
import sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], timeout=30)
number = 0
while True:
    with db:
        db.execute(
            "INSERT INTO trades (symbol, side, quantity, price, executed_at, order_id, created_at) "
            "VALUES ('SOAK.US', 'BUY', 1, 100, '2025-03-03T10:00:00', ?, '2025-03-03 10:00:00')",
            (f"soak-{number}",),
        )
    number += 1
    print(number, flush=True)
    time.sleep(0.5)
"""


class Stays:
    """A command of ours that is killed now and then and started again."""

    def __init__(self, *arguments: object) -> None:
        self._command = [*COMMAND, *map(str, arguments)]
        self.killed, self.peak_mb = 0, 0.0
        self._process = self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment(),
            start_new_session=True,
        )

    def look(self) -> None:
        """Note its memory; one that ended by itself is started again."""
        status = Path(f"/proc/{self._process.pid}/status")
        if self._process.poll() is not None:
            self._process = self._started()
        elif status.exists() and "VmHWM:" in (text := status.read_text()):
            self.peak_mb = max(self.peak_mb, int(text.partition("VmHWM:")[2].split()[0]) / 1024)

    def kill(self) -> None:
        """SIGKILL, wherever it is, and again from there."""
        self._process.kill()
        self._process.wait()
        self.killed += 1
        self._process = self._started()

    def end(self) -> None:
        """Ctrl-C, as a user ends it."""
        self._process.terminate()
        self._process.wait(60)


def entered(home: Path, number: int, random: Random) -> int | None:
    """Enter a trade, correct or void an earlier one; the position, or None while somebody else writes."""
    what = random.choice(["trade", "trade", "trade", "correct", "void"])
    old = f"ours-{random.randrange(number)}" if number else ""
    try:
        with Ledger.open(home, wait_s=20) as ledger:
            if what == "trade" or not old:
                fields = {"symbol": "OURS.US", "side": "BUY", "quantity": str(random.randint(1, 9)), "price": "10.5"}
                done = ledger.record({"entry": "trade", **fields, "currency": "USD", "order_id": f"ours-{number}"})
            elif what == "correct":
                done = ledger.record({"entry": "correct", "what": old, "changes": {"price": "11.25"}})
            else:
                done = ledger.record({"entry": "void", "what": old, "reason": "soak"})
    except HomeBusy:
        return None
    except LedgerError:
        return 0  # such as a correction of what was voided: refused by a rule, and nothing is recorded
    return done.position


@pytest.mark.soak
def test_a_life_of_minutes_with_kills_ends_with_everything_verified(tmp_path: Path) -> None:
    legacy, home, random = tmp_path / "legacy", tmp_path / "home", Random(SEED)
    write_legacy_folder(legacy, securities=12, years=1)
    assert replay(legacy, home).proven
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(legacy / "ledger.db")], stdout=subprocess.PIPE, text=True
    )
    stays = [Stays("--home", home, "watch", legacy), Stays("--home", home, "catch-up", "--follow")]
    lags: list[float] = []
    until, number, busy = time.monotonic() + SECONDS, 0, 0
    try:
        while time.monotonic() < until:
            begun = time.perf_counter()
            position = entered(home, number, random)
            busy += position is None
            number += 1
            if position and random.random() < 0.5:
                wait_for(home, position, 60)
                lags.append(time.perf_counter() - begun)
            for one in stays:
                one.look()
                if random.random() < 0.3 / KILLED_ABOUT_EVERY_S:
                    one.kill()
            time.sleep(random.uniform(0.05, 0.5))
    finally:
        writer.terminate()
        said = writer.communicate()[0]
        for one in stays:
            one.end()
    written = int(said.split()[-1])
    last = run_json("replay", legacy, home=home)
    assert last["mismatches"] == []
    verdict = run_json("verify", home=home)
    assert verdict["exit_code"] == 0, verdict
    with closing(sqlite3.connect(home / "ledger.db")) as db:
        (found,) = db.execute("SELECT count(*) FROM trades WHERE order_id LIKE 'soak-%'").fetchone()
        (events,) = db.execute("SELECT count(*) FROM stored_events").fetchone()
    # What the legacy writer had committed when it was ended; its last line may not have been said.
    assert found in (written, written + 1)
    assert run("catch-up", home=home).exit_code == 0
    spread = quantiles(lags, n=100)
    said = (
        f"soak, seed {SEED}, {SECONDS:.0f} s: {events:,} events, {found:,} legacy rows, {number:,} entries tried, "
        f"{busy} found the home busy; lag of all read models 50 % {spread[49]:.2f} s, 95 % {spread[94]:.2f} s, "
        f"99 % {spread[98]:.2f} s; killed {[one.killed for one in stays]} times, "
        f"peaks {[round(one.peak_mb) for one in stays]} MB"
    )
    # Not through pytest, whose workers keep what a test that passes has printed.
    assert sys.__stderr__ is not None
    sys.__stderr__.write(f"\n{said}\n")
