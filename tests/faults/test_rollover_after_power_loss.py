"""A power cut while sessions are put away, and while a feed has its rows written: every row is there, once, and sealed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, groupby
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from ledger.log import open_log
from ledger.verifying import verify_log
from operations.market.feed import MarketFeed
from operations.market.queries import MarketData, Tick
from operations.market.rollover import LIVE, MARKET, roll_over
from projections import catalog
from projections.engine import model_path
from projections.partitioned import SEALED_MODE, partitions
from projections.places import known_places
from projections.verifying import verify_model
from tests.faults.cutting import Cut, after_all, cuts, without
from tests.faults.disk import Disk, contents, seeded, write_state
from tests.faults.under_python import everything_watched
from tests.faults.under_sqlite3 import LIBRARY, REASON
from tests.market.market import DAY, EVER, NEXT, NIFTY, STOCK, at, bars, feed_bars, live_rows, stored, told

pytestmark = pytest.mark.skipif(LIBRARY is None, reason=REASON)

LATE = bars(DAY, 2, start="15:28:00", price=7)
BARS = [*bars(DAY, 3), *LATE, *bars(NEXT, 3)]
TICKS = [Tick(at(NEXT, "09:15:00"), number + 1, 100.0 + number, 5, None, None) for number in range(4)]
NEVER_S = 3600.0


def feed_ticks(feed: MarketFeed, ticks: Sequence[Tick]) -> None:
    for one in ticks:
        assert one.price is not None
        feed.tick(STOCK, one.price, one.volume, time=one.timestamp)


def a_home(place: Path, *, is_new: bool = False) -> Path:
    """A session that was sealed and then amended, and one that was never put away, with bars and ticks. is_new: in one that has
    no day files at all yet.
    """
    home = place / "home"
    with MarketFeed(home, flush_s=NEVER_S) as feed:
        feed_bars(feed, bars(DAY, 3))
    if not is_new:
        roll_over(home)
    with MarketFeed(home, flush_s=NEVER_S) as feed:
        feed_bars(feed, [*LATE, *bars(NEXT, 3)])
        feed_ticks(feed, TICKS)
    return home


def told_ticks(home: Path) -> list[Tick]:
    """All ticks that queries give."""
    with MarketData(home) as market:
        found: list[Tick] = market.ticks(STOCK, *EVER)
        return found


def rows_of_files(home: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every day file, by plain SQL."""
    index = model_path(home, MARKET)
    return {one.path: stored(index.parent / one.path, _QUERIES[one.kind]) for one in partitions(index)}


_QUERIES = {
    "candles": """
SELECT symbol, timestamp, open, high, low, close, volume, is_synthetic, open_interest FROM candles ORDER BY ALL
""",
    "ticks": "SELECT symbol, timestamp, sequence, price, volume, bid, ask FROM ticks ORDER BY ALL",
}


def steps(home: Path) -> list[tuple[str, str]]:
    """The steps of all sessions, in the order of the log."""
    with open_log(home) as log:
        return [(one.stream, one.topic) for one in log.read() if one.stream.startswith("market-session")]


def after_cut(cut: Cut, place: Path) -> Path:
    """The home as a power cut leaves it. A day file of the right size has the time that is known of it, right or not: it
    must be good because it was synced, not because somebody looks at the clock.
    """
    write_state(cut.files, place)
    folder = model_path(place, MARKET).parent
    for path, known in known_places(folder).items():
        file = folder / path
        if file.exists() and file.stat().st_size == known.size:
            os.utime(file, ns=(known.modified_ns, known.modified_ns))
    return place


class Ending(NamedTuple):
    """The steps of all sessions and the rows of all day files."""

    steps: list[tuple[str, str]]
    files: dict[str, list[tuple[object, ...]]]


def hashes(home: Path) -> list[bytes]:
    """The whole log."""
    with open_log(home) as log:
        return [one.hash for one in log.read()]


def check_proven(home: Path, said: str) -> None:
    """The chain, the index with its day files, and the live buffer are what the log says."""
    assert verify_log(home / "ledger.db").findings == [], said
    with open_log(home) as log:
        for name in (MARKET, LIVE):
            verdict = verify_model(catalog.find(name), log, home)
            assert (verdict.is_proven, verdict.behind) == (True, 0), (said, verdict)


def check_ends_sealed(home: Path, ends: Ending, said: str) -> None:
    """Rolling over again comes to where the rollover that was not cut came to, and then there is nothing to do."""
    roll_over(home)
    assert (told(home), told_ticks(home), live_rows(home)) == (BARS, TICKS, 0), said
    assert (steps(home), rows_of_files(home)) == ends, said
    for path in ends.files:
        assert (model_path(home, MARKET).parent / path).stat().st_mode & 0o777 == SEALED_MODE, said
    check_proven(home, said)
    assert roll_over(home).put_away == [], said


def one_at_each(disk: Disk, rng: Random) -> Iterator[Cut]:
    """One of the states that a cut may leave, for each operation at which there is a new one."""
    for _, states in groupby(cuts(disk), lambda cut: cut.after):
        chosen = next(states)
        for count, cut in enumerate(states, 2):
            chosen = cut if rng.randrange(count) == 0 else chosen
        yield chosen


def at_the_end(disk: Disk) -> Iterator[Cut]:
    """When the rollover has said that it is done: nothing there but what was synced, then each database behind the others."""
    yield next(cuts(disk, first=len(disk.trace)))
    for path in ("market_data/index.db-wal", "market_data/files.db-wal", "live_buffer/live.db-wal"):
        yield without(disk, path)


def rolled_over(home: Path, *, some: Callable[[Disk], Iterable[Cut]], thorough_each: int) -> None:
    """Cut the power while sessions are put away, with a reader that has the stores open all the time."""
    before = hashes(home)
    disk = Disk(home)
    disk.promise(len(before))
    with MarketData(home) as reader:
        assert len(reader.candles(NIFTY, "1m", *EVER)) == len(BARS)
        with everything_watched(disk):
            roll_over(home)
            disk.promise(len(hashes(home)))
        assert after_all(disk) == contents(home)
    ends = Ending(steps(home), rows_of_files(home))
    assert sum(map(len, ends.files.values())) == len(BARS) + len(TICKS)
    for number, cut in enumerate(some(disk)):
        after = after_cut(cut, home.with_name("after"))
        kept = hashes(after)
        assert kept[: len(before)] == before, cut.said
        assert len(kept) >= cut.promised, cut.said
        assert verify_log(after / "ledger.db").findings == [], cut.said
        assert (told(after), told_ticks(after)) == (BARS, TICKS), f"{cut.said}: rows are missing, or told twice"
        if number % thorough_each == 0:
            check_ends_sealed(after, ends, cut.said)
        shutil.rmtree(after)


def test_after_a_power_cut_in_a_rollover_the_next_one_seals_every_row_once(tmp_path: Path) -> None:
    rolled_over(
        a_home(tmp_path), some=lambda disk: chain(cuts(disk, seeded(), count=1), at_the_end(disk)), thorough_each=5
    )


@pytest.mark.soak
@pytest.mark.parametrize("is_new", [False, True])
def test_after_a_power_cut_at_each_step_of_a_rollover_the_next_one_seals_every_row_once(
    tmp_path: Path, *, is_new: bool
) -> None:
    rng = seeded()
    rolled_over(
        a_home(tmp_path, is_new=is_new),
        some=lambda disk: chain(
            at_the_end(disk), one_at_each(disk, rng), cuts(disk, rng, count=200, first=len(disk.trace))
        ),
        thorough_each=4,
    )


def flushed(tmp_path: Path, *, drawn: int, thorough_each: int) -> None:
    """Cut the power while a feed has its rows written, three times; then the feed goes on with what was lost."""
    home = a_home(tmp_path, is_new=True)
    count, first_number = 6, len(TICKS) + 1
    more_bars = bars(NEXT, count, start="10:00:00")
    more_ticks = [Tick(one.time, first_number + n, 90.0 + n, 5, None, None) for n, one in enumerate(more_bars)]
    disk, whole = Disk(home), {len(hashes(home)): 0}
    with everything_watched(disk), MarketFeed(home, flush_s=NEVER_S) as feed:
        for first in range(0, count, 2):
            feed_bars(feed, more_bars[first : first + 2])
            feed_ticks(feed, more_ticks[first : first + 2])
            position = feed.flush().position
            disk.promise(position)
            whole[position] = first + 2
    found = 0
    for number, cut in enumerate(cuts(disk, seeded(), count=drawn)):
        after = after_cut(cut, tmp_path / "after")
        head = len(hashes(after))
        assert head >= cut.promised, cut.said
        assert head in whole, f"{cut.said}: a flush is there in parts"
        found += 0 < whole[head] < count
        if number % thorough_each == 0:
            with MarketFeed(after, flush_s=NEVER_S) as feed:
                feed_bars(feed, more_bars[whole[head] :])
                feed_ticks(feed, more_ticks[whole[head] :])
            roll_over(after)
            rows = (told(after), told_ticks(after), live_rows(after))
            assert rows == ([*BARS, *more_bars], [*TICKS, *more_ticks], 0), cut.said
            check_proven(after, cut.said)
        shutil.rmtree(after)
    assert found, "no cut came between two flushes, so this shows little"


def test_after_a_power_cut_in_a_flush_all_rows_of_it_are_there_or_none(tmp_path: Path) -> None:
    flushed(tmp_path, drawn=8, thorough_each=8)


@pytest.mark.soak
def test_after_a_power_cut_at_many_steps_of_a_feed_each_flush_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    flushed(tmp_path, drawn=200, thorough_each=4)
