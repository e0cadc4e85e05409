"""What is a secret, and what is left of one in a text, a row, an event."""

from __future__ import annotations

import base64
import csv
import html
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.event import topic_of, topics
from domain.secrets import ANYWHERE_MIN, HOLDERS, MASK, Mask, Names, Unmasked, values_in
from domain.universe import SettingChanged
from operations.printing import plain
from operations.tracing_back import Now

SECRET = "sk-live-9f8e7d6c"
KEY = "tradernet_api_key"


@pytest.mark.parametrize(
    "name",
    [
        "tradernet_api_key", "tradernet_api_secret", "r2_access_key_id", "r2_secret_access_key", "r2_account_id",
        "password_hash", "githubToken", "apiKey", "API-KEY", "smtp.passwd", "private_key", "backup_passphrase",
    ],
)  # fmt: skip
def test_a_name_tells_that_it_is_of_a_secret(name: str) -> None:
    assert Names().tells(name)


@pytest.mark.parametrize("name", ["r2_bucket_name", "min_security_score", "key", "public_key", "value", "bypass_limit"])
def test_other_names_do_not(name: str) -> None:
    assert not Names().tells(name)


def test_every_field_of_an_event_that_is_named_like_a_secret_is_looked_for_in_the_log() -> None:
    held = {(one.topic, one.field) for one in HOLDERS}
    for topic, event in topics().items():
        for field in event.__struct_fields__:
            assert not Names().tells(field) or (topic.rpartition(".v")[0], field) in held, f"{topic}: {field}"


def test_every_event_that_is_looked_for_is_there() -> None:
    known = {topic.rpartition(".v")[0]: event for topic, event in topics().items()}
    for one in HOLDERS:
        assert one.field in known[one.topic].__struct_fields__


def csv_line(text: str) -> str:
    out = io.StringIO()
    csv.writer(out).writerow([json.dumps({"said": text})])
    return out.getvalue()


FORMS: list[Callable[[str], str]] = [
    str,
    json.dumps,
    lambda text: json.dumps(text, ensure_ascii=False),
    lambda text: json.dumps(json.dumps({"key": "x", "said": text})),
    repr,
    lambda text: repr([text, 1]),
    html.escape,
    plain,
    csv_line,
    lambda text: f"settings {KEY}: value is {text!r}, expected 'x'",
]


def shapes(text: str) -> set[str]:
    """The ways a secret may be recognised by somebody who reads."""
    return {form(text).strip("'\"") for form in (str, json.dumps, repr, html.escape)}


secrets = st.text(st.characters(exclude_categories=["Cs"]), min_size=ANYWHERE_MIN, max_size=30).filter(
    lambda text: len(set(text)) > 3 and text.strip("+-0123456789.,eE") != "" and MASK[0] not in text
)


@given(secret=secrets, form=st.sampled_from(FORMS))
def test_a_long_secret_is_never_left_in_anything_that_is_printed(secret: str, form: Callable[[str], str]) -> None:
    printed = Mask([secret]).printed(f"before {form(secret)} after")
    assert not any(shape in printed for shape in shapes(secret))
    assert printed.startswith("before ")
    assert printed.rstrip().endswith("after")


@given(value=st.text(max_size=12), other=st.text(max_size=12))
def test_beside_its_name_any_value_is_masked_and_others_are_left(value: str, other: str) -> None:
    mask = Mask()
    shown = mask.content({"event": "e", "key": KEY, "value": value, "description": "d"})
    assert shown == {"event": "e", "key": KEY, "value": MASK if value else "", "description": "d"}
    left = {"key": "min_score", "value": other}
    assert mask.content(left) == left


def test_it_is_masked_in_structs_and_tuples_in_rows_and_in_json_in_texts() -> None:
    mask, state = Mask(), json.dumps({"key": KEY, "value": SECRET})
    assert mask.content(Now(place="config.settings", key={"key": KEY}, fate="", columns=[], by=None,
                            row={"value": SECRET})).row == {"value": MASK}  # fmt: skip
    assert SECRET not in mask.content(state)
    assert mask.content(("a", [state], None, 1.5)) == ("a", [mask.content(state)], None, 1.5)
    assert [*mask.rows(("key", "value"), [(KEY, SECRET), ("k", "v")])] == [(KEY, MASK), ("k", "v")]
    assert [*mask.rows(("name", "password_hash"), [("ann", SECRET)])] == [("ann", MASK)]
    assert mask.content({"password_hash": ["before", None]}) == {"password_hash": [MASK, None]}
    both = {"subject": f"config.db settings key='{KEY}': value", "expected": "['a']", "found": "['b']"}
    assert mask.content(both)["found"] == mask.content(both)["expected"] == MASK


def test_short_values_numbers_and_common_words_are_masked_beside_their_name_alone() -> None:
    mask = Mask(["abc", "4096", "true", "word5"])
    text = "abc 4096 true {word5} word55"
    assert mask.text(text) == f"abc 4096 true {{{MASK}}} word55"
    assert mask.printed(text) == text
    assert [*mask.rows(("n",), [("4096",), ("true",), ("14096",), (4096,)])] == [
        (MASK,),
        ("true",),
        ("14096",),
        (4096,),
    ]


def test_what_is_known_is_found_in_every_form_that_a_legacy_cell_has() -> None:
    def found(value: Any) -> set[str]:
        state = json.dumps({"file": "config.db", "row": {"key": KEY, "value": value}})
        return {*values_in({"stream": "kept:config.db:settings", "content": state}, Names())}

    assert found(SECRET) == {SECRET}
    assert found(12345678) == {"12345678"}
    assert found(None) == found(value=True) == set()
    content = base64.b64encode(b"\xffsecret\xfe").decode()
    assert found({"blob": content}) >= {content, "\\xffsecret\\xfe"}
    pem = "-----BEGIN KEY-----\n" + "x" * 40 + "\n"
    assert "x" * 40 in found(pem)
    assert {*values_in({"settings_json": json.dumps({"max_sum": 3, "broker": {"api_token": SECRET}})}, Names())} == {
        SECRET
    }


def test_a_password_in_an_address_is_masked() -> None:
    assert Mask().printed("postgresql://me:pa55@db/x") == f"postgresql://{MASK}@db/x"
    assert Mask().printed("http://127.0.0.1:9469/metrics") == "http://127.0.0.1:9469/metrics"


def test_further_words_can_be_named() -> None:
    assert Names(["Iban"]).tells("my_iban")
    assert Mask(names=Names(["pin"])).content({"key": "card_pin", "value": "1"}) == {"key": "card_pin", "value": MASK}


def test_whoever_asks_sees_it() -> None:
    event = SettingChanged(key=KEY, value=SECRET)
    assert Unmasked().content(event) is event
    assert Unmasked().text(SECRET) == Unmasked().printed(SECRET) == SECRET
    assert Mask().content(event).value == MASK
    assert topic_of(SettingChanged).startswith(HOLDERS[0].topic)
