"""What the row tables of the trading bot's files become: events with their streams, without a log in between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import apsw

from domain.event import Event, decode
from domain.legacy import LegacyRowKept
from domain.moments import LocalClock
from ledger.log import Stored
from replay.duck_image import is_duckdb, make_image
from replay.mapping import Knowledge
from replay.provenance import prefix
from replay.reading import Table, tables
from replay.reshaping import ReshapedTranslator, Shape
from replay.tally import TableTally
from replay.trading_bot.tables import mapping_of
from replay.translating import Known, Translator, teach_time
from tests.projections.folded import Given

UTC = LocalClock("UTC")


class Forgetful:
    """The memory of a replay that has seen nothing."""

    def recall(self, _: Sequence[str]) -> dict[str, Known]:
        return {}

    def meet(self, streams: Sequence[str]) -> None:
        pass

    def event_at(self, position: int) -> Stored:
        raise AssertionError(position)


class Translated(NamedTuple):
    """Entries and tallies of all tables of a file that have a mapping."""

    given: list[Given]
    tallies: dict[str, TableTally]
    unmapped: list[str]

    def events(self, kind: type[Event]) -> list[Event]:
        """The events of exactly this type."""
        return [one.event for one in self.given if type(one.event) is kind]

    @property
    def kept(self) -> Counter[tuple[str, str]]:
        """Table and reason of the rows that were only kept."""
        return Counter((e.table, e.reason) for e in self.events(LegacyRowKept) if isinstance(e, LegacyRowKept))


def translated(path: Path, file: str) -> Translated:
    """Translate every row table of a file, which has the name `file` in its folder. Naive times are UTC."""
    found = Translated([], {}, [])
    with _opened(path) as db:
        listed = tables(db)
        teach_time(db, {table.name: UTC for table in listed})
        for table in listed:
            mapping = mapping_of(file, table)
            if mapping is None:
                found.unmapped.append(table.name)
                continue
            rows = _translator(file, table)
            found.given.extend(
                Given(ready.entry.stream, decode(ready.entry.topic, ready.entry.state)) for ready in rows.entries(db)
            )
            found.tallies[table.name] = rows.tally
    assert all(tally.adds_up for tally in found.tallies.values())
    return found


def _translator(file: str, table: Table) -> Translator:
    mapping, known = mapping_of(file, table), Knowledge(UTC, zone_assumed=False)
    about = {"shared": prefix(1, "trading-bot", file, table.name), "file": file, "knowledge": known}
    if mapping is not None and mapping.is_newer:
        shape = Shape(table, mapping, mapping_of)
        return ReshapedTranslator.of(**about, shape=shape, memory=Forgetful())  # type: ignore[arg-type]  # see its words
    return Translator(**about, table=table, mapping=mapping, memory=Forgetful())  # type: ignore[arg-type]


@contextmanager
def _opened(path: Path) -> Iterator[apsw.Connection]:
    with TemporaryDirectory() as folder:
        image = path
        if is_duckdb(path):
            image = Path(folder) / "image.db"
            make_image(path, image)
        with closing(apsw.Connection(str(image))) as db:
            yield db
