"""One measured run through the official Python SDK.

bench.py init|file|stream|bytes FILE ITEMS CONCURRENCY

KUSTO_CONNECTION_STRING and KUSTO_DATABASE as in the examples. It ends well only when every item was queued.
"""

import io
import os
import sys
from concurrent.futures import ThreadPoolExecutor

from azure.kusto.data import KustoConnectionStringBuilder
from azure.kusto.data.data_format import DataFormat
from azure.kusto.ingest import FileDescriptor, IngestionProperties, IngestionStatus, QueuedIngestClient, StreamDescriptor


def main(action, path, items, concurrency):
    client = QueuedIngestClient(KustoConnectionStringBuilder(os.environ["KUSTO_CONNECTION_STRING"]))
    if action == "init":
        return
    data_format = DataFormat.JSON if action == "bytes" else DataFormat.CSV
    properties = IngestionProperties(os.environ["KUSTO_DATABASE"], "Bench", data_format=data_format)
    document = open(path, "rb").read() if action == "bytes" else None

    def ingest(_):
        if action == "file":
            result = client.ingest_from_file(FileDescriptor(path), properties)
        elif action == "stream":
            with open(path, "rb") as stream:
                result = client.ingest_from_stream(StreamDescriptor(stream), properties)
        else:
            result = client.ingest_from_stream(StreamDescriptor(io.BytesIO(document)), properties)
        if result.status != IngestionStatus.QUEUED:
            raise RuntimeError(f"not queued: {result.status}")

    if concurrency == 1:
        for number in range(items):
            ingest(number)
    else:
        with ThreadPoolExecutor(concurrency) as pool:
            list(pool.map(ingest, range(items)))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
