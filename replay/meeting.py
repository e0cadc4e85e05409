"""What was entered here and came from the legacy system as well: the rows that say otherwise than the entry before them.

A legacy row always joins the stream of its own key, with its provenance, so that it can be proven; nothing is counted twice,
because a stream is one thing. Where it says the same, nothing changes, and what it leaves out stays. Where it says otherwise,
the newest counts, and that is a break until somebody corrects or voids it here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from domain.event import Event, decode, encode, topic_of
from domain.trading import (
    CashFlowBooked,
    CashFlowCorrected,
    CashFlowVoided,
    DividendCorrected,
    DividendPaid,
    DividendVoided,
    TradeCorrected,
    TradeExecuted,
    TradeVoided,
)
from ledger.log import Entry, Log, Stored
from ledger.meeting import entered_in, met_streams

_FACTS: tuple[type[Event], ...] = (
    TradeExecuted, TradeCorrected, CashFlowBooked, CashFlowCorrected, DividendPaid, DividendCorrected,
)  # fmt: skip
_TOPICS = frozenset(topic_of(fact) for fact in _FACTS)
# What an entry and a legacy row must agree on. Words such as status and description are each system's own.
_MUST_AGREE = ("symbol", "side", "quantity", "price", "amount", "currency", "mode")
_OWN = frozenset({"occurred_at", "repaired", "copy"})
_VOID = (TradeVoided, CashFlowVoided, DividendVoided)
_DAY = len("2025-12-28")


def completed(log: Log, batch: Sequence[Entry]) -> Sequence[Entry]:
    """The batch; what a legacy row leaves out and an entry had said, such as a fee, stays said."""
    names = {one.stream for one in batch if one.topic in _TOPICS}
    entered = {stream: decode(topic, state) for stream, topic, state in entered_in(log, names)}
    return (
        [_completed(one, entered[one.stream]) if one.stream in entered else one for one in batch] if entered else batch
    )


def _completed(entry: Entry, entered: Event) -> Entry:
    event = decode(entry.topic, entry.state)
    missing = {
        field: getattr(entered, field)
        for field in event.__struct_fields__
        if field not in _OWN and getattr(event, field) is None and getattr(entered, field, None) is not None
    }
    return entry._replace(state=encode(msgspec.structs.replace(event, **missing))) if missing else entry


def contradictions(log: Log) -> Iterator[tuple[str, str, str]]:
    """Stream, what was entered, and what the legacy row says, of those that stand open."""
    for name in met_streams(log):
        stored = log.stream(name)
        if stored[-1].source is None:
            continue  # somebody has had the last word since
        entered, legacy = _newest(stored, entered=True), _newest(stored, entered=False)
        if isinstance(entered, _VOID):
            yield name, "void", "the row is there"
        elif told := _differences(entered, legacy):
            yield (
                name,
                ", ".join(f"{field} {before}" for field, before, _ in told),
                ", ".join(f"{field} {after}" for field, _, after in told),
            )


def _newest(stored: Sequence[Stored], *, entered: bool) -> Event:
    found = next(one for one in reversed(stored) if (one.source is None) is entered)
    return decode(found.topic, found.state)


def _differences(entered: Event, legacy: Event) -> list[tuple[str, object, object]]:
    told: list[tuple[str, object, object]] = [
        (field, getattr(entered, field), getattr(legacy, field))
        for field in _MUST_AGREE
        if field in entered.__struct_fields__ and getattr(entered, field) != getattr(legacy, field, None)
    ]
    days = [(one.occurred_at or "")[:_DAY] for one in (entered, legacy)]
    return [*told, ("day", days[0], days[1])] if days[0] != days[1] else told
