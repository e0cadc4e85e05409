"""The price files below history/: one per security, named by every rule that was ever in use, and the left-overs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from operations.demo_legacy.catalogue import Security
from operations.demo_legacy.files import Build, Row, legacy_file
from operations.demo_legacy.market import Bars, daily_rows, monthly_rows, walk
from operations.demo_legacy.planted import FlawKind

DAILY = "date open_price high_price low_price close_price volume source created_at"
MONTHLY = "year_month avg_close avg_adj_close min_price max_price source created_at"
EARLIER = "2025-06-02 23:40:51"
EMPTY_TWIN, ZERO_BYTES, MONTHLY_ONLY = "HLVC", "KITE", "9866.HK"
STRANGER = "OLD_EXPORT_2"


def write_history(build: Build, securities: list[Security], days: list[str]) -> dict[str, list[float]]:
    """Write every price file and return the closes by symbol, for whatever else needs a price."""
    closes = {}
    for security in securities:
        bars = walk(security, days)
        closes[security.symbol] = bars.closes
        name = f"history/{file_name(security)}.db"
        rows = daily_rows(bars)
        if build.dirt and security.number == 1:
            spoil_rows(build, name, rows, bars.closes)
        write_file(build, name, rows, monthly_rows(bars.days, bars.closes))
        build.price_files[name] = security.symbol
        if build.dirt and security.number in {0, 3}:
            plant_earlier_file(build, security, bars)
    if build.dirt:
        plant_leftovers(build, days, closes[securities[0].symbol])
    return closes


def file_name(security: Security) -> str:
    """Name a price file by ISIN, by the old Python rule or by the Go rule, in turn."""
    if security.number % 3 == 0 and security.isin == security.true_isin:
        return security.true_isin
    return old_python_name(security.symbol) if security.number % 3 == 1 else security.symbol.replace(".", "_")


def old_python_name(symbol: str) -> str:
    """Name a file as Python did before 28 December 2025; NOVO-B.CO and NOVO.B.CO share a name."""
    return symbol.replace(".", "_").replace("-", "_")


def write_file(build: Build, name: str, daily: Iterable[Row], monthly: Iterable[Row]) -> None:
    """Write one price file."""
    with legacy_file(build, name, "history_v1", version=1) as file:
        file.insert("daily_prices", DAILY, daily)
        file.insert("monthly_prices", MONTHLY, monthly)


def spoil_rows(build: Build, name: str, rows: list[Row], closes: list[float]) -> None:
    """Put in the values that no bar should have: no range, a close above the high, a volume that is no integer."""

    def note(kind: FlawKind, row: int, said: str, **values: float | str | None) -> None:
        rows[row] = tuple((dict(zip(DAILY.split(), rows[row], strict=True)) | values).values())
        day = str(rows[row][0])
        build.flaw(kind, name, f"{day}: {said}", table="daily_prices", key=day)

    for row in (20, 21):
        note("null-ohlc", row, "only the close is known", open_price=None, high_price=None, low_price=None)
    for row in (40, 41, 42):
        note("close-outside-range", row, "the close is above the high", high_price=round(closes[row] * 0.9, 2))
    note("odd-volume", 60, "an empty text in place of the volume", volume="")
    note("odd-volume", 61, "a volume with a fraction", volume=1234.5)
    note("odd-volume", 62, "no volume", volume=None)


def plant_earlier_file(build: Build, security: Security, bars: Bars) -> None:
    """Leave the file of an earlier naming rule beside the present one: still in use (0), or renamed to .bak (3)."""
    kept = bars.days[: len(bars.days) * 3 // 5]
    closes = bars.closes[: len(kept)]
    name = f"history/{old_python_name(security.symbol)}.db"
    if security.number == 0:
        build.price_files[name] = security.symbol
        for row in (10, 11, 100):
            closes[row] = round(closes[row] * 1.01 + 0.01, 2)
            said = f"{security.symbol} {kept[row]}: the two files of this security have different closes"
            build.flaw("differing-close", name, said, table="daily_prices", key=kept[row])
    else:
        name += ".bak"
        build.flaw("bak-leftover", name, f"what remained when the file of {security.symbol} was renamed to its ISIN")
    columns = {field: getattr(bars, field)[: len(kept)] for field in ("opens", "highs", "lows", "volumes")}
    earlier = replace(bars, days=kept, closes=closes, **columns)
    rows = [(*row[:7], EARLIER) for row in daily_rows(earlier)]
    write_file(build, name, rows, monthly_rows(kept, closes, EARLIER))


def plant_leftovers(build: Build, days: list[str], closes: list[float]) -> None:
    """Leave four files that hold no daily prices of a known security."""
    stranger = f"history/{STRANGER}.db"
    prices = [(day, c, c, c, c, 1, "yahoo", EARLIER) for day, c in zip(days[:5], closes[:5], strict=True)]
    write_file(build, stranger, prices, [])
    build.flaw("unresolvable-file", stranger, "no security of this name is known")
    empty = f"history/{EMPTY_TWIN}.db"
    write_file(build, empty, [], [])
    build.price_files[empty] = EMPTY_TWIN
    build.flaw("empty-tables", empty, "both price tables are empty")
    monthly = f"history/{MONTHLY_ONLY.replace('.', '_')}.db"
    write_file(build, monthly, [], monthly_rows(days, closes))
    build.price_files[monthly] = MONTHLY_ONLY
    build.flaw("monthly-only", monthly, "the daily prices were trimmed away, the months are all there is")
    nothing = f"history/{ZERO_BYTES}.db"
    (build.folder / nothing).write_bytes(b"")
    build.flaw("empty-file", nothing, "a file of 0 bytes")
