"""What `cli simulate` prints: a line per year, and a chart in a file."""

from __future__ import annotations

from pathlib import Path

import msgspec

from domain.errors import HomeError
from operations.printing import as_object, plain, say, table
from operations.simulated.chart import Panel, chart
from operations.simulating import Simulation

_HEAD = (
    "until", "entries", "events", "rows", "ledger MB", "models MB", "copies MB", "record s", "follow s", "copy s",
    "retention s", "replay s", "rebuild s", "verify s", "drill s", "query ms",
)  # fmt: skip
_MB = 1e6


def simulation(result: Simulation, drawn: Path | None, *, as_json: bool) -> None:
    """The table, what the columns mean, and what was wrong."""
    if drawn is not None:
        _draw(result, drawn)
    if as_json:
        as_object(
            {
                **msgspec.to_builtins(result),
                "chart": str(drawn) if drawn else None,
                "exit_code": result.exit_code,
            }
        )
        return
    rows = [
        (
            year.last_day, year.entries, year.events, year.rows, _mb(year.ledger_bytes), _mb(year.models_bytes),
            _mb(year.copies_bytes), f"{year.record_s:.2f}", f"{year.follow_s:.2f}", f"{year.backup_s:.2f}",
            f"{year.retention_s:.2f}", f"{year.replay_s:.2f}", f"{year.rebuild_s:.2f}", f"{year.verify_s:.2f}",
            f"{year.drill_s:.2f}", f"{year.slowest_ms:.1f}",
        )
        for year in result.years
    ]  # fmt: skip
    table(_HEAD, rows)
    say(
        "\nrecord, follow, copy and retention: the work of that whole year; the others: one run of it at the year's end."
    )
    say("query: the slowest of: " + ", ".join(f"{name} {ms:.1f} ms" for name, ms in result.years[-1].query_ms.items()))
    for problem in result.problems:
        say(plain(problem), color="red")
    if result.kept:
        say(f"Kept in {plain(result.folder)}. Look around: cli --home {plain(result.folder)}/home status")
    word = "PROBLEMS WERE FOUND" if result.problems else "each year was verified"
    say(
        f"{len(result.years)} years, {result.securities} securities, {word}, {result.seconds:.1f} seconds",
        bold=True, color="red" if result.problems else "green",
    )  # fmt: skip


def check_drawable(path: Path | None) -> None:
    """Refuse a chart that cannot be written, before the years go by."""
    if path is not None and not path.absolute().parent.is_dir():
        raise HomeError(f"{path.parent} is not a folder", hint="Name another file with --chart.")


def _mb(size: int) -> str:
    return f"{size / _MB:,.1f}"


def _draw(result: Simulation, path: Path) -> None:
    years = result.years
    panels = [
        Panel("Size, MB", {
            "ledger": [one.ledger_bytes / _MB for one in years],
            "read models": [one.models_bytes / _MB for one in years],
        }),
        Panel("Monthly copies, MB", {"copies": [one.copies_bytes / _MB for one in years]}),
        Panel("The work of a year, seconds", {
            "record": [one.record_s for one in years],
            "follow": [one.follow_s for one in years],
            "12 copies": [one.backup_s for one in years],
            "retention": [one.retention_s for one in years],
        }),
        Panel("One run at the year's end, seconds", {
            "replay": [one.replay_s for one in years],
            "rebuild": [one.rebuild_s for one in years],
            "verify": [one.verify_s for one in years],
            "drill": [one.drill_s for one in years],
        }),
        Panel("Thousands", {
            "events": [one.events / 1000 for one in years],
            "rows": [one.rows / 1000 for one in years],
        }),
        Panel("A question, milliseconds", {
            _SHORT.get(name, name): [one.query_ms[name] for one in years] for name in (years[0].query_ms if years else ())
        }),
    ]  # fmt: skip
    title = f"A home of {result.securities} securities over {len(years)} years (seed {result.seed})"
    try:
        path.write_text(chart(title, [one.year for one in years], panels), encoding="utf-8")
    except OSError as error:
        raise HomeError(f"{path}: {error.strerror}", hint="Name another file with --chart.") from error


_SHORT = {
    "what is held": "held", "a year of bars of one security": "bars", "all trades of one security": "trades",
    "the newest hundred events": "events", "a position a month ago": "as of",
}  # fmt: skip
