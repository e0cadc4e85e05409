"""The short ways to read a time stamp say what the long way says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.moments import is_assumed, read_moment
from tests.legacy import Legacy, trade

UTC_ZONE = ZoneInfo("UTC")
# The same zone by another name is converted like any other.
UTC_BY_ANOTHER_NAME = ZoneInfo("Etc/UTC")
# Every zone is at most a day away from UTC.
FIRST, LAST = datetime.min + timedelta(days=2), datetime.max - timedelta(days=2)  # noqa: DTZ901  a zone is drawn as well
OFFSETS = st.none() | st.just(UTC) | st.timedeltas(timedelta(hours=-12), timedelta(hours=12)).map(timezone)


@st.composite
def stamps(draw: st.DrawFn) -> str:
    """Time stamps in many of the shapes that Python can read, and some that it cannot."""
    moment = draw(st.datetimes(FIRST, LAST)).replace(tzinfo=draw(OFFSETS))
    text = moment.isoformat(draw(st.sampled_from("T t-+Z")), draw(st.sampled_from(["auto", "minutes", "milliseconds"])))
    if draw(st.booleans()):
        text = text.replace("+00:00", "Z")
    if draw(st.booleans()):
        text = text[:11] + text[11:].replace(":", "")
    digits = draw(st.text("0123456789.,: Z", max_size=4))
    place = draw(st.integers(10, len(text)))
    return text[:place] + digits + text[place:]


@given(stamps())
@example("2025-12-28")
@example("2025-12-28 18:00:00")
@example("2025-12-28-18:00:00")
@example("2025-12-28T180000.12345")
@example("2025-12-28T18:00:00,123")
@example("2025-12-28T18:00:00.1234567Z")
def test_a_stamp_is_read_alike_whatever_the_way(text: str) -> None:
    try:
        expected = read_moment(text, UTC_BY_ANOTHER_NAME)
    except ValueError:
        with pytest.raises(ValueError):  # noqa: PT011  whichever it says
            read_moment(text, UTC_ZONE)
        return
    assert read_moment(text, UTC_ZONE) == expected
    assert is_assumed(text) == expected.assumed


@pytest.mark.parametrize(
    ("zone", "hour", "assumed"),
    [(None, 10, True), ("UTC", 10, False), ("Asia/Tokyo", 1, False), ("Etc/UTC", 10, False)],
)
def test_each_shape_of_a_time_gives_the_time_of_its_event(
    legacy: Legacy, zone: str | None, hour: int, *, assumed: bool
) -> None:
    naive, named, by_sqlite, day = "2025-03-01T10:00:00.5", "2025-03-01T10:00:00Z", "2025-03-01 10:00:00", "2025-03-01"
    trades = [trade(f"O{number}", executed_at=one) for number, one in enumerate((naive, named, by_sqlite, day, ""))]
    legacy.write("ledger.db", "ledger_v4", trades=trades).replay(timezone=zone)
    found = {one["order_id"]: (one.get("occurred_at"), "occurred_at" in one.get("assumed", ())) for one in
             legacy.events("trade-executed")}  # fmt: skip
    assert found == {
        "O0": (f"2025-03-01T{hour:02d}:00:00.500000Z", assumed),
        "O1": ("2025-03-01T10:00:00.000000Z", False),
        "O2": ("2025-03-01T10:00:00.000000Z", False),
        "O3": ("2025-03-01", False),
        "O4": (None, True),
    }
