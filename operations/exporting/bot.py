"""Fills and round trips of the trading bot become entries, in accounts of their own and in the currency of its exchanges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal, localcontext
from heapq import heappop, heappush
from typing import Final

from domain.bot_positions import BotPosition, after_fill
from domain.bot_trading import FillRecorded, RoundTripClosed
from domain.event import Event, decode
from domain.market import exchange_of
from domain.moments import zone
from domain.money import rounded
from ledger.log import Stored
from operations.exporting import names, trades
from operations.exporting.journal import Closing, Entry, Item, Note, Posting
from operations.exporting.lots import Lot, Lots
from operations.exporting.notes import LARGEST, TOO_LARGE, WIDE, NotBooked, Notes
from operations.exporting.trades import CASH, GAINS, OWED, SECURITIES, ZERO, account

FILLS: Final = ("bot-fill-recorded", "bot-fill-corrected")
ROUND_TRIPS: Final = ("bot-round-trip-closed",)
OF_BACKTESTS: Final = ("bot-backtest-trade-closed",)
INR: Final = "INR"
FEES: Final = "Expenses:TradingBot:Fees"
# What a bot trades, perhaps on paper, does not stand among what a broker holds.
_OWN: Final = {
    CASH: "Assets:TradingBot:Cash", SECURITIES: "Assets:TradingBot:Positions", OWED: "Liabilities:TradingBot:Short",
    GAINS: "Income:TradingBot:Gains",
}  # fmt: skip
_IN_INDIA: Final = frozenset({"nse", "bse", "mcx"})
_LOCAL: Final = zone("Asia/Kolkata")
OF_A_BACKTEST: Final = "trades of backtests, which moved nothing"
_SIDES: Final = {"LONG": 1, "BUY": 1, "SHORT": -1, "SELL": -1}


class BotBook:
    """Posts fills and round trips, which must come in order of time, because what is closed is what was opened first.

    symbols: those that were traded, by their commodities.
    """

    def __init__(self, closing: Closing) -> None:
        self.closing = closing
        self.symbols: dict[str, str] = {}
        self._lots: dict[str, Lots] = {}
        self._held: dict[str, BotPosition] = {}
        self._pending: list[tuple[str, int, Entry]] = []
        self._count = 0

    def items(self, facts: Iterable[Stored]) -> Iterator[Item]:
        """The entries of these facts, the exit of a round trip in its own time; a note for each that is left out."""
        for stored in facts:
            event = decode(stored.topic, stored.state)
            now = event.occurred_at or stored.recorded_at
            yield from self._due(now)
            try:
                with localcontext(WIDE):
                    self._post(stored, event, now)
            except NotBooked as reason:
                self.closing.leave_out(reason.message)
                if reason.message != OF_A_BACKTEST:
                    yield Note(f"Not booked: position {stored.position}, {stored.stream}: {reason.message}")
        yield from self._due("~")

    def _due(self, now: str) -> Iterator[Entry]:
        while self._pending and self._pending[0][0] <= now:
            entry = heappop(self._pending)[2]
            used = {posting.commodity for posting in entry.postings}
            used |= {posting.at.currency for posting in entry.postings if posting.at}
            self.closing.see(entry.date, (posting.account for posting in entry.postings), used)
            yield entry

    def _put(self, when: str, entry: Entry) -> None:
        self._count += 1
        heappush(self._pending, (when, self._count, entry))

    def _post(self, stored: Stored, event: Event, now: str) -> None:
        if isinstance(event, FillRecorded):
            self._fill(stored, event, now)
        else:
            assert isinstance(event, RoundTripClosed)
            self._round_trip(stored, event, now)

    def _fill(self, stored: Stored, fill: FillRecorded, now: str) -> None:
        if not fill.counts:
            raise NotBooked("fills that were rejected or cancelled, or are still pending")
        if fill.exit_price is not None:
            self.closing.leave_out("exits that fills state beside their own; an exit is booked where it was filled")
        notes = _notes(stored, fill)
        notes.say(symbol=fill.symbol, strategy=fill.strategy_id, trade=fill.trade_id, signal=fill.signal_id)
        sign = 1 if fill.side == "BUY" else -1
        lot = self._lot(fill.symbol, (fill.quantity, fill.price), sign, now, notes)
        commodity = names.security(fill.symbol)
        postings = trades.traded(self._lots.setdefault(commodity, Lots()), lot, commodity, may_short=True)
        fee = _fee(fill.fees, notes)
        before = self._held.get(commodity, BotPosition())
        after = self._held[commodity] = after_fill(before, fill.side, abs(lot.quantity), lot.price)
        self._fold(commodity, before.quantity, after.quantity, lot, fee)
        self._put(now, _entry(lot, fill.symbol, postings, fee, notes))

    def _round_trip(self, stored: Stored, trip: RoundTripClosed, now: str) -> None:
        """Its exit closes what it opened itself, whatever else is held of the instrument."""
        if trip.run_id is not None:
            raise NotBooked(OF_A_BACKTEST)
        sign = _SIDES.get(trip.direction.strip().upper())
        if sign is None or trip.quantity is None:
            raise NotBooked("round trips without a direction and a quantity")
        lots, commodity = Lots(), names.security(trip.instrument_key)
        notes = _notes(stored, trip)
        notes.say(symbol=trip.instrument_key, type=trip.trade_type, trade=trip.trade_id)
        opened = self._lot(trip.instrument_key, (trip.quantity, trip.entry_price), sign, now, notes)
        postings = trades.traded(lots, opened, commodity, may_short=True)
        is_over = trip.exit_price is not None
        fee = ZERO if is_over else _fee(trip.commission, notes)
        self._fold(commodity, ZERO, opened.quantity, opened, fee)
        self._put(now, _entry(opened, trip.instrument_key, postings, fee, notes))
        if trip.exit_price is None:
            return
        assumed = [] if trip.exit_time else ["date"]
        notes = Notes(stored, [*trip.assumed, *assumed])
        notes.say(symbol=trip.instrument_key, type=trip.trade_type, trade=trip.trade_id, reason=trip.exit_reason)
        then = max(now, trip.exit_time or now)
        closed = self._lot(trip.instrument_key, (trip.quantity, trip.exit_price), -sign, then, notes)
        postings = trades.traded(lots, closed, commodity, may_short=True)
        _compare(trip.pnl, (closed.price - opened.price) * opened.quantity, notes)
        fee = _fee(trip.commission, notes)
        self._fold(commodity, opened.quantity, ZERO, closed, fee)
        self._put(then, _entry(closed, trip.instrument_key, postings, fee, notes))

    def _lot(self, symbol: str, said: tuple[Decimal, Decimal], sign: int, now: str, notes: Notes) -> Lot:
        """The units that are bought, or negative that are sold; said: how many, and the price."""
        quantity, price = notes.number("quantity", said[0]), notes.number("price", said[1])
        if quantity <= 0 or price < 0:
            raise NotBooked("trades without a positive quantity and price")
        if quantity * price >= LARGEST:
            raise NotBooked(TOO_LARGE)
        if exchange_of(symbol) not in _IN_INDIA:
            notes.assumed.append("currency")
        commodity = names.security(symbol)
        self.symbols[commodity] = self.closing.originals[commodity] = symbol
        return Lot(quantity * sign, price, INR, _day(now))

    def _fold(self, commodity: str, before: Decimal, after: Decimal, lot: Lot, fee: Decimal) -> None:
        """What changes, counted from the quantities held, which know nothing of lots."""
        for parent, number in (
            (SECURITIES, max(after, ZERO) - max(before, ZERO)), (OWED, min(after, ZERO) - min(before, ZERO)),
        ):  # fmt: skip
            if number:
                self.closing.add(_own(account(parent, commodity)), commodity, number)
        self.closing.add(_OWN[CASH], INR, -rounded(lot.quantity * lot.price) - fee)


def _notes(stored: Stored, event: Event) -> Notes:
    return Notes(stored, [*event.assumed, *([] if event.occurred_at else ["date"])])


def _day(moment: str) -> date:
    """The day by the exchange's clocks."""
    return datetime.fromisoformat(moment).astimezone(_LOCAL).date()


def _fee(stated: Decimal | None, notes: Notes) -> Decimal:
    return notes.number("fees", stated) if stated else ZERO


def _compare(stated: Decimal | None, gain: Decimal, notes: Notes) -> None:
    """Note a profit that the bot states and that its prices do not give: of a contract with a multiplier, or after fees."""
    if stated is not None and abs(stated - gain) > max(abs(gain), Decimal(1)) * Decimal("1e-6"):
        notes.say(**{"stated-profit": f"{stated.normalize():f}"})


def _entry(lot: Lot, symbol: str, postings: list[Posting], fee: Decimal, notes: Notes) -> Entry:
    side = "Buy" if lot.quantity > 0 else "Sell"
    words = f"{side} {abs(lot.quantity).normalize():f} {symbol} at {lot.price.normalize():f} {INR}"
    fees = [Posting(CASH, -fee, INR), Posting(FEES, fee, INR)] if fee else []
    own = [posting._replace(account=_own(posting.account)) for posting in [*postings, *fees]]
    return Entry(lot.opened, words, own, notes.about())


def _own(name: str) -> str:
    """The bot's account for one that trades are posted to."""
    parent = next((one for one in _OWN if name == one or name.startswith(f"{one}:")), None)
    return name if parent is None else _OWN[parent] + name.removeprefix(parent)
