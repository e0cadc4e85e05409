"""`audit show` of a trade: the lots that it opened and the gains that it made, as they are now."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from operations.rebuilding import catch_up_all
from tests.cli.program import run
from tests.entries.given import opened, trade

Cells = dict[str, Any]


def shown(home: Path, position: int) -> dict[str, list[Cells]]:
    found: dict[str, list[Cells]] = {}
    for row in json.loads(run("audit", "show", position, "--json", home=home).stdout)["produced"]:
        found.setdefault(row["place"], []).append(row["cells"])
    return found


def test_a_trade_lists_the_lots_and_the_gains_that_it_made(tmp_path: Path) -> None:
    home = tmp_path / "home"
    days = ("2026-01-01T10:00:00Z", "2026-01-02T10:00:00Z", "2026-01-03T10:00:00Z")
    with opened(home) as ledger:
        ledger.record([
            trade("B-1", quantity="3", at=days[0]), trade("B-2", quantity="4", price="110", at=days[1]),
            trade("S-1", "SELL", "5", price="120", at=days[2]),
        ])  # fmt: skip
    catch_up_all(home, tell=lambda *_: None)
    bought, sold = shown(home, 2), shown(home, 3)
    (lot,) = bought["portfolio.lot_entries"]
    assert (lot["stream"], lot["quantity"], lot["remaining"]) == ("trade:B-2", "4", "2")
    assert "portfolio.realized_gains" not in bought
    assert "portfolio.lot_entries" not in sold
    gains = [
        (one["method"], one["part"], one["opened_position"], one["gain"]) for one in sold["portfolio.realized_gains"]
    ]
    assert gains == [("average", 1, None, 71.42857143), ("fifo", 1, 1, 60.0), ("fifo", 2, 2, 20.0)]


def test_a_trade_of_which_another_symbol_is_known_now_lists_the_lot_of_that(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with opened(home) as ledger:
        ledger.record([trade("B-1"), {"entry": "correct", "what": "B-1", "changes": {"symbol": "C.US"}}])
    catch_up_all(home, tell=lambda *_: None)
    assert [one["symbol"] for one in shown(home, 1)["portfolio.lot_entries"]] == ["C.US"]
