"""Back-up, drill, restore and health of a home with market data and the trading bot's other stores."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from domain.bot_runs import run_file
from domain.errors import StoreError
from domain.event import encode, topic_of
from domain.streams import stream
from ledger.log import Entry, open_log
from operations.backup.copies import copies_of
from operations.backup.making import backup
from operations.backup.tiers import Tier
from operations.drilling import Verdict, drill
from operations.health.looking import Health, health
from operations.market.archiving import archive
from operations.market.feed import MarketFeed
from operations.market.queries import MarketData
from operations.market.rollover import LIVE, MARKET, roll_over
from operations.rebuilding import catch_up_all, rebuild
from operations.restoring import restore
from operations.settings import Retention
from operations.soundness import check_soundness
from operations.verifying import verify
from projections.engine import model_path
from projections.places import known_places
from tests.market.archiving import LATER
from tests.market.market import DAY, NEXT, at, bars, block, day_file, fed, feed_bars, live_rows, record, told
from tests.projections.trading_bot.test_run_files import HISTORY as RUNS
from tests.trading_bot.rows import RUN


def quiet(*_: object) -> None:
    """Tell nobody."""


def noon(day: str) -> datetime:
    return at(day, "12:00:00").astimezone(UTC)


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session in history, one archived, one that a feed records; two runs of a backtest."""
    home = tmp_path_factory.mktemp("master")
    with open_log(home, create=True, write=True) as log:
        log.append(
            [Entry(stream("bot-backtest", str(n)), topic_of(type(one)), encode(one)) for n, one in enumerate(RUNS)]
        )
    record(home, block("2026-11-18", bars("2026-11-18")), block(DAY, bars(DAY)))
    roll_over(home, session="2026-11-18")
    archive(home, Retention(), now=LATER)
    roll_over(home, session=DAY)
    fed(home, bars(NEXT))
    catch_up_all(home, tell=quiet)
    return home


@pytest.fixture
def home(master: Path, tmp_path: Path) -> Path:
    return shutil.copytree(master, tmp_path / "home")


def answer(found: Health, question: str) -> tuple[str, str, str]:
    [one] = [one for one in found.answers if one.question == question]
    return one.state, one.reason, one.next


def test_each_tier_copies_what_the_stores_need(home: Path) -> None:
    held = {}
    for tier in Tier:
        backup(home, tier, now=noon(NEXT))
        [copy] = copies_of(home / "backups", tier)
        assert copy.manifest is not None
        held[tier] = {name for name in copy.manifest.files if not name.startswith("config/")}
    ledger, trading = {"ledger.db"}, {"trading/trading.db"}
    assert held[Tier.HOURLY] == ledger | trading
    assert held[Tier.DAILY] == held[Tier.MONTHLY] == ledger | trading | {"signals/signals.db"}
    files = {f"market_data/nse/candles/1m/{name}" for name in ("2026-11-18.parquet", f"{DAY}.duckdb")}
    assert {one for one in held[Tier.WEEKLY] if one.startswith("market_data/nse")} == files
    assert {"market_data/index.db", "market_data/.schema_version", "backtest/index.db"} < held[Tier.WEEKLY]


def test_what_an_earlier_weekly_copy_holds_is_not_copied_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def held_in(week: int) -> list[tuple[int, bytes]]:
        backup(home, Tier.WEEKLY, now=noon(NEXT) + timedelta(weeks=week))
        copy = copies_of(home / "backups", Tier.WEEKLY)[-1]
        assert copy.problems() == []
        files = [copy.path / day_file(home, DAY).relative_to(home), copy.path / run_file(RUN).path]
        return [(one.stat().st_ino, one.read_bytes()) for one in files]

    first, second = held_in(0), held_in(1)
    assert second == first
    day, run = (copies_of(home / "backups", Tier.WEEKLY)[-1].path / name for name in (
        day_file(home, DAY).relative_to(home), run_file(RUN).path))  # fmt: skip
    day.chmod(0o600)
    day.write_bytes(b"rotten")  # in both copies, as they share it
    third = held_in(2)
    assert [content for _, content in third] == [content for _, content in first]
    assert (third[0][0] != first[0][0], third[1][0] == first[1][0]) == (True, True)
    run.unlink()
    monkeypatch.setattr(Path, "hardlink_to", refuse)
    fourth = held_in(3)
    assert [content for _, content in fourth] == [content for _, content in first]
    assert fourth[1][0] != first[1][0]


def refuse(*_: object) -> None:
    """As a file system without links does."""
    raise PermissionError


def test_a_drill_and_a_restore_bring_the_stores_back_with_the_same_digests(home: Path, tmp_path: Path) -> None:
    backup(home, Tier.DAILY, now=noon(NEXT))
    fed(home, bars(NEXT, 1, start="14:00:00"))  # the live stores have gone on
    catch_up_all(home, tell=quiet)
    found = drill(home, now=noon(NEXT), tell=quiet)
    assert (found.verdict, found.lost_events) == (Verdict.PROVEN, 1)
    restored = restore([home / "backups"], tmp_path / "back", at=None, dry_run=False, replace=False, tell=quiet)
    assert restored.findings == []
    wanted, made = known_places(home / "market_data"), known_places(tmp_path / "back" / "market_data")
    assert {path: (one.rows, one.digest) for path, one in made.items()} == {
        path: (one.rows, one.digest) for path, one in wanted.items()
    }
    assert len(told(tmp_path / "back")) == len(told(home)) - 1


def lose_a_file(home: Path) -> Path:
    day_file(home, DAY).unlink()
    return day_file(home, DAY)


def damage_a_file(home: Path) -> Path:
    path = day_file(home, "2026-11-18").with_suffix(".parquet")
    path.chmod(0o600)
    path.write_bytes(b"damaged" * 99)
    return path


@pytest.mark.parametrize(("plant", "why"), [(lose_a_file, "missing"), (damage_a_file, "has changed")])
def test_health_makes_a_broken_day_file_again_and_says_so(home: Path, plant: Callable[[Path], Path], why: str) -> None:
    before, path = told(home), plant(home)
    only = health(home, now=noon(NEXT), repair=False)
    state, reason, help_ = answer(only, "complete")
    assert (state, help_) == ("bad", "cli health")
    assert f"{path.relative_to(home)}: it {'is ' if why == 'missing' else ''}{why}" in reason
    assert any(one.name == "files" for one in only.conditions)
    found = health(home, now=noon(NEXT))
    assert [one for one in found.healed if str(path.relative_to(home)) in one and "made again from the log" in one]
    assert answer(found, "complete")[0] == "ok"
    assert told(home) == before


def damage_a_run(home: Path) -> Path:
    path = home / run_file(RUN).path
    path.write_bytes(path.read_bytes()[:-5_000])
    return path


def forget_the_files(home: Path) -> Path:
    (home / "market_data" / "files.db").write_bytes(b"damaged" * 99)
    return home / "market_data" / "files.db"


def lose_the_version(home: Path) -> Path:
    (home / "market_data" / ".schema_version").unlink()
    return home / "market_data" / ".schema_version"


def damage_the_live_buffer(home: Path) -> Path:
    path = model_path(home, LIVE)
    path.write_bytes(b"damaged" * 99)
    return path


def damage_the_trades(home: Path) -> Path:
    path = home / "trading" / "trading.db"
    path.write_bytes(path.read_bytes()[:100])
    return path


EVERY_STORE = (lose_a_file, damage_a_file, damage_a_run, damage_the_live_buffer, damage_the_trades)


def test_damage_of_every_store_is_named_and_mended_by_health_or_by_verify(home: Path) -> None:
    rows = told(home)
    for plants in (EVERY_STORE, (forget_the_files,), (lose_the_version,)):
        planted = [str(plant(home).relative_to(home)) for plant in plants]
        state, reason, _ = answer(health(home, now=noon(NEXT), repair=False), "complete")
        assert (state, [path for path in planted if path not in reason]) == ("bad", [])
        healed = health(home, now=noon(NEXT)).healed
        assert [path for path in planted if not any(path in one for one in healed)] == []
    proven = verify(home, "projections", repair=False, tell=quiet)
    assert (proven.exit_code, told(home), stored_runs(home)) == (0, rows, 2)
    planted = [plant(home).name for plant in EVERY_STORE]
    said = "\n".join(one for part in verify(home, "projections", repair=False, tell=quiet).parts for one in part.found)
    assert [name for name in planted if name not in said and not name.endswith(".db")] == []
    assert said.count("the file is not a read model, or is damaged") == 2
    verify(home, "projections", repair=True, tell=quiet)
    proven = verify(home, "projections", repair=False, tell=quiet)
    assert (proven.exit_code, told(home), stored_runs(home)) == (0, rows, 2)


def stored_runs(home: Path) -> int:
    with duckdb.connect(str(home / run_file(RUN).path), read_only=True) as db:
        return len(db.execute("SELECT trade_id FROM trades").fetchall())


@pytest.mark.parametrize("content", [b"1.0.0\n", b"9.0.0\n", b"\xff\xfe", b""])
def test_a_store_of_another_version_is_left_alone_by_everything_and_named(home: Path, content: bytes) -> None:
    marker = home / "market_data" / ".schema_version"
    marker.write_bytes(content)
    day_file(home, DAY).unlink()  # which health would make again
    with open_log(home) as log:
        head = log.head()
    state, reason, help_ = answer(health(home, now=noon(NEXT)), "complete")
    assert (state, "schema_version" in reason or "of its layout" in reason) == ("bad", True)
    assert "move the folder away and run: cli catch-up" in help_
    backup(home, Tier.WEEKLY, now=noon(NEXT))
    [copy] = copies_of(home / "backups", Tier.WEEKLY)
    assert copy.manifest is not None
    assert {one for one in copy.manifest.files if one.startswith("market_data")} == {"market_data/index.db"}
    refusing: list[Callable[[], object]] = [
        lambda: catch_up_all(home, tell=quiet), lambda: roll_over(home), lambda: MarketData(home),
        lambda: archive(home, Retention(), now=LATER),
        lambda: rebuild(home, [MARKET], as_of=None, known_at=None, into=None, tell=quiet),
    ]  # fmt: skip
    for refuse in refusing:
        with pytest.raises(StoreError, match=r"schema_version|of its layout"):
            refuse()
    assert (marker.read_bytes(), day_file(home, DAY).exists()) == (content, False)
    with open_log(home) as log:
        assert log.head() == head, "nothing is put away into files that mean something else"
    fed(home, bars(NEXT, 1, start="14:00:00"))  # the ledger and the live buffer are still ours


def test_bit_rot_that_leaves_size_and_time_is_found_by_the_daily_check(home: Path) -> None:
    path = day_file(home, DAY)
    state, content = path.stat(), bytearray(path.read_bytes())
    content[-100] ^= 1
    path.chmod(0o600)
    path.write_bytes(content)
    path.chmod(0o444)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert any("it has changed since it was written" in one for one in check_soundness(home, now=noon(NEXT)).healed)
    assert check_soundness(home, now=noon(NEXT)).healed == []


def test_a_session_that_is_over_and_not_sealed_is_named_with_the_command(home: Path) -> None:
    assert answer(health(home, now=at(NEXT, "15:59:00")), "current")[0] == "ok"
    found = health(home, now=at(NEXT, "16:01:00"))
    assert answer(found, "current") == ("warning", f"the session nse {NEXT} is over and not sealed", "cli rollover")
    assert [one.message for one in found.conditions if one.name == "sessions"] == [
        "1 market sessions are over and not sealed"
    ]
    record(home, block(DAY, bars(DAY), "MCX_FO|451669", exchange="mcx"))  # no feed recorded it: a replay did
    catch_up_all(home, tell=quiet)
    state, reason, help_ = answer(health(home, now=at(NEXT, "16:01:00")), "current")
    assert (state, help_) == ("warning", "cli rollover, then cli rollover --exchange mcx")
    assert "2 sessions, mcx 2026-11-19 the oldest, are over and not sealed" in reason
    roll_over(home)
    roll_over(home, exchange="mcx")
    assert live_rows(home) == 0
    assert answer(health(home, now=at(NEXT, "16:01:00")), "current")[0] == "ok"


def test_whoever_writes_is_named(home: Path) -> None:
    assert health(home, now=noon(NEXT)).writers == []
    with MarketFeed(home) as feed:
        feed_bars(feed, bars(NEXT, 1, start="15:00:00"))
        [said] = [one for one in health(home, now=noon(NEXT)).writers if one.startswith("live_buffer")]
        assert said.startswith(f"live_buffer is being written to by process {os.getpid()} (")
    with open_log(home, write=True, command="a test"):
        assert any(
            one.startswith("ledger.db is being written to by process") for one in health(home, now=noon(NEXT)).writers
        )
