"""A whole ledger exported as jsonl convinces a stranger, and no edit of it does."""

from __future__ import annotations

import importlib.util
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.trading import CashFlowBooked, TradeExecuted
from domain.universe import SettingChanged
from operations.sealing import seal
from tests.audit.exporting import exported, home_of
from tests.legacy import Legacy, bar, cash_flow, position, security, trade
from tests.searching import examples
from tests.strategies import events

VERIFIER = Path(__file__).resolve().parents[2] / "docs" / "verify_proof.py"
Lines = list[str]


def stranger(*arguments: Path) -> subprocess.CompletedProcess[str]:
    """Run the verifier isolated: no environment, no installed packages, no folder of ours on the path."""
    command = [sys.executable, "-I", "-S", str(VERIFIER), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")


@pytest.fixture(scope="module")
def verifier() -> ModuleType:
    """The verifier, loaded here so that many edits can be tried."""
    spec = importlib.util.spec_from_file_location("verify_proof", VERIFIER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lines, dict[str, Any]]:
    """The lines of an export of thirteen events, and the seal over all of them."""
    said = ("\u00e9\u2028\x7f", "=1", "\ufffd", "\U0001f600\\", "\x00\n", "", "\x85x", "null")
    home = home_of(
        tmp_path_factory.mktemp("sealed"), [("setting:k", SettingChanged(key="k", value=one)) for one in said]
    )
    home_of(home, [("setting:k", SettingChanged(key="k", value="v"))] * 5, source=None)
    made, _ = seal(home)
    lines = exported(home, "jsonl").split("\n")[:-1]
    return [line + "\n" for line in lines[:13]], {"position": made.position, "head": made.head, "root": made.root}


def test_the_export_of_a_real_ledger_convinces_where_nothing_of_ours_can_be_imported(
    legacy: Legacy, tmp_path: Path
) -> None:
    legacy.write("config.db", "config_v12", securities=[security("AAPL.US")])
    legacy.write("ledger.db", "ledger_v4", trades=[trade("O1"), trade(None)], cash_flows=[cash_flow("T\x001")])
    legacy.write("state.db", "state_v4", positions=[position("AAPL.US", 3.0)])
    legacy.write("history/AAPL_US.db", "history_v1", daily_prices=[bar("2025-03-03"), bar("2025-03-04")]).replay()
    made, written = seal(legacy.home)
    ledger = tmp_path / "ledger.jsonl"
    ledger.write_text(exported(legacy.home, "jsonl"), encoding="utf-8", newline="")
    found = stranger(ledger, written[0])
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.startswith(f"holds, against the seal at position {made.position} of")
    imported = "import sys; sys.path.insert(0, ''); import domain"
    assert subprocess.run(
        [sys.executable, "-I", "-S", "-c", imported], capture_output=True, check=False, cwd="/"
    ).returncode


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda lines: lines[4].replace("setting-changed", "setting-removed", 1), "position 5"),
        (lambda lines: lines[4].replace('"version":5', '"version":"5"'), "position 5"),
        (lambda lines: lines[4].replace('"position":5', '"position":5,"position":5'), "position 5"),
        (lambda lines: lines[4].replace('"version":5', '"note":1,"version":5'), "position 5"),
        (lambda lines: lines[4][:-1], "position 5"),
        (lambda lines: lines[4][:40], "position 5"),
        (lambda _: "", "position 5: event 6 stands in its place"),
        (lambda _: "[]\n", "position 5"),
        (lambda lines: "\udcff" + lines[4], "position 5"),
    ],
)
def test_an_edited_export_is_refused_and_the_place_is_named(
    sealed: tuple[Lines, dict[str, Any]], tmp_path: Path, edit: Callable[[Lines], str], said: str
) -> None:
    lines, made = sealed
    ledger, statement = tmp_path / "ledger.jsonl", tmp_path / "seal.json"
    edited = [*lines[:4], edit(lines), *lines[5:]]
    ledger.write_bytes("".join(edited).encode("utf-8", "surrogateescape"))
    about = {"time": "t", "public_key": "00" * 32, "signature": "00" * 64, "format": "daybook seal v1"}
    statement.write_text(json.dumps({**made, **about}), encoding="utf-8")
    found = stranger(ledger, statement)
    assert found.returncode == 1
    assert found.stdout.startswith(said)


def test_two_lines_swapped_are_found_at_the_first(sealed: tuple[Lines, dict[str, Any]], verifier: ModuleType) -> None:
    lines, made = sealed
    swapped = [*lines[:6], lines[7], lines[6], *lines[8:]]
    assert verifier.check_export(swapped, made) == ["position 7: event 8 stands in its place"]


@pytest.mark.parametrize("kept", [0, 1, 12])
def test_a_tail_that_is_cut_off_is_found_at_the_first_event_that_is_missing(
    sealed: tuple[Lines, dict[str, Any]], verifier: ModuleType, kept: int
) -> None:
    lines, made = sealed
    (found,) = verifier.check_export(lines[:kept], made)
    assert found == f"position {kept + 1} is missing: the export ends at {kept}, the seal is about 13"


def test_a_chain_that_was_computed_anew_is_found_against_the_seal(
    sealed: tuple[Lines, dict[str, Any]], verifier: ModuleType
) -> None:
    lines, made = sealed
    previous, forged = bytes(32), []
    for line in lines:
        event = json.loads(line)
        event["state"] = event["state"].replace("=1", "=2")
        previous = verifier.event_hash(previous, event)
        event["hash"] = previous.hex()
        forged.append(json.dumps(event, separators=(",", ":")) + "\n")
    assert verifier.check_export(forged, made) == ["position 13: the events up to it are not those that were sealed"]


@given(
    place=st.integers(0, 10_000),
    kind=st.sampled_from(("replace", "insert", "delete", "cut")),
    char=st.characters(codec="utf-8") | st.sampled_from('0123456789abcdef"\\,:{} \n\r\t'),
)
def test_no_single_edit_of_a_character_goes_unseen(
    sealed: tuple[Lines, dict[str, Any]], verifier: ModuleType, place: int, kind: str, char: str
) -> None:
    lines, made = sealed
    text = "".join(lines)
    place %= len(text)
    after = {"replace": char + text[place + 1 :], "insert": char + text[place:], "delete": text[place + 1 :], "cut": ""}
    edited = text[:place] + after[kind]
    if edited == text:
        return
    (found,) = verifier.check_export(io.StringIO(edited, newline="\n"), made)
    first_changed = text.count("\n", 0, place) + 1
    assert found.startswith((f"position {first_changed}: ", f"position {first_changed} is missing"))


@given(
    number=st.integers(0, 12),
    name=st.sampled_from(("position", "stream", "version", "topic", "recorded_at", "state", "source", "hash")),
    value=st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers(), max_size=2),
)
def test_no_other_value_in_any_field_goes_unseen(
    sealed: tuple[Lines, dict[str, Any]], verifier: ModuleType, number: int, name: str, value: Any
) -> None:
    lines, made = sealed
    event = json.loads(lines[number])
    if type(event[name]) is type(value) and event[name] == value:
        return
    line = json.dumps({**event, name: value}, separators=(",", ":")) + "\n"
    (found,) = verifier.check_export([*lines[:number], line, *lines[number + 1 :]], made)
    assert found.startswith(f"position {number + 1}: ")


@given(facts=st.lists(st.one_of(events(TradeExecuted), events(CashFlowBooked), events(SettingChanged)), max_size=8))
@settings(max_examples=examples(8))
def test_any_ledger_is_exported_so_that_it_verifies(
    tmp_path_factory: pytest.TempPathFactory, verifier: ModuleType, facts: list[Any]
) -> None:
    home = home_of(
        tmp_path_factory.mktemp("any"),
        [("a:b", fact) for fact in facts] or [("a:b", SettingChanged(key="k", value="v"))],
    )
    made, _ = seal(home)
    lines = exported(home, "jsonl").split("\n")[:-1]
    assert verifier.check_export([line + "\n" for line in lines], {"position": made.position, "head": made.head,
                                 "root": made.root}) == []  # fmt: skip
