"""Processes that a test kills with SIGKILL where it wants: one Python forks them all, so that its start is paid for once.

Run by itself it is that Python. What it is told to do must start no thread when it is imported.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[1]
_PATIENCE_S = 120.0


class Mortals:
    """Starts them; a context manager."""

    def __enter__(self) -> Self:
        self._parent = subprocess.Popen(
            [sys.executable, "-m", "tests.mortals"], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        with self._parent:  # its stdin ends, and it with it
            pass

    @contextmanager
    def standing(self, point: str, deed: str, *given: object, nth: int = 1, is_done: bool = False) -> Iterator[int]:
        """A process does a deed and stands still at the nth call of a point, before it or when it is done; it is killed when
        the block ends. Both are written `module:name`; without a point the deed calls `stand_still` itself.
        """
        assert self._parent.stdin is not None
        order = {"deed": deed, "given": [str(one) for one in given], "point": point, "nth": nth, "is_done": is_done}
        self._parent.stdin.write(json.dumps(order).encode() + b"\n")
        self._parent.stdin.flush()
        said, number = self._line()
        assert said == "still", f"{deed} {said} and never came to {point}"
        try:
            yield number
        finally:
            os.kill(number, signal.SIGKILL)
            assert self._line() == ("ended", -signal.SIGKILL)

    def kill(self, point: str, deed: str, *given: object, nth: int = 1, is_done: bool = False) -> None:
        """The same, killed at once."""
        with self.standing(point, deed, *given, nth=nth, is_done=is_done):
            pass

    def _line(self) -> tuple[str, int]:
        assert self._parent.stdout is not None
        ready, _, _ = select.select([self._parent.stdout], [], [], _PATIENCE_S)
        assert ready, "a process that should be killed hangs"
        said, number = self._parent.stdout.readline().decode().split()
        return said, int(number)


def stand_still() -> None:
    """Say that this is the point, and wait for the end."""
    os.write(1, f"still {os.getpid()}\n".encode())
    time.sleep(_PATIENCE_S)


def _stand_at(point: str, nth: int, *, is_done: bool) -> None:
    module, _, path = point.partition(":")
    *owners, name = path.split(".")
    owner = functools.reduce(getattr, owners, importlib.import_module(module))
    original, count = getattr(owner, name), 0

    def watched(*given: Any, **named: Any) -> Any:  # whatever the point takes and gives
        nonlocal count
        count += 1
        mine = count == nth
        if mine and not is_done:
            stand_still()
        result = original(*given, **named)
        if mine and is_done:
            stand_still()
        return result

    setattr(owner, name, watched)


def _found(name: str) -> Callable[..., object]:
    module, _, function = name.partition(":")
    deed: Callable[..., object] = getattr(importlib.import_module(module), function)
    return deed


def _main() -> None:
    for line in sys.stdin:
        order = json.loads(line)
        deed = _found(order["deed"])
        child = os.fork()
        if child == 0:
            try:
                if order["point"]:
                    _stand_at(order["point"], order["nth"], is_done=order["is_done"])
                deed(*order["given"])
                os.write(1, f"finished {os.getpid()}\n".encode())
            except BaseException:  # noqa: BLE001  shown, and then the process must end here
                traceback.print_exc()
                os.write(1, f"failed {os.getpid()}\n".encode())
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os.write(1, f"ended {status}\n".encode())


if __name__ == "__main__":
    _main()
