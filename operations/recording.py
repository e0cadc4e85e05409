"""`cli record` and `cli schema`: entries from the command line or a file, and the read models brought up to date with them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from msgspec import Struct

from domain import catalog as events
from domain.entries.catalog import BY_TAG, KINDS, read_fields
from domain.errors import LedgerError
from ledger.collector import no_collector
from operations.entering.bulk import Summary, record_file
from operations.keeping_up import wait_for
from operations.ledger import Ledger, Recorded
from operations.rebuilding import catch_up_all
from projections.engine import CaughtUp

STDIN = Path("-")


class Caught(Struct, frozen=True):
    """A read model after catching up: how many of the new events concern it, and why it stands still if it does."""

    name: str
    events: int
    stopped: str | None = None


class Outcome(Struct, kw_only=True):
    """What was recorded, from the command line or from a file, and how far the read models are."""

    done: Recorded | None = None
    summary: Summary | None = None
    dry_run: bool = False
    models: list[Caught] | None = None


# Any: the fields of an entry as the command line gives them.
def record_entry(
    home: Path,
    fields: Mapping[str, Any],
    *,
    allow_short: bool,
    dry_run: bool,
    catch_up: bool,
    wait_s: float,
    shown_s: float | None = None,
) -> Outcome:
    """Record one entry, whose fields are text."""
    entry = read_fields(dict(fields), texts=True)
    with Ledger.open(home, create=not dry_run, wait_s=wait_s, command=f"cli record {fields['entry']}") as ledger:
        done = ledger.record(entry, allow_short=allow_short, dry_run=dry_run)
    outcome = Outcome(done=done, dry_run=dry_run)
    if not dry_run:
        outcome.models = _shown(home, done.position, catch_up=catch_up, shown_s=shown_s)
    return outcome


def record_from(  # noqa: PLR0913  one for each option of the command
    home: Path,
    source: Path,
    *,
    keep_going: bool,
    rejects: Path | None,
    allow_short: bool,
    dry_run: bool,
    catch_up: bool,
    wait_s: float,
    shown_s: float | None = None,
) -> Outcome:
    """Record the entries of a file, or of stdin when the file is `-`."""
    listed = (rejects or _rejects_of(source)) if keep_going else None
    command = f"cli record --from {source}"
    with (
        opened(source) as file,
        no_collector(),
        Ledger.open(home, create=not dry_run, wait_s=wait_s, command=command) as ledger,
    ):
        summary = record_file(ledger, file, rejects=listed, allow_short=allow_short, dry_run=dry_run)
    outcome = Outcome(summary=summary, dry_run=dry_run)
    if summary.kept and summary.recorded and not dry_run:
        outcome.models = _shown(home, summary.position, catch_up=catch_up, shown_s=shown_s)
    return outcome


def _rejects_of(source: Path) -> Path:
    return Path("record.rejects.jsonl") if source == STDIN else source.with_name(f"{source.name}.rejects.jsonl")


@contextmanager
def opened(source: Path) -> Iterator[BinaryIO]:
    """A file of entries, or stdin when it is `-`."""
    if source == STDIN:
        yield sys.stdin.buffer
        return
    with source.open("rb") as file:
        yield file


def _shown(home: Path, position: int, *, catch_up: bool, shown_s: float | None) -> list[Caught] | None:
    """Have the read models show what was recorded; with `shown_s` wait so long until somebody who follows has done it."""
    if shown_s is not None:
        wait_for(home, position, shown_s)
        return None
    return caught_up(home) if catch_up else None


def caught_up(home: Path) -> list[Caught]:
    """All read models at the head of the log; one that stops at an event does not hold up what was recorded."""
    return [
        Caught(one.name, one.events) if isinstance(one, CaughtUp) else Caught(one.model, 0, str(one))
        for one in catch_up_all(home, tell=lambda *_: None)
    ]


def schema(name: str | None) -> dict[str, Any]:
    """The JSON Schema of every entry and event, or of one by its name: an entry such as `trade`, an event's topic."""
    topics = events.events()
    if name is None:
        entries, _ = msgspec.json.schema_components(KINDS)
        told, _ = msgspec.json.schema_components(topics.values())
        _, definitions = msgspec.json.schema_components([*KINDS, *topics.values()])
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "entries": dict(zip(BY_TAG, entries, strict=True)),
            "events": dict(zip(topics, told, strict=True)),
            "$defs": definitions,
        }
    found = BY_TAG.get(name) or topics.get(name) or topics.get(f"{name}.v1")
    if found is None:
        raise LedgerError(
            f"there is no entry and no event {name!r}", hint=f"Entries are: {', '.join(BY_TAG)}. Events: cli schema."
        )
    one: dict[str, Any] = msgspec.json.schema(found)
    return one
