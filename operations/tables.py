"""Tables as the user names them, `portfolio.positions` or `ledger.trades`: their keys, their rows now and as they were."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from itertools import product
from pathlib import Path
from typing import Any

from domain.errors import LedgerError
from domain.moments import Instant
from ledger import past_views
from ledger.concerning import SAME_STREAM, Sought, Value
from ledger.log import Log, Stored
from ledger.past_views import VIEWS, WHOLE_NUMBERS, PastView
from operations import market_tables
from operations.market_tables import Live, MarketPast, MarketTable
from projections import catalog, checkpoint, narrowing
from projections.building import standing
from projections.catalog import projectors
from projections.deriving import Deriving, select
from projections.engine import model_path
from projections.profiles import open_reading
from projections.schema import schema_of
from projections.trouble import DAMAGED, explained
from projections.valid_time import happened_by

LEDGER = "ledger"
NEAR_MAX = 3
_NUMBER = re.compile(r"-?\d{1,18}")
_LOOKED_AT = 20_000
_LOOKS_MAX = 10
_STREAM = "stream"

Row = tuple[Any, ...]  # the cells of any table
Key = Mapping[str, Value]


Past = Deriving | PastView | MarketPast
"""A table as the events that were put in make it."""


class ModelTable:
    """A table of a read model."""

    def __init__(self, model: str, table: str, *, declared: narrowing.ModelTable | None = None) -> None:
        self.declared = declared or narrowing.find(model, table)
        self.name = f"{model}.{table}"
        self.columns = self.declared.columns
        # Whose rows are of streams, because their own id may be missing, are found by that id as well.
        self._id = self.columns[0] if self.declared.key == (_STREAM,) else ""
        self.keys: tuple[tuple[str, ...], ...] = (self.declared.key, (self._id,)) if self._id else (self.declared.key,)
        self.topics = frozenset(topic for sought in self.declared.sought({}) for topic in sought.topics)

    def cells(self, column: str, text: str) -> list[Value]:
        """What a cell of the key may be that the user writes so."""
        return _cells(self.declared.types[column], text)

    def sought(self, key: Key) -> list[Sought]:
        """The events that can concern the rows of this key."""
        if self._id and key.keys() == {self._id}:
            return [Sought(self.topics, key, (SAME_STREAM,))]
        return self.declared.sought(key)

    def past(self, log: Log, as_of: Instant | None, *, since: Instant = "") -> Past:
        """The table before anything happened; put in only what had happened. since: see `Deriving`."""
        return Deriving(self.declared, log, as_of=as_of, since=since)

    def live(self, home: Path, log: Log, key: Key) -> Live:  # noqa: ARG002 - the ledger's tables need the log
        """The rows that the read model shows now."""
        path = model_path(home, self.declared.model)
        if not path.exists():
            return Live([], 0, f"{path.name} is missing")
        found = standing(path)
        if found is None:
            return Live([], 0, f"{path.name} is damaged, or is no read model")
        made_by = catalog.find(self.declared.model)
        if (found.mark.version, found.mark.schema_digest) != (made_by.version, schema_of(made_by).digest):
            # It may not have the columns that are asked for, and SQLite would take their names for texts.
            return Live([], 0, f"{path.name} was made by another version of the program")
        with explained(path), closing(open_reading(path)) as db:
            try:
                # At one moment: who catches up meanwhile writes rows that the position from before does not account for.
                db.execute("BEGIN")
                mark = checkpoint.read(db) or found.mark
                return Live(list(select(db, self.declared, key)), mark.position)
            except DAMAGED as error:
                return Live([], 0, f"{path.name} is damaged: {error}")


class ClassicTable:
    """A table that the ledger shows of itself."""

    def __init__(self, view: str) -> None:
        self._view = view
        self.name = f"{LEDGER}.{view}"
        self.keys = VIEWS[view].keys
        self.topics = frozenset(topic for topics in VIEWS[view].topics for topic in topics)
        self.columns = past_views.columns_of(view)

    def cells(self, column: str, text: str) -> list[Value]:
        """What a cell of the key may be that the user writes so."""
        return _cells("INTEGER" if column in WHOLE_NUMBERS else "TEXT", text)

    def sought(self, key: Key) -> list[Sought]:
        """The events that can concern the rows of this key."""
        return past_views.sought(self._view, key)

    def past(self, log: Log, as_of: Instant | None, *, since: Instant = "") -> Past:  # noqa: ARG002 - never cut
        """The table before anything happened; put in only what had happened."""
        return PastView(log, self._view)

    def live(self, home: Path, log: Log, key: Key) -> Live:  # noqa: ARG002 - the ledger lies where the log does
        """The rows that the view shows now."""
        found, before = list[Row](), 0
        for look in range(_LOOKS_MAX):
            earlier, before = found, log.head().position
            columns, rows = log.rows_of_view(self._view)
            wanted = [(columns.index(column), value) for column, value in key.items()]
            found = [row for row in rows if all(row[place] == value for place, value in wanted)]
            # Else nobody knows which of the newer events the rows show, unless those that came meanwhile are about others.
            if (look and found == earlier) or not log.states(after=before, through=None, topics=self.topics, limit=1):
                break
        return Live(found, before)


Table = ModelTable | ClassicTable | MarketTable


def written_together(tables: Sequence[Table]) -> list[Table]:
    """The same tables of one read model, each derived by what writes any of them, so that one derivation has them all."""
    declared = narrowing.written_together([one.declared for one in tables if isinstance(one, ModelTable)])
    return [ModelTable(one.model, one.name, declared=one) for one in declared] or list(tables)


def rows_in(past: Past, table: Table, key: Key | None = None) -> Iterator[Row]:
    """The rows of a table in a past that was made for it, or for another that the same code writes."""
    if isinstance(past, Deriving) and isinstance(table, ModelTable):
        return select(past.db, table.declared, key)
    return past.rows(key)


def happened(events: Sequence[Stored], as_of: Instant | None) -> list[Stored]:
    """Of these events those that had happened by then."""
    return [one for one in events if as_of is None or happened_by(as_of, one.state, one.recorded_at)]


def find_table(name: str) -> Table:
    """The table of this name; raises LedgerError that says which there are."""
    model, _, table = name.partition(".")
    if model not in _models() or not table:
        near = [known for known in _all_names() if known.endswith(f".{name}")]
        near = near or difflib.get_close_matches(name, _all_names(), n=NEAR_MAX) or [f"{one}.…" for one in _models()]
        raise LedgerError(f"there is no table {name!r}", hint=f"Perhaps: {', '.join(near)}.")
    if name in market_tables.NAMES:
        return MarketTable(table)
    if model != LEDGER:
        return ModelTable(model, table)
    if table not in VIEWS:
        raise LedgerError(f"{LEDGER} has no table {table!r}", hint=f"It has: {', '.join(VIEWS)}.")
    return ClassicTable(table)


def find_tables(name: str) -> list[Table]:
    """One table, or all that a read model shows."""
    if "." in name or name not in _models():
        return [find_table(name)]
    if name == LEDGER:
        return [ClassicTable(view) for view in VIEWS]
    (projector,) = [one for one in projectors() if one.name == name]
    return [ModelTable(name, table) for table in narrowing.shown_tables(projector)]


def _models() -> list[str]:
    return [LEDGER, *(one.name for one in projectors())]


def _all_names() -> list[str]:
    shown = [f"{one.name}.{table}" for one in projectors() for table in narrowing.shown_tables(one)]
    return [*(f"{LEDGER}.{view}" for view in VIEWS), *market_tables.NAMES, *shown]


def keys_of(table: Table, values: Sequence[str]) -> list[Key]:
    """What these cells may name: the first columns of each key. Raises LedgerError when they are too many."""
    if isinstance(table, MarketTable):
        values = table.parted(values)
    fit = [columns[: len(values)] for columns in table.keys if len(values) <= len(columns)]
    if not fit:
        raise LedgerError(f"{table.name}: too many cells for a key", hint=_key_hint(table))
    found: list[Key] = []
    for columns in dict.fromkeys(fit):
        cells = [table.cells(column, text) for column, text in zip(columns, values, strict=True)]
        found += [dict(zip(columns, some, strict=True)) for some in product(*cells)]
    if not found:
        raise LedgerError(
            f"{table.name} has no key {' '.join(values)}: a whole number is needed", hint=_key_hint(table)
        )
    return found


def cell_named(table: Table, values: Sequence[str]) -> tuple[list[Key], str | None]:
    """A whole key, and the column that may follow it. Raises LedgerError for anything else."""
    if isinstance(table, MarketTable):
        values = table.parted(values)
    lengths = {len(columns) for columns in table.keys}
    if len(values) - 1 in lengths and (len(values) not in lengths or values[-1] in table.columns):
        if values[-1] not in table.columns:
            near = difflib.get_close_matches(values[-1], table.columns, n=NEAR_MAX) or table.columns
            raise LedgerError(f"{table.name} has no column {values[-1]!r}", hint=f"Perhaps: {', '.join(near)}.")
        return keys_of(table, values[:-1]), values[-1]
    if len(values) not in lengths:
        raise LedgerError(f"{table.name}: the key of one row is needed", hint=_key_hint(table))
    return keys_of(table, values), None


def _key_hint(table: Table) -> str:
    return f"Its key is: {', or '.join(' '.join(columns) for columns in table.keys)}."


def _cells(declared: str, text: str) -> list[Value]:
    numbers: list[Value] = [int(text)] if _NUMBER.fullmatch(text) else []
    return {"INTEGER": numbers, "ANY": [*numbers, text]}.get(declared, [text])


def nobody(table: Table, home: Path, log: Log, key: Key) -> LedgerError:
    """The error for a key that nothing in the log names, with those that are near it."""
    named = " ".join(str(value) for value in key.values())
    near: list[str]
    if isinstance(table, MarketTable):
        near = table.near(log, key)
        return LedgerError(f"{table.name} never had a row {named}", hint=f"Near it: {', '.join(near)}." if near else "")
    before: dict[str, Value] = {}
    near = []
    for column, value in key.items():
        place = table.columns.index(column)
        known = sorted({str(row[place]) for row in table.live(home, log, before).rows[:_LOOKED_AT]})
        if str(value) not in known:
            near = difflib.get_close_matches(str(value), known, n=NEAR_MAX, cutoff=0.5) or known[:NEAR_MAX]
            break
        before[column] = value
    return LedgerError(f"{table.name} never had a row {named}", hint=f"Near it: {', '.join(near)}." if near else "")
