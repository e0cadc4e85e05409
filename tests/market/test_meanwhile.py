"""What others do between two looks of one command: a store that is rebuilt, a file that is replaced, a thread that goes on."""

from __future__ import annotations

import fcntl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

import pytest

from domain.errors import DiskFull, LedgerError
from domain.event import decode
from domain.market import MarketRowKept
from domain.prices import BLOCK_MAX
from ledger.log import Stored, open_log
from operations.market import archiving, rollover
from operations.market import feed as feeding
from operations.market.archiving import Archived, archive
from operations.market.feed import MarketFeed
from operations.market.queries import MarketData
from operations.market.rollover import LIVE, MARKET, roll_over
from operations.market.writing import BlockWriter
from operations.settings import Retention
from projections import building, catalog, partition_proof, places, rebuilding
from projections.engine import model_path
from projections.partition_proof import looked_over
from projections.profiles import open_live
from projections.rebuilding import rebuild
from projections.verifying import verify_model
from tests.market.archiving import LATER
from tests.market.market import (
    DAY,
    EVER,
    NEXT,
    NIFTY,
    STOCK,
    Bar,
    at,
    bars,
    block,
    brought,
    day_file,
    fed,
    live_rows,
    record,
    told,
)

MOMENT = at(DAY, "09:15:00")


def full(*_: object) -> None:
    raise DiskFull("the disk is full")


def recorded(home: Path) -> list[Stored]:
    with open_log(home) as log:
        return log.read()


def test_a_session_that_is_put_away_while_the_day_files_are_rebuilt_is_not_lost_from_sight(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fed(tmp_path, bars(DAY))
    brought(tmp_path)
    switch = rebuilding._switch

    def put_away_first(*args: Any, **named: Any) -> int:
        monkeypatch.setattr(rebuilding, "_switch", switch)
        roll_over(tmp_path)
        return switch(*args, **named)

    monkeypatch.setattr(rebuilding, "_switch", put_away_first)
    with open_log(tmp_path) as log:
        rebuild(catalog.find(MARKET), log, tmp_path)
    assert told(tmp_path) == bars(DAY)


def test_an_error_that_passes_while_a_row_is_handed_in_is_none(tmp_path: Path) -> None:
    class Passing(MarketFeed):
        errors: ClassVar[list[Exception | None]] = []

        @property
        def _error(self) -> Exception | None:  # type: ignore[override]  # an attribute there: what is counted here is how often it is read
            return self.errors.pop(0) if self.errors else None

        @_error.setter
        def _error(self, _: Exception | None) -> None: ...

    with Passing(tmp_path, flush_s=60) as feed:
        Passing.errors = [DiskFull("the disk is full"), None]
        with pytest.raises(DiskFull):
            feed.tick(STOCK, 1.0, time=MOMENT)


@contextmanager
def handing_in(feed: MarketFeed) -> Iterator[list[LedgerError]]:
    """Another thread hands in a row; it is done at the end. What it was refused with is in the list."""
    refused: list[LedgerError] = []

    def hand_in() -> None:
        try:
            feed.tick(STOCK, 2.0, time=MOMENT)
        except LedgerError as error:
            refused.append(error)

    waiting = threading.Thread(target=hand_in, daemon=True)
    waiting.start()
    yield refused
    waiting.join(60)
    is_done = not waiting.is_alive()
    feed._waiting = 0  # let it go
    assert is_done


def test_whoever_waits_for_the_disk_is_told_when_it_cannot_be_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeding, "WAITING_MAX", 1)
    begun, fails = threading.Event(), threading.Event()

    def fail_late(*given: object) -> None:
        begun.set()
        fails.wait(60)
        full(*given)

    with MarketFeed(tmp_path, flush_s=0.05) as feed, monkeypatch.context() as patch:
        patch.setattr(BlockWriter, "write", fail_late)
        feed.tick(STOCK, 1.0, time=MOMENT)
        assert begun.wait(60)
        with handing_in(feed) as refused:
            time.sleep(0.2)  # in which it begins to wait
            fails.set()
    assert [type(one) for one in refused] == [DiskFull]


def test_whoever_hands_in_a_row_when_the_last_flush_has_failed_does_not_wait_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeding, "WAITING_MAX", 1)
    with monkeypatch.context() as patch, suppress(DiskFull), MarketFeed(tmp_path, flush_s=60) as feed:
        feed.tick(STOCK, 1.0, time=MOMENT)
        patch.setattr(BlockWriter, "write", full)
    with handing_in(feed) as refused:
        pass
    assert len(refused) == 1


def test_what_is_kept_while_a_flush_fails_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_meanwhile(*_: object) -> None:
        feed.keep("tick", "second", "bad")
        full()

    with MarketFeed(tmp_path, flush_s=60) as feed:
        feed.keep("tick", "first", "bad")
        with monkeypatch.context() as patch:
            patch.setattr(BlockWriter, "write", full_meanwhile)
            with pytest.raises(DiskFull):
                feed.flush()
    kept = [decode(one.topic, one.state) for one in recorded(tmp_path)]
    assert [one.row for one in kept if isinstance(one, MarketRowKept)] == ["first", "second"]


def test_a_reader_beside_the_first_who_makes_day_files_takes_their_table_for_empty_and_not_for_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(tmp_path, block(DAY, bars(DAY)))
    found: list[tuple[list[Bar], bool]] = []
    read = places.read_model_script

    def made(name: str) -> str:
        if name == "partitions":
            found.append((told(tmp_path), places.is_readable(model_path(tmp_path, MARKET).parent)))
        return read(name)

    monkeypatch.setattr(places, "read_model_script", made)
    brought(tmp_path)
    assert found == [([], True)]
    assert told(tmp_path) == bars(DAY)


def test_the_last_who_closes_the_index_before_it_is_synced_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fed(tmp_path, bars(DAY))
    brought(tmp_path)
    index = model_path(tmp_path, MARKET)
    others, sync = [open_live(index, "standard")], rollover.sync

    def synced(path: Path) -> None:
        while others:
            others.pop().close()  # the last one takes the -wal along
        sync(path)

    monkeypatch.setattr(rollover, "sync", synced)
    roll_over(tmp_path)
    assert (others, told(tmp_path)) == ([], bars(DAY))


def test_a_row_that_comes_when_the_feed_is_being_closed_is_recorded_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, write = list[float](), BlockWriter.write
    with MarketFeed(tmp_path, flush_s=60) as feed:

        def hand_in(price: float) -> None:
            with suppress(LedgerError):
                feed.tick(STOCK, price, time=MOMENT)
                taken.append(price)
            with suppress(LedgerError):
                feed.keep("tick", str(price), "bad")

        def written(*args: Any) -> Any:
            other = threading.Thread(target=hand_in, args=(2.0,))
            other.start()
            other.join()
            return write(*args)

        hand_in(1.0)
        monkeypatch.setattr(BlockWriter, "write", written)
    with MarketData(tmp_path) as market:
        assert [one.price for one in market.ticks(STOCK, *EVER)] == taken
    with open_log(tmp_path) as log:
        kept = [one for one in log.read() if one.topic.startswith("market-row-kept")]
    assert len(kept) == feed.done.kept == 1


def test_a_reader_that_stays_open_sees_the_stores_that_took_the_place_of_those_it_had_open(tmp_path: Path) -> None:
    fed(tmp_path, bars(DAY))
    roll_over(tmp_path)
    fed(tmp_path, bars(NEXT, 2))
    with MarketData(tmp_path) as market:
        assert len(market.candles(NIFTY, "1m", *EVER)) == 7
        for name in (MARKET, LIVE):
            for path in model_path(tmp_path, name).parent.glob(f"{model_path(tmp_path, name).name}*"):
                path.unlink()
        brought(tmp_path)
        fed(tmp_path, bars(NEXT, 3))
        assert [Bar(*one[:6]) for one in market.candles(NIFTY, "1m", *EVER)] == [*bars(DAY), *bars(NEXT, 3)]


def test_day_files_that_wait_to_be_made_while_they_are_verified_are_not_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(tmp_path, block(DAY, bars(DAY)))
    brought(tmp_path)
    others = threading.Thread(target=brought, args=(tmp_path,))
    read = partition_proof.read_index

    def read_when_it_is_further(index: Path) -> Any:
        if not others.ident:
            record(tmp_path, block(DAY, bars(DAY, 2, start="15:00:00")), block(NEXT, bars(NEXT)))
            with open_log(tmp_path) as log:
                others.start()
                while (found := building.standing(index)) and found.mark.position < log.head().position:
                    time.sleep(0.01)
        return read(index)

    monkeypatch.setattr(partition_proof, "read_index", read_when_it_is_further)
    with open_log(tmp_path) as log:
        verdict = verify_model(catalog.find(MARKET), log, tmp_path)
    others.join()
    assert verdict.problems == []
    assert len(told(tmp_path)) == 12


def test_a_file_whose_writing_takes_its_time_has_not_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record(tmp_path, block(DAY, bars(DAY)))
    brought(tmp_path)
    in_place, put = threading.Event(), places.Places.put

    def slowly(*args: Any) -> None:
        in_place.set()
        time.sleep(0.5)
        put(*args)

    monkeypatch.setattr(places.Places, "put", slowly)
    record(tmp_path, block(DAY, bars(DAY, 2, start="15:00:00")))
    others = threading.Thread(target=brought, args=(tmp_path,))
    others.start()
    in_place.wait()
    found = looked_over(model_path(tmp_path, MARKET))
    others.join()
    assert found == {}


def test_a_file_that_another_archives_meanwhile_is_not_called_unreadable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(tmp_path, block(DAY, bars(DAY)), block(NEXT, bars(NEXT)))
    roll_over(tmp_path, exchange="nse")
    read = archiving.read_again

    def read_after_another(*args: Any) -> Any:
        monkeypatch.setattr(archiving, "read_again", read)
        assert len(archive(tmp_path, Retention(), now=LATER).files) == 2
        return read(*args)

    monkeypatch.setattr(archiving, "read_again", read_after_another)
    assert archive(tmp_path, Retention(), now=LATER) == Archived()
    assert told(tmp_path) == [*bars(DAY), *bars(NEXT)]


def test_an_index_that_another_derives_while_day_files_are_verified_is_left_alone(tmp_path: Path) -> None:
    record(tmp_path, block(DAY, bars(DAY)))
    brought(tmp_path)
    index = model_path(tmp_path, MARKET)
    begun, killed = index.with_name(".index.db.99999999.building"), day_file(tmp_path, DAY).with_name(".x.9.building")
    killed.touch()
    with begun.open("xb") as file, open_log(tmp_path) as log:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert verify_model(catalog.find(MARKET), log, tmp_path).is_proven
    assert (begun.exists(), killed.exists()) == (True, False)


def test_rows_that_were_written_as_a_whole_block_are_shown_by_the_next_flush_though_no_more_come(
    tmp_path: Path,
) -> None:
    with MarketFeed(tmp_path, flush_s=3600) as feed:
        for number in range(BLOCK_MAX):
            feed.tick(STOCK, 100.0 + number, time=MOMENT)
        while feed.done.blocks == 0:  # the block was full, so another thread writes it
            time.sleep(0.01)
        feed.flush()
        assert live_rows(tmp_path) == BLOCK_MAX


def test_rows_that_could_not_be_shown_are_shown_by_the_next_flush_though_no_more_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with MarketFeed(tmp_path, flush_s=3600) as feed:
        feed.tick(STOCK, 1.0, time=MOMENT)
        with monkeypatch.context() as patch:
            patch.setattr(feeding, "show_live", full)
            with pytest.raises(DiskFull):
                feed.flush()
        feed.flush()
        assert live_rows(tmp_path) == 1


def test_rows_are_recorded_though_they_cannot_be_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "show_live", full)
    with suppress(DiskFull), MarketFeed(tmp_path, flush_s=60) as feed:
        feed.tick(STOCK, 1.0, time=MOMENT)
        with pytest.raises(DiskFull):
            feed.flush()
        feed._error = DiskFull("the disk is full")  # as the flushing thread does
        with pytest.raises(DiskFull):
            feed.tick(STOCK, 2.0, time=MOMENT)
        assert feed.tick(STOCK, 3.0, time=MOMENT)
    monkeypatch.undo()
    brought(tmp_path)
    with MarketData(tmp_path) as market:
        assert [one.price for one in market.ticks(STOCK, *EVER)] == [1.0, 3.0]
