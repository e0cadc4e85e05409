"""Which symbols a home knows: those that a tick or bar was ever recorded of."""

from __future__ import annotations

from pathlib import Path

from domain.errors import LedgerError
from domain.market import bars_stream, exchange_of, ticks_stream
from ledger.log import Log, open_log
from ledger.querying import has_streams

_DAY, _TIMEFRAME = "2000-01-01", "1m"


class UnknownSymbol(LedgerError):
    """Nothing was ever recorded of a symbol that was asked for, though much of its exchange was."""


def check_recorded(home: Path, symbol: str) -> None:
    """Raise UnknownSymbol when the log has neither ticks nor bars of a symbol, and has some of others of its exchange.

    Before the first row of an exchange no symbol can be told from a misspelt one.
    """
    exchange = exchange_of(symbol)
    with open_log(home) as log:
        # The exchange first: a first row that comes between the two questions is then found by the second.
        if not _has_any(log, exchange, "") or _has_any(log, exchange, symbol):
            return
    raise UnknownSymbol(
        f"no tick or bar of {symbol!r} was ever recorded at {exchange}",
        hint=f"Write it as it was recorded; these are there: cli audit log --stream 'market-bars:{exchange}:*'",
    )


def _has_any(log: Log, exchange: str, symbol: str) -> bool:
    """Whether there are rows of a symbol; of any when it is empty."""
    bars = bars_stream(exchange, symbol, _TIMEFRAME, _DAY)
    ticks = ticks_stream(exchange, symbol, _DAY)
    series = bars.removesuffix(f"{_TIMEFRAME}:{_DAY}"), ticks.removesuffix(_DAY)
    # So long a symbol is hashed in the name of its stream: it cannot be looked for without its sessions.
    if bars in series or ticks in series:
        return True
    prefixes = series if symbol else [one.removesuffix(":") for one in series]
    return any(has_streams(log, one) for one in prefixes)
