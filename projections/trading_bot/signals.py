"""signals/signals.db: the trading bot's signals, and the insights into confluence and regime behind them."""

from __future__ import annotations

from domain.bot_signals import (
    ConfluenceAssessed,
    RegimeIdentified,
    RegimeSnapshotTaken,
    SignalEmitted,
    SignalUpdated,
)
from domain.systems import TRADING_BOT
from projections.projector import Projector
from projections.trading_bot.by_stream import keyed_by_stream, keyed_in_time

_INSIGHT_COLUMNS = {
    "timestamp": "occurred_at", "symbol": "symbol", "bias": "bias", "confidence": "confidence",
    "agreement_level": "agreement_level", "indicator_states": "indicator_states", "insight_signal": "insight_signal",
}  # fmt: skip
_REGIME_COLUMNS = {
    "insight_id": "insight_id", "symbol": "symbol", "timestamp": "occurred_at", "regime": "regime",
    "momentum_bias": "momentum_bias", "trend_strength": "trend_strength", "volatility_level": "volatility_level",
    "persistence_score": "persistence_score", "ma_fast": "ma_fast", "ma_medium": "ma_medium", "ma_slow": "ma_slow",
}  # fmt: skip
_KEY = ("symbol", "timestamp")
_SIGNAL_COLUMNS = {
    "signal_id": "signal_id", "strategy_id": "strategy_id", "symbol": "symbol", "signal_type": "signal_type",
    "confidence": "confidence", "bar_ts": "bar_ts", "status": "status", "created_at": "occurred_at",
}  # fmt: skip

projector = Projector(
    name="trading-bot/signals",
    version=2,
    system=TRADING_BOT,
    file="signals/signals.db",
)

keyed_by_stream(projector, "signals", _SIGNAL_COLUMNS, SignalEmitted, SignalUpdated)
keyed_in_time(projector, "confluence_insights", _INSIGHT_COLUMNS, _KEY, ConfluenceAssessed)
keyed_in_time(projector, "regime_insights", _REGIME_COLUMNS, _KEY, RegimeIdentified)
keyed_in_time(projector, "regime_snapshots", _REGIME_COLUMNS, _KEY, RegimeSnapshotTaken)
