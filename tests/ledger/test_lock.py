"""One writer at a time, in this process or another, however the one before it ended."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from domain.errors import HomeBusy
from ledger.lock import WriterLock
from ledger.log import open_log
from tests.ledger.samples import entries

HOLD = """
import sys
from pathlib import Path
from ledger.log import open_log
with open_log(Path(sys.argv[1]), create=True, write=True, command="replay\\n of\\tsomething"):
    print("ready", flush=True)
    sys.stdin.read()
"""

CONTEND = """
import sys
from pathlib import Path
from domain.errors import HomeBusy
from ledger.log import open_log
from tests.ledger.samples import entry
done = 0
while done < 25:
    try:
        with open_log(Path(sys.argv[1]), create=True, write=True) as log:
            log.append([entry(f"trade:{sys.argv[2]}")])
            done += 1
    except HomeBusy:
        pass
"""


def start(script: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )


@pytest.fixture
def holder(tmp_path: Path) -> subprocess.Popen[str]:
    with start(HOLD, str(tmp_path)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def test_the_second_writer_is_told_who_the_first_one_is(holder: subprocess.Popen[str], tmp_path: Path) -> None:
    with pytest.raises(HomeBusy) as caught:
        open_log(tmp_path, write=True)
    assert re.search(
        rf"process {holder.pid} \(replay of something\) since 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{6}}Z$",
        caught.value.message,
    )
    with open_log(tmp_path) as reader:
        assert reader.head().position == 0


def test_the_lock_ends_with_its_holder(holder: subprocess.Popen[str], tmp_path: Path) -> None:
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    assert (tmp_path / "ledger.lock").read_text().startswith(f"{holder.pid}\t")
    with open_log(tmp_path, write=True) as log:
        assert log.append(entries(1)) == range(1, 2)


def test_one_process_cannot_write_twice_at_a_time(tmp_path: Path) -> None:
    with open_log(tmp_path, create=True, write=True), pytest.raises(HomeBusy, match=f"process {os.getpid()} "):
        open_log(tmp_path, create=True, write=True)
    open_log(tmp_path, write=True).close()


def test_a_holder_that_has_not_said_who_it_is_is_another_process(tmp_path: Path) -> None:
    lock = WriterLock(tmp_path)
    (tmp_path / "ledger.lock").write_text("")
    with pytest.raises(HomeBusy, match="by another process"):
        WriterLock(tmp_path)
    lock.release()
    lock.release()


def test_two_processes_that_fight_for_the_lock_lose_nothing(tmp_path: Path) -> None:
    fighters = [start(CONTEND, str(tmp_path), name) for name in ("one", "two")]
    assert [fighter.wait(120) for fighter in fighters] == [0, 0]
    for fighter in fighters:
        fighter.communicate()
    with open_log(tmp_path) as log:
        assert log.head().position == 50
        assert log.versions(["trade:one", "trade:two"]) == {"trade:one": 25, "trade:two": 25}
