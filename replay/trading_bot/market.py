"""The bars and ticks of the trading bot, in a monolith and in day files (legacy facts 1.2 to 1.4, 2.1)."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from domain.market import BarsRecorded, TicksRecorded
from replay.market_series import Exchange, MarketMapping
from replay.reading import Table

ZONE = "Asia/Kolkata"
_HOUR = 3_600
# With the time before and after the session proper; what lies outside is no trading.
EXCHANGES = (
    Exchange("nse", "NSE", 9 * _HOUR, 16 * _HOUR),
    Exchange("bse", "BSE", 9 * _HOUR, 16 * _HOUR),
    Exchange("mcx", "MCX", 9 * _HOUR, 23 * _HOUR + 55 * 60),
)
# As the resampled table spells them, and as the later stores do.
TIMEFRAMES = MappingProxyType({
    "1minute": "1m", "5minute": "5m", "15minute": "15m", "30minute": "30m", "60minute": "1h", "1day": "1d",
    "1m": "1m", "5m": "5m", "15m": "15m", "30m": "30m", "1h": "1h", "1d": "1d",
})  # fmt: skip

_PRICES = {name: name for name in ("open", "high", "low", "close", "volume", "is_synthetic")} | {"oi": "open_interest"}
_CANDLES = MarketMapping(
    table="candles", event=BarsRecorded, kind="market-bars", symbol="instrument_key", time="timestamp", fields=_PRICES,
    exchanges=EXCHANGES, zone=ZONE, required=frozenset({"open", "high", "low", "close", "volume"}), always="1m",
    whole_days=frozenset({"1d"}),
)  # fmt: skip
_TICKS = MarketMapping(
    table="live_ticks", event=TicksRecorded, kind="market-ticks", symbol="symbol", time="exchange_ts",
    fields={name: name for name in ("price", "volume", "bid", "ask")}, exchanges=EXCHANGES, zone=ZONE,
    required=frozenset({"price"}), is_numbered=True,
)  # fmt: skip
_TIMED = replace(_CANDLES, timeframe="timeframe", timeframes=TIMEFRAMES)
# Later files have columns for both names of an instrument, either of which may be empty (legacy facts 2.3).
_NAMED = replace(_TIMED, symbol="symbol", symbol_or="instrument_key")
_RESAMPLED = replace(_TIMED, table="ohlcv_resampled")
_IN_STORES = (
    _NAMED,
    replace(_NAMED, table="ohlcv_resampled"),
    replace(_TICKS, table="ticks", time="timestamp"),
)
# The first that fits: bars of a table that says their timeframe are of that, and of one minute where none is said.
_IN_MONOLITH = (
    replace(_TIMED, symbol_or="symbol"),
    replace(_CANDLES, symbol_or="symbol"),
    _NAMED,
    replace(_CANDLES, symbol="symbol"),
    replace(_CANDLES, table="ohlcv_1m"),
    _RESAMPLED,
    replace(_RESAMPLED, symbol="symbol"),
    _TICKS,
)


def market_of(table: Table, *, is_monolith: bool) -> MarketMapping | None:
    """How a table of bars or ticks becomes blocks; None for any other table."""
    shapes = _IN_MONOLITH if is_monolith else _IN_STORES
    return next((one for one in shapes if one.fits(table)), None)
