"""A small legacy folder and a home that it was replayed into, made once and copied for each test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from operations.demo_legacy import write_legacy_folder
from operations.replaying import replay


@pytest.fixture(scope="session")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("made")
    write_legacy_folder(place / "legacy", securities=12, years=1, dirt=False)
    write_legacy_folder(place / "dirty", securities=12, years=1)
    assert replay(place / "legacy", place / "home").exit_code == 0
    return place


@pytest.fixture
def source(_made: Path, tmp_path: Path) -> Path:
    """A legacy folder in which everything agrees."""
    return Path(shutil.copytree(_made / "legacy", tmp_path / "legacy"))


@pytest.fixture
def dirty(_made: Path, tmp_path: Path) -> Path:
    """The same with flaws."""
    return Path(shutil.copytree(_made / "dirty", tmp_path / "dirty"))


@pytest.fixture
def home(_made: Path, tmp_path: Path) -> Path:
    """A home into which `source` was replayed."""
    return Path(shutil.copytree(_made / "home", tmp_path / "home"))
