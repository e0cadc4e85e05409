"""Where an export goes: standard output, or a file that is there complete or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from domain.errors import LedgerError
from ledger.durable import sync


def check(out: Path, home: Path, *, force: bool) -> None:
    """Refuse a file that is there, and with `force` one that belongs to the home; raises LedgerError."""
    if not out.exists():
        return
    if not force:
        raise LedgerError(f"{out} exists", hint="Choose another name, or replace it with --force.")
    if home.resolve() in out.resolve().parents or not out.is_file():
        raise LedgerError(f"{out} is no export that could be replaced", hint="Write to a place outside the home.")


@contextmanager
def beside(out: Path, *, force: bool) -> Iterator[Path]:
    """A path beside the file, for its owner only; what was written there gets the name of the file at the end.

    Whatever goes wrong, the file is as it was and nothing is left beside it.
    """
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    try:
        yield part
        sync(part)
        if force:
            part.replace(out)
        else:
            _give_name(part, out)
    finally:
        with suppress(FileNotFoundError):
            part.unlink()


def _give_name(part: Path, out: Path) -> None:
    """A link is refused where a file has come in the meantime, which renaming would replace."""
    try:
        os.link(part, out)
    except FileExistsError as error:
        raise LedgerError(f"{out} exists", hint="Choose another name, or replace it with --force.") from error
