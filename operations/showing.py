"""What the commands say of their results: tables and a last line that sums up, or one JSON object."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import msgspec

from operations.home import report_path
from operations.printing import as_object, plain, say, table
from projections.catalog import file_of
from projections.engine import CaughtUp, PoisonEvent
from projections.stopping import Stop
from replay.page import by_file
from replay.sources import Use

if TYPE_CHECKING:  # what is shown was made elsewhere: who shows one thing does not load what makes the others
    from operations.standing import Status
    from operations.verifying import Part, Verification
    from projections.comparing import Difference
    from projections.rebuilding import Rebuilt
    from replay.reconciling import Break
    from replay.report import RunReport

SHOWN_MAX = 20
_NOTICED_MAX = 8
_USED = (Use.READ, Use.SIDECAR, Use.UNREADABLE, Use.IMAGE)


def run_report(report: RunReport, *, as_json: bool, kept: bool = True) -> None:
    """A run of replay: rows by file, breaks, what was noticed, and whether it is proven. kept: the home stays."""
    if as_json:
        as_object({**msgspec.to_builtins(report), "rows": report.rows, "exit_code": report.exit_code})
        return
    rows = [
        (t.file, t.tables, t.read, t.events, t.unchanged, t.kept, t.repaired, t.assumed) for t in by_file(report.tables)
    ]
    if report.failed and not _is_recorded(report):
        say("The other files were read and checked. A replay of all would give:", bold=True)
    table(("file", "tables", "rows read", "= events", "+ unchanged", "+ kept", "repaired", "assumed"), rows)
    _not_used(report)
    _breaks(report.breaks, "where the sources contradict each other; recorded, nothing was adjusted")
    _breaks(report.mismatches, "BETWEEN THE SOURCES AND WHAT THE LEDGER GIVES BACK")
    _noticed(report)
    if report.mode == "replay" and kept:
        say(f"Table by table: {report_path(report.home, report.started_at, '.md')}")
    for name, reason in sorted(report.failed.items()):
        say(f"Not read: {plain(name)}: {plain(reason)}", bold=True, color="red")
    say(_conclusion(report), bold=True, color="green" if report.exit_code == 0 else "red" if report.failed else None)


def _not_used(report: RunReport) -> None:
    unused = [f"{plain(one.name)} ({one.reason})" for one in report.files if one.use not in _USED]
    if unused:
        say("Not used: " + ", ".join(unused[:3]) + (f" and {len(unused) - 3} more" if len(unused) > 3 else ""))


def _breaks(breaks: Sequence[Break], title: str) -> None:
    if not breaks:
        return
    say(f"\n{len(breaks):,} difference{'s' if len(breaks) > 1 else ''} {title}:", bold=True)
    for reason, group in groupby(breaks[:SHOWN_MAX], key=lambda one: one.reason):
        say(f"  {plain(reason)}")
        for one in group:
            say(plain(f"    {one.kind} {one.subject}: {one.expected}; {one.found}"))
    if len(breaks) > SHOWN_MAX:
        say(f"    … and {len(breaks) - SHOWN_MAX:,} more in the report")
    say()


def _noticed(report: RunReport) -> None:
    lines = [*report.findings]
    lines += [f"{count:,} {what}: no rate of that day is known" for what, count in report.missing_eur.items() if count]
    for line in lines[:_NOTICED_MAX]:
        say(f"Noticed: {plain(line)}")
    if len(lines) > _NOTICED_MAX:
        say(f"Noticed: … and {len(lines) - _NOTICED_MAX:,} more in the report")


def _is_recorded(report: RunReport) -> bool:
    """Whether what could be read came in."""
    return report.mode != "verify-only" and (report.in_part or not report.failed)


def _conclusion(report: RunReport) -> str:
    seconds = f"{sum(report.seconds.values()):.1f} s"
    if _is_recorded(report) and report.failed:
        verdict = "proven" if report.proven else "NOT PROVEN"
        return (
            f"{len(report.failed)} of {len(report.files)} files could not be read; of the others {report.rows:,} rows, "
            f"{report.events_appended:,} events appended, {verdict}, {seconds}. Replay again when all can be read."
        )
    if report.failed:
        return (
            f"{len(report.failed)} of {len(report.files)} files could not be read; the ledger is unchanged. Replay again when "
            "all can be read; a damaged file without a back-up can be taken out of the folder."
        )
    if report.mode == "verify-only":
        return (
            f"{report.rows:,} rows can be read; a replay would append {report.events_appended:,} events, and what it finds "
            f"reconciling. Nothing was changed. {seconds}"
        )
    verdict = "proven" if report.proven else "NOT PROVEN"
    end = " (in a throw-away home: nothing was changed)" if report.mode == "dry-run" else ""
    breaks = f", {len(report.breaks):,} break{'s' if len(report.breaks) > 1 else ''}" if report.breaks else ""
    return f"{report.rows:,} rows, {report.events_appended:,} events appended{breaks}, {verdict}, {seconds}{end}"


def rebuilt(home: str, result: Sequence[Rebuilt], *, past_in_place: bool, as_json: bool) -> None:
    """What a rebuild made, and where the old content was not what the log says."""
    if as_json:
        as_object({"home": home, "models": [_rebuilt(one) for one in result], "exit_code": 0})
        return
    rows = [
        (file_of(one.name), one.events, sum(one.rows.values()), len(one.differences), f"{one.seconds:.2f}")
        for one in result
    ]
    table(("read model", "events", "rows", "differed before", "seconds"), rows)
    for one in result:
        _differences(file_of(one.name), one.differences)
    if past_in_place:
        say("The home shows the past now; cli catch-up brings the present back. --into DIR leaves the home alone.")


def _rebuilt(one: Rebuilt) -> dict[str, object]:
    return {
        "name": one.name, "position": one.position, "events": one.events, "rows": one.rows,
        "old_position": one.old and one.old.position, "differences": [*map(str, one.differences)], "seconds": one.seconds,
    }  # fmt: skip


def _differences(name: str, differences: Sequence[Difference]) -> None:
    for difference in differences[:SHOWN_MAX]:
        say(f"{name}, before: {plain(difference)}")
    if len(differences) > SHOWN_MAX:
        say(f"{name}, before: … and {len(differences) - SHOWN_MAX:,} more (--json lists them)")


def caught_up(home: str, result: Sequence[CaughtUp | Stop], *, as_json: bool) -> int:
    """How far each read model came, and which ones stopped at an event; the exit code."""
    done = [one for one in result if isinstance(one, CaughtUp)]
    stopped = [one for one in result if isinstance(one, Stop)]
    code = PoisonEvent.exit_code if stopped else 0
    if as_json:
        as_object({"home": home, "models": [one._asdict() for one in done], "stopped": stopped, "exit_code": code})
        return code
    rows = [(file_of(one.name), one.rebuilt or "", one.events, one.position, f"{one.seconds:.2f}") for one in done]
    table(("read model", "built again because", "new events", "position", "seconds"), rows, texts=2)
    for one in stopped:
        say(plain(f"{file_of(one.model)} {one}"), bold=True, color="red")
    return code


def verdict(result: Verification, *, as_json: bool) -> None:
    """What was verified; what is wrong, by name; and what it comes to."""
    if as_json:
        as_object({**msgspec.to_builtins(result), "exit_code": result.exit_code})
        return
    rows = [(part.name, _word(part), part.checked, f"{part.seconds:.2f}") for part in result.parts]
    table(("what", "verdict", "checked", "seconds"), rows, texts=3)
    for names, lines, color in _named(result):
        for line in lines[:SHOWN_MAX]:
            say(f"{names}: {plain(line)}", color=color)
        if len(lines) > SHOWN_MAX:
            say(f"{names}: … and {len(lines) - SHOWN_MAX:,} more (--json lists them)")
    for line in _advice(result):
        say(line)
    say(_sum(result), bold=True, color="green" if result.exit_code == 0 else "red")


def _named(result: Verification) -> Iterator[tuple[str, list[str], str]]:
    """What was found in each part; parts of which the same is to be said, such as no ledger to read, together."""
    for lines, group in groupby(result.parts, key=lambda part: [*part.found, *part.unread]):
        parts = list(group)
        if lines:
            yield ", ".join(one.name for one in parts), lines, "yellow" if parts[0].repaired else "red"


def _word(part: Part) -> str:
    if part.found:
        return "repaired" if part.repaired else f"{len(part.found)} WRONG"
    return "NOT READ" if part.unread else "sound"


def _advice(result: Verification) -> list[str]:
    wrong = {part.name for part in result.parts if part.is_wrong}
    advice = []
    if any(name.endswith(".db") for name in wrong):
        advice.append("Read models can be derived again: cli verify projections --repair")
    if any(part.name == "ledger" and (part.found or part.unread) for part in result.parts):
        advice.append("The ledger is never repaired: keep this file, and put a back-up in its place.")
    return advice


def _sum(result: Verification) -> str:
    wrong = [part.name for part in result.parts if part.is_wrong]
    unread = [part.name for part in result.parts if part.unread]
    if not wrong and not unread:
        repaired = sum(part.repaired for part in result.parts)
        mended = f", {repaired} of them after repair" if repaired else ""
        return f"All {len(result.parts)} sound{mended}." if len(result.parts) > 1 else "Sound."
    said = [f"wrong: {', '.join(wrong)}"] if wrong else []
    said += [f"not read: {', '.join(unread)}"] if unread else []
    return f"NOT VERIFIED ({'; '.join(said)})"


def status(result: Status, *, as_json: bool) -> None:
    """The home at a glance."""
    if as_json:
        as_object({**msgspec.to_builtins(result), "exit_code": 0})
        return
    say(f"{result.home}: {result.position:,} events, {result.ledger_bytes / 1e6:,.1f} MB, head {result.head[:16]}…")
    say(f"last recorded: {result.last_recorded_at or 'nothing yet'}; last report: {result.last_report or 'none'}")
    rows = [(file_of(m.name), m.rebuild or "", m.position, m.behind, m.events, m.bytes) for m in result.models]
    table(("read model", "to be built again because", "position", "behind", "events", "bytes"), rows, texts=2)
    if result.cut_over:
        say(plain(f"This ledger took the place of {result.cut_over}; its files are not replayed any more."))
    stopped = [m for m in result.models if m.stopped]
    stale = [m.name for m in result.models if (m.behind or m.rebuild) and not m.stopped]
    for one in stopped:
        say(plain(f"{file_of(one.name)} {one.stopped}"), bold=True, color="red")
    if not result.position:
        say("The log is empty. Begin with: cli replay SOURCE")
    elif stale:
        say(f"{len(stale)} of {len(result.models)} read models are not up to date. Bring them up: cli catch-up")
    elif stopped:
        say(f"{len(stopped)} of {len(result.models)} read models stand still at an event; the others are up to date.")
    else:
        say("All read models are up to date.")
