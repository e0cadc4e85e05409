"""The commands that stay: following the log, watching a legacy folder."""

from __future__ import annotations

from pathlib import Path

import click

from commands.options import common


def follow_log(ctx: click.Context, *, as_json: bool) -> None:
    """Keep the read models up to date until the program is told to stop; ends the command."""
    from operations import keeping_up, showing_live, stopping

    teller = showing_live.Follower(as_json=as_json)
    with stopping.until_terminated() as stop:
        last = keeping_up.keep_up(ctx.obj["home"], stop=stop, told=teller.round)
    ctx.exit(showing_live.exit_code(last))


@click.command(short_help="Keep replaying a legacy folder that is still being written to.")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--system", help="The legacy system, when it is not to be recognised from its files.")
@click.option("--timezone", metavar="ZONE",
              help="Zone of naive times, such as Europe/Athens.  [default: UTC, reported as assumed]")  # fmt: skip
@click.option("--until-quiet", type=click.FloatRange(min=0), metavar="SECONDS",
              help="End when nothing has changed for so long. For scripts.")  # fmt: skip
@click.option("--force", is_flag=True, help="Also after the cut-over from this system.")
@common
def watch(ctx: click.Context, source: Path, system: str | None, timezone: str | None, until_quiet: float | None,
          force: bool, as_json: bool) -> None:  # fmt: skip
    """Keep replaying the legacy folder (or file) SOURCE while its system goes on writing to it.

    New rows are in the ledger within moments of their commit. The legacy files are only read. What cannot be read now is
    told and tried again. After each round reports/divergence.html compares old and new, and says how long each break has
    stood open. With --json every round is an object in a line of its own.

    Ends with Ctrl-C (130) or SIGTERM. Exit code 1 when a break or a difference stands open then, 3 when a file cannot be
    read.
    """
    from operations import showing_live, stopping, watching

    home, teller = ctx.obj["home"], showing_live.WatchTeller(as_json=as_json)
    with stopping.until_terminated() as stop:
        last = watching.watch(
            source,
            home,
            system=system,
            timezone=timezone,
            until_quiet=until_quiet,
            stop=stop,
            told=teller.look,
            force=force,
        )
    ctx.exit(showing_live.watched(last, home / "reports" / "divergence.html", as_json=as_json))
