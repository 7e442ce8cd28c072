"""One measured run through the official Python SDK.

bench.py init|file|stream|bytes|query FILE ITEMS CONCURRENCY [streaming|managed]

KUSTO_CONNECTION_STRING and KUSTO_DATABASE as in the examples. It ends well only when every item was queued, or
streamed where it can be.
"""

import io
import os
import sys
from concurrent.futures import ThreadPoolExecutor

from azure.kusto.data import ClientRequestProperties, KustoClient, KustoConnectionStringBuilder
from azure.kusto.data.data_format import DataFormat
from azure.kusto.ingest import (
    FileDescriptor,
    IngestionProperties,
    IngestionStatus,
    KustoStreamingIngestClient,
    ManagedStreamingIngestClient,
    QueuedIngestClient,
    StreamDescriptor,
)


def query(path):
    client = KustoClient(KustoConnectionStringBuilder(os.environ["KUSTO_CONNECTION_STRING"]))
    properties = ClientRequestProperties()
    properties.set_option("notruncation", True)
    answer = client.execute_query(os.environ["KUSTO_DATABASE"], open(path).read(), properties)
    count = nulls = 0
    for row in answer.primary_results[0]:
        count += 1
        nulls += sum(value is None for value in row)
    if (count, nulls) != (1_000_000, 0):
        raise RuntimeError(f"rows and nulls: {count}, {nulls}")


def connect(mode):
    def address():
        return KustoConnectionStringBuilder(os.environ["KUSTO_CONNECTION_STRING"])

    if mode == "streaming":
        return KustoStreamingIngestClient(address())
    if mode == "managed":
        return ManagedStreamingIngestClient(address(), address(), False)
    return QueuedIngestClient(address())


def main(action, path, items, concurrency, mode="queued"):
    if action == "query":
        query(path)
        return
    client = connect(mode)
    if action == "init":
        return
    data_format = DataFormat.JSON if action == "bytes" else DataFormat.CSV
    properties = IngestionProperties(os.environ["KUSTO_DATABASE"], "Bench", data_format=data_format)
    is_streamed = mode != "queued" and action == "bytes"
    expected = IngestionStatus.SUCCESS if is_streamed else IngestionStatus.QUEUED
    document = open(path, "rb").read() if action == "bytes" else None

    def ingest(_):
        if action == "file":
            result = client.ingest_from_file(FileDescriptor(path), properties)
        elif action == "stream":
            with open(path, "rb") as stream:
                result = client.ingest_from_stream(StreamDescriptor(stream), properties)
        else:
            result = client.ingest_from_stream(StreamDescriptor(io.BytesIO(document)), properties)
        if result.status != expected:
            raise RuntimeError(f"not {expected}: {result.status}")

    if concurrency == 1:
        for number in range(items):
            ingest(number)
    else:
        with ThreadPoolExecutor(concurrency) as pool:
            list(pool.map(ingest, range(items)))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), *sys.argv[5:])
