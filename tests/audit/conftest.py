"""Homes for the tests of the audit commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from operations.demo_legacy import write_legacy_folder
from operations.replaying import replay
from tests.trading_bot.legacy import monolith_a, monolith_b, write_monolith


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A replayed demo of a dozen securities and one year; the legacy folder stands beside it. Nobody may change it."""
    place = tmp_path_factory.mktemp("traced")
    write_legacy_folder(place / "legacy", securities=12, years=1)
    replay(place / "legacy", place / "home")
    return place / "home"


@pytest.fixture(scope="session")
def bot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A replayed trading bot: a monolith of each generation, `a.duckdb` with trades on paper as well, and `b.duckdb`; the
    folder `bot` stands beside it. Nobody may change it.
    """
    place = tmp_path_factory.mktemp("bot")
    (place / "bot").mkdir()
    first = monolith_a(per_session=3, dirt=False)
    paper = [row | {"trade_id": f"P{number}", "run_id": None} for number, row in enumerate(first["trades"])]
    first["trades"] += [paper[0] | {"trade_id": "open", "exit_price": None, "exit_time": None, "pnl": None}, *paper]
    write_monolith(place / "bot" / "a.duckdb", "a", first)
    write_monolith(place / "bot" / "b.duckdb", "b", monolith_b(per_session=4))
    replay(place / "bot", place / "home", timezone="Asia/Kolkata")
    return place / "home"
