"""The log as a Parquet file, written by DuckDB."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from domain.errors import LedgerError
from ledger.lines import about
from ledger.log import Stored

ROWS_IN_A_GROUP = 10_000

# recorded_at is UTC with six digits, so its text, which the hash covers, can be written again from the time stamp.
_COPY = """
    COPY (
        SELECT
            position, stream, version, type, topic, occurred_at, recorded_at::TIMESTAMPTZ AS recorded_at,
            state::JSON AS state, source::JSON AS source, unhex(hash) AS hash
        FROM read_json({events}, format = 'newline_delimited', maximum_object_size = {longest}, columns = {{
            position: 'BIGINT', stream: 'VARCHAR', version: 'BIGINT', type: 'VARCHAR', topic: 'VARCHAR',
            occurred_at: 'VARCHAR', recorded_at: 'VARCHAR', state: 'VARCHAR', source: 'VARCHAR', hash: 'VARCHAR'
        }})
    ) TO {out} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {rows}, USE_TMP_FILE false)"""
# It writes what we hand it: no extension is fetched or loaded, no other file is opened.
_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false", "autoload_known_extensions": "false", "allow_community_extensions": "false",
    "memory_limit": "512MB", "threads": "1",
}  # fmt: skip
_OBJECT_LEAST = 1 << 20


class _When(msgspec.Struct):
    occurred_at: str | None = None


_when = msgspec.json.Decoder(_When).decode


def write(events: Iterable[Stored], out: Path) -> int:
    """Write the events into a file that may exist; returns how many there were. They pass through a file beside it."""
    passed = out.with_name(f"{out.name}.jsonl")
    try:
        count, longest = _pass(events, passed)
        _copy(passed, out, max(longest, _OBJECT_LEAST))
        return count
    finally:
        passed.unlink(missing_ok=True)


def _pass(events: Iterable[Stored], passed: Path) -> tuple[int, int]:
    """How many events were written, and the bytes of the longest."""
    count = longest = 0
    passed.touch(mode=0o600)
    with passed.open("wb") as lines:
        for stored in events:
            row: dict[str, Any] = about(stored)
            row |= {"type": stored.topic.rpartition(".v")[0], "occurred_at": _when(stored.state).occurred_at}
            line = json.dumps(row).encode() + b"\n"
            lines.write(line)
            count, longest = count + 1, max(longest, len(line))
    return count, longest


def _copy(events: Path, out: Path, longest: int) -> None:
    import duckdb  # noqa: PLC0415 - it costs 30 ms and 50 MB, which only this format needs

    query = _COPY.format(events=_quoted(events), out=_quoted(out), longest=longest, rows=ROWS_IN_A_GROUP)
    with duckdb.connect(":memory:", config=_SETTINGS) as db:
        db.execute(f"SET allowed_paths = [{_quoted(events)}, {_quoted(out)}]")
        db.execute("SET enable_external_access = false")
        db.execute("SET lock_configuration = true")
        try:
            db.execute(query)
        except duckdb.Error as error:
            raise LedgerError(
                f"{out.name}: {error}", hint="Check the disk: an export needs twice its size for a moment."
            ) from error


def _quoted(path: Path) -> str:
    return "'" + str(path.absolute()).replace("'", "''") + "'"
