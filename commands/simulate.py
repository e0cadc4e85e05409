"""`cli simulate`."""

from __future__ import annotations

from pathlib import Path

import click

from commands.options import common


@click.command(short_help="Fill a throw-away home year by year, and measure what it costs.")
@click.option("--years", type=click.IntRange(1, 30), default=10, show_default=True)
@click.option("--securities", type=click.IntRange(12, 500), default=65, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed invents other entries.")
@click.option("--into", type=click.Path(path_type=Path, file_okay=False),
              help="Keep the home there.  [default: a temporary folder]")  # fmt: skip
@click.option("--chart", "drawn", type=click.Path(path_type=Path, dir_okay=False), help="Draw it into this SVG file.")
@common
def simulate(ctx: click.Context, years: int, securities: int, seed: int, into: Path | None, drawn: Path | None,
             as_json: bool) -> None:  # fmt: skip
    """Live YEARS years in a home of its own: entries each week, read models that follow, a copy and retention each month.

    At the end of each year size, rows, replay, rebuild, verify, a restore drill and questions are measured. Exit code 1 when
    something was not proven.
    """
    from operations import showing_simulation
    from operations.progress import Teller
    from operations.simulating import simulate as run

    showing_simulation.check_drawable(drawn)
    with Teller() as teller:
        result = run(into, years=years, securities=securities, seed=seed, tell=teller.tell)
    showing_simulation.simulation(result, drawn, as_json=as_json)
    ctx.exit(result.exit_code)
