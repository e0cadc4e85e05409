"""satellites.db: the buckets, the cash in them, and how it came there."""

from __future__ import annotations

from decimal import Decimal

from operations.demo_legacy.files import Build, LegacyFile, Row, legacy_file, seeded
from operations.demo_legacy.market import RATES
from operations.demo_legacy.planted import Flaw
from operations.demo_legacy.trading import CENT

BUCKET = (
    "id name type notes target_pct min_pct max_pct consecutive_losses max_consecutive_losses high_water_mark "
    "high_water_mark_date loss_streak_paused_at status created_at updated_at"
)
SETTINGS = (
    "satellite_id preset risk_appetite hold_duration entry_style position_spread profit_taking trailing_stops "
    "follow_regime auto_harvest pause_high_volatility dividend_handling risk_free_rate sortino_mar "
    "evaluation_period_days volatility_window"
)
BALANCES = {
    ("core", "EUR"): Decimal("4210.55"),
    ("core", "USD"): Decimal("812.40"),
    ("tech-satellite", "EUR"): Decimal("640.00"),
    ("tech-satellite", "USD"): Decimal("118.30"),
    ("dividend-satellite", "EUR"): Decimal(0),
    ("core", "HKD"): Decimal("-154.20"),
}
ALLOCATION = {
    "satellite_budget_pct": 0.15,
    "satellite_min_pct": 0.02,
    "satellite_max_pct": 0.15,
    "evaluation_months": 3,
    "reallocation_dampening": 0.5,
    "default_risk_free_rate": 0.035,
    "default_sortino_mar": 0.05,
    "default_evaluation_days": 90,
}
DIFFERENCE = Decimal("7.31")  # above the 5.00 that the legacy system booked on core without asking
CREATED, UPDATED = "2025-12-31T10:22:00.402118", "2025-12-28T20:00:03.771920"
TRANSACTION = "id bucket_id type amount currency description created_at"


def cash_eur() -> Decimal:
    """Add up what the broker holds, converted to EUR."""
    converted = (held / Decimal(str(RATES[currency])) for (_, currency), held in BALANCES.items())
    return sum(converted, Decimal(0)).quantize(CENT)


def write_satellites(build: Build) -> None:
    """Write satellites.db; with dirt, core says 7.31 EUR more than the broker."""
    balances = dict(BALANCES)
    if build.dirt:
        balances["core", "EUR"] += DIFFERENCE
        build.flaws.append(Flaw(
            kind="bucket-difference", file="satellites.db", table="bucket_balances", key="core/EUR", amount=DIFFERENCE,
            said=f"the buckets hold {DIFFERENCE} EUR more than the last snapshot's cash",
        ))  # fmt: skip
        build.flaw("negative-balance", "satellites.db", "core owes HKD", table="bucket_balances", key="core/HKD")
    with legacy_file(build, "satellites.db", "satellites_v1", version=1) as file:
        file.insert("buckets", BUCKET, bucket_rows())
        file.insert("satellite_settings", SETTINGS, setting_rows())
        rows = [(bucket, currency, float(held), UPDATED) for (bucket, currency), held in balances.items()]
        file.insert("bucket_balances", "bucket_id currency balance last_updated", rows)
        file.insert("bucket_transactions", TRANSACTION, transaction_rows())
        described = [(key, value, f"{key.replace('_', ' ')}") for key, value in ALLOCATION.items()]
        file.insert("allocation_settings", "key value description", described)
        periods = [("tech-satellite", "bull", "2025-01-01", "2025-06-30", 0.0812, 14, 0.64),
                   ("tech-satellite", "sideways", "2025-07-01", "2025-12-27", -0.0107, 9, None)]  # fmt: skip
        columns = "satellite_id regime period_start period_end return_pct trades_count win_rate"
        file.insert("satellite_regime_performance", columns, periods)
        if build.dirt:
            plant_orphan(build, file)


def bucket_rows() -> list[Row]:
    """List the three buckets."""
    return [
        ("core", "Core", "core", None, 0.85, 0.7, 1.0, 0, 5, 0.0, None, None, "active", CREATED, UPDATED),
        ("tech-satellite", "Technology", "satellite", "momentum", 0.1, 0.02, 0.15, 2, 5, 1240.75, "2025-11-03", None,
         "active", CREATED, UPDATED),
        ("dividend-satellite", "Dividends", "satellite", None, 0.05, 0.02, 0.15, 5, 5, 310.0, "2025-08-19", UPDATED,
         "paused", CREATED, UPDATED),
    ]  # fmt: skip


def setting_rows() -> list[Row]:
    """List the settings of the two satellites."""
    return [
        ("tech-satellite", "momentum", 0.7, 0.3, 0.4, 0.3, 0.6, 1, 0, 0, 1, "reinvest_same", 0.035, 0.05, 90, 60),
        ("dividend-satellite", None, 0.4, 0.8, 0.6, 0.7, 0.3, 0, 0, 1, 0, "send_to_core", 0.035, 0.05, 180, 60),
    ]


def transaction_rows() -> list[Row]:
    """Tell how each balance came about; the type gives the sign, only a reallocation carries its own."""
    rng = seeded("buckets")
    rows: list[Row] = []
    for (bucket, currency), balance in BALANCES.items():
        total = Decimal(0)
        for month in range(1, 13):
            kind, sign = (("deposit", 1), ("trade_buy", -1), ("dividend", 1), ("trade_sell", 1))[month % 4]
            amount = Decimal(rng.randint(1000, 90_000)) / 100
            total += sign * amount
            when = f"2025-{month:02d}-14T11:00:00.120{month:03d}"
            rows.append((len(rows) + 1, bucket, kind, float(amount), currency, f"{kind} {month}", when))
        rest, when = balance - total, "2025-12-27T23:30:00.551277"
        rows.append((len(rows) + 1, bucket, "reallocation", float(rest), currency, "Reconciled with the broker", when))
    return rows


def plant_orphan(build: Build, file: LegacyFile) -> None:
    """Add a transaction of a bucket that was deleted; foreign keys were never switched on."""
    number = len(transaction_rows()) + 1
    row = (number, "gone-satellite", "transfer_out", 12.5, "EUR", None, "2025-12-20T09:00:00.000001")
    file.insert("bucket_transactions", TRANSACTION, [row])
    said = "the bucket gone-satellite does not exist"
    build.flaw("orphan-bucket", "satellites.db", said, table="bucket_transactions", key=str(number))
