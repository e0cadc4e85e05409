"""A row derived by itself is the row of the whole read model, whatever the log holds and whatever the moment."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import islice, product
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.advice import RecommendationIssued
from domain.agents import AgentConfigured
from domain.event import Event
from domain.moments import end_of
from domain.portfolio import PositionReconciled
from domain.prices import DailyPricesRecorded, PriceHistoryPurged
from domain.satellites import BucketDescribed
from domain.trading import (
    CashFlowBooked,
    CashFlowCorrected,
    CashFlowVoided,
    SharesSplit,
    SharesSplitVoided,
    TradeCorrected,
    TradeExecuted,
    TradeVoided,
)
from ledger.concerning import concerning, pages
from ledger.log import Log, open_log
from operations.tables import happened
from projections import catalog
from projections.deriving import Deriving
from projections.narrowing import ModelTable, declared_tables, events_of, find, written
from projections.projector import Projector
from projections.rebuilding import rebuild
from projections.schema import columns_by_table
from tests.audit.keyed import DAYS, RECORDED, Told, told, write
from tests.searching import examples

DAY = DAYS[0]
VALUES_MAX, KEYS_MAX = 4, 16
# Of one that is an index of files, the index: the files have tests of their own.
PROJECTORS = {one.name: replace(one, files=None) for one in catalog.projectors()}


@pytest.mark.parametrize("name", PROJECTORS)
def test_every_table_is_declared_by_what_writes_it(name: str) -> None:
    projector = PROJECTORS[name]
    declared = [table for row in projector.rows for table in written(row)]
    declared += [table.name for table in declared_tables(projector)]
    assert sorted(declared) == sorted(columns_by_table(name))
    for table in columns_by_table(name):
        about = find(name, table)
        assert {column for concern in about.concerns for column in concern.by} <= {*about.key}


def histories(projector: Projector) -> st.SearchStrategy[list[Told]]:
    return st.lists(st.sampled_from(events_of(projector)).flatmap(told), max_size=14)


def alone(log: Log, table: ModelTable, key: Mapping[str, Any], *, as_of: str | None, through: int) -> list[Any]:
    """The rows of a key, derived from the events that concern it."""
    with Deriving(table, log, as_of=as_of) as deriving:
        for page in pages(log, concerning(log, table.sought(key), through=through).positions, size=3):
            deriving.put(happened(page, as_of))
        return list(deriving.rows(key))


def all_of(log: Log, table: ModelTable, *, as_of: str | None, through: int) -> list[Any]:
    """All rows of a table, derived from the events of what writes it."""
    with Deriving(table, log, as_of=as_of) as deriving:
        deriving.put(happened(log.read(through=through, topics=deriving.topics), as_of))
        return list(deriving.rows())


def entire(path: Path, table: ModelTable) -> list[Any]:
    """All rows of a table of a whole read model, by plain SQL."""
    columns, key = (", ".join(f'"{column}"' for column in some) for some in (table.columns, table.key))
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return db.execute(f'SELECT {columns} FROM "{table.name}" ORDER BY {key}').fetchall()
    finally:
        db.close()


def keys_in(path: Path, tables: Sequence[ModelTable]) -> dict[str, list[Any]]:
    """The values that stand in columns of keys, in any table: a row that one table hides another may name."""
    found: dict[str, set[Any]] = {}
    for table in tables:
        for row in entire(path, table):
            for column in table.key:
                found.setdefault(column, set()).add(row[table.columns.index(column)])
    return {column: sorted(values, key=repr)[:VALUES_MAX] for column, values in found.items()}


def check(
    projector: Projector, facts: Sequence[Told], *, as_of: str | None = None, known_at: str | None = None
) -> None:
    """Rebuild the whole read model; then every row of every key, and of the first column of it, must come out alone."""
    with tempfile.TemporaryDirectory() as place:
        home, past = Path(place), Path(place) / "past" / projector.file
        write(home, facts)
        tables = [find(projector.name, one) for one in columns_by_table(projector.name)]
        with open_log(home) as log:
            rebuild(projector, log, home, as_of=as_of, known_at=known_at, into=home / "past")
            through = log.head().position if known_at is None else log.recorded_position(known_at)
            named = keys_in(past, tables)
            for table in tables:
                whole = entire(past, table)
                assert all_of(log, table, as_of=as_of, through=through) == whole
                for length in {1, len(table.key)}:
                    columns = table.key[:length]
                    for values in islice(product(*(named.get(column, []) for column in columns)), KEYS_MAX):
                        key = dict(zip(columns, values, strict=True))
                        rows = [
                            row for row in whole if all(row[table.columns.index(name)] == key[name] for name in key)
                        ]
                        assert alone(log, table, key, as_of=as_of, through=through) == rows


@pytest.mark.parametrize("name", PROJECTORS)
@settings(max_examples=examples(3))
@given(data=st.data())
def test_a_row_alone_is_the_row_of_the_whole(name: str, data: st.DataObject) -> None:
    facts = data.draw(histories(PROJECTORS[name]))
    as_of = data.draw(st.none() | st.sampled_from(DAYS).map(end_of))
    check(PROJECTORS[name], facts, as_of=as_of, known_at=data.draw(st.none() | st.sampled_from(RECORDED)))


def advice(uuid: str, day: str, symbol: str = "A.US", reason: str = "cheap") -> RecommendationIssued:
    return RecommendationIssued(
        uuid=uuid, symbol=symbol, side="BUY", reason=reason, portfolio_hash="p", created_at=f"{DAY}T10:00:00.000000Z",
        occurred_at=f"{day}T10:00:00.000000Z",
    )  # fmt: skip


def bought(symbol: str, kind: type[TradeExecuted] = TradeExecuted, side: Any = "BUY", **more: Any) -> TradeExecuted:
    return kind(
        symbol=symbol, side=side, quantity=Decimal(3), price=Decimal(10), occurred_at=f"{DAY}T10:00:00.000000Z", **more
    )


def fee(order: str, amount: int, kind: type[CashFlowBooked] = CashFlowBooked) -> CashFlowBooked:
    return kind(
        transaction_id=f"trade_fee_{order}", type_doc_id=1, transaction_type="trading_fee", amount=Decimal(amount),
        currency="EUR", occurred_at=DAY,
    )  # fmt: skip


def _found(difference: int) -> PositionReconciled:
    return PositionReconciled(
        symbol="A.US", derived_quantity=Decimal(1), difference=Decimal(difference), reason="split"
    )


LED: dict[str, tuple[str, list[tuple[str, Event]]]] = {
    "a rival with another uuid": ("cache", [("", advice("A", "2024-01-03")), ("", advice("B", "2024-01-02"))]),
    "a rival that turned to another symbol": (
        "cache",
        [
            ("", advice("A", "2024-01-02")),
            ("", advice("B", "2024-01-03")),
            ("", advice("B", "2024-01-04", symbol="C.US")),
        ],
    ),
    "a trade that was voided": (
        "portfolio", [("trade:1", bought("A.US")), ("trade:2", bought("A.US")), ("trade:1", TradeVoided(reason="never"))],
    ),
    "a trade that turned out to be of another symbol": (
        "portfolio", [("trade:1", bought("A.US")), ("trade:1", bought("B.US", TradeCorrected))],
    ),
    "the fee of a trade, corrected": (
        "portfolio",
        [
            ("trade:1", bought("A.US", currency="EUR")),
            ("trade:2", bought("A.US", side="SELL", currency="EUR")),
            ("cash-flow:f", fee("2", 1)),
            ("cash-flow:f", fee("2", 2, CashFlowCorrected)),
        ],
    ),
    "the fee of a trade, voided": (
        "portfolio",
        [
            ("trade:1", bought("A.US", currency="EUR")),
            ("trade:2", bought("A.US", side="SELL", currency="EUR")),
            ("cash-flow:f", fee("2", 1)),
            ("cash-flow:f", CashFlowVoided(reason="charged twice")),
        ],
    ),
    "a split that was voided": (
        "portfolio",
        [
            ("trade:1", bought("A.US")),
            ("split:1", SharesSplit(symbol="A.US", numerator=Decimal(2), denominator=Decimal(1), occurred_at="2024-01-05")),
            ("split:1", SharesSplitVoided(reason="never")),
        ],
    ),
    "a later reconciliation of the same position": (
        "portfolio", [("", _found(1)), ("", _found(0))],
    ),
    "a strategy that names a bucket": (
        "satellites",
        [
            ("", BucketDescribed(id="b", name="b", type="core", created_at=f"{DAY}T10:00:00.000000Z")),
            ("", AgentConfigured(id="s", name="s", toml_config="", bucket_id="b", created_at=f"{DAY}T10:00:00.000000Z")),
        ],
    ),
    "the bars that a purge counts": (
        "history",
        [
            ("", DailyPricesRecorded(symbol="A.US", count=2, date=DAYS[:2], close_price=[1.0, 2.0], occurred_at=DAY)),
            ("", PriceHistoryPurged(symbol="A.US", cleanup_reason="grace period over", occurred_at=DAYS[2])),
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("about", LED)
def test_what_concerns_a_row_without_naming_its_key_is_found(about: str) -> None:
    name, events = LED[about]
    check(PROJECTORS[name], [Told(stream, event, 0) for stream, event in events])
