"""Which events: the options that the questions to the log share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

_OPTIONS = (
    click.option("--type", help="Type of event, such as trade-executed."),
    click.option("--stream", help="A stream, or the beginning of one: trade:31*"),
    click.option(
        "--from", "valid_from", metavar="T", help="Happened at T or later: 2025-12-28 or 2025-12-28T18:00:00Z."
    ),
    click.option("--to", "valid_to", metavar="T", help="Happened at T or earlier."),
    click.option("--recorded-from", metavar="T", help="Recorded at T or later."),
    click.option("--recorded-to", metavar="T", help="Recorded at T or earlier."),
    click.option("--run", type=int, help="Number of a replay."),
    click.option("--file", help="Legacy file that it came from."),
    click.option("--table", help="Legacy table that it came from."),
    click.option("--text", help="Text anywhere in the event or its provenance."),
)


# Any: a command takes what its options give.
def filters(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that `operations.auditing.wanted` understands."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
