"""`cli record`: new entries, one from options or many from a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from commands.market import MARKET
from commands.options import common

FILE = click.Path(path_type=Path, dir_okay=False, exists=True, allow_dash=True)
OUT = click.Path(path_type=Path, dir_okay=False)


# Any: a command takes what its options give.
def how_to_record(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that every kind of entry has."""
    for option in (
        click.option("--wait-for-lock", "wait_s", type=click.FloatRange(0), default=0.0, metavar="SECONDS",
                     help="Wait so long while another program records."),
        click.option("--catch-up/--no-catch-up", default=True, help="Bring the read models up to date."),
        click.option("--wait", "shown_s", type=click.FloatRange(0), metavar="SECONDS",
                     help="Leave that to cli catch-up --follow, and return when all read models have the entry."),
        click.option("--allow-short", is_flag=True, help="Shares that are not held may be sold."),
        click.option("--dry-run", is_flag=True, help="Judge, and record nothing."),
    ):  # fmt: skip
        command = option(command)
    return command


class Kinds(click.Group):
    """One command for each kind of entry, made from its fields when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click hands it over
        """The kinds of entries, in the order of the catalogue, and market data."""
        from domain.entries.catalog import BY_TAG

        return [*BY_TAG, *MARKET]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  the same
        """The command that records one entry of a kind, or the ticks or bars of a file."""
        if cmd_name in MARKET:
            return MARKET[cmd_name]
        from commands.entry_options import command_for
        from domain.entries.catalog import BY_TAG

        kind = BY_TAG.get(cmd_name)
        return None if kind is None else command_for(cmd_name, kind, how_to_record, record_one)


@click.group(cls=Kinds, invoke_without_command=True, subcommand_metavar="[ENTRY [OPTIONS]]")
@click.option(
    "--from", "source", type=FILE, metavar="FILE|-", help="Entries as JSON Lines, or prices as CSV; - is stdin."
)
@click.option("--keep-going", is_flag=True, help="Record the good lines, and list the others in FILE.rejects.jsonl.")
@click.option("--rejects", type=OUT, help="List them there.")
@how_to_record
@common
def record(
    ctx: click.Context, /, *, source: Path | None, keep_going: bool, rejects: Path | None, as_json: bool, **how: Any
) -> None:
    """Record new entries: one from options, or many from a file.

    \b
    cli record trade --symbol AAPL.US --side BUY --quantity 3 --price 190.12 --currency USD --order-id A-1
    cli record correct A-1 --set price=190.21
    cli record void A-1 --reason "never filled"
    cli record --from entries.jsonl

    The same entry again is recorded once: the order id, the transaction id or the --key tells. A file is recorded whole or not
    at all, unless --keep-going. Exit code 2 when an entry breaks a rule, 1 when --keep-going rejected lines.
    """  # noqa: D301  click's mark for lines that stay as they are
    if ctx.invoked_subcommand is not None:
        if any(ctx.get_parameter_source(one) is ParameterSource.COMMANDLINE for one in ctx.params):
            raise click.UsageError(
                f"Options of a single entry stand behind its name: cli record {ctx.invoked_subcommand} …"
            )
        return
    if source is None:
        raise click.UsageError("Name an entry such as trade, or a file with --from. See: cli record --help")
    if rejects is not None and not keep_going:
        raise click.UsageError("--rejects needs --keep-going.")
    from operations import recording, showing_entries

    result = recording.record_from(ctx.obj["home"], source, keep_going=keep_going, rejects=rejects, **how)
    ctx.exit(showing_entries.outcome(result, as_json=as_json))


def record_one(ctx: click.Context, fields: dict[str, Any], *, as_json: bool, **how: Any) -> None:
    """Record the entry that the options of its command make."""
    from operations import recording, showing_entries

    result = recording.record_entry(ctx.obj["home"], fields, **how)
    ctx.exit(showing_entries.outcome(result, as_json=as_json))
