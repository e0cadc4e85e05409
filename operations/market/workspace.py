"""A backtest's workspace: the live stores can only be read in it, and what it writes lies apart."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import apsw

from domain.errors import HomeBusy, LedgerError
from ledger.lock import WriterLock, holder_of, lock_within
from operations.home import check_has_its_ledger
from operations.market.queries import MarketData
from projections import catalog
from projections.engine import model_path
from projections.profiles import open_reading

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FOLDER, LOCK = "backtest/workspaces", ".writer.lock"
_WAIT_S = 10.0
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


class Workspace:
    """What a backtest is given in place of the home; a context manager, for one thread.

        with Workspace(Path("data"), "run_20261120_180000_a1b2c3") as work:
            bars = work.market.candles("NSE_INDEX|Nifty 50", "1m", start, end)
            orders = work.store("trading-bot/trading").execute("SELECT order_id, status FROM orders")
            own = work.own()

    Every store of the home is opened read-only: a write raises the error of its database, and changes nothing. `folder` is the
    run's own, new and empty; it goes at the end, unless `keep`. That of a run that was killed goes when its id is used again.
    Raises LedgerError for a run id that is none or whose workspace was kept, HomeBusy for one that is at work.
    """

    def __init__(self, home: Path | str, run_id: str, *, keep: bool = False) -> None:
        if not _RUN_ID.fullmatch(run_id):
            raise LedgerError(
                f"{run_id!r} is not the id of a run", hint="Use letters, digits, _ and -, at most 100 of them."
            )
        self._home, self._keep = Path(home), keep
        check_has_its_ledger(self._home)
        self.folder = self._home / FOLDER / run_id
        self._open: list[apsw.Connection] = []
        self._own: DuckDBPyConnection | None = None

    def __enter__(self) -> Self:
        self.folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone(self.folder.parent):
            self._right = _taken(self.folder)
        try:
            self.market = MarketData(self._home)
        except BaseException:
            self._leave(keep=False)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.market.close()
        for one in self._open:
            one.close()
        if self._own is not None:
            self._own.close()
        self._leave(keep=self._keep)

    def _leave(self, *, keep: bool) -> None:
        with _alone(self.folder.parent):
            if keep:
                (self.folder / LOCK).unlink()
            else:
                shutil.rmtree(self.folder)
            self._right.release()

    def store(self, name: str) -> apsw.Connection:
        """A read model of the home by its name, such as `trading-bot/trading`, for reading only."""
        path = model_path(self._home, catalog.find(name).name)
        if not path.exists():
            raise LedgerError(f"{path} is not there", hint="Run: cli catch-up")
        db = open_reading(path)
        db.pragma("query_only", value=True)
        self._open.append(db)
        return db

    def own(self) -> DuckDBPyConnection:
        """The run's own DuckDB file, for writing."""
        if self._own is None:
            import duckdb  # noqa: PLC0415  it costs time, and not every run wants it

            self._own = duckdb.connect(str(self.folder / "run.duckdb"))
        return self._own


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """While somebody begins or ends, nobody else does: whether a workspace is in use can be told for certain then."""
    right = lock_within(_WAIT_S, folder, file=LOCK)
    try:
        yield
    finally:
        right.release()


def _taken(folder: Path) -> WriterLock:
    """Make the folder of a run. One with a lock that nobody holds was left by a run that was killed; one without was kept."""
    holder = holder_of(folder / LOCK)
    if holder is not None:
        raise HomeBusy(
            f"the run {folder.name} has a workspace already, that of {holder}",
            hint="Wait until it is done, or use another id.",
        )
    if folder.exists():
        if not (folder / LOCK).exists() and any(folder.iterdir()):
            raise LedgerError(
                f"the run {folder.name} has a workspace already, which was kept",
                hint=f"Use another id, or delete {folder}.",
            )
        shutil.rmtree(folder)
    folder.mkdir(mode=0o700)
    return WriterLock(folder, f"backtest {folder.name}", file=LOCK)
