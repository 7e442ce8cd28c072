"""The official SDK's streaming clients, unmodified: what is streamed is there when the call returns."""

import gzip
import io
import json
import os
import urllib.parse
import uuid

import pytest
from azure.kusto.data import KustoConnectionStringBuilder
from azure.kusto.data.data_format import DataFormat
from azure.kusto.data.exceptions import KustoApiError
from azure.kusto.ingest import BlobDescriptor, IngestionProperties, KustoStreamingIngestClient, ManagedStreamingIngestClient
from azure.kusto.ingest.base_ingest_client import IngestionStatus


@pytest.fixture(scope="module")
def streaming():
    address = KustoConnectionStringBuilder.with_no_authentication(os.environ["KUSTO_TEST_ENGINE"])
    with KustoStreamingIngestClient(address) as client:
        yield client


@pytest.fixture(scope="module")
def managed():
    def address():
        return KustoConnectionStringBuilder.with_no_authentication(os.environ["KUSTO_TEST_ENGINE"])

    with ManagedStreamingIngestClient(address(), address(), False) as client:
        yield client


@pytest.fixture
def streamed(engine, database, table):
    """A table with a policy that allows streaming."""
    engine.execute_mgmt(database, f".alter table {table} policy streamingingestion enable")
    return table


def properties(database, table, data_format=DataFormat.CSV, **more):
    return IngestionProperties(database, table, data_format=data_format, **more)


def ids(engine, database, table):
    return [row["Id"] for row in engine.execute(database, f"{table} | order by Id asc").primary_results[0]]


def stream(text):
    return io.BytesIO(text.encode())


def test_streams_files_and_blobs(streaming, engine, container, database, streamed, tmp_path):
    streaming.ingest_from_stream(stream("1,,\n"), properties(database, streamed))
    assert ids(engine, database, streamed) == [1]
    (tmp_path / "two.csv").write_text("2,,two\n", encoding="utf-8")
    streaming.ingest_from_file(str(tmp_path / "two.csv"), properties(database, streamed))
    (tmp_path / "three.csv.gz").write_bytes(gzip.compress(b"3,,three\n"))
    streaming.ingest_from_file(str(tmp_path / "three.csv.gz"), properties(database, streamed))
    blob = container.get_blob_client(f"{uuid.uuid4()}.csv")
    blob.upload_blob(b"4,,four\n")
    url = container.url.split("?", 1)
    address = f"{url[0]}/{blob.blob_name}?{url[1]}" if len(url) == 2 else blob.url
    streaming.ingest_from_blob(BlobDescriptor(address), properties(database, streamed))
    assert ids(engine, database, streamed) == [1, 2, 3, 4]


def test_json_with_a_mapping(streaming, engine, database, streamed):
    mapping = json.dumps([{"column": "Id", "Properties": {"path": "$.id"}}])
    engine.execute_mgmt(database, f".create table {streamed} ingestion json mapping 'm' '{mapping}'")
    how = properties(database, streamed, DataFormat.JSON, ingestion_mapping_reference="m")
    streaming.ingest_from_stream(stream('{"id": 7}\n{"id": 8}\n'), how)
    assert ids(engine, database, streamed) == [7, 8]


def test_a_table_without_a_policy_is_refused(streaming, engine, database, table):
    with pytest.raises(KustoApiError) as raised:
        streaming.ingest_from_stream(stream("1,,\n"), properties(database, table))
    error = raised.value.get_api_error()
    assert error.code == "BadRequest_StreamingIngestionPolicyNotEnabled"
    assert error.permanent
    assert ids(engine, database, table) == []


def test_bad_data_is_refused(streaming, engine, database, streamed):
    with pytest.raises(KustoApiError) as raised:
        streaming.ingest_from_stream(stream('1,,"open\n'), properties(database, streamed))
    assert raised.value.get_api_error().code == "Stream_ClosingQuoteMissing"
    assert ids(engine, database, streamed) == []


def test_the_managed_client_streams(managed, engine, database, streamed):
    result = managed.ingest_from_stream(stream("1,,\n"), properties(database, streamed))
    assert result.status == IngestionStatus.SUCCESS
    assert ids(engine, database, streamed) == [1]


def test_the_managed_client_queues_what_is_too_large(managed, database, streamed):
    # It compresses first: what it measures must not shrink.
    noise = os.urandom(3 << 20).hex()
    result = managed.ingest_from_stream(stream(f"1,,{noise}{noise}\n"), properties(database, streamed))
    assert result.status == IngestionStatus.QUEUED
