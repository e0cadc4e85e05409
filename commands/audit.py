"""`cli audit`: questions to the log, seals, proofs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from commands.export import export
from commands.filters import filters
from commands.options import revealing

FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


# Any: a command takes what its options give.
def output(command: Callable[..., Any]) -> Callable[..., Any]:
    """How an answer is shown: a table, JSON, or CSV."""
    for option in (
        click.option("--json", "form", flag_value="json", help="JSON on stdout."),
        click.option("--csv", "form", flag_value="csv", help="CSV; cells that a spreadsheet would run are defused."),
        click.option("--raw-csv", "form", flag_value="raw-csv", help="CSV with the cells as they are."),
    ):
        command = option(command)
    return command


@click.group()
def audit() -> None:
    """Ask the log anything, seal it, and prove single events to somebody who trusts neither you nor this program."""


@audit.command("log")
@filters
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True)
@click.option("--oldest", is_flag=True, help="From the first event on.  [default: the newest first]")
@click.option("-f", "--follow", is_flag=True, help="In the order of the log, and go on with those that come.")
@revealing
@output
@click.pass_context
def log_(ctx: click.Context, /, *, limit: int, oldest: bool, follow: bool, form: str | None, **wanted: Any) -> None:
    """List events."""
    from operations import auditing, showing_audit

    found = auditing.log_events(
        ctx.obj["home"], auditing.wanted(**wanted), limit=limit, newest=not oldest, follow=follow
    )
    showing_audit.events(found, form)


@audit.command()
@click.argument("position")
@revealing
@output
@click.pass_context
def show(ctx: click.Context, position: str, form: str | None) -> None:
    """One event: what it says, where it came from, the rows that show it, its neighbours."""
    from operations import auditing, showing_audit

    showing_audit.one(auditing.show(ctx.obj["home"], auditing.position_of(position)), form)


@audit.command()
@click.argument("stream")
@revealing
@output
@click.pass_context
def history(ctx: click.Context, stream: str, form: str | None) -> None:
    """All events of one STREAM, oldest first."""
    from operations import auditing, showing_audit

    showing_audit.events(auditing.history(ctx.obj["home"], stream), form)


@audit.command()
@output
@click.pass_context
def stats(ctx: click.Context, form: str | None) -> None:
    """How many events there are, by type."""
    from operations import auditing, showing_audit

    showing_audit.figures(auditing.stats(ctx.obj["home"]), form)


@audit.command()
@click.argument("query", required=False)
@click.option("--named", help="A ready-made question of docs/queries, such as open_breaks.")
@click.option("--seconds", type=float, default=10.0, show_default=True, help="Time limit.")
@click.option("--rows", type=click.IntRange(1), default=1000, show_default=True, help="Row limit.")
@revealing
@output
@click.pass_context
def sql(ctx: click.Context, query: str | None, named: str | None, seconds: float, rows: int, form: str | None) -> None:
    """Answer QUERY over the ledger and every read model (portfolio.positions, history.daily_prices …); only reading."""
    from operations import asking, showing_audit

    if (query is None) == (named is None):
        raise click.UsageError("Give a query, or the name of one with --named.")
    text = query if named is None else asking.named(ctx.obj["home"], named)
    showing_audit.answer(asking.ask(ctx.obj["home"], str(text), seconds=seconds, rows_max=rows), form)


@audit.command()
@click.option("--to", type=click.Path(path_type=Path, file_okay=False), help="Write the seal into this folder as well.")
@click.option(
    "--key",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Private key (Ed25519, PEM).  [default: made in seals/]",
)
@output
@click.pass_context
def seal(ctx: click.Context, to: Path | None, key: Path | None, form: str | None) -> None:
    """Sign a statement of what the log holds now, to be kept where nobody who writes to the ledger can change it."""
    from operations import sealing, showing_audit

    showing_audit.sealed(*sealing.seal(ctx.obj["home"], to=to, key=key, tell=showing_audit.noticed), form)


@audit.command()
@click.argument("what", metavar="POSITION|STREAM")
@click.option("--against", type=FILE, help="Prove against this seal.  [default: the newest]")
@click.option("--since", type=FILE, help="Prove as well that the log extends the log of this older seal.")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the proof there.  [default: stdout]"
)
@revealing
@click.pass_context
def prove(ctx: click.Context, what: str, against: Path | None, since: Path | None, out: Path | None) -> None:
    """Prove that an event is in the sealed log. Anybody can check the proof with docs/verify_proof.py."""
    from operations import sealing, showing_audit

    made = sealing.prove(ctx.obj["home"], what, against=against, since=since, tell=showing_audit.noticed)
    showing_audit.proof(made, out)


audit.add_command(export)
