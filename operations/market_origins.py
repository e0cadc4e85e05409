"""The legacy rows behind blocks of bars and ticks: found by what the user names, and written as the legacy file has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from domain.errors import LedgerError
from domain.event import decode
from domain.market import MICROSECONDS, MarketBlock
from domain.moments import zone
from ledger.log import Log, Stored
from ledger.origins import blocks_from
from replay import provenance
from replay.provenance import Provenance

Cells = dict[str, Any]  # cells of a legacy row
# The legacy names of what a block holds under another one.
_FIELDS = {"oi": "open_interest"}
_SYMBOLS = ("symbol", "instrument_key")
_ROWS_MAX = 100


class Held(NamedTuple):
    """A row that a block holds. place: which one."""

    stored: Stored
    block: MarketBlock
    place: int


def verbatim(block: MarketBlock, source: Provenance, place: int) -> Cells:
    """A row of a block as the legacy table had it; a naive time in the zone in which it was read."""
    row: Cells = {}
    for column in source.columns or []:
        field = _FIELDS.get(column, column)
        if column in block.extra:
            row[column] = _at(block.extra[column], place)
        elif column in _SYMBOLS:
            row[column] = block.symbol
        elif field in block.__struct_fields__ and field not in ("time", "session"):
            row[column] = _at(getattr(block, field), place)
        else:
            row[column] = str(moment_of(block, place).astimezone(_zone(source, block)).replace(tzinfo=None))
    return row


def key_of(block: MarketBlock, source: Provenance, place: int) -> list[Any]:
    """The cells that name a row: instrument, timeframe where the table says it, and time."""
    row = verbatim(block, source, place)
    return [
        block.symbol, *([row["timeframe"]] if "timeframe" in row else []),
        str(moment_of(block, place).astimezone(_zone(source, block)).replace(tzinfo=None)),
    ]  # fmt: skip


def column_of(source: Provenance, block: MarketBlock, column: str) -> str | None:
    """The legacy column that a column of candles or ticks shows."""
    columns = source.columns or []
    if column in ("time", "session"):
        return next((name for name in columns if name not in block.extra and _is_time(block, name)), None)
    names = _SYMBOLS if column == "symbol" else (column, *(name for name, field in _FIELDS.items() if field == column))
    return next((name for name in columns if name in names), None)


def moment_of(block: MarketBlock, place: int) -> datetime:
    """When a row of a block was, aware."""
    midnight = datetime.fromisoformat(block.session)
    local = midnight + timedelta(microseconds=block.time[place] * MICROSECONDS[block.unit])
    return local.replace(tzinfo=zone(block.zone))


def held(log: Log, file: str, table: str, key: Sequence[str], cells: Mapping[str, str]) -> list[Held] | None:
    """The rows of a table of bars or ticks that are named so; None where a table is none of these.

    key: the instrument, the timeframe where the table says one, and the time, as the table has it or with a zone. cells: the
    same, or more of the row, by column. Raises LedgerError when they name no row and none was only kept.
    """
    symbol = key[0] if key else next((cells[name] for name in _SYMBOLS if name in cells), "")
    is_market, found = blocks_from(log, file, table, symbol)
    if not is_market:
        return None
    rows = [row for stored in found for row in _of_block(stored, key, cells)]
    if not found or 0 < len(rows) <= _ROWS_MAX:
        return rows
    first = next(decoded for stored in found if isinstance(decoded := decode(stored.topic, stored.state), MarketBlock))
    assert found[0].source is not None
    source = provenance.decode(found[0].source)
    example = " ".join(f"'{part}'" for part in key_of(first, source, 0))
    named = " ".join([*key, *(f"{name}={cell}" for name, cell in cells.items())])
    raise LedgerError(
        f"{f'{len(rows):,} rows' if rows else 'nothing'} came from {named} of {table} in {file}",
        hint=f"Name instrument and time as the table has them: {example}.",
    )


def _of_block(stored: Stored, key: Sequence[str], cells: Mapping[str, str]) -> Iterator[Held]:
    block = decode(stored.topic, stored.state)
    assert isinstance(block, MarketBlock)
    assert stored.source is not None
    source = provenance.decode(stored.source)
    wanted = _read(key[-1], _zone(source, block)) if len(key) > 1 else None
    for place in range(block.count):
        if key and (wanted is None or moment_of(block, place) != wanted):
            continue
        row = verbatim(block, source, place)
        is_of_timeframe = len(key) <= 2 or key[1] in (row.get("timeframe"), getattr(block, "timeframe", None))
        if is_of_timeframe and all(_same(row.get(name), cell) for name, cell in cells.items()):
            yield Held(stored, block, place)


def _same(cell: object, said: str) -> bool:
    return str(cell) == said or (isinstance(cell, int | float) and _number(said) == cell)


def _number(said: str) -> float | None:
    try:
        return float(said)
    except ValueError:
        return None


def _read(said: str, local: ZoneInfo) -> datetime | None:
    try:
        moment = datetime.fromisoformat(said)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=local)


def _zone(source: Provenance, block: MarketBlock) -> ZoneInfo:
    return zone(source.zone or block.zone)


def _is_time(block: MarketBlock, column: str) -> bool:
    field = _FIELDS.get(column, column)
    return column not in _SYMBOLS and (field not in block.__struct_fields__ or field == "time")


def _at(column: Any, place: int) -> Any:  # a column of a block, and its cell
    return column[place] if isinstance(column, list) else column
