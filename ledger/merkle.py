"""A Merkle tree over the hashes of the events, after RFC 6962: roots, inclusion proofs, consistency proofs.

A leaf is SHA-256(0x00 || event hash), a node SHA-256(0x01 || left || right); a tree of n leaves splits at the largest power of
two smaller than n. Functions here take `subtree(start, size)`, the hash of a complete, aligned subtree of `size` leaves (a
power of two) that begins at leaf `start` (counted from 0), so that whoever keeps such hashes need not read all events.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256

Subtree = Callable[[int, int], bytes]

EMPTY_ROOT = sha256().digest()


def leaf(event_hash: bytes) -> bytes:
    """The leaf of an event."""
    return sha256(b"\x00" + event_hash).digest()


def node(left: bytes, right: bytes) -> bytes:
    """The node above two others."""
    return sha256(b"\x01" + left + right).digest()


def complete(leaves: Sequence[bytes]) -> bytes:
    """The root of a complete subtree: the number of leaves is a power of two."""
    level = list(leaves)
    while len(level) > 1:
        level = [node(level[index], level[index + 1]) for index in range(0, len(level), 2)]
    return level[0]


def root(size: int, subtree: Subtree) -> bytes:
    """The root of the tree of the first `size` events."""
    return _range_root(0, size, subtree) if size else EMPTY_ROOT


def inclusion(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """The audit path of leaf `index` in the tree of `size` leaves, from the bottom up (RFC 6962, 2.1.1)."""
    assert 0 <= index < size, f"leaf {index} is not in a tree of {size}"
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_range_root(middle, end, subtree))
            end = middle
        else:
            path.append(_range_root(start, middle, subtree))
            start = middle
    return path[::-1]


def consistency(old: int, new: int, subtree: Subtree) -> list[bytes]:
    """The proof that the tree of `new` leaves begins with the tree of `old` leaves (RFC 6962, 2.1.2)."""
    assert 0 < old <= new, f"no proof from {old} to {new}"
    return _consistency(old, 0, new, subtree, whole=True)


def _consistency(old: int, start: int, end: int, subtree: Subtree, *, whole: bool) -> list[bytes]:
    """`whole`: the old tree is, so far, the tree that the verifier knows the root of."""
    size = end - start
    if old == size:
        return [] if whole else [_range_root(start, end, subtree)]
    middle = _split(size)
    if old <= middle:
        right = _range_root(start + middle, end, subtree)
        return [*_consistency(old, start, start + middle, subtree, whole=whole), right]
    left = _range_root(start, start + middle, subtree)
    return [*_consistency(old - middle, start + middle, end, subtree, whole=False), left]


def _range_root(start: int, end: int, subtree: Subtree) -> bytes:
    """The root over the leaves from `start` to `end`, where `start` is aligned to the tree's splits."""
    size = end - start
    if size & (size - 1) == 0:
        return subtree(start, size)
    middle = start + _split(size)
    return node(subtree(start, middle - start), _range_root(middle, end, subtree))


def _split(size: int) -> int:
    """The largest power of two smaller than `size`."""
    return 1 << (size - 1).bit_length() - 1
