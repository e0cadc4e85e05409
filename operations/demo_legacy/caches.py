"""rates.db and cache.db: what could be fetched or calculated again."""

from __future__ import annotations

import json

from operations.demo_legacy.catalogue import Security
from operations.demo_legacy.files import Build, Row, legacy_file, seeded
from operations.demo_legacy.market import RATES

RATE = "from_currency to_currency rate fetched_at expires_at"
CACHED = "data expires_at created_at"
CREATED, SOON, LATER = "2025-12-28T15:00:00.220491", "2025-12-28T15:30:00.220491", "2026-01-04T15:00:00.220491"
OVER = "2025-12-20T00:00:00.000417"


def write_caches(build: Build, securities: list[Security]) -> None:
    """Write both files; the rates in cache.db are the older copy."""
    with legacy_file(build, "rates.db", "rates_v1", version=1) as file:
        file.insert("exchange_rates", RATE, rate_rows(1.0, "2025-12-28T15:45:20.018834", "2025-12-28T16:45:20.018834"))
    with legacy_file(build, "cache.db", "cache_v2", version=2) as file:
        file.insert("exchange_rates", RATE, rate_rows(0.99, "2025-12-27T22:10:00.557130", "2025-12-27T23:10:00.557130"))
        file.insert("cache_entries", "key value expires_at created_at", entry_rows(build, securities))
        yahoo = [
            (s.symbol, kind, json.dumps({"symbol": s.symbol, kind: s.number / 4}), LATER, CREATED)
            for s in securities if s.active for kind in ("fundamentals", "analyst")
        ]  # fmt: skip
        file.insert("yahoo_cache", f"symbol data_type {CACHED}", yahoo)
        advice = [("3fa91c07", kind, "[]", SOON, CREATED) for kind in ("buy", "sell", "multi_step", "strategic")]
        file.insert("recommendation_cache", f"portfolio_hash cache_type {CACHED}", advice)
        months = range(1, 13)
        analytics = [(f"perf:2025-{m:02d}", json.dumps({"return": m / 7}), LATER, CREATED) for m in months]
        file.insert("analytics_cache", f"cache_key {CACHED}", analytics)


def rate_rows(factor: float, fetched: str, expires: str) -> list[Row]:
    """List the latest rate of each pair; the legacy name of the pair is the wrong way round."""
    return [(code, "EUR", round(rate * factor, 4), fetched, expires) for code, rate in RATES.items() if code != "EUR"]


def entry_rows(build: Build, securities: list[Security]) -> list[Row]:
    """List the general cache: scores, one entry for ever, one that has expired."""
    rng = seeded("cache")
    scored = {s.symbol: json.dumps({"total": round(rng.random(), 4)}) for s in securities if s.active}
    rows: list[Row] = [(f"score:{symbol}", value, LATER, CREATED) for symbol, value in scored.items()]
    rows.append(("portfolio_score:3fa91c07", json.dumps({"score": 71.25}), None, CREATED))
    if build.dirt:
        rows.append(("scenario:old", "{}", OVER, OVER))
        said = "expired a week before the folder was copied"
        build.flaw("expired", "cache.db", said, table="cache_entries", key="scenario:old")
    return rows
