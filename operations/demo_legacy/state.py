"""state.db, snapshots.db and calculations.db: positions, daily snapshots, scores and metrics."""

from __future__ import annotations

from operations.demo_legacy.catalogue import Security
from operations.demo_legacy.config import bucket_of
from operations.demo_legacy.files import Build, Row, Value, legacy_file, seeded
from operations.demo_legacy.market import RATES
from operations.demo_legacy.snapshots import SNAPSHOT, snapshot_rows
from operations.demo_legacy.trading import Holding, Trade, holdings

POSITION = (
    "symbol quantity avg_price current_price currency currency_rate market_value_eur cost_basis_eur unrealized_pnl "
    "unrealized_pnl_pct last_updated first_bought_at last_sold_at isin bucket_id"
)
SCORE = (
    "symbol quality_score opportunity_score analyst_score allocation_fit_score cagr_score consistency_score "
    "financial_strength_score sharpe_score drawdown_score dividend_bonus rsi ema_200 below_52w_high_pct total_score "
    "sell_score history_years calculated_at"
)
METRIC = "symbol metric value calculated_at expires_at source isin"
CALCULATED = (
    "RSI_14 EMA_50 EMA_200 CAGR_5Y CAGR_10Y SHARPE MAX_DRAWDOWN MOMENTUM_30D MOMENTUM_90D HIGH_52W LOW_52W "
    "DISTANCE_FROM_52W_HIGH DISTANCE_FROM_EMA_200 LONG_TERM_PROMISE STABILITY_SCORE TOTAL_RETURN WINDFALL_SCORE "
    "EXCESS_GAIN"
)
FROM_YAHOO = (
    "PE_RATIO FORWARD_PE PROFIT_MARGIN DEBT_TO_EQUITY CURRENT_RATIO DIVIDEND_YIELD ANALYST_RECOMMENDATION "
    "PRICE_TARGET_UPSIDE"
)
SUB_SCORES = 13
NOW, OLDER, NEWER = "2025-12-28T15:40:09.771530", "2025-12-27T04:10:30.000917", "2025-12-28T04:10:30.518822"
LATEST = "2025-12-28T16:02:44Z"
IN_STATE, ONLY_IN_STATE, REWRITTEN = 90, 4, 5


def write_state(
    build: Build, securities: list[Security], days: list[str], closes: dict[str, list[float]], trades: list[Trade]
) -> None:
    """Write the three files; scores and snapshots stand in two of them each."""
    snapshots = snapshot_rows(days, closes, trades)
    with legacy_file(build, "state.db", "state_v4_upgraded", version=4) as file:
        held = [holding for holding in holdings(trades).values() if holding.quantity]
        file.insert("positions", POSITION, [position_row(holding, closes) for holding in held])
        file.insert("scores", SCORE, older_scores(build, securities))
        file.insert("portfolio_snapshots", SNAPSHOT, rewritten(build, snapshots)[-IN_STATE:])
        if build.dirt:
            file.script("odd_stub_table")
            said = "an empty table with a name that belongs to config.db"
            build.flaw("stub-table", "state.db", said, table="securities")
    with legacy_file(build, "snapshots.db", "snapshots_v2", version=2) as file:
        file.insert("portfolio_snapshots", SNAPSHOT, snapshots[:-ONLY_IN_STATE])
    with legacy_file(build, "calculations.db", "calculations_v3_upgraded", version=3) as file:
        isins = {security.symbol: security.isin for security in securities}
        file.insert("scores", f"{SCORE} isin", [(*row, isins[str(row[0])]) for row in score_rows(securities, NEWER)])
        file.insert("calculated_metrics", METRIC, metric_rows(securities))


def position_row(holding: Holding, closes: dict[str, list[float]]) -> Row:
    """Give a holding the shape of its row; the legacy program left cost and gain empty for most."""
    security = holding.security
    quantity, average = float(holding.quantity), float(round(holding.cost / holding.quantity, 4))
    price, rate = round(closes[security.symbol][-1], 2), RATES[security.currency]
    gains: tuple[Value, ...] = (None, None, None)
    if security.number % 4 == 0:
        gain = round((price - average) * quantity / rate, 2)
        gains = (round(quantity * average / rate, 2), gain, round((price / average - 1) * 100, 2))
    return (
        security.symbol, quantity, average, price, security.currency, rate, round(quantity * price / rate, 2), *gains,
        NOW, holding.first_bought, holding.last_sold, security.isin, bucket_of(security),
    )  # fmt: skip


def score_rows(securities: list[Security], calculated_at: str) -> list[Row]:
    """Score every active security; a third have a total only."""
    rows: list[Row] = []
    for security in securities:
        rng = seeded("scores", security.symbol)
        subs: list[Value] = [round(rng.random(), 4) for _ in range(SUB_SCORES)]
        if security.number % 3 == 2:  # the last of three
            subs = [*subs[:2], *[None] * (SUB_SCORES - 2)]
        total, sell, history = round(rng.random(), 4), round(rng.random(), 4), round(rng.uniform(1, 10), 1)
        if security.active:
            rows.append((security.symbol, *subs, total, sell, history, calculated_at))
    return rows


def older_scores(build: Build, securities: list[Security]) -> list[Row]:
    """Give state.db its copy: mostly older, but Go wrote every fifth one again, and one has no time at all."""
    rows = score_rows(securities, OLDER)
    if not build.dirt:
        return rows
    total = SCORE.split().index("total_score")
    for number in range(0, len(rows), 5):
        changed = [*rows[number][:-1], LATEST]
        changed[total] = round(0.5 + number / 1000, 4)
        rows[number] = tuple(changed)
        symbol = str(changed[0])
        said = f"the score of {symbol} in state.db is newer than this one"
        build.flaw("stale-copy", "calculations.db", said, table="scores", key=symbol)
    rows[1] = (*rows[1][:-1], None)
    symbol = str(rows[1][0])
    build.flaw("null-timestamp", "state.db", f"nobody knows when {symbol} was scored", table="scores", key=symbol)
    return rows


def metric_rows(securities: list[Security]) -> list[Row]:
    """Calculate the metrics of every active security; what came from Yahoo expires."""
    rows: list[Row] = []
    for security in securities:
        rng = seeded("metrics", security.symbol)
        for names, source, expires in (
            (CALCULATED, "calculated", None),
            (FROM_YAHOO, "yahoo", "2025-12-29T04:12:01.204817"),
        ):
            for metric in names.split():
                value = rng.gauss(0.2, 0.5)  # unrounded, as calculated
                if security.active:
                    rows.append((security.symbol, metric, value, NEWER, expires, source, security.isin))
    return rows


def rewritten(build: Build, snapshots: list[Row]) -> list[Row]:
    """Give state.db its copy of the snapshots: the newest days stand there alone, five others were written again."""
    rows = list(snapshots)
    if build.dirt:
        for number in range(len(rows) - 20, len(rows) - 20 + REWRITTEN):
            day, total, *rest, _ = rows[number]
            assert isinstance(day, str)
            assert isinstance(total, float)
            rows[number] = (day, round(total + 10, 2), *rest, f"{day} 23:59:30")
            said = f"the snapshot of {day} was written again, into state.db, with 10 EUR more"
            build.flaw("stale-copy", "snapshots.db", said, table="portfolio_snapshots", key=day)
    return rows
