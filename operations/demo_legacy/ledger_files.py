"""ledger.db, the newest rows of it left in its -wal, and dividends.db."""

from __future__ import annotations

from operations.demo_legacy.cash import Flow
from operations.demo_legacy.config import bucket_of
from operations.demo_legacy.files import Build, LegacyFile, Row, Value, left_in_wal, legacy_file
from operations.demo_legacy.market import RATES
from operations.demo_legacy.trading import Trade

TRADE = (
    "id symbol side quantity price executed_at order_id currency currency_rate value_eur source created_at isin "
    "bucket_id mode"
)
FLOW = (
    "id transaction_id type_doc_id transaction_type date amount currency amount_eur status status_c description "
    "params_json created_at"
)
DIVIDEND = (
    "id symbol cash_flow_id amount currency amount_eur payment_date reinvested reinvested_at reinvested_quantity "
    "pending_bonus bonus_cleared cleared_at created_at"
)
IN_WAL = 5
SYNCED_BY_GO = 12
ORPHAN = 999_999
# The shapes of time stamps beside the usual one, each on every 37th trade.
SHAPES = {5: "{day}T{time}.482913", 11: "{day} {time}", 17: "{day}T{time}Z", 23: "{day}T{time}+02:00"}
SHAPE_EVERY = 37


def write_ledger(build: Build, trades: list[Trade], flows: list[Flow]) -> None:
    """Write both files; the two tables of dividends overlap and number their rows differently."""
    recorded = [trade for trade in trades if trade.recorded]
    trade_rows = [trade_row(build, row, trade, len(recorded) - row) for row, trade in enumerate(recorded)]
    flow_rows = [flow_row(number, flow) for number, flow in enumerate(flows, start=1)]
    paid = dividend_rows(flows)
    kept = -IN_WAL if build.dirt else len(trade_rows)
    with legacy_file(build, "ledger.db", "ledger_v4_upgraded", version=4) as file:
        file.insert("trades", TRADE, trade_rows[:kept])
        file.insert("cash_flows", FLOW, flow_rows[: -IN_WAL if build.dirt else len(flow_rows)])
        older = paid[: len(paid) // 2]
        copied = [(number, *row[1:]) for number, row in enumerate(reversed(older), start=1)]
        file.insert("dividend_history", DIVIDEND, copied)
    with legacy_file(build, "dividends.db", "dividends_v2", version=2) as file:
        isins = {str(flow.dividend_of.symbol): flow.dividend_of.isin for flow in flows if flow.dividend_of}
        file.insert("dividend_history", f"{DIVIDEND} isin", [(*row, isins[str(row[1])]) for row in paid])
        if build.dirt:
            plant_orphan(build, file, len(paid) + 1)
    if build.dirt:
        with left_in_wal(build, "ledger.db") as file:
            file.insert("trades", TRADE, trade_rows[kept:])
            file.insert("cash_flows", FLOW, flow_rows[kept:])
        said = f"the newest {IN_WAL} trades and {IN_WAL} cash flows stand in the -wal only"
        build.flaw("rows-in-wal", "ledger.db-wal", said, table="trades", key=str(len(trade_rows)))


def trade_row(build: Build, row: int, trade: Trade, from_end: int) -> Row:
    """Give a trade the shape of its row; most have no currency and no value in EUR."""
    by_go = build.dirt and from_end <= SYNCED_BY_GO
    shape = SHAPES.get(row % SHAPE_EVERY, "{day}T{time}.000")
    executed_at = shape.format(day=trade.day, time=trade.time)
    security = trade.security
    money: tuple[Value, ...] = (None, None, None)
    if by_go:
        money = ("EUR", None, None)
    elif row % 4 == 0:
        rate = RATES[security.currency]
        money = (security.currency, rate, round(float(trade.quantity * trade.price) / rate, 2))
    if build.dirt:
        note_trade(build, row, trade, by_go=by_go)
    created_at = f"{trade.day}T21:05:00Z" if by_go else f"{trade.day} 21:05:00"
    return (
        row + 1, security.symbol, trade.side, float(trade.quantity), float(trade.price), executed_at, trade.order_id,
        *money, "manual" if row % 50 == 1 else "tradernet", created_at, None if by_go else security.isin,
        "" if by_go else bucket_of(security), "" if by_go else "live",
    )  # fmt: skip


def note_trade(build: Build, row: int, trade: Trade, *, by_go: bool) -> None:
    """List what is odd about one row: who wrote it last, and the first time stamp of each unusual shape."""
    where = {"table": "trades", "key": trade.order_id}
    if row in SHAPES:
        build.flaw("timestamp-shape", "ledger.db", f"executed_at looks like {SHAPES[row]}", **where)
    if by_go:
        build.flaw("empty-bucket", "ledger.db", "bucket_id and mode are empty texts", **where)
        if trade.security.currency != "EUR":
            said = f"currency says EUR, but {trade.security.symbol} trades in {trade.security.currency}"
            build.flaw("currency-wrong", "ledger.db", said, **where)


def flow_row(number: int, flow: Flow) -> Row:
    """Give a cash flow the shape of its row."""
    return (
        number, flow.transaction_id, flow.type_doc_id, flow.kind, flow.day, float(flow.amount), flow.currency,
        float(flow.amount_eur), flow.status, flow.status_c, flow.description, None, f"{flow.day} 22:15:04",
    )  # fmt: skip


def dividend_rows(flows: list[Flow]) -> list[Row]:
    """List the dividends on shares held: reinvested, waiting with a bonus, or with the bonus cleared."""
    paid = [(number, flow) for number, flow in enumerate(flows, start=1) if flow.dividend_of]
    rows: list[Row] = []
    for number, (flow_id, flow) in enumerate(paid, start=1):
        assert flow.dividend_of
        reinvested = (1, f"{flow.day}T10:00:12.000411", 1 + number % 5) if number % 3 == 0 else (0, None, None)
        bonus = {1: (0.05, 0, None), 4: (0.0, 1, f"{flow.day}T10:00:12.000411")}.get(number % 6, (0.0, 0, None))
        rows.append((
            number, flow.dividend_of.symbol, flow_id, float(flow.amount), flow.currency, float(flow.amount_eur),
            flow.day, *reinvested, *bonus, f"{flow.day}T10:00:11.871204",
        ))  # fmt: skip
    return rows


def plant_orphan(build: Build, file: LegacyFile, number: int) -> None:
    """Add a dividend whose cash flow does not exist; no foreign key reaches from file to file."""
    columns = "id symbol cash_flow_id amount currency amount_eur payment_date created_at"
    row = (number, "KITE.1177.AS", ORPHAN, 3.5, "HKD", 0.38, "2025-12-02", "2025-12-02T10:00:11.871204")
    file.insert("dividend_history", columns, [row])
    said = f"cash_flow_id {ORPHAN} is in no cash_flows table"
    build.flaw("orphan-cash-flow", "dividends.db", said, table="dividend_history", key=str(number))
