"""What the export says: on stdout where the export itself does not stand there, else on stderr."""

from __future__ import annotations

import click
import msgspec

from operations.exporting.export import Exported
from operations.printing import as_object, plain


def exported(done: Exported, *, as_json: bool) -> None:
    """What was written, and what was left out."""
    if as_json:
        as_object(msgspec.to_builtins(done))
    elif done.out is not None:
        click.echo(f"{plain(done.out)}: {done.items:,} items, {done.bytes:,} bytes")
    for reason, count in done.left_out.items():
        click.echo(f"left out: {count:,} {reason}", err=True)
    if done.masked:
        # Not in what a pipe gets: it is about what stands there.
        click.echo(
            f"masked: the secrets of {done.masked:,} events, whose hashes cannot be computed again from this; to have the "
            "export checked by somebody, or restored: --reveal-secrets",
            err=True,
        )
    if not done.items:
        click.echo("Nothing was left to export; it is empty.", err=True)
