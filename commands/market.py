"""`cli record ticks`, `cli record bars` and `cli rollover`: market data recorded live, and put away."""

from __future__ import annotations

from pathlib import Path

import click

from commands.options import common

FILE = click.Path(path_type=Path, dir_okay=False, exists=True, allow_dash=True)
SOURCE = click.option("--from", "source", type=FILE, required=True, metavar="FILE|-",
                      help="JSON Lines; - is stdin.")  # fmt: skip
CATCH_UP = click.option("--catch-up/--no-catch-up", default=True, help="Bring the read models up to date at the end.")


@click.command(short_help="Record ticks as they come in.")
@SOURCE
@CATCH_UP
@common
def ticks(ctx: click.Context, source: Path, catch_up: bool, as_json: bool) -> None:
    """Record ticks, one JSON object a line, for as long as lines come.

    \b
    {"symbol": "NSE_EQ|INE002A01018", "time": "2026-11-20T09:15:00.250+05:30", "price": 2931.5, "volume": 10}

    time has its zone, or is in milliseconds since 1970; bid and ask may be given. Rows are on the disk within a second. A line
    that is no tick is named, counted and kept, and stops nothing: then the exit code is 1. A tick that never was is taken back,
    by its number among those of the symbol and session:

    \b
    {"symbol": "NSE_EQ|INE002A01018", "session": "2026-11-20", "sequence": 17, "void": "the broker withdrew it"}
    """  # noqa: D301  click's mark for lines that stay as they are
    from operations import showing_market
    from operations.market.lines import record_lines

    done = record_lines(ctx.obj["home"], source, "tick", catch_up=catch_up)
    ctx.exit(showing_market.lines(done, as_json=as_json))


@click.command(short_help="Record bars as they close.")
@SOURCE
@CATCH_UP
@common
def bars(ctx: click.Context, source: Path, catch_up: bool, as_json: bool) -> None:
    """Record bars, one JSON object a line, for as long as lines come.

    \b
    {"symbol": "NSE_INDEX|Nifty 50", "time": "2026-11-20T09:15:00+05:30", "timeframe": "1m",
     "open": 18131.7, "high": 18150.15, "low": 18117.55, "close": 18141.35, "volume": 0}

    (In one line.) time is the beginning of the bar; a bar of a time that was recorded replaces that one. is_synthetic and
    open_interest may be given. A line that is no bar is named, counted and kept, and stops nothing: then the exit code is 1. A
    bar that never was is taken back:

    \b
    {"symbol": "NSE_INDEX|Nifty 50", "time": "2026-11-20T09:15:00+05:30", "timeframe": "1m", "void": "a test of the feed"}
    """  # noqa: D301  as above
    from operations import showing_market
    from operations.market.lines import record_lines

    done = record_lines(ctx.obj["home"], source, "bar", catch_up=catch_up)
    ctx.exit(showing_market.lines(done, as_json=as_json))


@click.command(short_help="Put market sessions away: promote, verify, seal, reset.")
@click.option("--session", metavar="DATE", help="Only the session of this date, also when no feed recorded it.")
@click.option(
    "--exchange", metavar="NAME", help="Only this exchange, such as nse, also sessions that no feed recorded."
)
@click.option("--wait-for-lock", "wait_s", type=click.FloatRange(0), default=0.0, metavar="SECONDS",
              help="Wait so long while another program records.")  # fmt: skip
@common
def rollover(ctx: click.Context, session: str | None, exchange: str | None, wait_s: float, as_json: bool) -> None:
    """Put the sessions of the live buffer away: their rows go into day files, these are verified and sealed, and only then the
    buffer lets go of them.

    Killed anywhere and run again, it goes on where it was. Run again when it is done, it does nothing.
    """
    from operations import showing_market
    from operations.market.rollover import roll_over

    done = roll_over(ctx.obj["home"], session=session, exchange=exchange, wait_s=wait_s)
    showing_market.rollover(done, as_json=as_json)


MARKET: dict[str, click.Command] = {"ticks": ticks, "bars": bars}
