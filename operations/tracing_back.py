"""`cli audit trace --from`: from a legacy row to the events that came from it, and to the rows that show them now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from domain.errors import LedgerError
from domain.event import decode
from domain.legacy import LegacyRowKept
from domain.moments import instant
from domain.prices import PriceBlock
from ledger.concerning import concerning
from ledger.log import Log, Stored, open_log
from ledger.origins import from_row
from operations import market_origins
from operations.blaming import blamed_on_the_ledger
from operations.following import Followed, follow_all
from operations.made import Made, market_rows, rows_of
from operations.origins import Origin, Origins, keys_of_block
from operations.tracing import cells_of, owners_of
from projections.valid_time import valid_time
from replay import provenance


class Now(Struct, kw_only=True):
    """A row that an event stands behind. fate: `shows it`, or why it does not; columns: those that still show what it set;
    by: the event that came after it, or that is shown instead; row: as it is now.
    """

    place: str
    key: dict[str, Any]  # any cells
    fate: str
    columns: list[str]
    by: int | None
    row: dict[str, Any]


class Behind(Struct, kw_only=True):
    """An event that came from the legacy row, and what became of it. kept: why it is no more than kept."""

    position: int
    stream: str
    type: str
    occurred_at: str
    recorded_at: str
    origin: Origin
    kept: str = ""
    rows: list[Now] = field(default_factory=list)


def trace_from(home: Path, file: str, table: str, values: Sequence[str]) -> list[Behind]:
    """The events of a legacy row, oldest first. values: its key, or cells of it as column=value."""
    cells = dict(value.split("=", 1) for value in values if _names_a_cell(value))
    key = [value for value in values if not _names_a_cell(value)]
    if not values or (cells and key):
        raise LedgerError(
            "the legacy row is not named",
            hint="Name its key, or cells of it: id=17. All of them in one of the two ways.",
        )
    with open_log(home) as log, blamed_on_the_ledger(home):
        rows = market_origins.held(log, file, table, key, cells)
        if rows:
            return [_behind_market(log, row) for row in rows]
        positions = from_row(log, file, table, key=key, cells=cells)
        found = [one for one in _with_endings(log, log.at(positions)) if _holds(one, key)]
        if not found:
            raise LedgerError(f"the blocks of {table} in {file} hold no row {key[0]}")
        origins = Origins(log)
        return [_behind(log, one, origins, key[-1] if key else None) for one in found]


def _names_a_cell(value: str) -> bool:
    name, equals, _ = value.partition("=")
    return bool(equals) and name.isidentifier()


def _with_endings(log: Log, found: Sequence[Stored]) -> Iterator[Stored]:
    """These events, and those of the same rows that say they are gone, which carry no key."""
    by_position = {one.position: one for one in found}
    for stream in {one.stream for one in found if not _is_block(one)}:
        for one in log.stream(stream):
            if one.source is not None and provenance.decode(one.source).vanished:
                by_position[one.position] = one
    return iter(sorted(by_position.values()))


def _is_block(stored: Stored) -> bool:
    return stored.source is not None and provenance.decode(stored.source).first is not None


def _holds(stored: Stored, key: Sequence[str]) -> bool:
    """Whether a block has the row; where a table holds the series of many, what names the security comes first."""
    event = decode(stored.topic, stored.state)
    if not isinstance(event, PriceBlock) or not key:
        return True
    return key[-1] in keys_of_block(event) and key[0] in (key[-1], event.symbol)


def _column(block: PriceBlock) -> str:
    return "date" if hasattr(block, "date") else "year_month"


def _behind(log: Log, stored: Stored, origins: Origins, key: str | None) -> Behind:
    event = decode(stored.topic, stored.state)
    made = rows_of(log, stored)
    named: dict[str, Any] = {}
    if isinstance(event, PriceBlock):
        named = {_column(event): key}
        made = [one for one in made if one.key.get(_column(event)) == key]
    return Behind(
        position=stored.position, stream=stored.stream, type=stored.topic,
        occurred_at=valid_time(stored.state, stored.recorded_at),
        recorded_at=stored.recorded_at, origin=origins.of(stored, "", named, None),
        kept=event.reason if isinstance(event, LegacyRowKept) else "", rows=[*_rows_now(log, stored, made)],
    )  # fmt: skip


def _behind_market(log: Log, row: market_origins.Held) -> Behind:
    """A bar or tick, which is one row of its block."""
    shown = next(islice(market_rows(row.block), row.place, None))
    return Behind(
        position=row.stored.position, stream=row.stored.stream, type=row.stored.topic,
        occurred_at=instant(market_origins.moment_of(row.block, row.place)), recorded_at=row.stored.recorded_at,
        origin=Origins(log).of(row.stored, "", dict(shown.key), None), rows=[*_rows_now(log, row.stored, [shown])],
    )  # fmt: skip


def _rows_now(log: Log, stored: Stored, made: Sequence[Made]) -> Iterator[Now]:
    """What became of these rows; those that the same events concern are followed together."""
    head = log.head().position
    together: dict[str, list[Made]] = {}
    for one in made:
        together.setdefault(repr((one.table.name.partition(".")[0], one.table.sought(one.key))), []).append(one)
    for some in together.values():
        concerned = concerning(log, some[0].table.sought(some[0].key), through=head)
        for one, way in zip(some, follow_all(log, some, concerned, at=head), strict=True):
            yield _now(stored, one, way)


def _now(stored: Stored, made: Made, way: Followed) -> Now:
    owners = owners_of(made.table, way.changes)
    columns = [name for name, position in owners.items() if position == stored.position]
    changed = [one.event.position for one in way.changes]
    later = [position for position in changed if position > stored.position]
    by: int | None = None
    if columns:
        fate = "shows it"
        by = later[-1] if later and len(columns) < len(owners) else None
    elif stored.position not in changed:
        fate, by = "shows another instead", changed[-1] if changed else None
    elif way.row is None:
        fate, by = "the row is gone", changed[-1]
    else:
        fate, by = "superseded", later[-1]
    return Now(
        place=made.table.name, key=dict(made.key), fate=fate, columns=columns, by=by, row=cells_of(made.table, way.row)
    )
