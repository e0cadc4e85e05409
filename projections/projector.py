"""What a projector declares: its database, the events that become rows as they are, and handlers for the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

import apsw
import msgspec

from domain.event import Event
from domain.systems import ARDUINO_TRADER, SYSTEMS
from ledger.concerning import Lead
from projections.partitioned import PartitionedFiles


class Fact(NamedTuple):
    """An event and its place in the log."""

    position: int
    event: Event


class StreamFact(NamedTuple):
    """An event, its place in the log, and the stream it belongs to."""

    position: int
    stream: str
    event: Event


@dataclass(frozen=True)
class RowTable:
    """A table whose rows are events as they stand.

    row: a struct shaped like the row: the order of its fields is the order of the columns, a field's encoded name is
    the event's field and its Python name the column. A last field `copy` is no column: it tells which legacy file the
    row came from. stated: the row is inserted, or replaced whole. removed: carry the key's fields under the events'
    names; one without `copy` removes all copies of the row. newest: for rows that two legacy files may hold, the column
    that decides: newest wins, on a tie the row without copy, then the later event. Such a table has a rowid table
    `<table>_copies` beside it, see `projections.copies`.
    """

    table: str
    row: type[msgspec.Struct]
    key: tuple[str, ...]
    stated: tuple[type[Event], ...]
    removed: tuple[type[Event], ...] = ()
    newest: str | None = None


class Concern(NamedTuple):
    """Which events of a lane can concern a row, told by the row's key.

    by: column of the key to the event's field that must hold the same; a field may also be a name of the log's own,
    `ledger.concerning.POSITION` or STREAM. then: what leads from the events found so to further ones; the last ones found
    count, and they are of the same types.
    """

    events: tuple[type[Event], ...]
    by: Mapping[str, str]
    then: tuple[Lead, ...] = ()


@dataclass(frozen=True)
class LaneTable:
    """A table that a lane writes. Events of the lane that no concern names can concern every row.

    is_shown: False for a table in which the lane only keeps what it needs itself. dated_by: the column that holds the day of
    a row, where rows of different days do not touch each other and only blocks put rows in. rows_from: the events without
    one of which a thing has no row, where the lane is `apart_by` things.
    """

    name: str
    concerns: tuple[Concern, ...] = ()
    is_shown: bool = True
    dated_by: str | None = None
    rows_from: tuple[type[Event], ...] = ()


# The facts are Fact or StreamFact, as the lane asked for; a union here would make every handler check which it got.
Fold = Callable[[apsw.Connection, Sequence[Any]], None]
FoldT = TypeVar("FoldT", bound=Fold)
OnFact = Callable[[apsw.Connection, Fact], None]
OnFactT = TypeVar("OnFactT", bound=OnFact)


@dataclass(frozen=True)
class Lane:
    """A handler that gets all facts of its events of one batch, in log order.

    Lanes of one projector run one after the other, so they must not touch or read each other's tables. See
    `Projector.lane` for the rest.
    """

    events: tuple[type[Event], ...]
    fold: Fold
    with_streams: bool = False
    dated: bool = False
    apart_by: str | None = None
    tables: tuple[LaneTable, ...] = ()


@dataclass
class Projector:
    """The code that derives one read model, whose tables stand in migrations/<name>/ (with _ for -).

    system: the legacy system whose facts it shows; a home has the read models of the systems that its log is about. file:
    where it lies in the home, `<name>.db` unless that is said. A name that two systems use is qualified: trading-bot/config.
    version: raise it when the code of a handler changes; the read model is then rebuilt by itself.
    batch_max: events of one transaction; few for events that are large. files: those of which the read model is the index.
    """

    name: str
    version: int
    rows: tuple[RowTable, ...] = ()
    profile: str = "standard"
    batch_max: int = 10_000
    lanes: list[Lane] = field(default_factory=list)
    handlers: dict[type[Event], OnFact] = field(default_factory=dict)
    system: str = ARDUINO_TRADER
    file: str = ""
    files: PartitionedFiles | None = None

    def __post_init__(self) -> None:
        assert self.system in SYSTEMS, f"{self.name}: there is no system {self.system}"
        self.file = self.file or f"{self.name}.db"

    @property
    def schema(self) -> str:
        """What its tables are named after in SQL: portfolio, trading_bot_config."""
        return self.name.replace("-", "_").replace("/", "_")

    def lane(
        self,
        *events: type[Event],
        with_streams: bool = False,
        dated: bool = False,
        apart_by: str | None = None,
        tables: tuple[LaneTable, ...] = (),
    ) -> Callable[[FoldT], FoldT]:
        """Decorator for a handler that gets all facts of `events` of one batch, in log order.

        with_streams: the facts are StreamFact. dated: an event without a valid time comes with its recorded time.
        apart_by: a field of all the events; those with different values do not touch each other's rows, so the facts
        come sorted by it, and in log order only where it is equal. They are decoded when they are reached, one by one:
        for large events. tables: those that the handler writes, so that a few of their rows can be derived by themselves.
        """

        def declare(fold: FoldT) -> FoldT:
            self.lanes.append(Lane(events, fold, with_streams, dated, apart_by, tables))
            return fold

        return declare

    def on(self, *events: type[Event]) -> Callable[[OnFactT], OnFactT]:
        """Decorator for a handler that gets one fact; all of a projector form one lane, called in log order."""

        def declare(handler: OnFactT) -> OnFactT:
            for event in events:
                assert event not in self.handlers, f"{self.name}: two handlers for {event.__name__}"
                self.handlers[event] = handler
            return handler

        return declare

    def all_lanes(self) -> list[Lane]:
        """The declared lanes, and the one that the `on` handlers form."""
        if not self.handlers:
            return self.lanes
        return [*self.lanes, Lane(tuple(self.handlers), self._one_by_one)]

    def _one_by_one(self, db: apsw.Connection, facts: Sequence[Fact]) -> None:
        for fact in facts:
            self.handlers[type(fact.event)](db, fact)
