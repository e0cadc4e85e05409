"""Fixtures for all tests."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.program import end_what_runs
from tests.legacy import Legacy

# A shell that starts something in the background has it ignore Ctrl-C, and so does every process that this one starts: the
# tests that interrupt one would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Where Python is to leave no bytecode beside its sources, every process that a test starts would compile the whole program:
# it is kept elsewhere, for as long as these tests run.
if sys.dont_write_bytecode and sys.pycache_prefix is None:
    _kept = tempfile.mkdtemp(prefix="daybook-bytecode-")
    atexit.register(shutil.rmtree, _kept, ignore_errors=True)
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix = _kept
    del os.environ["PYTHONDONTWRITEBYTECODE"]
    sys.dont_write_bytecode = False


@pytest.fixture(autouse=True)
def _nothing_goes_on() -> Iterator[None]:
    yield
    end_what_runs()


@pytest.fixture
def legacy(tmp_path: Path) -> Legacy:
    """An empty legacy folder beside an empty home."""
    return Legacy(tmp_path)
