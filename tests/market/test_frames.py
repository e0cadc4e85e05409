"""Market data as tables of Arrow, pandas and polars: types, zone, order and rows are alike, also when there are no rows."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, NamedTuple

import pytest

from domain.errors import LedgerError
from operations.market.feed import MarketFeed
from operations.market.queries import Candle, MarketData, Tick
from operations.market.rollover import roll_over
from tests.market.market import DAY, EVER, NEXT, NIFTY, STOCK, at, bars, feed_bars

ZONE = "Asia/Kolkata"
LARGE = (1 << 53) + 1  # no double is that number
WHOLE = ("volume", "sequence", "open_interest")

Rows = list[tuple[Any, ...]]


class Form(NamedTuple):
    """One library: what a table of it holds as Python values, its types by column, and what those shall be."""

    rows: Callable[[Any], Rows]
    types: Callable[[Any], dict[str, Any]]
    moment: Any
    whole: Any
    truth: Any
    real: Any

    def expected(self, names: tuple[str, ...]) -> dict[str, Any]:
        own = {"timestamp": self.moment, "is_synthetic": self.truth, **dict.fromkeys(WHOLE, self.whole)}
        return {name: own.get(name, self.real) for name in names}


# Each is imported where it is needed: together they cost seconds, in each process that only collects tests.
def arrow() -> Form:
    import pyarrow as pa

    return Form(
        lambda table: [tuple(row.values()) for row in table.to_pylist()],
        lambda table: dict(zip(table.schema.names, table.schema.types, strict=True)),
        pa.timestamp("us", tz=ZONE), pa.int64(), pa.bool_(), pa.float64(),
    )  # fmt: skip


def polars() -> Form:
    import polars as pl

    return Form(
        lambda frame: frame.rows(), lambda frame: dict(frame.schema),
        pl.Datetime("us", ZONE), pl.Int64(), pl.Boolean(), pl.Float64(),
    )  # fmt: skip


def pandas() -> Form:
    import pandas as pd

    def rows(frame: Any) -> Rows:
        columns = [[None if pd.isna(one) else one for one in frame[name]] for name in frame.columns]
        return list(zip([one.to_pydatetime() for one in columns[0]], *columns[1:], strict=True))

    return Form(
        rows, lambda frame: {name: str(kind) for name, kind in frame.dtypes.items()},
        f"datetime64[us, {ZONE}]", "Int64", "bool", "float64",
    )  # fmt: skip


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MarketData]:
    """A session in history and one that is live; a volume that is missing and one that no double can hold."""
    home = tmp_path_factory.mktemp("home")
    with MarketFeed(home) as feed:
        feed.bar(NIFTY, "1m", 1.0, 2.0, 0.5, 1.5, None, time=at(DAY, "09:15:00"))
        feed.bar(NIFTY, "1m", 1.0, 2.0, 0.5, 1.5, LARGE, time=at(DAY, "09:16:00"), is_synthetic=True, open_interest=7)
        feed.tick(STOCK, 1.5, 10, time=at(DAY, "09:15:00.250000"), bid=1.25)
    roll_over(home)
    with MarketFeed(home) as feed:
        feed_bars(feed, bars(NEXT))
        for number in range(3):
            feed.tick(STOCK, 2.0 + number, LARGE, time=at(NEXT, "09:15:00"))
    with MarketData(home) as found:
        yield found


@pytest.mark.parametrize(("to", "of"), [("arrow", arrow), ("polars", polars), ("pandas", pandas)])
def test_a_table_has_the_rows_in_their_order_with_zone_and_types(
    market: MarketData, to: Any, of: Callable[[], Form]
) -> None:
    form, seam = of(), at(NEXT, "00:00:00")
    asked = {
        Candle: lambda start, end, how: market.candles(NIFTY, "1m", start, end, to=how),
        Tick: lambda start, end, how: market.ticks(STOCK, start, end, to=how),
    }
    for kind, ask in asked.items():
        for start, end in (EVER, (EVER[0], seam), (seam, EVER[1]), (EVER[0], EVER[0] + timedelta(days=1))):
            table, rows = ask(start, end, to), ask(start, end, "rows")
            found = form.rows(table)
            assert [tuple(row) for row in rows] == found, (kind, start)
            assert form.types(table) == form.expected(kind._fields), (kind, start)
            assert all(row[0].utcoffset() == timedelta(hours=5, minutes=30) for row in found)
        assert rows == []  # of the last of them
        assert len(ask(*EVER, "rows")) > len(ask(seam, EVER[1], "rows")) > 0


def test_resampled_bars_are_tables_too(market: MarketData) -> None:
    expected = market.candles(NIFTY, "5m", *EVER)
    assert len(expected) == 2
    assert market.candles(NIFTY, "5m", *EVER, to="polars").rows() == [tuple(row) for row in expected]


@pytest.mark.parametrize(("to", "package"), [("arrow", "pyarrow"), ("pandas", "pandas"), ("polars", "polars")])
def test_a_library_that_is_not_installed_is_named(
    market: MarketData, monkeypatch: pytest.MonkeyPatch, to: Any, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)  # as Python itself marks what is not there
    with pytest.raises(LedgerError, match=rf"^{package} is not installed$") as caught:
        market.candles(NIFTY, "1m", *EVER, to=to)
    assert f"pip install {package}" in caught.value.hint
    assert len(market.candles(NIFTY, "1m", *EVER)) == 7  # rows need none of them
