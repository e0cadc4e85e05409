"""universe.db: securities and groups."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from domain.universe import CountryGrouped, CountryUngrouped, IndustryGrouped, SecurityDescribed, SecurityRemoved
from projections.universe import projector
from tests.projections import folded
from tests.projections.folded import rows

NOW = "2025-12-28T10:00:00.000000Z"
LATER = "2025-12-28T11:00:00.000000Z"


def security(**more: Any) -> SecurityDescribed:
    fields: dict[str, Any] = {"symbol": "AIR.EU", "name": "Airbus", "created_at": NOW, "occurred_at": NOW, **more}
    return SecurityDescribed(**fields)


def test_an_inactive_security_stays_with_its_legacy_column_names() -> None:
    event = security(
        active=0, full_exchange_name="Euronext", geography="EU", priority_multiplier=Decimal("0.1"), min_lot=1
    )
    (row,) = rows(projector, "securities", folded.given([event]))
    assert (row["active"], row["fullExchangeName"], row["geography"]) == (0, "Euronext", "EU")
    assert (row["priority_multiplier"], row["min_lot"]) == (0.1, 1)
    assert row["allow_buy"] is row["country"] is None


@pytest.mark.parametrize("lots", [1, 1.5, 2.0])
def test_a_number_of_shares_keeps_its_storage_class(lots: float) -> None:
    (row,) = rows(projector, "securities", folded.given([security(min_lot=lots)]))
    assert (row["min_lot"], type(row["min_lot"])) == (lots, type(lots))


def test_of_securities_and_the_older_stocks_the_newest_counts() -> None:
    old = security(name="Old", copy="config.db/stocks", geography="EU")
    assert [row["name"] for row in rows(projector, "securities", folded.given([old, security()]))] == ["Airbus"]
    newer = security(name="New", copy="config.db/stocks", occurred_at=LATER)
    assert [row["name"] for row in rows(projector, "securities", folded.given([newer, security()]))] == ["New"]


def test_a_security_that_leaves_is_gone() -> None:
    assert rows(projector, "securities", folded.given([security(), SecurityRemoved(symbol="AIR.EU")])) == []


def test_groups_keep_their_id_and_the_mark_of_an_empty_group() -> None:
    grouped = [
        CountryGrouped(id=7, group_name="EU", country_name="France", created_at=NOW, occurred_at=LATER),
        CountryGrouped(group_name="Asia", country_name="__EMPTY__", created_at=NOW, occurred_at=NOW),
        CountryGrouped(id=8, group_name="EU", country_name="Spain", created_at=NOW, occurred_at=NOW),
        CountryUngrouped(group_name="EU", country_name="Spain"),
    ]
    found = [tuple(row.values()) for row in rows(projector, "country_groups", folded.given(grouped))]
    assert found == [(None, "Asia", "__EMPTY__", NOW, NOW), (7, "EU", "France", NOW, LATER)]


def test_an_industry_in_two_groups_has_two_rows() -> None:
    both = [IndustryGrouped(group_name=name, industry_name="Steel", created_at=NOW) for name in ("Metals", "Old")]
    assert [row["group_name"] for row in rows(projector, "industry_groups", folded.given(both))] == ["Metals", "Old"]
