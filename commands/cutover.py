"""`cli cutover` and `cli export-legacy`: from the legacy system to the ledger, and the way back."""

from __future__ import annotations

from pathlib import Path

import click

from commands.options import common

FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command(short_help="Rehearse, and make, the switch from a legacy system to the ledger.")
@click.argument("source", type=click.Path(path_type=Path), required=False)
@click.option("--system", help="The legacy system, when it is not to be recognised from its files.")
@click.option("--timezone", metavar="ZONE", help="Zone of naive times.  [default: as in the replay before]")
@click.option("--accept", metavar="KIND:SUBJECT", multiple=True,
              help="A difference that may stand open, as the rehearsal names it, or a pattern such as price:*.")  # fmt: skip
@click.option("--execute", is_flag=True, help="Record the cut-over when every step has passed.")
@click.option("--undo", is_flag=True, help="Go back: write the legacy files to --to, and let them count again.")
@click.option("--to", type=FOLDER, metavar="DIR",
              help="Keep the restored copy there; with --undo, write the legacy files there.")  # fmt: skip
@common
def cutover(ctx: click.Context, source: Path | None, system: str | None, timezone: str | None, accept: tuple[str, ...],
            execute: bool, undo: bool, to: Path | None, as_json: bool) -> None:  # fmt: skip
    """Rehearse the switch from the legacy system whose files are in SOURCE; with --execute, make it.

    Steps: a last replay (a real one: it adds what is new, as any replay does); ledger, read models and sources verified; a copy
    restored elsewhere, verified, every read model built from it and equal; the way back, written and replayed elsewhere; no
    difference open but accepted ones. Exit code 0 only if all passed, 3 when something could not be read, else 1.

    After the cut-over, replay and watch of that system need --force. docs/cut-over.md has the whole course, and the way back.
    """
    if undo and (execute or source or accept or timezone or to is None):
        raise click.UsageError("--undo goes with --to DIR, and with nothing else but --system.")
    if not undo and source is None:
        raise click.UsageError("Name the folder of the legacy system.")
    if to is not None and undo:
        _undo(ctx, to, system, as_json=as_json)
    assert source is not None
    from operations import cutover, showing_cutover
    from operations.progress import Teller

    asked = cutover.CutOverRequest(
        source=source, system=system, timezone=timezone, accept=accept, keep=to, execute=execute
    )
    with Teller() as teller:
        report = cutover.cut_over(ctx.obj["home"], asked, tell=teller.tell)
    showing_cutover.rehearsed(report, as_json=as_json)
    ctx.exit(report.exit_code)


def _undo(ctx: click.Context, to: Path, system: str | None, *, as_json: bool) -> None:
    """Go back; ends the command."""
    from operations import cutting_back, showing_cutover
    from operations.progress import Teller

    with Teller() as teller:
        result = cutting_back.undo(ctx.obj["home"], to, system=system, tell=teller.tell)
    showing_cutover.undone(result, as_json=as_json)
    ctx.exit(result.exit_code)


@click.command("export-legacy", short_help="Write the legacy files again from the ledger alone.")
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option("--system", help="The legacy system, when the ledger knows several.")
@click.option(
    "--as-of", metavar="T", help="As it was at T in the world (valid time): 2025-12-28 or 2025-12-28T18:00:00Z."
)
@click.option("--as-known-at", metavar="T", help="As the ledger knew it at T (recorded time).")
@common
def export_legacy(
    ctx: click.Context, folder: Path, system: str | None, as_of: str | None, as_known_at: str | None, as_json: bool
) -> None:
    """Write a legacy system's files into the new or empty folder DIR, in the schema they came from, entries made here included.

    Rows that were not touched here are as they were, value by value. What has no place in the legacy schema is listed with its
    reason, and then the exit code is 1. The folder appears when it is complete.
    """
    from operations import legacy_export, showing_cutover
    from operations.progress import Teller

    with Teller() as teller:
        export = legacy_export.export_legacy(
            ctx.obj["home"], folder, system=system, as_of=as_of, known_at=as_known_at, tell=teller.tell
        )
    showing_cutover.exported(export, as_json=as_json)
    ctx.exit(export.exit_code)
