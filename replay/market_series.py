"""How a DuckDB table of bars or ticks of many instruments is meant: what a legacy system declares, and the SQL that follows.

The rows are read where they lie, in the frozen file, and put together to blocks inside DuckDB: there are millions of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

from domain.market import MarketBlock
from replay.duck_forms import INTEGERS, REALS, form_of
from replay.reading import Table, quote

if TYPE_CHECKING:
    import duckdb

DUPLICATE = "another row has the same key"
OUTSIDE = "the time lies outside of the session"
_COUNTS = frozenset({"volume", "is_synthetic", "open_interest"})
"""Fields that count something: a part of it would be rounded away wherever they are shown."""


@dataclass(frozen=True)
class Exchange:
    """Whose symbols begin with a prefix, and from when to when after midnight, in seconds, its sessions may have rows."""

    name: str
    prefix: str
    opens: int
    closes: int


@dataclass(frozen=True)
class MarketMapping:
    """A table of bars or ticks.

    symbol, time: columns; symbol_or: the column that names the instrument where that one is empty. fields: the columns of the
    event's fields, required: those that may not be NULL. timeframe: the column that says it, timeframes: its spellings and
    what they mean; without one every row is of `always`. exchanges: tried
    in order; a symbol without `|` is of the first. zone: the clocks of the exchanges. whole_days: timeframes whose bars have
    no time of day. is_numbered: rows of the same time stay apart, as ticks do.
    """

    table: str
    event: type[MarketBlock]
    kind: str
    symbol: str
    time: str
    fields: Mapping[str, str]
    exchanges: tuple[Exchange, ...]
    zone: str
    required: frozenset[str] = frozenset()
    timeframe: str | None = None
    timeframes: Mapping[str, str] = field(default_factory=dict)
    always: str = ""
    whole_days: frozenset[str] = frozenset()
    is_numbered: bool = False
    symbol_or: str | None = None

    def fits(self, table: Table) -> bool:
        """Whether a table has the columns that it needs, each of a type that can hold what it means."""
        needed = {self.symbol, self.time, *self.fields, *filter(None, [self.timeframe])}
        if table.name != self.table or not {self.symbol, self.time} <= {*table.columns}:
            return False
        if self.timeframe and self.timeframe not in table.columns:
            return False
        there = needed & {*table.columns}
        numbers = all(table.declared(name) in INTEGERS | REALS | {"BOOLEAN"} for name in self.fields if name in there)
        required = {column for column, name in self.fields.items() if name in self.required}
        return required <= there and numbers and table.declared(self.time).startswith("TIMESTAMP")


class Reading:
    """The SQL of one table, as its columns are. zone: of its naive times."""

    def __init__(self, mapping: MarketMapping, table: Table, zone: str) -> None:
        self.mapping, self.table, self.zone = mapping, table, zone
        self.values = {name: column for column, name in mapping.fields.items() if column in table.columns}
        self.symbol_or = mapping.symbol_or if mapping.symbol_or in table.columns else None
        # Where two columns name the instrument, a block says the name, and what stands in each of them beside it.
        used = {mapping.time, *self.values.values()} | (set() if self.symbol_or else {mapping.symbol})
        self.extra = [name for name in table.columns if name not in used]
        self.is_real = {name: table.declared(column) in REALS for name, column in self.values.items()}

    @property
    def cells(self) -> str:
        """Every column in the form of a reading image."""
        return ", ".join(form_of(self.table.declared(name), quote(name)).read for name in self.table.columns)

    @property
    def has_unique_times(self) -> bool:
        """Whether the table itself lets no two rows have the same key."""
        key = {self.mapping.symbol, self.mapping.time, *filter(None, [self.mapping.timeframe])}
        return frozenset(key) in self.table.unique and self.symbol_or is None

    @property
    def symbol(self) -> str:
        """The name of the row's instrument."""
        if self.symbol_or is None:
            return quote(self.mapping.symbol)
        return f"coalesce(nullif({quote(self.mapping.symbol)}, ''), {quote(self.symbol_or)})"

    def local(self) -> str:
        """The row's time by the clocks of the exchange."""
        column, zone = quote(self.mapping.time), self.mapping.zone
        if self.table.declared(self.mapping.time) == "TIMESTAMP WITH TIME ZONE":
            return f"({column} AT TIME ZONE '{zone}')"
        if self.zone == zone:
            return f"CAST({column} AS TIMESTAMP)"
        return f"(CAST({column} AS TIMESTAMP) AT TIME ZONE '{self.zone}' AT TIME ZONE '{zone}')"

    def exchange(self) -> str:
        """The exchange of the row's symbol, NULL when none has it."""
        symbol = self.symbol
        cases = [
            f"WHEN starts_with(upper({symbol}), '{one.prefix}') THEN '{one.name}'" for one in self.mapping.exchanges
        ]
        return f"CASE WHEN NOT contains({symbol}, '|') THEN '{self.mapping.exchanges[0].name}' {' '.join(cases)} END"

    def timeframe(self) -> str:
        """The timeframe of the row, NULL when it is none that is known; empty for ticks."""
        if self.mapping.timeframe is None:
            return f"'{self.mapping.always}'"
        cases = (f"WHEN '{said}' THEN '{meant}'" for said, meant in self.mapping.timeframes.items())
        return f"CASE {quote(self.mapping.timeframe)} {' '.join(cases)} END"

    def why(self) -> str:
        """Why a row fits no block, NULL when it does; of the columns that `placed` gives."""
        cases = [
            ("symbol IS NULL OR symbol = ''", f"{self.mapping.symbol} is missing"),
            ("contains(symbol, '/') OR contains(symbol, '\\') OR contains(symbol, '..')",
             f"{self.mapping.symbol} holds a slash or two dots"),
            ("exchange IS NULL", "the exchange of the symbol is not known"),
            ("timeframe IS NULL", "the timeframe is not known"),
            ("local IS NULL OR NOT isfinite(local)", f"{self.mapping.time} is missing or infinite"),
        ]  # fmt: skip
        for name, column in self.values.items():
            if name in self.mapping.required:
                cases.append((f"{name} IS NULL", f"{column} is missing"))
            if self.is_real[name]:
                cases.append((f"NOT isfinite({name})", f"{column} is no finite number"))
                if name in _COUNTS:
                    cases.append(
                        (f"TRY_CAST({name} AS BIGINT) IS DISTINCT FROM {name}", f"{column} is no whole number")
                    )
        if {"high", "low"} <= self.values.keys():
            cases.append(("high < low", "high is below low"))
        cases += [(self._outside(), OUTSIDE), *self._unheld()]
        return f"CASE {' '.join(f'WHEN {condition} THEN {text(reason)}' for condition, reason in cases)} END"

    def _outside(self) -> str:
        hours = " OR ".join(
            f"(exchange = '{one.name}' AND micros NOT BETWEEN {one.opens * 10**6} AND {one.closes * 10**6 - 1})"
            for one in {one.name: one for one in self.mapping.exchanges}.values()
        )
        whole = ", ".join(f"'{name}'" for name in sorted(self.mapping.whole_days))
        return f"timeframe NOT IN ({whole}) AND ({hours})" if whole else hours

    def _unheld(self) -> list[tuple[str, str]]:
        """Values of columns that only the legacy file knows and that JSON cannot hold as they are."""
        found = []
        for name in self.extra:
            if self.table.declared(name) == "BLOB":
                found.append((f"{quote(f'x {name}')} IS NOT NULL", f"{name} is a blob"))
            elif self.table.declared(name) in REALS:
                found.append((f"NOT isfinite({quote(f'x {name}')})", f"{name} is no finite number"))
        return found

    @property
    def names(self) -> str:
        """The columns of `placed` but for `why`."""
        extra = [quote(f"x {name}") for name in self.extra]
        return ", ".join([*self._own, *self.values, *extra, "session", "micros", "extra"])

    _own = ("number", "symbol", "exchange", "timeframe", "local")

    def placed(self, source: str, where: str) -> str:
        """The rows of a part of the table with what is read out of them, and `why`."""
        first = ", ".join([*self._own, *self.values, *(quote(f"x {name}") for name in self.extra)])
        values = [f"{_typed(column, real=self.is_real[name])} AS {name}" for name, column in self.values.items()]
        extra = [
            f"{form_of(self.table.declared(name), quote(name)).read} AS {quote(f'x {name}')}" for name in self.extra
        ]
        columns = ", ".join([f"{self.symbol} AS symbol", *values, *extra])
        said = f"{self.exchange()} AS exchange, {self.timeframe()} AS timeframe, {self.local()} AS local"
        packed = ", ".join(f"{text(name)}: {quote(f'x {name}')}" for name in self.extra)
        return f"""
            WITH read AS (SELECT rowid AS number, {columns}, {said} FROM {source} WHERE {where}),
            timed AS (
                SELECT {first}, CASE WHEN isfinite(local) THEN CAST(local AS DATE) END AS session,
                    CASE WHEN isfinite(local) THEN epoch_us(local) - epoch_us(date_trunc('day', local)) END AS micros
                FROM read
            )
            SELECT {first}, session, micros, {f"CAST(to_json({{{packed}}}) AS VARCHAR)" if packed else "''"} AS extra,
                {self.why()} AS why
            FROM timed"""


def _typed(column: str, *, real: bool) -> str:
    return f"CAST({quote(column)} AS {'DOUBLE' if real else 'BIGINT'})"


def is_same(name: str, *, real: bool) -> str:
    """Whether a value is the same in the rows `p` and `h`, as SQL; a missing one is the same as a missing one."""
    same = f"p.{name} IS NOT DISTINCT FROM h.{name}"
    # Zero has a sign, which comparing does not see.
    return f"{same} AND coalesce(signbit(p.{name}) = signbit(h.{name}), TRUE)" if real else same


def text(said: str) -> str:
    """A text as SQL writes it."""
    return "'" + said.replace("'", "''") + "'"


class Part(NamedTuple):
    """Some sessions of a table that are read at once: from and until which local day, and the days there are.

    of, number: a single session with too many rows is read in as many parts, by what its symbols hash to.
    """

    first: date
    until: date
    sessions: list[str]
    of: int = 1
    number: int = 0

    def where(self, local: str, symbol: str) -> str:
        """Which rows it is, as SQL."""
        days = f"{local} >= TIMESTAMP '{self.first}' AND {local} < TIMESTAMP '{self.until}'"
        return days if self.of == 1 else f"{days} AND {self.holds(symbol)}"

    def holds(self, symbol: str) -> str:
        """Whether the rows of a symbol are in it, as SQL."""
        return f"hash(coalesce({symbol}, '')) % {self.of} = {self.number}"


def parts(db: duckdb.DuckDBPyConnection, reading: Reading, rows_at_once: int) -> Iterator[Part]:
    """The sessions of a table, a few at a time."""
    local = reading.local()
    days = db.execute(
        f"SELECT CAST({local} AS DATE) AS day, count(*) FROM {quote(reading.table.name)} "
        f"WHERE isfinite({local}) GROUP BY day ORDER BY day"
    ).fetchall()
    some: list[date] = []
    rows = 0
    for day, count in days:
        if some and rows + count > rows_at_once:
            yield _part(some)
            some, rows = [], 0
        if count > rows_at_once:
            of = -(-count // rows_at_once)
            yield from (_part([day])._replace(of=of, number=number) for number in range(of))
            continue
        some.append(day)
        rows += count
    if some:
        yield _part(some)


def _part(days: Sequence[date]) -> Part:
    return Part(days[0], days[-1] + timedelta(days=1), [str(day) for day in days])
