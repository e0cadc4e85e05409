"""Recommendations, which stand in two files and disagree."""

from __future__ import annotations

from uuid import UUID

from operations.demo_legacy.catalogue import Security
from operations.demo_legacy.files import Build, Row, legacy_file, seeded
from operations.demo_legacy.planted import FlawKind

RECOMMENDATION = (
    "uuid symbol name side amount quantity estimated_price estimated_value reason country industry currency priority "
    "current_portfolio_score new_portfolio_score score_change status portfolio_hash created_at updated_at executed_at "
    "dismissed_at"
)
COUNT = 24
CREATED, DECIDED = "2025-12-26T08:15:02.331907", "2025-12-28T09:40:55.120034"
STATUSES = ("pending", "executed", "dismissed")
PORTFOLIO_HASH = "3fa91c07"


def recommendation_rows(securities: list[Security], *, older: bool) -> list[Row]:
    """List the recommendations as config.db (older, all pending, with a region) or the file of their own has them."""
    rng = seeded("recommendations")
    rows: list[Row] = []
    for number in range(COUNT):
        security = securities[number * 5 % len(securities)]
        quantity, price = rng.randint(1, 60), round(rng.uniform(5, 240), 2)
        status = "pending" if older else STATUSES[number % 3]
        decided = None if status == "pending" else DECIDED
        gain = round(rng.uniform(0.1, 3), 2)
        known, value = number % 4 != 0, round(quantity * price, 2)
        row = (
            str(UUID(int=rng.getrandbits(128), version=4)), security.symbol, security.name,
            "SELL" if number % 3 == 1 else "BUY", *((value, quantity, price, value) if known else (None,) * 4),
            f"Reason {number}: rebalance", security.country, security.industry, security.currency,
            round(rng.random(), 3) if known else None, 71.25, round(71.25 + gain, 2), gain, status, PORTFOLIO_HASH,
            CREATED, decided or CREATED, decided if status == "executed" else None,
            decided if status == "dismissed" else None, *([security.region] if older else []),
        )  # fmt: skip
        if not older or number < COUNT // 2:
            rows.append(row)
    return rows


def write_recommendations(build: Build, securities: list[Security]) -> None:
    """Write recommendations.db: the twelve of config.db, decided since, and twelve more."""
    rows = recommendation_rows(securities, older=False)
    if build.dirt:
        spoil(build, rows)
    isins = {security.symbol: security.isin for security in securities}
    with legacy_file(build, "recommendations.db", "recommendations_v2", version=2) as file:
        file.insert("recommendations", f"{RECOMMENDATION} isin", [(*row, isins[str(row[1])]) for row in rows])


def spoil(build: Build, rows: list[Row]) -> None:
    """Write one side in lower case, and give one recommendation another uuid than it has in config.db."""

    def note(kind: FlawKind, key: str, said: str) -> None:
        build.flaw(kind, "recommendations.db", said, table="recommendations", key=key)

    uuid, symbol, name, side, *rest = rows[-1]
    rows[-1] = (uuid, symbol, name, str(side).lower(), *rest)
    note("odd-side", str(uuid), "the side is in lower case")
    twin = str(UUID(int=seeded("twin").getrandbits(128), version=4))
    rows[0] = (twin, *rows[0][1:])
    note("duplicate-recommendation", twin, "the same recommendation stands in config.db under another uuid")
