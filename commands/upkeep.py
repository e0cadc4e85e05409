"""`cli retention`, `maintain`, `run`, `schedule`."""

from __future__ import annotations

from pathlib import Path

import click

from commands.options import common


@click.command(short_help="Let the read models forget removed securities, and archive old day files.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@common
def retention(ctx: click.Context, dry_run: bool, as_json: bool) -> None:
    """Let the read models forget the prices, scores and metrics of securities that were removed 30 days ago or more.

    The log keeps everything. A security that is active again, or of which a position is open, is never forgotten. Prices that
    belong to no security get the same days of grace first.

    Day files of ticks of more than 90 days ago, and of candles of one minute of more than a year ago, become Parquet in the
    same place, once their session is sealed; queries read both. Candles of longer timeframes stay as they are for ever.
    """
    from operations import showing_upkeep
    from operations.scheduling.doing import retention_now

    showing_upkeep.retention(retention_now(ctx.obj["home"], dry_run=dry_run), dry_run=dry_run, as_json=as_json)


@click.command(short_help="Upkeep of the day, the week or the month.")
@click.argument("how_often", type=click.Choice(["daily", "weekly", "monthly"]))
@common
def maintain(ctx: click.Context, how_often: str, as_json: bool) -> None:
    """Do the upkeep. daily: look and heal, check every file, bring read models up, retention, write-ahead logs, free pages,
    yesterday's copy. weekly: forget the record of purges of a year ago, vacuum where it pays. monthly: forget sequences and
    evaluations of 90 days ago, vacuum, growth, a drill. The log keeps everything, and is never written anew.

    A step that fails does not keep the next from being done; then the exit code is 1.
    """
    from operations import showing_upkeep
    from operations.progress import Teller
    from operations.scheduling.doing import maintain_now

    with Teller() as teller:
        found = maintain_now(ctx.obj["home"], how_often, tell=teller.tell)
    showing_upkeep.upkeep(found, as_json=as_json)
    ctx.exit(found.exit_code)


@click.command(short_help="Stay, follow, watch, and run the jobs on their times.")
@common
def run(ctx: click.Context, as_json: bool) -> None:
    """Look after a home: keep its read models up, watch the sources of daybook.toml, ship events each minute, and run
    back-ups, upkeep, health and seals on their times. What was missed while it was not running is done at once. Ctrl-C or
    SIGTERM ends it.
    """
    from operations import showing_upkeep

    showing_upkeep.running(ctx.obj["home"], as_json=as_json)


@click.command(short_help="Print units of cron or systemd that do what `run` does.")
@click.option("--cron", "how", flag_value="cron", help="Lines for crontab.")
@click.option("--systemd", "how", flag_value="systemd", default=True, help="Services and timers.  [default]")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Write the units into this folder.")
@common
def schedule(ctx: click.Context, how: str, out: Path | None, as_json: bool) -> None:
    """Print what cron or systemd must be told to run the jobs, for those who do not want `cli run` to stay."""
    from operations import showing_upkeep
    from operations.scheduling import units

    showing_upkeep.units(units.made(ctx.obj["home"], how), out, as_json=as_json)
