"""satellites.db: the buckets, their cash, settings and results, and which strategy runs which bucket."""

from __future__ import annotations

from collections.abc import Sequence

import apsw
import msgspec
from msgspec import field

from domain.agents import AgentConfigured, AgentRemoved
from domain.event import encode
from domain.satellites import (
    AllocationSettingChanged,
    AllocationSettingRemoved,
    BucketBalanceRemoved,
    BucketBalanceStated,
    BucketCashMoved,
    BucketDescribed,
    BucketRemoved,
    RegimePerformanceMeasured,
    RegimePerformanceRemoved,
    SatelliteConfigured,
    SatelliteUnconfigured,
)
from projections.bulk import Upsert
from projections.projector import Concern, Fact, LaneTable, Projector, RowTable


class Bucket(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `buckets`."""

    id: str
    name: str
    type: str
    notes: str | None = None
    target_pct: float | None = None
    min_pct: float | None = None
    max_pct: float | None = None
    consecutive_losses: int | float | None = None
    max_consecutive_losses: int | float | None = None
    high_water_mark: float | None = None
    high_water_mark_date: str | None = None
    loss_streak_paused_at: str | None = None
    status: str | None = None
    created_at: str
    updated_at: str | None = field(name="occurred_at", default=None)
    agent_id: str | None = None


class BucketBalance(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `bucket_balances`."""

    bucket_id: str
    currency: str
    balance: float
    last_updated: str | None = field(name="occurred_at", default=None)


class BucketTransaction(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `bucket_transactions`."""

    id: int
    bucket_id: str
    type: str
    amount: float
    currency: str
    description: str | None = None
    created_at: str | None = field(name="occurred_at", default=None)


class SatelliteSettings(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `satellite_settings`."""

    satellite_id: str
    preset: str | None = None
    risk_appetite: float | None = None
    hold_duration: float | None = None
    entry_style: float | None = None
    position_spread: float | None = None
    profit_taking: float | None = None
    trailing_stops: int | None = None
    follow_regime: int | None = None
    auto_harvest: int | None = None
    pause_high_volatility: int | None = None
    dividend_handling: str | None = None
    risk_free_rate: float | None = None
    sortino_mar: float | None = None
    evaluation_period_days: int | float | None = None
    volatility_window: int | float | None = None


class AllocationSetting(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `allocation_settings`."""

    key: str
    value: float
    description: str | None = None


class RegimePerformance(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `satellite_regime_performance`."""

    satellite_id: str
    regime: str
    period_start: str
    period_end: str | None = field(name="occurred_at", default=None)
    return_pct: float | None = None
    trades_count: int | float | None = None
    win_rate: float | None = None


projector = Projector(
    name="satellites",
    version=1,
    rows=(
        RowTable(
            "bucket_balances",
            BucketBalance,
            ("bucket_id", "currency"),
            (BucketBalanceStated,),
            (BucketBalanceRemoved,),
        ),
        RowTable("bucket_transactions", BucketTransaction, ("id",), (BucketCashMoved,)),
        RowTable(
            "satellite_settings",
            SatelliteSettings,
            ("satellite_id",),
            (SatelliteConfigured,),
            (SatelliteUnconfigured,),
        ),
        RowTable(
            "allocation_settings",
            AllocationSetting,
            ("key",),
            (AllocationSettingChanged,),
            (AllocationSettingRemoved,),
        ),
        RowTable(
            "satellite_regime_performance",
            RegimePerformance,
            ("satellite_id", "regime", "period_start"),
            (RegimePerformanceMeasured,),
            (RegimePerformanceRemoved,),
        ),
    ),
)

_bucket_row = msgspec.json.Decoder(Bucket, strict=False)  # "0.1" becomes the exact double
_put = Upsert("buckets", Bucket.__struct_fields__, ("id",))

_REMOVE = "DELETE FROM buckets WHERE id = ?"
_STATE_AGENT = "INSERT INTO bucket_agents (bucket_id, stated, agent_id) VALUES (?, 1, ?)"
_UNSTATE_AGENT = "DELETE FROM bucket_agents WHERE bucket_id = ? AND stated = 1"
_NAME_BUCKET = "INSERT INTO bucket_agents (bucket_id, stated, agent_id) VALUES (?, 0, ?)"
_FORGET_AGENT = "DELETE FROM bucket_agents WHERE agent_id = ? AND stated = 0 RETURNING bucket_id"
_LINK = """
    UPDATE buckets SET agent_id = (
        SELECT CASE WHEN max(stated) = 1 THEN max(agent_id) FILTER (WHERE stated = 1)
                    WHEN count(*) = 1 THEN max(agent_id) END
        FROM bucket_agents WHERE bucket_id = buckets.id
    ) WHERE id = ?"""


_BUCKET_TABLES = (
    # A strategy says which bucket it names, but not which it named before: all of them concern every bucket.
    LaneTable("buckets", (Concern((BucketDescribed, BucketRemoved), {"id": "id"}),)),
    LaneTable(
        "bucket_agents",
        (
            Concern((BucketDescribed, BucketRemoved), {"bucket_id": "id"}),
            Concern((AgentConfigured, AgentRemoved), {"agent_id": "id"}),
        ),
        is_shown=False,
    ),
)


@projector.lane(BucketDescribed, BucketRemoved, AgentConfigured, AgentRemoved, tables=_BUCKET_TABLES)
def buckets(db: apsw.Connection, facts: Sequence[Fact]) -> None:
    """The buckets, each with the strategy it names itself, else the only one that names it (legacy facts 3.1)."""
    touched: set[str] = set()
    for _, event in facts:
        match event:
            case BucketDescribed():
                _put.rows(db, [msgspec.structs.astuple(_bucket_row.decode(encode(event)))])
                _state_agent(db, event.id, event.agent_id)
                touched.add(event.id)
            case BucketRemoved():
                db.execute(_REMOVE, [event.id])
                _state_agent(db, event.id, None)
            case AgentConfigured():
                touched |= _name_bucket(db, event.id, event.bucket_id)
            case AgentRemoved():
                touched |= _name_bucket(db, event.id, None)
    db.executemany(_LINK, [[bucket] for bucket in sorted(touched)])


def _state_agent(db: apsw.Connection, bucket: str, agent: str | None) -> None:
    db.execute(_UNSTATE_AGENT, [bucket])
    if agent is not None:
        db.execute(_STATE_AGENT, [bucket, agent])


def _name_bucket(db: apsw.Connection, agent: str, bucket: str | None) -> set[str]:
    """Note which bucket a strategy names from now on; the buckets that this concerns."""
    named = {str(before) for (before,) in db.execute(_FORGET_AGENT, [agent])}
    if bucket is None:
        return named
    db.execute(_NAME_BUCKET, [bucket, agent])
    return named | {bucket}
