"""What only a process of its own shows: signals, pipes, full disks, two at once, start-up time, completion."""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from replay.freezing import freeze
from tests.cli.program import COMMAND, ROOT, ended, environment, mishaps, run, run_json, start

STOPPED = "Stopped. What was recorded is whole; the same command goes on where this one stopped."

# Holds the lock of a writer until it is told to end.
HOLDER = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN EXCLUSIVE")
print(flush=True)
input()
"""


# `cli replay` that cannot come to its end: a signal that is late still meets it at work.
ENDLESS = f"""
import sys, time
sys.path.insert(0, {str(ROOT)!r})
sys.argv[0] = "cli"
from operations import replaying
finish = replaying.finish
def lingering(*given, **named):
    finish(*given, **named)
    time.sleep(600)
replaying.finish = lingering
from cli import main
sys.exit(main())
"""


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 180
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.005)


@pytest.mark.parametrize("reached", ["ledger.db", "replay.db", "backups/*/manifest.json", "portfolio.db"])
def test_ctrl_c_ends_with_130_in_one_line_and_the_next_run_goes_on(source: Path, tmp_path: Path, reached: str) -> None:
    home = tmp_path / "new"
    process = start("--home", home, "replay", source, program=ENDLESS)
    wait_for(lambda: any(home.glob(reached)), process)
    os.killpg(process.pid, signal.SIGINT)
    code, out, err = ended(process)
    assert (code, out, mishaps(err)) == (130, "", [STOPPED])
    assert not list((home / "backups").glob("*"))
    assert run_json("replay", source, home=home)["proven"]
    assert run("verify", home=home).exit_code == 0


def test_ctrl_c_reaches_no_worker_of_a_rebuild(home: Path) -> None:
    # Above a certain size of the ledger each read model is rebuilt in a process of its own; empty pages will do.
    with (home / "ledger.db").open("r+b") as file:
        file.truncate(17_000_000 // 4096 * 4096)
    process = start("--home", home, "rebuild-projection", "--all")
    wait_for(lambda: any(home.glob(".*.building")), process)
    os.killpg(process.pid, signal.SIGINT)
    code, _, err = ended(process)
    # It may have been done just before and be telling what it did, or have handed over to Python, which ends then.
    if code not in (0, -signal.SIGINT):
        assert (code, mishaps(err)) == (130, [STOPPED])


def test_a_pipe_that_closes_early_ends_quietly(home: Path) -> None:
    for command in (("status",), ("verify", "--json")):
        # Nobody reads from the beginning on: a program that is quicker than whoever closes the pipe would end well.
        reading, writing = os.pipe()
        os.close(reading)
        with start("--home", home, *command, stdout=writing) as process:
            os.close(writing)
            assert process.stderr is not None
            assert mishaps(process.stderr.read()) == []
        assert process.returncode == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("buffering", ["", "1"])
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_output_that_cannot_be_written_is_an_error(home: Path, form: list[str], buffering: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, "--home", home, "status", *form], stdout=full, stderr=subprocess.PIPE, text=True, check=False,
            env=os.environ | {"PYTHONUNBUFFERED": buffering},
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.splitlines() == ["Error: No space left on device. Check the path, its permissions and the disk."]


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_program_that_is_started_without_input_or_output_does_its_work(home: Path, closed: str) -> None:
    line = f'"$@" {closed}'
    for arguments, code in ((["status"], 0), (["audit", "show", "999999999"], 2), (["record", "--from", "-"], None)):
        words = ["sh", "-c", line, "sh", *COMMAND, "--home", str(home), *arguments]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert "Traceback" not in done.stdout + done.stderr
        assert done.returncode in {0, 1, 2} if code is None else done.returncode == code


def test_of_two_replays_at_once_one_wins_and_the_other_says_so(source: Path, tmp_path: Path) -> None:
    both = [start("--home", tmp_path / "new", "replay", source) for _ in range(2)]
    (won, _, _), (lost, _, said) = sorted(ended(one) for one in both)
    assert won == 0
    # The second may have come when the first was already done, or before it had written who it is.
    assert lost == 0 or (lost == 2 and "is being written to by " in said)
    assert run("verify", home=tmp_path / "new").exit_code == 0


def test_a_locked_source_is_named_and_the_rest_is_read(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(freeze.__kwdefaults__, "lock_wait_s", 0.3)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(source / "state.db")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        found = run_json("replay", source, home=tmp_path / "new")
        other.communicate("\n")
    assert found["exit_code"] == 3
    assert [*found["failed"]] == ["state.db"]
    assert "locked" in found["failed"]["state.db"]
    assert run("replay", source, home=tmp_path / "new").exit_code == 0


def test_a_file_that_may_not_grow_any_more_leaves_a_ledger_that_goes_on(source: Path, tmp_path: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))

    code, out, err = ended(start("--home", tmp_path / "new", "replay", source, preexec_fn=limit))
    assert (code in (2, 3), out, len(mishaps(err))) == (True, "", 1)
    assert "nothing was appended" in err
    assert run_json("replay", source, home=tmp_path / "new")["proven"]


@contextlib.contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("a small disk can only be made by root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


# Each size is filled up by something else: the frozen copies, the ledger, the read models, the report.
@pytest.mark.skipif(os.getuid() != 0 or not shutil.which("mount"), reason="a small disk can only be made by root")
@pytest.mark.parametrize("megabytes", [0.5, 2.5, 3.5, 5])
def test_a_full_disk_says_how_much_is_needed_and_the_next_run_goes_on(
    source: Path, tmp_path: Path, megabytes: float
) -> None:
    with small_disk(tmp_path / "disk", int(megabytes * 2**20)) as disk:
        code, out, err = ended(start("--home", disk / "home", "replay", source))
        assert (code, out, len(mishaps(err))) == (2, "", 1), err
        assert re.search(r"\d (bytes )?are free", err)
        assert re.search(r"In all, about [\d,]+ bytes are needed\.", err)
        subprocess.run(["mount", "-o", "remount,size=60m", str(disk)], check=True)
        assert run_json("replay", source, home=disk / "home")["proven"]
        assert run("verify", home=disk / "home").exit_code == 0


@pytest.mark.skipif(os.getuid() != 0 or not shutil.which("mount"), reason="a small disk can only be made by root")
def test_a_disk_that_fills_up_during_a_rebuild_keeps_the_old_read_models(home: Path, tmp_path: Path) -> None:
    size = sum(path.stat().st_size for path in home.rglob("*") if path.is_file())
    with small_disk(tmp_path / "disk", size + 1_200_000) as disk:
        shutil.copytree(home, disk / "home")
        with (disk / "fill").open("wb") as fill, contextlib.suppress(OSError):
            fill.write(bytes(700_000))
        code, out, err = ended(start("--home", disk / "home", "rebuild-projection", "--all"))
        assert (code, out) == (2, ""), err
        assert "bytes are needed" in err
        (disk / "fill").unlink()
        subprocess.run(["mount", "-o", "remount,size=60m", str(disk)], check=True)
        assert run("verify", home=disk / "home").exit_code == 0


def test_help_loads_nothing_heavy() -> None:
    """How fast it comes is in docs/benchmarks.md; this is what would make it slow."""
    told = subprocess.run(
        [sys.executable, "-X", "importtime", *COMMAND[1:], "--help"],
        capture_output=True, text=True, check=True, env=environment(),
    )  # fmt: skip
    loaded = {line.rsplit("|", 1)[-1].strip().partition(".")[0] for line in told.stderr.splitlines()}
    assert "click" in loaded
    assert not loaded & {
        "eventsourcing",
        "duckdb",
        "apsw",
        "sqlite_utils",
        "watchfiles",
        "cryptography",
        "msgspec",
        "sqlite3",
    }


def test_the_program_runs_from_a_checkout_wherever_one_stands(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "cli.py"), "--version"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("Daybook ")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("cli re", {"replay", "rebuild-projection"}),
        ("cli verify so", {"sources"}),
        ("cli rebuild-projection p", {"portfolio"}),
        ("cli replay --ver", {"--verify-only"}),
    ],
)
def test_completion_offers_commands_options_and_read_models(words: str, offered: set[str]) -> None:
    asked = {"_CLI_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    code, out, _ = ended(start(env=environment(**asked)))
    assert code == 0
    assert {line.partition(",")[2] for line in out.splitlines()} >= offered


def test_the_environment_names_the_home(home: Path) -> None:
    _, out, _ = ended(start("status", "--json", env=environment(DAYBOOK_HOME=str(home))))
    assert json.loads(out)["home"] == str(home)
