"""Every kind of entry, by its tag, and how one is read."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any

import msgspec

from domain.entries.advice import AgentConfig, Recommendation, RecommendationOutcome
from domain.entries.base import Entry
from domain.entries.buckets import BucketChange, BucketOpen, BucketPause, BucketResume, BucketRetire, BucketTransfer
from domain.entries.cash import Deposit, Dividend, Fee, Interest, Withdrawal
from domain.entries.changes import Correct, Void
from domain.entries.figures import ExchangeRate, Metric, MonthlyPrices, Prices, Score, Snapshot
from domain.entries.refusal import Refused
from domain.entries.trading import Split, Trade
from domain.entries.universe import (
    AllocationTarget,
    Security,
    SecurityChange,
    SecurityRemove,
    SecurityRestore,
    Setting,
)

KINDS: tuple[type[Entry], ...] = (
    Trade, Deposit, Withdrawal, Fee, Dividend, Interest, Split, Security, SecurityChange, SecurityRemove, SecurityRestore,
    Setting, AllocationTarget, BucketOpen, BucketChange, BucketTransfer, BucketPause, BucketResume, BucketRetire,
    AgentConfig, Score, Metric, Snapshot, Prices, MonthlyPrices, ExchangeRate, Recommendation, RecommendationOutcome,
    Correct, Void,
)  # fmt: skip


def tag_of(kind: type[Entry]) -> str:
    """The name of a kind of entry, such as `trade`."""
    return str(kind.__struct_config__.tag)


BY_TAG: dict[str, type[Entry]] = {tag_of(kind): kind for kind in KINDS}

_ANY: Any = reduce(or_, KINDS)  # a union made at run time
_decoder: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(_ANY)


def read_json(line: bytes | str) -> Entry:
    """The entry that one line of JSON holds; raises Refused when it is none."""
    try:
        return _decoder.decode(line)
    except UnicodeDecodeError as error:
        raise Refused("text", "the line is not UTF-8") from error
    except msgspec.MsgspecError as error:
        raise Refused("shape", _said(error)) from error
    except RecursionError as error:
        raise Refused("shape", "the line is nested too deeply") from error


def read_fields(fields: dict[str, Any], *, texts: bool = False) -> Entry:  # what a program or a command line hands in
    """The entry that these fields make, `entry` its kind; texts: all values are text and mean what they look like."""
    kind = fields.get("entry")
    # The union is taken apart anew at each call, which costs more than all else; it is for the message about a wrong kind.
    wanted = BY_TAG.get(kind, _ANY) if isinstance(kind, str) else _ANY
    try:
        entry: Entry = msgspec.convert(fields, wanted, strict=not texts)
    except msgspec.ValidationError as error:
        raise Refused("shape", _said(error)) from error
    return entry


def _said(error: Exception) -> str:
    text = str(error)
    what, _, where = text.partition(" - at `$.")
    if what.startswith("Invalid value ") and where == "entry`":
        return f"{what.removeprefix('Invalid value ')} is no kind of entry; known are {', '.join(sorted(BY_TAG))}"
    return f"{where.rstrip('`')}: {what}" if where else text
