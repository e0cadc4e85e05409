"""universe.db: the securities, their tags, and the groups of countries and industries."""

from __future__ import annotations

import msgspec
from msgspec import field

from domain.universe import (
    CountryGrouped,
    CountryUngrouped,
    IndustryGrouped,
    IndustryUngrouped,
    SecurityDescribed,
    SecurityRemoved,
    SecurityRestored,
    SecurityTagged,
    SecurityUntagged,
    TagDefined,
    TagDropped,
)
from projections.projector import Projector, RowTable


class Security(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `securities`; fullExchangeName is really written so."""

    symbol: str
    yahoo_symbol: str | None = None
    isin: str | None = None
    name: str
    product_type: str | None = None
    industry: str | None = None
    country: str | None = None
    fullExchangeName: str | None = field(name="full_exchange_name", default=None)  # noqa: N815 - the legacy column
    priority_multiplier: float | None = None
    min_lot: int | float | None = None
    active: int | None = None
    allow_buy: int | None = None
    allow_sell: int | None = None
    currency: str | None = None
    last_synced: str | None = None
    min_portfolio_target: float | None = None
    max_portfolio_target: float | None = None
    bucket_id: str | None = None
    created_at: str
    updated_at: str | None = field(name="occurred_at", default=None)
    geography: str | None = None
    copy: str | None = None


class CountryGroup(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `country_groups`."""

    id: int | None = None
    group_name: str
    country_name: str
    created_at: str
    updated_at: str | None = field(name="occurred_at", default=None)


class IndustryGroup(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `industry_groups`."""

    id: int | None = None
    group_name: str
    industry_name: str
    created_at: str
    updated_at: str | None = field(name="occurred_at", default=None)


class Tag(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `tags`."""

    id: int | str
    name: str | None = None
    created_at: str | None = None
    updated_at: str | None = field(name="occurred_at", default=None)


class SecurityTag(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `security_tags`."""

    symbol: str
    isin: str | None = None
    tag_id: int | str
    created_at: str | None = None
    updated_at: str | None = field(name="occurred_at", default=None)


projector = Projector(
    name="universe",
    version=3,
    rows=(
        RowTable(
            "securities", Security, ("symbol",), (SecurityDescribed, SecurityRestored), (SecurityRemoved,),
            newest="updated_at",
        ),
        RowTable(
            "country_groups", CountryGroup, ("group_name", "country_name"), (CountryGrouped,), (CountryUngrouped,)
        ),
        RowTable(
            "industry_groups", IndustryGroup, ("group_name", "industry_name"), (IndustryGrouped,), (IndustryUngrouped,)
        ),
        RowTable("tags", Tag, ("id",), (TagDefined,), (TagDropped,)),
        RowTable("security_tags", SecurityTag, ("symbol", "tag_id"), (SecurityTagged,), (SecurityUntagged,)),
    ),
)  # fmt: skip
