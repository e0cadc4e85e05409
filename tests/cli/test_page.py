"""The report as a page: the verdict first, every row accounted for, nothing from a legacy file takes effect."""

from __future__ import annotations

from pathlib import Path

import pytest

from replay.page import by_file, page
from replay.reconciling import Break
from replay.report import FileReport, RunReport
from replay.tally import TableTally
from tests.cli.program import run


def report(**more: object) -> RunReport:
    given = {"system": "arduino-trader", "source": "old", "home": "data", "mode": "replay", "program": "1"}
    return RunReport(**given, started_at="2026-11-20T18:00:00.000000Z", **more)  # type: ignore[arg-type] # one dictionary


def test_the_verdict_comes_first_and_breaks_before_the_tables(dirty: Path, tmp_path: Path) -> None:
    run("replay", dirty, home=tmp_path / "new")
    (text,) = [path.read_text() for path in (tmp_path / "new" / "reports").glob("*.md")]
    order = ["# Replay of", "**Proven.**", "## Breaks", "## Noticed", "## Rows", "## Kept", "## Assumed", "## Files"]
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert len(text.splitlines()) < 250


def test_every_row_of_every_table_is_in_the_sums() -> None:
    tables = [
        TableTally(file="history/A.db", table="daily_prices", read=5, events=4, kept=1),
        TableTally(file="history/B.db", table="daily_prices", read=3, unchanged=3),
        TableTally(file="config.db", table="settings", read=2, events=2),
    ]
    sums = {one.file: one for one in by_file(tables)}
    assert [*sums] == ["history/", "config.db", "all"]
    assert (sums["history/"].read, sums["all"].read) == (8, 10)
    assert all(one.read == one.events + one.unchanged + one.kept for one in sums.values())


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a|b", "a\\|b"),
        ("<img src=x>", "&lt;img src=x>"),
        ("[link](http://x)", "\\[link](http://x)"),
        ("new\nline", "new\\x0aline"),
        ("\x1b[31m", "\\x1b\\[31m"),
    ],
)
def test_no_value_breaks_out_of_its_cell(value: str, shown: str) -> None:
    found = Break(kind="position", subject=value, expected=value, found=value, reason=value)
    assert f"| position | {shown} | {shown} | {shown} | {shown} |" in page(report(breaks=[found])).splitlines()


def test_files_that_could_not_be_read_come_before_everything_else() -> None:
    files = [FileReport(name="ledger.db", use="read"), FileReport(name="config.db", use="read")]
    text = page(report(failed={"ledger.db": "is damaged"}, files=files))
    assert "## Not read: 1 of 2 files" in text
    assert "- **ledger.db**: is damaged" in text
    assert "| ledger.db | not read |" in text
