"""config.db: the settings, the allocation targets and the planner's switches."""

from __future__ import annotations

import msgspec
from msgspec import field

from domain.universe import (
    AllocationTargetRemoved,
    AllocationTargetSet,
    PlannerSettingsChanged,
    PlannerSettingsRemoved,
    SettingChanged,
    SettingRemoved,
)
from projections.projector import Projector, RowTable


class Setting(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `settings`."""

    key: str
    value: str
    description: str | None = None
    updated_at: str | None = field(name="occurred_at", default=None)


class AllocationTarget(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `allocation_targets`."""

    id: int | None = None
    type: str
    name: str
    target_pct: float
    created_at: str
    updated_at: str | None = field(name="occurred_at", default=None)
    min_pct: float | None = None
    max_pct: float | None = None


class PlannerSettings(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `planner_settings`."""

    id: int | str
    settings_json: str
    updated_at: str | None = field(name="occurred_at", default=None)


projector = Projector(
    name="config",
    version=2,
    rows=(
        RowTable("settings", Setting, ("key",), (SettingChanged,), (SettingRemoved,)),
        RowTable(
            "allocation_targets",
            AllocationTarget,
            ("type", "name"),
            (AllocationTargetSet,),
            (AllocationTargetRemoved,),
        ),
        RowTable("planner_settings", PlannerSettings, ("id",), (PlannerSettingsChanged,), (PlannerSettingsRemoved,)),
    ),
)
