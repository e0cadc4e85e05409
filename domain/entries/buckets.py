"""Entries about buckets: the core and its satellites, their cash, their status."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from functools import lru_cache
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from domain.entries import checks
from domain.entries.base import Amount, Currency, Entry, Fact, Mode, Name, Standing
from domain.entries.refusal import Refused
from domain.moments import Instant, Moment
from domain.satellites import AllocationSettingChanged, BucketBalanceStated, BucketCashMoved, BucketDescribed
from domain.streams import stream

CORE = "core"
MAY_TRADE = frozenset({"accumulating", "active"})
BUDGET_MAX = Decimal("0.30")
"""What all satellites may have together (legacy facts 5.2)."""
EMPTY = Decimal("0.01")
_ENTERED_FROM = 2**48
"""Ids of entered transactions begin here, far above any row id of a legacy file."""
Status = Literal["research", "accumulating", "active", "hibernating"]


class BucketOpen(Entry, frozen=True, kw_only=True, tag="bucket-open"):
    """A bucket was opened; a satellite begins in research with a target of 0. target_pct and the others: fractions."""

    id: Name
    name: Name
    type: Literal["core", "satellite"] = "satellite"
    notes: str | None = None
    target_pct: Amount | None = None
    min_pct: Amount | None = None
    max_pct: Amount | None = None
    max_consecutive_losses: int = 5
    agent_id: Name | None = None
    status: Status | None = None

    def facts(self, standing: Standing) -> list[Fact]:
        """The bucket, one for each id."""
        core = self.type == CORE
        if core != (self.id == CORE):
            raise Refused("choice", f"bucket {self.id!r} is of type {self.type}: only `core` is the core")
        at = checks.moment(self.at, standing.clock)
        bucket = BucketDescribed(
            occurred_at=at, id=self.id, name=self.name, type=self.type, notes=self.notes,
            target_pct=self.target_pct if self.target_pct is not None or core else Decimal(0), min_pct=self.min_pct,
            max_pct=self.max_pct, consecutive_losses=0, max_consecutive_losses=self.max_consecutive_losses,
            high_water_mark=Decimal(0), status=self.status or ("active" if core else "research"),
            agent_id=self.agent_id, created_at=at,
        )  # fmt: skip
        checkbucket_stream(bucket, standing)
        return [Fact(bucket_stream(self.id), bucket, Mode.ONCE)]


class BucketChange(Entry, frozen=True, kw_only=True, tag="bucket-change"):
    """A bucket was changed; fields that are left out stay as they are, null clears one."""

    id: Name
    name: Name | UnsetType = UNSET
    notes: str | UnsetType | None = UNSET
    target_pct: Amount | UnsetType = UNSET
    min_pct: Amount | UnsetType | None = UNSET
    max_pct: Amount | UnsetType | None = UNSET
    max_consecutive_losses: int | UnsetType = UNSET
    agent_id: Name | UnsetType | None = UNSET
    status: Status | UnsetType = UNSET

    def facts(self, standing: Standing) -> list[Fact]:
        """The bucket as it is from now on."""
        held = described(standing, self.id)
        changes = {
            name: value
            for name in self.__struct_fields__
            if name not in {"at", "key", "id"} and (value := getattr(self, name)) is not UNSET
        }
        if "status" in changes and changes["status"] != held.status:
            _check_change_of_status(held, str(changes["status"]))
        return [_changed(self, standing, held, **changes)]


class BucketPause(Entry, frozen=True, kw_only=True, tag="bucket-pause"):
    """A bucket stops trading until it is resumed."""

    id: Name

    def facts(self, standing: Standing) -> list[Fact]:
        """The bucket, paused."""
        held = described(standing, self.id)
        if held.status == "retired":
            raise Refused("bucket-status", f"bucket {self.id} is retired and stays so")
        return [_changed(self, standing, held, status="paused")]


class BucketResume(Entry, frozen=True, kw_only=True, tag="bucket-resume"):
    """A paused or hibernating bucket trades again: active when its target reaches its minimum, else accumulating."""

    id: Name

    def facts(self, standing: Standing) -> list[Fact]:
        """The bucket, trading."""
        held = described(standing, self.id)
        ready = (held.target_pct or 0) >= (held.min_pct or 0)
        if held.status in MAY_TRADE:
            return [_changed(self, standing, held)]
        if held.status not in {"paused", "hibernating"}:
            raise Refused("bucket-status", f"bucket {self.id} is {held.status}, neither paused nor hibernating")
        return [
            _changed(
                self, standing, held, status="active" if ready else "accumulating", consecutive_losses=0,
                loss_streak_paused_at=None,
            )
        ]  # fmt: skip


class BucketRetire(Entry, frozen=True, kw_only=True, tag="bucket-retire"):
    """A bucket that is paused and empty is closed for ever."""

    id: Name

    def facts(self, standing: Standing) -> list[Fact]:
        """The bucket, retired."""
        held = described(standing, self.id)
        if held.type == CORE:
            raise Refused("bucket-core", "the core cannot be retired")
        if held.status == "retired":
            return [_changed(self, standing, held)]
        if held.status != "paused":
            raise Refused("bucket-status", f"bucket {self.id} is {held.status}; only a paused one can be retired")
        for currency, amount in balances(standing, self.id).items():
            if abs(amount) > EMPTY:
                raise Refused("bucket-cash", f"bucket {self.id} still holds {amount:f} {currency}")
        return [_changed(self, standing, held, status="retired", target_pct=Decimal(0))]


class BucketTransfer(Entry, frozen=True, kw_only=True, tag="bucket-transfer"):
    """Cash moved from one bucket to another. It has no id of its own, so it needs a key."""

    from_bucket: Name
    to_bucket: Name
    amount: Amount
    currency: Currency
    description: str | None = None

    def facts(self, standing: Standing) -> list[Fact]:
        """Out of one, into the other, and both balances."""
        if self.key is None:
            raise Refused("identity", "the transfer has no key")
        checks.positive("amount", self.amount)
        checks.currency("currency", self.currency)
        checks.text("description", self.description)
        if self.from_bucket == self.to_bucket:
            raise Refused("choice", f"from_bucket and to_bucket are both {self.to_bucket}")
        at = checks.moment(self.at, standing.clock)
        _check_core_minimum(self, standing)
        name = stream("entry", self.key)
        out = booked(standing, self.from_bucket, "transfer_out", -self.amount, self.currency, at, f"{name}:out")
        into = booked(standing, self.to_bucket, "transfer_in", self.amount, self.currency, at, f"{name}:in")
        return [*out, *into]


def _check_core_minimum(transfer: BucketTransfer, standing: Standing) -> None:
    """What must stay in the core: all but the budget of the satellites."""
    if transfer.from_bucket != CORE:
        return
    setting = standing.newest(stream("allocation-setting", "satellite_budget_pct"))
    budget = setting.value if isinstance(setting, AllocationSettingChanged) else Decimal(0)
    held = [one for one in _all_balances(standing) if one.currency == transfer.currency]
    core = sum((one.balance for one in held if one.bucket_id == CORE), Decimal(0))
    least = (1 - budget) * sum((one.balance for one in held), Decimal(0))
    if core >= transfer.amount and core - transfer.amount < least:
        raise Refused(
            "core-minimum",
            f"{core - transfer.amount:f} {transfer.currency} would be left in the core, at least {least:f} must stay "
            f"(satellite_budget_pct is {budget:f})",
        )


def booked(
    standing: Standing, bucket: str, kind: str, change: Decimal, currency: str, at: Moment | None, name: str
) -> list[Fact]:
    """Cash into a bucket, or out of it when `change` is negative: the transaction and the new balance.

    name: what the transaction belongs to; the id follows from it, so that the same one cannot be booked twice.
    """
    held = standing.newest(bucket_stream(bucket))
    if not isinstance(held, BucketDescribed) and bucket != CORE:
        raise Refused("bucket-unknown", f"there is no bucket {bucket}")
    if isinstance(held, BucketDescribed) and held.status == "retired":
        raise Refused("bucket-status", f"bucket {bucket} is retired")
    balance = _balance(standing, bucket, currency)
    if change < 0 and balance + change < 0:
        raise Refused("funds", f"bucket {bucket} has {balance:f} {currency}, not {-change:f}")
    number = _number(name)
    moved = BucketCashMoved(
        occurred_at=at, id=number, bucket_id=bucket, type=kind, amount=change if kind == "reallocation" else abs(change),
        currency=currency, description=f"entered: {name}",
    )  # fmt: skip
    stated = BucketBalanceStated(occurred_at=at, bucket_id=bucket, currency=currency, balance=balance + change)
    return [
        Fact(stream("bucket-transaction", str(number)), moved, Mode.CHANGE),
        Fact(_balance_stream(bucket, currency), stated, Mode.CHANGE),
    ]


def booking(standing: Standing, name: str) -> BucketCashMoved | None:
    """The transaction that was booked in a bucket under this name."""
    found = standing.newest(stream("bucket-transaction", str(_number(name))))
    return found if isinstance(found, BucketCashMoved) else None


def _number(name: str) -> int:
    return _ENTERED_FROM + int.from_bytes(hashlib.sha256(name.encode()).digest()[:6], "big")


def described(standing: Standing, bucket: str) -> BucketDescribed:
    """The bucket as it is; refused when there is none."""
    held = standing.newest(bucket_stream(bucket))
    if not isinstance(held, BucketDescribed):
        raise Refused("bucket-unknown", f"there is no bucket {bucket}")
    return held


def check_may_trade(standing: Standing, bucket: str) -> None:
    """Only accumulating and active buckets trade; a core that nobody described is active."""
    held = standing.newest(bucket_stream(bucket))
    if held is None and bucket == CORE:
        return
    if not isinstance(held, BucketDescribed):
        raise Refused("bucket-unknown", f"there is no bucket {bucket}")
    if held.status not in MAY_TRADE:
        raise Refused("bucket-status", f"bucket {bucket} is {held.status}: only accumulating and active ones trade")


def balances(standing: Standing, bucket: str) -> dict[str, Decimal]:
    """What a bucket holds, by currency."""
    return {one.currency: one.balance for one in _all_balances(standing) if one.bucket_id == bucket}


def _all_balances(standing: Standing) -> list[BucketBalanceStated]:
    return [one for one in standing.newest_of_all("bucket-balance:") if isinstance(one, BucketBalanceStated)]


def _balance(standing: Standing, bucket: str, currency: str) -> Decimal:
    found = standing.newest(_balance_stream(bucket, currency))
    return found.balance if isinstance(found, BucketBalanceStated) else Decimal(0)


@lru_cache(maxsize=256)
def bucket_stream(bucket: str) -> str:
    """The stream of a bucket."""
    return stream("bucket", bucket)


def _balance_stream(bucket: str, currency: str) -> str:
    return stream("bucket-balance", bucket, currency)


def _changed(entry: Entry, standing: Standing, held: BucketDescribed, **changes: object) -> Fact:
    at: Instant = checks.moment(entry.at, standing.clock)
    bucket = msgspec.structs.replace(held, occurred_at=at, assumed=(), repaired=None, **changes)
    checkbucket_stream(bucket, standing)
    return Fact(bucket_stream(held.id), bucket)


def _check_change_of_status(held: BucketDescribed, wanted: str) -> None:
    if held.type == CORE and wanted == "hibernating":
        raise Refused("bucket-core", "the core cannot hibernate")
    if held.status in {"paused", "retired"}:
        raise Refused("bucket-status", f"bucket {held.id} is {held.status}")


def checkbucket_stream(bucket: BucketDescribed, standing: Standing) -> None:
    """What every bucket must be: fractions in order, and all satellites within their budget."""
    for name in ("target_pct", "min_pct", "max_pct"):
        checks.fraction(name, getattr(bucket, name))
    checks.ordered("min_pct and max_pct", bucket.min_pct, bucket.max_pct)
    checks.ordered("target_pct and max_pct", bucket.target_pct, bucket.max_pct)
    checks.text("name", bucket.name)
    checks.text("id", bucket.id)
    if bucket.type == CORE or not bucket.target_pct:
        return
    others = [
        one.target_pct or Decimal(0)
        for one in standing.newest_of_all("bucket:")
        if isinstance(one, BucketDescribed) and one.type != CORE and one.id != bucket.id and one.status != "retired"
    ]
    if sum(others, bucket.target_pct) > BUDGET_MAX:
        raise Refused(
            "budget", f"the satellites would have {sum(others, bucket.target_pct):f} of the portfolio together"
        )
