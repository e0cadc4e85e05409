"""`cli backup`."""

from __future__ import annotations

from pathlib import Path

import click

from commands.options import common

TIERS = ("hourly", "daily", "weekly", "monthly")


@click.command(short_help="Make a proven copy, and remove the oldest beyond what is kept.")
@click.argument("tier", type=click.Choice(TIERS), default="hourly")
@click.option("--to", type=click.Path(path_type=Path, file_okay=False), multiple=True,
              help="Copy into this folder as well, such as another disk. May be given again.")  # fmt: skip
@common
def backup(ctx: click.Context, tier: str, to: tuple[Path, ...], as_json: bool) -> None:
    """Copy the ledger (hourly), or the ledger and the read models (daily, weekly, monthly), into backups/TIER/PERIOD.

    A copy is opened, checked event by event, hashed into its manifest, and only then gets its name. How many are kept stands
    in daybook.toml. The newest proven copy is never removed. Run twice in one period, the second finds the copy and proves it.
    """
    from operations import showing_backup
    from operations.backup.making import backup_now

    showing_backup.made(backup_now(ctx.obj["home"], tier, to=to), as_json=as_json)
