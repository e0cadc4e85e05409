"""`cli schema`: what entries and events may hold, for programs in any language."""

from __future__ import annotations

import click


@click.command(short_help="The JSON Schema of every entry and event.")
@click.argument("name", required=False, metavar="[NAME]")
@click.option("--json", "as_json", is_flag=True, help="A schema is JSON always.")
def schema(name: str | None, as_json: bool) -> None:
    """Print the JSON Schema of the entry or event NAME, such as trade or trade-executed.v1, or of all of them."""
    del as_json
    from operations import recording, showing_entries

    showing_entries.schema(recording.schema(name))
