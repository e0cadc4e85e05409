"""Real processes, really killed: a replay that is started again ends with the events of one that nobody disturbed."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from domain.errors import StoreError
from ledger.appending import Appender
from ledger.log import Entry, open_log
from ledger.verifying import verify_log
from operations.demo_legacy import write_legacy_folder
from operations.replaying import replay
from tests.replay.oracle import chain_holds, legacy_rows, listing, recorded_rows, stored

CHECKOUT = Path(__file__).parents[2]
BATCH_MAX = 40  # so that there are many moments between two batches

DRIVER = f"""
import signal, sys
from pathlib import Path
from operations.replaying import replay
calls, wanted, nth, delay_s = [], sys.argv[4], int(sys.argv[5]), float(sys.argv[6])
def tell(phase, file, done, total):
    calls.append(phase)
    if phase == wanted and calls.count(phase) == nth:
        signal.setitimer(signal.ITIMER_REAL, delay_s)
replay(
    Path(sys.argv[1]), Path(sys.argv[2]), batch_max={BATCH_MAX}, tell=tell, catch_up=sys.argv[3] == "models",
    apart_rows=1 if sys.argv[3] == "apart" else 10**9,
)
"""


@pytest.fixture(scope="module")
def legacy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed") / "legacy"
    write_legacy_folder(folder, securities=12, years=1)
    return folder


@pytest.fixture(scope="module")
def undisturbed(legacy: Path) -> Path:
    home = legacy.parent / "undisturbed"
    assert replay(legacy, home, batch_max=BATCH_MAX).proven
    return home


def killed(legacy: Path, home: Path, what: str, *, phase: str, nth: int, delay_s: float) -> bool:
    """Run until the nth time that it tells of a phase, and a moment more; False when it had ended before.

    Its own alarm kills it, which Python does not see either: another process that is to kill it may come too late.
    """
    moment = (phase, str(nth), str(delay_s))
    command = [sys.executable, "-c", DRIVER, str(legacy), str(home), what, *moment]
    return subprocess.run(command, cwd=CHECKOUT, check=False).returncode == -signal.SIGALRM


@pytest.mark.parametrize(("seed", "what"), [(0, "log"), (3, "apart")])
def test_a_replay_killed_again_and_again_ends_with_the_same_events(
    legacy: Path, undisturbed: Path, tmp_path: Path, seed: int, what: str
) -> None:
    moments, home, before = random.Random(seed), tmp_path / "home", listing(legacy)
    positions = []
    for _ in range(3):
        nth, delay_s = 1 + moments.randrange(12), moments.random() * 0.02
        assert killed(legacy, home, what, phase="append", nth=nth, delay_s=delay_s)
        with open_log(home, write=True):  # the process that appends may have the append to finish that it is at
            positions.append(len(stored(home)))
    assert positions == sorted(positions)
    assert 0 < positions[-1] < len(stored(undisturbed))
    assert replay(legacy, home, batch_max=BATCH_MAX).proven
    assert stored(home) == stored(undisturbed)
    assert chain_holds(home)
    assert listing(legacy) == before
    with open_log(home) as log:
        assert verify_log(log).findings == []


@pytest.mark.parametrize("phase", ["freeze", "prepare", "reconcile", "prove", "catch up", "compare"])
def test_a_replay_killed_in_any_phase_leaves_nothing_that_the_next_one_cannot_finish(
    legacy: Path, undisturbed: Path, tmp_path: Path, phase: str
) -> None:
    home = tmp_path / "home"
    killed(legacy, home, "models", phase=phase, nth=1, delay_s=0.005)
    report = replay(legacy, home, batch_max=BATCH_MAX)
    assert report.proven
    assert report.models_compared
    assert stored(home) == stored(undisturbed)
    assert chain_holds(home)
    frozen = [folder for folder in (home / "backups").iterdir() if folder.is_dir()]
    assert all((folder / "manifest.json").exists() for folder in frozen)


def test_a_replay_whose_appending_process_is_killed_says_so_and_can_be_given_again(
    legacy: Path, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, append, batches = tmp_path / "home", Appender.append, []

    def killing(appender: Appender, batch: Sequence[Entry]) -> None:
        batches.append(len(batch))
        if len(batches) == 8:
            os.kill(appender.process_id, signal.SIGKILL)
        append(appender, batch)

    monkeypatch.setattr(Appender, "append", killing)
    with pytest.raises(StoreError, match="ended with code -9 before it was done"):
        replay(legacy, home, batch_max=BATCH_MAX, apart_rows=1)
    monkeypatch.undo()
    assert len(stored(home)) in {sum(batches[:count]) for count in range(8)}
    assert not list((home / "reports").glob("*"))
    assert replay(legacy, home, batch_max=BATCH_MAX, apart_rows=1).proven
    assert stored(home) == stored(undisturbed)


def test_the_command_killed_at_any_moment_can_be_given_again(legacy: Path, tmp_path: Path) -> None:
    home, moments = tmp_path / "home", random.Random(7)
    command = [sys.executable, "cli.py", "--home", str(home), "replay", str(legacy), "--json"]
    for _ in range(3):
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=CHECKOUT) as run:
            time.sleep(0.2 + moments.random() * 0.8)
            os.kill(run.pid, signal.SIGKILL)
    finished = subprocess.run(command, capture_output=True, cwd=CHECKOUT, check=False)
    assert finished.returncode == 1, finished.stderr  # the demo's planted flaws are breaks
    assert chain_holds(home)
    # SQLite makes a -shm beside a file with a -wal, so the test reads the rows from a copy.
    assert recorded_rows(home) == legacy_rows(Path(shutil.copytree(legacy, tmp_path / "copy")))
