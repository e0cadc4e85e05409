"""`cli audit trace`: from a row of a read model, or one cell of it, to every event that made it, and on to the legacy row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from domain.errors import LedgerError
from domain.event import decode
from domain.market import MarketBlock
from ledger.concerning import Concerned, concerning
from ledger.log import Log, Stored, open_log
from operations.blaming import blamed_on_the_ledger
from operations.following import Change, Followed, follow
from operations.kept import kept_rows
from operations.market_tables import Live, MarketTable
from operations.origins import Origin, Origins, place_of_kind
from operations.tables import ClassicTable, Key, Row, Table, cell_named, find_table, nobody
from projections.valid_time import valid_time

Cells = dict[str, Any]  # column to any cell

_FORMULAS = {
    "cost_basis_eur": "quantity * avg_price / rate",
    "market_value_eur": "quantity * current_price / rate",
    "unrealized_pnl": "(current_price - avg_price) * quantity / rate",
    "unrealized_pnl_pct": "(current_price / avg_price - 1) * 100",
}


class Step(Struct, kw_only=True):
    """An event that changed the row, or said of the asked cell what it was. cells: column to its value before and after;
    sets: the columns that still show what it set; is_gone: there was no row after it; assumed: fields that a rule filled
    in; repaired: the corruption that was undone.
    """

    position: int
    stream: str
    type: str
    occurred_at: str
    recorded_at: str
    cells: dict[str, tuple[Any, Any]]  # any cells
    sets: list[str]
    is_gone: bool
    assumed: list[str]
    repaired: str | None
    origin: Origin


class Gap(Struct, kw_only=True):
    """A link that is missing, and why. position: of the event that it is about. is_broken: it should not be missing."""

    reason: str
    position: int | None = None
    is_broken: bool = False


class Trace(Struct, kw_only=True):
    """A row, or one column of it, and the events that made it, oldest first.

    row: as the events make it; shown: as the read model shows it now. silent: events that name the row and changed nothing.
    computed: columns whose value was computed here, with how and from what.
    """

    place: str
    key: Cells
    column: str | None
    row: Cells
    shown: Cells
    steps: list[Step]
    silent: list[tuple[int, str]]
    computed: dict[str, str] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """1 when a link is broken; 0 when none is, or when what is missing is missing by right."""
        return int(any(gap.is_broken for gap in self.gaps))


def trace(home: Path, name: str, values: Sequence[str]) -> Trace:
    """Every event behind a row, or behind the cell whose column follows the key."""
    with open_log(home) as log, blamed_on_the_ledger(home):
        table = find_table(name)
        keys, column = cell_named(table, values)
        for key in keys:
            through = log.head().position
            concerned = concerning(log, table.sought(key), through=through)
            if concerned.named:
                return _traced(log, home, table, key, concerned, through, column)
        return _unknown(log, home, table, keys[0], column)


def _traced(
    log: Log, home: Path, table: Table, key: Key, concerned: Concerned, through: int, column: str | None
) -> Trace:
    live = table.live(home, log, key)
    # In this order: the events must reach as far as what is shown, whoever records meanwhile.
    head = log.head().position
    if head != through:
        concerned = concerning(log, table.sought(key), through=head)
    way = follow(log, table, key, concerned, at=live.position)
    if way.rows > 1:
        raise LedgerError(
            f"{table.name}: {way.rows} rows have the key {_words(key)}",
            hint=f"Name the whole key: {' '.join(table.keys[0])}.",
        )
    if not way.changes and not live.rows:
        return _unknown(log, home, table, key, column)
    steps = [*_steps(log, table, key, way.changes, column)]
    gaps = [
        Gap(reason=step.origin.gap, position=step.position, is_broken=step.origin.is_broken)
        for step in steps
        if step.origin.gap
    ]
    row = cells_of(table, way.row)
    files = {step.origin.file for step in steps if step.origin.file}
    gaps += [Gap(reason=reason, position=at) for at, reason in kept_rows(log, table, key, files)]
    return Trace(
        place=table.name, key=dict(key), column=column, row=row, shown=cells_of(table, next(iter(live.rows), None)),
        steps=steps, silent=[(one.position, one.topic) for one in way.silent if _is_about(table, one, key)],
        computed=_computed(row, way.rate, column), gaps=[*gaps, *_beside(table, way, live, head)],
    )  # fmt: skip


def _unknown(log: Log, home: Path, table: Table, key: Key, column: str | None) -> Trace:
    """What is known of a row that no event made: legacy rows that were only kept. Raises LedgerError when there are none."""
    kept = kept_rows(log, table, key, set())
    if not kept:
        raise nobody(table, home, log, key)
    gaps = [Gap(reason=reason, position=at) for at, reason in kept]
    return Trace(place=table.name, key=dict(key), column=column, row={}, shown={}, steps=[], silent=[], gaps=gaps)


def _steps(log: Log, table: Table, key: Key, changes: Sequence[Change], column: str | None) -> Iterable[Step]:
    origins, owners = Origins(log), owners_of(table, changes)
    for change in changes:
        stored = change.event
        event = decode(stored.topic, stored.state)
        cells = _changed(table, change)
        if column is not None and column not in cells:
            if column not in _stated(table, change):
                continue
            cells = {column: (_cell(table, change.after, column),) * 2}
        yield Step(
            position=stored.position, stream=stored.stream, type=stored.topic,
            occurred_at=valid_time(stored.state, stored.recorded_at),
            recorded_at=stored.recorded_at, cells=cells if column is None else {column: cells[column]},
            sets=[name for name, at in owners.items() if at == stored.position and column in (None, name)],
            is_gone=change.after is None, assumed=list(event.assumed), repaired=event.repaired,
            origin=origins.of(stored, table.name, dict(key), column),
        )  # fmt: skip


def owners_of(table: Table, changes: Sequence[Change]) -> dict[str, int]:
    """The event that set each column to what it shows now, or said so again; nothing when there is no row any more."""
    owners: dict[str, int] = {}
    for change in changes:
        if change.after is None:
            owners = {}
        else:
            names = table.columns if change.before is None else (*_changed(table, change), *_stated(table, change))
            owners |= dict.fromkeys(names, change.event.position)
    return owners


def _stated(table: Table, change: Change) -> list[str]:
    """The columns that show what the event says itself, whether that is new or not."""
    event = decode(change.event.topic, change.event.state)
    place = place_of_kind(type(event))
    if place is None or change.after is None or f"{place.model}.{place.table}" != table.name:
        return []
    said = {column: place.field(column) for column in table.columns if hasattr(event, place.field(column))}
    return [
        name for name, said_by in said.items() if _cell(table, change.after, name) == _plain(getattr(event, said_by))
    ]


def _plain(value: Any) -> Any:  # a field of an event in, a cell out
    return float(value) if isinstance(value, Decimal) else value


def _cell(table: Table, row: Row | None, column: str) -> Any:  # any cell
    return None if row is None else row[table.columns.index(column)]


def _changed(table: Table, change: Change) -> dict[str, tuple[Any, Any]]:
    nothing = (None,) * len(table.columns)
    pairs = zip(table.columns, change.before or nothing, change.after or nothing, strict=True)
    return {name: (before, after) for name, before, after in pairs if before != after}


def _is_about(table: Table, stored: Stored, key: Key) -> bool:
    """Whether an event speaks of the whole key: of a block only when the row is one of its rows."""
    if isinstance(table, ClassicTable):
        return True
    event = decode(stored.topic, stored.state)
    if isinstance(table, MarketTable):
        return isinstance(event, MarketBlock) and key in table.rows_of(event)
    concern = next((one for one in table.declared.concerns if type(event) in one.events), None)
    others = key.keys() - (concern.by.keys() if concern else set())
    return all(key[column] in (getattr(event, column, None) or ()) for column in others)


def cells_of(table: Table, row: Row | None) -> Cells:
    """A row by column, nothing for none."""
    return dict(zip(table.columns, row, strict=True)) if row is not None else {}


def _computed(row: Cells, rate: Row | None, column: str | None) -> dict[str, str]:
    """How the columns that a position says were computed came about."""
    columns = [name for name in str(row.get("computed") or "").split(",") if name and column in (None, name)]
    if not columns:
        return {}
    if rate:
        currency, date, value, position = rate
        of_rate = f", rate {value} {currency} per EUR of {date}, quoted by the event at position {position}"
    else:
        of_rate = f", rate {row.get('currency_rate') or 1} {row.get('currency')} per EUR as the position says itself"
    return {
        name: _FORMULAS[name] + (of_rate if "rate" in _FORMULAS[name] else "")
        if name in _FORMULAS
        else "from the trades"
        for name in columns
    }


def _beside(table: Table, way: Followed, live: Live, head: int) -> Iterable[Gap]:
    """What the read model shows beside what the events make, up to the event that it knows of."""
    model = table.name.partition(".")[0]
    if live.trouble:
        yield Gap(
            reason=f"the read model cannot be asked, {live.trouble}; cli catch-up derives it again", is_broken=True
        )
        return
    if live.position < head:
        yield Gap(
            reason=f"{model} knows the log up to position {live.position:,} of {head:,}; cli catch-up brings it there"
        )
    mend = f"cli rebuild-projection {model} makes it right"
    expected, shown = cells_of(table, way.at), cells_of(table, next(iter(live.rows), None))
    if not way.row:
        last = way.changes[-1].event
        yield Gap(
            reason=f"no row is left: {last.topic} at position {last.position:,} took it out", position=last.position
        )
    if expected and not shown:
        yield Gap(reason=f"the read model has no such row, though the events make one; {mend}", is_broken=True)
    elif shown and not expected:
        yield Gap(reason=f"the read model shows a row that no event makes; {mend}", is_broken=True)
    else:
        differing = [name for name in expected if expected[name] != shown[name]]
        for name in differing:
            yield Gap(
                reason=f"the read model shows {name} {shown[name]!r}, the events make {expected[name]!r}; {mend}",
                is_broken=True,
            )


def _words(key: Key) -> str:
    return " ".join(str(value) for value in key.values())
