"""What `cli cutover` and `cli export-legacy` say: steps, files, and what has no place in them."""

from __future__ import annotations

import shlex

import msgspec

from operations.cutover import CutOverReport, Step, name_of
from operations.cutting_back import Undone
from operations.legacy_export import LegacyExport
from operations.printing import as_object, plain, say, table

SHOWN_MAX = 20


def rehearsed(report: CutOverReport, *, as_json: bool) -> None:
    """Each step with its verdict, what stands open, and what to do next."""
    if as_json:
        as_object({**msgspec.to_builtins(report), "passed": report.passed, "exit_code": report.exit_code})
        return
    rows = [(step.name, _word(step), step.checked, f"{step.seconds:.2f}") for step in report.steps]
    table(("step", "verdict", "checked", "seconds"), rows, texts=3)
    for step in report.steps:
        _lines(step.found, f"{step.name}: ", "red")
    _open_breaks(report)
    say(_conclusion(report), bold=True, color="green" if report.passed else "red")


def _word(step: Step) -> str:
    return "passed" if not step.found else "NOT READ" if step.unread else "FAILED"


def _open_breaks(report: CutOverReport) -> None:
    missing = [one for one in report.breaks if name_of(one) not in report.accepted]
    if not missing:
        return
    say(f"\n{len(missing):,} differences stand open. Settle them, or accept the ones that you can explain:", bold=True)
    for one in missing[:SHOWN_MAX]:
        say(plain(f"  --accept {shlex.quote(name_of(one))}   {one.expected}; {one.found} ({one.reason})"))
    if len(missing) > SHOWN_MAX:
        say(f"  … and {len(missing) - SHOWN_MAX:,} more (--json lists them)")


def _conclusion(report: CutOverReport) -> str:
    if report.executed:
        return (
            f"Cut over: from event {report.position:,} on the ledger counts, and {report.system} is not replayed any more. "
            "The way back: cli cutover --undo --to DIR"
        )
    if report.passed:
        return "Rehearsed: every step passed. Stop the legacy system and give the same command with --execute."
    failed = ", ".join(step.name for step in report.steps if step.found)
    return f"NOT READY ({failed}). The legacy system goes on to count; nothing was recorded but its own new rows."


def exported(export: LegacyExport, *, as_json: bool) -> None:
    """The files, and what they do not hold."""
    if as_json:
        as_object({**msgspec.to_builtins(export), "exit_code": export.exit_code})
        return
    _files(export)
    zone = f" --timezone {export.timezone}" if export.timezone else ""
    verdict = "every fact of the ledger is in them" if export.exit_code == 0 else "NOT EVERYTHING is in them, see above"
    written = export.written
    total = sum(one.rows for one in written.tables)
    say(
        f"{len(written.files):,} files, {total:,} rows, {verdict}, {export.seconds:.1f} s. "
        f"They are replayed with: cli replay {plain(export.into)}{zone}",
        bold=True, color="green" if export.exit_code == 0 else "red",
    )  # fmt: skip


def _files(export: LegacyExport) -> None:
    written = export.written
    by_file = {file: [one for one in written.tables if one.file == file] for file in written.files}
    rows = [
        (file, len(some), sum(t.rows for t in some), sum(t.entered for t in some), sum(t.changed for t in some))
        for file, some in by_file.items()
    ]
    table(("file", "tables", "rows", "entered here", "corrected here"), rows)
    made = [f"{count:,} {column}" for column, count in sorted(written.made.items())]
    if made:
        say(f"Demanded by the legacy schema and not said by the entry, so filled: {', '.join(made)}")
    if written.rekeyed:
        say(
            f"Under another key than in the ledger, since these have no id of their own: {len(written.rekeyed):,} facts"
        )
    ended = [f"{count:,} {topic}" for topic, count in sorted(written.ended.items())]
    if ended:
        say(f"Left out, because they were voided or removed here: {', '.join(ended)}")
    own = [f"{count:,} {topic}" for topic, count in sorted(written.own.items())]
    if own:
        say(f"Daybook's own, which no legacy file has: {', '.join(own)}", dim=True)
    unlike = [f"{one.file} {one.table}: not as it should be" for one in written.tables if not one.faithful]
    lost = [f"{one.count:,} {one.what}: {one.reason}" for one in written.unwritten]
    replaced = [
        f"{one.file} {one.table}: {one.replaced:,} older rows gave way to a newer one of the same key"
        for one in written.tables
        if one.replaced
    ]
    _lines([*unlike, *lost, *replaced], "Not in the files: ", "red")


def _lines(lines: list[str], before: str, color: str) -> None:
    for line in lines[:SHOWN_MAX]:
        say(f"{before}{plain(line)}", color=color)
    if len(lines) > SHOWN_MAX:
        say(f"{before}… and {len(lines) - SHOWN_MAX:,} more (--json lists them)")


def undone(result: Undone, *, as_json: bool) -> None:
    """The files of the way back, and their first replay."""
    if as_json:
        as_object({**msgspec.to_builtins(result), "exit_code": result.exit_code})
        return
    _files(result.export)
    run = result.replayed
    say(
        f"The legacy system counts again, from the files in {plain(result.export.into)} (event {result.position:,}). Their "
        f"first replay read {run.rows:,} rows and appended {run.events_appended:,} events, "
        f"{'proven' if run.proven else 'NOT PROVEN'}.",
        bold=True, color="green" if result.exit_code == 0 else "red",
    )  # fmt: skip
