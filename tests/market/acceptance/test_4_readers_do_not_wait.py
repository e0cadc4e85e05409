"""Acceptance line 4: reads work while it is written. Planted: a writer that stays in the middle of its transaction."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import apsw
import pytest

from operations.market.feed import MarketFeed
from operations.market.queries import MarketData
from operations.market.rollover import LIVE, roll_over
from operations.rebuilding import catch_up_all
from projections.engine import model_path
from tests.market.market import DAY, EVER, NEXT, NIFTY, Bar, bars, fed, feed_bars, told
from tests.mortals import Mortals

# Who waits for a writer gives up after thirty.
PATIENCE_S = 20.0


def test_readers_see_the_last_commit_while_a_writer_stays_in_its_transaction(tmp_path: Path) -> None:
    fed(tmp_path, bars(DAY))
    writer = apsw.Connection(str(model_path(tmp_path, LIVE)))
    writer.execute("BEGIN IMMEDIATE; DELETE FROM candles")
    begin = time.monotonic()
    for _ in range(3):
        assert told(tmp_path) == bars(DAY)
    assert time.monotonic() - begin < PATIENCE_S
    writer.execute("ROLLBACK")
    writer.close()


def test_a_reader_beside_a_feed_and_a_rollover_sees_a_beginning_of_the_rows_and_never_fewer(tmp_path: Path) -> None:
    rows = [*bars(DAY, 120), *bars(NEXT, 120)]
    seen: list[list[Bar]] = []
    ends, failed = threading.Event(), list[BaseException]()

    def read() -> None:
        try:
            with MarketData(tmp_path) as market:
                while not ends.is_set():
                    seen.append([Bar(*one[:6]) for one in market.candles(NIFTY, "1m", *EVER)])
        except BaseException as error:  # noqa: BLE001 - shown below
            failed.append(error)

    with MarketFeed(tmp_path, flush_s=0.02) as feed:
        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        for place in range(0, len(rows), 20):
            feed_bars(feed, rows[place : place + 20])
            feed.flush()
            if place in (60, 160):
                roll_over(tmp_path, wait_s=60)
        ends.set()
        reader.join()
    assert failed == []
    assert all(found == rows[: len(found)] for found in seen)
    lengths = [len(found) for found in seen]
    assert lengths == sorted(lengths)
    assert told(tmp_path) == rows


@pytest.mark.parametrize(
    ("point", "recorded"),
    [
        ("ledger.writing:Writing.append", 0),  # written into the ledger, not committed
        ("projections.live_buffer:_show", 5),  # in the ledger; written into the live buffer, not committed
    ],
)
def test_a_writer_that_is_killed_in_its_transaction_keeps_no_reader_waiting_and_leaves_the_last_commit(
    tmp_path: Path, mortals: Mortals, point: str, recorded: int
) -> None:
    day, following = bars(DAY), bars(NEXT)
    fed(tmp_path, day)
    with MarketData(tmp_path) as market:

        def seen() -> list[Bar]:
            begin = time.monotonic()
            found = [Bar(*one[:6]) for one in market.candles(NIFTY, "1m", *EVER)]
            assert time.monotonic() - begin < PATIENCE_S
            return found

        assert seen() == day
        with mortals.standing(point, "tests.market.deeds:record_next_session", tmp_path, is_done=True):
            assert seen() == told(tmp_path) == day
        assert seen() == told(tmp_path) == day
        fed(tmp_path, [])  # a feed comes again and has nothing to say yet
        catch_up_all(tmp_path, tell=lambda *_: None)
        assert seen() == [*day, *following[:recorded]]
        fed(tmp_path, following)  # what a feed was not told to be recorded it hands in again
        assert seen() == told(tmp_path) == [*day, *following]
