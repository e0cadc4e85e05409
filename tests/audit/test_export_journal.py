"""Double-entry exports: beancount finds nothing wrong, hledger's rules hold, and the amounts are those of the facts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from beancount.core import data
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.event import Event
from domain.trading import (
    CashFlowBooked,
    CashFlowVoided,
    DividendPaid,
    SharesSplit,
    TradeCorrected,
    TradeExecuted,
    TradeVoided,
)
from operations.demo_legacy import write_legacy_folder
from operations.replaying import replay
from tests.audit import journals
from tests.audit.exporting import exported, home_of
from tests.legacy import Legacy, bar, cash_flow, rate, security, trade
from tests.searching import examples
from tests.strategies import decimals, events, moments

CASH, GAINS = "Assets:Broker:Cash", "Income:Gains"
Fact = tuple[str, Event]
Sums = dict[tuple[str, str], Decimal]


def executed(order: str, side: str, quantity: str, price: str, day: int, **more: object) -> Fact:
    fields = {"symbol": "AIR.EU", "currency": "EUR", "mode": "live"} | more
    event = TradeExecuted(
        occurred_at=f"2025-03-{day:02}T10:00:00.000000Z", order_id=order, side=side, quantity=Decimal(quantity),
        price=Decimal(price), **fields,
    )  # fmt: skip
    return f"trade:{order}", event


def booked(key: str, kind: str | None, amount: str, **more: object) -> Fact:
    fields = {"currency": "EUR", "status": "completed", "type_doc_id": 1, "occurred_at": "2025-03-05"} | more
    return f"cash-flow:{key}", CashFlowBooked(
        transaction_id=key, transaction_type=kind, amount=Decimal(amount), **fields
    )


def both(home: Path, *arguments: str) -> tuple[str, Sums]:
    """The beancount export and its sums, after both exports were read and found to say the same."""
    text = exported(home, "beancount", *arguments)
    found = journals.sums(journals.beancount(text))
    assert journals.hledger(exported(home, "hledger", *arguments)) == found
    return text, {key: number for key, number in found.items() if number}


def sums_of(tmp_path: Path, *facts: Fact) -> Sums:
    return both(home_of(tmp_path / "home", facts))[1]


def test_a_sale_takes_the_oldest_lots_and_the_rest_is_gain(tmp_path: Path) -> None:
    found = sums_of(
        tmp_path, executed("1", "BUY", "10", "100", 1), executed("2", "BUY", "10", "110", 2),
        executed("3", "SELL", "15", "120", 3),
    )  # fmt: skip
    assert found == {
        (CASH, "EUR"): Decimal(-1000 - 1100 + 1800), ("Assets:Broker:Securities:AIR-EU", "AIR.EU"): Decimal(5),
        (GAINS, "EUR"): Decimal(-(10 * 20 + 5 * 10)),
    }  # fmt: skip


def test_what_is_sold_without_a_purchase_comes_out_of_equity_without_a_gain(tmp_path: Path) -> None:
    found = sums_of(tmp_path, executed("1", "BUY", "4", "100", 1), executed("2", "SELL", "6", "120", 2))
    assert found == {
        (CASH, "EUR"): Decimal(-400 + 720), (GAINS, "EUR"): Decimal(-80),
        ("Equity:UnrecordedPurchases:AIR-EU", "AIR.EU"): Decimal(-2),
    }  # fmt: skip


def test_shares_sold_short_are_owed_and_covered(tmp_path: Path) -> None:
    facts = (executed("1", "BUY", "4", "100", 1), executed("2", "SELL", "6", "120", 2, short=1))
    assert sums_of(tmp_path / "a", *facts)["Liabilities:Broker:Short:AIR-EU", "AIR.EU"] == Decimal(-2)
    found = sums_of(tmp_path / "b", *facts, executed("3", "BUY", "5", "90", 3))
    assert found["Assets:Broker:Securities:AIR-EU", "AIR.EU"] == Decimal(3)
    assert found[GAINS, "EUR"] == Decimal(-(4 * 20 + 2 * 30))


def test_a_split_changes_the_shares_and_not_their_cost(tmp_path: Path) -> None:
    split = SharesSplit(occurred_at="2025-03-02", symbol="AIR.EU", numerator=Decimal(3), denominator=Decimal(7))
    found = sums_of(
        tmp_path, executed("1", "BUY", "14", "10", 1), ("split:1", split), executed("2", "SELL", "6", "40", 3)
    )
    assert Decimal(-100) - Decimal("0.0000001") <= found[GAINS, "EUR"] <= Decimal(-100) + Decimal("0.0000001")
    assert ("Assets:Broker:Securities:AIR-EU", "AIR.EU") not in found


def test_lots_in_another_currency_than_the_sale_leave_a_gain_in_each(tmp_path: Path) -> None:
    found = sums_of(tmp_path, executed("1", "BUY", "2", "10", 1, currency="USD"), executed("2", "SELL", "2", "12", 2))
    assert found == {
        (CASH, "USD"): -20, (CASH, "EUR"): 24, (GAINS, "USD"): 20, (GAINS, "EUR"): -24,
    }  # fmt: skip


FLOWS = {
    "deposit": (100, "Equity:Deposits"), "refill": (100, "Equity:Deposits"), "transfer_in": (100, "Equity:Deposits"),
    "withdrawal": (-100, "Equity:Withdrawals"), "withdrawal_fee": (-100, "Expenses:Fees:Withdrawals"),
    "trading_fee": (-100, "Expenses:Fees:Trading"), "structured_product_fee": (-100, "Expenses:Fees:StructuredProducts"),
    "custody_fee": (-100, "Expenses:Fees:Other"), "dividend": (100, "Income:Dividends:Unattributed"),
    "coupon": (100, "Income:Coupons"), "maturity": (100, "Assets:Broker:StructuredProducts"),
    "partial_maturity": (100, "Assets:Broker:StructuredProducts"),
    "structured_product_purchase": (-100, "Assets:Broker:StructuredProducts"), "type_217": (100, "Equity:Unknown"),
    "Withdrawal ": (-100, "Equity:Withdrawals"),
}  # fmt: skip


@pytest.mark.parametrize("kind", FLOWS)
def test_each_type_of_cash_flow_has_its_direction_and_account(tmp_path: Path, kind: str) -> None:
    amount, account = FLOWS[kind]
    assert sums_of(tmp_path, booked("1", kind, "100")) == {(CASH, "EUR"): amount, (account, "EUR"): -amount}


@pytest.mark.parametrize(
    ("status", "code", "account"),
    [
        ("completed", None, CASH), (None, None, CASH), (None, 3, CASH), ("processing", 2, "Assets:Broker:Unsettled"),
        (None, 1, "Assets:Broker:Unsettled"), ("cancelled", 4, None), (None, 5, None),
    ],
)  # fmt: skip
def test_only_completed_money_is_cash(
    tmp_path: Path, status: str | None, code: int | None, account: str | None
) -> None:
    found = sums_of(tmp_path, booked("1", "deposit", "7", status=status, status_c=code))
    assert found == ({(account, "EUR"): 7, ("Equity:Deposits", "EUR"): -7} if account else {})


def paid(flow: int | None, amount: str, copy: str | None = None) -> Fact:
    event = DividendPaid(
        occurred_at="2025-03-04", symbol="AIR.EU", amount=Decimal(amount), currency="EUR", cash_flow_id=flow, copy=copy
    )
    return f"dividend:{flow}", event


def test_a_dividend_is_counted_once_whether_its_cash_flow_is_there_or_not(tmp_path: Path) -> None:
    income = "Income:Dividends:AIR-EU"
    flow = booked("1", "dividend", "12.5", id=36)
    assert sums_of(tmp_path / "a", flow, paid(36, "12.5")) == {(CASH, "EUR"): Decimal("12.5"), (income, "EUR"): -12.5}
    assert sums_of(tmp_path / "b", paid(36, "12.5"), paid(36, "1", copy="old")) == {
        (CASH, "EUR"): 12.5, (income, "EUR"): -12.5,
    }  # fmt: skip
    assert sums_of(tmp_path / "c", paid(None, "3")) == {(CASH, "EUR"): 3, (income, "EUR"): -3}
    other = booked("1", "deposit", "12.5", id=36)
    assert sums_of(tmp_path / "d", other, paid(36, "12.5"))[CASH, "EUR"] == 25
    voided = (flow[0], CashFlowVoided(reason="never"))
    assert sums_of(tmp_path / "e", flow, paid(36, "12.5"), voided)[CASH, "EUR"] == Decimal("12.5")


def test_a_fee_is_counted_once_whether_the_trade_or_a_cash_flow_says_it(tmp_path: Path) -> None:
    bought = executed("77", "BUY", "1", "10", 1, fee=Decimal(2), fee_currency="USD")
    assert sums_of(tmp_path / "a", bought)["Expenses:Fees:Trading", "USD"] == 2
    found = sums_of(tmp_path / "b", bought, booked("trade_fee_77", "trading_fee", "1.9"))
    assert ("Expenses:Fees:Trading", "USD") not in found
    assert found["Expenses:Fees:Trading", "EUR"] == Decimal("1.9")


def test_facts_stand_in_their_newest_form_as_far_as_it_was_known(tmp_path: Path) -> None:
    stream, first = executed("1", "BUY", "10", "100", 1)
    assert isinstance(first, TradeExecuted)
    fields = {name: getattr(first, name) for name in TradeExecuted.__struct_fields__}
    home = home_of(tmp_path / "home", [(stream, first), executed("2", "BUY", "1", "1", 2)])
    known = exported(home, "jsonl").split('"recorded_at":"')[1][:27]
    corrected = TradeCorrected(**{**fields, "quantity": Decimal(7)})
    home_of(home, [(stream, corrected), ("trade:2", TradeVoided(reason="never"))])
    share = ("Assets:Broker:Securities:AIR-EU", "AIR.EU")
    assert both(home)[1][share] == 7
    assert both(home, "--type", "trade-executed")[1][share] == 7
    assert both(home, "--recorded-to", known)[1][share] == 11


def test_research_trades_are_left_out_and_named(tmp_path: Path) -> None:
    facts = [executed("1", "BUY", "1", "1", 1, mode="research"), executed("RESEARCH_2", "BUY", "1", "1", 1)]
    text, found = both(home_of(tmp_path / "home", facts))
    assert found == {}
    assert "; Not booked: position 2, trade:RESEARCH_2: research trades, which moved nothing" in text
    assert "; Left out: 2 research trades, which moved nothing" in text


def test_a_currency_exchange_moves_cash_of_both(tmp_path: Path) -> None:
    found = sums_of(tmp_path, executed("1", "SELL", "100", "0.9", 1, symbol="USD/EUR"))
    assert found == {(CASH, "USD"): -100, (CASH, "EUR"): 90}


def test_what_was_assumed_and_where_it_came_from_stands_beside_the_entry(tmp_path: Path) -> None:
    facts = [executed("1", "BUY", "3", "0.3333333333333333", 1, currency=None, assumed=("bucket_id",))]
    (entry,) = [
        one
        for one in journals.beancount(exported(home_of(tmp_path / "home", facts), "beancount"))
        if isinstance(one, data.Transaction)
    ]
    about = {name: value for name, value in entry.meta.items() if name not in ("filename", "lineno") and name[0] != "_"}
    assert about.pop("hash") == exported(tmp_path / "home", "jsonl")[-67:-51]
    assert about == {
        "position": 1, "stream": "trade:1", "file": "ledger.db", "table": "trades", "symbol": "AIR.EU",
        "assumed": "bucket_id, currency", "exact-price": "0.3333333333333333",
    }  # fmt: skip
    assert [posting.units.currency for posting in entry.postings] == ["AIR.EU", "XXX"]


def test_a_wrong_quantity_in_the_file_is_found_by_the_closing_balances(tmp_path: Path) -> None:
    facts = [executed("1", "BUY", "10", "100", 1), booked("1", "deposit", "7")]
    text = exported(home_of(tmp_path / "home", facts), "beancount")
    assert journals.mistakes(text) == []
    for old, new in ((" 10.00 AIR.EU {100.00", " 20.00 AIR.EU {50.00"), ("7.00 EUR", "8.00 EUR")):
        assert any("Balance failed" in found for found in journals.mistakes(text.replace(old, new)))


def test_rates_and_closes_are_prices(legacy: Legacy) -> None:
    legacy.write("config.db", "config_v12", securities=[security("AAPL.US")])
    legacy.write("rates.db", "rates_v1", exchange_rates=[
        rate("USD", 1.25, "2025-03-03T09:00:00"), rate("KZT", 1.0, "2025-03-03T09:00:00")])  # fmt: skip
    legacy.write("history/AAPL_US.db", "history_v1", daily_prices=[bar("2025-03-03", 10.5), bar("2025-03-04", 11.0)])
    legacy.replay()
    for form, lines in {
        "beancount": ["2025-03-03 price EUR 1.25 USD", "2025-03-03 price AAPL.US 10.50 USD",
                      "2025-03-04 price AAPL.US 11.00 USD"],
        "hledger": ["P 2025-03-03 EUR 1.25 USD", 'P 2025-03-03 "AAPL.US" 10.50 USD', 'P 2025-03-04 "AAPL.US" 11.00 USD'],
    }.items():  # fmt: skip

        def prices(*arguments: str, form: str = form) -> list[str]:
            text = exported(legacy.home, form, *arguments)
            return [line for line in text.splitlines() if line.startswith("P ") or line[10:17] == " price "]

        assert prices() == lines[:1]
        assert prices("--prices") == lines
        assert prices("--prices", "--no-rates", "--to", "2025-03-03") == lines[1:2]
    journals.beancount(exported(legacy.home, "beancount", "--prices"))


def full_of_traps(legacy: Legacy) -> Legacy:
    """A replayed folder with what makes bookkeeping hard."""
    symbols = (
        "AAPL.US",
        "005930.KR",
        "A B",
        "AB",
        "a b",
        "EUR",
        "IBM",
        "X-1",
        "",
        'q"\\',
        "AIR.EU",
        "AIR-EU",
        "Ω",
        "TRUE",
    )
    trades = [
        trade(f"{n}D{day}", symbol, side, quantity, executed_at=f"2025-03-{day:02}T15:30:06.000", currency=currency)
        for n, symbol in enumerate(symbols)
        for side, quantity, day, currency in (
            ("BUY", 10.0, 3, "USD"), ("BUY", 0.3, 4, None), ("sell", 12.0, 5, "EUR"), ("BUY", 1 / 3, 6, "EUR"),
        )
    ]  # fmt: skip
    odd = [
        trade("F1", "USD/EUR", currency="EUR"), trade("F2", "/", currency="test"), trade("RESEARCH_1"), trade("n0", quantity=0),
        trade("O\n1", "NEW.US", "SELL"), trade(None, "AAPL.US"), trade(None, "AAPL.US"), trade("big", price=1e15),
        trade("free", "FREE.US", price=0.0, currency="USD"),
    ]  # fmt: skip
    flows = [
        cash_flow(f"F{n}", transaction_type=kind, description='a "b"\n; c\\ \x1b[0m, d: e', currency=currency, id=n + 1)
        for n, kind in enumerate([*FLOWS, None, "", "Dividend"])
        for currency in (("EUR", "RUR", "eur", "")[n % 4],)
    ]
    late = [cash_flow("P1", status="processing", status_c=2), cash_flow("trade_fee_F1", transaction_type="trading_fee")]
    legacy.write("ledger.db", "ledger_v4", trades=trades + odd, cash_flows=flows + late)
    dividend = {"symbol": "AIR.EU", "amount": 12.5, "currency": "USD", "amount_eur": 11.9, "payment_date": "2025-03-04"}
    legacy.write(
        "dividends.db", "dividends_v2",
        dividend_history=[{**dividend, "cash_flow_id": flow, "created_at": "2025-03-05T10:00:00"} for flow in (9, 500, None)],
    )  # fmt: skip
    legacy.replay()
    legacy.run("ledger.db", "UPDATE trades SET quantity = quantity * 2 WHERE side = 'sell' AND rowid % 2").replay()
    return legacy


def test_bean_check_is_silent_on_a_folder_full_of_traps(legacy: Legacy, tmp_path: Path) -> None:
    text, found = both(full_of_traps(legacy).home)
    assert bean_check(tmp_path, text) == (0, "")
    bought = legacy.ledger("SELECT count(DISTINCT symbol) FROM trades WHERE side = 'BUY' AND symbol NOT LIKE '%/%'")[0][
        0
    ]
    assert len([key for key in found if key[0].startswith("Assets:Broker:Securities:")]) == bought
    originals = [entry.meta.get("original") for entry in journals.beancount(text) if isinstance(entry, data.Commodity)]
    assert {"005930.KR", "A B", "a b", "AIR-EU", "Ω"} <= set(originals)


@pytest.fixture(
    scope="module", params=[(20, 2), pytest.param((65, 10), marks=pytest.mark.soak)], ids=["small", "whole"]
)
def demo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of the demo: a part of it, and in the long tests all of its ten years."""
    place = tmp_path_factory.mktemp("demo")
    securities, years = request.param
    write_legacy_folder(place / "legacy", securities=securities, years=years)
    replay(place / "legacy", place / "home", catch_up=False)
    return place / "home"


def bean_check(folder: Path, text: str) -> tuple[int, str]:
    path = folder / "journal.beancount"
    path.write_text(text, encoding="utf-8", newline="")
    command = [str(Path(sys.executable).parent / "bean-check"), "--no-cache", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_bean_check_is_silent_on_the_demo(demo: Path, tmp_path: Path) -> None:
    text = exported(demo, "beancount")
    assert bean_check(tmp_path, text) == (0, "")
    journals.hledger(exported(demo, "hledger"))


@pytest.mark.skipif(shutil.which("hledger") is None, reason="hledger is not installed here")
def test_hledger_itself_is_content(legacy: Legacy, demo: Path, tmp_path: Path) -> None:
    # hledger reads a file in the encoding of the locale.
    unicode = {**os.environ, "LC_ALL": "C.UTF-8"}
    for number, home in enumerate((full_of_traps(legacy).home, demo)):
        path = tmp_path / f"{number}.journal"
        path.write_text(exported(home, "hledger", "--prices"), encoding="utf-8", newline="")
        done = subprocess.run(
            ["hledger", "-f", str(path), "check", "--strict"], capture_output=True, text=True, check=False, env=unicode
        )
        assert (done.returncode, done.stdout + done.stderr) == (0, "")


SYMBOLS = st.sampled_from(("AIR.EU", "AIR-EU", "A B", "EUR", "USD/EUR", "EUR/EUR", "X-A", "")) | st.text(max_size=4)
CURRENCIES = st.sampled_from(("EUR", "USD", "", "eur")) | st.text(max_size=3)
AMOUNTS = st.decimals(0, 10**6, places=3) | st.floats(0, 1e7).map(lambda number: Decimal(repr(number))) | decimals
DAYS = st.sampled_from(("2025-03-01", "2025-03-02T10:00:00.000000Z", "2025-03", "2025-02-30", "0000-00-00")) | moments
SOME = {
    "trade": events(
        TradeExecuted, symbol=SYMBOLS, currency=st.none() | CURRENCIES, quantity=AMOUNTS, price=AMOUNTS, occurred_at=DAYS,
        mode=st.sampled_from(("live", "live", "research")), short=st.sampled_from((None, None, 0, 1)),
        order_id=st.none() | st.sampled_from(("1", "2", "RESEARCH_1")), fee=st.none() | AMOUNTS,
    ),
    "cash-flow": events(
        CashFlowBooked, currency=CURRENCIES, amount=AMOUNTS, occurred_at=DAYS, id=st.integers(1, 3),
        transaction_type=st.none() | st.sampled_from(sorted(FLOWS)) | st.text(max_size=5),
        status=st.none() | st.sampled_from(("completed", "processing", "")), status_c=st.none() | st.integers(0, 6),
        transaction_id=st.sampled_from(("trade_fee_1", "x")),
    ),
    "dividend": events(
        DividendPaid, symbol=SYMBOLS, currency=CURRENCIES, amount=AMOUNTS, occurred_at=DAYS,
        cash_flow_id=st.none() | st.integers(1, 3),
    ),
    "split": events(
        SharesSplit, symbol=SYMBOLS, occurred_at=DAYS, numerator=st.integers(-1, 7).map(Decimal) | AMOUNTS,
        denominator=st.integers(1, 7).map(Decimal) | AMOUNTS,
    ),
}  # fmt: skip
FACTS = st.sampled_from(sorted(SOME)).flatmap(
    lambda kind: st.tuples(st.sampled_from("abcdefgh").map(lambda key: f"{kind}:{key}"), SOME[kind])
)


def any_facts_balance(home: Path, facts: list[Fact]) -> None:
    """Both journals are right, and say the same."""
    both(home_of(home, facts))


@given(facts=st.lists(FACTS, max_size=25))
@settings(max_examples=examples(10), deadline=None)
def test_any_facts_become_books_in_which_nothing_is_wrong(
    tmp_path_factory: pytest.TempPathFactory, facts: list[Fact]
) -> None:
    any_facts_balance(tmp_path_factory.mktemp("any"), facts)


PLAIN = st.decimals("0.01", 1000, places=2)
TRADES = st.builds(
    lambda number, side, quantity, price, day, currency, short: executed(
        str(number), side, str(quantity), str(price), day, currency=currency, short=short
    ),
    st.integers(1, 10**9), st.sampled_from(("BUY", "SELL")), st.integers(1, 30) | PLAIN, PLAIN, st.integers(1, 9),
    st.sampled_from(("EUR", "EUR", "USD")), st.sampled_from((None, 1)),
)  # fmt: skip


@given(facts=st.lists(TRADES, min_size=3, max_size=40, unique_by=lambda fact: fact[0]))
@settings(max_examples=examples(10), deadline=None)
def test_any_trades_of_one_security_become_lots_that_beancount_finds(
    tmp_path_factory: pytest.TempPathFactory, facts: list[Fact]
) -> None:
    any_facts_balance(tmp_path_factory.mktemp("lots"), facts)
