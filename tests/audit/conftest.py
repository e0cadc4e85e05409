"""Homes for the tests of the audit commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from operations.demo_legacy import write_legacy_folder
from operations.replaying import replay


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A replayed demo of a dozen securities and one year; the legacy folder stands beside it. Nobody may change it."""
    place = tmp_path_factory.mktemp("traced")
    write_legacy_folder(place / "legacy", securities=12, years=1)
    replay(place / "legacy", place / "home")
    return place / "home"
