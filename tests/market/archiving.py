"""Run by itself: kills retention at each step and each change of a file, runs it again, and says what is left.

Arguments: a home with old sessions, a folder for copies of it, and every how manieth moment. Forks, as killing.py does.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ledger.log import open_log
from operations.market.archiving import archive
from operations.settings import Retention
from tests.market.killing import in_child
from tests.market.market import told

LATER = datetime(2028, 1, 1, tzinfo=UTC)
_CHANGES = {"os.rename", "os.remove", "os.chmod"}


def at_moments(home: Path, told_of: Callable[[], None]) -> None:
    """Archive, and tell of each moment right before something of the home changes for good."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        # Python renames too, when it keeps the bytecode of what it loads: in the first process only.
        if event in _CHANGES and Path(os.fsdecode(arguments[0])).is_relative_to(home):
            told_of()

    sys.addaudithook(hook)
    archive(home, Retention(), now=LATER, step=lambda _: told_of())


def killed_at(home: Path, number: int) -> bool:
    """Archive in a process that is killed at a moment; returns whether it was."""
    child = os.fork()
    if child == 0:
        count = 0

        def moment() -> None:
            nonlocal count
            count += 1
            if count > number:
                os.kill(os.getpid(), signal.SIGKILL)

        at_moments(home, moment)
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def moments(home: Path) -> object:
    """How many moments an undisturbed run has, and what it leaves."""
    count = 0

    def moment() -> None:
        nonlocal count
        count += 1

    at_moments(home, moment)
    return {"count": count, "state": state(home)}


def state(home: Path) -> dict[str, object]:
    """What counts of a home: its day files, the bars that are told, and how often the log says that one was archived."""
    folder = home / "market_data"
    with open_log(home) as log:
        said = [one.topic for one in log.read(limit=1_000) if one.topic.startswith("session-archived")]
    names = sorted(str(one.relative_to(folder)) for one in folder.rglob("2*.*"))
    return {"files": names, "bars": [[str(cell) for cell in bar] for bar in told(home)], "said": len(said)}


def again(home: Path) -> dict[str, object]:
    """What is told after a kill; the state after the run that follows, and after one more."""
    found: dict[str, object] = {"after_kill": len(told(home))}
    archive(home, Retention(), now=LATER)
    rolled = state(home)
    archive(home, Retention(), now=LATER)
    left = [str(one) for one in (home / "market_data").rglob(".*building*")]
    return {**found, "once": rolled, "twice": state(home), "left": left}


def main() -> None:
    home, copies, stride = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    answer = copies / "answer.json"
    in_child(moments, shutil.copytree(home, copies / "whole"), answer)
    said = json.loads(answer.read_text(encoding="utf-8"))
    kills = []
    for number in range(0, said["count"], stride):
        place = shutil.copytree(home, copies / f"killed-{number}")
        was_killed = killed_at(place, number)
        in_child(again, place, answer)
        kills.append({"killed": was_killed, **json.loads(answer.read_text(encoding="utf-8"))})
        shutil.rmtree(place)
    print(json.dumps({"undisturbed": said["state"], "kills": kills}))  # noqa: T201  it is read by the test


if __name__ == "__main__":
    main()
