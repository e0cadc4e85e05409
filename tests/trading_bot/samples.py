"""Single events of the trading bot."""

from __future__ import annotations

import msgspec

from domain.bot_trading import FillRecorded
from tests.trading_bot.rows import RELIANCE


def fill(
    trade_id: str, side: str, quantity: float, price: float, *, minute: int | None = 0, symbol: str = RELIANCE,
    status: str | None = None, kind: type[FillRecorded] = FillRecorded,
) -> FillRecorded:  # fmt: skip
    """A fill in the eleventh hour of the second session; minute None: nobody knows when."""
    at = None if minute is None else f"2026-02-02T10:{minute:02}:00.000000Z"
    fields = {"trade_id": trade_id, "side": side, "quantity": quantity, "price": price, "symbol": symbol}
    return msgspec.convert(fields | {"status": status, "occurred_at": at}, kind)
