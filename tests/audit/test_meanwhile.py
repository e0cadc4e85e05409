"""An answer is about one moment, though somebody records and catches up while it is being given."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from domain.errors import LedgerError
from domain.event import encode, topic_of
from domain.trading import TradeCorrected, TradeExecuted
from domain.universe import SettingChanged
from ledger.concerning import concerning
from ledger.log import Entry, Log, open_log
from ledger.querying import Wanted
from operations import market_now, masking, tables, tracing
from operations.exporting import export
from operations.past import diff
from operations.rebuilding import catch_up_all
from operations.tracing import trace
from tests.health.test_health import quiet
from tests.market.market import DAY, NIFTY, bars, fed
from tests.meanwhile import meanwhile

AT = "2026-01-05T10:00:00.000000Z"


def traded(home: Path, quantity: int, *, kind: type[TradeExecuted] = TradeExecuted, order_id: str = "T-1") -> None:
    event = kind(
        occurred_at=AT, symbol="A.US", side="BUY", quantity=Decimal(quantity), price=Decimal(1), order_id=order_id
    )
    with open_log(home, create=True, write=True) as log:
        log.append([Entry(f"trade:{order_id}", topic_of(kind), encode(event))])


def set_to(home: Path, value: str) -> None:
    """A secret, and what quotes it though its name does not tell."""
    settings = {"tradernet_api_secret": value, "remark": f"now it is {value}"}
    with open_log(home, create=True, write=True) as log:
        for key, one in settings.items():
            event = SettingChanged(occurred_at=AT, key=key, value=one)
            log.append([Entry(f"setting:{key}", topic_of(SettingChanged), encode(event))])


@pytest.fixture
def home(tmp_path: Path) -> Path:
    traded(tmp_path, 1)
    set_to(tmp_path, "first-pa55")
    catch_up_all(tmp_path, tell=quiet)
    return tmp_path


def corrected(home: Path) -> None:
    traded(home, 2, kind=TradeCorrected)
    set_to(home, "second-pa55")
    catch_up_all(home, tell=quiet)


def broken(home: Path, name: str, *key: str) -> list[str]:
    return [gap.reason for gap in trace(home, name, key).gaps if gap.is_broken]


@pytest.mark.parametrize(
    ("owner", "name", "row"),
    [
        (tables, "standing", ("config.settings", "tradernet_api_secret")),
        (tracing, "concerning", ("config.settings", "tradernet_api_secret")),
        (tracing, "concerning", ("ledger.trades", "T-1")),
    ],
)
def test_a_row_that_changes_while_it_is_traced_is_no_broken_link(
    home: Path, monkeypatch: pytest.MonkeyPatch, owner: object, name: str, row: tuple[str, str]
) -> None:
    done = meanwhile(monkeypatch, owner, name, lambda: corrected(home))
    assert broken(home, *row) == []
    assert done


def test_a_row_of_the_ledgers_own_tables_that_changes_while_it_is_traced_is_no_broken_link(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, done = Log.rows_of_view, list[bool]()

    def rows_of_view(log: Log, view: str) -> tuple[Any, Iterator[Any]]:
        columns, rows = real(log, view)
        found = list(rows)
        if not done:
            done.append(True)
            corrected(home)
        return columns, iter(found)

    monkeypatch.setattr(Log, "rows_of_view", rows_of_view)
    assert broken(home, "ledger.trades", "T-1") == []
    assert done


def test_trades_that_are_recorded_all_the_time_keep_no_row_from_being_traced(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = Log.rows_of_view, list[int]()

    def rows_of_view(log: Log, view: str) -> tuple[Any, Iterator[Any]]:
        calls.append(1)
        assert len(calls) < 50
        traded(home, 1, order_id=f"T-{len(calls) + 1}")
        return real(log, view)

    monkeypatch.setattr(Log, "rows_of_view", rows_of_view)
    assert broken(home, "ledger.trades", "T-1") == []
    assert len(calls) == 2
    with pytest.raises(LedgerError, match="never had a row T-0"):
        trace(home, "ledger.trades", ["T-0"])


def test_a_row_is_looked_for_once_when_nothing_is_recorded(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = list[int]()

    def looked_for(*arguments: Any, **named: Any) -> Any:
        calls.append(1)
        return concerning(*arguments, **named)

    monkeypatch.setattr(tracing, "concerning", looked_for)
    assert broken(home, "ledger.trades", "T-1") == []
    assert len(calls) == 1


def test_a_bar_that_is_recorded_again_while_it_is_traced_is_no_broken_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fed(tmp_path, bars(DAY, 2))
    catch_up_all(tmp_path, tell=quiet)

    def again() -> None:
        fed(tmp_path, bars(DAY, 2, price=200.0))
        catch_up_all(tmp_path, tell=quiet)

    key = (NIFTY, "1m", DAY, "09:15:00")
    assert broken(tmp_path, "trading-bot/market-data.candles", *key) == []
    done = meanwhile(monkeypatch, market_now, "History", again, before=True)
    assert broken(tmp_path, "trading-bot/market-data.candles", *key) == []
    assert done


def test_what_is_recorded_between_two_looks_is_no_difference_between_two_times(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = meanwhile(monkeypatch, Log, "head", lambda: traded(home, 7, kind=TradeCorrected))
    found, _ = diff(home, "2026-02-01", "2026-03-01", "ledger.trades", [], known_at=(None, None), rows_max=10)
    assert found == []
    assert done


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_a_secret_that_is_recorded_while_an_export_begins_is_masked(
    home: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    done = meanwhile(monkeypatch, export, "open_log", lambda: set_to(home, "second-pa55"), before=True)
    stream = BytesIO()
    export.to_stream(home, export.Order(form=form, wanted=Wanted()), stream)
    assert b"pa55" not in stream.getvalue()
    assert b"now it is" in stream.getvalue()
    assert done


def test_a_secret_that_is_recorded_while_the_secrets_are_looked_up_is_masked_from_then_on(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = meanwhile(monkeypatch, masking, "_looked_up", lambda: set_to(home, "second-pa55"))
    current = masking.Current(lambda: home, (), lambda: False)
    assert "first-pa55" not in current.mask.printed("first-pa55")
    assert "second-pa55" not in current.mask.printed(json.dumps({"value": "second-pa55"}))
    assert done


def test_secrets_are_looked_up_once_as_long_as_nothing_is_recorded(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = masking._looked_up, list[int]()

    def looked_up(*arguments: Any) -> Any:
        calls.append(1)
        return real(*arguments)

    monkeypatch.setattr(masking, "_looked_up", looked_up)
    current = masking.Current(lambda: home, (), lambda: False)
    for _ in range(5):
        assert current.mask
    assert len(calls) == 1
