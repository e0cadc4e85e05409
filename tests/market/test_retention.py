"""Old day files become Parquet: when, which never, with the same rows to every query, and the same whoever kills it when."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from domain.event import decode
from domain.market import BarsRecorded, SessionArchived, TicksRecorded
from ledger.log import open_log
from operations.market.archiving import _entry, archive
from operations.market.queries import MarketData
from operations.market.rollover import MARKET, roll_over
from operations.retention import retention
from operations.settings import Retention
from operations.upkeep import maintain
from projections import catalog
from projections.engine import catch_up, model_path
from projections.market_sql import CANDLES
from projections.partitioned import Made, partitions
from projections.rebuilding import rebuild
from projections.verifying import verify_model
from tests.cli.program import run
from tests.market.archiving import LATER
from tests.market.market import DAY, EVER, NEXT, NIFTY, STOCK, at, bars, block, day_file, fed, record, told

ROOT = Path(__file__).resolve().parents[2]
PROJECTOR = catalog.find(MARKET)
LIMITS = Retention()


def parquet(home: Path, day: str, kind: str = "candles/1m") -> Path:
    return day_file(home, day, kind=kind).with_suffix(".parquet")


def ticks(day: str, count: int = 6) -> TicksRecorded:
    return TicksRecorded(
        symbol=STOCK, exchange="nse", session=day, sequence=1, count=count, time=[33_300] * count,
        price=[100.5 + n for n in range(count)], volume=[n or None for n in range(count)],
        occurred_at=f"{day}T03:45:00.000000Z",
    )  # fmt: skip


def problems(home: Path) -> list[str]:
    with open_log(home) as log:
        verdict = verify_model(PROJECTOR, log, home)
    return [*verdict.problems, *map(str, verdict.differences)]


def answers(home: Path) -> list[object]:
    """What every kind of query gives."""
    with MarketData(home) as market:
        return [
            *(market.candles(symbol, frame, *EVER) for symbol in (NIFTY, STOCK) for frame in ("1m", "5m", "1d")),
            market.candles(NIFTY, "1m", at(DAY, "09:16:00"), at(NEXT, "09:17:00")), market.ticks(STOCK, *EVER),
            market.latest(NIFTY), market.latest(STOCK, "5m"),
        ]  # fmt: skip


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sessions of bars, ticks in the first, bars of five minutes that came as such; all put away."""
    home = tmp_path_factory.mktemp("master")
    record(home, block(DAY, bars(DAY)), block(DAY, bars(DAY, 3), STOCK), block(NEXT, bars(NEXT)), ticks(DAY))
    record(home, block(DAY, bars(DAY, 2, price=7.0), STOCK, timeframe="5m"))
    roll_over(home, exchange="nse")
    return home


@pytest.fixture
def home(master: Path, tmp_path: Path) -> Path:
    return shutil.copytree(master, tmp_path / "home")


def test_each_kind_waits_for_its_limit_and_longer_bars_stay_for_ever(home: Path) -> None:
    noon = datetime.fromisoformat(f"{DAY}T06:30:00+00:00")
    last = noon + timedelta(days=90)
    assert archive(home, LIMITS, now=last).files == []
    assert archive(home, LIMITS, now=last + timedelta(days=1), dry_run=True).files == [f"nse/ticks/{DAY}.duckdb"]
    assert archive(home, LIMITS, now=last + timedelta(days=1)).files == [f"nse/ticks/{DAY}.duckdb"]
    assert archive(home, LIMITS, now=noon + timedelta(days=365)).files == []
    assert archive(home, LIMITS, now=noon + timedelta(days=366)).files == [f"nse/candles/1m/{DAY}.duckdb"]
    assert archive(home, LIMITS, now=LATER + timedelta(days=9_999)).files == [f"nse/candles/1m/{NEXT}.duckdb"]
    assert day_file(home, DAY, kind="candles/5m").exists()
    assert problems(home) == []


def test_queries_read_both_forms_with_no_seam_and_the_rows_stay_what_they_were(home: Path) -> None:
    before = answers(home)
    with MarketData(home) as open_all_the_time:
        assert len(open_all_the_time.candles(NIFTY, "1m", *EVER)) == 10
        archive(home, Retention(minute_candle_days=366), now=at(DAY, "12:00:00") + timedelta(days=367))
        assert (parquet(home, DAY).exists(), day_file(home, DAY).exists()) == (True, False)
        assert (parquet(home, NEXT).exists(), day_file(home, NEXT).exists()) == (False, True)
        assert len(open_all_the_time.candles(NIFTY, "1m", *EVER)) == 10
    assert answers(home) == before
    archive(home, LIMITS, now=LATER)
    assert answers(home) == before
    [(codec,)] = duckdb.execute(f"SELECT DISTINCT compression FROM parquet_metadata('{parquet(home, DAY)}')").fetchall()
    assert codec == "ZSTD"
    assert parquet(home, DAY).stat().st_mode & 0o777 == 0o444


@pytest.mark.parametrize("other", [".duckdb", ".parquet"])
def test_a_reader_that_knows_the_other_form_finds_the_file(home: Path, other: str) -> None:
    """The index is read before the files: in between the new form may have come, and the old one gone."""
    if other == ".duckdb":
        archive(home, LIMITS, now=LATER)
    else:
        with open_log(home, write=True) as log:  # the index says Parquet, the file is still to be made
            log.append([_entry(one, Made(0, "")) for one in partitions(_index(home))])
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("projections.engine.bring", lambda *_: None)
                catch_up(PROJECTOR, log, _index(home))
    with MarketData(home) as market, pytest.MonkeyPatch.context() as patch:
        real = market._history.files
        patch.setattr(
            market._history, "files",
            lambda *given: [one._replace(path=str(Path(one.path).with_suffix(other))) for one in real(*given)],
        )  # fmt: skip
        assert len(market.candles(NIFTY, "1m", *EVER)) == 10
        assert len(market.ticks(STOCK, *EVER)) == 6


def _index(home: Path) -> Path:
    return model_path(home, MARKET)


def test_a_rebuild_makes_the_same_parquet_again_and_damage_is_found_and_mended(home: Path, tmp_path: Path) -> None:
    archive(home, LIMITS, now=LATER)
    with open_log(home) as log:
        rebuild(PROJECTOR, log, home, into=tmp_path / "again")
        said = [decode(one.topic, one.state) for one in log.read(limit=99) if one.topic.startswith("session-archived")]
    again = tmp_path / "again" / "market_data"
    assert sorted(one.name for one in again.rglob("2*")) == [
        f"{DAY}.duckdb",
        *[f"{DAY}.parquet"] * 2,
        f"{NEXT}.parquet",
    ]
    for path in again.rglob("2*.parquet"):
        there = duckdb.execute(f"SELECT COLUMNS(*) FROM '{path}'").fetchall()
        assert (
            there
            == duckdb.execute(f"SELECT COLUMNS(*) FROM '{home / 'market_data' / path.relative_to(again)}'").fetchall()
        )
    assert [(one.kind, one.timeframe, one.rows) for one in said if isinstance(one, SessionArchived)] == [
        ("candles", "1m", 8), ("ticks", "", 6), ("candles", "1m", 5)
    ]  # fmt: skip
    path = parquet(home, NEXT)
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-9] + b"x" * 9)
    assert any("cannot be read" in one for one in problems(home))
    with open_log(home) as log:
        catch_up(PROJECTOR, log, _index(home))
    assert problems(home) == []
    shutil.copyfile(day_file(home, DAY, kind="candles/5m"), day_file(home, DAY))
    assert any("nothing in the log says that there is such a file" in one for one in problems(home))


def test_what_is_not_sealed_or_not_sound_stays_and_is_named(home: Path) -> None:
    record(home, block("2026-11-18", bars("2026-11-18")))
    fed(home, bars("2026-11-17"))
    record(home, block(NEXT, bars(NEXT, 1, start="12:00:00")))  # amended since it was sealed
    found = archive(home, LIMITS, now=LATER)
    assert sorted((one.first, one.files, one.reason.partition(";")[0]) for one in found.held) == [
        ("nse/candles/1m/2026-11-18.duckdb", 2, "the session is not sealed"),
    ]
    assert found.files == [f"nse/candles/1m/{DAY}.duckdb", f"nse/ticks/{DAY}.duckdb"]
    assert day_file(home, NEXT).exists()
    roll_over(home)
    path = day_file(home, NEXT)
    state = path.stat()
    path.chmod(0o600)
    content = bytearray(path.read_bytes())
    content[20_000:] = bytes(len(content) - 20_000)
    path.write_bytes(content)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))  # as bit rot does
    found = archive(home, LIMITS, now=LATER)
    assert f"nse/candles/1m/{NEXT}.duckdb" not in found.files
    assert any("mend it first: cli health" in one.reason for one in found.held), found
    assert path.exists()


def test_rows_that_come_for_an_archived_session_are_put_away_into_its_parquet(home: Path) -> None:
    archive(home, LIMITS, now=LATER)
    fed(home, bars(NEXT, 2, start="15:00:00"))  # live again, beside what is archived
    assert len(told(home)) == 12
    roll_over(home)
    assert len(told(home)) == 12
    assert (parquet(home, NEXT).exists(), day_file(home, NEXT).exists()) == (True, False)
    assert (archive(home, LIMITS, now=LATER).files, problems(home)) == ([], [])


def test_a_parquet_that_would_hold_other_rows_does_not_displace_the_day_file(home: Path) -> None:
    short = CANDLES._replace(fill=CANDLES.fill.replace("ORDER BY symbol", "AND close > 101 ORDER BY symbol"))
    with open_log(home, write=True) as log:
        log.append([_entry(one, Made(0, "")) for one in partitions(_index(home))])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("projections.market_files.CANDLES", short)
            catch_up(PROJECTOR, log, _index(home))
        assert (day_file(home, NEXT).exists(), day_file(home, DAY, kind="ticks").exists()) == (True, False)
        assert any("nothing in the log says" in one for one in problems(home))
        rebuild(PROJECTOR, log, home)
    assert (problems(home), day_file(home, NEXT).exists()) == ([], False)


def test_the_command_and_the_daily_upkeep_archive_and_a_second_run_does_nothing(home: Path) -> None:
    # The command asks the clock itself: nothing is old enough in this century.
    (home / "daybook.toml").write_text("[retention]\ntick_days = 36500\nminute_candle_days = 36500\n", encoding="utf-8")
    assert "day files" not in run("retention", home=home).stdout
    (home / "daybook.toml").write_text("[retention]\ntick_days = 1\nminute_candle_days = 36500\n", encoding="utf-8")
    now = datetime.fromisoformat(f"{NEXT}T20:00:00+00:00") + timedelta(days=1)
    steps = {one.name: one for one in maintain(home, "daily", now=now, tell=lambda *_: None).steps}
    assert (steps["retention"].outcome, steps["retention"].said) == ("done", "1 day files archived, 6 rows")
    with open_log(home) as log:
        head = log.head()
    assert retention(home, now=now).archived.files == []
    with open_log(home) as log:
        assert log.head() == head
    assert not (home / "history.db").exists()


def killed(home: Path, copies: Path, *events: BarsRecorded | TicksRecorded, stride: int) -> dict[str, Any]:
    record(home, *events)
    roll_over(home, session=DAY)
    copies.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "tests.market.archiving", str(home), str(copies), str(stride)],
        cwd=ROOT, capture_output=True, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def check_kills(found: dict[str, Any]) -> None:
    for one in found["kills"]:
        assert one["killed"]
        assert one["after_kill"] == 5
        assert one["once"] == one["twice"] == found["undisturbed"]
        assert one["left"] == []
    assert (found["undisturbed"]["said"], len(found["undisturbed"]["bars"])) == (len(found["undisturbed"]["files"]), 5)
    assert all(name.endswith(".parquet") for name in found["undisturbed"]["files"])


def test_killed_and_run_again_it_is_the_same_once(tmp_path: Path) -> None:
    found = killed(tmp_path / "home", tmp_path / "copies", block(DAY, bars(DAY)), stride=4)
    assert len(found["kills"]) >= 2
    check_kills(found)


@pytest.mark.soak
def test_killed_at_every_moment_and_run_again_it_is_the_same_once(tmp_path: Path) -> None:
    found = killed(tmp_path / "home", tmp_path / "copies", block(DAY, bars(DAY)), ticks(DAY), stride=1)
    assert len(found["kills"]) > 10
    check_kills(found)
