"""`cli schema`: what a program in any language may write, and what it will read; and the options of the commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from domain.catalog import events as topics
from domain.entries.catalog import BY_TAG
from tests.cli.program import refused, run, run_json
from tests.entries.given import count


def test_every_entry_and_every_event_has_a_schema() -> None:
    found = json.loads(run("schema").stdout)
    assert found["entries"].keys() == BY_TAG.keys()
    assert found["events"].keys() == topics().keys()
    for reference in [*found["entries"].values(), *found["events"].values()]:
        assert reference["$ref"].removeprefix("#/$defs/") in found["$defs"]


@pytest.mark.parametrize("name", ["trade", "trade-executed.v1", "trade-executed", "prices"])
def test_one_schema_stands_for_itself(name: str) -> None:
    found = json.loads(run("schema", name).stdout)
    (definition,) = [one for one in found["$defs"].values() if "symbol" in one["properties"]]
    assert "symbol" in definition["required"]


def test_a_name_that_is_not_known_is_refused_with_those_that_are() -> None:
    refused(run("schema", "riches"), 2, "riches", "trade")


@pytest.mark.parametrize("tag", BY_TAG)
def test_every_kind_of_entry_has_a_command_with_an_option_for_each_field(tag: str) -> None:
    said = run("record", tag, "--help").output
    for field in BY_TAG[tag].__struct_fields__:
        option = {"changes": "set", "what": "STREAM|ID"}.get(field, f"--{field.replace('_', '-')}")
        assert option in said
    assert "--dry-run" in said


def test_the_commands_record_correct_void_and_say_so(home: Path) -> None:
    words = (
        "record",
        "trade",
        "--symbol",
        "A.US",
        "--side",
        "BUY",
        "--quantity",
        "3",
        "--price",
        "1.5",
        "--currency",
        "USD",
    )
    assert "recorded at position 1" in run(*words, "--order-id", "A-1", home=home).output
    assert "already there" in run(*words, "--order-id", "A-1", home=home).output
    found = run_json("record", "correct", "A-1", "--set", "price=1.6", "--set", "at=2026-01-01T00:00:00Z", home=home)
    assert found["entries"][0]["places"] == [{"position": 2, "stream": "trade:A-1", "type": "trade-corrected"}]
    assert "portfolio +1" in run("record", "void", "A-1", "--reason", "never filled", home=home).output
    refused(run("record", "correct", "A-1", "--set", "price=1", home=home), 2, "void", "trade:A-1")
    refused(run(*words, home=home), 2, "identity", "--key")
    assert count(home) == 3


def test_options_of_an_entry_are_not_taken_before_its_name(home: Path) -> None:
    result = run("record", "--dry-run", "void", "A-1", home=home)
    assert result.exit_code == 2
    assert "cli record void" in result.output


def test_a_setting_and_flags_come_from_text(home: Path) -> None:
    run("record", "setting", "--name", "x", "--value", "0.10", home=home)
    run("record", "setting", "--name", "satellite_budget_pct", "--value", "0.1", "--allocation", home=home)
    run("record", "security", "--symbol", "X", "--name", "X", "--product-type", "ETF", "--currency", "EUR", "--no-allow-buy",
        home=home)  # fmt: skip
    run("record", "score", "--symbol", "X", "--total-score", "0.5", "--at", "2026-01-01T00:00:00+02:00", home=home)
    assert count(home) == 4
    found = run("audit", "log", "--json", home=home).output
    assert '"value":"0.10"' in found
    assert '"allow_buy":0' in found
    assert "2025-12-31T22:00:00.000000Z" in found


def test_a_dry_run_needs_a_home_and_makes_none(tmp_path: Path) -> None:
    words = ("record", "deposit", "--amount", "1", "--currency", "EUR", "--key", "k", "--dry-run")
    refused(run(*words, home=tmp_path / "none"), 2, "no ledger")
    assert not (tmp_path / "none").exists()
