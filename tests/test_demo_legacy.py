"""The made-up legacy folder: the same bytes every time, and every flaw is where it is said to be."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import apsw
import pytest

from domain.errors import LedgerError
from operations.demo_legacy import Flaw, Planted, write_legacy_folder
from operations.demo_legacy.catalogue import check_digit
from operations.demo_legacy.market import RATES
from operations.demo_legacy.planted import FlawKind

Opened = dict[str, apsw.Connection]
SECURITIES, YEARS = 12, 1
PER_EUR = {code: Decimal(str(rate)) for code, rate in RATES.items()}
# What these say is told by rows that are missing, or by no row at all.
WITHOUT_A_ROW = {"missing-trade", "residue", "oversell", "stub-table", "unknown-table"}


@pytest.fixture(scope="module")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    return write_legacy_folder(tmp_path_factory.mktemp("dirty"), securities=SECURITIES, years=YEARS)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    return write_legacy_folder(tmp_path_factory.mktemp("clean"), securities=SECURITIES, years=YEARS, dirt=False)


@pytest.fixture(scope="module")
def opened(dirty: Planted, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """Open a copy of every file: opening a file that has a -wal changes the folder."""
    copy = shutil.copytree(dirty.folder, tmp_path_factory.mktemp("copy") / "data")
    databases = {name: apsw.Connection(str(copy / name)) for name in sorted(dirty.rows)}
    yield databases
    for db in databases.values():
        db.close()


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def tables(db: apsw.Connection) -> dict[str, int]:
    names = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'").fetchall()
    return {str(name): db.execute(f"SELECT count(*) FROM {name}").get for (name,) in names}


def replayed(db: apsw.Connection) -> dict[str, tuple[Decimal, Decimal]]:
    """Add up the trades by symbol: quantity and cost, without looking at the generator."""
    held: dict[str, tuple[Decimal, Decimal]] = {}
    trades = db.execute("SELECT symbol, side, quantity, price FROM trades ORDER BY substr(executed_at, 1, 10), id")
    for symbol, side, amount, paid in trades:
        quantity, price = Decimal(str(amount)), Decimal(str(paid))
        before, cost = held.get(symbol, (Decimal(0), Decimal(0)))
        if side == "BUY":
            held[symbol] = before + quantity, cost + quantity * price
        else:
            rest = max(before - quantity, Decimal(0))
            held[symbol] = rest, cost * rest / before
    return {symbol: pair for symbol, pair in held.items() if pair[0]}


def positions(db: apsw.Connection) -> dict[str, tuple[Decimal, Decimal]]:
    rows = db.execute("SELECT symbol, quantity, avg_price FROM positions")
    return {symbol: (Decimal(str(quantity)), Decimal(str(average))) for symbol, quantity, average in rows}


def disagreeing(folder: Path, copy: Path) -> set[str]:
    shutil.copytree(folder, copy)
    ledger, state = (apsw.Connection(str(copy / name)) for name in ("ledger.db", "state.db"))
    derived, reported = replayed(ledger), positions(state)
    ledger.close()
    state.close()
    averages = {symbol: (quantity, round(cost / quantity, 4)) for symbol, (quantity, cost) in derived.items()}
    return {symbol for symbol in averages | reported if averages.get(symbol) != reported.get(symbol)}


def value(db: apsw.Connection, flaw: Flaw, column: str) -> object:
    """Read one column of the row that a flaw names; the key is in the table's first column or its order id."""
    key = "order_id" if flaw.table == "trades" else next(db.execute(f"PRAGMA table_info({flaw.table})"))[1]
    return db.execute(f"SELECT {column} FROM {flaw.table} WHERE {key} = ?", [flaw.key]).get


def test_the_same_arguments_give_the_same_bytes(dirty: Planted, clean: Planted, tmp_path: Path) -> None:
    for planted, dirt in ((dirty, True), (clean, False)):
        again = write_legacy_folder(tmp_path / str(dirt), securities=SECURITIES, years=YEARS, dirt=dirt)
        assert content(again.folder) == content(planted.folder)
        assert (again.rows, again.price_files, again.flaws) == (planted.rows, planted.price_files, planted.flaws)


def test_every_row_of_every_table_is_documented(dirty: Planted, opened: Opened) -> None:
    for name, db in opened.items():
        documented = {table: count for table, count in dirty.rows[name].items() if count}
        assert {table: count for table, count in tables(db).items() if count} == documented, name
    assert dirty.total_rows == sum(sum(tables(db).values()) for db in opened.values())


def test_every_file_is_documented_and_whole(dirty: Planted, opened: Opened) -> None:
    named = set(dirty.rows) | {flaw.file for flaw in dirty.flaws}
    assert set(content(dirty.folder)) == named
    for name, db in opened.items():
        assert db.execute("PRAGMA integrity_check").get == "ok", name
        assert db.execute("PRAGMA page_size").get == 4096
        assert db.execute("PRAGMA journal_mode").get == ("wal" if name == "ledger.db" else "delete")


def test_a_full_folder_has_the_size_that_the_demo_promises(tmp_path: Path) -> None:
    rows = write_legacy_folder(tmp_path, securities=65, years=10).rows
    assert sum(counts.get("daily_prices", 0) for counts in rows.values()) > 65 * 2600
    assert 1400 < rows["ledger.db"]["trades"] < 1600
    assert 2700 < rows["ledger.db"]["cash_flows"] < 3300
    assert rows["state.db"]["positions"] > 30


def test_the_newest_trades_are_lost_without_the_wal(dirty: Planted, tmp_path: Path) -> None:
    known = dirty.rows["ledger.db"]["trades"]
    for name, expected in (("ledger.db", known - 5), ("ledger.db-wal", known)):
        shutil.copy(dirty.folder / name, tmp_path)
        copy = shutil.copytree(tmp_path, tmp_path / name.replace(".", "_"))
        with closing(sqlite3.connect(copy / "ledger.db")) as db:  # not the library that wrote it
            assert db.execute("SELECT count(*) FROM trades").fetchone()[0] == expected


def test_positions_agree_with_the_trades_unless_a_flaw_says_otherwise(
    dirty: Planted, clean: Planted, tmp_path: Path
) -> None:
    gaps = {flaw.key for kind in ("missing-trade", "residue") for flaw in dirty.of(kind)}
    assert len(gaps) == 2
    assert disagreeing(dirty.folder, tmp_path / "dirty") == gaps  # the oversell agrees again, once floored at zero
    assert disagreeing(clean.folder, tmp_path / "clean") == set()


def test_the_gaps_have_the_size_that_the_flaws_say(dirty: Planted, opened: Opened) -> None:
    derived, reported = replayed(opened["ledger.db"]), positions(opened["state.db"])
    (missing,), (residue,), (oversell,) = (dirty.of(kind) for kind in ("missing-trade", "residue", "oversell"))
    assert reported[missing.key][0] - derived[missing.key][0] == missing.amount
    assert (derived[residue.key][0], residue.key in reported) == (residue.amount, False)
    sums = "SELECT sum(iif(side = 'BUY', quantity, -quantity)) FROM trades WHERE symbol = ?"
    assert (
        reported[oversell.key][0] - Decimal(str(opened["ledger.db"].execute(sums, [oversell.key]).get))
        == oversell.amount
    )


def test_every_flaw_names_a_row_that_exists(dirty: Planted, opened: Opened) -> None:
    for flaw in dirty.flaws:
        assert (dirty.folder / flaw.file).exists(), flaw
        if not flaw.table or flaw.kind in WITHOUT_A_ROW:
            continue
        rows = opened[flaw.file.removesuffix("-wal")].execute(f"SELECT * FROM {flaw.table}").fetchall()
        keys = set(flaw.key.split("/"))
        assert any(keys <= {str(cell) for cell in row} for row in rows), flaw


def test_a_clean_folder_has_no_flaw(clean: Planted) -> None:
    assert clean.flaws == ()
    assert set(content(clean.folder)) == set(clean.rows)


def test_buckets_differ_from_the_cash_by_the_planted_amount_only(dirty: Planted, clean: Planted) -> None:
    (flaw,) = dirty.of("bucket-difference")
    for folder, expected in ((dirty.folder, flaw.amount), (clean.folder, Decimal(0))):
        satellites, state = (apsw.Connection(str(folder / name)) for name in ("satellites.db", "state.db"))
        balances = satellites.execute("SELECT currency, balance FROM bucket_balances").fetchall()
        held = sum((Decimal(str(balance)) / PER_EUR[str(currency)] for currency, balance in balances), Decimal(0))
        cash = state.execute("SELECT cash_balance FROM portfolio_snapshots ORDER BY date DESC LIMIT 1").get
        assert round(held, 2) - Decimal(str(cash)) == expected
        satellites.close()
        state.close()


def test_isins_are_wrong_in_the_planted_ways_only(dirty: Planted, opened: Opened) -> None:
    def isin(kind: FlawKind) -> object:
        (flaw,) = dirty.of(kind)
        return value(opened["config.db"], flaw, "isin")

    assert isin("isin-missing") is None
    assert len(str(isin("isin-malformed"))) == 10
    assert isin("isin-is-symbol") == dirty.of("isin-is-symbol")[0].key
    doubled = "SELECT isin FROM securities WHERE isin IS NOT NULL GROUP BY isin HAVING count(*) > 1"
    assert [code for (code,) in opened["config.db"].execute(doubled)] == [isin("isin-duplicate")]
    well_formed = opened["config.db"].execute("SELECT isin FROM securities WHERE length(isin) = 12").fetchall()
    codes = ["GB0002634946", *(str(code) for (code,) in well_formed)]
    assert all(check_digit(code[:11]) == code[11] for code in codes)


def test_shifted_rows_have_their_exchange_in_country(dirty: Planted, opened: Opened) -> None:
    for flaw in dirty.of("shifted-row"):
        assert value(opened["config.db"], flaw, "country") == "XETRA"
        assert value(opened["config.db"], flaw, "fullExchangeName") == "1.0"
        assert value(opened["config.db"], flaw, "typeof(allow_sell)") == "text"


def test_odd_bars_are_stored_in_odd_ways(dirty: Planted, opened: Opened) -> None:
    for flaw in dirty.of("null-ohlc"):
        assert value(opened[flaw.file], flaw, "coalesce(open_price, high_price, low_price)") is None
    for flaw in dirty.of("close-outside-range"):
        assert value(opened[flaw.file], flaw, "close_price > high_price") == 1
    found = {value(opened[flaw.file], flaw, "typeof(volume)") for flaw in dirty.of("odd-volume")}
    assert found == {"text", "real", "null"}


def test_two_files_of_one_security_differ_in_the_planted_closes_only(dirty: Planted, opened: Opened) -> None:
    flaws = dirty.of("differing-close")
    names = [name for name, symbol in dirty.price_files.items() if symbol == dirty.price_files[flaws[0].file]]
    closes = (dict(opened[name].execute("SELECT date, close_price FROM daily_prices")) for name in names)
    older, newer = sorted(closes, key=len)
    assert {day for day, close in older.items() if newer[day] != close} == {flaw.key for flaw in flaws}


def test_price_files_are_named_by_every_rule(dirty: Planted) -> None:
    names = {symbol: Path(name).stem for name, symbol in dirty.price_files.items()}
    assert names["FJRD-B.CO"] == "FJRD_B_CO"  # the old Python rule
    assert names["LUMN-A.EU"] == "LUMN-A_EU"  # the Go rule
    assert len(names["PYLN.GR"]) == 12  # the ISIN
    assert (dirty.folder / dirty.of("bak-leftover")[0].file).name == "PYLN_GR.db.bak"


def test_files_that_hold_no_prices_are_what_they_seem(dirty: Planted) -> None:
    for flaw in dirty.of("empty-file"):
        assert (dirty.folder / flaw.file).stat().st_size == 0
    for flaw in (*dirty.of("empty-tables"), *dirty.of("monthly-only")):
        assert dirty.rows[flaw.file]["daily_prices"] == 0
    assert all(dirty.rows[flaw.file]["monthly_prices"] for flaw in dirty.of("monthly-only"))


def test_trades_and_flows_are_stored_as_the_legacy_system_stored_them(dirty: Planted, opened: Opened) -> None:
    db = opened["ledger.db"]
    trades = dirty.rows["ledger.db"]["trades"]
    assert db.execute("SELECT count(DISTINCT order_id) FROM trades").get == trades
    assert db.execute("SELECT count(*) FROM trades WHERE currency IS NULL").get > trades / 3
    assert db.execute("SELECT count(*) FROM trades WHERE value_eur IS NULL").get > trades / 2
    assert db.execute("SELECT count(*) FROM cash_flows WHERE amount < 0").get == 0
    kinds = {kind for (kind,) in db.execute("SELECT DISTINCT typeof(type_doc_id) FROM cash_flows")}
    assert kinds == {"text", "integer"}
    for flaw in dirty.of("currency-wrong"):
        assert value(db, flaw, "currency") == "EUR"
    for flaw in dirty.of("empty-bucket"):
        assert value(db, flaw, "bucket_id || mode") == ""
    assert len({flaw.said for flaw in dirty.of("timestamp-shape")}) == 4
    unconverted = {
        row[0]
        for row in db.execute(
            "SELECT transaction_id FROM cash_flows WHERE currency IN ('RUR', 'KZT', 'CNY') AND amount = amount_eur"
        )
    }
    assert unconverted == {flaw.key for flaw in dirty.of("unconverted")}


def test_fills_of_one_order_share_their_second(opened: Opened) -> None:
    twins = "SELECT count(*) FROM trades GROUP BY symbol, side, executed_at HAVING count(*) > 1"
    assert opened["ledger.db"].execute(twins).fetchall()


def test_copies_in_the_other_file_are_newer_where_a_flaw_says_so(dirty: Planted, opened: Opened) -> None:
    newer = set()
    for table, key, time, other in (
        ("scores", "symbol", "calculated_at", "calculations.db"),
        ("portfolio_snapshots", "date", "created_at", "snapshots.db"),
    ):
        select = f"SELECT {key}, {time} FROM {table}"
        theirs = dict(opened[other].execute(select))
        newer |= {
            name for name, at in opened["state.db"].execute(select) if name in theirs and at and at > theirs[name]
        }
    assert newer == {flaw.key for flaw in dirty.of("stale-copy")}


def test_an_orphan_points_at_nothing(dirty: Planted, opened: Opened) -> None:
    orphans: dict[str, FlawKind] = {"planner.db": "orphan-history", "satellites.db": "orphan-bucket"}
    for name, kind in orphans.items():
        assert len(opened[name].execute("PRAGMA foreign_key_check").fetchall()) == len(dirty.of(kind)) == 1
    flow = value(opened["dividends.db"], dirty.of("orphan-cash-flow")[0], "cash_flow_id")
    assert opened["ledger.db"].execute("SELECT count(*) FROM cash_flows WHERE id = ?", [flow]).get == 0


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep me")
    with pytest.raises(LedgerError, match="is not empty"):
        write_legacy_folder(tmp_path)
    assert content(tmp_path) == {"mine.txt": b"keep me"}


def test_every_legacy_schema_can_be_created_and_is_not_strict() -> None:
    for path in files("migrations").joinpath("legacy", "arduino_trader").iterdir():
        if path.name.endswith(".sql") and path.name != "odd_unknown_column.sql":
            with closing(apsw.Connection(":memory:")) as db:
                db.execute(path.read_text(encoding="utf-8"))
                assert tables(db), path.name
                assert not db.execute("SELECT count(*) FROM pragma_table_list WHERE strict").get, path.name
