"""Beside others: the library's own way to derive a read model, and the copying of legacy scripts, `.dump | sqlite3`."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from eventsourcing.application import Application
from eventsourcing.persistence import ListenNotifySubscription, Tracking
from eventsourcing.projection import Projection, ProjectionRunner
from eventsourcing.sqlite import SQLiteTrackingRecorder

from benchmarks import samples
from benchmarks.limits import empty_model, fresh
from benchmarks.measuring import Row, Sizes, in_turns, timed
from domain.event import topic_of
from domain.portfolio import MetricCalculated
from ledger.log import open_log
from ledger.recorder import LedgerFactory, LedgerRecorder, Placed
from operations.replaying import replay
from projections import catalog
from projections.engine import catch_up
from projections.rebuilding import model_path

METRIC = topic_of(MetricCalculated)
_COLUMNS = "symbol, isin, metric, value, calculated_at, expires_at, source"
_TABLE = f"CREATE TABLE IF NOT EXISTS calculated_metrics ({_COLUMNS}, PRIMARY KEY (symbol, metric))"
_UPSERT = f"INSERT OR REPLACE INTO calculated_metrics ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"
_PIPE = r"""
for file in "$1"/*.db; do
    name=$(basename "$file" .db)
    { echo "BEGIN;"; sqlite3 "$file" ".dump --data-only daily_prices"; echo "COMMIT;"; } |
        sed "/^INSERT INTO daily_prices VALUES(/{s//INSERT INTO daily_prices VALUES('$name',/;s/);\$/,NULL);/}" | sqlite3 "$2"
done
"""
_PIPE_ONE = '{ echo "BEGIN;"; sqlite3 "$1" ".dump --data-only cash_flows"; echo "COMMIT;"; } | sqlite3 "$2"'


class Following(LedgerRecorder):
    """The library has no subscription for SQLite; what is recorded already can be followed with the base of the others."""

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> ListenNotifySubscription[LedgerRecorder]:
        return ListenNotifySubscription(self, gt, topics)


class FollowingFactory(LedgerFactory):
    """Makes such recorders."""

    application_recorder_class = Following


class Ledger(Application[str]):
    """The log as an application of the library."""

    name = "ledger"


class Metrics(SQLiteTrackingRecorder):
    """The read model as the library wants it: row and tracking in one transaction."""

    def construct_create_table_statements(self) -> list[str]:
        return [*super().construct_create_table_statements(), _TABLE]

    def put(self, row: tuple[Any, ...], tracking: Tracking) -> None:
        """Write one row."""
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(_UPSERT, row)


class MetricsProjection(Projection[Metrics]):
    """Derives the metrics, an event at a time."""

    name = "metrics"
    topics = (METRIC,)

    def process_event(self, event: Any, tracking: Tracking) -> None:
        assert isinstance(event, Placed)
        one = event.event
        assert isinstance(one, MetricCalculated)
        values = (one.symbol, one.isin, one.metric, float(one.value), one.occurred_at, one.expires_at, one.source)
        self.view.put(values, tracking)


def measure(place: Path, sizes: Sizes) -> Iterator[Row]:
    """The library's projection runner, then the scripts."""
    yield _runner(place, sizes)
    if shutil.which("sqlite3"):
        yield _dump_prices(place, sizes)
        yield _dump_facts(place, sizes)


def _runner(place: Path, sizes: Sizes) -> Row:
    home, portfolio = place / "home", catalog.find("portfolio")
    assert replay(samples.metrics(place / "metrics", sizes.peer_events), home, catch_up=False).proven
    with open_log(home) as log:
        last = log.read(topics=[METRIC], limit=sizes.peer_events)[-1].position

        def ours() -> float:
            with fresh(place / "derived") as folder:
                return timed(lambda: catch_up(portfolio, log, model_path(folder, "portfolio")))

        def theirs() -> float:
            with fresh(place / "runner") as folder:
                return timed(lambda: _run_library(log.path, folder / "metrics.db", last))

        seconds, library = in_turns(sizes.rounds, ours, theirs)
    return Row(
        work="rebuild portfolio.db from metrics", count=sizes.peer_events, unit="events", ours=seconds, limit=library,
        limit_name="the ProjectionRunner of eventsourcing, which has a transaction for each event",
    )  # fmt: skip


def _run_library(ledger: Path, view: Path, last: int) -> None:
    env = {
        "PERSISTENCE_MODULE": "benchmarks.peers:FollowingFactory",
        "MAPPER_TOPIC": "ledger.recorder:LedgerMapper",
        "ORIGINATOR_ID_TYPE": "text",
        "CREATE_TABLE": "n",
        "SQLITE_DBNAME": f"{ledger.as_uri()}?mode=rw",
        "METRICS_PERSISTENCE_MODULE": "eventsourcing.sqlite",
        "METRICS_CREATE_TABLE": "y",
        "METRICS_SQLITE_DBNAME": str(view),
    }
    with ProjectionRunner(
        application_class=Ledger, projection_class=MetricsProjection, view_class=Metrics, env=env
    ) as runner:
        runner.wait(last, timeout=600)


def _dump_prices(place: Path, sizes: Sizes) -> Row:
    source = samples.price_files(place / "prices", files=sizes.files, bars=sizes.bars)
    seconds, script = in_turns(
        sizes.rounds,
        lambda: _replayed(source, place / "replayed"),
        lambda: _piped(_PIPE, source / "history", place / "piped"),
    )
    return Row(
        work=f"the whole replay of {sizes.files} price files: frozen, proven, read models derived and compared",
        count=sizes.files * sizes.bars, unit="bars", ours=seconds, limit=script,
        limit_name="`sqlite3 file .dump | sqlite3 history.db`, file by file, which checks nothing",
    )  # fmt: skip


def _dump_facts(place: Path, sizes: Sizes) -> Row:
    source = samples.cash_flows(place / "flows", sizes.facts)

    def theirs() -> float:
        with fresh(place / "piped") as folder:
            samples.legacy_file(folder / "new.db", "ledger_v4")
            return timed(lambda: _sh(_PIPE_ONE, source / "ledger.db", folder / "new.db"))

    seconds, script = in_turns(sizes.rounds, lambda: _replayed(source, place / "replayed"), theirs)
    return Row(
        work="the whole replay of cash flows: frozen, proven, read models derived and compared", count=sizes.facts,
        unit="rows", ours=seconds, limit=script, limit_name="`sqlite3 file .dump | sqlite3 new.db`, which checks nothing",
    )  # fmt: skip


def _replayed(source: Path, home: Path) -> float:
    with fresh(home):
        return timed(lambda: replay(source, home))


def _piped(script: str, files: Path, folder: Path) -> float:
    with empty_model(folder, "history") as db:
        target = Path(db.filename)
        db.close()
        return timed(lambda: _sh(script, files, target))


def _sh(script: str, *arguments: Path) -> None:
    subprocess.run(["/bin/sh", "-ec", script, "sh", *map(str, arguments)], check=True)
