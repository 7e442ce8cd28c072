"""The unmodified official SDK, connected to the emulator that `cargo xtask test python` has started."""

import json
import os
import time
import urllib.request
import uuid

import pytest
from azure.kusto.data import KustoClient, KustoConnectionStringBuilder
from azure.kusto.ingest import QueuedIngestClient
from azure.kusto.ingest.status import KustoIngestStatusQueues
from azure.storage.blob import ContainerClient

# Far more than the emulator's batching time; only a lost message waits this long.
PATIENCE_SECONDS = 60


@pytest.fixture(scope="session")
def database():
    return os.environ["KUSTO_TEST_DATABASE"]


@pytest.fixture(scope="session")
def engine(database):
    address = KustoConnectionStringBuilder.with_no_authentication(os.environ["KUSTO_TEST_ENGINE"])
    with KustoClient(address) as client:
        yield client


@pytest.fixture(scope="session")
def ingest():
    address = os.environ["KUSTO_TEST_DATA_MANAGEMENT"]
    with QueuedIngestClient(KustoConnectionStringBuilder.with_no_authentication(address)) as client:
        yield client


@pytest.fixture(scope="session")
def container():
    """A container of the user's own, in the emulator's storage."""
    with urllib.request.urlopen(os.environ["KUSTO_TEST_ENGINE"].rstrip("/") + "/emulator/v1/resources") as answer:
        return ContainerClient.from_container_url(json.load(answer)["containers"][0])


@pytest.fixture(scope="session")
def statuses(ingest):
    return Statuses(KustoIngestStatusQueues(ingest))


@pytest.fixture
def table(engine, database):
    """A table of its own for each test, with a column of every type the tests read back."""
    name = "T_" + uuid.uuid4().hex
    columns = "Id:long, At:datetime, Text:string, Ratio:real, Small:int, Flag:bool, Span:timespan, Key:guid, Bag:dynamic"
    engine.execute_mgmt(database, f".create table {name} ({columns})")
    yield name
    engine.execute_mgmt(database, f".drop table {name} ifexists")


class Statuses:
    """The two status queues, read as they come and kept by source id."""

    def __init__(self, queues):
        self._queues = {"success": queues.success, "failure": queues.failure}
        self._seen = {}

    def wait_for(self, source_id):
        """("success" or "failure", message) of this source; other sources' messages are kept for their own test."""
        key = str(source_id).lower()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while key not in self._seen:
            assert time.monotonic() < deadline, f"no status for source {key}"
            for outcome, queue in self._queues.items():
                for message in queue.pop(8):
                    self._seen[message.IngestionSourceId.lower()] = (outcome, message)
        return self._seen[key]
