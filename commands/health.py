"""`cli health`."""

from __future__ import annotations

from pathlib import Path

import click

from commands.options import common

LOOPBACK, PORT = "127.0.0.1", 9469


@click.command(short_help="Five honest answers: captured, complete, provable, restorable, current.")
@click.option("--no-repair", is_flag=True, help="Only look: do not derive broken read models again.")
@click.option("--alert", is_flag=True, help="Tell whoever is to be told of what began, got worse or is over: alerts.log, and "
              "the command and the webhook of daybook.toml.")  # fmt: skip
@click.option(
    "--metrics", type=click.Path(path_type=Path, dir_okay=False), help="Write the figures there as OpenMetrics."
)
@click.option("--serve", metavar="[ADDRESS:]PORT", is_flag=False, flag_value=str(PORT),
              help=f"Give the figures to whoever asks, until it is stopped.  [default: {LOOPBACK}:{PORT}]")  # fmt: skip
@click.option("--salvage", type=click.Path(path_type=Path, file_okay=False),
              help="Write what can be read behind the last good event of a damaged ledger into this folder.")  # fmt: skip
@common
def health(ctx: click.Context, no_repair: bool, alert: bool, metrics: Path | None, serve: str | None, salvage: Path | None,
           as_json: bool) -> None:  # fmt: skip
    """Answer five questions, each with its reason, the age of its evidence, and the command that helps.

    A broken read model is derived again, a broken day file made again, and that is said. A damaged ledger is never mended: it
    is kept aside as it is, and nothing is written to it until it was restored. Exit code 1 when an answer is not `ok`, also
    when one is not known.
    """
    from operations import showing_health

    if salvage is not None:
        from operations.health.salvaging import salvage as write

        showing_health.salvaged(write(ctx.obj["home"], salvage), as_json=as_json)
        return
    from operations.health import looking

    if serve is not None:
        host, port = _address(serve)
        showing_health.serving(looking.serve(ctx.obj["home"], host=host, port=port))
        return
    found = looking.look(ctx.obj["home"], repair=not no_repair, alerts=alert, metrics=metrics)
    showing_health.looked(found, as_json=as_json)
    ctx.exit(found.health.exit_code)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not port.isdigit():
        raise click.UsageError(f"{text!r} is not an address: give a port, or ADDRESS:PORT.")
    return host or LOOPBACK, int(port)
