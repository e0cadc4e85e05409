"""Events of the investment universe: securities, groups, settings and allocation targets (legacy config.db)."""

from __future__ import annotations

from decimal import Decimal

from domain.event import Count, Event, Flag, register
from domain.moments import Instant


@register
class SecurityDescribed(Event, frozen=True, kw_only=True, tag="security-described.v1"):
    """A security was added to the universe, or its description changed. Legacy `securities` (v10 on) and `stocks`.

    Fields carry the names of the legacy columns except: occurred_at from updated_at, full_exchange_name from
    fullExchangeName. geography exists only in `stocks` and is a region, never a country. priority_multiplier is a factor;
    min_lot a number of shares; min_ and max_portfolio_target are percent of the portfolio (0 to 30); currency is the
    trading currency (ISO 4217). active, allow_buy, allow_sell are 0 or 1; active 0 is the legacy soft delete.
    """

    symbol: str
    yahoo_symbol: str | None = None
    isin: str | None = None
    name: str
    product_type: str | None = None
    industry: str | None = None
    country: str | None = None
    full_exchange_name: str | None = None
    geography: str | None = None
    priority_multiplier: Decimal | None = None
    min_lot: Count | None = None
    active: Flag | None = None
    allow_buy: Flag | None = None
    allow_sell: Flag | None = None
    currency: str | None = None
    last_synced: Instant | None = None
    min_portfolio_target: Decimal | None = None
    max_portfolio_target: Decimal | None = None
    bucket_id: str | None = None
    created_at: Instant
    copy: str | None = None


@register
class SecurityRemoved(Event, frozen=True, kw_only=True, tag="security-removed.v1"):
    """A security left the universe; its prices stay for `grace_period_days` days. A legacy row that vanished."""

    symbol: str
    grace_period_days: int = 30
    marked_by: str = "replay"
    copy: str | None = None


@register
class SecurityRestored(SecurityDescribed, frozen=True, kw_only=True, tag="security-restored.v1"):
    """A removed security is back in the universe, described as it is from now on."""


@register
class CountryGrouped(Event, frozen=True, kw_only=True, tag="country-grouped.v1"):
    """A country was put into a group. Legacy `country_groups`; occurred_at from updated_at.

    The country `__EMPTY__` is the legacy mark of a group without members.
    """

    id: int | None = None
    group_name: str
    country_name: str
    created_at: Instant


@register
class CountryUngrouped(Event, frozen=True, kw_only=True, tag="country-ungrouped.v1"):
    """A country left a group. A legacy `country_groups` row that vanished."""

    group_name: str
    country_name: str


@register
class IndustryGrouped(Event, frozen=True, kw_only=True, tag="industry-grouped.v1"):
    """An industry was put into a group. Legacy `industry_groups`; occurred_at from updated_at."""

    id: int | None = None
    group_name: str
    industry_name: str
    created_at: Instant


@register
class IndustryUngrouped(Event, frozen=True, kw_only=True, tag="industry-ungrouped.v1"):
    """An industry left a group. A legacy `industry_groups` row that vanished."""

    group_name: str
    industry_name: str


@register
class SettingChanged(Event, frozen=True, kw_only=True, tag="setting-changed.v1"):
    """A setting got a value, as text. Legacy `settings`; occurred_at from updated_at. Values may be secrets."""

    key: str
    value: str
    description: str | None = None


@register
class SettingRemoved(Event, frozen=True, kw_only=True, tag="setting-removed.v1"):
    """A setting was removed. A legacy `settings` row that vanished."""

    key: str


@register
class AllocationTargetSet(Event, frozen=True, kw_only=True, tag="allocation-target-set.v1"):
    """A target weight was set for one name of one type (geography, country, industry, country_group, industry_group).

    Legacy `allocation_targets`; occurred_at from updated_at; target_pct, min_pct and max_pct are fractions from 0 to 1. The
    eight-database layout wrote percent at first, has the type bucket as well, and only it has min_pct and max_pct.
    """

    id: int | None = None
    type: str
    name: str
    target_pct: Decimal
    created_at: Instant
    min_pct: Decimal | None = None
    max_pct: Decimal | None = None


@register
class AllocationTargetRemoved(Event, frozen=True, kw_only=True, tag="allocation-target-removed.v1"):
    """A target weight was removed. A legacy `allocation_targets` row that vanished."""

    type: str
    name: str


@register
class PlannerSettingsChanged(Event, frozen=True, kw_only=True, tag="planner-settings-changed.v1"):
    """The switches and limits of the planner were written. Legacy `planner_settings`; occurred_at from updated_at.

    settings_json: all other columns of the row by name, as one JSON object: the legacy system changed them often.
    """

    id: int | str
    settings_json: str


@register
class PlannerSettingsRemoved(Event, frozen=True, kw_only=True, tag="planner-settings-removed.v1"):
    """The planner's settings were dropped. A legacy `planner_settings` row that vanished."""

    id: int | str


@register
class TagDefined(Event, frozen=True, kw_only=True, tag="tag-defined.v1"):
    """A mark for securities was defined. Legacy `tags`; occurred_at from updated_at."""

    id: int | str
    name: str | None = None
    created_at: Instant | None = None


@register
class TagDropped(Event, frozen=True, kw_only=True, tag="tag-dropped.v1"):
    """A mark for securities was dropped. A legacy `tags` row that vanished."""

    id: int | str


@register
class SecurityTagged(Event, frozen=True, kw_only=True, tag="security-tagged.v1"):
    """A security was marked with a tag. Legacy `security_tags`; occurred_at from updated_at."""

    symbol: str
    isin: str | None = None
    tag_id: int | str
    created_at: Instant | None = None


@register
class SecurityUntagged(Event, frozen=True, kw_only=True, tag="security-untagged.v1"):
    """A security lost a tag. A legacy `security_tags` row that vanished."""

    symbol: str
    tag_id: int | str
