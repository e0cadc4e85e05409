"""The life of a ledger that takes entries, beside a plain model: entries, corrections, voids, repeats, kills, in any order."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from domain.entries import timeline
from domain.entries.holding import Move
from domain.entries.refusal import Refused
from domain.entries.timeline import Change, Placed, Timeline
from operations.ledger import Ledger
from operations.rebuilding import catch_up_all
from operations.verifying import verify
from tests.entries.given import bar, deposit, opened, trade

SYMBOLS = ("A.US", "B.US")
IDS = st.sampled_from([f"T{number}" for number in range(8)])
QUANTITIES = st.integers(1, 5)
DAYS = st.integers(1, 9)


@dataclass
class Known:
    """A trade as the model knows it. place: of its first event among all trades."""

    symbol: str
    side: str
    quantity: int
    day: int
    place: int
    first: tuple[str, str, int, int]
    void: bool = False
    short: bool = False

    @property
    def content(self) -> tuple[str, str, int, int]:
        return (self.symbol, self.side, self.quantity, self.day)


def lacking(trades: list[Known]) -> int:
    """How many shares were sold that were neither held nor borrowed, counted trade by trade."""
    total = 0
    for symbol in SYMBOLS:
        held = 0
        for one in sorted((t for t in trades if t.symbol == symbol and not t.void), key=lambda t: (t.day, t.place)):
            if one.side == "BUY":
                held += one.quantity
            elif one.short:
                held -= one.quantity
            else:
                missing = max(0, min(one.quantity, one.quantity - held))
                total += missing
                held -= one.quantity - missing
    return total


def fields(order_id: str, content: tuple[str, str, int, int]) -> dict[str, Any]:
    symbol, side, quantity, day = content
    return trade(order_id, side, str(quantity), symbol=symbol, at=f"2026-01-{day:02}T12:00:00Z")


class Life(RuleBasedStateMachine):
    """Every rule does one thing to the ledger and the same to the model."""

    template: Path

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.home = Path(shutil.copytree(self.template, self.folder / "home"))
        self.trades: dict[str, Known] = {}
        self.flows: dict[str, int] = {}
        self.values: dict[str, str] = {}
        self.bars: dict[str, float] = {}
        self.void_bars: set[str] = set()
        self.keys: dict[str, tuple[str, str]] = {}
        self.events = 0
        self.open()

    def open(self) -> None:
        self.ledger: Ledger = opened(self.home)

    def teardown(self) -> None:
        if hasattr(self, "ledger"):
            self.ledger.close()
            shutil.rmtree(self.folder)

    def record(self, *entries: dict[str, Any], expected: str, **how: Any) -> None:
        """Record, and see that it ends as the model says: recorded, already there, or the rule that refuses it."""
        before = self.ledger.position
        try:
            said = self.ledger.record(list(entries), **how).status
        except Refused as error:
            said = error.rule
        assert said == expected, (entries, said, expected)
        grown = self.ledger.position - before
        assert (grown > 0) == (said == "recorded")
        self.events += grown

    def after(self, order_id: str, known: Known) -> list[Known]:
        return [*(one for name, one in self.trades.items() if name != order_id), known]

    @rule(order_id=IDS, symbol=st.sampled_from(SYMBOLS), side=st.sampled_from(["BUY", "SELL"]), quantity=QUANTITIES,
          day=DAYS, allow_short=st.booleans())  # fmt: skip
    def trades_once(self, *, order_id: str, symbol: str, side: str, quantity: int, day: int, allow_short: bool) -> None:
        content = (symbol, side, quantity, day)
        held = self.trades.get(order_id)
        if held is not None:
            same = content in (held.first, held.content)
            expected = "already there" if same else "void" if held.void else "conflict"
            if held.void and content != held.first and content == held.content:
                expected = "already there"
            self.record(fields(order_id, content), expected=expected, allow_short=allow_short)
            return
        known = Known(*content, place=len(self.trades), first=content)
        if lacking(self.after(order_id, known)) > lacking([*self.trades.values()]):
            if not (allow_short and side == "SELL"):
                self.record(fields(order_id, content), expected="oversell", allow_short=allow_short)
                return
            known.short = True
        self.record(fields(order_id, content), expected="recorded", allow_short=allow_short)
        self.trades[order_id] = known

    @precondition(lambda self: self.trades)
    @rule(
        data=st.data(),
        quantity=QUANTITIES,
        day=DAYS,
        symbol=st.sampled_from(SYMBOLS),
        decimals=st.sampled_from(["", ".0"]),
    )
    def corrects(self, *, data: st.DataObject, quantity: int, day: int, symbol: str, decimals: str) -> None:
        order_id = data.draw(st.sampled_from(sorted(self.trades)))
        held = self.trades[order_id]
        changes = {"quantity": f"{quantity}{decimals}", "at": f"2026-01-{day:02}T12:00:00Z", "symbol": symbol}
        entry = {"entry": "correct", "what": order_id, "changes": changes}
        now = replace(held, quantity=quantity, day=day, symbol=symbol)
        if held.void:
            self.record(entry, expected="void")
        elif now.content == held.content:
            self.record(entry, expected="already there")
        elif self.breaks(order_id, held, now):
            self.record(entry, expected="oversell")
        else:
            self.record(entry, expected="recorded")
            self.trades[order_id] = now

    def breaks(self, order_id: str, held: Known, now: Known) -> bool:
        """A trade that changes its symbol is first taken away from the one, and then comes to the other."""
        before = lacking([*self.trades.values()])
        if held.symbol == now.symbol:
            return lacking(self.after(order_id, now)) > before
        gone = lacking(self.after(order_id, replace(held, void=True)))
        return gone > before or lacking(self.after(order_id, now)) > gone

    @precondition(lambda self: self.trades)
    @rule(data=st.data())
    def voids(self, data: st.DataObject) -> None:
        order_id = data.draw(st.sampled_from(sorted(self.trades)))
        held = self.trades[order_id]
        entry = {"entry": "void", "what": order_id}
        if held.void:
            self.record(entry, expected="already there")
        elif lacking(self.after(order_id, replace(held, void=True))) > lacking([*self.trades.values()]):
            self.record(entry, expected="oversell")
        else:
            self.record(entry, expected="recorded")
            held.void = True

    @rule(name=st.sampled_from(["D1", "D2", "D3"]), amount=st.integers(1, 3))
    def deposits(self, name: str, amount: int) -> None:
        known = self.flows.get(name)
        expected = "recorded" if known is None else "already there" if known == amount else "conflict"
        self.record(deposit(name, amount, bucket_id="core"), expected=expected)
        self.flows.setdefault(name, amount)

    @rule(name=st.sampled_from(["x", "y"]), value=st.sampled_from("12"), key=st.sampled_from([None, "k1", "k2"]))
    def sets(self, name: str, value: str, key: str | None) -> None:
        entry = {"entry": "setting", "name": name, "value": value} | ({"key": key} if key else {})
        if key in self.keys:
            self.record(entry, expected="already there" if self.keys[key] == (name, value) else "conflict")
            return
        self.record(entry, expected="recorded" if key or self.values.get(name) != value else "already there")
        self.values[name] = value
        if key:
            self.keys[key] = (name, value)

    @rule(day=DAYS, close=st.sampled_from([1.5, 2.5]))
    def prices(self, day: int, close: float) -> None:
        date = f"2026-01-{day:02}"
        self.record(bar("A.US", date, close), expected="already there" if self.bars.get(date) == close else "recorded")
        self.bars[date] = close

    @rule(day=DAYS)
    def voids_prices(self, day: int) -> None:
        date = f"2026-01-{day:02}"
        expected = "recorded" if date in self.bars else "already there" if date in self.void_bars else "unknown"
        self.record({"entry": "void", "what": "prices:1d:A.US", "dates": [date]}, expected=expected)
        if self.bars.pop(date, None) is not None:
            self.void_bars.add(date)

    @precondition(lambda self: self.trades)
    @rule(data=st.data(), dry=st.booleans())
    def refuses_a_batch_whole(self, *, data: st.DataObject, dry: bool) -> None:
        order_id = data.draw(st.sampled_from(sorted(self.trades)))
        fine = [fields(f"N{number}", ("A.US", "BUY", 5, 1)) for number in range(2)]
        if dry:
            self.ledger.record(fine, dry_run=True)
            assert self.ledger.position == self.events
        else:
            self.record(*fine, fields(order_id, ("A.US", "BUY", 77, 1)),
                        expected="void" if self.trades[order_id].void else "conflict")  # fmt: skip

    @rule(catch_up=st.booleans(), lose=st.booleans())
    def is_killed(self, *, catch_up: bool, lose: bool) -> None:
        """Between the append and the read models, as it were: they are behind, or gone, when it goes on."""
        self.ledger.close()
        if catch_up:
            catch_up_all(self.home, tell=lambda *_: None)
        if lose:
            for suffix in ("", "-wal", "-shm"):
                (self.home / f"portfolio.db{suffix}").unlink(missing_ok=True)
        self.open()

    @invariant()
    def the_log_holds_what_the_model_holds(self) -> None:
        if hasattr(self, "ledger"):
            assert self.ledger.position == self.events

    @rule()
    def read_models_say_the_same(self) -> None:
        catch_up_all(self.home, tell=lambda *_: None)
        shown = self.rows("portfolio", "SELECT symbol, stream, quantity, executed_at FROM holding_trades")
        wanted = [
            (one.symbol, f"trade:{name}", str(one.quantity), f"2026-01-{one.day:02}T12:00:00.000000Z")
            for name, one in self.trades.items()
            if not one.void
        ]
        assert sorted(shown) == sorted(wanted)
        assert dict(self.rows("config", "SELECT key, value FROM settings")) == self.values
        closes = self.rows("history", "SELECT date, close_price FROM daily_prices")
        assert dict(closes) == self.bars
        balance = self.rows("satellites", "SELECT balance FROM bucket_balances")
        assert balance == ([(float(sum(self.flows.values())),)] if self.flows else [])

    @rule()
    def everything_verifies(self) -> None:
        catch_up_all(self.home, tell=lambda *_: None)
        verdict = verify(self.home, "all", repair=False, tell=lambda *_: None)
        assert verdict.exit_code == 0, verdict

    def rows(self, model: str, query: str) -> list[tuple[Any, ...]]:
        with contextlib.closing(sqlite3.connect(f"file:{self.home / f'{model}.db'}?mode=ro", uri=True)) as db:
            return db.execute(query).fetchall()


@pytest.mark.parametrize("lives", [4, pytest.param(150, marks=pytest.mark.soak)])
def test_any_life_of_entries_is_what_a_plain_model_says(empty_home: Path, lives: int) -> None:
    machine = type("LifeHere", (Life,), {"template": empty_home})
    run_state_machine_as_test(
        machine,
        settings=settings(max_examples=lives, stateful_step_count=20, deadline=None,
                          suppress_health_check=[HealthCheck.too_slow]),
    )  # fmt: skip


MOVES = st.lists(
    st.tuples(st.integers(0, 6), st.sampled_from(["BUY", "SELL", "SELL", "SPLIT"]), st.integers(1, 4), st.booleans()),
    max_size=40,
)


def counted(moves: list[Placed]) -> tuple[Decimal, Decimal]:
    """What is held, and what was sold that was neither held nor borrowed, one move after the other."""
    held = total = Decimal(0)
    for one in sorted(moves, key=lambda placed: (placed.at, placed.position)):
        move = one.move
        if move.kind == "SPLIT":
            held = held * move.quantity / move.per
        elif move.kind == "BUY":
            held += move.quantity
        else:
            missing = Decimal(0) if move.short else max(Decimal(0), min(move.quantity, move.quantity - held))
            total += missing
            held -= move.quantity - missing
    return held, total


@given(moves=MOVES, changed=st.integers(0, 39), comes=MOVES)
@settings(max_examples=60, deadline=None)
def test_a_change_in_the_past_is_judged_as_if_all_moves_were_counted_again(
    moves: list[tuple[int, str, int, bool]], changed: int, comes: list[tuple[int, str, int, bool]]
) -> None:
    def placed(number: int, move: tuple[int, str, int, bool]) -> Placed:
        at, kind, quantity, short = move
        told = Move(str(at), kind, Decimal(quantity), Decimal(2 if kind == "SPLIT" else 1), short and kind == "SELL")
        return Placed(told.at, number, f"s{number}", told)

    with patch.object(timeline, "BLOCK_MAX", 3):
        held = [placed(number, move) for number, move in enumerate(moves)]
        line = Timeline(held)
        for number, move in enumerate(comes, start=1000):
            goes = held[changed % len(held)] if held and number % 3 == 0 else None
            change = Change(goes, placed(number, move) if number % 5 else None)
            after = [one for one in held if one != goes] + ([change.comes] if change.comes else [])
            assert line.lacking(change) == counted(after)[1] - counted(held)[1]
            line.put(change)
            held = after
            assert line.size == len(held)
            assert line.total() == counted(held)
