"""`audit log --follow`: the events that another process appends, once each and in order."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from domain.event import encode, topic_of
from domain.universe import SettingChanged
from ledger.log import Entry, open_log
from tests.cli.program import ended, start


def change(home: Path, value: str) -> int:
    event = SettingChanged(key="fee", value=value)
    with open_log(home, create=True, write=True) as log:
        return log.append([Entry("setting:fee", topic_of(SettingChanged), encode(event))])[0]


def next_event(process: Any) -> tuple[int, str]:  # the process that `start` gives
    line = json.loads(process.stdout.readline())
    return line["position"], line["state"]["value"]


@pytest.mark.parametrize(("options", "there"), [(["--oldest"], ["1", "2", "3"]), (["--limit", "2"], ["2", "3"])])
def test_what_is_there_is_shown_in_order_and_then_what_comes(
    tmp_path: Path, options: list[str], there: list[str]
) -> None:
    for value in ("1", "2", "3"):
        change(tmp_path, value)
    process = start("--home", tmp_path, "audit", "log", "--type", "setting-changed", "--json", "--follow", *options)
    assert [next_event(process)[1] for _ in there] == there
    for value in ("4", "5"):
        position = change(tmp_path, value)
        assert next_event(process) == (position, value)
    os.killpg(process.pid, signal.SIGINT)
    code, out, _ = ended(process)
    assert (code, json.loads(out)["exit_code"]) == (130, 130)


def test_events_that_are_not_wanted_are_passed_over(tmp_path: Path) -> None:
    change(tmp_path, "1")
    process = start("--home", tmp_path, "audit", "log", "--text", "wanted", "--json", "--follow")
    for value in ("2", "3"):
        change(tmp_path, value)
    position = change(tmp_path, "wanted")
    assert next_event(process) == (position, "wanted")
    os.killpg(process.pid, signal.SIGTERM)
    process.communicate(timeout=60)
