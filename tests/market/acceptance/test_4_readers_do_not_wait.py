"""Acceptance line 4: reads work while it is written. Planted: a writer that stays in the middle of its transaction."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import apsw

from operations.market.feed import MarketFeed
from operations.market.queries import MarketData
from operations.market.rollover import LIVE, roll_over
from projections.engine import model_path
from tests.market.market import DAY, EVER, NEXT, NIFTY, Bar, bars, fed, feed_bars, told


def test_readers_see_the_last_commit_while_a_writer_stays_in_its_transaction(tmp_path: Path) -> None:
    fed(tmp_path, bars(DAY))
    writer = apsw.Connection(str(model_path(tmp_path, LIVE)))
    writer.execute("BEGIN IMMEDIATE; DELETE FROM candles")
    begin = time.monotonic()
    for _ in range(3):
        assert told(tmp_path) == bars(DAY)
    assert time.monotonic() - begin < 5
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
        reader = threading.Thread(target=read)
        reader.start()
        for place in range(0, len(rows), 20):
            feed_bars(feed, rows[place : place + 20])
            feed.flush()
            if place in (60, 160):
                roll_over(tmp_path, wait_s=10)
        ends.set()
        reader.join()
    assert failed == []
    assert all(found == rows[: len(found)] for found in seen)
    lengths = [len(found) for found in seen]
    assert lengths == sorted(lengths)
    assert told(tmp_path) == rows
