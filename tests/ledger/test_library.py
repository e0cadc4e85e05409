"""Our recorder passes the test cases that the `eventsourcing` library ships for recorders."""

import threading
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import skip
from uuid import UUID, uuid4

import pytest
from eventsourcing.application import Application
from eventsourcing.persistence import MapperDeserialisationError, StoredEvent
from eventsourcing.tests import persistence as shipped
from eventsourcing.utils import Environment

from domain.errors import UnknownTopic
from domain.trading import TradeVoided
from ledger.log import open_log
from ledger.recorder import LedgerDatastore, LedgerFactory, LedgerMapper, LedgerRecorder, Placed
from ledger.verifying import verify_log


class Recorders:
    """Makes a recorder on a new file for every test."""

    kind = "text"

    def setUp(self) -> None:
        self.threads = set(threading.enumerate())
        self.folder = TemporaryDirectory()
        path = Path(self.folder.name) / "ledger.db"
        path.touch()
        self.datastore = LedgerDatastore(path.as_uri(), originator_id_type=self.kind)

    def tearDown(self) -> None:
        # A test may end before its readers do, and a connection must not be closed under them.
        for thread in set(threading.enumerate()) - self.threads:
            thread.join(30)
        self.datastore.close()
        self.folder.cleanup()

    def create_recorder(self) -> LedgerRecorder:
        recorder = LedgerRecorder(self.datastore)
        recorder.create_table()
        return recorder

    def new_originator_id(self) -> UUID | str:
        return str(uuid4()) if self.kind == "text" else uuid4()


class TestWithTexts(Recorders, shipped.ApplicationRecorderTestCase[Any]):
    @skip("prints how fast it is, and claims nothing")
    def test_performance(self) -> None: ...

    @skip("prints how fast it is, and claims nothing")
    def test_concurrent_throughput(self) -> None: ...


class TestWithUUIDs(TestWithTexts):
    kind = "uuid"


class TestPositionsDoNotInterleave(Recorders, shipped.NonInterleavingNotificationIDsBaseCase):
    insert_num = 100


def environment(path: Path) -> Environment:
    return Environment(
        "ledger",
        {
            "PERSISTENCE_MODULE": "ledger.recorder:LedgerFactory",
            "MAPPER_TOPIC": "ledger.recorder:LedgerMapper",
            "ORIGINATOR_ID_TYPE": "text",
            "SQLITE_DBNAME": f"{path.as_uri()}?mode=rw",
            "CREATE_TABLE": "n",
        },
    )


def test_the_librarys_application_writes_the_same_chain(tmp_path: Path) -> None:
    with open_log(tmp_path, create=True) as log, Application[str](environment(log.path)) as application:
        assert isinstance(application.factory, LedgerFactory)
        first = Placed("trade:T-1", 1, TradeVoided(reason="never filled"))
        (recording,) = application.save(first)
        assert recording.notification.id == 1
        assert list(application.events.get("trade:T-1")) == [first]
        (stored,) = log.read()
        assert (stored.topic, stored.state) == (
            "trade-voided.v1",
            '{"event":"trade-voided.v1","reason":"never filled"}',
        )
        assert verify_log(log).findings == []


def test_a_topic_that_nobody_registered_is_refused_by_the_mapper(tmp_path: Path) -> None:
    mapper = LedgerFactory(environment(tmp_path / "ledger.db")).mapper()
    assert isinstance(mapper, LedgerMapper)
    with pytest.raises(UnknownTopic):
        mapper.to_domain_event(StoredEvent("a:1", 1, "os:system", b"{}"))
    with pytest.raises(MapperDeserialisationError):
        mapper.to_domain_event(StoredEvent("a:1", 1, "trade-voided.v1", b"{}"))
