"""Small facts, one event each: replay of cash flows, trades and metrics, and the read models derived again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from benchmarks import samples
from benchmarks.limits import events_of, fresh, insert_events, insert_rows, rows_of
from benchmarks.measuring import Row, Sizes, in_turns, timed
from ledger.log import open_log
from operations.replaying import replay
from projections import catalog
from projections.engine import catch_up
from projections.rebuilding import model_path

KINDS: dict[str, Callable[[Path, int], Path]] = {
    "cash flows": samples.cash_flows,
    "trades": samples.trades,
    "metrics": samples.metrics,
}


def measure(place: Path, sizes: Sizes) -> Iterator[Row]:
    """Replay of each kind, then the rebuild of metrics and of positions."""
    for kind, make in KINDS.items():
        yield _replay(place, make(place / kind, sizes.facts), kind, sizes)
    yield _rebuild_metrics(place, sizes)
    yield _rebuild_positions(place, sizes)


def _replay(place: Path, source: Path, kind: str, sizes: Sizes) -> Row:
    with fresh(place / "finished") as home:
        assert replay(source, home, catch_up=False).proven
        events = events_of(home)
    phases: dict[str, list[float]] = {}

    def ours() -> float:
        with fresh(place / "replayed") as home:
            report = replay(source, home, catch_up=False)
        for phase, seconds in report.seconds.items():
            phases.setdefault(phase, []).append(seconds)
        return report.seconds["append"]

    seconds, limit = in_turns(sizes.rounds, ours, lambda: insert_events(events, place / "raw"))
    size = sum(len(row[4]) + len(row[6] or "") for row in events) / len(events)
    beside = ", ".join(f"{phase} {median(found):.2f} s" for phase, found in phases.items() if median(found) >= 0.01)
    return Row(
        work=f"replay {kind}: translate and append", count=len(events), unit="events", ours=seconds, limit=limit,
        limit_name="executemany of the finished rows into stored_events, FULL", goal=0.6, least=0.45,
        note=f"{size:.0f} bytes an event; phases: {beside}",
    )  # fmt: skip


def _rebuild_metrics(place: Path, sizes: Sizes) -> Row:
    home = place / "metric-home"
    source = samples.metrics(place / "many metrics", 2 * sizes.facts)
    assert replay(source, home).proven
    rows = rows_of(home, "portfolio", "calculated_metrics")
    portfolio = catalog.find("portfolio")
    with open_log(home) as log:

        def ours() -> float:
            with fresh(place / "derived") as folder:
                return timed(lambda: catch_up(portfolio, log, model_path(folder, "portfolio")))

        raw = place / "raw"
        seconds, limit = in_turns(sizes.rounds, ours, lambda: insert_rows(rows, "portfolio", "calculated_metrics", raw))
    return Row(
        work="rebuild portfolio.db from metrics: derive, check, put in place", count=len(rows), unit="rows", ours=seconds,
        limit=limit, limit_name="executemany of the finished rows into the same table", goal=0.6, least=0.4,
    )  # fmt: skip


def _rebuild_positions(place: Path, sizes: Sizes) -> Row:
    home = place / "trade-home"
    assert replay(place / "trades", home).proven
    portfolio = catalog.find("portfolio")
    with open_log(home) as log:

        def ours() -> float:
            with fresh(place / "derived") as folder:
                return timed(lambda: catch_up(portfolio, log, model_path(folder, "portfolio")))

        (seconds,) = in_turns(sizes.rounds, ours)
    return Row(
        work="rebuild positions from trades (average cost, trade by trade)",
        count=sizes.facts,
        unit="trades",
        ours=seconds,
    )
