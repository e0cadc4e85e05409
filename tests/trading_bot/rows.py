"""What the trading bot's stores hold in tests: the same rows each time, by table, dirt included when it is asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Row = dict[str, Any]  # column name to what the legacy program bound there
Rows = dict[str, list[Row]]  # by table

INDIA = ZoneInfo("Asia/Kolkata")
SESSIONS = (date(2026, 1, 30), date(2026, 2, 2), date(2026, 2, 3))
RELIANCE, NIFTY, CRUDE = "NSE_EQ|INE002A01018", "NSE_INDEX|Nifty 50", "MCX_FO|451669"
KEYS = {RELIANCE: 1402.35, NIFTY: 25048.65, CRUDE: 5713.0}
"""Instrument keys with a first price."""
HASH = "c2FsdHNhbHRzYWx0c2FsdA==:aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g="
"""A password hash that must show up nowhere but in the ledger and config.db."""
RUN, OTHER_RUN = "3f0c9a52-6a3e-4a7e-9d55-0c2f7f1b1c11", "portfolio_1a2b3c4d"
EVIL_RUN = "../../trading/trading"
"""A run id that is a path out of its folder."""


def moment(day: date, at: str, zone: ZoneInfo | None = INDIA) -> datetime:
    """A clock time in India as a naive time of `zone`, as the legacy program stored it on a host of that zone."""
    aware = datetime.combine(day, time.fromisoformat(at), INDIA)
    return aware.astimezone(zone or UTC).replace(tzinfo=None)


def bars(zone: ZoneInfo, per_session: int, *, dirt: bool) -> Iterator[Row]:
    """One-minute bars of every session and key; the row carries all columns that any generation had."""
    for number, day in enumerate(SESSIONS):
        for key, first in KEYS.items():
            start = moment(day, "09:15:00", zone)
            for minute in range(per_session):
                price = round(first + number * 7.5 + (minute * 37 % 23) * 0.05, 2)
                yield _bar(key, start + timedelta(minutes=minute), price, volume=0 if key == NIFTY else 100 + minute)
    if dirt:
        yield from _dirty_bars(zone)


def _bar(key: str, at: datetime, price: float, **cells: Any) -> Row:
    bar = {"instrument_key": key, "timestamp": at, "open": price, "high": price + 1.5, "low": price - 1.25}
    return bar | {"close": round(price + 0.4, 2), "volume": 100, "oi": None, "is_synthetic": False} | cells


def _dirty_bars(zone: ZoneInfo) -> Iterator[Row]:
    day, price = SESSIONS[1], 1410.0
    yield _bar(RELIANCE, moment(day, "15:10:00", zone), price, volume=None)
    yield _bar(RELIANCE, moment(day, "15:11:00", zone), price, high=price - 5)
    yield _bar(RELIANCE, moment(day, "20:00:00", zone), price)
    yield _bar("NSE_EQ|../../etc/passwd", moment(day, "09:15:00", zone), price)
    yield _bar("XYZ_EQ|1", moment(day, "09:15:00", zone), price)
    yield _bar(RELIANCE, moment(day, "15:12:00", zone), price, is_synthetic=True)


DOUBLED = ("09:15:00", 1999.0)
"""When a bar of RELIANCE stands twice on the second session, and the price it has there; only where no key forbids it."""


def doubled_bar(zone: ZoneInfo) -> Row:
    """A bar with a key that is there already and other content."""
    return _bar(RELIANCE, moment(SESSIONS[1], DOUBLED[0], zone), DOUBLED[1], volume=150)


def resampled(zone: ZoneInfo) -> list[Row]:
    """Longer bars under the names that generation A and B gave their timeframes."""
    found = []
    for name, minutes in (("5minute", 5), ("15minute", 15), ("60minute", 60), ("1day", 375)):
        for part in range(2 if minutes < 375 else 1):
            at = moment(SESSIONS[1], "09:15:00", zone) + timedelta(minutes=minutes * part)
            bar = _bar(RELIANCE, at, 1405.0 + part)
            del bar["oi"], bar["is_synthetic"]
            found.append(bar | {"timeframe": name})
    return found


def ticks(*, dirt: bool) -> list[Row]:
    """Live ticks: several in one second, and with dirt the state of the day before, replayed when the feed connected."""
    found = []
    for number in range(30):
        at = datetime.combine(SESSIONS[2], time(9, 15, number // 3), INDIA)
        found.append(_tick(RELIANCE, at, 1420.0 + number * 0.05, 10 + number))
    if dirt:
        found.append(_tick(RELIANCE, datetime.combine(SESSIONS[1], time(16, 0), INDIA), 1399.0, 5))
        found.append(found[3] | {})
    return found


def _tick(key: str, at: datetime, price: float, volume: int) -> Row:
    tick = {"symbol": key, "exchange_ts": at.replace(tzinfo=None), "price": round(price, 2), "volume": volume}
    return tick | {"exchange_ts_ms": int(at.timestamp() * 1000), "timestamp_utc": at.astimezone(UTC)}


def signals(*, dirt: bool) -> list[Row]:
    """Signals; with dirt two without an id that are the same, which a TEXT key lets pass (legacy trap M11)."""
    found = [
        {
            "signal_id": f"sig-{number}", "strategy_id": "pixity_meta", "symbol": RELIANCE if number % 2 else NIFTY,
            "signal_type": ("BUY", "SELL", "EXIT", "NEUTRAL")[number % 4], "confidence": 0.5 + number / 100,
            "bar_ts": moment(SESSIONS[1], f"09:{20 + number}:00"), "status": "PENDING",
            "created_at": moment(SESSIONS[1], f"09:{21 + number}:00.25"),
        }
        for number in range(6)
    ]  # fmt: skip
    nameless = found[0] | {"signal_id": None}
    return [*found, nameless, dict(nameless)] if dirt else found


def insights() -> list[Row]:
    """Confluence insights."""
    states = json.dumps([{"name": "RSI", "bias": "BULLISH", "value": 61.5, "metadata": {}}])
    return [
        {
            "timestamp": moment(SESSIONS[1], f"09:{20 + number}:00"), "symbol": RELIANCE, "bias": "BULLISH",
            "confidence": 0.75, "agreement_level": 0.75, "indicator_states": states, "insight_signal": "BUY",
        }
        for number in range(4)
    ]  # fmt: skip


def regimes() -> list[Row]:
    """Regime insights: the id and the averages were never written."""
    return [
        {
            "insight_id": None, "symbol": NIFTY, "timestamp": moment(SESSIONS[number], "15:29:00"),
            "regime": ("BULL_TREND", "RANGING", "VOLATILE_RANGE")[number], "momentum_bias": "BULLISH",
            "trend_strength": 0.42, "volatility_level": "LOW", "persistence_score": 0.8, "ma_fast": None,
            "ma_medium": None, "ma_slow": None,
        }
        for number in range(3)
    ]  # fmt: skip


FILLS = (
    ("t-1", "BUY", 100, 1400.0),
    ("t-2", "BUY", 50, 1430.0),
    ("t-3", "SELL", 120, 1450.5),
    ("t-4", "SELL", 80, 1445.0),
)
"""Fills of RELIANCE in order: opened, increased, reduced, flipped to 50 short."""


def fills(*, side: str, price: str) -> list[Row]:
    """Fills under the names of columns that a generation has for side and price."""
    return [
        {
            "trade_id": name, "signal_id": f"sig-{number}", "timestamp": moment(SESSIONS[1], f"10:{number:02}:00"),
            "symbol": RELIANCE, side: what, "quantity": quantity, price: at, "exit_price": None, "pnl": None,
            "fees": 26.8192, "metadata": json.dumps({"sl": at - 10, "tp": at + 20}),
        }
        for number, (name, what, quantity, at) in enumerate(FILLS)
    ]  # fmt: skip


def execution() -> Rows:
    """What the later execution engine wrote: times with an offset from the live clock, without one from the other."""
    order = {
        "symbol": CRUDE,
        "order_type": "MARKET",
        "strategy_id": "pixity_meta",
        "signal_id": "sig-c",
        "metadata": "{}",
    }
    fill = {"symbol": CRUDE, "fee": 21.5}
    at = [moment(SESSIONS[1], f"11:0{minute}:00") for minute in range(2)]
    return {
        "orders": [
            order | {"correlation_id": "c-0", "side": "BUY", "quantity": 3.0, "timestamp": at[0].replace(tzinfo=INDIA)},
            order | {"correlation_id": "c-1", "side": "SELL", "quantity": 1.0, "timestamp": at[1]},
        ],
        "fills": [
            fill | {"fill_id": "f-0", "order_id": "c-0", "side": "BUY", "quantity": 3.0, "price": 5700.0,
                    "timestamp": at[0].replace(tzinfo=INDIA)},
            fill | {"fill_id": "f-1", "order_id": "c-1", "side": "SELL", "quantity": 1.0, "price": 5710.0,
                    "timestamp": at[1]},
        ],
        "positions": [{"symbol": CRUDE, "side": "LONG", "quantity": 2.0, "avg_price": 5700.0, "timestamp": at[1]}],
    }  # fmt: skip


def runs() -> list[Row]:
    """Backtest runs of generation B; win_rate is a fraction there."""
    run = {
        "strategy_id": "pixity_meta", "symbol": RELIANCE, "start_date": SESSIONS[0], "end_date": SESSIONS[2],
        "params": json.dumps({"fast": 9, "slow": 21}), "total_trades": 8, "win_rate": 0.625, "total_pnl": 1234.5,
        "max_drawdown": 3.2, "sharpe_ratio": None, "status": "COMPLETED", "error_message": None,
        "created_at": moment(SESSIONS[2], "18:00:00"),
    }  # fmt: skip
    failed = {"win_rate": None, "total_trades": None, "status": "FAILED", "error_message": "no bars"}
    return [
        run | {"run_id": RUN},
        run | {"run_id": OTHER_RUN, "sharpe_ratio": 0.0},
        run | failed | {"run_id": EVIL_RUN},
    ]


def run_trades(run: str) -> list[Row]:
    """The round trips of one backtest; their ids repeat from run to run."""
    return [
        {
            "trade_id": f"pt_{number}", "run_id": run, "symbol": RELIANCE,
            "entry_ts": moment(SESSIONS[0], f"10:{number:02}:00"), "exit_ts": moment(SESSIONS[0], f"11:{number:02}:00"),
            "direction": "LONG" if number % 2 else "SHORT", "entry_price": 1400.0, "exit_price": 1404.5, "qty": 10,
            "pnl": 45.0, "fees": 26.8192, "metadata": json.dumps({"exit_reason": "TP"}),
        }
        for number in range(3)
    ]  # fmt: skip


def equity(run: str) -> list[Row]:
    """The equity curve of one backtest."""
    return [
        {"run_id": run, "timestamp": moment(SESSIONS[0], f"1{number}:00:00"), "equity": 100_000.0 + number * 45}
        for number in range(3)
    ]


def users(*, dirt: bool) -> list[Row]:
    """Users; with dirt a name that stands twice (legacy trap M1)."""
    found = [
        {"username": "admin", "password_hash": HASH, "roles": "admin,viewer"},
        {"username": "asha", "password_hash": HASH, "roles": "viewer"},
    ]
    return [*found, {"username": "asha", "password_hash": None, "roles": None}] if dirt else found


def watchlist() -> list[Row]:
    """Watched instruments."""
    named = zip(KEYS, ("RELIANCE", "NIFTY 50", "CRUDEOIL"), ("NSE", "NSE", "MCX"), ("EQ", "INDEX", "FUT"), strict=True)
    return [
        {
            "username": "asha", "instrument_key": key, "trading_symbol": name, "exchange": exchange,
            "market_type": kind, "added_at": moment(SESSIONS[0], "08:00:00"),
        }
        for key, name, exchange, kind in named
    ]  # fmt: skip


def instruments() -> list[Row]:
    """Instruments of generation B; market_type holds kinds in some rows and segments in others."""
    named = zip(
        KEYS, ("RELIANCE", "NIFTY 50", "CRUDEOIL"), ("NSE", "NSE", "MCX"), ("NSE_EQ", "INDEX", "MCX_FO"), strict=True
    )
    return [
        {
            "symbol": name, "trading_symbol": name, "instrument_key": key, "exchange": exchange, "market_type": kind,
            "lot_size": 100 if exchange == "MCX" else 1, "tick_size": 0.05, "is_active": True,
            "created_at": moment(SESSIONS[0], "07:00:00"),
        }
        for key, name, exchange, kind in named
    ]  # fmt: skip


def fo_stocks() -> list[Row]:
    """Stocks that derivatives are traded on."""
    return [
        {
            "trading_symbol": "RELIANCE", "instrument_key": RELIANCE, "name": "Reliance Industries", "exchange": "NSE",
            "lot_size": 500, "is_active": True,
        },
    ]  # fmt: skip


def runner_states() -> list[Row]:
    """What the runner last knew; current_bias holds the type of the signal."""
    return [
        {
            "symbol": RELIANCE, "strategy_id": "pixity_meta", "timeframe": "1m", "current_bias": "BUY",
            "signal_state": "TRIGGERED", "confidence": 0.75, "last_bar_ts": moment(SESSIONS[1], "15:29:00"),
            "status": "RUNNING", "updated_at": moment(SESSIONS[1], "15:30:01"),
        },
    ]  # fmt: skip


def feed_status() -> list[Row]:
    """The one row that says how the feed is."""
    return [
        {"key": "singleton", "status": "DISCONNECTED", "updated_at": moment(SESSIONS[2], "15:30:00"), "pid": 4711},
    ]
