"""A replay of bars and ticks that is killed with SIGKILL, wherever it is, goes on to the same events, each once, and proven."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.market import BarsRecorded, TicksRecorded
from ledger.log import open_log
from ledger.verifying import verify_log
from operations.replaying import replay
from replay import market_blocks
from tests.mortals import Mortals
from tests.replay.trading_bot.test_market_series import (
    bars_of,
    blocks,
    expected_bars,
    expected_ticks,
    replayed,
    ticks_of,
    written_in,
)
from tests.replay.trading_bot.test_source import MONOLITH, assert_proven
from tests.trading_bot.rows import INDIA

DEED = "tests.replay.trading_bot.test_killed_series:replay_in_small_blocks"

# Each run goes on where the one before it was killed, so each comes further.
POINTS = (
    ("replay.run:_append", 1, False),  # blocks are made, none is in the log
    ("replay.market_blocks:MarketSeries._ready", 9, True),  # a batch is in the log, the next half made
    ("ledger.log:Log.append", 3, True),  # the last of several was just committed
    ("replay.market_held:Held.load", 2, False),  # about to ask the log what it has of a session
    ("replay.run:complete", 1, False),  # all blocks are in the log, and the run is not said to be complete
)


def replay_in_small_blocks(source: str, home: str) -> None:
    """Many blocks of few rows, a few of them in a transaction; few rows are read at once."""
    market_blocks.BLOCK_MAX, market_blocks.ROWS_AT_ONCE = 2, 60
    replay(Path(source), Path(home), timezone="Asia/Kolkata", catch_up=False, batch_max=3)


@pytest.fixture(scope="module")
def mortals() -> Iterator[Mortals]:
    with Mortals() as parent:
        yield parent


def recorded(home: Path) -> int:
    """How many blocks of bars and ticks are in the log."""
    if not (home / "ledger.db").exists():
        return 0
    return len(blocks(home, BarsRecorded)) + len(blocks(home, TicksRecorded))


def topics(home: Path) -> Counter[str]:
    """How many events of each kind there are."""
    with open_log(home) as log:
        return Counter(one.topic for one in log.read())


def keys(home: Path) -> list[tuple[object, ...]]:
    """What names a row, of every row of every block."""
    bars = [
        (one.symbol, one.session, one.timeframe, at) for one in blocks(home, BarsRecorded) for at in one.time
    ]  # fmt: skip
    ticks = [(one.symbol, one.session, number) for one in blocks(home, TicksRecorded) for number in one.numbers]
    return sorted([*bars, *ticks], key=str)


def test_killed_at_several_points_it_ends_with_every_row_once_and_proven(tmp_path: Path, mortals: Mortals) -> None:
    (tmp_path / "bot").mkdir()
    source, home = written_in(tmp_path / "bot", INDIA), tmp_path / "home"
    before = (source / MONOLITH).read_bytes()
    counts = []
    for point, nth, is_done in POINTS:
        mortals.kill(point, DEED, source, home, nth=nth, is_done=is_done)
        counts.append(recorded(home))
    assert counts == sorted(counts)
    assert len({*counts}) > 3, f"the kills came too close together to show much: {counts}"
    assert_proven(replayed(source, home))
    assert bars_of(home) == expected_bars()
    assert ticks_of(home) == expected_ticks()
    assert len(keys(home)) == len({*keys(home)})
    found = topics(home)
    assert (found["replay-started.v1"], found["replay-completed.v1"], found["legacy-schema-read.v1"]) == (1, 1, 1)
    assert verify_log(home / "ledger.db").findings == []
    assert replayed(source, home).events_appended == 0
    assert (source / MONOLITH).read_bytes() == before
