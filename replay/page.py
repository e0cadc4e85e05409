"""The report of a run as a Markdown page for people: first what it comes to, then what to look at, then every table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec import Struct

from replay.report import FileReport, RunReport
from replay.sources import Use
from replay.tally import TableTally

_HISTORY = "history/"
# What a value of a legacy row must not do to the page: end a cell, become a tag or a link, be set in italics.
_ESCAPED = str.maketrans({"|": "\\|", "<": "&lt;", "[": "\\[", "*": "\\*", "`": "\\`"})


def page(report: RunReport) -> str:
    """The whole page; every part of the report that has something to say."""
    parts = [_head(report), _verdict(report), _mismatches(report), _breaks(report), _findings(report), _tables(report)]
    parts += [_kept(report), _assumed(report), _repaired(report), _models(report), _files(report), _times(report)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]], *, numbers_from: int = 1) -> str:
    marks = ["---" if index < numbers_from else "---:" for index in range(len(head))]
    lines = [head, marks, *([_cell(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(value: object) -> str:
    text = f"{value:,}" if isinstance(value, int) else str(value)
    printable = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)
    return printable.translate(_ESCAPED)


def _head(report: RunReport) -> str:
    zone = f"read in {report.timezone}{' (assumed: no --timezone was given)' if report.timezone_assumed else ''}"
    lines = [
        f"- legacy system: {report.system}",
        f"- home: {_cell(report.home)}, run {report.run}, log now at position {report.position:,}",
        f"- begun {report.started_at}, took {sum(report.seconds.values()):.1f} s, Daybook {report.program}",
        f"- times without a zone were {zone}",
    ]
    return f"# Replay of {_cell(report.source)}\n\n" + "\n".join(lines)


def _verdict(report: RunReport) -> str:
    if report.failed:
        lines = [f"- **{_cell(name)}**: {_cell(reason)}" for name, reason in sorted(report.failed.items())]
        others = (
            f"All that the others say is recorded: {report.events_appended:,} events, "
            f"{'proven' if report.proven else '**not proven**'}. Replay again when these can be read."
            if report.in_part and report.mode != "verify-only"
            else "The ledger is unchanged. The other files were read and checked; what is said of them below is what a replay "
            "would do."
        )
        return f"## Not read: {len(report.failed)} of {len(report.files)} files\n\n{others}\n\n" + "\n".join(lines)
    if report.mode == "verify-only":
        return f"**Looked, changed nothing.** {report.rows:,} rows read; {report.events_appended:,} events would be appended."
    found = _and_breaks(len(report.breaks))
    if report.proven:
        shown = ", and the read models show it" if report.models_compared else ""
        return (
            f"**Proven.** All {report.rows:,} legacy rows can be rebuilt from the log alone, equal by value and storage "
            f"class{shown}. {report.events_appended:,} events were appended.{found}"
        )
    return f"**Not proven.** {len(report.mismatches):,} differences between the sources and what the ledger gives back.{found}"


def _and_breaks(count: int) -> str:
    if not count:
        return ""
    return (
        f"\n\n**{count:,} break{'s' if count > 1 else ''}** to look at: places where the sources contradict each other."
    )


def _mismatches(report: RunReport) -> str:
    if not report.mismatches:
        return ""
    rows = [(b.kind, b.subject, b.expected, b.found, b.reason) for b in report.mismatches]
    return "## Differences that break the proof\n\n" + _table(
        ("kind", "of", "expected", "found", "why"), rows, numbers_from=5
    )


def _breaks(report: RunReport) -> str:
    if not report.breaks:
        return ""
    rows = [(b.kind, b.subject, b.expected, b.found, b.reason) for b in report.breaks]
    return (
        "## Breaks\n\nThe sources contradict each other here. It was so before; both sides stand in the ledger and nothing "
        "was adjusted.\n\n" + _table(("kind", "of", "one side", "the other", "why"), rows, numbers_from=5)
    )


def _findings(report: RunReport) -> str:
    lines = [f"- {_cell(line)}" for line in report.findings]
    lines += [
        f"- {count:,} {what}: no rate of that day is known" for what, count in report.missing_eur.items() if count
    ]
    return "## Noticed\n\n" + "\n".join(lines) if lines else ""


def _tables(report: RunReport) -> str:
    rows = [
        (t.file, t.table, t.read, t.events, t.unchanged, t.kept, t.vanished, t.repaired, sum(t.assumed.values()))
        for t in merged_tables(report.tables)
    ]
    if not rows:
        return ""
    total = ("all", "", *(sum(int(row[i]) for row in rows) for i in range(2, 9)))
    head = ("file", "table", "rows read", "= events", "+ unchanged", "+ kept", "vanished", "repaired", "assumed")
    return (
        "## Rows\n\nEvery row that was read is counted once: as recorded in events by this run (prices stand in blocks, "
        "many rows to an event), as unchanged since an earlier run, or as kept word for word because no event describes "
        "it. Vanished rows were there in an earlier run. Assumed counts values, not rows.\n\n"
        + _table(head, [*rows, total], numbers_from=2)
    )


def merged_tables(tables: list[TableTally]) -> list[TableTally]:
    """The tables that held rows, the many files of prices as one line each per table."""
    merged: dict[tuple[str, str], TableTally] = {}
    for t in tables:
        file = _group(t.file)
        one = merged.setdefault((file, t.table), TableTally(file=file, table=t.table))
        for name in ("read", "events", "unchanged", "kept", "appended", "repaired", "vanished"):
            setattr(one, name, getattr(one, name) + getattr(t, name))
        one.assumed.update(t.assumed)
        one.kept_reasons.update(t.kept_reasons)
        one.unknown_columns += [column for column in t.unknown_columns if column not in one.unknown_columns]
    return [t for t in merged.values() if t.read or t.vanished]


def _group(file: str) -> str:
    return _HISTORY if file.startswith("history/") else file


class FileSums(Struct, kw_only=True):
    """The counts of all tables of one file."""

    file: str
    tables: int = 0
    read: int = 0
    events: int = 0
    unchanged: int = 0
    kept: int = 0
    repaired: int = 0
    assumed: int = 0


def by_file(tables: list[TableTally]) -> list[FileSums]:
    """The same counts by file, and the sum of all at the end."""
    sums: dict[str, FileSums] = {}
    total = FileSums(file="all")
    for t in merged_tables(tables):
        for one in (sums.setdefault(t.file, FileSums(file=t.file)), total):
            one.tables += 1
            one.assumed += sum(t.assumed.values())
            for name in ("read", "events", "unchanged", "kept", "repaired"):
                setattr(one, name, getattr(one, name) + getattr(t, name))
    return [*sums.values(), total]


def _kept(report: RunReport) -> str:
    counts: dict[tuple[str, str], tuple[list[str], int]] = {}
    for t in merged_tables(report.tables):
        for reason, count in t.kept_reasons.most_common():
            names, before = counts.get((t.file, reason), ([], 0))
            counts[t.file, reason] = ([*names, t.table], before + count)
    rows = [(file, ", ".join(names), reason, count) for (file, reason), (names, count) in counts.items()]
    columns = [
        (t.file, t.table, ", ".join(t.unknown_columns)) for t in merged_tables(report.tables) if t.unknown_columns
    ]
    text = ""
    if rows:
        text += "## Kept as they are\n\nNo event describes these rows; they stand in the log with all their values.\n\n"
        text += _table(("file", "tables", "why", "rows"), rows, numbers_from=3)
    if columns:
        text += "\n\n## Columns without a field\n\nTheir values are in the provenance of each event.\n\n"
        text += _table(("file", "table", "columns"), columns, numbers_from=3)
    return text.strip()


def _assumed(report: RunReport) -> str:
    """By field rather than by table: it is mostly one rule, that of the time zone, in many places."""
    counts: Counter[str] = Counter()
    places: dict[str, list[str]] = {}
    for t in merged_tables(report.tables):
        counts.update(t.assumed)
        for name, count in t.assumed.items():
            places.setdefault(name, []).append(f"{t.file} {t.table} {count:,}")
    if not counts:
        return ""
    rows = [(name, count, "; ".join(places[name])) for name, count in counts.most_common()]
    text = "## Assumed\n\nThe source did not say; a rule did. Each event names the fields, and has the row as it was found."
    if report.timezone_assumed:
        text += f" Most are times without a zone, read in {report.timezone}: name yours with `--timezone`."
    head, marks = "| field | values | in |", "| --- | ---: | --- |"
    return "\n".join([text, "", head, marks, *(f"| {' | '.join(map(_cell, row))} |" for row in rows)])


def _repaired(report: RunReport) -> str:
    rows = [(t.file, t.table, t.repaired) for t in report.tables if t.repaired]
    if not rows:
        return ""
    text = "## Repaired\n\nRows that an accident of the legacy system had shifted by one column were put right; the row as it "
    return text + "was found is in the provenance.\n\n" + _table(("file", "table", "rows"), rows, numbers_from=2)


def _models(report: RunReport) -> str:
    merged: dict[tuple[str, str], list[int]] = {}
    for m in report.models:
        counts = merged.setdefault((m.model, m.table), [0, 0, 0, 0])
        for index, value in enumerate((m.rows, m.elsewhere, m.filled, m.differing)):
            counts[index] += value
    if not merged:
        return ""
    rows = [(model, table, *counts) for (model, table), counts in sorted(merged.items())]
    head = ("read model", "table", "legacy rows", "newer copy elsewhere", "cells filled", "differing")
    return (
        "## Read models beside the sources\n\nEvery legacy row was looked up and compared. A row that two files hold is "
        "shown once, the newer copy; cells that the legacy row left empty are filled where the ledger knows.\n\n"
        + _table(head, rows, numbers_from=2)
    )


def _state(file: FileReport) -> str:
    """The state of a file's schema, where the file or its tables tell."""
    return "" if file.generation == "v0" else file.generation


def _files(report: RunReport) -> str:
    """Each file; price files that were simply read as one line."""
    prices = [
        f for f in report.files if f.use == Use.READ and _group(f.name) == _HISTORY and f.name not in report.failed
    ]
    rows: list[tuple[object, ...]] = [
        (f.name, _fate(report, f.name, f.use), _state(f), f.reason or f.copied_by, f.bytes or "")
        for f in report.files
        if f not in prices
    ]
    if prices:
        how = ", ".join(sorted({f.copied_by for f in prices if f.copied_by}))
        rows.append((f"{_HISTORY} ({len(prices):,} files)", "read", "", how, sum(f.bytes for f in prices)))
    where = f"The copies that were read, with their SHA-256, are in `backups/{report.frozen}`." if report.frozen else ""
    table = _table(("file", "what became of it", "schema", "how", "bytes"), rows, numbers_from=4)
    return "\n\n".join(part for part in ("## Files", where, table) if part)


def _fate(report: RunReport, name: str, use: str) -> str:
    return "not read" if name in report.failed else use


def _times(report: RunReport) -> str:
    rows = [(phase, f"{seconds:.2f}") for phase, seconds in report.seconds.items()]
    return "## Times\n\n" + _table(("phase", "seconds"), rows)
