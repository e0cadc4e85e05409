"""cache.db: recommendations and cached data, which may be forgotten."""

from __future__ import annotations

import msgspec
from msgspec import field

from domain.advice import CacheEntryDropped, CacheEntryStored, RecommendationIssued, RecommendationRemoved
from ledger.concerning import Lead
from projections import recommendations
from projections.projector import Concern, LaneTable, Projector, RowTable


class CacheData(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `cache_data`."""

    cache_key: str
    cache_value: str
    expires_at: str | None = None
    created_at: str | None = field(name="occurred_at", default=None)
    cache: str
    symbol: str | None = None
    data_type: str | None = None
    portfolio_hash: str | None = None
    cache_type: str | None = None


projector = Projector(
    name="cache",
    version=1,
    profile="cache",
    rows=(RowTable("cache_data", CacheData, ("cache_key",), (CacheEntryStored,), (CacheEntryDropped,)),),
)
# Rivals recommend the same symbol; each of them counts with all that was ever said of its uuid.
_OF_RIVALS = (Lead("symbol", "symbol"), Lead("uuid", "uuid"))
_RIVALS = (Concern((RecommendationIssued, RecommendationRemoved), {"uuid": "uuid"}, _OF_RIVALS),)
projector.lane(
    RecommendationIssued,
    RecommendationRemoved,
    tables=(LaneTable("recommendations", _RIVALS), LaneTable("recommendations_copies", _RIVALS)),
)(recommendations.fold)
