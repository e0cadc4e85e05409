"""The hash chain says what the design says."""

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from ledger.chain import EMPTY, START, Head, chained, frame, next_hash
from tests.ledger.samples import framed

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
DRAFTS = st.lists(
    st.tuples(TEXTS, st.integers(1, 10**6), TEXTS, TEXTS.map(str.encode), st.none() | TEXTS.map(str.encode)),
    max_size=8,
)


def test_a_known_event_has_the_hash_that_sha256sum_gives() -> None:
    # (head -c 32 /dev/zero; printf '1:1,10:trade:T-é,1:1,15:trade-voided.v1,27:2026-11-…Z,2:{},-,') | sha256sum
    known = "1f8e76faa1efcd79f8b791aab7a78a164a04436b8c478c770c22e7778124bc9e"
    found = next_hash(START, 1, "trade:T-é", 1, "trade-voided.v1", "2026-11-20T12:00:00.000000Z", "{}", None)
    assert found.hex() == known


def test_frames_tell_null_from_empty_and_numbers_from_nothing() -> None:
    assert [frame(None), frame(""), frame(0), frame("é"), frame(b"\0")] == [
        b"-,",
        b"0:,",
        b"1:0,",
        b"2:\xc3\xa9,",
        b"1:\0,",
    ]


@given(position=st.integers(0, 10**12), drafts=DRAFTS, recorded_at=TEXTS)
def test_the_fast_way_to_the_hash_is_the_plain_way(
    position: int, drafts: list[tuple[str, int, str, bytes, bytes | None]], recorded_at: str
) -> None:
    previous = START
    for place, row in enumerate(chained(Head(position, START), drafts, recorded_at), start=position + 1):
        stream, version, topic, state, source = drafts[place - position - 1]
        texts = (state.decode(), None if source is None else source.decode())
        assert row[:7] == (place, stream, version, topic, texts[0], recorded_at, texts[1])
        assert row[7] == next_hash(previous, place, stream, version, topic, recorded_at, *texts)
        assert row[7] == sha256(previous + framed((place, stream, version, topic, recorded_at, *texts))).digest()
        previous = row[7]


def test_the_empty_log_begins_with_zeros() -> None:
    assert (0, bytes(32)) == EMPTY
