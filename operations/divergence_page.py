"""The divergence as a page for a browser: first what it comes to, then what to look at, then every table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING

from operations.printing import plain

if TYPE_CHECKING:
    from operations.divergence import Aged, Divergence

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 75em; padding: 0 1em; color: #222; background: #fff }
table { border-collapse: collapse; margin: 1em 0 } td, th { border-bottom: 1px solid #ccc; padding: .3em .8em; text-align: left;
vertical-align: top } .n { text-align: right; font-variant-numeric: tabular-nums } .ok { color: #060 } .no { color: #a00 }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #111 } td, th { border-color: #444 } .ok { color: #7c7 }
.no { color: #f88 } }
"""


def page(found: Divergence) -> str:
    """The whole page; it refers to nothing outside itself."""
    head = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Divergence</title><style>{_STYLE}</style><h1>Divergence of {_text(found.source)}</h1>"
        f"<p>{_text(found.at)}, home {_text(found.home)}, log at position {found.position:,}</p>"
    )
    parts = [head, _verdict(found)]
    parts.append(_breaks("Differences between the sources and what the ledger gives back", found.differences, found.at))
    parts.append(_breaks("Breaks: where the sources contradict each other", found.breaks, found.at))
    if found.troubles:
        parts.append("<h2>Not readable at present</h2>" + _table(("file", "why"), found.troubles.items()))
    head_of_tables = ("read model", "table", "file", "legacy rows", "newer copy elsewhere", "cells filled", "differing")
    rows = [(t.model, t.table, t.file, t.rows, t.elsewhere, t.filled, t.differing) for t in found.tables]
    parts.append("<h2>Legacy tables beside the read models</h2>" + _table(head_of_tables, rows))
    return "\n".join(part for part in parts if part) + "\n"


def _verdict(found: Divergence) -> str:
    if found.is_empty:
        return '<p class="ok"><strong>Old and new say the same.</strong></p>'
    counts = (
        (len(found.differences), "difference"),
        (len(found.breaks), "break"),
        (len(found.troubles), "unreadable file"),
    )
    said = [f"{count:,} {what}{'s' if count > 1 else ''}" for count, what in counts if count]
    return f'<p class="no"><strong>{", ".join(said)}.</strong></p>'


def _breaks(title: str, breaks: Sequence[Aged], now: str) -> str:
    if not breaks:
        return ""
    oldest_first = sorted(breaks, key=lambda one: one.since)
    rows = [
        (age(one.since, now), one.since, one.kind, one.subject, one.expected, one.found, one.reason)
        for one in oldest_first
    ]
    return f"<h2>{_text(title)}</h2>" + _table(
        ("open for", "since", "kind", "of", "one side", "the other", "why"), rows
    )


def age(since: str, now: str) -> str:
    """How long that is, in the largest unit that is full."""
    seconds = max(0, int((datetime.fromisoformat(now) - datetime.fromisoformat(since)).total_seconds()))
    for name, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= size:
            count = seconds // size
            return f"{count:,} {name}{'s' if count > 1 else ''}"
    return "moments"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["<tr>" + "".join(f"<th>{_text(name)}</th>" for name in head) + "</tr>"]
    lines += ["<tr>" + "".join(map(_cell, row)) + "</tr>" for row in rows]
    return f"<table>{''.join(lines)}</table>"


def _cell(value: object) -> str:
    return f'<td class="n">{value:,}</td>' if isinstance(value, int) else f"<td>{_text(value)}</td>"


def _text(value: object) -> str:
    """Whatever a legacy row holds, as text that is only text."""
    return escape(plain(value))
