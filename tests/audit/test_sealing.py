"""Seals and proofs: what they prove, what they catch, and a verifier that knows nothing of Daybook."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli import main
from domain.errors import LedgerError
from ledger.log import Entry, open_log
from operations.sealing import check_seals, prove, seal
from tests.searching import examples

VERIFIER = Path(__file__).resolve().parents[2] / "docs" / "verify_proof.py"
REMADE = "tree.db was no good and is made again from the events"
STATE = b'{"event":"setting-changed.v1","key":"k","value":"v"}'


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of 700 events with seals at 300 and 701."""
    home = tmp_path_factory.mktemp("sealed")
    append(home, 300)
    seal(home)
    append(home, 400)
    seal(home)
    append(home, 5)
    return home


def append(home: Path, count: int) -> None:
    with open_log(home, create=True, write=True) as log:
        entries = [
            Entry(f"setting:{n % 7}", "setting-changed.v1", STATE, b'{"row":"\xc3\xa9"}' if n % 3 else None)
            for n in range(count)
        ]
        log.append(entries)


def stranger(*arguments: Path) -> subprocess.CompletedProcess[str]:
    """Run the verifier isolated: no environment, no user packages, no folder of ours on the path."""
    command = [sys.executable, "-I", "-S", str(VERIFIER), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")


def verdict(proof: dict[str, Any], folder: Path) -> subprocess.CompletedProcess[str]:
    path = folder / "proof.json"
    path.write_text(json.dumps(proof), encoding="utf-8")
    return stranger(path)


@given(position=st.integers(1, 701))
@settings(max_examples=examples(7), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_a_proof_of_any_sealed_event_convinces_a_stranger(sealed: Path, tmp_path: Path, position: int) -> None:
    found = verdict(prove(sealed, str(position)), tmp_path)
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.startswith("holds, against the seal at position 701")


EDITS = ("state", "source", "stream", "version", "topic", "recorded_at", "position", "hash")


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_event_convinces_nobody(sealed: Path, tmp_path: Path, name: str) -> None:
    proof = prove(sealed, "5")
    value = proof["event"][name]
    other = ("1" if str(value)[0] == "0" else "0") + str(value)[1:]
    proof["event"][name] = value + 1 if isinstance(value, int) else other if name == "hash" else f"{value} "
    assert verdict(proof, tmp_path).returncode == 1


@given(place=st.integers(0, 63), digit=st.integers(1, 15), which=st.integers(0, 20))
@settings(max_examples=examples(7), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_an_edited_path_root_or_neighbour_convinces_nobody(
    sealed: Path, tmp_path: Path, place: int, digit: int, which: int
) -> None:
    proof = prove(sealed, "333")
    parts = [
        (proof["seal"], "root"),
        (proof, "previous_hash"),
        *((proof["inclusion"], n) for n in range(len(proof["inclusion"]))),
    ]
    holder, key = parts[which % len(parts)]
    text = holder[key]
    holder[key] = text[:place] + f"{int(text[place], 16) ^ digit:x}" + text[place + 1 :]
    assert verdict(proof, tmp_path).returncode == 1


def test_a_newer_seal_is_proven_to_extend_an_older_one(sealed: Path, tmp_path: Path) -> None:
    proof = prove(sealed, "setting:3", since=sealed / "seals" / "seal-000000000300.json", against=newest(sealed))
    assert verdict(proof, tmp_path).returncode == 0
    proof["since"]["root"] = "00" * 32
    found = verdict(proof, tmp_path)
    assert (found.returncode, found.stdout.splitlines()[0]) == (
        1, "the log of the seal at 300 is not the beginning of this one",
    )  # fmt: skip


def newest(home: Path) -> Path:
    return max((home / "seals").glob("seal-*.json"))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed here")
def test_the_printed_command_checks_the_signature_with_openssl(sealed: Path, tmp_path: Path) -> None:
    printed = verdict(prove(sealed, "1"), tmp_path).stdout
    command = printed[printed.index("printf") :]
    good = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert good.returncode == 0, good.stderr
    bad = subprocess.run(
        ["sh", "-c", command.replace("position 701", "position 700")], cwd=tmp_path, capture_output=True, check=False
    )
    assert bad.returncode != 0


def test_the_key_is_for_its_owner_only_and_never_in_the_ledger(sealed: Path) -> None:
    key = sealed / "seals" / "seal-key.pem"
    assert key.stat().st_mode & 0o777 == 0o600
    secret = key.read_bytes().splitlines()[1]
    assert secret not in (sealed / "ledger.db").read_bytes()


@pytest.mark.parametrize("what", ["702", "99999", "0", "no:such", "706"])
def test_an_event_that_is_not_sealed_or_not_there_is_said(sealed: Path, what: str) -> None:
    with pytest.raises(LedgerError, match=r"after the seal|there is no (event|stream)"):
        prove(sealed, what)


def damaged(home: Path, copy: Path, *statements: str) -> Path:
    """A copy of the home whose log was changed by somebody who could drop the triggers."""
    shutil.copytree(home, copy)
    with sqlite3.connect(copy / "ledger.db") as db:
        for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            db.execute(f'DROP TRIGGER "{name}"')
        for statement in statements:
            db.execute(statement)
    db.close()
    return copy


def test_an_unharmed_log_agrees_with_its_seals(sealed: Path) -> None:
    assert check_seals(sealed) == []


def test_a_tail_that_was_cut_off_is_found_against_the_seal(sealed: Path, tmp_path: Path) -> None:
    home = damaged(sealed, tmp_path / "cut", "DELETE FROM stored_events WHERE rowid > 650")
    assert check_seals(home) == ["seal-000000000701.json: the log ends at 650; 51 sealed events were cut off"]


def test_a_log_that_was_rewritten_with_a_new_chain_is_found_against_the_seal(sealed: Path, tmp_path: Path) -> None:
    home = tmp_path / "rewritten"
    append(home, 706)
    shutil.copytree(sealed / "seals", home / "seals")
    assert [line.split(": ")[1][:25] for line in check_seals(home)] == [
        "event 300 has another has",
        "event 701 has another has",
    ]


def test_an_altered_seal_is_found_by_its_signature(sealed: Path, tmp_path: Path) -> None:
    home = damaged(sealed, tmp_path / "altered")
    path = newest(home)
    path.write_text(path.read_text(encoding="utf-8").replace('"position": 701', '"position": 702'), encoding="utf-8")
    assert check_seals(home) == [f"{path.name}: the signature does not fit the statement; the seal was altered"]


def test_a_tree_kept_of_another_log_is_not_believed(sealed: Path, tmp_path: Path) -> None:
    home = tmp_path / "other"
    append(home, 800)
    shutil.copy(sealed / "tree.db", home / "tree.db")
    seal(home)
    assert check_seals(home) == []


def sealed_again(sealed: Path, home: Path, tree: bytes) -> list[str]:
    """What is told when a log with this tree is sealed and an event of it proven; seal and proof are right."""
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(sealed, home)
    (home / "tree.db").write_bytes(tree)
    told: list[str] = []
    assert prove(home, "300", tell=told.append) == prove(sealed, "300")
    (home / "tree.db").write_bytes(tree)
    seal(home, tell=told.append)
    assert check_seals(home) == []
    prove(home, "300", tell=told.append)
    later: list[str] = []
    prove(home, "300", tell=later.append)
    assert later == [], "it was made again, so nothing is wrong any more"
    return told


@pytest.mark.parametrize("kept", [0, 10, 100, 4_095, 8_192, 8_193])
def test_a_tree_that_was_cut_is_made_again_and_that_is_said(sealed: Path, tmp_path: Path, kept: int) -> None:
    whole = (sealed / "tree.db").read_bytes()
    assert len(whole) == 12_288
    told = sealed_again(sealed, tmp_path / "cut", whole[:kept])
    assert len(told) == (2 if kept else 0), told  # an empty file is how SQLite begins one
    assert all(one.startswith(REMADE) for one in told)


def test_a_changed_byte_anywhere_in_the_tree_is_never_sealed(sealed: Path, tmp_path: Path) -> None:
    whole = (sealed / "tree.db").read_bytes()
    with closing(sqlite3.connect(sealed / "tree.db")) as db:
        held = [bytes(cell) for row in db.execute("SELECT hash, checksum FROM nodes") for cell in row]
    inside = [whole.index(cell) + len(cell) // 2 for cell in held]
    asked = {*inside[:2], *inside[4:]}  # the second 256 are asked for together with the first only
    rng = Random(5)
    for place in [*inside, *rng.sample(range(100), 3), *rng.sample(range(len(whole)), 4)]:
        changed = bytes([*whole[:place], whole[place] ^ 1 << rng.randrange(8), *whole[place + 1 :]])
        told = sealed_again(sealed, tmp_path / "changed", changed)
        assert told or place not in asked, f"byte {place}"


def test_a_tree_that_cannot_be_written_is_done_without(sealed: Path, tmp_path: Path) -> None:
    home = damaged(sealed, tmp_path / "busy")
    with closing(sqlite3.connect(home / "tree.db", isolation_level=None)) as db:
        db.execute("BEGIN EXCLUSIVE")
        told: list[str] = []
        with pytest.MonkeyPatch.context() as patch:
            real = sqlite3.connect
            patch.setattr("ledger.tree.sqlite3.connect", lambda *args, **named: real(*args, **named | {"timeout": 0}))
            prove(home, "300", tell=told.append)
    assert [one.split(":")[0] for one in told] == ["tree.db cannot be used, so all is computed from the events"]
    assert (home / "tree.db").exists()


def test_verify_names_a_tail_that_was_cut_off(sealed: Path, tmp_path: Path) -> None:
    home = damaged(sealed, tmp_path / "verified", "DELETE FROM stored_events WHERE rowid > 650")
    found = CliRunner().invoke(main, ["--home", str(home), "verify", "ledger", "--json"])
    (part,) = [part for part in json.loads(found.stdout)["parts"] if part["name"] == "seals"]
    assert found.exit_code == 1
    assert part["found"] == ["seal-000000000701.json: the log ends at 650; 51 sealed events were cut off"]


def test_the_commands_seal_and_prove(sealed: Path, tmp_path: Path) -> None:
    home = damaged(sealed, tmp_path / "commands")
    shutil.copy(sealed / "ledger.db", home / "ledger.db")
    made = CliRunner().invoke(main, ["--home", str(home), "audit", "seal", "--to", str(tmp_path / "away"), "--json"])
    assert (made.exit_code, json.loads(made.stdout)["position"]) == (0, 707)
    assert [path.name for path in (tmp_path / "away").iterdir()] == ["seal-000000000707.json"]
    out = tmp_path / "proof.json"
    (home / "tree.db").write_bytes(b"no database at all")
    proven = CliRunner().invoke(main, ["--home", str(home), "audit", "prove", "706", "--out", str(out)])
    assert (proven.exit_code, proven.stderr) == (
        0,
        f"{REMADE}: file is not a database\n",
    )
    assert stranger(out).returncode == 0
