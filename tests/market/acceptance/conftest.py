"""What the six acceptance lines share: a home to start from, and a Python that forks processes to be killed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from operations.market.rollover import roll_over
from operations.rebuilding import catch_up_all
from tests.market.market import DAY, NEXT, bars, fed
from tests.mortals import Mortals


@pytest.fixture(scope="session")
def mortals() -> Iterator[Mortals]:
    with Mortals() as parent:
        yield parent


@pytest.fixture(scope="session")
def master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session that is put away, and one that was recorded live, made once."""
    home = tmp_path_factory.mktemp("master")
    fed(home, bars(DAY))
    roll_over(home)
    fed(home, bars(NEXT))
    catch_up_all(home, tell=lambda *_: None)
    return home


@pytest.fixture
def home(master: Path, tmp_path: Path) -> Path:
    return shutil.copytree(master, tmp_path / "home")
