"""The moves of one symbol in order, in blocks that know whether they can be skipped: a change in the past is judged fast."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from domain.entries.holding import SPLIT, ZERO, Held, Move, after_move

BLOCK_MAX = 128


class Placed(NamedTuple):
    """A move with its place: when, and the position in the log of the event that brought it in."""

    at: str
    position: int
    stream: str
    move: Move


class Change(NamedTuple):
    """What is to be tried: the move of a stream goes, and another one comes, or only one of the two."""

    goes: Placed | None
    comes: Placed | None


class Block:
    """Some moves in their order.

    need: with as many shares before them, or more, none is sold that is not held; net: how many more there are then.
    plain: both say all; a block with a split or a short sale must be counted move by move.
    """

    def __init__(self, moves: list[Placed]) -> None:
        self.moves = moves
        self.need = self.net = ZERO
        self.plain = True
        for one in moves:
            self._count(one.move)

    def append(self, one: Placed) -> None:
        """One more move, after all others."""
        self.moves.append(one)
        self._count(one.move)

    def _count(self, move: Move) -> None:
        if move.kind == SPLIT or move.short:
            self.plain = False
        self.net += move.quantity if move.kind == "BUY" else -move.quantity
        self.need = max(self.need, -self.net)


class Timeline:
    """The moves of one symbol."""

    def __init__(self, moves: Iterable[Placed]) -> None:
        ordered = sorted(moves)
        self.size = len(ordered)
        starts = range(0, self.size, BLOCK_MAX)
        self._blocks = [Block(ordered[start : start + BLOCK_MAX]) for start in starts] or [Block([])]

    def put(self, change: Change) -> None:
        """Make a change."""
        if change.goes is not None:
            self._remove(change.goes)
        if change.comes is None:
            return
        self.size += 1
        last = self._blocks[-1]
        if not last.moves or change.comes > last.moves[-1]:
            if len(last.moves) < BLOCK_MAX:
                last.append(change.comes)
            else:
                self._blocks.append(Block([change.comes]))
            return
        number = self._block_of(change.comes)
        moves = self._blocks[number].moves
        insort(moves, change.comes)
        middle = len(moves) // 2
        parts = [moves] if len(moves) <= 2 * BLOCK_MAX else [moves[:middle], moves[middle:]]
        self._blocks[number : number + 1] = map(Block, parts)

    def _remove(self, goes: Placed) -> None:
        number = self._block_of(goes)
        left = [one for one in self._blocks[number].moves if one != goes]
        if left or len(self._blocks) == 1:
            self._blocks[number] = Block(left)
        else:
            del self._blocks[number]  # an empty one would have no place among the others
        self.size -= 1

    def total(self, change: Change | None = None) -> Held:
        """What is held after all moves, if this change were made."""
        goes = comes = -1
        if change is not None and change.goes is not None:
            goes = self._block_of(change.goes)
        if change is not None and change.comes is not None:
            comes = self._block_of(change.comes)
        held = Held()
        for number, block in enumerate(self._blocks):
            if number not in {goes, comes} and block.plain and held.quantity >= block.need:
                held = Held(held.quantity + block.net, held.oversold)
                continue
            moves = block.moves
            if change is not None and number == goes:
                moves = [one for one in moves if one != change.goes]
            if change is not None and change.comes is not None and number == comes:
                moves = sorted([*moves, change.comes])
            for one in moves:
                held = after_move(held, one.move)
        return held

    def lacking(self, change: Change) -> Decimal:
        """How many more shares would be sold that are not held, if this change were made."""
        return self.total(change).oversold - self.total().oversold

    def _block_of(self, one: Placed) -> int:
        """The block that holds the move, or that it belongs into."""
        firsts = [block.moves[0] if block.moves else one for block in self._blocks]
        return max(bisect_right(firsts, one) - 1, 0)
