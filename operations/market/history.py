"""Day files and the live buffer as one, asked through one DuckDB: which files there are, and the rows that are live."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import apsw

from domain.errors import StoreError
from projections.engine import model_path
from projections.market_files import FILES, SCHEMA_VERSION, attach, engine, is_archived
from projections.places import check_version, was_made
from projections.profiles import open_reading

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MARKET, LIVE = "trading-bot/market-data", "trading-bot/live-buffer"
_ATTACHED_MAX = 64

_FILES = """
SELECT path, session, kind FROM partitions
WHERE exchange = ? AND kind = ? AND timeframe = ? AND session BETWEEN ? AND ? AND events > 0 ORDER BY session
"""
_LIVE_CANDLES = """
SELECT session, time_us, open, high, low, close, volume, is_synthetic <> 0, open_interest, is_void
FROM candles WHERE exchange = ? AND symbol = ? AND timeframe = ? AND session BETWEEN ? AND ?
"""
_LIVE_TICKS = """
SELECT session, time_us, sequence, price, volume, bid, ask, is_void
FROM ticks WHERE exchange = ? AND symbol = ? AND session BETWEEN ? AND ?
"""

Rows = list[tuple[Any, ...]]  # cells of any kind


class DayFile(NamedTuple):
    """A day file by its path in market_data/. kind: ticks or candles."""

    path: str
    session: str
    kind: str


class History:
    """The stores of a home, open for reading; for one thread. A store that is not there yet is empty."""

    def __init__(self, home: Path) -> None:
        self._folder = model_path(home, MARKET).parent
        self._paths = {name: model_path(home, name) for name in (MARKET, LIVE)}
        check_version(self._folder, SCHEMA_VERSION)
        self._closing = ExitStack()
        self.db: DuckDBPyConnection = self._closing.enter_context(engine(threads=1))
        self._stores: dict[str, tuple[apsw.Connection, tuple[int, int]]] = {}
        self._attached: dict[str, tuple[str, tuple[int, int, int]]] = {}
        self._names = 0

    def close(self) -> None:
        """Close all of them."""
        for store, _ in self._stores.values():
            store.close()
        self._closing.close()

    def files(self, exchange: str, timeframe: str | None, first: str, last: str) -> list[DayFile]:
        """The day files of candles of a timeframe, or of ticks, of the sessions from `first` through `last`."""
        kind = "ticks" if timeframe is None else "candles"
        return [DayFile._make(row) for row in self._ask(MARKET, _FILES, exchange, kind, timeframe or "", first, last)]

    def live_candles(self, exchange: str, symbol: str, timeframe: str, first: str, last: str) -> Rows:
        """Session, time of day, values and voidness of the live bars."""
        found = self._ask(LIVE, _LIVE_CANDLES, exchange, symbol, timeframe, first, last)
        return [(*row[:7], bool(row[7]), *row[8:]) for row in found]

    def live_ticks(self, exchange: str, symbol: str, first: str, last: str) -> Rows:
        """The same of the live ticks."""
        return self._ask(LIVE, _LIVE_TICKS, exchange, symbol, first, last)

    def _ask(self, name: str, query: str, *values: str) -> Rows:
        try:
            store = self._store(name)
            return [] if store is None else store.execute(query, values).fetchall()
        except apsw.Error as error:
            raise StoreError(f"{self._paths[name]} cannot be read: {error}", hint="Run: cli catch-up") from error

    def _store(self, name: str) -> apsw.Connection | None:
        """The store as it lies there now; None when it is not there yet."""
        try:
            state = self._paths[name].stat()
        except FileNotFoundError:
            return None
        now = (state.st_dev, state.st_ino)
        store, then = self._stores.get(name, (None, None))
        if store is None or then != now:
            # Another file took its place: it was deleted, or damaged, and is derived again.
            if store is not None:
                store.close()
            store = open_reading(self._paths[name])
            self._stores[name] = (store, now)
        return store

    def attached(self, files: Sequence[DayFile]) -> list[str]:
        """The names by which DuckDB knows these files, as they lie there now."""
        names = [name for one in files if (name := self._attach(one)) is not None]
        for path in list(self._attached)[: max(0, len(self._attached) - max(_ATTACHED_MAX, len(files)))]:
            self._detach(path)
        return names

    def _attach(self, one: DayFile) -> str | None:
        """Have DuckDB know a file. While it is archived, either form may be the one that is there: the new one comes before the
        old one goes.
        """
        forms = (one.path, *FILES.other_forms(one.path))
        # Twice: a file may have been put in its place after the first look, and before it was asked whether it was made.
        for _ in range(2):
            name = self._attach_one(forms, one.kind)
            if name is not None:
                return name
            if not any(was_made(self._folder, path) for path in forms):
                return None  # its first rows are just being put away: they are live as long as it is not there
        raise StoreError(f"{self._folder / one.path} is gone", hint="Run: cli verify projections --repair")

    def _attach_one(self, forms: Sequence[str], kind: str) -> str | None:
        for path in (*forms, forms[0]):
            try:
                state = (self._folder / path).stat()
            except FileNotFoundError:
                continue
            try:
                return self._known(path, kind, (state.st_ino, state.st_mtime_ns, state.st_size))
            except StoreError:
                if (self._folder / path).exists():
                    raise
        return None

    def _known(self, path: str, kind: str, now: tuple[int, int, int]) -> str:
        import duckdb  # noqa: PLC0415  it costs time, and most commands do not need it

        file = self._folder / path
        try:
            name, then = self._attached.pop(path, ("", None))
            if then != now:
                # Another file took its place: what DuckDB has open is the old one.
                if name:
                    self.db.execute(f"DETACH {name}")
                self._names += 1
                name = f"day{self._names}"
                attach(self.db, file, name, kind, is_parquet=is_archived(path))
        except (OSError, duckdb.Error) as error:
            raise StoreError(
                f"{file} cannot be read: {str(error).partition(chr(10))[0]}",
                hint="Run: cli verify projections --repair",
            ) from error
        self._attached[path] = (name, now)
        return name

    def _detach(self, path: str) -> None:
        name, _ = self._attached.pop(path)
        self.db.execute(f"DETACH {name}")
