"""The lots of first in, first out, as rows: exact, so that counting can go on from them."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import apsw

from domain.gains import LONG, SHORT, ZERO, Lot, Lots, Parcel
from projections.bulk import Row, Upsert, quoted
from projections.holdings import SPLIT, HoldingTrade

_COLUMNS = (
    "symbol", "opened_at", "position", "closed_at", "side", "stream", "price", "bucket_id", "currency", "quantity", "cost",
    "cost_eur", "fee", "fee_eur", "remaining", "remaining_cost", "remaining_cost_eur", "remaining_fee", "remaining_fee_eur",
)  # fmt: skip
_KEY = ("symbol", "opened_at", "position")
_FROM = f"""
    SELECT {quoted(_COLUMNS)} FROM lot_entries WHERE symbol = ? AND (opened_at, position) >= (?, ?)
    ORDER BY opened_at, position"""
_CLOSED = ("0", "0", "0", "0", "0")

keep = Upsert("lot_entries", _COLUMNS, _KEY)


def open_lots(db: apsw.Connection, symbol: str, first: tuple[str, int] | None, trades: Sequence[HoldingTrade]) -> Lots:
    """The lots that are open and that these trades can reach: a symbol may have many more."""
    found: Lots = deque()
    if first is None:
        return found
    reach = {
        LONG: sum((trade.quantity for trade in trades if trade.side == "SELL"), ZERO),
        SHORT: sum((trade.quantity for trade in trades if trade.side == "BUY"), ZERO),
    }
    all_of_them = any(trade.side == SPLIT for trade in trades)
    loaded = ZERO
    cursor = db.execute(_FROM, [symbol, *first])
    for row in cursor:
        lot = _lot(row)
        found.append(lot)
        loaded += lot.left.quantity if lot.left else ZERO
        if loaded >= reach[lot.side] and not all_of_them:
            break
    cursor.close(force=True)
    return found


def row_of(symbol: str, lot: Lot) -> Row:
    """A lot as its row."""
    whole, left = lot.whole, lot.left
    amounts = _texts(whole)
    still_open = _CLOSED if left is None else amounts if left is whole else _texts(left)
    head = (symbol, lot.opened_at, lot.position, lot.closed_at, lot.side, lot.stream, str(lot.price), lot.bucket_id)
    return head + (whole.currency,) + amounts + still_open  # noqa: RUF005 - twice as fast as unpacking them


def _texts(parcel: Parcel) -> tuple[str | None, ...]:
    value, value_eur, fee, fee_eur = parcel.value, parcel.value_eur, parcel.fee, parcel.fee_eur
    return (  # spelled out: this is called for every lot of a batch
        str(parcel.quantity),
        None if value is None else str(value),
        None if value_eur is None else str(value_eur),
        None if fee is None else str(fee),
        None if fee_eur is None else str(fee_eur),
    )


def _lot(row: Sequence[Any]) -> Lot:
    """An open lot from its row."""
    _, opened_at, position, _, side, stream, price, bucket_id, currency, *amounts = row
    whole = _parcel(currency, amounts[:5])
    left = whole if amounts[:5] == amounts[5:] else _parcel(currency, amounts[5:])
    return Lot(side, stream, position, opened_at, Decimal(price), bucket_id, whole, left)


def _parcel(currency: str | None, texts: Sequence[str | None]) -> Parcel:
    quantity, *amounts = [None if text is None else Decimal(text) for text in texts]
    assert quantity is not None, "a lot has no quantity"
    return Parcel(quantity, currency, *amounts)
