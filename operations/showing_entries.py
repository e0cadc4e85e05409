"""What `cli record` and `cli schema` say of their results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
import msgspec

from operations.entering.bulk import SHOWN_MAX, Summary
from operations.ledger import Recorded
from operations.printing import as_object, plain, say
from operations.recording import Caught, Outcome


def outcome(result: Outcome, *, as_json: bool) -> int:
    """What was recorded and where, or what was rejected and why; returns the exit code."""
    code = _exit_code(result)
    if as_json:
        about = result.done if result.done is not None else result.summary
        head = {"status": _status(result), "dry_run": result.dry_run}
        as_object(
            {**head, **msgspec.to_builtins(about), "models": msgspec.to_builtins(result.models), "exit_code": code}
        )
        return code
    if result.done is not None:
        _recorded(result.done, dry_run=result.dry_run)
    if result.summary is not None:
        _summary(result.summary, dry_run=result.dry_run)
    _caught_up(result.models)
    return code


def _exit_code(result: Outcome) -> int:
    summary = result.summary
    if summary is None or not summary.rejected:
        return 0
    return 1 if summary.kept or summary.rejects_file else 2


def _status(result: Outcome) -> str:
    if result.done is not None:
        return result.done.status
    assert result.summary is not None
    if not result.summary.kept and not result.dry_run:
        return "refused"
    return "recorded" if result.summary.recorded else "already there"


def _recorded(done: Recorded, *, dry_run: bool) -> None:
    for taken in done.entries:
        if not taken.places:
            say(f"{taken.entry}: already there, nothing was appended")
        for place in taken.places:
            where = "would be recorded" if dry_run else f"recorded at position {place.position:,}"
            say(f"{taken.entry}: {plain(place.stream)}: {place.type} {where}")


def _summary(summary: Summary, *, dry_run: bool) -> None:
    for reject in summary.rejects:
        say(plain(f"line {reject.line}: {reject.error}. {reject.hint}"), color="red")
    if summary.rejected > len(summary.rejects):
        say(f"… and {summary.rejected - SHOWN_MAX:,} more lines with errors")
    said = f"{summary.lines:,} entries: {summary.recorded:,} recorded, {summary.already_there:,} already there"
    if summary.rejected:
        said += f", {summary.rejected:,} rejected"
    if summary.rejects_file:
        said += f" (listed in {plain(summary.rejects_file)})"
    if dry_run:
        said += ". This was a dry run: nothing was recorded."
    elif not summary.kept:
        said = (
            f"{summary.rejected:,} of {summary.lines:,} entries break a rule, so none was recorded. Mend them, or record the "
            "others with --keep-going."
        )
    say(said, bold=True, color="red" if summary.rejected else None)


def _caught_up(models: list[Caught] | None) -> None:
    if models is None:
        return
    changed = [f"{one.name} +{one.events:,}" for one in models if one.events]
    say(f"read models: {', '.join(changed) or 'nothing new'}")
    for one in models:
        if one.stopped:
            say(plain(f"{one.name}: {one.stopped}"), color="red")


# Any: a JSON Schema.
def schema(found: Mapping[str, Any]) -> None:
    """A JSON Schema, or many."""
    click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
