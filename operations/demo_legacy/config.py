"""config.db: the securities, how they are grouped and weighted, and the settings."""

from __future__ import annotations

from operations.demo_legacy.advice import RECOMMENDATION, recommendation_rows
from operations.demo_legacy.catalogue import Security
from operations.demo_legacy.files import Build, LegacyFile, Row, Value, legacy_file, seeded
from operations.demo_legacy.history import EMPTY_TWIN, MONTHLY_ONLY, ZERO_BYTES
from operations.demo_legacy.planted import FlawKind

SECURITY = (
    "symbol yahoo_symbol isin name product_type industry country fullExchangeName priority_multiplier min_lot "
    "active allow_buy allow_sell currency last_synced min_portfolio_target max_portfolio_target created_at "
    "updated_at bucket_id"
)
CREATED, UPDATED, SYNCED = "2025-12-24T15:22:47.222516", "2025-12-27T21:04:11.908172", "2025-12-28T04:00:31.550021"
SATELLITE_EVERY = 10
SETTINGS = {
    "emergency_stop": "false",
    "min_security_score": "0.5",
    "target_annual_return": "0.11",
    "min_hold_days": "90",
    "sell_cooldown_days": "180",
    "max_loss_threshold": "-0.2",
    "transaction_cost_fixed": "2.0",
    "transaction_cost_percent": "0.002",
    "min_cash_reserve": "500.0",
    "max_plan_depth": "5",
    "market_regime": "sideways",
    "trading_mode": "research",
    "drip_enabled": "true",
    "min_dividend_reinvest": "250",
    "job_sync_cycle_minutes": "15.0",
    "job_maintenance_hour": "3.0",
    "risk_profile": "balanced",
    "cash_drag_limit": "0.05",
    "display_mode": "TEXT",
    "ticker_speed": "50.0",
    "led_brightness": "150.0",
    "ticker_show_value": "1.0",
    "ticker_show_cash": "1.0",
    "security_discovery_enabled": "1.0",
    "security_discovery_score_threshold": "0.75",
    "security_discovery_max_per_month": "2.0",
    "security_discovery_interval_days": "15.0",
    "security_discovery_countries": "Greece,Germany,France",
    "security_discovery_exchanges": "XETRA,Athens",
    "security_discovery_min_volume": "1000000.0",
    "security_discovery_require_approval": "1.0",
    "optimizer_blend": "0.5",
    "optimizer_target_return": "0.11",
    "limit_order_buffer_percent": "0.05",
    "tradernet_api_key": "DEMO-KEY-NOT-REAL",
    "tradernet_api_secret": "DEMO-SECRET-NOT-REAL",
    "note": "καλημέρα · Grüße",
}


def write_config(build: Build, securities: list[Security]) -> None:
    """Write config.db in the column order that upgrades left behind."""
    with legacy_file(build, "config.db", "config_v12_upgraded", version=12) as file:
        file.insert("securities", SECURITY, [security_row(security) for security in securities])
        file.insert("settings", "key value description updated_at", setting_rows())
        write_groups(build, file, securities)
        write_targets(file, securities)
        file.insert("recommendations", f"{RECOMMENDATION} geography", recommendation_rows(securities, older=True))
        if build.dirt:
            plant_securities(build, file, securities)
            plant_unknown(build, file, securities)
    if build.dirt:
        said = "looks like a credential; a report must not show its value"
        build.flaw("secret", "config.db", said, table="settings", key="tradernet_api_secret")


def bucket_of(security: Security) -> str:
    """Put every tenth security into the satellite bucket."""
    return "tech-satellite" if security.number % SATELLITE_EVERY == 7 else "core"


def security_row(security: Security) -> Row:
    """Give a security the shape of its row."""
    base, suffix = security.symbol.rsplit(".", 1)
    yahoo = f"{base}.AT" if suffix == "GR" else None
    targets = (0.0, 12.5) if security.number % 4 == 0 else (None, None)
    return (
        security.symbol, yahoo, security.isin, security.name, "EQUITY", security.industry, security.country,
        security.exchange, 1.0 + security.number % 3 / 4, 1, int(security.active), int(security.active), 0,
        security.currency if security.active else None, SYNCED, *targets, CREATED, UPDATED, bucket_of(security),
    )  # fmt: skip


def setting_rows() -> list[Row]:
    """List the settings; numbers and truth values are texts too."""
    return [(key, value, f"Setting {key}" if len(key) % 2 else None, UPDATED) for key, value in SETTINGS.items()]


def write_groups(build: Build, file: LegacyFile, securities: list[Security]) -> None:
    """Group countries and industries; __EMPTY__ marks a group without members."""
    regions = sorted({(security.region, security.country) for security in securities})
    sectors = sorted({("Cyclical" if len(name) % 2 else "Defensive", name) for name in industries(securities)})
    if build.dirt:
        regions.append(("LATAM", "__EMPTY__"))
        said = "the group LATAM has no members; __EMPTY__ is no country"
        build.flaw("empty-marker", "config.db", said, table="country_groups", key="__EMPTY__")
    for kind, pairs in (("country", regions), ("industry", sectors)):
        rows = [(number, group, name, CREATED, CREATED) for number, (group, name) in enumerate(pairs, start=1)]
        file.insert(f"{kind}_groups", f"id group_name {kind}_name created_at updated_at", rows)


def industries(securities: list[Security]) -> list[str]:
    """List every industry once; one security may name several, with commas."""
    return sorted({name for security in securities for name in security.industry.split(",")})


def write_targets(file: LegacyFile, securities: list[Security]) -> None:
    """Set the target weights, as fractions; all five kinds of target that were ever in use occur."""
    rng = seeded("targets")
    named = [("geography", region) for region in ("ASIA", "EU", "GREECE", "US")]
    named += [("country", name) for name in sorted({security.country for security in securities})]
    named += [("industry", name) for name in industries(securities)]
    named += [("country_group", "EU"), ("country_group", "US"), ("industry_group", "Cyclical")]
    rows = [(n, *pair, round(rng.uniform(0, 0.4), 2), CREATED, UPDATED) for n, pair in enumerate(named, start=1)]
    file.insert("allocation_targets", "id type name target_pct created_at updated_at", rows)


def plant_securities(build: Build, file: LegacyFile, securities: list[Security]) -> None:
    """Add what stood beside the real securities: Yahoo symbols without suffix, and rows shifted by one column."""
    template = dict(zip(SECURITY.split(), security_row(securities[0]), strict=True))

    def add(symbol: str, **changes: Value) -> None:
        changes = {"isin": None, "currency": None, "active": 0, "yahoo_symbol": None, **changes}
        file.insert("securities", SECURITY, [tuple((template | changes | {"symbol": symbol}).values())])

    def note(kind: FlawKind, symbol: str, said: str) -> None:
        build.flaw(kind, "config.db", f"{symbol}: {said}", table="securities", key=symbol)

    add(EMPTY_TWIN)
    note("suffixless-twin", EMPTY_TWIN, f"the same company as {securities[0].symbol}")
    add(ZERO_BYTES, name="Kitebridge Insurance Inc", industry="Financial Services")
    note("false-twin", ZERO_BYTES, f"another company than {securities[2].symbol}")
    add(MONTHLY_ONLY, name="Star Ferry Automation Ltd", country="Hong Kong", fullExchangeName="HKSE")
    for symbol, country in (("OLDA.EU", "Germany"), ("OLDB.GR", "Greece")):
        add(
            symbol, name=f"Shifted {country} AG", product_type="Industrials", industry=country, country="XETRA",
            fullExchangeName="1.0", priority_multiplier=1, min_lot=0, active=0, allow_buy=0, allow_sell="EUR",
            currency="2025-12-30T04:00:31.550021", last_synced=None,
        )  # fmt: skip
        note("shifted-row", symbol, "every value from product_type on stands one column too far right")


def plant_unknown(build: Build, file: LegacyFile, securities: list[Security]) -> None:
    """Add a table and a column of the user's own."""
    file.script("odd_unknown_table")
    alerts: list[Row] = [(1, securities[0].symbol, 99.5, "sell half"), (2, None, None, b"\x00\xff\xfe")]
    file.insert("price_alerts", "id symbol threshold note", alerts)
    build.flaw("unknown-table", "config.db", "no version of the system has this table", table="price_alerts")
    file.script("odd_unknown_column")
    symbol = securities[1].symbol
    file.db.execute("UPDATE securities SET own_note = 'ask Maria' WHERE symbol = ?", [symbol])
    said = f"no version of the system has the column own_note; {symbol} has a value in it"
    build.flaw("unknown-column", "config.db", said, table="securities", key=symbol)
