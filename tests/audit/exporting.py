"""Homes and exports for the tests of `cli audit export`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from click.testing import CliRunner, Result

from cli import main
from domain.event import Event, encode, topic_of
from ledger.log import Entry, open_log

SOURCE = b'{"run":1,"system":"arduino-trader","file":"ledger.db","table":"trades"}'


def home_of(home: Path, facts: Iterable[tuple[str, Event]], source: bytes | None = SOURCE) -> Path:
    """A home whose log says these facts, each with its stream."""
    entries = [Entry(stream, topic_of(type(event)), encode(event), source) for stream, event in facts]
    with open_log(home, create=True, write=True) as log:
        if entries:
            log.append(entries)
    return home


def export(home: Path, form: str, *arguments: str) -> Result:
    """Run the command; secrets as they are, because these tests compare with what is stored."""
    words = ["audit", "export", "--format", form, "--reveal-secrets", *arguments]
    return CliRunner().invoke(main, ["--home", str(home), *words])


def exported(home: Path, form: str, *arguments: str) -> str:
    """What the command writes on stdout, when all is well."""
    found = export(home, form, *arguments)
    assert found.exit_code == 0, found.output
    return found.stdout
