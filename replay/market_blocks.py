"""Bars and ticks of a frozen DuckDB file become blocks, put together inside DuckDB, a few sessions at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import msgspec

from domain.errors import SourceError
from domain.event import topic_of
from domain.market import bars_stream, ticks_stream
from domain.moments import instant
from domain.prices import BLOCK_MAX
from ledger.log import Entry, Log
from replay import provenance
from replay.duck_image import open_duckdb, said
from replay.market_held import Held, HeldColumn, make_table
from replay.market_series import DUPLICATE, MarketMapping, Part, Reading, is_same, parts, text
from replay.reading import Table, quote
from replay.tally import TableTally
from replay.translating import Ready, Translator

if TYPE_CHECKING:
    import apsw
    import duckdb

ROWS_AT_ONCE = 100_000
_MEMORY = "128MB"
# What is left between two parts of the rows that were read: enough for the tables of one part.
_LEFT = "48MB"
_NAMED_MAX = 20
_encoder = msgspec.json.Encoder()
_UNITS = {1_000: "ms", 1: "us"}  # seconds go without saying
_LONGEST = """
SELECT CAST(coalesce(sum(rows), 0) AS BIGINT), max(rows)
FROM (SELECT count(*) AS rows FROM {fresh} GROUP BY symbol, timeframe, session)
"""


class MarketSeries:
    """The bars or ticks of one table; rows that fit no block are kept by themselves, through `fallback`.

    count: the number of rows of the table; one without any is not opened.
    """

    def __init__(
        self, *, path: Path, table: Table, mapping: MarketMapping, fallback: Translator, log: Log, held: Held, count: int,
    ) -> None:  # fmt: skip
        self.path, self.table, self.mapping, self.fallback, self.log = path, table, mapping, fallback, log
        self.held, self.count = held, count
        self.tally: TableTally = fallback.tally
        self._clock = fallback.knowledge.clock(mapping.time)
        self.zone: str = self._clock.zone.key
        self.reading = Reading(mapping, table, self.zone)
        self._clocks = ZoneInfo(mapping.zone)
        self._missing: list[tuple[Any, ...]] = []
        self._values = list(self.reading.values)
        self._columns = [
            *(HeldColumn(one, (one,), "DOUBLE" if self.reading.is_real[one] else "BIGINT") for one in self._values),
            *(HeldColumn(_of_extra(one), ("extra", one), "JSON") for one in self.reading.extra),
        ]
        taken = {mapping.timeframe, mapping.symbol, mapping.symbol_or}
        self.tally.unknown_columns = [name for name in self.reading.extra if name not in taken]

    @contextmanager
    def _opened(self) -> Iterator[duckdb.DuckDBPyConnection]:
        import duckdb  # noqa: PLC0415 - see open_duckdb

        try:
            with TemporaryDirectory(prefix="daybook-") as place, closing(open_duckdb(self.path)) as db:
                db.execute(f"SET memory_limit = '{_MEMORY}'; SET threads = 2; SET temp_directory = '{place}'")
                db.execute("SET preserve_insertion_order = false")
                yield db
        except duckdb.OperationalError as error:
            raise SourceError(
                f"{self.fallback.file}: table {self.table.name} cannot be read: {said(error)}",
                hint="What was recorded is whole; the same command goes on where this one stopped.",
            ) from error

    def entries(self, _: apsw.Connection) -> Iterator[Ready]:
        """All blocks in order of their sessions, then the rows that have no time; the tally counts on the way.

        Before them, what voids the blocks of a run that read the times of this table in another zone.
        """
        for void in self.held.misread((self.fallback.file, self.table.name), self.zone):
            source = provenance.of_market_block(self.fallback.shared, self.table.columns, self.zone, first="")
            self.tally.appended += 1
            yield Ready((False, ""), void._replace(source=source), 0)
        if not self.count:
            return
        with self._opened() as db:
            for part in parts(db, self.reading, ROWS_AT_ONCE):
                yield from self._blocks_of(db, part)
            yield from self._timeless(db)

    def _place(self, db: duckdb.DuckDBPyConnection, where: str) -> None:
        """Make the table `placed`: rows with what is read out of them, in their order, and why one fits no block."""
        _let_go(db)
        key = "symbol, timeframe, session"
        again = "" if self.mapping.is_numbered or self.reading.has_unique_times else (
            f"CASE WHEN why IS NULL AND lag(micros) OVER (PARTITION BY why IS NULL, {key} ORDER BY micros, number) = micros "
            f"THEN '{DUPLICATE}' END"
        )  # fmt: skip
        why = f"coalesce(why, {again})" if again else "why"
        source = self.reading.placed(quote(self.table.name), where)
        make_table(db, "placed", f"SELECT {self.reading.names}, {why} AS why FROM ({source})")

    def _blocks_of(self, db: duckdb.DuckDBPyConnection, part: Part) -> Iterator[Ready]:
        self._place(db, part.where(self.reading.local(), self.reading.symbol))
        total, kept = db.execute("SELECT count(*), count(why) FROM placed").fetchall()[0]
        self.tally.read += total
        moment = instant(datetime.combine(part.first, datetime.min.time(), self._clocks))
        if kept:
            yield from (one._replace(order=(False, moment)) for one in self._kept(db))
        fresh = self._fresh(db, part)
        count, longest = db.execute(_LONGEST.format(fresh=fresh)).fetchall()[0]
        self.tally.unchanged += total - kept - count
        if count:
            yield from self._made(db, fresh, longest)

    def _fresh(self, db: duckdb.DuckDBPyConnection, part: Part) -> str:
        """The table or query of the rows that the log has not."""
        origin = (self.fallback.file, self.table.name)
        which = part.holds("symbol")
        held = self.held.load(db, part.sessions, origin=origin, zone=self.zone, columns=self._columns, which=which)
        if not held:
            return f"(SELECT {self.reading.names} FROM placed WHERE why IS NULL)"
        make_table(db, "fresh", self._unlike(held))
        return "fresh"

    def _unlike(self, held: str) -> str:
        """Rows of `placed` that are not in the table `held` value by value; of ticks as many as there are more of them."""
        same = ["p.symbol = h.symbol", "p.timeframe = h.timeframe", "p.session = h.session", "p.micros = h.micros"]
        same += [is_same(name, real=self.reading.is_real[name]) for name in self._values]
        if self.reading.extra:
            cells = ", ".join(f"{text(name)}: h.{quote(_of_extra(name))}" for name in self.reading.extra)
            same.append(f"(NOT h.own OR p.extra = CAST(to_json({{{cells}}}) AS VARCHAR))")
        twin = "0"
        if self.mapping.is_numbered:
            same.append("p.twin = h.twin")
            twin = f"row_number() OVER (PARTITION BY symbol, session, micros, {', '.join(self._values)} ORDER BY {{}})"
        names, columns = self.reading.names, ", ".join(quote(one.name) for one in self._columns)
        return f"""
            SELECT {names} FROM (SELECT {names}, {twin.format("number")} AS twin FROM placed WHERE why IS NULL) AS p
            ANTI JOIN (
                SELECT symbol, timeframe, session, micros, own, {columns}, {twin.format("place")} AS twin FROM {held}
            ) AS h
            ON {" AND ".join(same)}"""

    def _made(self, db: duckdb.DuckDBPyConnection, fresh: str, longest: int) -> Iterator[Ready]:
        """Blocks of fresh rows, in order of their first times. longest: the rows of the longest series."""
        names = [*self._values, *map(_of_extra, self.reading.extra)]
        # A row stays one value until it has its place: sorting its columns one by one takes longer, and so do windows, which
        # most series are too short to need.
        row = ", ".join(f"{text(name)}: {quote(name)}" for name in ("micros", "number", *names))
        lists = ", ".join(f"CAST(to_json([one.{quote(name)} FOR one IN rows]) AS VARCHAR)" for name in names)
        place = "row_number() OVER (PARTITION BY symbol, timeframe, session ORDER BY micros, number) - 1"
        block = f"({place}) // {BLOCK_MAX}" if longest > BLOCK_MAX else "0"
        db.execute(f"""
            WITH blocks AS (
                SELECT symbol, exchange, timeframe, session, list_sort(list({{{row}}})) AS rows,
                    CASE WHEN bool_and(micros % 1000000 = 0) THEN 1000000 WHEN bool_and(micros % 1000 = 0) THEN 1000 ELSE 1 END
                    AS per_unit
                FROM (SELECT {self.reading.names}, {block} AS block FROM {fresh})
                GROUP BY symbol, exchange, timeframe, session, block
            )
            SELECT symbol, exchange, timeframe, session, len(rows), rows[1].micros, per_unit,
                CAST(to_json([one.micros // per_unit FOR one IN rows]) AS VARCHAR), [{lists}]
            FROM blocks ORDER BY session, rows[1].micros, symbol, timeframe""")
        while found := db.fetchone():
            yield self._ready(found, names)

    def _ready(self, row: Sequence[Any], names: Sequence[str]) -> Ready:
        symbol, exchange, timeframe, session, count, first, per_unit, times, lists = row
        start = datetime.combine(session, datetime.min.time(), self._clocks) + timedelta(microseconds=first)
        at = instant(start.astimezone(UTC))
        columns = {name: _packed(listed, count) for name, listed in zip(names, lists, strict=True)}
        held = [f'"{name}":{columns[name]}' for name in self._values]
        extra = ",".join(f"{_json(name)}:{columns[_of_extra(name)]}" for name in self.reading.extra)
        parts = [f'"event":"{topic_of(self.mapping.event)}","occurred_at":"{at}"']
        if assumed := self._assumed(symbol):
            parts.append(f'"assumed":{_json(assumed)}')
            self.tally.assumed.update(dict.fromkeys(assumed, count))
        parts.append(f'"symbol":{_json(symbol)},"exchange":"{exchange}","session":"{session}"')
        parts += [f'"unit":"{_UNITS[per_unit]}"'] if per_unit in _UNITS else []
        parts.append(f'"count":{count},"time":{times}')
        parts += [f'"extra":{{{extra}}}'] if extra else []
        parts += (
            [self._sequence(symbol, str(session), count)]
            if self.mapping.is_numbered
            else [f'"timeframe":"{timeframe}"']
        )
        state = ("{" + ",".join([*parts, *held]) + "}").encode()
        self.tally.events += count
        self.tally.appended += 1
        source = provenance.of_market_block(self.fallback.shared, self.table.columns, self.zone, first=at)
        name = (
            bars_stream(exchange, symbol, timeframe, str(session)) if timeframe
            else ticks_stream(exchange, symbol, str(session))
        )  # fmt: skip
        return Ready((False, at), Entry(name, topic_of(self.mapping.event), state, source), count)

    def _sequence(self, symbol: str, session: str, count: int) -> str:
        first = self.held.numbers[symbol, session] + 1
        self.held.numbers[symbol, session] += count
        return f'"sequence":{first}'

    def _assumed(self, symbol: str) -> list[str]:
        """What no row of a block says itself; a symbol without a segment is taken for one of the first exchange."""
        zoned = self.table.declared(self.mapping.time) == "TIMESTAMP WITH TIME ZONE"
        time = ["time"] if self._clock.is_assumed and not zoned else []
        return time if "|" in symbol else [*time, "exchange"]

    def _timeless(self, db: duckdb.DuckDBPyConnection) -> Iterator[Ready]:
        self._place(db, f"isfinite({self.reading.local()}) IS NOT TRUE")
        self.tally.read += int(db.execute("SELECT count(*) FROM placed").fetchall()[0][0])
        yield from self._kept(db)

    def _kept(self, db: duckdb.DuckDBPyConnection) -> Iterator[Ready]:
        for row, reason in self.unfit(db):
            ready = self.fallback.keep(row, reason)
            if ready is not None:
                self.tally.appended += 1
                yield ready

    def unfit(self, db: duckdb.DuckDBPyConnection) -> Iterator[tuple[tuple[Any, ...], str]]:
        """The rows of `placed` that fit no block: cells, row number, twin number, no valid time; and why."""
        cells = self.reading.cells
        twin = f"row_number() OVER (PARTITION BY {cells} ORDER BY rowid)"
        names = [f"c{place}" for place in range(len(self.table.columns))]
        db.execute(f"""
            SELECT {", ".join(names)}, NULL, twin, NULL, placed.number, placed.why FROM (
                SELECT {cells}, {twin}, rowid FROM {quote(self.table.name)}
                WHERE rowid IN (SELECT number FROM placed WHERE why IS NOT NULL)
            ) AS read ({", ".join(names)}, twin, number)
            JOIN placed ON placed.number = read.number ORDER BY placed.number""")
        while row := db.fetchone():
            yield tuple(row[:-2]), str(row[-1])

    def unproven(self, log: Log) -> Iterator[tuple[int, int, Iterator[tuple[tuple[Any, ...], str]]]]:
        """For each part: its rows, how many of them the log gives back in blocks, and those that must be kept rows."""
        if not self.count:
            return
        self.held = Held(log, self.mapping.event)
        with self._opened() as db:
            for part in parts(db, self.reading, ROWS_AT_ONCE):
                self._place(db, part.where(self.reading.local(), self.reading.symbol))
                total, kept = db.execute("SELECT count(*), count(why) FROM placed").fetchall()[0]
                fresh = self._fresh(db, part)
                missing = int(db.execute(f"SELECT count(*) FROM {fresh}").fetchall()[0][0])
                self._missing = (
                    db.execute(f"SELECT symbol, local FROM {fresh} LIMIT {_NAMED_MAX}").fetchall() if missing else []
                )
                yield total, total - kept - missing, self.unfit(db) if kept else iter(())
            self._place(db, f"isfinite({self.reading.local()}) IS NOT TRUE")
            yield int(db.execute("SELECT count(*) FROM placed").fetchall()[0][0]), 0, self.unfit(db)

    def placed(self) -> Iterator[tuple[duckdb.DuckDBPyConnection, Part]]:
        """Each part of the rows that have a time; they stand in the table `placed` until the next one is asked for."""
        with self._opened() as db:
            for part in parts(db, self.reading, ROWS_AT_ONCE):
                self._place(db, part.where(self.reading.local(), self.reading.symbol))
                yield db, part

    def missing(self, count: int) -> list[str]:
        """Some of the rows of the part that is being proven that no block holds, by symbol and local time."""
        return [f"{symbol} {local}" for symbol, local in self._missing[:count]]


def _let_go(db: duckdb.DuckDBPyConnection) -> None:
    """Let go of what was read before: DuckDB would keep it until its memory is full, so that a longer file would take more."""
    db.execute(f"SET memory_limit = '{_LEFT}'")
    db.execute(f"SET memory_limit = '{_MEMORY}'")


def _of_extra(name: str) -> str:
    return f"x {name}"


def _packed(listed: str, count: int) -> str:
    """A JSON list of `count` values, or its value when all are written alike."""
    length, rest = divmod(len(listed) - 1 - count, count)
    first = listed[1 : 1 + length]
    if rest or listed != f"[{','.join([first] * count)}]":
        return listed
    try:
        msgspec.json.decode(first)
    except msgspec.DecodeError:
        return listed  # what repeats are pieces of texts, not values
    return first


def _json(value: object) -> str:
    return _encoder.encode(value).decode()
