"""What a projector makes of events: its tables in memory, fed the way the engine feeds them, batch by batch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import apsw

from domain.event import Event, encode, topic_of
from migrations.runner import read_model_script
from projections.plan import Batch, Plan
from projections.projector import Projector

NO_LOG: Any = None  # the log is asked for recorded times only, and every event here has a valid time


class Given(NamedTuple):
    """An event and its stream; its position is its place in what is given."""

    stream: str
    event: Event


Tables = dict[str, list[tuple[Any, ...]]]  # rows of any table


def given(events: Iterable[Event]) -> list[Given]:
    """Events that each have a stream of their own."""
    return [Given(f"thing:{number}", event) for number, event in enumerate(events)]


def database(projector: Projector, *pieces: Sequence[Given]) -> apsw.Connection:
    """The read model after these batches."""
    db = apsw.Connection(":memory:")
    db.execute(read_model_script(projector.name))
    plan, position = Plan(projector), 0
    for piece in pieces:
        numbered = list(enumerate(piece, position + 1))
        position += len(piece)
        states = [(at, topic_of(type(one.event)), encode(one.event).decode(), bytes(32)) for at, one in numbered]
        states = [state for state in states if state[1] in plan.topics]
        streams = {at: one.stream for at, one in numbered}
        with db:
            plan.apply(db, Batch(states, [], position, complete=False, streams=streams), NO_LOG)
    return db


def tables(projector: Projector, *pieces: Sequence[Given]) -> Tables:
    """All rows of all tables after these batches, the helper tables included."""
    db = database(projector, *pieces)
    names = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()]
    return {name: sorted(db.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr) for name in names}


def rows(projector: Projector, table: str, *pieces: Sequence[Given]) -> list[dict[str, Any]]:  # any columns
    """The rows of one table after these batches, by column."""
    db = database(projector, *pieces)
    names = [name for (name,) in db.execute("SELECT name FROM pragma_table_info(?) ORDER BY cid", [table])]
    found = db.execute(f'SELECT * FROM "{table}" ORDER BY 1, 2')
    return [dict(zip(names, row, strict=True)) for row in found]
