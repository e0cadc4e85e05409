"""Names for journals: legal in beancount, and never the same for two things."""

from __future__ import annotations

import re

import regex
from beancount.core.account import ACCOUNT_RE
from beancount.core.amount import CURRENCY_RE
from hypothesis import given
from hypothesis import strategies as st

from operations.exporting.names import account_part, currency, security

TEXTS = (
    st.text()
    | st.text("AB.-_ X\u00c4\x00dum0", max_size=6)
    | st.from_regex(r"X-.*|C-.*|[A-Z]{1,4}(\.[A-Z]+)?", fullmatch=True)
)
THINGS = st.tuples(st.sampled_from((currency, security)), TEXTS)


@given(thing=THINGS)
def test_every_name_is_legal(thing: tuple[type, str]) -> None:
    make, text = thing
    name = make(text)
    assert re.fullmatch(CURRENCY_RE, name)
    assert 2 <= len(name) <= 24
    assert regex.fullmatch(ACCOUNT_RE, f"Assets:Broker:{account_part(name)}")
    assert name not in {"TRUE", "FALSE", "NULL"}


@given(one=THINGS, other=THINGS)
def test_two_things_never_get_one_name(one: tuple[type, str], other: tuple[type, str]) -> None:
    if one != other:
        assert one[0](one[1]) != other[0](other[1])
        assert account_part(one[0](one[1])) != account_part(other[0](other[1]))


def test_common_names_stay_as_they_are() -> None:
    assert [currency("EUR"), security("AIR.EU"), security("BRK-B.US")] == ["EUR", "AIR.EU", "BRK-B.US"]
    assert [security("EUR"), security("005930.KR"), currency("usd")] == ["X-EUR", "X-005930.KR", "C-_75_73_64"]
    assert account_part("AIR.EU") == "AIR-EU"
