"""The unmodified official SDK through the faults of peers.json, each against an emulator of its own.

Run by `cargo xtask faults`: peers.py EMULATOR. Prints a line `fault|source|ending` for each case.
"""

import concurrent.futures
import gzip
import io
import json
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.request

DATABASE = "NetDefaultDB"
ROWS = 200
CSV = b"".join(b"%d,row %d\n" % (number, number) for number in range(ROWS))
SOURCES = ["stream", "file", ".gz file"]
# The SDK's own pauses are up to 20 s each; what has not returned by then is taken for a hang.
LIMIT_SECONDS = 120
# A fault of one account is met by every second call.
TRIES = 12
PARALLEL = 6


def main():
    emulator = sys.argv[1]
    faults = json.loads(pathlib.Path(__file__).with_name("peers.json").read_text())
    cases = [(fault, source) for fault in faults for source in SOURCES]
    with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
        for (fault, source), ending in zip(cases, pool.map(lambda case: run(emulator, *case), cases)):
            print(f"{fault['name']}|{source}|{ending}", flush=True)


def run(emulator, fault, source):
    command = [emulator, "--port", "0", "--batching-ms", "50"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            ready = next(line for line in process.stdout if line.startswith("READY "))
            service = json.loads(ready.removeprefix("READY "))["engine"].rstrip("/")
            for number in range(TRIES):
                ending = attempt(service, fault["rule"], source, f"T{number}")
                if ending is not None:
                    return ending
            return "the fault was never met"
        finally:
            process.terminate()


def attempt(service, rule, source, table):
    """How one ingestion ended, or None when it did not meet the fault."""
    mgmt(service, f".create table {table} (a:long, b:string)")
    ask(service, "/emulator/v1/faults", rule)
    try:
        client = subprocess.run(
            [sys.executable, __file__, "ingest", service, table, source],
            capture_output=True, text=True, timeout=LIMIT_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return f"HANGS: no return in {LIMIT_SECONDS} s"
    fired = ask(service, "/emulator/v1/faults")[0]["fired"]
    ask(service, "/emulator/v1/faults", method="DELETE")
    rows = settled(service, table)
    if not fired:
        return None
    if client.returncode != 0:
        problem = client.stderr.strip().splitlines()[-1].split(":")[0].split(".")[-1]
        return f"error: {problem}; {'none' if rows == 0 else f'{rows} rows'}"
    if rows == ROWS:
        return "all rows"
    if rows == 2 * ROWS:
        return "success reported, EVERY ROW TWICE"
    return f"success reported, {ROWS - rows} OF {ROWS} ROWS LOST"


def settled(service, table):
    """The rows of the table, when it was given long enough for more than all of them to come."""
    time.sleep(3)
    deadline = time.monotonic() + 7
    while True:
        rows = mgmt(service, f"{table} | count", "query")[0][0]
        if rows >= ROWS or time.monotonic() > deadline:
            return rows
        time.sleep(0.1)


def mgmt(service, text, path="mgmt"):
    return ask(service, f"/v1/rest/{path}", {"db": DATABASE, "csl": text})["Tables"][0]["Rows"]


def ask(service, path, body=None, method=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(service + path, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def ingest(service, table, source):
    from azure.kusto.data import KustoConnectionStringBuilder
    from azure.kusto.data.data_format import DataFormat
    from azure.kusto.ingest import IngestionProperties, QueuedIngestClient

    properties = IngestionProperties(DATABASE, table, data_format=DataFormat.CSV)
    address = KustoConnectionStringBuilder.with_no_authentication(service)
    with QueuedIngestClient(address) as client, tempfile.TemporaryDirectory() as directory:
        if source == "stream":
            client.ingest_from_stream(io.BytesIO(CSV), properties)
            return
        packed = source == ".gz file"
        file = pathlib.Path(directory) / ("data.csv.gz" if packed else "data.csv")
        file.write_bytes(gzip.compress(CSV) if packed else CSV)
        client.ingest_from_file(str(file), properties)


if __name__ == "__main__":
    if sys.argv[1] == "ingest":
        ingest(*sys.argv[2:])
    else:
        main()
