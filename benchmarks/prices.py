"""Daily prices: replay of a folder of price files, and history.db derived again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.limits import attach_copy, fresh
from benchmarks.measuring import Row, Sizes, in_turns, timed
from benchmarks.samples import price_files
from ledger.log import open_log
from operations.replaying import replay
from projections import catalog
from projections.building import built_beside
from projections.engine import catch_up
from projections.feeding import Feed
from projections.profiles import PAGE_BYTES
from projections.rebuilding import model_path, rebuild

LIMIT = "INSERT … SELECT from ATTACHed files into history.db"


def measure(place: Path, sizes: Sizes) -> Iterator[Row]:
    """Replay with its phases, then the rebuild of history.db."""
    source = price_files(place / "prices", files=sizes.files, bars=sizes.bars)
    count = sizes.files * sizes.bars
    yield _replay(place, source, count, sizes)
    home = place / "price-home"
    assert replay(source, home).proven
    yield from _rebuild(place, home, source, count, sizes)


def _replay(place: Path, source: Path, count: int, sizes: Sizes) -> Row:
    phases: dict[str, list[float]] = {}

    def ours() -> float:
        with fresh(place / "replayed") as home:
            report = replay(source, home)
        assert report.proven, report.mismatches
        for phase, seconds in report.seconds.items():
            phases.setdefault(phase, []).append(seconds)
        return report.seconds["append"]

    seconds, limit = in_turns(sizes.rounds, ours, lambda: attach_copy(source, place / "attached"))
    beside = ", ".join(f"{phase} {median(found):.2f} s" for phase, found in phases.items() if median(found) >= 0.01)
    return Row(
        work=f"replay daily prices, {sizes.files} files: translate and append", count=count, unit="bars", ours=seconds,
        limit=limit, limit_name=LIMIT, goal=0.8, least=0.5, note=f"phases of the whole run: {beside}",
    )  # fmt: skip


def _rebuild(place: Path, home: Path, source: Path, count: int, sizes: Sizes) -> Iterator[Row]:
    history = catalog.find("history")
    with open_log(home) as log:

        def derived() -> float:
            with fresh(place / "derived") as folder:
                return timed(lambda: catch_up(history, log, model_path(folder, "history")))

        def in_place() -> float:
            return timed(lambda: rebuild(history, log, home))

        def fed() -> float:
            def feed() -> None:
                with built_beside(Feed(history, log, log.head().position), place / "history.db"):
                    pass

            return timed(feed)

        def limit() -> float:
            return attach_copy(source, place / "attached")

        def tuned() -> float:
            return attach_copy(source, place / "attached", page_bytes=PAGE_BYTES)

        of_new, of_old, of_feed, of_limit, of_tuned = in_turns(sizes.rounds, derived, in_place, fed, limit, tuned)
    yield Row(
        work="rebuild history.db from the log: derive, check, put in place", count=count, unit="bars", ours=of_new,
        limit=of_limit, limit_name=LIMIT, goal=0.8, least=0.5,
        note=f"derive and check alone {median(of_feed):.2f} s; the copy in pages as large as ours {median(of_tuned):.2f} s",
    )  # fmt: skip
    yield Row(
        work="rebuild history.db over a live one: derive, check, compare every value, switch", count=count, unit="bars",
        ours=of_old, limit=of_limit, limit_name=LIMIT,
    )  # fmt: skip
