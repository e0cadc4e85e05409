"""Gains of a whole replayed home, fees and dirt included, against first in first out counted from the classic tables."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from domain.moments import end_of
from ledger.log import open_log
from operations.demo_legacy import write_legacy_folder
from operations.replaying import replay
from projections.portfolio import projector
from projections.rebuilding import rebuild

TRADES = """
    SELECT symbol, order_id, side, quantity, price, currency FROM trades
    WHERE symbol NOT LIKE '%/%' AND mode <> 'research' AND order_id NOT LIKE 'RESEARCH%' ORDER BY executed_at, id"""
FEES = (
    "SELECT substr(transaction_id, 11), amount FROM cash_flows WHERE transaction_id LIKE 'trade\\_fee\\_%' ESCAPE '\\'"
)
GAINS = "SELECT symbol, sum(quantity), sum(gain) FROM realized_gains WHERE method = 'fifo' AND gain NOT NULL GROUP BY symbol"
BY_THEN = """
    SELECT symbol, method, part, stream, quantity, proceeds, cost, fees, gain, opened_at, closed_at
    FROM realized_gains WHERE closed_at <= ? ORDER BY symbol, closed_at, stream, method, part"""
Row = tuple[Any, ...]  # a row of any table


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("gains")
    write_legacy_folder(place / "legacy", securities=16, years=3)
    assert replay(place / "legacy", place / "home").proven
    return place / "home"


def asked(path: Path, query: str, *values: str) -> list[Row]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        return db.execute(query, values).fetchall()


def counted(home: Path) -> dict[str, tuple[float, float]]:
    """Shares closed and their gain, of the securities that were always paid in euros, as the fees are."""
    fees: dict[str, float] = dict(asked(home / "ledger.db", FEES))
    told: dict[str, list[Row]] = defaultdict(list)
    for symbol, *trade in asked(home / "ledger.db", TRADES):
        told[symbol].append(tuple(trade))
    found = {}
    for symbol, trades in told.items():
        if {currency for *_, currency in trades} == {"EUR"}:
            matches = list(closings(trades, fees))
            if matches:
                found[symbol] = (sum(shares for shares, _ in matches), sum(gain for _, gain in matches))
    return found


def closings(trades: list[Row], fees: dict[str, float]) -> Iterator[tuple[float, float]]:
    lots: list[list[float]] = []  # shares, and what each cost with its part of the fee
    for order, side, quantity, price, _ in trades:
        fee = fees.get(order, 0.0) / quantity
        if side == "BUY":
            lots.append([quantity, price + fee])
            continue
        rest = quantity
        while rest > 1e-9 and lots:
            part = min(rest, lots[0][0])
            yield part, part * (price - fee - lots[0][1])
            rest -= part
            lots[0][0] -= part
            if lots[0][0] < 1e-9:
                lots.pop(0)


def test_the_gains_are_those_that_the_classic_tables_give(home: Path) -> None:
    expected = counted(home)
    found = {symbol: (shares, gain) for symbol, shares, gain in asked(home / "portfolio.db", GAINS)}
    assert len(expected) >= 3
    for symbol, (shares, gain) in expected.items():
        assert found[symbol] == pytest.approx((shares, gain), abs=1e-5), symbol


def test_every_trade_that_was_charged_for_has_its_fee(home: Path) -> None:
    charged: dict[str, float] = dict(asked(home / "ledger.db", FEES))
    lots = asked(home / "portfolio.db", "SELECT stream, fee_eur FROM lots WHERE fee_eur NOT NULL")
    assert lots
    assert all(charged[stream.removeprefix("trade:")] == pytest.approx(fee) for stream, fee in lots)


def test_gains_as_of_a_day_are_those_that_were_closed_by_then(home: Path, tmp_path: Path) -> None:
    ((day,),) = asked(home / "portfolio.db", "SELECT substr(max(closed_at), 1, 7) || '-01' FROM realized_gains")
    then = end_of(day)
    with open_log(home) as log:
        rebuild(projector, log, home, as_of=then, into=tmp_path)
    shown = asked(tmp_path / "portfolio.db", BY_THEN, "9999")
    assert shown == asked(home / "portfolio.db", BY_THEN, then)
    assert 0 < len(shown) < len(asked(home / "portfolio.db", BY_THEN, "9999"))
    assert asked(tmp_path / "portfolio.db", "SELECT count(*) FROM lots WHERE closed_at > ?", then) == [(0,)]
