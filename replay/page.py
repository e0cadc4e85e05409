"""The report of a run as a Markdown page for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from replay.report import RunReport
from replay.tally import TableTally


def page(report: RunReport) -> str:
    """The whole page; every table of the report that has something to say."""
    parts = [_head(report), _verdict(report), _tables(report), _kept(report), _assumed(report), _repaired(report)]
    parts += [_breaks(report), _models(report), _findings(report), _files(report), _times(report)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]], *, numbers_from: int = 1) -> str:
    marks = ["---" if index < numbers_from else "---:" for index in range(len(head))]
    lines = [head, marks, *([_cell(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(value: object) -> str:
    text = f"{value:,}" if isinstance(value, int) else str(value)
    printable = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)
    return printable.replace("|", "\\|")


def _head(report: RunReport) -> str:
    zone = f"{report.timezone}{', assumed: nobody named one' if report.timezone_assumed else ''}"
    return (
        f"# Replay of {report.source}\n\n"
        f"{report.system}, {report.started_at}, into {report.home} ({report.mode}, run {report.run}, "
        f"Daybook {report.program}). Naive times were read in {zone}."
    )


def _verdict(report: RunReport) -> str:
    if report.failed:
        lines = [f"- **{name}**: {reason}" for name, reason in sorted(report.failed.items())]
        return "## Not read\n\nThe ledger is unchanged. These files could not be read whole:\n\n" + "\n".join(lines)
    if report.mode == "verify-only":
        return f"**Looked, changed nothing.** {report.rows:,} rows read; {report.events_appended:,} events would be appended."
    shown = ", and the read models show it" if report.models_compared else ""
    if report.proven:
        return (
            f"**Proven.** All {report.rows:,} legacy rows can be rebuilt from the log alone, equal by value and storage "
            f"class{shown}. {report.events_appended:,} events were appended; the log stands at position {report.position:,}."
        )
    return f"**Not proven.** {len(report.mismatches):,} differences between the sources and what the ledger gives back."


def _tables(report: RunReport) -> str:
    rows = [
        (t.file, t.table, t.read, t.events, t.unchanged, t.kept, t.vanished, t.repaired, sum(t.assumed.values()))
        for t in merged_tables(report.tables)
    ]
    total = ("**all**", "", *(sum(int(row[i]) for row in rows) for i in range(2, 9)))
    head = ("file", "table", "read", "= events", "+ unchanged", "+ kept", "vanished", "repaired", "assumed")
    return "## Rows\n\n" + _table(head, [*rows, total], numbers_from=2) if rows else ""


def merged_tables(tables: list[TableTally]) -> list[TableTally]:
    """The tables that held rows, the many files of prices as one line each per table."""
    merged: dict[tuple[str, str], TableTally] = {}
    for t in tables:
        file = "history/*.db" if t.file.startswith("history/") else t.file
        one = merged.setdefault((file, t.table), TableTally(file=file, table=t.table))
        for name in ("read", "events", "unchanged", "kept", "appended", "repaired", "vanished"):
            setattr(one, name, getattr(one, name) + getattr(t, name))
        one.assumed.update(t.assumed)
        one.kept_reasons.update(t.kept_reasons)
        one.unknown_columns += [column for column in t.unknown_columns if column not in one.unknown_columns]
    return [t for t in merged.values() if t.read or t.vanished]


def _kept(report: RunReport) -> str:
    rows = [
        (t.file, t.table, reason, count)
        for t in merged_tables(report.tables)
        for reason, count in t.kept_reasons.most_common()
    ]
    columns = [
        (t.file, t.table, ", ".join(t.unknown_columns)) for t in merged_tables(report.tables) if t.unknown_columns
    ]
    text = ""
    if rows:
        text += "## Kept as they are\n\nNo event describes these rows; they stand in the log with all their values.\n\n"
        text += _table(("file", "table", "why", "rows"), rows, numbers_from=3)
    if columns:
        text += "\n\n## Columns without a field\n\nTheir values are in the provenance of each event.\n\n"
        text += _table(("file", "table", "columns"), columns, numbers_from=3)
    return text.strip()


def _assumed(report: RunReport) -> str:
    rows = [
        (t.file, t.table, name, count) for t in merged_tables(report.tables) for name, count in t.assumed.most_common()
    ]
    if not rows:
        return ""
    text = "## Assumed\n\nThe source did not say; a rule did. Each event names the fields.\n\n"
    text += _table(("file", "table", "field", "rows"), rows, numbers_from=3)
    missing = [f"- {what}: {count:,}" for what, count in report.missing_eur.items() if count]
    return text + ("\n\nNo rate was known, so no EUR value was made up:\n\n" + "\n".join(missing) if missing else "")


def _repaired(report: RunReport) -> str:
    rows = [(t.file, t.table, t.repaired) for t in report.tables if t.repaired]
    if not rows:
        return ""
    text = "## Repaired\n\nRows that an accident of the legacy system had shifted by one column were put right; the row as it "
    return text + "was found is in the provenance.\n\n" + _table(("file", "table", "rows"), rows, numbers_from=2)


def _breaks(report: RunReport) -> str:
    text = ""
    for title, found in (("Breaks", report.breaks), ("Differences that break the proof", report.mismatches)):
        if found:
            rows = [(b.kind, b.subject, b.expected, b.found, b.reason) for b in found]
            text += (
                f"## {title}\n\n" + _table(("kind", "of", "expected", "found", "why"), rows, numbers_from=5) + "\n\n"
            )
    return text.strip()


def _models(report: RunReport) -> str:
    merged: dict[tuple[str, str], list[int]] = {}
    for m in report.models:
        counts = merged.setdefault((m.model, m.table), [0, 0, 0, 0])
        for index, value in enumerate((m.rows, m.elsewhere, m.filled, m.differing)):
            counts[index] += value
    rows = [(model, table, *counts) for (model, table), counts in sorted(merged.items())]
    head = ("read model", "table", "legacy rows", "newer copy elsewhere", "cells filled", "differing")
    return "## Read models beside the sources\n\n" + _table(head, rows, numbers_from=2) if rows else ""


def _findings(report: RunReport) -> str:
    return "## Noticed\n\n" + "\n".join(f"- {_cell(line)}" for line in report.findings) if report.findings else ""


def _files(report: RunReport) -> str:
    rows = [(f.name, f.use, f.version or "", f.reason or f.copied_by, f.bytes or "") for f in report.files]
    return "## Files\n\n" + _table(("file", "what became of it", "version", "how", "bytes"), rows, numbers_from=4)


def _times(report: RunReport) -> str:
    rows = [(phase, f"{seconds:.2f}") for phase, seconds in report.seconds.items()]
    return "## Times\n\n" + _table(("phase", "seconds"), rows)
