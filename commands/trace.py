"""`cli audit trace`, `as-of`, `diff`: from numbers to events and legacy rows and back, and rows as they were."""

from __future__ import annotations

import click

from commands.audit import output
from commands.options import revealing

ROWS = click.option("--rows", type=click.IntRange(1), default=1000, show_default=True, help="Row limit.")


@click.command()
@click.argument("name")
@click.argument("key", nargs=-1, metavar="KEY... [COLUMN]")
@click.option("--from", "file", metavar="FILE", help="The other way: NAME is a table of this legacy file.")
@revealing
@output
@click.pass_context
def trace(ctx: click.Context, name: str, key: tuple[str, ...], file: str | None, form: str | None) -> None:
    """Show every event behind a row, or behind one cell of it, and the legacy row behind each event.

    NAME is a table: portfolio.positions, history.daily_prices, ledger.trades. KEY names the row, a COLUMN after it the cell.
    Where a link is missing, the reason is said.

    With --from the legacy row is named, by its key or by cells of it (id=17), and the rows are shown that it led to, and
    whether they still show it.

    \b
    cli audit trace portfolio.positions AAPL.US quantity
    cli audit trace history.daily_prices AAPL.US 2024-05-02 close_price
    cli audit trace --from state.db positions AAPL.US
    """  # noqa: D301  click's mark for lines that stay as they are
    from operations import showing_trace, tracing, tracing_back

    home = ctx.obj["home"]
    if file is not None:
        showing_trace.behind(tracing_back.trace_from(home, file, name, key), form)
        return
    found = tracing.trace(home, name, key)
    showing_trace.trace(found, form)
    ctx.exit(found.exit_code)


@click.command("as-of")
@click.argument("at", metavar="T")
@click.argument("name")
@click.argument("key", nargs=-1)
@click.option("--as-known-at", "known_at", metavar="T2", help="Only what the ledger had recorded by then.")
@ROWS
@revealing
@output
@click.pass_context
def as_of(
    ctx: click.Context, at: str, name: str, key: tuple[str, ...], known_at: str | None, rows: int, form: str | None
) -> None:
    """Show the rows of a table as they were at T: what had happened in the world by then.

    NAME is a table, and KEY names a row or the first columns of its key; or NAME is a stream, such as trade:31007421. T is a
    date, or a time with a zone. With --as-known-at only what the ledger knew by T2 counts, so a fact learned late is missing.
    """
    from operations import past, showing_trace

    home = ctx.obj["home"]
    if ":" in name and not key:
        showing_trace.stream(past.stream_as_of(home, at, known_at, name), form)
    else:
        showing_trace.as_of(past.as_of(home, at, known_at, name, key, rows_max=rows), form)


@click.command()
@click.argument("first", metavar="T1")
@click.argument("second", metavar="T2")
@click.argument("name")
@click.argument("key", nargs=-1)
@click.option(
    "--as-known-at", "known_at", metavar="T", multiple=True,
    help="Only what the ledger had recorded by then; given twice, for T1 and for T2.",
)  # fmt: skip
@ROWS
@revealing
@output
@click.pass_context
def diff(
    ctx: click.Context, first: str, second: str, name: str, key: tuple[str, ...], known_at: tuple[str, ...], rows: int,
    form: str | None,
) -> None:  # fmt: skip
    """Show what changed from T1 to T2 in a table (portfolio.positions) or in all tables of a read model (portfolio)."""
    from operations import past, showing_trace

    if len(known_at) > 2:
        raise click.UsageError("Give --as-known-at once, or twice: for T1 and for T2.")
    known = (*known_at, *known_at)[:2] if known_at else (None, None)
    showing_trace.diff(past.diff(ctx.obj["home"], first, second, name, key, known_at=known, rows_max=rows), form)


QUESTIONS = (trace, as_of, diff)
