"""Acceptance line 3: one writer per store. Planted: a second one, a reader of the lock, and a holder that is killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from domain.errors import HomeBusy
from ledger.lock import WriterLock
from operations.market.feed import MarketFeed
from projections import places
from tests.market.market import DAY, bars, block, brought, day_file, fed, record, told

ROOT = Path(__file__).resolve().parents[3]
HOLD = (
    "import sys, time; from pathlib import Path; from ledger.lock import WriterLock\n"
    "WriterLock(Path(sys.argv[1]), 'the holder', file='.writer.lock'); print('held', flush=True); time.sleep(60)"
)


def holder(folder: Path) -> subprocess.Popen[bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], cwd=ROOT, stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def test_the_second_writer_of_the_live_buffer_is_told_who_the_first_is_until_that_dies(tmp_path: Path) -> None:
    with holder(tmp_path / "live_buffer") as first:
        for _ in range(3):  # a waiter does not wipe out the holder's id
            with pytest.raises(HomeBusy, match=rf"process {first.pid} \(the holder\)"):
                MarketFeed(tmp_path).__enter__()
        first.kill()
    fed(tmp_path, bars(DAY))  # nothing stale is left behind
    assert (tmp_path / "live_buffer" / ".writer.lock").read_bytes() == b""


def test_day_files_have_one_writer_and_their_readers_do_not_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(tmp_path, block(DAY, bars(DAY)))
    brought(tmp_path)
    record(tmp_path, block(DAY, bars(DAY, 1, start="12:00:00")))
    monkeypatch.setattr(places, "_WAIT_S", 0.2)
    with holder(tmp_path / "market_data") as first:
        with pytest.raises(HomeBusy, match=rf"process {first.pid} \(the holder\)"):
            brought(tmp_path)
        assert told(tmp_path) == bars(DAY)
        first.kill()
    brought(tmp_path)
    assert day_file(tmp_path, DAY).exists()
    WriterLock(tmp_path / "market_data", file=".writer.lock").release()
