"""Legacy files looked at with plain SQLite, ledgers with plain JSON: what a folder that was written again must be equal to."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw

from domain.event import Event, encode, topic_of
from ledger.log import Entry, open_log
from operations.legacy_export import LegacyExport, export_legacy
from operations.replaying import replay, silent
from tests.legacy import Legacy
from tests.replay.oracle import stored

BOOKS = ("replay:", "reconciliation:", "cut-over:")


def export(home: Path, into: Path, **asked: Any) -> LegacyExport:
    return export_legacy(home, into, **{"system": None, "as_of": None, "known_at": None, "tell": silent} | asked)


def enter(home: Path, *facts: tuple[str, Event]) -> None:
    """Record facts as entries made here are: without provenance."""
    with open_log(home, write=True) as log:
        log.append([Entry(stream, topic_of(type(event)), encode(event)) for stream, event in facts])


def copied(folder: Path) -> Path:
    """A copy to look at: SQLite leaves files beside a database that it reads."""
    return Path(shutil.copytree(folder, folder.with_name(folder.name + "-looked-at"), dirs_exist_ok=True))


def asked(path: Path, query: str) -> list[Any]:
    with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as db:
        return db.execute(query).fetchall()


def copy_of(made: Legacy, legacy: Legacy) -> Legacy:
    """A legacy folder with its home, made once for many tests, in the place of an empty one."""
    shutil.copytree(made.folder, legacy.folder, dirs_exist_ok=True)
    shutil.copytree(made.home, legacy.home)
    return legacy


def schemas(folder: Path) -> dict[str, Any]:
    """Of every database in a folder: its statements in order and its pragmas."""
    found = {}
    for path in sorted(folder.rglob("*.db")):
        if path.stat().st_size:
            sql = asked(
                path, "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid"
            )
            pragmas = [
                asked(path, f"PRAGMA {name}") for name in ("page_size", "encoding", "auto_vacuum", "user_version")
            ]
            found[path.relative_to(folder).as_posix()] = sql, pragmas, asked(path, "PRAGMA integrity_check(3)")
    return found


def facts(home: Path) -> dict[tuple[str, str | None], dict[str, Any]]:
    """The newest event of every stream and copy, whatever corrected it; prices one by one."""
    found: dict[tuple[str, str | None], dict[str, Any]] = {}
    for stream, _, topic, state, _ in stored(home):
        event = json.loads(state)
        del event["event"]
        if stream.startswith(BOOKS):
            continue
        if any(
            end in topic for end in ("removed", "voided", "vanished", "dropped", "no-longer", "ungrouped", "unconf")
        ):
            found.pop((stream, event.get("copy")), None)
        elif topic.endswith("prices-recorded.v1"):
            found |= _bars(stream, event)
        else:
            found[stream, event.get("copy")] = event
    return found


def _bars(stream: str, block: dict[str, Any]) -> dict[tuple[str, str | None], dict[str, Any]]:
    keys = block.get("date") or block["year_month"]
    rest = {name: held for name, held in block.items() if name not in {"occurred_at", "count", "assumed"}}
    return {
        (f"{stream} {key}", block.get("copy")): {
            name: held[place] if isinstance(held, list) else held for name, held in rest.items()
        }
        for place, key in enumerate(keys)
    }


def replayed(folder: Path, home: Path) -> dict[tuple[str, str | None], dict[str, Any]]:
    """The facts of a new home made from a folder."""
    report = replay(folder, home)
    assert report.proven, report.mismatches
    return facts(home)
