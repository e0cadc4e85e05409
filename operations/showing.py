"""What the commands print: tables and sentences on stdout, or one JSON object; errors on stderr."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from domain.errors import LedgerError
from operations.demonstration import Demo
from operations.progress import Teller
from operations.standing import Status
from operations.verifying import Verification
from projections.engine import CaughtUp
from projections.rebuilding import Rebuilt
from replay.page import merged_tables
from replay.reconciling import Break
from replay.report import RunReport

SHOWN_MAX = 20


def teller(*, as_json: bool) -> Teller:
    """Progress on stderr."""
    return Teller(quiet=as_json and not sys.stderr.isatty())


def fail(error: LedgerError, *, as_json: bool) -> None:
    """One line that says what is wrong and what to do."""
    if as_json:
        _json({"error": error.message, "hint": error.hint, "exit_code": error.exit_code})
    hint = f" {error.hint}" if error.hint else ""
    print(f"Error: {plain(error.message)}.{plain(hint)}".replace("..", "."), file=sys.stderr)


def plain(text: object) -> str:
    """Text from a file, with control characters written out, so that no terminal acts on them."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in str(text))


def _json(value: object) -> None:
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def _console() -> Console:
    console = Console(highlight=False, soft_wrap=False)
    if not console.is_terminal:
        console.width = 160
    return console


def _table(head: Sequence[str], rows: Sequence[Sequence[object]], *, texts: int = 1, title: str = "") -> None:
    """A table whose first `texts` columns are text and the others numbers."""
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for index, name in enumerate(head):
        table.add_column(name, justify="left" if index < texts else "right", overflow="fold")
    for row in rows:
        table.add_row(*(Text(f"{cell:,}" if isinstance(cell, int) else plain(cell)) for cell in row))
    _console().print(table)


def _say(text: str, style: str = "") -> None:
    _console().print(Text(text, style=style), soft_wrap=True)


def run_report(report: RunReport, *, as_json: bool) -> None:
    """A run of replay: rows by table, breaks, findings, and one line that says whether it is proven."""
    if as_json:
        _json({**msgspec.to_builtins(report), "rows": report.rows, "exit_code": report.exit_code})
        return
    for name, reason in sorted(report.failed.items()):
        _say(f"not read: {plain(name)}: {plain(reason)}", "bold red")
    rows = [
        (t.file, t.table, t.read, t.events, t.unchanged, t.kept, t.repaired, sum(t.assumed.values()))
        for t in merged_tables(report.tables)
    ]
    _table(("file", "table", "read", "= events", "+ unchanged", "+ kept", "repaired", "assumed"), rows, texts=2)
    _breaks(report.breaks, "\nBreaks: differences that are listed, not smoothed over")
    _breaks(report.mismatches, "\nDifferences that break the proof")
    for line in report.findings[:SHOWN_MAX]:
        _say(f"noticed: {plain(line)}")
    for what, count in report.missing_eur.items():
        if count:
            _say(f"noticed: {count:,} {what}: no rate of that day is known")
    _say(_conclusion(report), "bold green" if report.exit_code == 0 else "bold")


def _conclusion(report: RunReport) -> str:
    seconds = sum(report.seconds.values())
    if report.failed:
        return f"{len(report.failed)} of {len(report.files)} files could not be read; the ledger is unchanged."
    if report.mode == "verify-only":
        return (
            f"{report.rows:,} rows could be read; a replay would append {report.events_appended:,} events. "
            f"Nothing was changed. {seconds:.1f} s"
        )
    verdict = "proven" if report.proven else "NOT PROVEN"
    end = " (a throw-away home: nothing was changed)" if report.mode == "dry-run" else ""
    breaks = f", {len(report.breaks):,} breaks" if report.breaks else ""
    return f"{report.rows:,} rows, {report.events_appended:,} events appended{breaks}, {verdict}, {seconds:.1f} s{end}"


def _breaks(breaks: Sequence[Break], title: str) -> None:
    if breaks:
        rows = [(b.kind, b.subject, b.expected, b.found, b.reason) for b in breaks[:SHOWN_MAX]]
        _table(("kind", "of", "expected", "found", "why"), rows, texts=5, title=title)
        if len(breaks) > SHOWN_MAX:
            _say(f"… and {len(breaks) - SHOWN_MAX:,} more in the report")


def rebuilt(result: Sequence[Rebuilt], *, as_json: bool) -> None:
    """What a rebuild made, and where the old content was not what the log says."""
    if as_json:
        _json([{**one._asdict(), "differences": [*map(str, one.differences)]} for one in result])
        return
    rows = [
        (f"{one.name}.db", one.events, sum(one.rows.values()), len(one.differences), f"{one.seconds:.2f}")
        for one in result
    ]
    _table(("read model", "events", "rows", "differed before", "seconds"), rows)
    for one in result:
        for difference in one.differences[:SHOWN_MAX]:
            _say(f"{one.name}.db: {plain(difference)}")


def caught_up(result: Sequence[CaughtUp], *, as_json: bool) -> None:
    """How far each read model came."""
    if as_json:
        _json([one._asdict() for one in result])
        return
    rows = [(f"{one.name}.db", one.rebuilt or "", one.events, one.position, f"{one.seconds:.2f}") for one in result]
    _table(("read model", "rebuilt because", "new events", "position", "seconds"), rows, texts=2)


def verdict(result: Verification, *, as_json: bool) -> None:
    """What was verified; what is wrong, by name."""
    if as_json:
        _json({**msgspec.to_builtins(result), "exit_code": result.exit_code})
        return
    rows = [(part.name, _word(part), part.checked, f"{part.seconds:.2f}") for part in result.parts]
    _table(("what", "verdict", "checked", "seconds"), [(*row[:3], row[3]) for row in rows], texts=3)
    for part in result.parts:
        for line in [*part.found, *part.unread][:SHOWN_MAX]:
            _say(f"{part.name}: {plain(line)}", "red")
        if len(part.found) > SHOWN_MAX:
            _say(f"{part.name}: … and {len(part.found) - SHOWN_MAX:,} more (--json lists all)")
    if any(part.found and not part.repaired and part.name.endswith(".db") for part in result.parts):
        _say("Read models can be derived again: cli verify projections --repair")


def _word(part: object) -> str:
    found, unread = getattr(part, "found", []), getattr(part, "unread", [])
    if found:
        return "repaired" if getattr(part, "repaired", False) else f"{len(found)} WRONG"
    return "NOT READ" if unread else "sound"


def status(result: Status, *, as_json: bool) -> None:
    """The home at a glance."""
    if as_json:
        _json(result)
        return
    _say(f"{result.home}: {result.position:,} events, {result.ledger_bytes / 1e6:,.1f} MB, head {result.head[:16]}…")
    _say(f"last recorded: {result.last_recorded_at or 'nothing yet'}; last report: {result.last_report or 'none'}")
    rows = [(f"{m.name}.db", m.rebuild or "", m.position, m.behind, m.events, m.bytes) for m in result.models]
    _table(("read model", "needs a rebuild because", "position", "behind", "events", "bytes"), rows, texts=2)


def demo(result: Demo, *, as_json: bool) -> None:
    """The tour: what was made, what was found, and one line at the end."""
    if as_json:
        _json({**msgspec.to_builtins(result), "proven": result.proven, "exit_code": result.exit_code})
        return
    _say(f"A legacy folder of {len(result.replay.files)} files was written in {result.written_s:.1f} s, dirt included:")
    for line in result.planted:
        _say(f"  {plain(line)}", "dim")
    _say("\ncli replay legacy", "bold")
    run_report(result.replay, as_json=False)
    _say("\ncli rebuild-projection --all", "bold")
    _table(("read model", "seconds"), [(f"{name}.db", f"{seconds:.2f}") for name, seconds in result.rebuilt.items()])
    _say("\ncli verify", "bold")
    verdict(result.verification, as_json=False)
    _say(f"\ncli replay legacy, a second time: {result.again} events appended")
    if result.kept:
        _say(f"Kept in {result.folder}: try cli --home {result.folder}/home status")
    _say(demo_line(result), "bold green" if result.proven else "bold red")


def demo_line(result: Demo) -> str:
    """The last line: rows, events, read models, proven or not, seconds."""
    word = "proven" if result.proven else "NOT PROVEN"
    return (
        f"{result.replay.rows:,} rows, {result.replay.events_appended:,} events, {len(result.rebuilt)} read models, {word}, "
        f"{result.seconds:.1f} seconds"
    )
