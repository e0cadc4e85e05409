"""Fixtures for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.legacy import Legacy


@pytest.fixture
def legacy(tmp_path: Path) -> Legacy:
    """An empty legacy folder beside an empty home."""
    return Legacy(tmp_path)
