"""What the log says of a series of bars or ticks by now: of each bar and each numbered tick what was recorded last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from domain.event import decode
from domain.market import BarsRecorded, BarsVoided, MarketBlock, TicksRecorded, TicksVoided, microseconds
from domain.prices import each
from ledger.log import Log

Row = tuple[int, tuple[Any, ...]]  # microseconds after midnight, and cells of any kind


def said_of(log: Log, stream: str, names: Sequence[str]) -> Counter[Row]:
    """The rows of a stream that count, and how many there are of each. names: the fields of a row that are wanted."""
    shown = dict[int, tuple[bool, Row]]()
    for stored in log.stream(stream):
        event = decode(stored.topic, stored.state)
        if isinstance(event, BarsVoided | TicksVoided):
            for key in _voided(event):
                shown.pop(key, None)
            continue
        assert isinstance(event, BarsRecorded | TicksRecorded), f"{stream} holds {stored.topic}"
        is_copy = event.copy is not None
        for key, row in _rows(event, names):
            # A further file with the same keys gives way to the one that they are of.
            if not is_copy or shown.get(key, (True, row))[0]:
                shown[key] = (is_copy, row)
    return Counter(row for _, row in shown.values())


def _rows(block: MarketBlock, names: Sequence[str]) -> Iterator[tuple[int, Row]]:
    """Each row by its key: its time, or the number of a tick."""
    assert isinstance(block, BarsRecorded | TicksRecorded)
    times = microseconds(block)
    columns = [each(getattr(block, name), block.count) for name in names]
    keys = block.numbers if isinstance(block, TicksRecorded) else times
    yield from zip(keys, zip(times, zip(*columns, strict=True), strict=True), strict=True)


def _voided(void: BarsVoided | TicksVoided) -> Sequence[int]:
    return void.sequence if isinstance(void, TicksVoided) else microseconds(void)
