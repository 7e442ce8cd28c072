"""Proof that the emulator is Kusto enough for Microsoft's own client: nothing in here is ours but the assertions."""

import datetime
import gzip
import io
import json
import uuid

import pytest
from azure.kusto.data.data_format import DataFormat
from azure.kusto.data.exceptions import KustoApiError
from azure.kusto.ingest import BlobDescriptor, ColumnMapping, FileDescriptor, IngestionProperties, ReportLevel, StreamDescriptor

KEY = uuid.UUID("74be27de-1e4e-49d9-b579-fe0b331d3642")
CSV = (
    f'1,2026-01-02T03:04:05.1234567Z,"comma, ""quote"" and\nline break",0.5,-7,true,1.02:03:04,{KEY},"{{""a"":[1,2]}}"\n'
    "2,,,,,,,,\n"
)


def properties(database, table, data_format=DataFormat.CSV, **more):
    return IngestionProperties(
        database, table, data_format=data_format, flush_immediately=True, report_level=ReportLevel.FailuresAndSuccesses, **more
    )


def rows(engine, database, query):
    return [row.to_dict() for row in engine.execute(database, query).primary_results[0]]


def succeeded(statuses, result, table):
    outcome, message = statuses.wait_for(result.source_id)
    assert outcome == "success", message
    assert message.Table == table
    assert message.SucceededOn and message.OperationId
    return message


def failed(statuses, source_id):
    outcome, message = statuses.wait_for(source_id)
    assert outcome == "failure", message
    assert message.Details and message.FailedOn
    return message


def test_management_answers(engine, database, table):
    names = [row["TableName"] for row in engine.execute_mgmt(database, ".show tables").primary_results[0]]
    assert table in names
    databases = [row["DatabaseName"] for row in engine.execute_mgmt(database, ".show databases").primary_results[0]]
    assert database in databases


def test_csv_file_comes_back_with_types(engine, ingest, statuses, database, table, tmp_path):
    file = tmp_path / "typed.csv"
    file.write_text(CSV, encoding="utf-8")
    result = ingest.ingest_from_file(FileDescriptor(str(file)), properties(database, table))
    message = succeeded(statuses, result, table)
    assert message.Database == database
    assert str(result.source_id) in message.IngestionSourcePath

    full, empty = rows(engine, database, f"{table} | order by Id asc")
    assert full["Id"] == 1
    assert full["At"] == datetime.datetime(2026, 1, 2, 3, 4, 5, 123456, datetime.timezone.utc)
    assert full["Text"] == 'comma, "quote" and\nline break'
    assert (full["Ratio"], full["Small"], full["Flag"]) == (0.5, -7, True)
    assert full["Span"] == datetime.timedelta(days=1, hours=2, minutes=3, seconds=4)
    assert uuid.UUID(full["Key"]) == KEY
    assert full["Bag"] == {"a": [1, 2]}
    assert empty["Id"] == 2 and empty["Text"] == ""
    assert [empty[column] for column in ("At", "Ratio", "Small", "Flag", "Span", "Key", "Bag")] == [None] * 7


def test_gz_file_is_taken_as_it_is(engine, ingest, statuses, database, table, tmp_path):
    file = tmp_path / "already.csv.gz"
    file.write_bytes(gzip.compress(b"".join(b"%d,,row\n" % number for number in range(1000))))
    succeeded(statuses, ingest.ingest_from_file(str(file), properties(database, table)), table)
    assert rows(engine, database, f"{table} | summarize n = count(), top = max(Id)") == [{"n": 1000, "top": 999}]


def test_json_stream_with_inline_mapping(engine, ingest, statuses, database, table):
    mapping = [
        ColumnMapping("Id", "long", path="$.id"),
        ColumnMapping("Text", "string", path="$.inner.text"),
        ColumnMapping("Bag", "dynamic", path="$.inner"),
        ColumnMapping("Small", "int", const_value="9"),
    ]
    lines = "\n".join(json.dumps({"id": number, "inner": {"text": f"ünïcode {number}"}}) for number in range(3))
    stream = StreamDescriptor(io.BytesIO(lines.encode()))
    result = ingest.ingest_from_stream(stream, properties(database, table, DataFormat.JSON, column_mappings=mapping))
    succeeded(statuses, result, table)
    found = rows(engine, database, f"{table} | where Id == 2 | project Id, Text, Bag, Small")
    assert found == [{"Id": 2, "Text": "ünïcode 2", "Bag": {"text": "ünïcode 2"}, "Small": 9}]


def test_json_stream_with_referenced_mapping(engine, ingest, statuses, database, table):
    mapping = json.dumps([{"column": "Id", "path": "$.id"}, {"column": "Text", "path": "$.text"}])
    engine.execute_mgmt(database, f".create table {table} ingestion json mapping 'by_path' '{mapping}'")
    shown = engine.execute_mgmt(database, f".show table {table} ingestion json mappings").primary_results[0]
    assert [row["Name"] for row in shown] == ["by_path"]
    stream = io.BytesIO(b'{"id": 1, "text": "a"}\n{"id": 2, "text": "b"}\n')
    result = ingest.ingest_from_stream(
        stream, properties(database, table, DataFormat.JSON, ingestion_mapping_reference="by_path")
    )
    succeeded(statuses, result, table)
    assert rows(engine, database, f"{table} | order by Id asc | project Id, Text") == [
        {"Id": 1, "Text": "a"},
        {"Id": 2, "Text": "b"},
    ]


def test_csv_file_with_a_legacy_mapping(engine, ingest, statuses, database, table, tmp_path):
    mapping = json.dumps([{"Name": "Id", "datatype": "long", "Ordinal": 1}, {"Name": "Text", "datatype": "string", "Ordinal": 0}])
    engine.execute_mgmt(database, f".create-or-alter table {table} ingestion csv mapping 'legacy' '{mapping}'")
    file = tmp_path / "größe 温度.csv"
    file.write_text("größe,1\n温度,2\n", encoding="utf-8")
    result = ingest.ingest_from_file(str(file), properties(database, table, ingestion_mapping_reference="legacy"))
    succeeded(statuses, result, table)
    assert rows(engine, database, f"{table} | order by Id asc | project Id, Text") == [
        {"Id": 1, "Text": "größe"},
        {"Id": 2, "Text": "温度"},
    ]


def test_blob_with_header_row_and_csv_mapping(engine, ingest, statuses, container, database, table):
    content = b"text,unused,id\nfirst,x,10\nsecond,y,20\n"
    name = f"{uuid.uuid4()}.csv"
    blob = container.get_blob_client(name)
    blob.upload_blob(content)
    mapping = [ColumnMapping("Id", "long", ordinal=2), ColumnMapping("Text", "string", ordinal=0)]
    descriptor = BlobDescriptor(blob.url, len(content))
    result = ingest.ingest_from_blob(descriptor, properties(database, table, ignore_first_record=True, column_mappings=mapping))
    message = succeeded(statuses, result, table)
    assert name in message.IngestionSourcePath
    assert rows(engine, database, f"{table} | order by Id asc | project Id, Text") == [
        {"Id": 10, "Text": "first"},
        {"Id": 20, "Text": "second"},
    ]


def test_unknown_table_is_reported_as_a_permanent_failure(engine, ingest, statuses, database):
    missing = "Missing_" + uuid.uuid4().hex
    result = ingest.ingest_from_stream(io.BytesIO(b"1\n"), properties(database, missing))
    message = failed(statuses, result.source_id)
    assert message.Table == missing
    assert message.FailureStatus == "Permanent"
    assert message.ErrorCode == "BadRequest_TableNotExist"
    shown = engine.execute_mgmt(database, f".show ingestion failures | where Table == '{missing}'").primary_results[0]
    assert len(list(shown)) == 1


def test_unknown_mapping_is_reported_and_nothing_is_ingested(engine, ingest, statuses, database, table):
    result = ingest.ingest_from_stream(
        io.BytesIO(b"{}\n"), properties(database, table, DataFormat.JSON, ingestion_mapping_reference="nowhere")
    )
    message = failed(statuses, result.source_id)
    assert message.ErrorCode == "BadRequest_MappingReferenceWasNotFound"
    assert rows(engine, database, f"{table} | count") == [{"Count": 0}]


def test_damaged_data_is_reported_and_nothing_is_ingested(engine, ingest, statuses, database, table):
    result = ingest.ingest_from_stream(io.BytesIO(b'1,,fine\n2,,"never closed\n'), properties(database, table))
    message = failed(statuses, result.source_id)
    assert (message.ErrorCode, message.FailureStatus) == ("Stream_ClosingQuoteMissing", "Permanent")
    assert rows(engine, database, f"{table} | count") == [{"Count": 0}]


def test_a_wrong_query_is_an_error_and_not_an_empty_answer(engine, database, table):
    with pytest.raises(KustoApiError):
        engine.execute(database, f"{table} | where NoSuchColumn == 1")
