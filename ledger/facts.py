"""Facts in their newest form: what a book of accounts is posted from, in the order in which it happened."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing

from msgspec.structs import replace

from domain.event import topics
from ledger.failures import translated
from ledger.log import Log, Stored
from ledger.opening import uri
from ledger.querying import Wanted, _conditions

TRADES = ("trade-executed", "trade-corrected", "trade-voided")
CASH_FLOWS = ("cash-flow-booked", "cash-flow-corrected", "cash-flow-voided")
SPLITS = ("shares-split", "shares-split-corrected", "shares-split-voided")
DIVIDENDS = ("dividend-paid", "dividend-corrected", "dividend-voided")

_SELECT = (
    "SELECT rowid, originator_id, originator_version, topic, state, recorded_at, source, hash "
    "FROM stored_events AS event"
)
_TOLD = "topic IN ({names})"
# A row read from the old place, marked `copy`, counts only when its stream has no event without that mark.
_NEWEST = """topic IN ({names}) AND topic NOT GLOB '*-voided.v[0-9]*' AND NOT EXISTS (
    SELECT 1 FROM stored_events AS other
    WHERE other.originator_id = event.originator_id AND other.topic IN ({names})
        AND other.rowid <= :through AND other.recorded_at <= :known_at
        AND (other.state ->> '$.copy' IS NULL, other.originator_version)
            > (event.state ->> '$.copy' IS NULL, event.originator_version))"""
# Trades from the moment of a split on are in new shares.
_IN_TIME = "coalesce(state ->> '$.occurred_at', recorded_at), topic NOT GLOB 'shares-split*', rowid"
_BY_SYMBOL = "state ->> '$.symbol', rowid"
_PAGE = 500
_EVER = "~"


def newest(log: Log, wanted: Wanted, *families: Sequence[str], through: int) -> Iterator[Stored]:
    """Of each stream of these families the event that counts, if it is wanted, by valid time. A voided fact does not count.

    A type that is wanted means the whole family: a corrected trade is a trade. What was recorded after `recorded_to` was
    not known, so it corrects nothing.
    """
    return _asked(log, wanted, families, through, rule=_NEWEST, order=_IN_TIME)


def told(log: Log, wanted: Wanted, kind: str, *, through: int, by_symbol: bool = False) -> Iterator[Stored]:
    """All events of a type that are wanted, by valid time, or symbol by symbol in the order of the log."""
    return _asked(log, wanted, [(kind,)], through, rule=_TOLD, order=_BY_SYMBOL if by_symbol else _IN_TIME)


def _asked(
    log: Log, wanted: Wanted, families: Sequence[Sequence[str]], through: int, *, rule: str, order: str
) -> Iterator[Stored]:
    chosen = [family for family in families if wanted.type is None or wanted.type in family]
    if not chosen:
        return
    rules = " OR ".join("(" + rule.format(names=_names(family)) + ")" for family in chosen)
    conditions, values = _conditions(replace(wanted, type=None))
    named = {f"value{place}": value for place, value in enumerate(values)}
    for name in named:
        conditions = conditions.replace("?", f":{name}", 1)
    named |= {"through": through, "known_at": wanted.recorded_to or _EVER}
    query = f"{_SELECT} WHERE rowid <= :through AND ({rules}) AND {conditions} ORDER BY {order}"
    with translated(log.path), closing(sqlite3.connect(uri(log.path, write=False), uri=True)) as db:
        cursor = db.execute(query, named)
        while page := cursor.fetchmany(_PAGE):
            yield from (Stored(*row) for row in page)


def _names(family: Collection[str]) -> str:
    """The topics of these types, all their versions, quoted."""
    return ", ".join(f"'{topic}'" for topic in topics() if topic.rpartition(".v")[0] in family)
