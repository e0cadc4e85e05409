"""Waiting for files to change: woken by the operating system, and looking by itself where it sends no word."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event as Flag

from watchfiles import watch

# Changes that come within a step of each other wake once; without end they wake every `GROUP_MS`.
STEP_MS, GROUP_MS = 25, 100


def wakings(folder: Path, *, stop: Flag, poll_s: float, recursive: bool = False) -> Iterator[None]:
    """Wake when something changed in the folder, and at least every `poll_s`, until `stop` is set.

    Network drives and containers may keep changes to themselves, word of one may be lost while another is handed over, and a
    folder that was replaced is another one: then the looking every `poll_s` is all there is. Every change wakes, whatever
    file it is of: were some passed over, many of them would put off the looking for ever.
    """
    try:
        for _ in watch(
            folder, watch_filter=None, debounce=GROUP_MS, step=STEP_MS, stop_event=stop, rust_timeout=int(poll_s * 1000),
            yield_on_timeout=True, recursive=recursive, ignore_permission_denied=True,
        ):  # fmt: skip
            yield
    except (OSError, RuntimeError):
        # No such folder now, or no watches left on this machine.
        pass
    while not stop.wait(poll_s):
        yield
