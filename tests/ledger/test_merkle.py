"""The Merkle tree beside a plain reading of RFC 6962, and proofs that verify only for what they prove."""

from __future__ import annotations

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from ledger import merkle

sizes = st.integers(1, 70)


def hashes(count: int) -> list[bytes]:
    return [sha256(b"event %d" % number).digest() for number in range(count)]


def plain_root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + plain_root(leaves[:k]) + plain_root(leaves[k:])).digest()


def subtree_of(leaves: list[bytes]) -> merkle.Subtree:
    def subtree(start: int, size: int) -> bytes:
        assert start % size == 0, "only aligned subtrees are asked for"
        return merkle.complete([merkle.leaf(one) for one in leaves[start : start + size]])

    return subtree


def climbed(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes | None:
    """The root that an audit path leads to (RFC 9162, 2.1.3.2); None when the path has the wrong length."""
    fn, sn, found = index, size - 1, merkle.leaf(leaf)
    for step in path:
        if sn == 0:
            return None
        if fn & 1 or fn == sn:
            found = merkle.node(step, found)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            found = merkle.node(found, step)
        fn, sn = fn >> 1, sn >> 1
    return found if sn == 0 else None


def is_extension(old: int, new: int, old_root: bytes, new_root: bytes, proof: list[bytes]) -> bool:
    """RFC 9162, 2.1.4.2."""
    if old == new:
        return not proof and old_root == new_root
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not path:
        return False
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    first = second = path[0]
    for step in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            first, second = merkle.node(step, first), merkle.node(step, second)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            second = merkle.node(second, step)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and first == old_root and second == new_root


def test_the_root_of_nothing_is_the_hash_of_nothing() -> None:
    assert merkle.root(0, subtree_of([])) == sha256(b"").digest()


@given(sizes)
def test_the_root_is_that_of_the_rfc(size: int) -> None:
    assert merkle.root(size, subtree_of(hashes(size))) == plain_root(hashes(size))


@given(sizes, st.data())
def test_the_path_of_any_event_leads_to_the_root_and_that_of_another_does_not(size: int, data: st.DataObject) -> None:
    events, index = hashes(size), data.draw(st.integers(0, size - 1))
    path = merkle.inclusion(index, size, subtree_of(events))
    assert climbed(events[index], index, size, path) == plain_root(events)
    assert climbed(b"another", index, size, path) != plain_root(events)
    if path:
        place = data.draw(st.integers(0, len(path) - 1))
        bent = [*path[:place], sha256(path[place]).digest(), *path[place + 1 :]]
        assert climbed(events[index], index, size, bent) != plain_root(events)


@given(sizes, st.data())
def test_a_longer_log_is_proven_to_begin_with_a_shorter_one(size: int, data: st.DataObject) -> None:
    old, events = data.draw(st.integers(1, size)), hashes(size)
    proof = merkle.consistency(old, size, subtree_of(events))
    assert is_extension(old, size, plain_root(events[:old]), plain_root(events), proof)
    rewritten = [sha256(b"rewritten").digest(), *events[1:]]
    if old < size:
        assert not is_extension(old, size, plain_root(rewritten[:old]), plain_root(events), proof)
