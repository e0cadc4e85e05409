"""Writing one whole legacy folder."""

from __future__ import annotations

from pathlib import Path

from domain.errors import LedgerError
from operations.demo_legacy.advice import write_recommendations
from operations.demo_legacy.caches import write_caches
from operations.demo_legacy.cash import invent_flows
from operations.demo_legacy.catalogue import SECURITIES_MIN, invent_securities
from operations.demo_legacy.config import write_config
from operations.demo_legacy.files import Build
from operations.demo_legacy.history import write_history
from operations.demo_legacy.ledger_files import write_ledger
from operations.demo_legacy.leftovers import write_leftovers
from operations.demo_legacy.market import trading_days
from operations.demo_legacy.planner import write_planner
from operations.demo_legacy.planted import Planted
from operations.demo_legacy.satellites import write_satellites
from operations.demo_legacy.state import write_state
from operations.demo_legacy.trading import invent_trades


def write_legacy_folder(folder: Path, *, securities: int = 65, years: int = 10, dirt: bool = True) -> Planted:
    """Write a legacy data folder into a new or empty folder; the same arguments always give the same bytes.

    dirt: with the flaws that real folders have, each listed in what is returned; without it, everything agrees.
    """
    assert securities >= SECURITIES_MIN, f"the flaws need {SECURITIES_MIN} securities"
    assert years >= 1
    if folder.exists() and any(folder.iterdir()):
        raise LedgerError(f"{folder} is not empty", hint="Name a folder that does not exist yet.")
    build = Build(folder=folder, dirt=dirt)
    days = trading_days(years)
    universe = invent_securities(build, securities)
    closes = write_history(build, universe, days)
    trades = invent_trades(build, universe, days, closes)
    write_config(build, universe)
    write_ledger(build, trades, invent_flows(build, universe, days, trades))
    write_state(build, universe, days, closes, trades)
    write_satellites(build)
    write_planner(build, universe)
    write_recommendations(build, universe)
    write_caches(build, universe)
    if dirt:
        write_leftovers(build, universe)
    rows = {name: dict(tables) for name, tables in build.rows.items()}
    return Planted(folder=folder, rows=rows, price_files=build.price_files, flaws=tuple(build.flaws))
