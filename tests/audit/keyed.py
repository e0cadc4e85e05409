"""Random ledgers in which few names occur often: facts that concern each other, some of them learned late."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from hypothesis import strategies as st

from domain.bot_signals import SignalEmitted
from domain.bot_trading import FillRecorded
from domain.event import Event, encode, topic_of
from domain.prices import PriceBlock
from domain.trading import (
    CashFlowBooked,
    CashFlowVoided,
    DividendPaid,
    DividendVoided,
    SharesSplit,
    SharesSplitVoided,
    TradeExecuted,
    TradeVoided,
)  # fmt: skip
from ledger.log import Entry, open_log
from tests import strategies

DAYS = ["2024-01-01", "2024-01-02", "2024-01-03"]
TIMES = [*DAYS, *(f"{day}T10:00:00.000000Z" for day in DAYS)]
RECORDED = [f"2026-0{month}-01T12:00:00.000000Z" for month in (1, 2, 3)]

_NAMES = st.sampled_from(["A.US", "B'\"%"])
_NAMED = {
    "symbol", "uuid", "id", "key", "cache_key", "portfolio_hash", "sequence_hash", "group_name", "country_name", "name",
    "industry_name", "type", "bucket_id", "agent_id", "satellite_id", "regime", "reason", "metric", "order_id",
    "instrument_key", "trading_symbol", "username", "role_name", "strategy_id", "run_id", "trade_id", "scan_id", "job_id",
}  # fmt: skip
_FEW: dict[str, st.SearchStrategy[Any]] = {
    "occurred_at": st.sampled_from(TIMES), "period_start": st.sampled_from(DAYS), "copy": st.sampled_from([None, "old"]),
    "transaction_id": st.sampled_from(["trade_fee_1", "2_fee", "A"]), "status": st.sampled_from([None, "completed"]),
    "transaction_type": st.sampled_from([None, "trading_fee"]), "status_c": st.sampled_from([None, 3]),
}  # fmt: skip
_KINDS: dict[type[Event], str] = {
    TradeExecuted: "trade", TradeVoided: "trade", CashFlowBooked: "cash-flow", CashFlowVoided: "cash-flow",
    DividendPaid: "dividend", DividendVoided: "dividend", SharesSplit: "shares-split", SharesSplitVoided: "shares-split",
    FillRecorded: "bot-fill", SignalEmitted: "bot-signal",
}  # fmt: skip


class Told(NamedTuple):
    """An event, its stream, and which of the times it was recorded at."""

    stream: str
    event: Event
    late: int


def told(kind: type[Event]) -> st.SearchStrategy[Told]:
    """Events of one type about few things."""
    fixed: dict[str, st.SearchStrategy[Any]] = {}
    if not issubclass(kind, PriceBlock):
        names = kind.__struct_fields__
        fixed = {name: values for name, values in _FEW.items() if name in names}
        if "status" in names and "None" not in str(_hint(kind, "status")):
            fixed["status"] = st.sampled_from(["REJECTED", "completed"])
        fixed |= {name: _NAMES for name in names if name in _NAMED}
        fixed |= {name: st.sampled_from(["USD", "EUR"]) for name in names if name.endswith("currency")}
        fixed |= {"id": st.integers(1, 2)} if "id" in names and "int" in str(_hint(kind, "id")) else {}
    of_kind = next((name for parent, name in _KINDS.items() if issubclass(kind, parent)), None)
    streams = st.sampled_from([f"{of_kind}:{n}" for n in (1, 2)]) if of_kind else st.just("")
    return st.builds(Told, streams, _events(kind, fixed), st.integers(0, 2))


def _hint(kind: type[Event], field: str) -> object:
    return next(
        parent.__annotations__[field] for parent in kind.__mro__ if field in getattr(parent, "__annotations__", {})
    )


def _events(kind: type[Event], fixed: dict[str, Any]) -> st.SearchStrategy[Any]:
    if issubclass(kind, PriceBlock):
        return strategies.events(kind).map(lambda block: _near(block, "A.US" if block.count % 2 else "B'\"%"))
    return strategies.events(kind, **fixed)


def _near(block: Any, symbol: str) -> Any:  # a block of either kind
    """The block with a familiar symbol and familiar days."""
    key = "date" if hasattr(block, "date") else "year_month"
    days = [f"2024-01-{number:02}" if key == "date" else f"2024-{number:02}" for number in range(1, block.count + 1)]
    copy = None if block.copy is None else "old"
    return msgspec.structs.replace(block, symbol=symbol, copy=copy, occurred_at=days[0], **{key: days})


def write(home: Path, facts: Sequence[Told]) -> None:
    """A ledger of these facts, in the order in which they were recorded."""
    with open_log(home, create=True, write=True) as log:
        for late, recorded_at in enumerate(RECORDED):
            entries = [
                Entry(one.stream or f"thing:{number}", topic_of(type(one.event)), encode(one.event))
                for number, one in enumerate(facts)
                if one.late == late
            ]
            if entries:
                log.append(entries, recorded_at=recorded_at)
