// Microsoft's own Node SDK, unmodified, connected to the emulator that `cargo xtask test node-sdk`
// has started: nothing in here is ours but the assertions.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { gzipSync } from "node:zlib";

import { Client, ClientRequestProperties, KustoConnectionStringBuilder } from "azure-kusto-data";
import {
    BlobDescriptor,
    CompressionType,
    CsvColumnMapping,
    DataFormat,
    FileDescriptor,
    IngestClient,
    IngestStatusQueues,
    IngestionProperties,
    JsonColumnMapping,
    ManagedStreamingIngestClient,
    ReportLevel,
    ReportMethod,
    StreamDescriptor,
    StreamingIngestClient,
} from "azure-kusto-ingest";

/** Far more than the emulator's batching time; only a lost message waits this long. */
const PATIENCE_MS = 60_000;

const { KUSTO_TEST_ENGINE, KUSTO_TEST_DATA_MANAGEMENT, KUSTO_TEST_DATABASE: database } = process.env;
const isTls = KUSTO_TEST_ENGINE.startsWith("https:");
const engine = new Client(KustoConnectionStringBuilder.withAccessToken(KUSTO_TEST_ENGINE, "token"));
const ingest = new IngestClient(
    KustoConnectionStringBuilder.withAccessToken(KUSTO_TEST_DATA_MANAGEMENT, "token"),
    undefined,
    // Otherwise the SDK puts "ingest-" before an address.
    false,
);
const address = (text) => KustoConnectionStringBuilder.withAccessToken(text, "token");
const streaming = new StreamingIngestClient(address(KUSTO_TEST_ENGINE), undefined, false);
const managed = new ManagedStreamingIngestClient(
    address(KUSTO_TEST_ENGINE),
    address(KUSTO_TEST_DATA_MANAGEMENT),
    undefined,
    false,
);
const directory = mkdtempSync(join(tmpdir(), "node-sdk-"));
const table = `Node_${randomUUID().replaceAll("-", "")}`;

before(async () => {
    const columns = "Id:long, Text:string, Bag:dynamic, At:datetime, Span:timespan, Flag:bool, Ratio:real, Key:guid";
    await engine.executeMgmt(database, `.create table ${table} (${columns})`);
    await engine.executeMgmt(database, `.alter table ${table} policy streamingingestion enable`);
});

after(async () => {
    await engine.executeMgmt(database, `.drop table ${table}`);
    for (const client of [ingest, streaming, managed, engine]) {
        client.close();
    }
});

function properties(members) {
    return new IngestionProperties({ database, table, format: DataFormat.CSV, flushImmediately: true, ...members });
}

async function rows(text) {
    const answer = await engine.executeQuery(database, text);
    return [...answer.primaryResults[0].rows()].map((row) => row.toJSON());
}

/** Waits until this many rows of the table match. */
async function arrive(filter, count) {
    const end = Date.now() + PATIENCE_MS;
    for (;;) {
        const [{ n }] = await rows(`${table} | where ${filter} | summarize n = count()`);
        if (n >= count) {
            assert.equal(n, count);
            return;
        }
        assert.ok(Date.now() < end, `${filter}: ${n} of ${count} rows arrived`);
        await pause(100);
    }
}

test("a csv file", async () => {
    const file = join(directory, "größe 温度.csv");
    writeFileSync(file, "100,größe\n101,温度\n");
    await ingest.ingestFromFile(file, properties());
    await arrive("Id between (100 .. 101)", 2);
    assert.deepEqual(await rows(`${table} | where Id == 101 | project Text`), [{ Text: "温度" }]);
});

test("a gzip file", async () => {
    const file = join(directory, "packed.csv.gz");
    writeFileSync(file, gzipSync("200,a\n201,b\n"));
    await ingest.ingestFromFile(file, properties());
    await arrive("Id between (200 .. 201)", 2);
});

test("9.5 MB, in blocks", async () => {
    const file = join(directory, "big.csv");
    const line = (id) => `${id},${"x".repeat(85)}${Math.random()}\n`;
    const lines = Array.from({ length: 90_000 }, (_, index) => line(1_000_000 + index));
    writeFileSync(file, lines.join(""));
    await ingest.ingestFromFile(new FileDescriptor(file), properties());
    await arrive("Id >= 1000000", 90_000);
});

test("a json stream with an inline mapping", async () => {
    const lines = [300, 301].map((id) => JSON.stringify({ id, inner: { text: "ü" } }));
    const mapping = [JsonColumnMapping.withPath("Id", "$.id"), JsonColumnMapping.withPath("Bag", "$.inner")];
    const stream = new StreamDescriptor(Readable.from(lines.join("\n")));
    await ingest.ingestFromStream(
        stream,
        properties({ format: DataFormat.JSON, ingestionMappingColumns: mapping }),
    );
    await arrive("Id between (300 .. 301)", 2);
    assert.deepEqual(await rows(`${table} | where Id == 300 | project Bag`), [{ Bag: { text: "ü" } }]);
});

test("a gzip stream with a mapping by name", async () => {
    const mapping = JSON.stringify([{ column: "Id", Properties: { Ordinal: "1" } }]);
    await engine.executeMgmt(database, `.create table ${table} ingestion csv mapping 'second' '${mapping}'`);
    const stream = new StreamDescriptor(Readable.from(gzipSync("x,400\n")), null, CompressionType.GZIP);
    await ingest.ingestFromStream(stream, properties({ ingestionMappingReference: "second" }));
    await arrive("Id == 400", 1);
});

test("a blob", async () => {
    const body = "skipped\n500\n";
    const mapping = [CsvColumnMapping.withOrdinal("Id", 0)];
    await ingest.ingestFromBlob(
        new BlobDescriptor(await upload(body), body.length),
        properties({ ingestionMappingColumns: mapping, ignoreFirstRecord: true }),
    );
    await arrive("Id == 500", 1);
});

/** Makes a csv blob; gives its address with access. */
async function upload(body) {
    const answer = await fetch(`${KUSTO_TEST_ENGINE.replace(/\/$/, "")}/emulator/v1/resources`);
    const [base, sas] = (await answer.json()).containers[0].split("?");
    const blob = `${base}/${randomUUID()}.csv?${sas}`;
    const put = await fetch(blob, { method: "PUT", body, headers: { "x-ms-blob-type": "BlockBlob" } });
    assert.equal(put.status, 201);
    return blob;
}

for (const [name, client, first] of [["streaming", streaming, 900], ["managed", managed, 910]]) {
    test(`the ${name} client streams: all is there when the call returns`, async () => {
        const file = join(directory, `${name}.csv.gz`);
        writeFileSync(file, gzipSync(`${first + 1},b\n`));
        await client.ingestFromStream(Readable.from([Buffer.from(`${first},a\n`)]), properties());
        await client.ingestFromFile(file, properties());
        await client.ingestFromBlob(await upload(`${first + 2},c\n`), properties());
        const found = await rows(`${table} | where Id between (${first} .. ${first + 2}) | project Id | order by Id asc`);
        assert.deepEqual(found.map(({ Id }) => Id), [first, first + 1, first + 2]);
    });
}

test("a json stream with a mapping by name is streamed", async () => {
    const mapping = JSON.stringify([{ column: "Id", Properties: { Path: "$.id" } }]);
    await engine.executeMgmt(database, `.create table ${table} ingestion json mapping 'ids' '${mapping}'`);
    const how = properties({ format: DataFormat.JSON, ingestionMappingReference: "ids" });
    await streaming.ingestFromStream(Readable.from([Buffer.from('{"id":920}\n{"id":921}\n')]), how);
    assert.equal((await rows(`${table} | where Id in (920, 921)`)).length, 2);
});

test("a table without a policy refuses a stream", async () => {
    await engine.executeMgmt(database, `.create table ${table}_queued (Id:long)`);
    const send = streaming.ingestFromStream(Readable.from([Buffer.from("1\n")]), properties({ table: `${table}_queued` }));
    await assert.rejects(send, (error) =>
        JSON.stringify(error.response?.data ?? error.message).includes("StreamingIngestionPolicyNotEnabled"),
    );
    assert.deepEqual(await rows(`${table}_queued`), []);
    await engine.executeMgmt(database, `.drop table ${table}_queued`);
});

test("the managed client queues what is too large", async () => {
    const line = Buffer.from(`930,${"x".repeat(1000)}\n`);
    await managed.ingestFromStream(Readable.from(Array.from({ length: 5000 }, () => line)), properties());
    await arrive("Id == 930", 5000);
});

test("a tag keeps data from arriving twice", async () => {
    const once = properties({ ingestByTags: ["batch-1"], ingestIfNotExists: '["batch-1"]' });
    const sent = () => ingest.ingestFromStream(new StreamDescriptor(Readable.from("600,a\n")), once);
    await sent();
    await arrive("Id == 600", 1);
    await sent();
    await ingest.ingestFromStream(new StreamDescriptor(Readable.from("601,a\n")), properties());
    await arrive("Id == 601", 1);
    await arrive("Id == 600", 1);
});

test("the status queues", async () => {
    const queues = new IngestStatusQueues(ingest);
    const report = { reportLevel: ReportLevel.FailuresAndSuccesses, reportMethod: ReportMethod.Queue };
    const [right, wrong] = [randomUUID(), randomUUID()];
    await ingest.ingestFromStream(new StreamDescriptor(Readable.from("700,a\n"), right), properties(report));
    await ingest.ingestFromStream(
        new StreamDescriptor(Readable.from("1\n"), wrong),
        properties({ ...report, table: "Nowhere" }),
    );
    const succeeded = await status(queues.success, right);
    assert.equal(succeeded.Table, table);
    const failed = await status(queues.failure, wrong);
    assert.deepEqual([failed.Table, failed.FailureStatus, failed.ErrorCode], [
        "Nowhere",
        "Permanent",
        "BadRequest_TableNotExist",
    ]);
});

/** The message of a stream, whose id this SDK uses for the blob's name only; others are removed. */
async function status(queue, source) {
    const end = Date.now() + PATIENCE_MS;
    for (;;) {
        const found = (await queue.pop(8)).find(({ IngestionSourcePath: path }) => path.includes(source));
        if (found) {
            return found;
        }
        assert.ok(Date.now() < end, `no status of ${source}`);
        await pause(100);
    }
}

// Its table package refuses plain HTTP.
test("the status table", { skip: !isTls && "needs TLS" }, async () => {
    const report = { reportLevel: ReportLevel.FailuresAndSuccesses, reportMethod: ReportMethod.Table };
    const right = await ingest.ingestFromStream(new StreamDescriptor(Readable.from("800,a\n")), properties(report));
    const wrong = await ingest.ingestFromStream(
        new StreamDescriptor(Readable.from("1\n")),
        properties({ ...report, table: "Nowhere" }),
    );
    assert.equal((await final(right)).status, "Succeeded");
    const failed = await final(wrong);
    assert.deepEqual([failed.status, failed.errorCode], ["Failed", "BadRequest_TableNotExist"]);
});

/** The entity of an ingestion, with member names as they come but for the case of the first letter. */
async function final(result) {
    const end = Date.now() + PATIENCE_MS;
    for (;;) {
        const entity = await result.getIngestionStatusCollection();
        const members = Object.entries(entity).map(([name, value]) => [name[0].toLowerCase() + name.slice(1), value]);
        const found = Object.fromEntries(members);
        if (found.status !== "Pending") {
            return found;
        }
        assert.ok(Date.now() < end, "still pending");
        await pause(100);
    }
}

test("a query of the second version has every type", async () => {
    const [row] = await rows(
        "print Id = 9007199254740991, Text = 'é', Bag = dynamic({'a': [1, null]}), " +
            "At = datetime(2024-02-29T01:02:03.5Z), Span = time(1.02:03:04.5), Flag = true, Ratio = 0.5, " +
            "Key = guid(7e8b1a4e-9a4d-4c0e-9f58-0d4f1c2ab001)",
    );
    assert.deepEqual(row, {
        Id: 9007199254740991,
        Text: "é",
        Bag: { a: [1, null] },
        At: new Date("2024-02-29T01:02:03.5Z"),
        Span: ((26 * 60 + 3) * 60 + 4.5) * 1000,
        Flag: true,
        Ratio: 0.5,
        Key: "7e8b1a4e-9a4d-4c0e-9f58-0d4f1c2ab001",
    });
});

test("a query of the first version", async () => {
    const answer = await engine.executeQueryV1(database, "print x = 1, y = 'a'");
    assert.deepEqual([...answer.primaryResults[0].rows()].map((row) => row.toJSON()), [{ x: 1, y: "a" }]);
});

test("parameters and options of a request", async () => {
    const request = new ClientRequestProperties();
    request.setParameter("wanted", "a'b");
    request.setTimeout(60_000);
    const text = "declare query_parameters(wanted: string); print found = wanted";
    const answer = await engine.executeQuery(database, text, request);
    assert.deepEqual([...answer.primaryResults[0].rows()].map((row) => row.toJSON()), [{ found: "a'b" }]);
});

test("an answer of progressive frames", async () => {
    const request = new ClientRequestProperties();
    request.setOption("results_progressive_enabled", true);
    const answer = await engine.executeQuery(database, "range x from 1 to 5000 step 1", request);
    assert.equal([...answer.primaryResults[0].rows()].length, 5000);
});

test("the raw answer", async () => {
    const request = new ClientRequestProperties();
    request.raw = true;
    const answer = await engine.executeQuery(database, "print x = 1", request);
    assert.ok(JSON.stringify(answer).includes("DataSetHeader"));
});

test("a wrong query is an error", async () => {
    await assert.rejects(engine.executeQuery(database, `${table} | where NoSuchColumn == 1`), (error) =>
        JSON.stringify(error.response?.data ?? error.message).includes("NoSuchColumn"),
    );
});
