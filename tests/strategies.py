"""Hypothesis strategies for everything that events are made of, read from the annotations of the events."""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Literal, TypeVar

from hypothesis import strategies as st

from domain import catalog
from domain.event import Event
from domain.market import MarketBlock, SequenceNumber, TimeOfDay, ZoneName
from domain.moments import Date, Instant, Moment
from domain.prices import PriceBlock

E = TypeVar("E", bound=Event)

_FIRST, _LAST = date(1990, 1, 1), date(2060, 12, 31)

integers = st.integers(-(2**63), 2**63 - 1)
reals = st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(max_size=12)
dates = st.dates(_FIRST, _LAST).map(str)
instants = st.builds(
    "{}T{}.{:06}Z".format, dates, st.times().map(lambda time: time.strftime("%H:%M:%S")), st.integers(0, 999_999)
)
moments = st.one_of(instants, dates, dates.map(lambda day: day[:7]))
decimals = st.one_of(
    st.decimals(-(10**12), 10**12, places=2),
    st.decimals(-(10**6), 10**6, places=8),
    st.floats(-1e15, 1e15).map(lambda number: Decimal(repr(number))),  # as a legacy REAL becomes a Decimal
)
json_values = st.one_of(st.none(), integers, reals, texts)


def of(hint: Any) -> st.SearchStrategy[Any]:  # a type expression, and values of that type
    """Values of an annotation, as sane as the domain promises: finite numbers, integers that SQLite holds."""
    known: list[tuple[Any, st.SearchStrategy[Any]]] = [
        (Instant, instants), (Date, dates), (Moment, moments), (Decimal, decimals), (int, integers), (float, reals),
        (TimeOfDay, st.integers(0, 86_399)), (SequenceNumber, st.integers(1, 99)),
        (ZoneName, st.sampled_from(["Asia/Kolkata", "UTC"])),
        (str, texts), (bool, st.booleans()), (type(None), st.none()), (Any, json_values),
    ]  # fmt: skip
    for kind, values in known:
        if hint == kind:
            return values
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return st.one_of([of(argument) for argument in arguments])
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is tuple:
        return st.lists(of(arguments[0]), max_size=2).map(tuple)
    if origin is list:
        return st.lists(of(arguments[0]), max_size=4)
    if origin is dict:
        return st.dictionaries(of(arguments[0]), of(arguments[1]), max_size=3)
    raise AssertionError(f"no strategy for {hint}")


@functools.cache
def fields(event: type[Event]) -> Mapping[str, st.SearchStrategy[Any]]:
    """A strategy for each field of an event; valid time is always known, as it is for every legacy row."""
    hints = typing.get_type_hints(event, include_extras=True)
    return {name: of(hints[name]) for name in event.__struct_fields__} | {"occurred_at": moments}


def events(event: type[E], **fixed: st.SearchStrategy[Any]) -> st.SearchStrategy[E]:
    """Events of one type; `fixed` replaces the strategy of a field."""
    if issubclass(event, PriceBlock):
        return typing.cast("st.SearchStrategy[E]", blocks(event))
    if issubclass(event, MarketBlock):
        return typing.cast("st.SearchStrategy[E]", market_blocks(event))
    return st.builds(event, **{**fields(event), **fixed})


@st.composite
def blocks(draw: st.DrawFn, block: type[PriceBlock]) -> PriceBlock:
    """Price blocks: keys in order, and columns that are as long as they are, or one value for all rows."""
    key, width = ("date", 10) if "date" in block.__struct_fields__ else ("year_month", 7)
    keys = sorted(draw(st.sets(dates.map(lambda day: day[:width]), min_size=1, max_size=5)))
    stamps = instants.map(lambda stamp: stamp[:19])
    columns: dict[str, Any] = {}
    for name in block.__struct_fields__:
        if name not in (*PriceBlock.__struct_fields__, key):
            values = {"source": texts, "created_at": stamps}.get(name, reals)
            columns[name] = draw(values | st.lists(values, min_size=len(keys), max_size=len(keys)))
    return block(
        symbol=draw(texts), count=len(keys), copy=draw(st.none() | texts), occurred_at=keys[0], **{key: keys}, **columns
    )


@st.composite
def market_blocks(draw: st.DrawFn, block: type[MarketBlock]) -> MarketBlock:
    """Blocks of bars or ticks: columns that are as long as the block, or one value for all rows."""
    count = draw(st.integers(1, 5))
    own = draw(st.fixed_dictionaries({name: fields(block)[name] for name in ("symbol", "exchange", "session")}))
    if "sequence" in block.__struct_fields__:
        numbers = st.integers(1, 20)
        own["sequence"] = draw(numbers | st.lists(numbers, min_size=count, max_size=count))
    else:
        own["timeframe"] = draw(st.sampled_from(["1m", "5m", "1d"]))
    for name in set(block.__struct_fields__) - {*MarketBlock.__struct_fields__, "sequence", "timeframe"}:
        whole = name in ("volume", "open_interest")
        values = st.integers(0, 1 << 40) if whole else st.sampled_from([0, 1]) if name == "is_synthetic" else reals
        own[name] = draw(values | st.lists(values, min_size=count, max_size=count))
    times = draw(st.lists(st.integers(0, 86_399), min_size=count, max_size=count))
    return block(count=count, time=times, occurred_at=draw(instants), **own)


for _event in catalog.events().values():
    st.register_type_strategy(_event, events(_event))
st.register_type_strategy(Decimal, decimals)
