"""The shares held of each symbol that is being traded, kept up to date while entries are accepted."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import apsw

from domain.entries.holding import ZERO, Held, Move, after_move
from domain.entries.timeline import Change, Placed, Timeline
from ledger.log import Log
from migrations import script
from projections import catalog
from projections.engine import catch_up, model_path
from projections.profiles import open_reading
from projections.trouble import explained

_MODEL = "portfolio"
_BUFFER_MAX = 5_000
_TIMELINE_MOVES_MAX = 50_000
_OF_MODEL = (
    "SELECT executed_at, position, stream, side, quantity, price, short FROM holding_trades WHERE symbol = ? "
    "ORDER BY executed_at, position"
)
_ADD = "INSERT INTO moves (symbol, at, position, stream, kind, quantity, per, short) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_PLACE = "SELECT at, kind, quantity, per, short, stream, position FROM moves WHERE symbol = ? AND stream = ?"
_DROP = "DELETE FROM moves WHERE symbol = ? AND stream = ?"
_IN_ORDER = "SELECT at, kind, quantity, per, short, stream, position FROM moves WHERE symbol = ? ORDER BY at, position"
_NEXT = 2**62
"""A place behind every event that has one."""

Row = tuple[str, str, int, str, str, str, str, int]


class Shares:
    """What is held of each symbol. A symbol is read from the read model when it is first asked for, and followed from then on.

    The moves themselves stand in a temporary database, so that a hundred thousand entries take no more memory than ten. Those
    of a symbol are taken from there when the past changes: a trade that is earlier than others, corrected, or void.
    """

    def __init__(self, log: Log, home: Path) -> None:
        self._log, self._home = log, home
        self._db = apsw.Connection("")
        self._db.execute(script("entering", "temp_moves.sql"))
        self._db.execute("BEGIN")
        self._model: apsw.Connection | None = None
        self._held: dict[str, Held] = {}
        self._last: dict[str, str] = {}
        self._buffer: list[Row] = []
        self._timelines: dict[str, Timeline] = {}
        self._has_index = False

    def close(self) -> None:
        """Close both databases."""
        self._db.close()
        if self._model is not None:
            self._model.close()

    def oversold(self, symbol: str, stream: str, move: Move | None, *, is_new: bool) -> Decimal:
        """How many more shares would be sold that are not held, if the trade of this stream read so."""
        self._load(symbol)
        if is_new and move is not None:
            if move.kind == "BUY":
                return ZERO
            if move.at >= self._last[symbol]:
                before = self._now(symbol)
                return after_move(before, move).oversold - before.oversold
        return self._timeline(symbol).lacking(self._change(symbol, stream, move, _NEXT, is_new=is_new))

    def put(self, symbol: str, stream: str, move: Move | None, position: int, *, is_new: bool) -> None:
        """From now on the trade of this stream reads so; None: it never happened, or is of another symbol."""
        self._load(symbol)
        in_order = is_new and move is not None and move.at >= self._last[symbol]
        if not in_order or symbol in self._timelines:
            change = self._change(symbol, stream, move, position, is_new=is_new)
            self._timeline(symbol).put(change)
            position = change.comes.position if change.comes else position
        if not is_new:
            self._db.execute(_DROP, (symbol, stream))
        if move is not None:
            self._last[symbol] = max(self._last[symbol], move.at)
            self._add(symbol, stream, move, position)
        if not in_order or move is None:
            self._held.pop(symbol, None)
        elif symbol in self._held:
            self._held[symbol] = after_move(self._held[symbol], move)

    def _load(self, symbol: str) -> None:
        if symbol in self._last:
            return
        if self._model is None:
            self._model = self._opened()
        rows = self._model.execute(_OF_MODEL, (symbol,)).fetchall()
        self._db.executemany(_ADD, [(symbol, *row[:6], row[6] or 0) for row in rows])
        self._last[symbol] = str(rows[-1][0]) if rows else ""
        if not rows:
            self._held[symbol] = Held()

    def _opened(self) -> apsw.Connection:
        path = model_path(self._home, _MODEL)
        catch_up(catalog.find(_MODEL), self._log, path)
        with explained(path):
            return open_reading(path)

    def _now(self, symbol: str) -> Held:
        held = self._held.get(symbol)
        if held is None:
            held = self._held[symbol] = self._timeline(symbol).total()
        return held

    def _timeline(self, symbol: str) -> Timeline:
        """The moves of a symbol; only so many are kept at hand."""
        timeline = self._timelines.get(symbol)
        if timeline is None:
            self._look()
            timeline = Timeline(map(_placed, self._db.execute(_IN_ORDER, (symbol,))))
            while self._timelines and self._at_hand() + timeline.size > _TIMELINE_MOVES_MAX:
                self._timelines.pop(next(iter(self._timelines)))
            self._timelines[symbol] = timeline
        return timeline

    def _at_hand(self) -> int:
        return sum(one.size for one in self._timelines.values())

    def _change(self, symbol: str, stream: str, move: Move | None, position: int, *, is_new: bool) -> Change:
        """The change that it is in the timeline; what is corrected keeps its place among those of the same moment."""
        goes = None
        if not is_new:
            self._look()
            found = self._db.execute(_PLACE, (symbol, stream)).fetchone()
            goes = _placed(found) if found else None
        comes = None if move is None else Placed(move.at, goes.position if goes else position, stream, move)
        return Change(goes, comes)

    def _add(self, symbol: str, stream: str, move: Move, position: int) -> None:
        row = (symbol, move.at, position, stream, move.kind, str(move.quantity), str(move.per), int(move.short))
        self._buffer.append(row)
        if len(self._buffer) >= _BUFFER_MAX:
            self._flush()

    def _flush(self) -> None:
        if self._buffer:
            self._db.executemany(_ADD, self._buffer)
            self._buffer = []

    def _look(self) -> None:
        """Be ready to be asked for moves."""
        self._flush()
        if not self._has_index:
            self._db.execute(script("entering", "temp_moves_in_order.sql"))
            self._has_index = True


def _placed(row: Sequence[apsw.SQLiteValue]) -> Placed:
    at, kind, quantity, per, short, stream, position = row
    move = Move(str(at), str(kind), Decimal(str(quantity)), Decimal(str(per)), bool(short))
    return Placed(move.at, int(str(position)), str(stream), move)
