"""portfolio.db: positions, lots, gains, scores, metrics, snapshots, and what reconciling found."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import apsw
import msgspec
from msgspec import field

from domain.holdings import same_price
from domain.portfolio import (
    CashBalanceRemoved,
    CashBalanceStated,
    CashReconciled,
    MetricCalculated,
    MetricRemoved,
    PortfolioValuationVoided,
    PortfolioValued,
    PositionNoLongerReported,
    PositionReconciled,
    PositionReported,
    ScoreCalculated,
    ScoreRemoved,
)
from domain.prices import ExchangeRateQuoted, ExchangeRatesVoided
from domain.trading import (
    CashFlowBooked,
    CashFlowCorrected,
    CashFlowVoided,
    SharesSplit,
    SharesSplitCorrected,
    SharesSplitVoided,
    TradeCorrected,
    TradeExecuted,
    TradeVoided,
)
from ledger.concerning import POSITION, Lead
from projections import position_tables, positions
from projections.bulk import Row
from projections.projector import Concern, Fact, LaneTable, Projector, RowTable

CASH_TOLERANCE = Decimal("0.01")
"""Buckets and cash agree within a cent (legacy facts 5.2)."""


class Score(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `scores`."""

    symbol: str
    isin: str | None = None
    quality_score: float | None = None
    opportunity_score: float | None = None
    analyst_score: float | None = None
    allocation_fit_score: float | None = None
    cagr_score: float | None = None
    consistency_score: float | None = None
    financial_strength_score: float | None = None
    sharpe_score: float | None = None
    drawdown_score: float | None = None
    dividend_bonus: float | None = None
    rsi: float | None = None
    ema_200: float | None = None
    below_52w_high_pct: float | None = None
    total_score: float | None = None
    sell_score: float | None = None
    history_years: float | None = None
    calculated_at: str | None = field(name="occurred_at", default=None)
    volatility: float | None = None
    technical_score: float | None = None
    fundamental_score: float | None = None
    stability_score: float | None = None
    copy: str | None = None


class Metric(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `calculated_metrics`."""

    symbol: str
    isin: str | None = None
    metric: str
    value: float
    calculated_at: str | None = field(name="occurred_at", default=None)
    expires_at: str | None = None
    source: str | None = None


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `portfolio_snapshots`; its date is its key, so an event without one cannot be shown."""

    date: str = field(name="occurred_at")
    total_value: float
    cash_balance: float
    invested_value: float | None = None
    unrealized_pnl: float | None = None
    geo_eu_pct: float | None = None
    geo_asia_pct: float | None = None
    geo_us_pct: float | None = None
    position_count: int | float | None = None
    annual_turnover: float | None = None
    created_at: str | None = None
    total_pnl: float | None = None
    total_pnl_pct: float | None = None
    bucket_id: str | None = None
    snapshot_json: str | None = None
    copy: str | None = None


class CashBalance(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `cash_balances`."""

    currency: str
    balance: float
    last_updated: str | None = field(name="occurred_at", default=None)


projector = Projector(
    name="portfolio",
    version=3,
    rows=(
        RowTable("scores", Score, ("symbol",), (ScoreCalculated,), (ScoreRemoved,), newest="calculated_at"),
        RowTable("calculated_metrics", Metric, ("symbol", "metric"), (MetricCalculated,), (MetricRemoved,)),
        RowTable(
            "portfolio_snapshots",
            Snapshot,
            ("date",),
            (PortfolioValued,),
            (PortfolioValuationVoided,),
            newest="created_at",
        ),
        RowTable("cash_balances", CashBalance, ("currency",), (CashBalanceStated,), (CashBalanceRemoved,)),
    ),
)

projector.lane(
    TradeExecuted,
    TradeCorrected,
    TradeVoided,
    SharesSplit,
    SharesSplitCorrected,
    SharesSplitVoided,
    CashFlowBooked,
    CashFlowCorrected,
    CashFlowVoided,
    PositionReported,
    PositionNoLongerReported,
    PositionReconciled,
    ExchangeRateQuoted,
    ExchangeRatesVoided,
    with_streams=True,
    tables=position_tables.TABLES,
)(positions.fold)

_CLOSE = "UPDATE reconciliations SET open = 0 WHERE kind = ? AND subject = ? AND open = 1"
_RECONCILE = """
    INSERT INTO reconciliations (
        position, kind, subject, occurred_at, derived_quantity, reported_quantity, difference, derived_avg_price,
        reported_avg_price, reason, open
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""


_BREAKS = (
    Concern((PositionReconciled,), {"position": POSITION}, then=(Lead("symbol", "symbol"),)),
    Concern((CashReconciled,), {"position": POSITION}, then=(Lead("date", "date"),)),
)


@projector.lane(PositionReconciled, CashReconciled, tables=(LaneTable("reconciliations", _BREAKS),))
def reconciliations(db: apsw.Connection, facts: Sequence[Fact]) -> None:
    """Everything that reconciling found; the newest of each subject is open while the two sides differ."""
    for position, event in facts:
        assert isinstance(event, PositionReconciled | CashReconciled)
        row = _position_row(event) if isinstance(event, PositionReconciled) else _cash_row(event)
        db.execute(_CLOSE, row[:2])
        db.execute(_RECONCILE, (position, *row))


def _position_row(found: PositionReconciled) -> Row:
    prices = (found.derived_avg_price, found.reported_avg_price)
    differs = found.difference != 0 or (None not in prices and not same_price(*prices))
    return (
        "position", found.symbol, found.occurred_at, float(found.derived_quantity), _real(found.reported_quantity),
        float(found.difference), *map(_real, prices), found.reason, int(differs),
    )  # fmt: skip


def _cash_row(found: CashReconciled) -> Row:
    differs = abs(found.difference_eur) > CASH_TOLERANCE
    return (
        "cash", found.date, found.occurred_at, float(found.derived_eur), float(found.reported_eur),
        float(found.difference_eur), None, None, found.reason, int(differs),
    )  # fmt: skip


def _real(number: Decimal | None) -> float | None:
    return None if number is None else float(number)
