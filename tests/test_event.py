"""Events as they are written and read: topics, refusals, and old versions read as the newest."""

from __future__ import annotations

import pytest

from domain import event as events
from domain.errors import UnknownTopic
from domain.event import Event
from domain.universe import SettingChanged


class SettingSet(Event, frozen=True, kw_only=True, tag="setting-set.v0"):
    """What SettingChanged might have been called before."""

    name: str
    text: str


def test_an_old_version_is_read_as_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(events._classes, "setting-set.v0", SettingSet)
    monkeypatch.setattr(events, "_upcasts", {})
    events.register_upcast(SettingSet, lambda old: SettingChanged(key=old.name, value=old.text))
    read = events.decode("setting-set.v0", b'{"event":"setting-set.v0","name":"a","text":"1"}')
    assert read == SettingChanged(key="a", value="1")


def test_a_topic_that_nobody_registered_is_refused() -> None:
    with pytest.raises(UnknownTopic, match=r"profit-dreamt\.v1"):
        events.decode("profit-dreamt.v1", b"{}")
