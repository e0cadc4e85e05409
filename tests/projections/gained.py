"""What trades leave in the tables of lots, gains and positions, however they are delivered."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import apsw

from domain.event import Event
from domain.trading import CashFlowBooked, SharesSplit
from projections.bulk import quoted
from projections.portfolio import projector
from tests.projections.folded import Given, database
from tests.projections.test_holdings import DAY, Row

TABLES = {"lots": "position", "realized_gains": "symbol, position, method, part", "positions": "symbol"}
DOLLARS: Row = {"currency": "USD"}
AMOUNTS = ("quantity", "proceeds", "cost", "fees", "gain")
EUROS = ("proceeds_eur", "cost_eur", "fees_eur", "gain_eur")


def told(*events: Event | Given) -> dict[str, list[Row]]:
    """The tables after these events, trade N in the stream trade:N; in one batch, one by one, and each twice over."""
    facts = [one if isinstance(one, Given) else Given(f"trade:{n}", one) for n, one in enumerate(events, 1)]
    whole = read(facts)
    assert read(*[[fact] for fact in facts]) == whole
    assert without_places(read(*[[fact] for fact in facts for _ in range(2)])) == without_places(whole)
    return whole


def read(*pieces: Sequence[Given]) -> dict[str, list[Row]]:
    """The tables that this is about, after these batches."""
    db = database(projector, *pieces)
    return {table: _rows(db, table, order) for table, order in TABLES.items()}


def _rows(db: apsw.Connection, table: str, order: str) -> list[Row]:
    names = [name for (name,) in db.execute("SELECT name FROM pragma_table_info(?) ORDER BY cid", [table])]
    found = db.execute(f"SELECT {quoted(names)} FROM {table} ORDER BY {order}")
    return [dict(zip(names, row, strict=True)) for row in found]


def without_places(found: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """Rows without the place in the log, which moves when facts are delivered twice."""
    return {
        table: [{column: value for column, value in row.items() if "position" not in column} for row in rows]
        for table, rows in found.items()
    }


def gains(method: str, *events: Event | Given) -> list[Row]:
    return [row for row in told(*events)["realized_gains"] if row["method"] == method]


def lots(*events: Event | Given) -> list[Row]:
    return told(*events)["lots"]


def picked(row: Row, *columns: str) -> tuple[Any, ...]:
    return tuple(row[column] for column in columns)


def flow(order: str, amount: str, **more: Any) -> Given:
    fields: Row = {
        "transaction_id": f"trade_fee_{order}", "type_doc_id": "trade_fee", "transaction_type": "trading_fee",
        "amount": Decimal(amount), "currency": "EUR", "status": "completed", "occurred_at": DAY.format(1)[:10], **more,
    }  # fmt: skip
    event: type[CashFlowBooked] = fields.pop("event", CashFlowBooked)
    return Given(f"cash-flow:{order}", event(**fields))


def split(numerator: int, denominator: int, day: int, **more: Any) -> SharesSplit:
    event: type[SharesSplit] = more.pop("event", SharesSplit)
    fields: Row = {"symbol": "AIR.EU", "occurred_at": DAY.format(day)[:10], **more}
    return event(numerator=Decimal(numerator), denominator=Decimal(denominator), **fields)
