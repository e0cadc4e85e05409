"""Double-entry exports of the trading bot: they balance for beancount and hledger, and say what the legacy rows say."""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.bot_backtest import BacktestTradeClosed
from domain.bot_trading import FillCorrected, FillRecorded, RoundTripClosed
from domain.event import Event
from domain.market import BarsRecorded, BarsVoided
from tests.audit import journals
from tests.audit.exporting import export, exported, home_of
from tests.searching import examples

SOURCE = b'{"run":1,"system":"trading-bot","file":"trading_bot.duckdb","table":"trades"}'
CASH, FEES, GAINS = "Assets:TradingBot:Cash", "Expenses:TradingBot:Fees", "Income:TradingBot:Gains"
STOCK = "NSE_EQ|INE002A01018"
COMMODITY = "B-NSE_EQ-INE002A01018"
HELD = "Assets:TradingBot:Positions:BdNSEuEQdINE002A01018"
OWED = "Liabilities:TradingBot:Short:BdNSEuEQdINE002A01018"
Fact = tuple[str, Event]
Sums = dict[tuple[str, str], Decimal]


def fill(key: str, side: str, quantity: str, price: str, minute: int = 0, **more: object) -> Fact:
    fields: dict[str, Any] = {"symbol": STOCK} | more
    event = FillRecorded(
        occurred_at=f"2026-02-02T04:{minute:02}:00.000000Z", trade_id=key, quantity=Decimal(quantity),
        price=Decimal(price), **{"side": side} | fields,
    )  # fmt: skip
    return f"bot-fill:{key}", event


def trip(key: str, direction: str, entry: str, leaves: str | None, **more: object) -> Fact:
    fields: dict[str, Any] = {"run_id": None, "instrument_key": STOCK, "quantity": Decimal(10)} | more
    event = RoundTripClosed(
        occurred_at="2026-02-02T04:00:00.000000Z", trade_id=key, trade_type="PAPER", direction=direction,
        entry_price=Decimal(entry), exit_price=None if leaves is None else Decimal(leaves),
        exit_time=None if leaves is None else "2026-02-03T20:00:00.000000Z", **fields,
    )  # fmt: skip
    return f"bot-round-trip:{key}", event


def sums_of(home: Path, *facts: Fact) -> Sums:
    return both(home_of(home, facts, SOURCE))[1]


def both(home: Path, *arguments: str) -> tuple[str, Sums]:
    """The beancount export and its sums, after bean-check found nothing and hledger's rules gave the same."""
    text = exported(home, "beancount", *arguments)
    found = journals.sums(journals.beancount(text))
    assert journals.hledger(exported(home, "hledger", *arguments)) == found
    return text, {key: number for key, number in found.items() if number}


def test_fills_open_and_close_what_was_opened_first_and_sell_short_beyond_it(tmp_path: Path) -> None:
    found = sums_of(
        tmp_path, fill("1", "BUY", "10", "100", 1, fees=Decimal("26.8192")), fill("2", "BUY", "10", "110", 2),
        fill("3", "SELL", "25", "120", 3, fees=Decimal("20.5")),
    )  # fmt: skip
    assert found == {
        (CASH, "INR"): Decimal(-1000 - 1100 + 3000) - Decimal("47.3192"), (OWED, COMMODITY): Decimal(-5),
        (GAINS, "INR"): Decimal(-(10 * 20 + 10 * 10)), (FEES, "INR"): Decimal("47.3192"),
    }  # fmt: skip


def test_a_round_trip_is_two_entries_and_closes_only_what_it_opened_itself(tmp_path: Path) -> None:
    home = home_of(
        tmp_path, [
            fill("1", "BUY", "10", "90", 0), trip("2", "LONG", "100", "105", commission=Decimal(7), pnl=Decimal(50)),
            trip("3", "SHORT", "100", "105", pnl=Decimal(-500)), trip("4", "LONG", "101", None, commission=Decimal(1)),
        ], SOURCE,
    )  # fmt: skip
    text, found = both(home)
    assert found == {
        (CASH, "INR"): Decimal(-900 + 50 - 7 - 50 - 1010 - 1), (HELD, COMMODITY): Decimal(20), (FEES, "INR"): Decimal(8),
    }  # fmt: skip
    assert '2026-02-02 * "Sell 10 NSE_EQ|INE002A01018 at 100 INR"' in text
    assert '2026-02-04 * "Buy 10 NSE_EQ|INE002A01018 at 105 INR"' in text, "01:30 in India is the next day"
    assert text.count("stated-profit: ") == 1, "only one is not what the prices give"
    assert 'stated-profit: "-500"' in text


def test_what_moved_nothing_is_left_out_and_listed(tmp_path: Path) -> None:
    home = home_of(
        tmp_path, [
            fill("1", "BUY", "10", "100", status="REJECTED"), fill("2", "BUY", "0", "100"),
            trip("3", "LONG", "100", "105", run_id="r"), trip("4", "SIDEWAYS", "1", "2"),
            ("bot-backtest-trade:5", BacktestTradeClosed(run_id="r", trade_id="5")),
        ], SOURCE,
    )  # fmt: skip
    assert both(home)[1] == {}
    said = export(home, "beancount").stderr
    assert "left out: 1 fills that were rejected or cancelled, or are still pending" in said
    assert "left out: 2 trades of backtests, which moved nothing" in said
    assert "left out: 1 trades without a positive quantity and price" in said
    assert "left out: 1 round trips without a direction and a quantity" in said


def test_a_corrected_fill_counts_as_it_is_known_now(tmp_path: Path) -> None:
    stream, first = fill("1", "BUY", "10", "100")
    assert isinstance(first, FillRecorded)
    corrected = FillCorrected(
        occurred_at=first.occurred_at, symbol=STOCK, side="BUY", quantity=Decimal(4), price=first.price
    )
    assert sums_of(tmp_path, (stream, first), (stream, corrected))[HELD, COMMODITY] == 4


def test_currencies_of_exchanges_that_nobody_knows_are_assumed(tmp_path: Path) -> None:
    home = home_of(tmp_path, [fill("1", "BUY", "1", "1"), fill("2", "BUY", "1", "1", symbol="NYSE|A")], SOURCE)
    text = both(home)[0]
    assert text.count('assumed: "currency"') == 1
    assert 'option "operating_currency" "INR"' in text
    assert '"EUR"' not in text


def test_closes_of_what_was_traded_are_prices(tmp_path: Path) -> None:
    def bars(timeframe: str, session: str, time: list[int], close: list[float], symbol: str = STOCK) -> Fact:
        event = BarsRecorded(
            occurred_at=f"{session}T03:45:00.000000Z", symbol=symbol, exchange="nse", session=session,
            timeframe=timeframe, count=len(time), time=time, open=1.0, high=1.0, low=1.0, close=[*close],
        )  # fmt: skip
        return f"market-bars:nse:{symbol}:{timeframe}:{session}", event

    void = BarsVoided(symbol=STOCK, exchange="nse", session="2026-02-02", timeframe="1m", time=[33_420], reason="x")
    home = home_of(
        tmp_path, [
            fill("1", "BUY", "1", "1"), bars("1m", "2026-02-02", [33_300, 33_360, 33_420], [7.0, 7.5, 8.0]),
            bars("1m", "2026-02-03", [33_300], [9.0]), bars("1d", "2026-02-03", [0], [9.5]),
            bars("1m", "2026-02-03", [33_300], [3.0], "NSE_EQ|INE467B01029"), (f"market-bars:nse:{STOCK}:1m:2026-02-02", void),
        ], SOURCE,
    )  # fmt: skip
    prices = [line for line in both(home, "--prices")[0].splitlines() if line.startswith("2026") and " price " in line]
    assert prices == [f"2026-02-02 price {COMMODITY} 7.50 INR", f"2026-02-03 price {COMMODITY} 9.50 INR"]
    assert " price B-" not in both(home)[0]


AMOUNTS = st.decimals(min_value="0.0001", max_value=10**6, places=9, allow_nan=False, allow_infinity=False)
FILLS = st.tuples(
    st.sampled_from(("BUY", "SELL")), AMOUNTS, AMOUNTS, st.sampled_from((STOCK, "MCX_FO|451669", "NSE_INDEX|Nifty 50"))
)
TRIPS = st.tuples(st.sampled_from(("LONG", "SHORT")), AMOUNTS, st.none() | AMOUNTS)


@settings(max_examples=examples(8), deadline=None)
@given(fills=st.lists(FILLS, max_size=8), trips=st.lists(TRIPS, max_size=3), fee=AMOUNTS)
def test_whatever_was_traded_balances(
    fills: list[tuple[str, Decimal, Decimal, str]], trips: list[tuple[str, Decimal, Decimal | None]], fee: Decimal
) -> None:
    facts = [
        fill(str(key), side, str(quantity), str(price), key, symbol=symbol, fees=fee)
        for key, (side, quantity, price, symbol) in enumerate(fills)
    ]
    facts += [
        trip(str(key), side, str(entry), None if leaves is None else str(leaves))
        for key, (side, entry, leaves) in enumerate(trips)
    ]
    paid = sum((quantity * price * (1 if side == "BUY" else -1) for side, quantity, price, _ in fills), Decimal(0))
    paid += sum(
        ((entry - (leaves or 0)) * (10 if side == "LONG" else -10) for side, entry, leaves in trips), Decimal(0)
    )
    with TemporaryDirectory() as place:
        found = sums_of(Path(place), *facts)
    assert abs(found.get((CASH, "INR"), Decimal(0)) + paid + fee * len(fills)) < Decimal("1e-6")
    assert found.get((FEES, "INR"), 0) == fee * len(fills)


def test_a_replayed_bot_exports_what_plain_sql_says_of_it(bot: Path) -> None:
    with closing(duckdb.connect()) as db:
        for name in "ab":
            db.execute(f"ATTACH '{bot.parent / 'bot' / name}.duckdb' AS {name} (READ_ONLY)")
        ((cash, fees, held),) = db.execute(
            """
            WITH legs AS (
                SELECT if(direction = 'LONG', quantity, -quantity) AS units, entry_price AS price,
                    if(exit_price IS NULL, commission, 0) AS fee FROM a.trades WHERE run_id IS NULL
                UNION ALL
                SELECT if(direction = 'LONG', -quantity, quantity), exit_price, commission FROM a.trades
                WHERE run_id IS NULL AND exit_price IS NOT NULL
                UNION ALL
                SELECT if(direction IN ('BUY', 'LONG'), quantity, -quantity), price, fees FROM b.trades WHERE status = 'FILLED'
            )
            SELECT -sum(units * price) - sum(fee), sum(fee), sum(units) FROM legs"""
        ).fetchall()
    text, found = both(bot)
    assert float(found[CASH, "INR"]) == pytest.approx(cash, abs=1e-6)
    assert float(found[FEES, "INR"]) == pytest.approx(fees, abs=1e-6)
    assert sum(number for (name, _), number in found.items() if name.startswith((HELD, OWED))) == held
    assert 'file: "a.duckdb"' in text
    assert 'file: "b.duckdb"' in text
