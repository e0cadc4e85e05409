"""What is done by processes that are killed (tests/mortals.py); each takes the home."""

from __future__ import annotations

from pathlib import Path

from operations.market.feed import MarketFeed
from operations.market.rollover import MARKET, roll_over
from operations.market.workspace import Workspace
from operations.rebuilding import rebuild
from operations.verifying import verify
from tests.market.market import EVER, NEXT, NIFTY, bars, feed_bars
from tests.mortals import stand_still

RUN = "run_1"


def rebuild_day_files(home: str) -> None:
    rebuild(Path(home), [MARKET], as_of=None, known_at=None, into=None, tell=lambda *_: None)


def verify_day_files(home: str) -> None:
    verify(Path(home), "projections", repair=False, tell=lambda *_: None)


def put_away(home: str) -> None:
    roll_over(Path(home))


def record_next_session(home: str) -> None:
    with MarketFeed(home, flush_s=3600) as feed:
        feed_bars(feed, bars(NEXT))
        feed.flush()


def backtest(home: str) -> None:
    """Halfway through a run: it has read live stores, and writes to its own."""
    with Workspace(home, RUN) as work:
        assert work.market.candles(NIFTY, "1m", *EVER)
        assert work.store("trading-bot/trading").execute("SELECT name FROM sqlite_schema").fetchall()
        own = work.own()
        own.execute("CREATE TABLE trades (trade_id INTEGER)")
        own.execute("BEGIN")
        own.execute("INSERT INTO trades VALUES (1)")
        stand_still()
