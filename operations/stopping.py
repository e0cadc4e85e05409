"""Being told to stop: SIGTERM ends what runs for long cleanly, like Ctrl-C but as a success."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event as Flag
from types import FrameType


@contextmanager
def until_terminated() -> Iterator[Flag]:
    """A flag that SIGTERM sets; what is being written is finished, then whoever looks at the flag ends."""
    flag = Flag()

    def told(_: int, __: FrameType | None) -> None:
        flag.set()

    before = signal.signal(signal.SIGTERM, told)
    try:
        yield flag
    finally:
        signal.signal(signal.SIGTERM, before)
