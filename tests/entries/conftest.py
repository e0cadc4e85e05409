"""An empty home, made once and copied for each test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from operations.rebuilding import catch_up_all
from tests.entries.given import opened


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger without an event, and its read models."""
    home = tmp_path_factory.mktemp("empty") / "home"
    opened(home).close()
    catch_up_all(home, tell=lambda *_: None)
    return home


@pytest.fixture
def home(empty_home: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(empty_home, tmp_path / "home"))
