"""Bars that are entered together become blocks, one event for up to 512 of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from domain.entries.base import Fact
from domain.event import decode
from domain.prices import BLOCK_MAX, DailyPricesRecorded, PriceBlock, PricesVoided, each

if TYPE_CHECKING:
    from operations.entering.session import Session, Taken

RECORDED = "recorded"
_OURS = frozenset({"created_at", "occurred_at", "count", "zone", "copy", "assumed", "repaired", "symbol"})


class BarBuffer:
    """The bars of a batch, by series and key, until they are written."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._recorded: dict[str, dict[str, tuple[Any, ...]]] = {}
        self._bars: dict[str, dict[str, tuple[PriceBlock, list[Taken]]]] = {}
        self._last: dict[str, str] = {}

    def take(self, fact: Fact, taken: Taken) -> None:
        """Keep the bar for the next block, unless the log holds the same one already."""
        block = fact.event
        assert isinstance(block, PriceBlock)
        (key,) = keys_of(block)
        held = self._bars.setdefault(fact.stream, {})
        waiting = held.get(key)
        if waiting is not None:
            if _cells(waiting[0]) == _cells(block):
                return
            takens = waiting[1]
        else:
            if key <= self._last_of(fact) and self._of_log(fact.stream).get(key) == _cells(block)[0]:
                return
            takens = []
        taken.status = RECORDED
        held[key] = (block, [*takens, taken])

    def write(self) -> None:
        """Hand the blocks to the session, and forget them."""
        for name, bars in self._bars.items():
            keys = sorted(bars)
            for start in range(0, len(keys), BLOCK_MAX):
                some = [bars[key] for key in keys[start : start + BLOCK_MAX]]
                self._last[name] = max(self._last.get(name, ""), keys[-1])
                self._session.append_block(
                    name, merged([block for block, _ in some]), [t for _, ts in some for t in ts]
                )
        self._bars, self._recorded = {}, {}

    def _last_of(self, fact: Fact) -> str:
        """The last day or month of which the log holds a bar. Most bars are later: then none need be decoded."""
        if fact.stream not in self._last:
            assert isinstance(fact.event, PriceBlock)
            self._last[fact.stream] = self._session.greatest(fact.stream, key_of(fact.event)) or ""
        return self._last[fact.stream]

    def _of_log(self, name: str) -> dict[str, tuple[Any, ...]]:
        """The bars of a series that the log holds, each as it was stated last."""
        known = self._recorded.get(name)
        if known is None:
            known = self._recorded[name] = {}
            for one in self._session.found(name):
                block = decode(one.topic, one.state)
                if isinstance(block, PricesVoided):
                    for date in block.dates:
                        known.pop(date, None)
                    continue
                assert isinstance(block, PriceBlock)
                known |= dict(zip(keys_of(block), _cells(block), strict=True))
        return known


def keys_of(block: PriceBlock) -> list[str]:
    """The days or months of a block."""
    keys: list[str] = getattr(block, key_of(block))
    return keys


def key_of(block: PriceBlock) -> str:
    """The column that holds them."""
    return "date" if isinstance(block, DailyPricesRecorded) else "year_month"


def merged(blocks: list[PriceBlock]) -> PriceBlock:
    """One block of the rows of all; a column whose values are all equal is stored once."""
    first = blocks[0]
    names = [name for name in first.__struct_fields__ if name not in {*PriceBlock.__struct_fields__, key_of(first)}]
    columns: dict[str, Any] = {name: _packed([getattr(block, name) for block in blocks]) for name in names}
    columns[key_of(first)] = [keys_of(block)[0] for block in blocks]
    return msgspec.structs.replace(first, count=len(blocks), **columns)


def _packed(values: list[Any]) -> Any:  # a domain.prices.Column
    first = values[0]
    return first if all(one == first and type(one) is type(first) for one in values) else values


def _cells(block: PriceBlock) -> list[tuple[Any, ...]]:
    """What each row says, without what Daybook adds: source and prices."""
    names = [name for name in block.__struct_fields__ if name not in _OURS]
    return list(zip(*(each(getattr(block, name), block.count) for name in names), strict=True))
