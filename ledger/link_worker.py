"""The process that `splitting` starts on another core: it judges the stretches that it is given, line by line."""

from __future__ import annotations

import sys

from ledger.linking import Links, Read


def main(uri: str, decoding: str) -> None:
    """Read the topics in one line, then `FIRST LAST` in each line; answer each with 1 for unbroken, or 0."""
    topics = sys.stdin.readline().split()
    links = Links(uri, topics, _reader(uri) if decoding == "1" else None)
    for line in sys.stdin:
        first, last = map(int, line.split())
        sys.stdout.write(f"{links.unbroken(first, last):d}\n")
        sys.stdout.flush()


def _reader(uri: str) -> Read:
    # Imported here: with all events and msgspec it takes longer than the hashes of a hundred thousand events.
    from ledger.checking import reader  # noqa: PLC0415

    return reader(uri)
