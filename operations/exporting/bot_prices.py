"""The last price of each session of what the trading bot traded, as prices of a journal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal

from domain.event import decode, topic_of
from domain.market import BarsRecorded, BarsVoided, microseconds
from ledger.concerning import Sought, concerning, pages
from ledger.log import Log
from ledger.querying import Wanted
from operations.exporting.journal import Closing, Price
from operations.exporting.notes import LARGEST

_DAY = "1d"
_TOPICS = (topic_of(BarsRecorded), topic_of(BarsVoided))
_Bars = dict[tuple[str, int], Decimal]
"""The closes of a session, by timeframe and microseconds after midnight."""


def closes(
    log: Log, wanted: Wanted, through: int, closing: Closing, symbols: Mapping[str, str], currency: str
) -> Iterator[Price]:
    """The close of the day's own bar, or else of the last bar of the session. symbols: by commodity."""
    for commodity, symbol in sorted(symbols.items()):
        for session, bars in sorted(_sessions(log, wanted, through, symbol).items()):
            if bars and (wanted.valid_from or "") <= session <= (wanted.valid_to or "~"):
                when = date.fromisoformat(session)
                closing.see(when, (), (commodity, currency))
                yield Price(when, commodity, bars[max(bars, key=lambda bar: (bar[0] == _DAY, bar[1]))], currency)


def _sessions(log: Log, wanted: Wanted, through: int, symbol: str) -> dict[str, _Bars]:
    """The bars of an instrument that count, by session."""
    found: dict[str, _Bars] = {}
    concerned = concerning(log, [Sought(_TOPICS, {"symbol": symbol})], through=through)
    for page in pages(log, concerned.positions):
        for stored in page:
            event = decode(stored.topic, stored.state)
            assert isinstance(event, BarsRecorded | BarsVoided)
            if wanted.recorded_to and stored.recorded_at > wanted.recorded_to:
                continue
            bars = found.setdefault(event.session, {})
            for place, time in enumerate(microseconds(event)):
                key = (event.timeframe, time)
                bars.pop(key, None)
                if isinstance(event, BarsRecorded):
                    close = event.close[place] if isinstance(event.close, list) else event.close
                    if type(close) in (int, float) and 0 < (price := Decimal(repr(close))) < LARGEST:
                        bars[key] = price
    return found
