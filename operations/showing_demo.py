"""What `cli demo` says: the tour, in about two screens."""

from __future__ import annotations

import textwrap
from collections import Counter

import msgspec

from operations import showing, showing_backup
from operations.demonstration import Demo
from operations.printing import as_object, plain, say, table
from projections.catalog import file_of

_WIDTH = 118


def demo(result: Demo, *, as_json: bool) -> None:
    """The tour: what was made, what was found, and one line at the end."""
    if as_json:
        as_object({**msgspec.to_builtins(result), "proven": result.proven, "exit_code": result.exit_code})
        return
    say(f"A legacy folder of {len(result.replay.files)} files was written in {result.written_s:.1f} s.", bold=True)
    _planted(result)
    say("\n$ cli replay legacy", bold=True)
    showing.run_report(result.replay, as_json=False, kept=result.kept)
    say("\n$ cli rebuild-projection --all", bold=True)
    say(", ".join(f"{file_of(name)} {seconds:.2f} s" for name, seconds in result.rebuilt.items()))
    say("\n$ cli verify", bold=True)
    showing.verdict(result.verification, as_json=False)
    say("\n$ cli backup daily; cli drill", bold=True)
    for copy in result.copies:
        say(plain(f"backups/{copy.tier}/{copy.name}: {copy.position:,} events, {copy.bytes / 1e6:.1f} MB, proven"))
    showing_backup.drilled(result.drill, as_json=False)
    say("\n$ cli replay legacy", bold=True)
    say(f"The second time, {result.again} events were appended.\n")
    if result.kept:
        say(f"Kept in {result.folder}. Look around: cli --home {result.folder}/home status")
    else:
        say("The folder was removed again; --into DIR keeps one to look around in.")
    say(demo_line(result), bold=True, color="green" if result.proven else "red")


def _planted(result: Demo) -> None:
    """The flaws by file, many of one kind as a number; each has its sentence in --json."""
    say(f"{len(result.planted)} flaws were planted in it, as real folders have them:")
    files: dict[str, Counter[str]] = {}
    for flaw in result.planted:
        name = "history/" if flaw.file.startswith("history/") else flaw.file
        files.setdefault(name, Counter())[flaw.kind] += 1
    rows = []
    for name, kinds in sorted(files.items()):
        said = ", ".join(kind.replace("-", " ") + (f" ({count})" if count > 1 else "") for kind, count in kinds.items())
        for index, line in enumerate(textwrap.wrap(plain(said), _WIDTH - 20)):
            rows.append(("" if index else name, line))
    table(("file", "what is wrong with it"), rows, texts=2)


def demo_line(result: Demo) -> str:
    """The last line: rows, events, read models, proven or not, seconds."""
    word = "proven" if result.proven else "NOT PROVEN"
    return (
        f"{result.replay.rows:,} rows, {result.replay.events_appended:,} events, {len(result.rebuilt)} read models, {word}, "
        f"{result.seconds:.1f} seconds"
    )
