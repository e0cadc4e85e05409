"""Rebuilding: beside, checked, switched in at once; a killed one leaves the live model as it was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import apsw
import pytest

from domain.errors import DiskFull, StoreError
from domain.event import Event
from domain.universe import SettingChanged
from ledger.log import Log, open_log
from projections import building, catalog
from projections.building import standing
from projections.comparing import table_digests
from projections.engine import catch_up, model_path
from projections.profiles import open_building, open_live
from projections.rebuilding import rebuild, rebuild_all
from projections.verifying import verify_model
from tests.projections.logs import ledger_of, log_of

ROOT = Path(__file__).resolve().parents[2]
CONFIG = catalog.find("config")


def settings_with(value: str, count: int = 500) -> list[Event]:
    return [SettingChanged(key=f"key {number}", value=value, description="x" * 200) for number in range(count)]


OLD, NEW = settings_with("old"), settings_with("new")


def leftovers(home: Path) -> list[str]:
    return sorted(path.name for path in home.iterdir() if "building" in path.name)


def pragmas(path: Path, profile: str) -> tuple[Any, ...]:
    db = open_live(path, profile)
    try:
        return tuple(db.pragma(name) for name in ("journal_mode", "auto_vacuum", "synchronous", "foreign_keys"))
    finally:
        db.close()


@pytest.mark.parametrize("name", [projector.name for projector in catalog.projectors()])
def test_the_pragmas_of_the_profile_survive_every_switch(name: str, tmp_path: Path) -> None:
    projector = catalog.find(name)
    wanted = ("wal", 1, 0, 1) if projector.profile == "cache" else ("wal", 2, 1, 1)
    for _ in range(2):
        rebuild(projector, log_of(*OLD), tmp_path)
        assert pragmas(model_path(tmp_path, name), projector.profile) == wanted


def test_the_cache_profile_is_for_the_cache_only() -> None:
    assert {one.name: one.profile for one in catalog.projectors() if one.profile != "standard"} == {"cache": "cache"}


def test_a_rebuild_reports_what_the_old_content_had_wrong(tmp_path: Path) -> None:
    log = log_of(*OLD)
    catch_up(CONFIG, log, tmp_path / "config.db")
    db = apsw.Connection(str(tmp_path / "config.db"))
    db.execute("UPDATE settings SET value = 'mine' WHERE key = 'key 7'")
    db.close()
    rebuilt = rebuild(CONFIG, log, tmp_path)
    assert [str(one) for one in rebuilt.differences] == ["settings key 7: value is 'mine', expected 'old'"]
    assert (rebuilt.events, rebuilt.rows["settings"], rebuilt.position) == (500, 500, 500)
    assert rebuild(CONFIG, log, tmp_path).differences == []
    assert verify_model(CONFIG, log, tmp_path).is_proven
    assert leftovers(tmp_path) == []


def test_a_rebuild_into_another_folder_leaves_the_live_model(tmp_path: Path) -> None:
    log = log_of(*OLD, *NEW)
    catch_up(CONFIG, log, tmp_path / "config.db")
    before = table_digests(tmp_path / "config.db")
    rebuild(CONFIG, log, tmp_path, known_at="2026-01-01T00:08:20.000000Z", into=tmp_path / "then" / "there")
    assert table_digests(tmp_path / "config.db") == before
    assert verify_model(CONFIG, log, tmp_path / "then" / "there").behind == 500
    catch_up(CONFIG, log_of(*OLD), tmp_path / "as it was.db")
    assert table_digests(tmp_path / "then" / "there" / "config.db") == table_digests(tmp_path / "as it was.db")


READER = """
import sys, apsw
db, seen = apsw.Connection(sys.argv[1], flags=apsw.SQLITE_OPEN_READONLY), set()
while "new" not in seen:
    rows = db.execute("SELECT value, count(*) FROM settings GROUP BY 1").fetchall()
    assert len(rows) == 1 and rows[0][1] == 500, rows
    if not seen:
        print("ready", flush=True)
    seen.add(rows[0][0])
print(sorted(seen), flush=True)
"""


def test_a_reader_in_another_process_sees_the_old_content_or_the_new(tmp_path: Path) -> None:
    path = tmp_path / "config.db"
    catch_up(CONFIG, log_of(*OLD), path)
    reader = subprocess.Popen([sys.executable, "-c", READER, str(path)], stdout=subprocess.PIPE, text=True)
    assert reader.stdout is not None
    assert reader.stdout.readline() == "ready\n"
    for _ in range(20):
        rebuild(CONFIG, log_of(*OLD), tmp_path)
    rebuild(CONFIG, log_of(*OLD, *NEW), tmp_path)
    output, _ = reader.communicate(timeout=120)
    assert reader.returncode == 0
    assert output == "['new', 'old']\n"


def test_a_reader_that_holds_on_to_the_old_content_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "config.db"
    catch_up(CONFIG, log_of(*OLD), path)
    reader = apsw.Connection(str(path))
    reader.execute("BEGIN")
    count = "SELECT value, count(*) FROM settings GROUP BY 1"
    assert reader.execute(count).fetchall() == [("old", 500)]
    rebuild(CONFIG, log_of(*OLD, *NEW), tmp_path)
    assert reader.execute(count).fetchall() == [("old", 500)]
    reader.execute("COMMIT")
    assert reader.execute(count).fetchall() == [("new", 500)]


KILLED = """
import sys, time
from pathlib import Path
from ledger.log import open_log
from projections import catalog, rebuilding, {module}
home = Path(sys.argv[1])
def stop(*args, **more):
    print("here", flush=True)
    time.sleep(60)
{module}.{function} = stop
with open_log(home) as log:
    rebuilding.rebuild(catalog.find("config"), log, home)
"""


@pytest.mark.parametrize(("module", "function"), [("building", "_quick_check"), ("rebuilding", "_switch")])
def test_a_killed_rebuild_leaves_the_live_model_and_no_litter(module: str, function: str, tmp_path: Path) -> None:
    ledger_of(tmp_path, [*OLD, *NEW])
    with open_log(tmp_path) as log:
        catch_up(CONFIG, log, tmp_path / "config.db", through=500)
        before = table_digests(tmp_path / "config.db")
        code = KILLED.format(module=module, function=function)
        child = subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        assert child.stdout is not None
        assert child.stdout.readline() == "here\n"
        assert len(leftovers(tmp_path)) == 1
        building.remove_leftovers(tmp_path / "config.db")
        assert len(leftovers(tmp_path)) == 1, "the file of a running rebuild is not litter"
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()
        assert table_digests(tmp_path / "config.db") == before
        assert verify_model(CONFIG, log, tmp_path).is_proven
        rebuild(CONFIG, log, tmp_path)
        assert leftovers(tmp_path) == []


def test_kills_at_any_moment_leave_the_old_content_or_the_new(tmp_path: Path) -> None:
    ledger_of(tmp_path, [*OLD, *NEW])
    again = "while True: rebuilding.rebuild(catalog.find('config'), log, home)"
    code = (
        "import sys\nfrom pathlib import Path\nfrom ledger.log import open_log\n"
        f"from projections import catalog, rebuilding\nhome = Path(sys.argv[1])\nprint('ready', flush=True)\n"
        f"with open_log(home) as log:\n    {again}\n"
    )
    with open_log(tmp_path) as log:
        for delay in (0.02, 0.05, 0.09, 0.14):
            catch_up(CONFIG, log, tmp_path / "config.db")
            child = subprocess.Popen(
                [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
            )
            assert child.stdout is not None
            child.stdout.readline()
            time.sleep(delay)
            child.kill()
            child.wait()
            child.stdout.close()
            assert verify_model(CONFIG, log, tmp_path).is_proven
    assert leftovers(tmp_path) == []


def test_a_full_disk_while_building_leaves_the_live_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def small(path: Path, profile: str) -> apsw.Connection:
        db = open_building(path, profile)
        db.pragma("max_page_count", 6)
        return db

    catch_up(CONFIG, log_of(*OLD[:5]), tmp_path / "config.db")
    before = table_digests(tmp_path / "config.db")
    monkeypatch.setattr(building, "open_building", small)
    with pytest.raises(DiskFull, match="bytes are free"):
        rebuild(CONFIG, log_of(*OLD), tmp_path)
    assert table_digests(tmp_path / "config.db") == before
    assert leftovers(tmp_path) == []


LIMITED = """
import resource, signal, sys
from pathlib import Path
from domain.errors import LedgerError
from ledger.log import open_log
from projections import catalog
from projections.rebuilding import rebuild
home = Path(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with open_log(home) as log:
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
    try:
        rebuild(catalog.find("config"), log, home)
    except LedgerError as error:
        print(type(error).__name__, error.message)
"""


def test_a_disk_that_refuses_to_write_is_explained_and_leaves_the_live_model(tmp_path: Path) -> None:
    ledger_of(tmp_path, [*OLD, *NEW])
    with open_log(tmp_path) as log:
        catch_up(CONFIG, log, tmp_path / "config.db", through=500)
        done = subprocess.run(
            [sys.executable, "-c", LIMITED, str(tmp_path)], capture_output=True, text=True, cwd=ROOT, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(("StoreError config.db", "DiskFull config.db"))
        assert verify_model(CONFIG, log, tmp_path).is_proven
    assert leftovers(tmp_path) == []


def test_a_file_of_another_page_size_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "config.db"
    catch_up(CONFIG, log_of(*OLD), path)
    db = apsw.Connection(str(path))
    db.pragma("journal_mode", "delete")
    db.pragma("page_size", 1024)
    db.execute("VACUUM")
    db.close()
    rebuild(CONFIG, log_of(*OLD), tmp_path)
    assert pragmas(path, "standard")[:2] == ("wal", 2)
    assert verify_model(CONFIG, log_of(*OLD), tmp_path).is_proven


def test_all_models_can_be_rebuilt_in_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger_of(tmp_path, [*OLD, *NEW])
    monkeypatch.setattr("projections.rebuilding._PARALLEL_BYTES", 0)
    projectors = catalog.projectors()
    rebuilt = rebuild_all(projectors, tmp_path, workers=2)
    assert [one.name for one in rebuilt] == [one.name for one in projectors]
    with open_log(tmp_path) as log:
        assert all(verify_model(one, log, tmp_path).is_proven for one in projectors)
        assert [one.events for one in rebuilt if one.name == "config"] == [1_000]


def test_a_model_is_not_proven_when_it_is_missing_or_of_another_ledger(tmp_path: Path) -> None:
    log: Log = log_of(*OLD)
    assert verify_model(CONFIG, log, tmp_path).problems == ["the file is missing; rebuild it"]
    catch_up(CONFIG, log_of(*NEW), tmp_path / "config.db")
    assert verify_model(CONFIG, log, tmp_path).problems == ["the file belongs to another ledger; rebuild it"]
    assert standing(tmp_path / "config.db") is not None


def test_a_damaged_new_file_never_goes_live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catch_up(CONFIG, log_of(*OLD), tmp_path / "config.db")
    before = table_digests(tmp_path / "config.db")
    monkeypatch.setattr(building, "_quick_check", lambda _path: "page 3 is odd")
    with pytest.raises(StoreError, match="SQLite finds the new file damaged: page 3 is odd"):
        rebuild(CONFIG, log_of(*OLD), tmp_path)
    assert table_digests(tmp_path / "config.db") == before
