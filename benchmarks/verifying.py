"""Verifying the ledger: every hash, every event decoded, every index, beside one pass of SHA-256."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks import samples
from benchmarks.limits import hash_file, hash_rows
from benchmarks.measuring import Row, Sizes, in_turns, timed
from ledger.log import open_log
from ledger.verifying import verify_log
from operations.replaying import replay


def measure(place: Path, sizes: Sizes) -> Iterator[Row]:
    """A ledger of prices and one of small facts, thorough and quick."""
    prices = samples.price_files(place / "prices", files=sizes.files, bars=sizes.bars)
    facts = samples.cash_flows(samples.metrics(place / "facts", sizes.facts), sizes.facts)
    for kind, source in (("price blocks", prices), ("small facts", facts)):
        home = place / f"{kind} home"
        assert replay(source, home, catch_up=False).proven
        yield from _verify(home, kind, sizes)


def _verify(home: Path, kind: str, sizes: Sizes) -> Iterator[Row]:
    with open_log(home) as log:

        def thorough() -> float:
            return timed(lambda: _sound(log.path, thorough=True))

        def quick() -> float:
            return timed(lambda: _sound(log.path, thorough=False))

        events, size = log.head().position, log.path.stat().st_size
        ours, fast, rows, file = in_turns(
            sizes.rounds, thorough, quick, lambda: hash_rows(log.path), lambda: hash_file(log.path)
        )
    limit = "SELECT of all texts in order and one SHA-256 over them"
    # The goal is that of the chain: to decode each event, and SQLite's own check of every index, is more than to hash.
    for how, seconds, goal in (("hashes and pages", fast, 0.5), ("and decoding and indexes", ours, None)):
        yield Row(
            work=f"verify a ledger of {kind}, {how}", count=events, unit="events", ours=seconds, limit=rows,
            limit_name=limit, goal=goal,
            note=f"{size / 1e6:.0f} MB; SHA-256 over the bare file {median(file):.3f} s",
        )  # fmt: skip


def _sound(path: Path, *, thorough: bool) -> None:
    assert verify_log(path, thorough=thorough).intact
