"""Following: how far a read model is behind one entry, what waiting costs, and how soon a watch has a legacy row."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from statistics import median, quantiles

from benchmarks.measuring import ROOT, Row, Sizes
from domain.event import encode, topic_of
from domain.universe import SettingChanged
from ledger.log import Entry, open_log
from operations.demo_legacy import write_legacy_folder
from operations.keeping_up import wait_for
from operations.replaying import replay

IDLE_S = 20.0
LAG_GOAL_S, WATCH_GOAL_S, IDLE_GOAL = 0.5, 2.0, 0.01


def measure(place: Path, sizes: Sizes) -> Iterator[Row]:
    """On the demo's home, each in processes of their own."""
    write_legacy_folder(place / "legacy", securities=65, years=sizes.demo_years)
    replay(place / "legacy", place / "home")
    yield _idle(place / "home")
    yield _lag(place / "home", count=10 * sizes.rounds)
    yield _watch(place, count=4 * sizes.rounds)


@contextmanager
def _running(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "cli", *map(str, arguments)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()  # the first round
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate()


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _idle(home: Path) -> Row:
    with _running("--home", home, "catch-up", "--follow", "--json") as follower:
        time.sleep(1)
        begun = _cpu_s(follower.pid)
        time.sleep(IDLE_S)
        share = (_cpu_s(follower.pid) - begun) / IDLE_S
    return Row(
        work="follow a log that nobody writes to", count=int(IDLE_S), unit="seconds", ours=[share * IDLE_S],
        other_goal="< 1 % of a core", other_met=share < IDLE_GOAL, note=f"{share:.2%} of a core",
    )  # fmt: skip


def _lag(home: Path, *, count: int) -> Row:
    lags = []
    with _running("--home", home, "catch-up", "--follow", "--json"):
        for number in range(count):
            event = SettingChanged(key="measured", value=str(number))
            with open_log(home, write=True) as log:
                position = log.append([Entry("setting:measured", topic_of(SettingChanged), encode(event))])[-1]
            begun = time.perf_counter()
            wait_for(home, position, 30)
            lags.append(time.perf_counter() - begun)
            time.sleep(0.05)
    return Row(
        work="all read models have one entry", count=count, unit="entries", ours=lags, goal_s=LAG_GOAL_S,
        note=_spread(lags),
    )  # fmt: skip


def _spread(lags: list[float]) -> str:
    return f"median {median(lags):.2f} s, 95 % {quantiles(lags, n=20)[-1]:.2f} s, longest {max(lags):.2f} s"


_TRADE = (
    "INSERT INTO trades (symbol, side, quantity, price, executed_at, order_id, created_at) "
    "VALUES ('AAPL.US', 'BUY', 1, 100, '2025-03-03T10:00:00', ?, '2025-03-03 10:00:00')"
)


def _watch(place: Path, *, count: int) -> Row:
    written: dict[str, float] = {}
    with _running("--home", place / "home", "watch", place / "legacy", "--json") as watcher:
        with closing(sqlite3.connect(place / "legacy" / "ledger.db")) as db:
            for number in range(count):
                db.execute(_TRADE, (f"measured-{number}",))
                db.commit()
                written[f"measured-{number}"] = time.time()
                time.sleep(0.4)
        time.sleep(WATCH_GOAL_S)
        peak_kb = int(Path(f"/proc/{watcher.pid}/status").read_text().partition("VmHWM:")[2].split()[0])
    with closing(sqlite3.connect(place / "home" / "ledger.db")) as db:
        query = "SELECT state ->> 'order_id', recorded_at FROM stored_events WHERE topic = 'trade-executed.v1'"
        learned = {order: datetime.fromisoformat(at).timestamp() for order, at in db.execute(query)}
    lags = [learned[order] - at for order, at in written.items()]
    return Row(
        work="a watch has a row of a live legacy system", count=count, unit="rows", ours=lags, goal_s=WATCH_GOAL_S,
        peak_mb=peak_kb / 1000, note=_spread(lags),
    )  # fmt: skip
