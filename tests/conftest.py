"""Fixtures for all tests."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.legacy import Legacy

# A shell that starts something in the background has it ignore Ctrl-C, and so does every process that this one starts: the
# tests that interrupt one would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def legacy(tmp_path: Path) -> Legacy:
    """An empty legacy folder beside an empty home."""
    return Legacy(tmp_path)
