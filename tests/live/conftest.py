"""A small legacy folder to be watched."""

from __future__ import annotations

import pytest

from tests.legacy import Legacy, bar, cash_flow, position, security, trade


@pytest.fixture
def full(legacy: Legacy) -> Legacy:
    """A folder with securities, trades, a position that agrees with them, and prices."""
    legacy.write("config.db", "config_v12", securities=[security("AAPL.US")])
    legacy.write("ledger.db", "ledger_v4", trades=[trade("T1")], cash_flows=[cash_flow("C1")])
    legacy.write("state.db", "state_v4", positions=[position("AAPL.US", 10)])
    return legacy.write("history/AAPL_US.db", "history_v1", daily_prices=[bar("2025-01-02"), bar("2025-01-03")])
