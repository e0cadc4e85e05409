"""signals/signals.db: the trading bot's signals, and the insights into confluence and regime behind them."""

from __future__ import annotations

import msgspec
from msgspec import field

from domain.bot_signals import (
    ConfluenceAssessed,
    RegimeIdentified,
    RegimeSnapshotTaken,
    SignalEmitted,
    SignalUpdated,
)
from domain.systems import TRADING_BOT
from projections.projector import Projector, RowTable
from projections.trading_bot.by_stream import keyed_by_stream


class ConfluenceInsight(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `confluence_insights`."""

    timestamp: str = field(name="occurred_at")
    symbol: str
    bias: str | None = None
    confidence: int | float | str | None = None
    agreement_level: int | float | str | None = None
    indicator_states: str | None = None
    insight_signal: str | None = None


class RegimeInsight(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `regime_insights` and of `regime_snapshots`."""

    insight_id: str | None = None
    symbol: str
    timestamp: str = field(name="occurred_at")
    regime: str | None = None
    momentum_bias: str | None = None
    trend_strength: float | None = None
    volatility_level: str | None = None
    persistence_score: float | None = None
    ma_fast: float | None = None
    ma_medium: float | None = None
    ma_slow: float | None = None


_KEY = ("symbol", "timestamp")
_SIGNAL_COLUMNS = {
    "signal_id": "signal_id", "strategy_id": "strategy_id", "symbol": "symbol", "signal_type": "signal_type",
    "confidence": "confidence", "bar_ts": "bar_ts", "status": "status", "created_at": "occurred_at",
}  # fmt: skip

projector = Projector(
    name="trading-bot/signals",
    version=1,
    system=TRADING_BOT,
    file="signals/signals.db",
    rows=(
        RowTable("confluence_insights", ConfluenceInsight, _KEY, (ConfluenceAssessed,)),
        RowTable("regime_insights", RegimeInsight, _KEY, (RegimeIdentified,)),
        RowTable("regime_snapshots", RegimeInsight, _KEY, (RegimeSnapshotTaken,)),
    ),
)

keyed_by_stream(projector, "signals", _SIGNAL_COLUMNS, SignalEmitted, SignalUpdated)
