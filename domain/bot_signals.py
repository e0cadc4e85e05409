"""Events of what the trading bot thought: signals, confluence and regime insights (legacy signals.db and its monolith).

symbol: the instrument key, such as `NSE_EQ|INE002A01018`.
"""

from __future__ import annotations

from decimal import Decimal

from domain.event import Event, Verbatim, register
from domain.moments import Instant


@register
class SignalEmitted(Event, frozen=True, kw_only=True, tag="bot-signal-emitted.v1"):
    """A strategy gave a signal. Legacy `signals`; occurred_at from created_at.

    signal_type: BUY, SELL, EXIT or NEUTRAL. confidence: 0 to 1. bar_ts: beginning of the bar that gave it. status: PENDING,
    EXECUTED or REJECTED, as it was when the row was read. signal_id: None where the bot lost it, which its table lets pass.
    """

    signal_id: str | None = None
    strategy_id: str | None = None
    symbol: str | None = None
    signal_type: str | None = None
    confidence: Decimal | None = None
    bar_ts: Instant | None = None
    status: str | None = None


@register
class SignalUpdated(SignalEmitted, frozen=True, kw_only=True, tag="bot-signal-updated.v1"):
    """A signal is now known to read like this, whole: executed or rejected. A legacy `signals` row that changed."""


@register
class ConfluenceAssessed(Event, frozen=True, kw_only=True, tag="bot-confluence-assessed.v1"):
    """The indicators of an instrument were weighed. Legacy `confluence_insights`; occurred_at from timestamp.

    bias: BULLISH, BEARISH or NEUTRAL. confidence, agreement_level: 0 to 1, though a text such as HIGH may stand there.
    indicator_states: JSON, one object per indicator. insight_signal: BUY, SELL or NEUTRAL.
    """

    symbol: str
    bias: str | None = None
    confidence: Verbatim = None
    agreement_level: Verbatim = None
    indicator_states: str | None = None
    insight_signal: str | None = None


@register
class RegimeIdentified(Event, frozen=True, kw_only=True, tag="bot-regime-identified.v1"):
    """The market regime of an instrument was identified. Legacy `regime_insights`; occurred_at from timestamp.

    regime: BULL_TREND, BEAR_TREND, RANGING… trend_strength: 0 to 1 (ADX / 50). volatility_level: LOW, MEDIUM, HIGH or
    EXTREME. persistence_score: 0 to 1. ma_: moving averages of the price, never written by the bot, nor was insight_id.
    """

    insight_id: str | None = None
    symbol: str
    regime: str | None = None
    momentum_bias: str | None = None
    trend_strength: Decimal | None = None
    volatility_level: str | None = None
    persistence_score: Decimal | None = None
    ma_fast: Decimal | None = None
    ma_medium: Decimal | None = None
    ma_slow: Decimal | None = None


@register
class RegimeSnapshotTaken(RegimeIdentified, frozen=True, kw_only=True, tag="bot-regime-snapshot-taken.v1"):
    """The regime of an instrument was kept as of a moment. Legacy `regime_snapshots`, which has the same columns."""
