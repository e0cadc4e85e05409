"""What the audit commands print: events, one event in full, figures, answers, seals and proofs."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import click
import msgspec

from domain.errors import LedgerError
from ledger.log import Stored
from ledger.querying import Figure
from ledger.seal import Seal
from operations.asking import Answer
from operations.auditing import Shown
from operations.masking import masked, masked_rows
from operations.printing import plain, say, table
from operations.spreadsheet import defused

WIDTH_MAX = 100
_HEAD = ("position", "recorded_at", "topic", "stream", "state")


def events(found: Iterable[Stored], form: str | None) -> None:
    """Events, one by one as they come: JSON lines, CSV, or a line each."""
    found = map(masked, found)
    if form and form.endswith("csv"):
        _csv(_HEAD, ([getattr(one, name) for name in _HEAD] for one in found), form)
        return
    for one in found:
        if form == "json":
            about = {**one._asdict(), "hash": one.hash.hex(), "state": msgspec.Raw(one.state.encode())}
            about["source"] = None if one.source is None else msgspec.Raw(one.source.encode())
            sys.stdout.write(msgspec.json.encode(about).decode() + "\n")
        else:
            text = one.state if len(one.state) <= WIDTH_MAX else one.state[:WIDTH_MAX] + "…"
            say(f"{one.position:>9,}  {one.recorded_at[:19]}Z  {one.topic}  {plain(one.stream)}  {plain(text)}")
        sys.stdout.flush()


def one(shown: Shown, form: str | None) -> None:
    """One event in full."""
    shown = masked(shown)
    if form == "json":
        _json(msgspec.to_builtins(shown))
        return
    say(f"{shown.topic} at position {shown.position:,}, version {shown.version} of {plain(shown.stream)}", bold=True)
    say(f"recorded {shown.recorded_at}, hash {shown.hash}")
    _fields("It says", shown.state)
    _fields("It came from", shown.origin) if shown.origin else say(
        "It was entered here; no legacy row stands behind it."
    )
    _fields("The legacy row as it was found", shown.row)
    for row in shown.produced:
        _fields(f"{row.place} shows now", row.cells)
    for title, places in (("Before it in the stream", shown.before), ("After it in the stream", shown.after)):
        if places:
            say(f"\n{title}: " + ", ".join(f"{topic} at {position:,}" for position, topic in places))


def _fields(title: str, fields: dict[str, Any]) -> None:
    if not fields:
        return
    say(f"\n{title}:")
    for name, value in fields.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
        say(f"  {name}: {plain(text if len(text) <= WIDTH_MAX else text[:WIDTH_MAX] + '…')}")


def figures(found: Sequence[Figure], form: str | None) -> None:
    """Events by type."""
    _rows(("type", "events", "bytes", "first", "last"), found, form, texts=1)


def answer(found: Answer, form: str | None) -> None:
    """The answer to a query; whether it was cut goes to stderr."""
    _rows(found.columns, found.rows, form, texts=len(found.columns))
    if found.cut:
        sys.stderr.write(f"{found.cut}; ask for more with --rows\n")


def _rows(head: Sequence[str], rows: Sequence[Sequence[Any]], form: str | None, *, texts: int) -> None:
    rows = list(masked_rows(head, rows))
    if form == "json":
        _json([dict(zip(head, map(_jsonable, row), strict=True)) for row in rows])
    elif form:
        _csv(head, rows, form)
    elif texts < len(head):
        table(head, rows, texts=texts)
    else:
        table(head, [["" if cell is None else str(cell) for cell in row] for row in rows], texts=texts)


def _jsonable(cell: Any) -> Any:  # any SQL value in, any JSON value out
    return cell.hex() if isinstance(cell, bytes) else cell


def _csv(head: Sequence[str], rows: Iterable[Sequence[Any]], form: str) -> None:
    rows = iter(rows)
    begun = list(islice(rows, 1))  # before the head: an error of the first row shall come alone
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(head)
    for row in chain(begun, rows):
        writer.writerow([cell if form == "raw-csv" else defused(cell) for cell in row])


def noticed(what: str) -> None:
    """Something that was mended on the way."""
    click.echo(plain(what), err=True)


def sealed(made: Seal, written: Sequence[Path], form: str | None) -> None:
    """A new seal, and where it lies."""
    if form == "json":
        _json({**msgspec.to_builtins(made), "written": [str(path) for path in written]})
        return
    say(f"Sealed {made.position:,} events: head {made.head[:16]}…, root {made.root[:16]}…, key {made.public_key[:16]}…")
    for path in written:
        say(f"  {path}")
    say(
        "Keep a copy where nobody who writes to this ledger can change it, and note the key: the seal proves no more than that."
    )


def proof(made: dict[str, Any], out: Path | None) -> None:
    """A proof, into a file or on stdout."""
    if masked(made) != made:
        raise LedgerError(
            f"event {made['event']['position']} holds a secret, which a proof must show as it is",
            hint="Whoever gets the proof learns it. If that is meant: --reveal-secrets.",
        )
    text = json.dumps(made, indent=1) + "\n"
    if out is None:
        sys.stdout.write(text)
    else:
        out.write_text(text, encoding="utf-8")
        say(f"{out}: check it with python3 docs/verify_proof.py {out}")


def _json(value: Any) -> None:  # anything that JSON can hold
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
