"""Whose fault it is: an error that nobody foresaw, while the log is read, comes from a log that was altered, or is a bug."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from domain.errors import LedgerError, StoreError
from ledger.verifying import verify_log
from operations.home import LEDGER


@contextmanager
def blamed_on_the_ledger(home: Path) -> Iterator[None]:
    """Let the ledger be checked when something fails: where it is altered, that is the error; else the bug shows itself."""
    try:
        yield
    except (LedgerError, OSError, apsw.Error):
        raise
    except Exception as error:
        found = verify_log(home / LEDGER).findings
        if not found:
            raise
        raise StoreError(
            f"{home / LEDGER} is altered or damaged: {found[0].message}",
            hint="Run: cli verify ledger. Then put a back-up in its place.",
        ) from error
