"""The ledger that the tests of the verifier damage copies of."""

from pathlib import Path

import pytest

from ledger.log import open_log
from tests.ledger.damage import COUNT
from tests.ledger.samples import entries


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger of a few events in three streams, each with a provenance."""
    home = tmp_path_factory.mktemp("sample")
    with open_log(home, create=True, write=True) as log:
        for start in range(0, COUNT, 5):
            found = entries(min(5, COUNT - start), streams=3, start=start)
            log.append([one._replace(source=b'{"note":1,"row":{"a":1}}') for one in found])
    return home / "ledger.db"
