"""config.db: settings and allocation targets."""

from __future__ import annotations

from decimal import Decimal

from domain.universe import AllocationTargetRemoved, AllocationTargetSet, SettingChanged, SettingRemoved
from projections.config import projector
from tests.projections import folded
from tests.projections.folded import rows

NOW = "2025-12-28T10:00:00.000000Z"


def test_a_setting_is_text_whatever_it_says() -> None:
    values = ["0.1", "null", "true", "", "1e3"]
    changed = [SettingChanged(key=f"k{n}", value=value, description="null") for n, value in enumerate(values)]
    found = rows(projector, "settings", folded.given(changed))
    assert [(row["value"], row["description"]) for row in found] == [(value, "null") for value in values]


def test_a_setting_has_its_last_value_until_it_is_removed() -> None:
    changes = [SettingChanged(key="k", value="1", occurred_at=NOW), SettingChanged(key="k", value="2", occurred_at=NOW)]
    assert [row["value"] for row in rows(projector, "settings", folded.given(changes))] == ["2"]
    assert rows(projector, "settings", folded.given([*changes, SettingRemoved(key="k")])) == []


def test_one_name_may_have_a_target_in_two_types() -> None:
    targets = [
        AllocationTargetSet(id=n, type=kind, name="US", target_pct=Decimal("0.3"), created_at=NOW)
        for n, kind in enumerate(["country", "geography"])
    ]
    found = rows(projector, "allocation_targets", folded.given(targets))
    assert [(row["id"], row["type"], row["target_pct"]) for row in found] == [
        (0, "country", 0.3),
        (1, "geography", 0.3),
    ]
    removed = AllocationTargetRemoved(type="country", name="US")
    assert [row["type"] for row in rows(projector, "allocation_targets", folded.given([*targets, removed]))] == [
        "geography"
    ]
