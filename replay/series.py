"""Which file of a security is the proper home of its prices when it has several."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from domain import event as events
from domain.prices import PriceBlock
from domain.streams import stream
from ledger.log import Log
from replay import provenance

_KINDS = ("prices:1d", "prices:1mo")


def copies_of(owners: Iterable[tuple[str, str]], log: Log) -> dict[tuple[str, str], str | None]:
    """For each file and symbol the name of the copy, None for the proper home.

    The first of a security's files to be recorded is its proper home for ever; among new files the one that is named by
    the plain rule comes first. So a file that appears later, such as one renamed to its ISIN, is a copy of the first.
    """
    files: dict[str, list[str]] = defaultdict(list)
    for file, symbol in owners:
        files[symbol].append(file)
    found: dict[tuple[str, str], str | None] = {}
    for symbol, names in files.items():
        recorded = _recorded(symbol, log)
        names.sort(key=lambda name: (name.removeprefix("history/") != symbol.replace(".", "_") + ".db", name))
        home = next((file for file, copy in recorded.items() if copy is None), names[0])
        for name in names:
            found[name, symbol] = recorded.get(name, None if name == home else name)
    return found


def _recorded(symbol: str, log: Log) -> dict[str, str | None]:
    """The files whose blocks are in the log already, each with the name of its copy."""
    found: dict[str, str | None] = {}
    for kind in _KINDS:
        for stored in log.stream(stream(kind, symbol)):
            if stored.source and '"first"' in stored.source:
                file = provenance.decode(stored.source).file
                if file not in found:
                    block = events.decode(stored.topic, stored.state)
                    found[file] = block.copy if isinstance(block, PriceBlock) else None
    return found
