"""A watch beside a legacy system that another process goes on writing to."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from operations.divergence_page import age
from tests.cli.program import ended, heard, heard_at_last, mishaps, refused, run, run_json, start
from tests.legacy import Legacy, trade
from tests.live.writers import LEGACY, started, until
from tests.replay.oracle import legacy_rows, recorded_rows

PROMISED_S = 2.0
KEPT_S = 0.5  # from writing: nobody is for longer than a read takes
COUNT = 6
TRIES = 10  # a machine that has other things to do may need several


def recorded(home: Path) -> dict[str, float]:
    """When the ledger learned of each trade."""
    if not (home / "ledger.db").exists():
        return {}
    with closing(sqlite3.connect(f"file:{home / 'ledger.db'}?mode=ro", uri=True)) as db:
        query = "SELECT state ->> 'order_id', recorded_at FROM stored_events WHERE topic = 'trade-executed.v1'"
        return {order: datetime.fromisoformat(at).timestamp() for order, at in db.execute(query)}


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_new_rows_are_in_the_ledger_within_two_seconds_of_their_commit(full: Legacy, journal: str) -> None:
    watch = start("--home", full.home, "watch", full.folder, "--json")
    assert watch.stdout is not None
    assert json.loads(watch.stdout.readline())["appended"] > 0
    measured: list[tuple[float, float]] = []
    while not any(lag < PROMISED_S and kept < KEPT_S for lag, kept in measured):
        assert len(measured) < TRIES, measured
        measured.append(lag_and_wait(full, journal, f"new{len(measured)}"))
    os.kill(watch.pid, signal.SIGTERM)
    code, out, err = ended(watch)
    assert (code, mishaps(err)) == (1, [])  # the position that is reported knows nothing of the new trades
    rounds = [json.loads(line) for line in out.splitlines()]
    assert rounds[-1]["breaks"] == 1
    assert sum(one["appended"] for one in rounds) >= COUNT * len(measured)
    assert {name for one in rounds for name in one["changed"]} == {"ledger.db"}
    assert recorded_rows(full.home) == legacy_rows(full.folder)
    assert run_json("verify", home=full.home)["exit_code"] == 0


def lag_and_wait(full: Legacy, journal: str, name: str) -> tuple[float, float]:
    """How long at most the ledger took to learn of a new row, and how long a commit took that added one."""
    with started(LEGACY, full.folder / "ledger.db", journal, name, COUNT, 0.3) as writer:
        assert writer.stdout is not None
        written = {name: (float(asked), float(done)) for name, asked, done in map(str.split, lines(writer.stdout))}
        until(lambda: written.keys() <= recorded(full.home).keys())
        assert writer.stdin is not None
        writer.stdin.close()
    learned = recorded(full.home)
    lag = max(learned[name] - done for name, (_, done) in written.items())
    return lag, max(done - asked for asked, done in written.values())


def lines(out: object) -> list[str]:
    return [out.readline() for _ in range(COUNT)]  # type: ignore[attr-defined]


def test_until_quiet_ends_by_itself_and_says_where_old_and_new_diverge(full: Legacy) -> None:
    before = full.fingerprint()
    begun = time.monotonic()
    done = run("watch", full.folder, "--until-quiet", "1.2", home=full.home)
    assert done.exit_code == 0, done.output
    assert time.monotonic() - begun < 60
    assert "0 breaks, 0 differences" in done.stdout
    assert full.fingerprint() == before
    full.run("state.db", "UPDATE positions SET quantity = 11")
    assert run("watch", full.folder, "--until-quiet", "0", home=full.home).exit_code == 1
    found = json.loads((full.home / "reports" / "divergence.json").read_text())
    assert [(one["subject"], one["expected"][:2]) for one in found["breaks"]] == [("AAPL.US", "10")]
    page = (full.home / "reports" / "divergence.html").read_text()
    assert "1 break." in page
    assert "<td>AAPL.US</td>" in page
    assert "http" not in page


def put(content: bytes, path: Path) -> None:
    """All at once: a watch that looked in between would tell of an empty file as well."""
    new = path.parents[2] / "new"
    new.write_bytes(content)
    new.replace(path)


def test_a_file_that_is_damaged_and_one_that_comes_and_goes_are_told_and_the_rest_goes_on(full: Legacy) -> None:
    watch = start("--home", full.home, "watch", full.folder)
    heard(watch, "events appended, 0 breaks")
    path = full.folder / "history" / "AAPL_US.db"
    whole = path.read_bytes()
    put(whole[:-4096], path)
    heard(watch, "history/AAPL_US.db: ")
    full.write("ledger.db", trades=[trade("T2")])
    until(lambda: "T2" in recorded(full.home))
    heard(watch, "ledger.db: ")
    path.unlink()
    heard(watch, "history/AAPL_US.db: is gone")
    put(whole, path)
    heard(watch, "history/AAPL_US.db: can be read again")
    aside = full.folder.rename(full.folder.parent / "aside")
    # A look that is at work when the folder goes tells of each file first.
    heard_at_last(watch, "waiting: ")
    aside.rename(full.folder)
    heard_at_last(watch, "goes on")
    os.killpg(watch.pid, signal.SIGINT)
    code, _, err = ended(watch)
    assert code == 130
    assert "Stopped." in err
    assert len(full.events("trade-executed")) == 2


def test_what_keeps_a_watch_from_beginning_is_one_line(full: Legacy, tmp_path: Path) -> None:
    refused(run("watch", tmp_path / "nothing", home=full.home), 3, "no such file or folder")
    refused(run("watch", full.folder, "--timezone", "Nowhere/Land", home=full.home), 2, "Nowhere/Land")
    refused(run("watch", full.folder, "--system", "other", home=full.home), 2, "is not known")
    refused(run("watch", full.folder, home=full.folder), 2, "legacy folder")
    assert not full.home.exists()


def test_ages_are_told_in_the_largest_full_unit() -> None:
    now = "2025-03-03T12:00:00.000000Z"
    ages = [
        age(f"2025-0{text}.000000Z", now)
        for text in ("3-03T11:59:30", "3-03T11:01:00", "3-03T10:00:00", "3-02T11:00:00", "2-01T00:00:00")
    ]
    assert ages == ["moments", "59 minutes", "2 hours", "1 day", "30 days"]
