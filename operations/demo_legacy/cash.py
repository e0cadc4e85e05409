"""Invented cash flows: deposits, fees, dividends received, and the broker-wide corporate actions beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from operations.demo_legacy.catalogue import Security
from operations.demo_legacy.files import Build, seeded
from operations.demo_legacy.market import RATES
from operations.demo_legacy.trading import CENT, YEAR, Trade

# Per security and year of trading, so that 65 securities and ten years give about 3,000 flows with the fees.
BROKER_WIDE_PER_SECURITY_AND_YEAR = 1.35
MONTH = 21
UNCONVERTED = ("RUR", "KZT", "CNY")
ROW_TYPES = ("type_217", "type_269", "type_278", "type_290", "type_355", "type_356")


@dataclass(frozen=True, kw_only=True)
class Flow:
    """One booking of the broker; `dividend_of` names the security when it is a dividend on shares held."""

    transaction_id: str
    type_doc_id: str | int
    kind: str
    day: str
    amount: Decimal
    currency: str = "EUR"
    status: str = "completed"
    status_c: int | None = None
    description: str | None = None
    dividend_of: Security | None = None

    @property
    def amount_eur(self) -> Decimal:
        """Convert as the legacy system did: at one rate for all times, and not at all where it knew none."""
        return (self.amount / Decimal(str(RATES.get(self.currency, 1)))).quantize(CENT)


def invent_flows(build: Build, securities: list[Security], days: list[str], trades: list[Trade]) -> list[Flow]:
    """List all cash flows in order of date."""
    recorded = [trade for trade in trades if trade.recorded]
    flows = [
        *fees(recorded), *dividends(securities, days, recorded), *broker_wide(build, len(securities), days),
        *transfers(days), *bonds(days), *(unsettled(build, days) if build.dirt else ()),
        *(unknown_types(build, days) if build.dirt else ()),
    ]  # fmt: skip
    return sorted(flows, key=lambda flow: (flow.day, flow.transaction_id))


def fees(trades: list[Trade]) -> Iterator[Flow]:
    """Charge 2 EUR and 0.2 % for every trade."""
    for trade in trades:
        rate = Decimal(str(RATES[trade.security.currency]))
        amount = (2 + trade.quantity * trade.price / rate * Decimal("0.002")).quantize(CENT)
        yield Flow(
            transaction_id=f"trade_fee_{trade.order_id}", type_doc_id="trade_fee", kind="trading_fee", day=trade.day,
            amount=amount, description=f"Trading fee: {trade.security.symbol}",
        )  # fmt: skip


def dividends(securities: list[Security], days: list[str], trades: list[Trade]) -> Iterator[Flow]:
    """Pay a dividend once a year on what was held then of every other security."""
    rng = seeded("dividends")
    for security in securities[::2]:
        own = [trade for trade in trades if trade.security is security]
        for row in range(30 + security.number * 7 % YEAR, len(days), YEAR):
            held = sum((trade.change for trade in own if trade.day < days[row]), Decimal(0))
            per_share = Decimal(rng.randint(20, 900)) / 100
            if held > 0:
                yield Flow(
                    transaction_id=f"corp_action_dividend_{71_000 + row * 100 + security.number}",
                    type_doc_id="corp_dividend", kind="dividend", day=days[row],
                    amount=(held * per_share).quantize(CENT), currency=security.currency, dividend_of=security,
                    description=described(security.symbol, held, per_share, security.currency),
                )  # fmt: skip


def described(symbol: str, shares: Decimal, per_share: Decimal, currency: str) -> str:
    """Describe a dividend as the broker did; params_json is empty, so this alone names the security."""
    return f"Dividend: {symbol} ({shares.normalize():f} shares \N{MULTIPLICATION SIGN} {per_share} {currency})"


def broker_wide(build: Build, securities: int, days: list[str]) -> Iterator[Flow]:
    """Book what the broker paid other people: the legacy import did not tell the difference."""
    rng = seeded("broker-wide")
    count = round(securities * len(days) / YEAR * BROKER_WIDE_PER_SECURITY_AND_YEAR)
    recent = days[-40:]
    for number in range(count):
        currency = "USD" if number % 5 else ("EUR", "GBP", "HKD")[number // 5 % 3]
        if build.dirt and number % 40 == 7:  # small folders have one too
            currency = UNCONVERTED[number // 40 % 3]
        shares, per_share = rng.randint(1, 400), Decimal(rng.randint(1, 300)) / 100
        symbol = f"Q{rng.randrange(26**3):05d}.US"
        flow = Flow(
            transaction_id=f"corp_action_dividend_{9_000_000 + number}", type_doc_id="corp_dividend", kind="dividend",
            day=rng.choice(recent), amount=shares * per_share, currency=currency,
            description=described(symbol, Decimal(shares), per_share, currency),
        )  # fmt: skip
        if currency in UNCONVERTED:
            said = f"{flow.amount} {currency} stands as the same number of EUR"
            build.flaw("unconverted", "ledger.db", said, table="cash_flows", key=flow.transaction_id)
        yield flow


def transfers(days: list[str]) -> Iterator[Flow]:
    """Pay in every month, take some out every second year, with the fee the bank takes for it."""
    for number, row in enumerate(range(0, len(days), MONTH)):
        kind = ("deposit", "deposit", "refill", "transfer_in")[number % 4]
        yield Flow(
            transaction_id=str(88_100_000 + number), type_doc_id=270 + number % 4, kind=kind, day=days[row],
            amount=Decimal(1800 if number else 20_000), status_c=3, description="Bank transfer",
        )  # fmt: skip
    for number, row in enumerate(range(YEAR - 20, len(days), 2 * YEAR)):
        out = Flow(
            transaction_id=str(88_900_000 + number), type_doc_id=337, kind="withdrawal", day=days[row],
            amount=Decimal("1500.5"), status_c=3, description="Withdrawal",
        )  # fmt: skip
        yield out
        yield Flow(
            transaction_id=f"{out.transaction_id}_fee", type_doc_id="withdrawal_fee", kind="withdrawal_fee",
            day=out.day, amount=Decimal("7.5"), description="Withdrawal fee",
        )  # fmt: skip


def bonds(days: list[str]) -> Iterator[Flow]:
    """Buy a structured product every second year, take its coupons, get the money back in two parts."""
    for number, row in enumerate(range(40, len(days) - 200, 2 * YEAR)):
        for part, (kind, after, amount) in enumerate(
            (
                ("structured_product_purchase", 0, "1000"), ("structured_product_fee", 0, "5"), ("coupon", 60, "21.25"),
                ("coupon", 120, "21.25"), ("partial_maturity", 150, "400"), ("maturity", 190, "600"),
            )
        ):  # fmt: skip
            special = kind.startswith("structured")
            type_doc_id: str | int = 297 if kind.endswith("purchase") else kind if special else f"corp_{kind}"
            yield Flow(
                transaction_id=f"corp_action_{kind}_{5000 + number * 10 + part}", type_doc_id=type_doc_id, kind=kind,
                day=days[row + after], amount=Decimal(amount), description=f"Structured product {number}",
            )  # fmt: skip


def unsettled(build: Build, days: list[str]) -> Iterator[Flow]:
    """Book money that is still on its way."""
    for number in range(3):
        flow = Flow(
            transaction_id=str(88_990_000 + number), type_doc_id=337, kind="withdrawal", day=days[-2],
            amount=Decimal(250), status="processing", status_c=2, description="Withdrawal",
        )  # fmt: skip
        said = f"the withdrawal {flow.transaction_id} is not completed"
        build.flaw("unsettled", "ledger.db", said, table="cash_flows", key=flow.transaction_id)
        yield flow


def unknown_types(build: Build, days: list[str]) -> Iterator[Flow]:
    """Book the broker's documents that nobody had a name for; their amount is always 0."""
    for number, kind in enumerate(ROW_TYPES):
        flow = Flow(
            transaction_id=f"{kind}_{0x5C31AF07 + number:08x}", type_doc_id=int(kind[5:]), kind=kind,
            day=days[len(days) * (number + 1) // 8], amount=Decimal(0), status_c=3,
        )  # fmt: skip
        said = f"nobody knows what {kind} is"
        build.flaw("unknown-type", "ledger.db", said, table="cash_flows", key=flow.transaction_id)
        yield flow
