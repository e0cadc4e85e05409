"""What the log has of bars and ticks already: which blocks stand for which sessions, and their rows inside DuckDB."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from sys import intern
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec import Struct

from domain import event as events
from domain.event import topic_of
from domain.market import BarsRecorded, BarsVoided, MarketBlock, TicksRecorded, TicksVoided
from ledger.log import Entry, Log
from migrations import script
from replay import provenance
from replay.market_series import text
from replay.reading import quote

if TYPE_CHECKING:
    import duckdb

_PAGE = 500
_AT_ONCE = 100
_WANTED = "SELECT symbol FROM (SELECT unnest(?::VARCHAR[]) AS symbol) WHERE {which}"
_VOIDS = {topic_of(BarsVoided), topic_of(TicksVoided)}
_UNITS = "CASE coalesce(block.unit, 's') WHEN 's' THEN 1000000 WHEN 'ms' THEN 1000 ELSE 1 END"


class _Head(Struct):
    symbol: str
    session: str
    count: int = 0
    sequence: int | list[int] = 0
    timeframe: str = ""


class Place(NamedTuple):
    """A block: its position and symbol, the table that it came from, and the zone of that table's naive times; empty for one
    that was not replayed.
    """

    position: int
    symbol: str
    origin: tuple[str, str] | None
    zone: str


class HeldColumn(NamedTuple):
    """A column that is wanted of the log's rows: its name, where it stands in a block, its type inside DuckDB."""

    name: str
    path: tuple[str, ...]
    type: str


class Held:
    """The blocks of one kind of event that the log has, by session; rows that the replay itself has voided are left out.

    numbers: the highest number of a tick by symbol and session; it is counted on for those that are being appended.
    """

    def __init__(self, log: Log, event: type[MarketBlock]) -> None:
        self._log = log
        self.is_numbered = event is TicksRecorded
        self._defaults = {
            one.name: one.default for one in msgspec.structs.fields(event) if isinstance(one.default, int)
        }
        self.by_session: dict[str, list[Place]] = defaultdict(list)
        self.numbers: dict[tuple[str, str], int] = defaultdict(int)
        void = TicksVoided if self.is_numbered else BarsVoided
        topics = [topic_of(event), topic_of(void)]
        if {"market-bars", "market-ticks"} & {*log.kinds()}:
            self._read(topics)

    def _read(self, topics: Sequence[str]) -> None:
        after, by_stream = 0, defaultdict[str, list[tuple[str, Place]]](list)
        while page := self._log.read(after=after, topics=topics, limit=_PAGE):
            for stored in page:
                source = provenance.decode(stored.source) if stored.source else None
                if stored.topic in _VOIDS:
                    if source is not None:
                        by_stream[stored.stream].clear()
                    continue
                head = msgspec.json.decode(stored.state, type=_Head)
                origin = (source.file, source.table) if source else None
                symbol = intern(head.symbol)  # one string for its thousands of blocks
                place = Place(stored.position, symbol, origin, source.zone if source else "")
                by_stream[stored.stream].append((head.session, place))
                key = symbol, head.session
                self.numbers[key] = max(self.numbers[key], _last_number(head))
            after = page[-1].position
        for places in by_stream.values():
            for session, place in places:
                self.by_session[session].append(place)

    def load(
        self,
        db: duckdb.DuckDBPyConnection,
        sessions: Sequence[str],
        *,
        origin: tuple[str, str],
        zone: str,
        columns: Sequence[HeldColumn],
        which: str,
    ) -> str:
        """Make a table of the rows of these sessions and return its name; "" when there are none. Of each the newest that this
        table gave, or else the newest: a correction that was entered since does not make an unchanged row a new one.

        Blocks that this table gave while its times were read in another zone are no longer meant. own: whether this table
        gave the row; of the further columns of others nothing is said here. which: the symbols that are wanted, as SQL.
        """
        places = [
            place
            for session in sessions
            for place in self.by_session.get(session, ())
            if place.origin != origin or place.zone == zone
        ]
        symbols = sorted({place.symbol for place in places})
        wanted = {symbol for (symbol,) in db.execute(_WANTED.format(which=which), [symbols]).fetchall()}
        own = {place.position: place.origin == origin for place in places if place.symbol in wanted}
        if not own:
            return ""
        positions = sorted(own)
        for begin in range(0, len(positions), _AT_ONCE):
            stored = self._log.at(positions[begin : begin + _AT_ONCE])
            told = (
                [one.position for one in stored],
                [own[one.position] for one in stored],
                [one.state for one in stored],
            )
            if begin:
                db.execute(f"INSERT INTO held_rows BY NAME {self._rows(columns)}", told)
            else:
                make_table(db, "held_rows", self._rows(columns), *told)
        key = "symbol, session, number" if self.is_numbered else "symbol, timeframe, session, micros"
        # Two keys with one hash are taken for one, and then looked at as if they were.
        if db.execute(f"SELECT count(*) = count(DISTINCT hash({key})) FROM held_rows").fetchall()[0][0]:
            return "held_rows"
        make_table(db, "held", _newest(columns, key))
        return "held"

    def _rows(self, columns: Sequence[HeldColumn]) -> str:
        """SQL that takes blocks apart. Each is parsed twice, for its lists and for what stands for all of its rows: that
        takes less time than to parse each column once more when it is known which of the two it is.
        """
        lists = ", ".join(f"{self._list_of(one)} AS {quote(one.name)}" for one in columns)
        each = ", ".join(f"unnest({quote(one.name)}) AS {quote(one.name)}" for one in columns)
        number = (
            "coalesce(block.sequence, range(single.sequence, single.sequence + len(block.time)))"
            if self.is_numbered
            else "range(len(block.time))"
        )
        return f"""
            WITH said AS (SELECT unnest(?::BIGINT[]) AS position, unnest(?::BOOLEAN[]) AS own, unnest(?::VARCHAR[]) AS state),
            read AS (
                SELECT position, own, from_json(state, {self._shape_of_lists(columns)}) AS block,
                    from_json(state, {self._shape_of_singles(columns)}) AS single
                FROM said
            ),
            listed AS (
                SELECT position, own, block.symbol, coalesce(block.timeframe, '') AS timeframe, block.session, block.time,
                    {_UNITS} AS unit, {number} AS number, {lists}
                FROM read
            )
            SELECT position, own, symbol, timeframe, session, unnest(time) * unit AS micros, unnest(number) AS number,
                unnest(range(len(time))) AS place, {each}
            FROM listed"""

    def _list_of(self, column: HeldColumn) -> str:
        """A column of a block as a list, of its type; a field that is left out has its default."""
        path = ".".join(map(quote, column.path))
        default = self._default_of(column)
        one = (
            f"single.{path}"
            if default is None
            else f"from_json(coalesce(single.{path}, '{default}'), '\"{column.type}\"')"
        )
        return f"coalesce(block.{path}, list_resize([]::{column.type}[], len(block.time), {one}))"

    def _default_of(self, column: HeldColumn) -> int | None:
        return self._defaults.get(column.path[-1]) if len(column.path) == 1 else None

    def _shape_of_lists(self, columns: Sequence[HeldColumn]) -> str:
        """What a block is made of, as DuckDB is told: of a column that is a single value it then says NULL."""
        head: dict[str, object] = {
            "symbol": "VARCHAR", "timeframe": "VARCHAR", "session": "DATE", "unit": "VARCHAR", "time": ["BIGINT"],
            "sequence": ["BIGINT"],
        }  # fmt: skip
        return _shape(head, {one.path: [one.type] for one in columns})

    def _shape_of_singles(self, columns: Sequence[HeldColumn]) -> str:
        """The same of single values: of a column that is a list it then says NULL.

        What has a default stays JSON, in which a field that is null is another than one that is left out.
        """
        types = {one.path: one.type if self._default_of(one) is None else "JSON" for one in columns}
        return _shape({"sequence": "BIGINT"}, types)

    def misread(self, origin: tuple[str, str], zone: str) -> Iterator[Entry]:
        """Entries, without provenance, that void the blocks that a table gave while its times were read in another zone."""
        positions = sorted(
            place.position
            for some in self.by_session.values()
            for place in some
            if place.origin == origin and place.zone != zone
        )
        for begin in range(0, len(positions), _AT_ONCE):
            for stored in self._log.at(positions[begin : begin + _AT_ONCE]):
                void = _void(events.decode(stored.topic, stored.state))
                yield Entry(stored.stream, topic_of(type(void)), events.encode(void))


def make_table(db: duckdb.DuckDBPyConnection, name: str, query: str, *values: object) -> None:
    """Make a table of this connection from a query."""
    db.execute(script("replay", "temp_table.sql").format(name=name, query=query), values)


def _newest(columns: Sequence[HeldColumn], key: str) -> str:
    values = ", ".join(quote(one.name) for one in columns)
    return f"""
        SELECT symbol, timeframe, session, micros, {values}, own, place
        FROM held_rows QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY own DESC, position DESC, place DESC) = 1"""


def _shape(head: Mapping[str, object], columns: Mapping[tuple[str, ...], object]) -> str:
    block = {**head, **{path[0]: said for path, said in columns.items() if len(path) == 1}}
    if extra := {path[1]: said for path, said in columns.items() if len(path) > 1}:
        block["extra"] = extra
    return text(msgspec.json.encode(block).decode())


def _void(block: events.Event) -> BarsVoided | TicksVoided:
    assert isinstance(block, MarketBlock)
    said = {name: getattr(block, name) for name in ("occurred_at", "symbol", "exchange", "session", "zone")}
    said["reason"] = "the times were read in another zone"
    if isinstance(block, TicksRecorded):
        return TicksVoided(**said, sequence=list(block.numbers))
    assert isinstance(block, BarsRecorded)
    return BarsVoided(**said, unit=block.unit, timeframe=block.timeframe, time=block.time)


def _last_number(head: _Head) -> int:
    return head.sequence + head.count - 1 if isinstance(head.sequence, int) else max(head.sequence, default=0)
