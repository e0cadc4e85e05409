"""What stands of the legacy rows that the log recorded, and of what was entered beside them: read once, from the start."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

import apsw
import msgspec

from domain import event as events
from domain.agents import EvaluationForgotten, SequenceForgotten
from domain.event import topic_of, topics
from domain.legacy import LegacyRowKept, LegacySchemaRead
from domain.prices import ExchangeRateQuoted, ExchangeRatesVoided, LegacyCleanupForgotten, PriceBlock, PricesVoided
from ledger.log import Log, Stored
from migrations import script
from replay import provenance
from replay.system import WritingBack

PAGE = 5_000
SAME_KEY = "another row has the same"
_KEPT = topic_of(LegacyRowKept)
_LAST = 2**62
_TWIN = re.compile(r":~(\d+)$")

_ADD_ROW = "INSERT OR REPLACE INTO temp.standing_rows (file, tab, stream, position, twin) VALUES (?, ?, ?, ?, ?)"
_DROP_ROW = "DELETE FROM temp.standing_rows WHERE file = ? AND tab = ? AND stream = ?"
_ADD_BLOCK = "INSERT INTO temp.standing_blocks (file, tab, position, stream, own) VALUES (?, ?, ?, ?, ?)"
_ENTER = "INSERT OR REPLACE INTO temp.entered (stream, place, position) VALUES (?, ?, ?)"
_WITHDRAW = "DELETE FROM temp.entered WHERE stream = ? AND place = 0"
_ENTERED_IN = "SELECT position FROM temp.entered WHERE stream = ? AND place = 0"
_PLACES_OF = "SELECT file, tab, position FROM temp.standing_rows WHERE stream = ? ORDER BY position DESC"
_HELD = (
    "SELECT r.stream, r.position, e.position FROM temp.standing_rows AS r LEFT JOIN temp.entered AS e "
    "ON e.stream = r.stream AND e.place = 0 AND e.position > r.position WHERE r.file = ? AND r.tab = ? ORDER BY "
)
_ROWS, _ROWS_BY_STREAM = _HELD + "r.twin, r.position", _HELD + "r.stream"
_SHARE = (
    "SELECT sum(stream GLOB 'kept:*:row-*'), count(*), (SELECT count(*) FROM temp.standing_blocks WHERE file = ? AND tab = ?) "
    "FROM temp.standing_rows WHERE file = ? AND tab = ?"
)
_BLOCKS = "SELECT position FROM temp.standing_blocks WHERE file = ? AND tab = ? AND stream = ? ORDER BY position"
_SERIES = "SELECT DISTINCT stream FROM temp.standing_blocks WHERE file = ? AND tab = ?"
_TABLES = (
    "SELECT file, tab, max(position) FROM (SELECT file, tab, position FROM temp.standing_rows "
    "UNION ALL SELECT file, tab, position FROM temp.standing_blocks) GROUP BY file, tab"
)
_ENTERED = "SELECT position FROM temp.entered WHERE place = 0 ORDER BY position"
_ENTERED_BLOCKS = "SELECT position FROM temp.entered WHERE place > 0 ORDER BY position"
_HOME_OF = "SELECT file FROM temp.standing_blocks WHERE stream = ? AND own = 1 ORDER BY position DESC LIMIT 1"


class At(NamedTuple):
    """A legacy table: its file and its name."""

    file: str
    table: str


# Rows that are old, which the legacy system deletes as well.
_FORGETS = (SequenceForgotten, EvaluationForgotten, LegacyCleanupForgotten)


class _Why(msgspec.Struct):
    reason: str


_why = msgspec.json.Decoder(_Why).decode


def _rank(one: Stored) -> int:
    """Where a row stands among others with its key, of which a replay takes the first: twins are numbered, and a row that was
    only kept because another has its key comes after that one.
    """
    if one.topic == _KEPT:
        return _LAST if twin_of(one) > 1 else 3
    return 2 * twin_of(one)


def twin_of(one: Stored) -> int:
    """Which of the rows with its key a row is; 2 also for a later one that is only kept, whose number nobody has noted."""
    if one.topic == _KEPT:
        return 2 if _why(one.state).reason.startswith(SAME_KEY) else 1
    twin = _TWIN.search(one.stream)
    return int(twin[1]) if twin else 1


class StandingRows:
    """An index over the log up to a position. happened: whether an event counts; everything does when it is None.

    ended: events entered here that say there is no such thing any more. others: events that no legacy table has a place for.
    """

    def __init__(
        self, log: Log, back: WritingBack, *, through: int, happened: Callable[[Stored], bool] | None = None
    ) -> None:
        self.schemas: dict[str, LegacySchemaRead] = {}
        self.ended: Counter[str] = Counter()
        self.others: Counter[str] = Counter()
        self._log, self._system = log, back.system
        self._db = apsw.Connection("")
        self._db.execute(script("replay", "temp_standing.sql"))
        self._classes = topics()
        stated = tuple(one for mapping in back.mappings for one in (mapping.event, mapping.changed) if one)
        self._states = {one for one in self._classes.values() if issubclass(one, stated)}
        self._ends = {mapping.removed for mapping in back.mappings if mapping.removed} | {
            *back.voids.values(),
            *_FORGETS,
        }
        after = 0
        while page := log.read(after=after, through=through, limit=PAGE):
            with self._db:
                for one in page:
                    self._take(one, happened)
            after = page[-1].position

    def close(self) -> None:
        """Forget everything."""
        self._db.close()

    def _take(self, one: Stored, happened: Callable[[Stored], bool] | None) -> None:
        event = self._classes[one.topic]
        if event is LegacySchemaRead:
            schema = events.decode(one.topic, one.state)
            assert isinstance(schema, LegacySchemaRead)
            if schema.system == self._system.name:
                self.schemas[schema.file] = schema
        elif happened is not None and not happened(one):
            return
        elif one.source is not None:
            self._recorded(one)
        elif issubclass(event, PriceBlock | PricesVoided):
            self._db.execute(_ENTER, (one.stream, one.position, one.position))
        elif event in self._states:
            self._db.execute(_ENTER, (one.stream, 0, one.position))
        elif event in self._ends:
            self._ended(one)
        elif event is ExchangeRatesVoided:
            self._rates_ended(one)
        else:
            self.others[one.topic] += 1

    def _recorded(self, one: Stored) -> None:
        """An event that replay made of a legacy row."""
        source = provenance.decode(one.source or "")
        if source.system != self._system.name:
            self.others[one.topic] += 1
        elif source.vanished:
            self._db.execute(_DROP_ROW, (source.file, source.table, one.stream))
            if self._is_home(source.file, source.table):
                self._db.execute(_WITHDRAW, (one.stream,))
        elif source.first is not None:
            block = events.decode(one.topic, one.state)
            own = isinstance(block, PriceBlock) and block.copy is None
            self._db.execute(_ADD_BLOCK, (source.file, source.table, one.position, one.stream, own))
        else:
            row = (source.file, source.table, one.stream, one.position, _rank(one))
            self._db.execute(_ADD_ROW, row)

    def _ended(self, one: Stored) -> None:
        """An event, entered here, that says there is no such thing any more; a copy in an old place may outlive it."""
        only_home = "copy" in self._classes[one.topic].__struct_fields__
        for at, _ in self.places(one.stream):
            if not only_home or self._is_home(*at):
                self._db.execute(_DROP_ROW, (*at, one.stream))
        self._db.execute(_WITHDRAW, (one.stream,))
        self.ended[one.topic] += 1

    def _rates_ended(self, one: Stored) -> None:
        """The quotes of a day are void: of a row that holds the newest quote only if that is of this day."""
        void = events.decode(one.topic, one.state)
        assert isinstance(void, ExchangeRatesVoided)
        for at, position in self.places(one.stream):
            if self._is_of_day(position, void.date):
                self._db.execute(_DROP_ROW, (*at, one.stream))
        entered = self._db.execute(_ENTERED_IN, (one.stream,)).fetchone()
        if entered and self._is_of_day(int(str(entered[0])), void.date):
            self._db.execute(_WITHDRAW, (one.stream,))
        self.ended[one.topic] += 1

    def _is_of_day(self, position: int, date: str) -> bool:
        (stored,) = self._log.at([position])
        quote = events.decode(stored.topic, stored.state)
        return isinstance(quote, ExchangeRateQuoted) and (quote.occurred_at or stored.recorded_at)[: len(date)] == date

    def _is_home(self, file: str, table: str) -> bool:
        mapping = self._system.declared(file, table)
        return mapping is None or (mapping.copy is None and (not mapping.files or file == mapping.files[0]))

    def places(self, stream: str) -> list[tuple[At, int]]:
        """The tables that hold a row of this stream, and the position of the event it was last recorded by; newest first."""
        found = self._db.execute(_PLACES_OF, (stream,)).fetchall()
        return [(At(str(file), str(table)), int(str(position))) for file, table, position in found]

    def tables(self) -> dict[At, int]:
        """Every legacy table that rows were recorded of, and the position of its newest."""
        return {At(file, table): at for file, table, at in self._db.execute(_TABLES)}

    def rows(self, at: At) -> Iterator[tuple[Stored, Stored | None]]:
        """The event behind each row of a table, and a later entry about it; twins in their order, else as in the log."""
        return self._rows(_ROWS, at)

    def _rows(self, query: str, at: At) -> Iterator[tuple[Stored, Stored | None]]:
        cursor = self._db.execute(query, at)
        while page := list(islice(cursor, PAGE)):
            wanted = {int(place) for _, *places in page for place in places if place}
            stored = {one.position: one for one in self._log.at(sorted(wanted))}
            for _, position, later in page:
                yield stored[position], stored.get(later)

    def knows_some_numbers(self, at: At) -> bool:
        """Whether some rows of a table are named by their place, being only kept and without a key, and others not."""
        placed, rows, blocks = next(iter(self._db.execute(_SHARE, (*at, *at))))
        return bool(placed) and (placed < rows or bool(blocks))

    def by_stream(self, at: At) -> Iterator[tuple[Stored, Stored | None]]:
        """The same as `rows`, in order of their streams."""
        return self._rows(_ROWS_BY_STREAM, at)

    def series(self, at: At) -> list[str]:
        """The series that a table has blocks of."""
        return [str(row[0]) for row in self._db.execute(_SERIES, at)]

    def blocks(self, at: At, stream: str) -> Iterator[Stored]:
        """The blocks of one series of a table, oldest first."""
        return self._events(_BLOCKS, (*at, stream))

    def entered(self) -> Iterator[Stored]:
        """The newest fact of each stream that was entered here and is not ended, oldest first."""
        return self._events(_ENTERED)

    def entered_blocks(self) -> Iterator[Stored]:
        """The blocks of prices that were entered here, and what is void of others, oldest first."""
        return self._events(_ENTERED_BLOCKS)

    def _events(self, query: str, values: tuple[str, ...] = ()) -> Iterator[Stored]:
        cursor = self._db.execute(query, values)
        while page := [int(row[0]) for row in islice(cursor, PAGE)]:
            yield from self._log.at(page)

    def home_of(self, stream: str) -> str | None:
        """The file that is the proper home of a series."""
        found = self._db.execute(_HOME_OF, (stream,)).fetchall()
        return str(found[0][0]) if found else None
