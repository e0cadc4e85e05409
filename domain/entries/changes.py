"""Entries about entries: to correct what is recorded, and to say that it never happened."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from domain.advice import RecommendationIssued, RecommendationRemoved
from domain.agents import AgentConfigured, AgentRemoved
from domain.entries import checks
from domain.entries.base import Entry, Fact, Mode, Name, Standing
from domain.entries.buckets import booked, booking
from domain.entries.cash import check_dividend, check_flow, flow_stream, signed
from domain.entries.holding import move_of
from domain.entries.refusal import Refused
from domain.entries.trading import check_held, check_split, check_trade
from domain.entries.voiding import WHY_NOT, days_void, is_by_day, with_bucket
from domain.event import Event
from domain.money import in_eur, rounded, usable_rate
from domain.portfolio import (
    MetricCalculated,
    MetricRemoved,
    PortfolioValuationVoided,
    PortfolioValued,
    ScoreCalculated,
    ScoreRemoved,
)
from domain.satellites import (
    AllocationSettingChanged,
    AllocationSettingRemoved,
    BucketBalanceRemoved,
    BucketBalanceStated,
    BucketDescribed,
    BucketRemoved,
    RegimePerformanceMeasured,
    RegimePerformanceRemoved,
    SatelliteConfigured,
    SatelliteUnconfigured,
)
from domain.streams import stream
from domain.trading import (
    CashFlowBooked,
    CashFlowCorrected,
    CashFlowVoided,
    DividendCorrected,
    DividendPaid,
    DividendVoided,
    SharesSplit,
    SharesSplitCorrected,
    SharesSplitVoided,
    TradeCorrected,
    TradeExecuted,
    TradeVoided,
)
from domain.universe import (
    AllocationTargetRemoved,
    AllocationTargetSet,
    CountryGrouped,
    CountryUngrouped,
    IndustryGrouped,
    IndustryUngrouped,
    SecurityDescribed,
    SecurityRemoved,
    SecurityRestored,
    SettingChanged,
    SettingRemoved,
)

FACTS: dict[type[Event], tuple[type[Event], type[Event]]] = {
    TradeExecuted: (TradeCorrected, TradeVoided),
    CashFlowBooked: (CashFlowCorrected, CashFlowVoided),
    DividendPaid: (DividendCorrected, DividendVoided),
    SharesSplit: (SharesSplitCorrected, SharesSplitVoided),
}
"""What happened once, and the events that correct it and void it."""

STATES: dict[type[Event], type[Event]] = {
    SettingChanged: SettingRemoved,
    AllocationTargetSet: AllocationTargetRemoved,
    AllocationSettingChanged: AllocationSettingRemoved,
    SatelliteConfigured: SatelliteUnconfigured,
    RegimePerformanceMeasured: RegimePerformanceRemoved,
    ScoreCalculated: ScoreRemoved,
    MetricCalculated: MetricRemoved,
    RecommendationIssued: RecommendationRemoved,
    AgentConfigured: AgentRemoved,
    CountryGrouped: CountryUngrouped,
    IndustryGrouped: IndustryUngrouped,
    SecurityDescribed: SecurityRemoved,
    SecurityRestored: SecurityRemoved,
    BucketDescribed: BucketRemoved,
    BucketBalanceStated: BucketBalanceRemoved,
}
"""What holds until it is stated again, and the event that ends it."""

VOIDS: dict[type[Event], type[Event]] = {
    **{kind: voided for kind, (_, voided) in FACTS.items()},
    PortfolioValued: PortfolioValuationVoided,
}
"""What has a place in time, and the event that voids it there: as of an earlier moment it had not happened either."""

GONE: tuple[type[Event], ...] = (*(voided for _, voided in FACTS.values()), PortfolioValuationVoided, *STATES.values())
_IDENTITY = frozenset(
    {"id", "order_id", "transaction_id", "cash_flow_id", "created_at", "copy", "assumed", "repaired", "event"}
)


class Correct(Entry, frozen=True, kw_only=True, tag="correct"):
    """A recorded trade, cash flow, dividend or split is now known to read otherwise.

    what: its stream, or its order id or transaction id. changes: field to value, `at` for the time; other fields stay.
    """

    what: Name
    changes: dict[str, Any]  # whatever the fields of the event hold

    def facts(self, standing: Standing) -> list[Fact]:
        """The whole fact as it is now known; nothing when it reads so already."""
        found: list[Fact] = []
        wanted = {"occurred_at" if name == "at" else name: value for name, value in self.changes.items()}
        used: set[str] = set()
        for name in streams_of(self.what, standing):
            held = _standing_fact(name, standing)
            own = {field: value for field, value in wanted.items() if field in held.__struct_fields__}
            used |= own.keys()
            after = _corrected(held, own, standing)
            if any(getattr(after, field) != getattr(held, field) for field in own):
                found += [Fact(name, after, Mode.CHANGE), *_effects(name, held, after, standing)]
        if unknown := sorted(wanted.keys() - used):
            raise Refused("shape", f"{self.what} has no field {', '.join(unknown)}")
        return found


class Void(Entry, frozen=True, kw_only=True, tag="void"):
    """Something recorded never happened, or no longer holds. what: its stream, or its order id or transaction id.

    dates: of a series of prices the days or months that are void, of exchange rates the days, the newest when none is named.
    """

    what: Name
    reason: Name = "entered by mistake"
    dates: tuple[Name, ...] = ()

    def facts(self, standing: Standing) -> list[Fact]:
        """The end of it; nothing when it is void already."""
        checks.text("reason", self.reason)
        found: list[Fact] = []
        for name in streams_of(self.what, standing):
            held = standing.newest(name)
            assert held is not None
            if is_by_day(history := standing.history(name)):
                found += days_void(name, history, self.dates, self.reason)
            elif self.dates:
                raise Refused("shape", f"{name} is no series of days")
            elif not isinstance(held, GONE):
                found += self._void(name, held, standing)
        return found

    def _void(self, name: str, held: Event, standing: Standing) -> list[Fact]:
        for kind, voided in VOIDS.items():
            if isinstance(held, kind):
                gone = voided(occurred_at=held.occurred_at, reason=self.reason)  # type: ignore[call-arg]  # each of them takes a reason
                return [Fact(name, gone, Mode.CHANGE), *_effects(name, held, None, standing)]
        removed = STATES.get(type(held))
        if removed is None:
            why = WHY_NOT.get(type(held), "it is what a legacy system kept for itself; nothing is counted from it")
            raise Refused("not-correctable", f"{name} cannot be void: {why}")
        at = checks.moment(self.at, standing.clock)
        also = with_bucket(held, standing, at)
        own = {field: getattr(held, field) for field in removed.__struct_fields__ if hasattr(held, field)}
        gone = removed(**{**own, "occurred_at": at, "assumed": (), "repaired": None})
        return [*also, Fact(name, gone, Mode.CHANGE)]


def streams_of(what: str, standing: Standing) -> list[str]:
    """The streams that a user means by a stream, an order id, a transaction id or a key."""
    if ":" in what and standing.newest(what) is not None:
        return [what]
    trades = [stream("trade", what), stream("trade", "", "key", what)]
    flows = [flow_stream(what), stream("dividend", "", "transaction", what)]
    found = [[name for name in names if standing.newest(name) is not None] for names in (trades, flows)]
    if all(found):
        both = ", ".join(name for names in found for name in names)
        raise Refused("unknown", f"{what} is more than one thing: {both}", hint="Name the stream.")
    meant = found[0] or found[1]
    if not meant:
        raise Refused("unknown", f"nothing is recorded as {what}")
    return meant


def _standing_fact(name: str, standing: Standing) -> Event:
    held = standing.newest(name)
    if isinstance(held, GONE):
        raise Refused("void", f"{name} is void")
    if not isinstance(held, tuple(FACTS)):
        raise Refused("not-correctable", f"{name} is no trade, cash flow, dividend or split")
    assert isinstance(held, Event)
    return held


def _corrected(held: Event, changes: dict[str, Any], standing: Standing) -> Event:
    if fixed := sorted(changes.keys() & _IDENTITY):
        raise Refused("shape", f"{', '.join(fixed)} cannot be corrected", hint="Void it, and enter it again.")
    if "occurred_at" in changes:
        changes = changes | {"occurred_at": checks.day_or_moment(str(changes["occurred_at"]), standing.clock)}
    kind = next(corrected for base, (corrected, _) in FACTS.items() if isinstance(held, base))
    fields: dict[str, Any] = msgspec.to_builtins(held)
    fields = {name: value for name, value in fields.items() if name not in {"event", "assumed", "repaired", "copy"}}
    try:
        after: Event = msgspec.convert(fields | changes | _in_eur_again(held, changes), kind, strict=False)
    except msgspec.ValidationError as error:
        raise Refused("shape", str(error)) from error
    _check(after)
    return after


def _in_eur_again(held: Event, changes: dict[str, Any]) -> dict[str, Any]:
    """The value in EUR is forgotten, to be computed again, when what it came from changes and it is not given itself."""
    if isinstance(held, TradeExecuted) and changes.keys() & {"quantity", "price", "currency", "currency_rate"}:
        return {} if "value_eur" in changes else {"value_eur": _value_eur(held, changes)}
    if isinstance(held, CashFlowBooked | DividendPaid) and changes.keys() & {"amount", "currency"}:
        return {} if "amount_eur" in changes else {"amount_eur": _amount_eur(held, changes)}
    return {}


def _value_eur(held: TradeExecuted, changes: dict[str, Any]) -> Any:  # a decimal or nothing
    after = msgspec.convert(
        {name: changes.get(name, getattr(held, name)) for name in ("quantity", "price", "currency", "currency_rate")},
        _Valued, strict=False,
    )  # fmt: skip
    for name in ("quantity", "price", "currency_rate"):
        checks.finite(name, getattr(after, name))
    return in_eur(after.quantity * after.price, usable_rate(after.currency, after.currency_rate))


class _Valued(msgspec.Struct):
    quantity: Decimal
    price: Decimal
    currency: str | None
    currency_rate: Decimal | None


def _amount_eur(held: CashFlowBooked | DividendPaid, changes: dict[str, Any]) -> Any:  # a decimal or nothing
    if "currency" in changes or held.amount_eur is None or not held.amount:
        return None
    amount = msgspec.convert(changes["amount"], Decimal, strict=False)
    checks.positive("amount", amount)
    return rounded(held.amount_eur * amount / held.amount)


def _check(after: Event) -> None:
    if isinstance(after, TradeExecuted):
        check_trade(after)
    elif isinstance(after, CashFlowBooked):
        check_flow(after)
    elif isinstance(after, DividendPaid):
        check_dividend(after)
    elif isinstance(after, SharesSplit):
        checks.positive("numerator", after.numerator)
        checks.positive("denominator", after.denominator)


def _effects(name: str, held: Event, after: Event | None, standing: Standing) -> Sequence[Fact]:
    """What a change does elsewhere: the shares held must suffice, and a bucket's balance follows its cash flow."""
    before, now = move_of(held), move_of(after) if after else None
    if before and (now is None or now[0] != before[0]):
        check_held(before[0], name, None, standing)
    if now:
        assert after is not None
        if isinstance(after, SharesSplit):
            check_split(after, name, standing)
        check_held(now[0], name, now[1], standing)
    if not isinstance(held, CashFlowBooked):
        return []
    moved = booking(standing, name)
    if moved is None:
        return []
    assert after is None or isinstance(after, CashFlowBooked)
    if after is not None and after.currency != held.currency:
        raise Refused("not-correctable", f"{name} changed the balance of a bucket in {held.currency}", hint="Void it.")
    change = (signed(after) if after else 0) - signed(held)
    if not change:
        return []
    number = len(standing.history(name))
    at = (after or held).occurred_at
    return booked(standing, moved.bucket_id, "reallocation", change, held.currency, at, f"{name}:{number}")
