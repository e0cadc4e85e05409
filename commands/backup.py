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
    from operations.scheduling.doing import backup_now

    showing_backup.made(backup_now(ctx.obj["home"], tier, to=to), as_json=as_json)


@click.command(short_help="Write the events that are new as signed segments.")
@click.option("--to", type=click.Path(path_type=Path, file_okay=False), multiple=True,
              help="Into this folder as well. May be given again.")  # fmt: skip
@common
def ship(ctx: click.Context, to: tuple[Path, ...], as_json: bool) -> None:
    """Write the events since the last segment as signed JSON Lines, into backups/segments: run each minute, a minute is the
    most that can be lost. `cli restore` goes on from the newest copy with them.
    """
    from operations import showing_backup
    from operations.backup.segments import ship_now

    showing_backup.shipped(ship_now(ctx.obj["home"], to), as_json=as_json)


@click.command(short_help="Make a home as it was at a point in time.")
@click.option("--at", metavar="TIME|POSITION", help="2025-12-28, 2025-12-28T18:00:00Z (recorded time), or a position.  "
              "[default: the newest there is]")  # fmt: skip
@click.option("--from", "places", type=click.Path(path_type=Path, file_okay=False, exists=True), multiple=True,
              help="Folder with copies and segments. May be given again.  [default: backups of the home]")  # fmt: skip
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), required=True, help="The restored home.")
@click.option("--dry-run", is_flag=True, help="Only say what would be used, and where the log would end.")
@click.option("--replace", is_flag=True, help="Put it in the place of the home that is there, which is moved aside.")
@common
def restore(ctx: click.Context, at: str | None, places: tuple[Path, ...], into: Path, dry_run: bool, replace: bool,
            as_json: bool) -> None:  # fmt: skip
    """Restore a home from the best proven copy and the segments behind it, and verify it.

    The log gets the same positions, times and hashes; its read models are derived from it. Exit code 1 when what was restored
    is not sound; then nothing was put in place.
    """
    from operations import restoring, showing_backup
    from operations.progress import Teller

    with Teller() as teller:
        found = restoring.restore(
            restoring.places_of(ctx.obj["home"], places),
            into,
            at=at,
            dry_run=dry_run,
            replace=replace,
            tell=teller.tell,
        )
    showing_backup.restored(found, dry_run=dry_run, as_json=as_json)
    ctx.exit(found.exit_code)


@click.command(short_help="Prove that the newest copy can be restored.")
@common
def drill(ctx: click.Context, as_json: bool) -> None:
    """Restore the newest copy into a folder that is removed again, verify its chain and seals, derive every read model, compare
    them with the live ones, and record what was found.

    Exit code 0 proven, 1 failed, 3 inconclusive: there was no copy, or no room.
    """
    from operations import showing_backup
    from operations.progress import Teller
    from operations.scheduling.doing import drill_now

    with Teller() as teller:
        found = drill_now(ctx.obj["home"], tell=teller.tell)
    showing_backup.drilled(found, as_json=as_json)
    ctx.exit(found.exit_code)
