"""Questions to a ten-year home: traces in both directions, rows as they were, what changed, and one event in full."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.measuring import Row, Sizes, timed
from operations import past
from operations.auditing import show
from operations.demo_legacy import write_legacy_folder
from operations.replaying import replay
from operations.tracing import trace
from operations.tracing_back import trace_from

_EVERYTHING = 1_000_000
_EARLIER, _LATER = "2025-06-01", "2025-12-01"


def measure(place: Path, sizes: Sizes) -> Iterator[Row]:
    """Each answer as a command works it out, without the start of the program and without printing."""
    home = place / "home"
    write_legacy_folder(place / "legacy", securities=65, years=sizes.demo_years)
    replay(place / "legacy", home)
    for name, ask in _questions(home).items():
        ask()  # whatever is read from disk only once
        seconds = [timed(ask) for _ in range(sizes.rounds)]
        yield Row(work=f"audit {name}", count=1, unit="answer", ours=seconds, goal_s=0.3)


def _questions(home: Path) -> dict[str, Callable[[], object]]:
    symbol = _most_traded(home)
    step = trace(home, "portfolio.positions", [symbol, "derived_quantity"]).steps[-1]
    return {
        f"trace portfolio.positions {symbol}": lambda: trace(home, "portfolio.positions", [symbol]),
        "trace of one cell": lambda: trace(home, "portfolio.positions", [symbol, "quantity"]),
        "trace of one bar": lambda: trace(home, "history.daily_prices", [symbol, _day(home, symbol), "close_price"]),
        "trace --from state.db": lambda: trace_from(home, "state.db", "positions", [symbol]),
        "trace --from ledger.db": lambda: trace_from(home, "ledger.db", "trades", [str(step.origin.key[0])]),
        "as-of of one row": lambda: _as_of(home, "portfolio.positions", symbol),
        "as-of of one security's bars": lambda: _as_of(home, "history.daily_prices", symbol),
        "as-of of all positions": lambda: _as_of(home, "portfolio.positions"),
        "as-of of all trades": lambda: _as_of(home, "ledger.trades"),
        "as-of of all bars": lambda: _as_of(home, "history.daily_prices"),
        "diff of one row": lambda: _diff(home, "portfolio.positions", symbol),
        "diff of portfolio": lambda: _diff(home, "portfolio"),
        "diff of ledger": lambda: _diff(home, "ledger"),
        "diff of all bars": lambda: _diff(home, "history.daily_prices"),
        "show of a trade": lambda: show(home, step.position),
    }


def _most_traded(home: Path) -> str:
    found = past.as_of(home, _LATER, None, "ledger.trades", [], rows_max=_EVERYTHING)
    held = {row[0] for row in past.as_of(home, _LATER, None, "portfolio.positions", [], rows_max=_EVERYTHING).rows}
    symbols = [row[found.columns.index("symbol")] for row in found.rows]
    return str(max(held, key=symbols.count))


def _day(home: Path, symbol: str) -> str:
    found = past.as_of(home, _EARLIER, None, "history.daily_prices", [symbol], rows_max=_EVERYTHING)
    return str(found.rows[-1][found.columns.index("date")])


def _as_of(home: Path, name: str, *key: str) -> past.Rows:
    return past.as_of(home, _EARLIER, None, name, key, rows_max=past.ROWS_MAX)


def _diff(home: Path, name: str, *key: str) -> object:
    return past.diff(home, _EARLIER, _LATER, name, key, known_at=(None, None), rows_max=_EVERYTHING)
