"""What `cli audit trace`, `as-of` and `diff` print."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from ledger.log import Stored
from operations import showing_audit
from operations.asking import Answer
from operations.masking import masked, masked_rows
from operations.origins import Origin
from operations.past import Difference, Rows
from operations.printing import as_object, plain, say
from operations.tracing import Step, Trace
from operations.tracing_back import Behind, Now

WIDTH_MAX = 60
_STEP = (
    "position", "type", "occurred_at", "recorded_at", "column", "before", "after", "run", "file", "table", "key",
    "legacy_column", "legacy_value", "gap",
)  # fmt: skip
_BEHIND = ("position", "type", "occurred_at", "recorded_at", "place", "key", "fate", "columns", "by", "kept")
_DIFFERENCE = ("place", "key", "change", "column", "before", "after")


def trace(found: Trace, form: str | None) -> None:
    """A row or a cell, the events behind it, and what is missing on the way."""
    found = masked(found)
    if form == "json":
        as_object(msgspec.to_builtins(found))
    elif form:
        _csv(_STEP, _step_rows(found), form)
    else:
        _trace(found)


def _trace(found: Trace) -> None:
    say(f"{found.place} {_words(found.key)}{f' {found.column}' if found.column else ''}", bold=True)
    shown = {found.column: found.row.get(found.column)} if found.column else found.row
    say("  " + (_cells(shown) if found.row else "there is no such row now"))
    for name, how in found.computed.items():
        say(f"  {name} was computed here: {plain(how)}")
    for step in found.steps:
        say(f"\n{step.position:,}  {step.occurred_at}  {step.type}  {plain(step.stream)}", bold=True)
        say(f"  recorded {step.recorded_at}")
        say("  " + ("the row is gone" if step.is_gone else "  ".join(_became(step))))
        for line in _origin(step.origin):
            say(f"  {line}")
        if step.assumed:
            say(f"  a rule filled in: {plain(', '.join(step.assumed))}")
        if step.repaired:
            say(f"  repaired: {plain(step.repaired)}")
    if found.silent:
        say(f"\nNamed the row and changed nothing: {_positions(found.silent)}")
    for gap in found.gaps:
        at = f"at position {gap.position:,}: " if gap.position else ""
        say(
            f"\n{'Broken' if gap.is_broken else 'Gap'}: {at}{plain(gap.reason)}",
            color="red" if gap.is_broken else "yellow",
        )


def _positions(silent: Sequence[tuple[int, str]]) -> str:
    some = ", ".join(f"{topic} at {position:,}" for position, topic in silent[:5])
    return f"{some} and {len(silent) - 5:,} more" if len(silent) > 5 else some


def _became(step: Step) -> Iterator[str]:
    for name, (before, after) in step.cells.items():
        if before == after:
            yield f"{name} {_text(after)}, as before"
        elif before is None:
            yield f"{name} {_text(after)}"
        else:
            yield f"{name} {_text(before)} -> {_text(after)}"


def _origin(origin: Origin) -> Iterator[str]:
    if origin.file is None:
        return
    key = f", key {' '.join(map(_text, origin.key))}" if origin.key else ""
    yield f"from {plain(origin.file)}, table {plain(origin.table)}{key}, in run {origin.run} of {plain(origin.system)}"
    if origin.column is not None:
        yield f"  {plain(origin.column)} there: {_text(origin.cell)}"
    elif origin.row:
        yield f"  {_cells(origin.row)}"


def _step_rows(found: Trace) -> Iterator[tuple[Any, ...]]:  # any cells
    for step in found.steps:
        origin = step.origin
        about = (step.position, step.type, step.occurred_at, step.recorded_at)
        source = (
            origin.run,
            origin.file,
            origin.table,
            _words(dict(enumerate(origin.key))),
            origin.column,
            origin.cell,
        )
        for name, (before, after) in step.cells.items():
            yield (*about, name, before, after, *source, origin.gap)
    for gap in found.gaps:
        yield (gap.position, *[None] * (len(_STEP) - 2), gap.reason)


def behind(found: Sequence[Behind], form: str | None) -> None:
    """The events of a legacy row, and the rows that show them."""
    found = masked(found)
    if form == "json":
        as_object({"events": msgspec.to_builtins(found)})
        return
    if form:
        _csv(_BEHIND, _behind_rows(found), form)
        return
    for one in found:
        say(f"{one.position:,}  {one.occurred_at}  {one.type}  {plain(one.stream)}", bold=True)
        say(f"  recorded {one.recorded_at}")
        for line in _origin(one.origin):
            say(f"  {line}")
        if one.origin.gap:
            say(f"  {plain(one.origin.gap)}")
        if one.kept:
            say(f"  only kept: {plain(one.kept)}; no read model shows it")
        for row in one.rows:
            say(f"  {row.place} {_words(row.key)}: {_fate(row)}")


def _fate(row: Now) -> str:
    by = f", see the event at position {row.by:,}" if row.by else ""
    if row.columns:
        shown = {name: row.row[name] for name in row.columns if row.row.get(name) is not None}
        return f"shows it: {_cells(shown)}" + (f"; the rest is newer{by}" if by else "")
    return row.fate + by


def _behind_rows(found: Sequence[Behind]) -> Iterator[tuple[Any, ...]]:  # any cells
    for one in found:
        about = (one.position, one.type, one.occurred_at, one.recorded_at)
        for row in one.rows:
            yield (*about, row.place, _words(row.key), row.fate, " ".join(row.columns), row.by, one.kept)
        if not one.rows:
            yield (*about, None, None, None, None, None, one.kept)


def as_of(found: Rows, form: str | None) -> None:
    """Rows as they were."""
    found = found._replace(rows=list(masked_rows(found.columns, found.rows)))
    if form == "json":
        rows = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
        as_object({"place": found.place, "rows": rows, "is_cut": found.is_cut})
        return
    if not found.rows and not form:
        say(f"{found.place}: there was no such row then")
        return
    if len(found.rows) == 1 and not form:
        say(found.place, bold=True)
        for name, value in zip(found.columns, found.rows[0], strict=True):
            say(f"  {name}: {_text(value)}")
        return
    showing_audit.answer(Answer(found.columns, found.rows, _cut(found.rows, is_cut=found.is_cut)), form)


def stream(found: Sequence[Stored], form: str | None) -> None:
    """The events of a stream by valid time; the last of them is what held."""
    if not found and not form:
        say("Nothing had happened by then.")
    showing_audit.events(found, form)


def diff(found: tuple[Sequence[Difference], bool], form: str | None) -> None:
    """What changed, cell by cell."""
    differences, is_cut = masked(found)
    if form == "json":
        as_object({"differences": msgspec.to_builtins(differences), "is_cut": is_cut})
        return
    if not differences and not form:
        say("Nothing changed.")
        return
    rows = [
        (one.place, _words(one.key), one.change, name, before, after)
        for one in differences
        for name, (before, after) in one.cells.items()
    ]
    showing_audit.answer(Answer(_DIFFERENCE, rows, _cut(differences, is_cut=is_cut)), form)


def _cut(rows: Sequence[Any], *, is_cut: bool) -> str | None:
    return f"cut after {len(rows):,} rows" if is_cut else None


def _csv(head: Sequence[str], rows: Iterator[tuple[Any, ...]], form: str) -> None:  # any cells
    showing_audit.answer(Answer(head, list(rows), None), form)


def _cells(cells: Mapping[str, Any]) -> str:
    return "  ".join(f"{name} {_text(value)}" for name, value in cells.items() if value is not None)


def _words(cells: Mapping[Any, Any]) -> str:
    return " ".join(map(_text, cells.values()))


def _text(value: Any) -> str:  # any cell
    text = plain(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    return text if len(text) <= WIDTH_MAX else text[:WIDTH_MAX] + "…"
