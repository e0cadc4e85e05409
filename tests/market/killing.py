"""Run by itself: kills rollovers at each of their steps, runs each again, and says what is left.

Arguments: a home with sessions to be put away, a folder for copies of it, and which steps: all, or every how manieth. Forks, so
that the process that is killed is a real one and its start costs nothing; this process itself has one thread.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from pathlib import Path

from ledger.log import open_log
from operations.market.rollover import roll_over
from tests.market.market import live_rows, told


def steps_of(home: Path) -> list[str]:
    """The steps of an undisturbed rollover."""
    names: list[str] = []
    roll_over(home, step=names.append)
    return names


def killed_at(home: Path, number: int) -> bool:
    """Roll over in a process that is killed at a step; returns whether it was."""
    child = os.fork()
    if child == 0:
        count = 0

        def step(_: str) -> None:
            nonlocal count
            count += 1
            if count > number:
                os.kill(os.getpid(), signal.SIGKILL)

        roll_over(home, step=step)
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def in_child(work: object, home: Path, answer: Path) -> None:
    """Look at a home in a process of its own, since DuckDB starts threads."""
    child = os.fork()
    if child == 0:
        answer.write_text(json.dumps(work(home)), encoding="utf-8")  # type: ignore[operator]
        os._exit(0)
    os.waitpid(child, 0)


def state(home: Path) -> dict[str, object]:
    """What counts of a home: the bars that are told, the rows still live, the steps in the log."""
    with open_log(home) as log:
        steps = [one.topic for one in log.read(limit=1_000) if one.stream.startswith("market-session")]
    return {"bars": [[str(cell) for cell in bar] for bar in told(home)], "live": live_rows(home), "steps": steps}


def again(home: Path) -> dict[str, object]:
    """The state after a kill, then after the rollover that follows, and after one more."""
    found = {"after_kill": len(told(home))}
    roll_over(home)
    rolled = state(home)
    roll_over(home)
    return {**found, "rolled": rolled, "twice": state(home)}


def main() -> None:
    home, copies, stride = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    whole = copies / "whole"
    shutil.copytree(home, whole)
    answer = copies / "answer.json"
    in_child(lambda place: {"names": steps_of(place), "state": state(place)}, whole, answer)
    said = json.loads(answer.read_text(encoding="utf-8"))
    result = {"undisturbed": said["state"], "kills": []}
    for number in range(0, len(said["names"]), stride):
        place = copies / f"killed-{number}"
        shutil.copytree(home, place)
        was_killed = killed_at(place, number)
        in_child(again, place, answer)
        kill = {"step": said["names"][number], "killed": was_killed, **json.loads(answer.read_text(encoding="utf-8"))}
        result["kills"].append(kill)
        shutil.rmtree(place)
    print(json.dumps(result))  # noqa: T201  it is read by the test


if __name__ == "__main__":
    main()
