"""Entries about the investment universe: securities, settings, allocation targets."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from domain.entries import checks
from domain.entries.base import Amount, Currency, Entry, Fact, Mode, Name, Standing, Symbol
from domain.entries.buckets import BUDGET_MAX
from domain.entries.describing import described_as, described_by, last_description
from domain.entries.refusal import Refused
from domain.event import Event
from domain.satellites import AllocationSettingChanged, SatelliteConfigured
from domain.secrets import MASK, Names
from domain.streams import stream
from domain.universe import AllocationTargetSet, SecurityDescribed, SecurityRemoved, SecurityRestored, SettingChanged

ProductType = Literal["EQUITY", "ETF", "ETC", "MUTUALFUND", "UNKNOWN", "CASH"]
_ISIN = re.compile(r"[A-Z]{2}[A-Z0-9]{9}[0-9]")
_MIN_TARGET_MAX, _MAX_TARGET_MAX = 20, 30
"""Percent of the portfolio (legacy facts 1.2)."""

SLIDERS = frozenset({"risk_appetite", "hold_duration", "entry_style", "position_spread", "profit_taking"})
SWITCHES = frozenset({"trailing_stops", "follow_regime", "auto_harvest", "pause_high_volatility"})
HANDLINGS = frozenset({"reinvest_same", "send_to_core", "accumulate_cash"})
ALLOCATION_FRACTIONS = frozenset(
    {"satellite_budget_pct", "satellite_min_pct", "satellite_max_pct", "reallocation_dampening"}
)


class Security(Entry, frozen=True, kw_only=True, tag="security"):
    """A security was added to the universe. min_ and max_portfolio_target: percent of the portfolio."""

    symbol: Symbol
    name: Name
    product_type: ProductType
    currency: Currency
    isin: str | None = None
    yahoo_symbol: str | None = None
    industry: str | None = None
    country: str | None = None
    full_exchange_name: str | None = None
    priority_multiplier: Amount = Decimal(1)
    min_lot: int = 1
    active: bool = True
    allow_buy: bool = True
    allow_sell: bool = True
    min_portfolio_target: Amount | None = None
    max_portfolio_target: Amount | None = None
    bucket_id: Name = "core"

    def facts(self, standing: Standing) -> list[Fact]:
        """The description, one for each symbol."""
        at = checks.moment(self.at, standing.clock)
        fields = {name: getattr(self, name) for name in self.__struct_fields__ if name not in {"at", "key"}}
        security = SecurityDescribed(occurred_at=at, created_at=at, **_with_flags(fields))
        check_security(security)
        return [Fact(stream("security", self.symbol), security, Mode.ONCE)]


class SecurityChange(Entry, frozen=True, kw_only=True, tag="security-change"):
    """A security's description changed; fields that are left out stay as they are, null clears one."""

    symbol: Symbol
    name: Name | UnsetType = UNSET
    product_type: ProductType | UnsetType = UNSET
    currency: Currency | UnsetType = UNSET
    isin: str | UnsetType | None = UNSET
    yahoo_symbol: str | UnsetType | None = UNSET
    industry: str | UnsetType | None = UNSET
    country: str | UnsetType | None = UNSET
    full_exchange_name: str | UnsetType | None = UNSET
    priority_multiplier: Amount | UnsetType = UNSET
    min_lot: int | UnsetType = UNSET
    active: bool | UnsetType = UNSET
    allow_buy: bool | UnsetType = UNSET
    allow_sell: bool | UnsetType = UNSET
    min_portfolio_target: Amount | UnsetType | None = UNSET
    max_portfolio_target: Amount | UnsetType | None = UNSET
    bucket_id: Name | UnsetType = UNSET

    def facts(self, standing: Standing) -> list[Fact]:
        """The whole description as it is from now on."""
        fields = {name: getattr(self, name) for name in self.__struct_fields__ if name not in {"at", "key", "symbol"}}
        stated = {name: value for name, value in fields.items() if value is not UNSET}
        name, last, is_there = last_description(self.symbol, standing)
        if not is_there:
            raise Refused(
                "security-unknown", f"{self.symbol} was removed", hint="Bring it back: cli record security-restore."
            )
        changed = described_as(SecurityDescribed, last, checks.moment(self.at, standing.clock), _with_flags(stated))
        if stated:
            check_security(changed)
        return [Fact(name, changed)]


class SecurityRemove(Entry, frozen=True, kw_only=True, tag="security-remove"):
    """A security leaves the universe; its prices stay for the days of grace."""

    symbol: Symbol
    grace_period_days: int = 30
    marked_by: Name = "user"

    def facts(self, standing: Standing) -> list[Fact]:
        """One removal for each legacy place that describes it."""
        at = checks.moment(self.at, standing.clock)
        if self.grace_period_days < 0:
            raise Refused("positive", f"grace_period_days is {self.grace_period_days}")
        name = stream("security", self.symbol)
        described = described_by(standing.history(name))
        if not described and standing.newest(name) is None:
            raise Refused("security-unknown", f"{self.symbol} is not in the universe")
        return [
            Fact(
                name,
                SecurityRemoved(
                    occurred_at=at, symbol=self.symbol, grace_period_days=self.grace_period_days,
                    marked_by=self.marked_by, copy=copy,
                ),
                Mode.CHANGE,
            )
            for copy in described
        ]  # fmt: skip


class SecurityRestore(Entry, frozen=True, kw_only=True, tag="security-restore"):
    """A removed security is back, described as it was before."""

    symbol: Symbol

    def facts(self, standing: Standing) -> list[Fact]:
        """The last description again; nothing when the security is there."""
        name, last, is_there = last_description(self.symbol, standing)
        if is_there and last.copy is None:
            return []
        return [Fact(name, described_as(SecurityRestored, last, checks.moment(self.at, standing.clock), {}))]


class Setting(Entry, frozen=True, kw_only=True, tag="setting"):
    """A setting got a value. satellite_id: of this satellite; allocation: of the split between core and satellites."""

    name: Name
    value: str | int | float | bool
    description: str | None = None
    satellite_id: Name | None = None
    allocation: bool = False

    def facts(self, standing: Standing) -> list[Fact]:
        """The setting as it is from now on."""
        checks.text("name", self.name)
        if self.satellite_id is not None:
            return [self._of_satellite(self.satellite_id, standing)]
        at = checks.moment(self.at, standing.clock)
        if self.allocation:
            name = stream("allocation-setting", self.name)
            limit = AllocationSettingChanged(
                occurred_at=at, key=self.name, value=self._number(), description=self._described(standing.newest(name))
            )
            _check_allocation(limit)
            return [Fact(name, limit)]
        name = stream("setting", self.name)
        setting = SettingChanged(
            occurred_at=at, key=self.name, value=self._text(), description=self._described(standing.newest(name))
        )
        return [Fact(name, setting)]

    def _described(self, held: Event | None) -> str | None:
        return self.description if self.description is not None else getattr(held, "description", None)

    def _text(self) -> str:
        return str(self.value).lower() if isinstance(self.value, bool) else str(self.value)

    def _number(self) -> Decimal:
        try:
            number = Decimal(self._text())
        except ArithmeticError as error:
            shown = MASK if Names().tells(self.name) else repr(self.value)
            raise Refused("number", f"{self.name} is {shown}") from error
        checks.finite(self.name, number)
        return number

    def _of_satellite(self, satellite: str, standing: Standing) -> Fact:
        name = stream("satellite-settings", satellite)
        held = standing.newest(name)
        if not isinstance(held, SatelliteConfigured):
            if standing.newest(stream("bucket", satellite)) is None:
                raise Refused("bucket-unknown", f"there is no bucket {satellite}")
            held = SatelliteConfigured(satellite_id=satellite)
        if self.name not in held.__struct_fields__ or self.name in {*Event.__struct_fields__, "satellite_id"}:
            raise Refused("choice", f"a satellite has no setting {self.name!r}")
        value = self._value_for_satellite()
        at = checks.moment(self.at, standing.clock)
        changes: dict[str, Any] = {self.name: value}  # the field that it names
        return Fact(name, msgspec.structs.replace(held, occurred_at=at, assumed=(), repaired=None, **changes))

    def _value_for_satellite(self) -> str | Decimal | int:
        if self.name in {"preset", "dividend_handling"}:
            text = self._text()
            if self.name == "dividend_handling":
                checks.choice(self.name, text, HANDLINGS)
            return text
        if self.name in SWITCHES:
            checks.choice(self.name, self._text(), {"true", "false", "1", "0"})
            return int(self._text() in {"true", "1"})
        number = self._number()
        if self.name in SLIDERS:
            checks.fraction(self.name, number)
        if self.name in {"evaluation_period_days", "volatility_window"}:
            checks.positive(self.name, number)
            return int(number)
        return number


class AllocationTarget(Entry, frozen=True, kw_only=True, tag="allocation-target"):
    """A target weight was set for a country, industry, or group; target_pct: a fraction."""

    type: Literal["geography", "country", "industry", "country_group", "industry_group"]
    name: Name
    target_pct: Amount

    def facts(self, standing: Standing) -> list[Fact]:
        """The weight from now on."""
        checks.fraction("target_pct", self.target_pct)
        checks.text("name", self.name)
        at = checks.moment(self.at, standing.clock)
        name = stream("allocation-target", self.type, self.name)
        held = standing.newest(name)
        begun = held if isinstance(held, AllocationTargetSet) else None
        target = AllocationTargetSet(
            occurred_at=at, id=begun.id if begun else None, type=self.type, name=self.name, target_pct=self.target_pct,
            created_at=begun.created_at if begun else at,
        )  # fmt: skip
        return [Fact(name, target)]


def check_security(security: SecurityDescribed) -> None:
    """What every security must be, also a changed one."""
    checks.symbol(security.symbol)
    if security.isin is not None and not _ISIN.fullmatch(security.isin):
        raise Refused(
            "symbol", f"isin {security.isin!r} is not an ISIN", hint="An ISIN has 12 characters: US0378331005."
        )
    if security.currency is not None:
        checks.currency("currency", security.currency)
    if security.priority_multiplier is not None:
        checks.positive("priority_multiplier", security.priority_multiplier)
    if security.min_lot is not None and security.min_lot < 1:
        raise Refused("positive", f"min_lot is {security.min_lot}")
    if security.active and security.product_type in {None, "UNKNOWN"}:
        raise Refused("choice", f"product_type of {security.symbol} is unknown, so it cannot be active")
    for name, most in (("min_portfolio_target", _MIN_TARGET_MAX), ("max_portfolio_target", _MAX_TARGET_MAX)):
        value = getattr(security, name)
        checks.not_negative(name, value)
        if value is not None and value > most:
            raise Refused(
                "limits", f"{name} is {value}, at most {most} percent", hint=f"Give a percentage up to {most}."
            )
    checks.ordered("portfolio targets", security.min_portfolio_target, security.max_portfolio_target)
    for name in ("name", "yahoo_symbol", "industry", "country", "full_exchange_name"):
        checks.text(name, getattr(security, name))


def _check_allocation(limit: AllocationSettingChanged) -> None:
    if limit.key in ALLOCATION_FRACTIONS:
        checks.fraction(limit.key, limit.value)
    if limit.key == "satellite_budget_pct" and limit.value > BUDGET_MAX:
        raise Refused(
            "budget", f"satellite_budget_pct is {limit.value:f}", hint=f"Satellites may have up to {BUDGET_MAX}."
        )


def _with_flags(fields: dict[str, Any]) -> dict[str, Any]:  # fields of a security
    """Truth as 0 and 1, as the log keeps it."""
    return {name: int(value) if isinstance(value, bool) else value for name, value in fields.items()}
