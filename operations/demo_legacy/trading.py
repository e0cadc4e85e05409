"""Invented trades, and the holdings that they make: exact, by the average cost method."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Decimal
from random import Random
from typing import Literal

from operations.demo_legacy.catalogue import Security
from operations.demo_legacy.files import Build, seeded
from operations.demo_legacy.planted import Flaw, FlawKind

ORDERS_PER_SECURITY_AND_YEAR = 2.15
ORDERS_MIN = 40
YEAR = 261
SELL_CHANCE, CLOSE_CHANCE, SPLIT_CHANCE = 0.4, 0.2, 0.1
FIRST_ORDER = 3_100_000_417
CENT = Decimal("0.01")
# Securities whose trades are told by SCRIPTS and never drawn: number -> what is wrong.
SCRIPTED: dict[int, FlawKind] = {4: "missing-trade", 5: "residue", 6: "oversell"}


@dataclass(frozen=True, kw_only=True)
class Trade:
    """One fill. What was never recorded counts for the broker's positions, but is in no trades table."""

    security: Security
    side: Literal["BUY", "SELL"]
    quantity: Decimal
    price: Decimal
    day: str
    time: str
    order_id: str = ""
    recorded: bool = True

    @property
    def change(self) -> Decimal:
        """What the trade does to the shares held."""
        return self.quantity if self.side == "BUY" else -self.quantity


@dataclass(kw_only=True)
class Holding:
    """Shares held of one security and what they cost in its currency; a sale takes cost away in proportion."""

    security: Security
    quantity: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    first_bought: str | None = None
    last_sold: str | None = None

    def add(self, trade: Trade) -> None:
        """Take one trade into account."""
        moment = f"{trade.day}T{trade.time}.000"
        if trade.side == "BUY":
            self.quantity += trade.quantity
            self.cost += trade.quantity * trade.price
            self.first_bought = self.first_bought or moment
        else:
            assert trade.quantity <= self.quantity, f"{trade} sells more than is held"
            self.cost -= self.cost * trade.quantity / self.quantity
            self.quantity -= trade.quantity
            self.last_sold = moment


def invent_trades(
    build: Build, securities: list[Security], days: list[str], closes: dict[str, list[float]]
) -> list[Trade]:
    """Draw the trades of all years in order of time; with dirt, include three securities with a gap in the record."""
    rng = seeded("orders")
    tradable = [s for s in securities if s.number not in SCRIPTED and s.number % 4 != 3]  # a quarter never trades
    count = max(ORDERS_MIN, round(len(securities) * len(days) / YEAR * ORDERS_PER_SECURITY_AND_YEAR))
    held: dict[str, Decimal] = {}
    used: set[tuple[str, int]] = set()
    trades = []
    for number, row in enumerate(sorted(rng.randrange(len(days)) for _ in range(count))):
        security = rng.choice(tradable)
        symbol = security.symbol
        if (symbol, row) in used:  # one order a day: the average cost must not hang on the order within a day
            continue
        used.add((symbol, row))
        price = max(Decimal(str(closes[symbol][row])).quantize(CENT), CENT)
        before = held.get(symbol, Decimal(0))
        fills = draw_order(rng, security, before, price, day=days[row], fractional=number % 9 == 0)
        held[symbol] = before + sum(fill.change for fill in fills)
        trades += fills
    if build.dirt:
        for number in SCRIPTED:
            trades += scripted(build, securities[number], days, closes)
    return numbered(sorted(trades, key=lambda trade: (trade.day, trade.time)))


def draw_order(
    rng: Random, security: Security, held: Decimal, price: Decimal, *, day: str, fractional: bool
) -> list[Trade]:
    """Draw one order; the broker fills some of them in two parts within the same second."""
    step = Decimal("0.001") if fractional else Decimal(1)
    selling = held > 0 and rng.random() < SELL_CHANCE
    if selling:
        part = held * Decimal(rng.choice((1, 2))) / 4
        quantity = held if rng.random() < CLOSE_CHANCE else max(part.quantize(step, ROUND_DOWN), min(step, held))
    else:
        quantity = (Decimal(rng.randint(300, 4000)) / price).quantize(step, ROUND_DOWN) + step
    # Between nine and four: whatever zone a time stamp is read in, the trade stays on its day.
    time = f"{rng.randint(9, 15):02d}:{rng.randint(0, 59):02d}:{rng.randint(0, 59):02d}"
    trade = Trade(
        security=security, side="SELL" if selling else "BUY", quantity=quantity, price=price, day=day, time=time
    )
    first = (quantity / 3).quantize(step, ROUND_DOWN)
    if first <= 0 or rng.random() >= SPLIT_CHANCE:
        return [trade]
    return [replace(trade, quantity=first), replace(trade, quantity=quantity - first, price=price + CENT)]


def scripted(build: Build, security: Security, days: list[str], closes: dict[str, list[float]]) -> list[Trade]:
    """Tell the trades of a security in which one trade, the hidden one, never reached the record."""
    kind = SCRIPTED[security.number]
    stories = {
        "missing-trade": ("hidden BUY 12", "BUY 30", "BUY 20", "SELL 10"),
        "residue": ("BUY 25", "SELL 22", "hidden SELL 3"),
        "oversell": ("hidden BUY 5", "BUY 10", "SELL 15", "BUY 8"),
    }
    said = {
        "missing-trade": "the position holds 12 shares more than its trades: an early purchase is missing",
        "residue": "the trades leave 3 shares, but there is no position: a sale is missing",
        "oversell": "15 shares were sold when the trades had bought 10: an early purchase is missing",
    }
    trades = []
    for number, line in enumerate(stories[kind]):
        row = (number + 1) * len(days) // 6
        side, quantity = line.split()[-2:]
        hidden = line.startswith("hidden")
        price = Decimal(str(closes[security.symbol][row])).quantize(CENT)
        trade = Trade(
            security=security, side="BUY" if side == "BUY" else "SELL", quantity=Decimal(quantity), price=price,
            day=days[row], time="11:30:00", recorded=not hidden,
        )  # fmt: skip
        trades.append(trade)
        if hidden:
            flaw = Flaw(
                kind=kind, file="ledger.db", table="trades", key=security.symbol,
                said=f"{security.symbol}: {said[kind]}", amount=trade.quantity,
            )  # fmt: skip
            build.flaws.append(flaw)
    return trades


def numbered(trades: list[Trade]) -> list[Trade]:
    """Give every fill an order id of its own."""
    return [replace(trade, order_id=str(FIRST_ORDER + number * 13)) for number, trade in enumerate(trades)]


def holdings(trades: Iterable[Trade]) -> dict[str, Holding]:
    """Add all trades up, the unrecorded ones included, as the broker did."""
    held: dict[str, Holding] = {}
    for trade in trades:
        held.setdefault(trade.security.symbol, Holding(security=trade.security)).add(trade)
    return held
