"""Day files: what the log says and nothing else, made again identically, and every kind of damage named."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import threading
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import StoreError
from domain.market import BarsRecorded, BarsVoided, TicksRecorded, TicksVoided
from ledger.log import open_log
from operations.market.rollover import MARKET, roll_over
from projections import catalog, partitioned
from projections.engine import catch_up, model_path
from projections.market_data import partition_path
from projections.places import Places
from projections.rebuilding import rebuild
from projections.verifying import verify_model
from tests.market.market import DAY, NEXT, NIFTY, STOCK, at, bars, block, brought, day_file, record, stored
from tests.searching import examples

PROJECTOR = catalog.find(MARKET)


def problems(home: Path) -> list[str]:
    with open_log(home) as log:
        verdict = verify_model(PROJECTOR, log, home)
    return [*verdict.problems, *map(str, verdict.differences)]


def files(home: Path) -> dict[str, tuple[int, str]]:
    """Path to rows and digest of every day file."""
    with partitioned.writing(home / "market_data", "2.0.0") as places:
        return {path: (place.rows, place.digest) for path, place in places.all().items()}


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sessions put away, one of them with two instruments."""
    home = tmp_path_factory.mktemp("master")
    record(home, block(DAY, bars(DAY)), block(DAY, bars(DAY), STOCK), block(NEXT, bars(NEXT)))
    roll_over(home, session=DAY)
    roll_over(home, session=NEXT)
    return home


@pytest.fixture
def home(master: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(master, tmp_path / "home")


def test_only_the_files_of_sessions_that_were_touched_are_made_again(home: Path) -> None:
    before = {day: day_file(home, day).stat().st_ino for day in (DAY, NEXT)}
    record(home, block(NEXT, bars(NEXT, 1, start="12:00:00")))
    brought(home)
    after = {day: day_file(home, day).stat().st_ino for day in (DAY, NEXT)}
    assert (after[DAY] == before[DAY], after[NEXT] == before[NEXT]) == (True, False)
    brought(home)
    assert day_file(home, NEXT).stat().st_ino == after[NEXT]


def test_a_rebuild_makes_all_of_them_again_with_the_same_content(home: Path) -> None:
    before, inodes = files(home), [day_file(home, day).stat().st_ino for day in (DAY, NEXT)]
    with open_log(home) as log:
        rebuild(PROJECTOR, log, home)
    assert files(home) == before
    assert [day_file(home, day).stat().st_ino for day in (DAY, NEXT)] != inodes
    assert [day_file(home, day).stat().st_mode & 0o777 for day in (DAY, NEXT)] == [0o444, 0o444]
    assert problems(home) == []


@pytest.mark.parametrize("rows_at_once", [1, 100_000])
def test_the_digest_is_what_plain_python_makes_of_the_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows_at_once: int
) -> None:
    monkeypatch.setattr("projections.market_files.DIGEST_ROWS", rows_at_once)
    record(tmp_path, block(DAY, bars(DAY)), block(DAY, bars(DAY, 3), STOCK))
    brought(tmp_path)
    parts = []
    for symbol, rows in ((STOCK, bars(DAY, 3)), (NIFTY, bars(DAY))):
        columns = {name: [getattr(row, name) for row in rows] for name in ("open", "high", "low", "close", "volume")}
        times = [round(row.time.replace(tzinfo=UTC).timestamp()) * 1_000_000 for row in rows]
        flags = {"is_synthetic": [False] * len(rows), "open_interest": [None] * len(rows)}
        text = json.dumps({"symbol": symbol, "timestamp": times, **columns, **flags}, separators=(",", ":"))
        parts.append(hashlib.sha256(text.encode()).hexdigest())
    expected = hashlib.sha256("".join(parts).encode()).hexdigest()
    assert files(tmp_path) == {f"nse/candles/1m/{DAY}.duckdb": (8, expected)}


def test_the_ticks_of_a_symbol_are_digested_in_parts_by_their_numbers(tmp_path: Path) -> None:
    """Else a day of very many ticks of one instrument would not fit into memory."""
    numbers, times = [1, 99_999, 100_000, 250_000], [9, 8, 7, 9]
    ticks = TicksRecorded(
        symbol=STOCK, exchange="nse", session=DAY, sequence=numbers, count=4, time=times, price=[1.5, 2.5, 3.5, 4.5],
        occurred_at=f"{DAY}T03:45:00.000000Z",
    )  # fmt: skip
    record(tmp_path, ticks)
    brought(tmp_path)
    midnight = round(at(DAY, "00:00:00").replace(tzinfo=UTC).timestamp())
    whole = hashlib.sha256()
    for places in ([1, 0], [2], [3]):  # each part in order of time
        columns = {
            "timestamp": [(midnight + times[one]) * 1_000_000 for one in places],
            "sequence": [numbers[one] for one in places],
            "price": [1.5 + one for one in places],
        }
        rest: dict[str, Any] = {name: [None] * len(places) for name in ("volume", "bid", "ask")}
        text = json.dumps({"symbol": STOCK, **columns, **rest}, separators=(",", ":"))
        whole.update(hashlib.sha256(text.encode()).hexdigest().encode())
    assert files(tmp_path) == {f"nse/ticks/{DAY}.duckdb": (4, whole.hexdigest())}


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.chmod(0o600)
    path.write_bytes(content)
    path.chmod(0o444)


def change_a_row(path: Path) -> None:
    path.chmod(0o600)
    with duckdb.connect(str(path)) as db:
        db.execute("UPDATE candles SET close = 1.5 WHERE timestamp = (SELECT min(timestamp) FROM candles)")
    path.chmod(0o444)


def say_another_version(path: Path) -> None:
    path.chmod(0o600)
    with duckdb.connect(str(path)) as db:
        db.execute("UPDATE schema_version SET version = '1.9.0'")
    path.chmod(0o444)


def lose_a_row(path: Path) -> None:
    path.chmod(0o600)
    with duckdb.connect(str(path)) as db:
        db.execute("DELETE FROM candles WHERE timestamp = (SELECT max(timestamp) FROM candles)")
    path.chmod(0o444)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (flip_a_byte, "the bytes of the file have changed"),
        (change_a_row, "2026-11-20 09:15:00: the row is {"),
        (lose_a_row, "2026-11-20 09:19:00: the row is missing"),
        (
            say_another_version,
            "the file cannot be read: it says of itself [('1.9.0', 'candles', '1m', 'nse', '2026-11-20')]",
        ),
        (Path.unlink, "the file is missing"),
        (lambda path: path.chmod(0o600), "the session is sealed, but the file can be written to"),
        (lambda path: path.with_name("2026-11-21.duckdb").touch(), "nothing in the log says that there is such a file"),
    ],
)
def test_damage_is_found_and_named_and_repaired(home: Path, damage: Callable[[Path], Any], said: str) -> None:
    path = day_file(home, NEXT)
    damage(path)
    found = problems(home)
    assert any(said in one and "nse/candles/1m/" in one for one in found), found
    with open_log(home) as log:
        rebuild(PROJECTOR, log, home)
    assert problems(home) == [one for one in found if "nothing in the log" in one]


def test_a_file_that_was_touched_or_lost_is_made_again_by_catching_up(home: Path) -> None:
    day_file(home, DAY).unlink()
    flip_a_byte(day_file(home, NEXT))
    brought(home)
    assert problems(home) == []


def test_the_place_of_the_files_may_be_lost(home: Path) -> None:
    before = files(home)
    for name in ("files.db", "files.db-wal", "files.db-shm"):
        (home / "market_data" / name).unlink(missing_ok=True)
    brought(home)
    assert files(home) == before
    (home / "market_data" / "files.db").write_bytes(b"damaged" * 99)
    brought(home)
    assert files(home) == before


def test_a_store_of_another_version_is_refused(home: Path) -> None:
    marker = home / "market_data" / ".schema_version"
    assert marker.read_text() == "2.0.0\n"
    marker.write_text("3.0.0\n")
    with pytest.raises(StoreError, match=r"has version 3\.0\.0 of its layout, not 2\.0\.0"):
        brought(home)
    [said] = stored(
        day_file(home, DAY), "SELECT version, kind, timeframe, exchange, session::VARCHAR FROM schema_version"
    )
    assert said == ("2.0.0", "candles", "1m", "nse", DAY)


def test_killed_before_a_file_takes_its_place_the_old_one_stays_and_the_rest_is_cleared(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    record(home, block(NEXT, bars(NEXT, 1, start="12:00:00")))
    old = stored(day_file(home, NEXT))
    left = day_file(home, NEXT).with_name(f".{NEXT}.duckdb.1.building")
    left.write_bytes(b"of a process that was killed")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(Killed):
            brought(home)
    assert stored(day_file(home, NEXT)) == old
    with monkeypatch.context() as patch:
        patch.setattr(Places, "put", killed)
        with pytest.raises(Killed):
            brought(home)
    brought(home)
    assert len(stored(day_file(home, NEXT))) == 6
    assert problems(home) == []
    assert not left.exists()


def test_a_restored_ledger_takes_its_files_back(home: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    record(other, block(DAY, bars(DAY, 3, price=7.0)))
    for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm"):
        (home / name).unlink(missing_ok=True)
        if (other / name).exists():
            (other / name).rename(home / name)
    brought(home)
    assert not day_file(home, NEXT).exists()
    assert len(stored(day_file(home, DAY))) == 3


def test_no_name_leads_out_of_the_folder(tmp_path: Path) -> None:
    record(tmp_path, block(DAY, bars(DAY, 1), "NSE_EQ|../../x", exchange="../..", timeframe="../1m"))
    brought(tmp_path)
    [path] = tmp_path.rglob("*.duckdb")
    assert path.relative_to(tmp_path / "market_data").parts == (
        "%2E%2E%2F%2E%2E",
        "candles",
        "%2E%2E%2F1m",
        f"{DAY}.duckdb",
    )
    assert partition_path("..", "", "") == "%2E%2E/candles/%/%.duckdb"


def test_the_day_is_known_as_of_a_moment_in_it(home: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    past = tmp_path_factory.mktemp("past")
    with open_log(home) as log:
        rebuild(PROJECTOR, log, home, as_of=f"{NEXT}T03:46:00.000000Z", into=past)  # 09:16 in India
    assert [str(row[1])[11:] for row in stored(day_file(past, NEXT))] == ["09:15:00", "09:16:00"]
    assert len(stored(day_file(past, DAY))) == 10


def test_a_constant_column_and_a_missing_volume_are_every_row(tmp_path: Path) -> None:
    one = BarsRecorded(
        symbol=NIFTY, exchange="nse", session=DAY, timeframe="1m", count=2, time=[33_300, 33_360], open=1.5, high=[2, 2.5],
        low=1, close=[None, 1.25], occurred_at=f"{DAY}T03:45:00.000000Z",
    )  # fmt: skip
    record(tmp_path, one)
    brought(tmp_path)
    assert [row[2:] for row in stored(day_file(tmp_path, DAY))] == [
        (1.5, 2.0, 1.0, None, None),
        (1.5, 2.5, 1.0, 1.25, None),
    ]


changes = st.lists(
    st.one_of(
        st.tuples(st.just("bars"), st.lists(st.integers(0, 5), min_size=1, max_size=4), st.integers(1, 99)),
        st.tuples(st.just("void bars"), st.lists(st.integers(0, 5), max_size=3), st.just(0)),
        st.tuples(st.just("ticks"), st.lists(st.integers(1, 6), min_size=1, max_size=4), st.integers(1, 99)),
        st.tuples(st.just("void ticks"), st.lists(st.integers(1, 6), max_size=3), st.just(0)),
    ),
    max_size=8,
)


def event(kind: str, keys: list[int], value: int) -> Any:  # one of the four
    common: dict[str, Any] = {"symbol": NIFTY, "exchange": "nse", "session": DAY}
    rows = {**common, "count": len(keys), "occurred_at": f"{DAY}T03:45:00.000000Z"}
    values = [value + place / 4 for place in range(len(keys))]
    if kind == "bars":
        prices = dict.fromkeys(("open", "high", "low", "close"), values)
        return BarsRecorded(**rows, **prices, timeframe="1m", time=keys, volume=value)
    if kind == "ticks":
        return TicksRecorded(**rows, time=[9] * len(keys), sequence=keys, price=values)
    if kind == "void bars":
        return BarsVoided(**common, timeframe="1m", time=keys, reason="wrong")
    return TicksVoided(**common, sequence=keys, reason="wrong")


@settings(max_examples=examples(5))
@given(history=changes)
def test_of_each_key_the_row_that_was_recorded_last_is_shown(history: list[tuple[str, list[int], int]]) -> None:
    shown: dict[str, dict[int, float]] = {"bars": {}, "ticks": {}}
    for kind, keys, value in history:
        rows = shown[kind.removeprefix("void ")]
        for place, key in enumerate(keys):
            if kind.startswith("void"):
                rows.pop(key, None)
            else:
                rows[key] = value + place / 4
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        record(home, *(event(*one) for one in history))
        brought(home)
        found: dict[str, dict[Any, Any]] = {"bars": {}, "ticks": {}}
        queries = {"bars": ("candles/1m", "SELECT date_part('second', timestamp)::INT, open FROM candles"),
                   "ticks": ("ticks", "SELECT sequence, price FROM ticks")}  # fmt: skip
        for name, (kind, query) in queries.items():
            if day_file(home, DAY, kind=kind).exists():
                found[name] = dict(stored(day_file(home, DAY, kind=kind), query))
        assert found == shown


def test_two_that_catch_up_at_once_take_turns(home: Path) -> None:
    record(home, block(NEXT, bars(NEXT, 1, start="12:00:00")))
    failed: list[BaseException] = []

    def work() -> None:
        try:
            with open_log(home) as log:
                catch_up(PROJECTOR, log, model_path(home, MARKET))
        except BaseException as error:  # noqa: BLE001 - shown below
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert problems(home) == []
