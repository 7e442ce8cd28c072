// Streaming and managed clients, and what a result says of the way that its data took.
import assert from "node:assert/strict";
import { Readable } from "node:stream";
import test from "node:test";

import {
    CsvColumnMapping,
    IngestionMode,
    KustoConnectionStringBuilder,
    ManagedStreamingIngestClient,
    OperationStatus,
    Route,
    StreamingIngestClient,
} from "@kusto-ingest/native";

import { arm, connection, count, database, failed, ingested, limit, newClient, newTable, now, twoRows } from "./bed.mjs";

const policyOff = "BadRequest_StreamingIngestionPolicyNotEnabled";
const props = { database };
const kcsb = new KustoConnectionStringBuilder(connection);

/** A client that is closed after the test. */
function closed(t, client) {
    t.after(() => client.close());
    return client;
}

async function streamingTable(client) {
    const table = await newTable(client);
    await client.executeMgmt(null, `.alter table ['${table}'] policy streamingingestion enable`, null, limit);
    return table;
}

test("streamed data is in the table when the call resolves", async (t) => {
    const first = newClient(t);
    for (const [name, create] of Object.entries({
        streaming: () => new StreamingIngestClient(connection, props),
        managed: () => new ManagedStreamingIngestClient(kcsb, null, props),
        "managed with both": () => new ManagedStreamingIngestClient(kcsb, connection, props),
        "by the engine": () => ManagedStreamingIngestClient.fromEngineConnectionString(kcsb, props),
        "by the ingestion service": () => ManagedStreamingIngestClient.fromDmConnectionString(connection, props),
    })) {
        await t.test(name, async (t) => {
            const client = closed(t, create());
            const table = await streamingTable(first);
            const result = await client.ingestFromStream(Readable.from([twoRows]), { table }, limit);
            assert.equal(await count(first, table), 2);
            assert.deepEqual(result.delivery, {
                route: Route.Streamed,
                attempts: 1,
                fallbackCause: undefined,
                updatePolicy: { status: "Inactive", failureCode: "Unknown", failureReason: null, failed: false },
                possiblyDuplicated: false,
            });
            // Without a status table, and without asking.
            for (const known of [result, first.resultOf(result.trackingToken)]) {
                const statuses = await known.status();
                assert.deepEqual(statuses.map(({ Status }) => Status), [OperationStatus.Succeeded]);
            }
            assert.equal(first.resultOf(result.trackingToken).delivery, undefined);
        });
    }
});

test("an ingestion has its own mode", async (t) => {
    const queues = newClient(t);
    const streams = closed(t, new StreamingIngestClient(connection, props));
    const table = await streamingTable(queues);
    const rows = [
        [queues, undefined, Route.Queued],
        [queues, IngestionMode.Streaming, Route.Streamed],
        [queues, IngestionMode.Managed, Route.Streamed],
        [streams, IngestionMode.Queued, Route.Queued],
    ];
    for (const [client, ingestionMode, route] of rows) {
        const { delivery } = await ingested(client.ingestFromBuffer("1,a\n", now(table, { ingestionMode })));
        assert.equal(delivery.route, route);
    }
    assert.equal(await count(queues, table), rows.length);
    for (const ingestionMode of [9, "streaming"]) {
        const error = await failed(queues.ingestFromBuffer("1,a\n", { table, ingestionMode }), "INVALID_ARGUMENT");
        assert.equal(error.argument, "ingestionMode");
    }
});

test("without a policy data is queued or refused", async (t) => {
    const first = newClient(t);
    const table = await newTable(first);
    const managed = (settings) => closed(t, new ManagedStreamingIngestClient(connection, null, props, { settings }));
    const { delivery } = await ingested(managed().ingestFromBuffer(twoRows, now(table)));
    assert.deepEqual([delivery.route, delivery.attempts, delivery.updatePolicy], [Route.Queued, 1, undefined]);
    assert.deepEqual([delivery.fallbackCause.serviceCode, delivery.fallbackCause.code], [policyOff, "SERVICE"]);
    for (const client of [managed({ "streaming unavailable": "fail" }), closed(t, new StreamingIngestClient(connection, props))]) {
        const error = await failed(client.ingestFromBuffer(twoRows, { table }), "SERVICE");
        assert.deepEqual([error.serviceCode, error.inDoubt, error.retry], [policyOff, false, "never"]);
    }
    assert.equal(await count(first, table), 2);
});

test("what streaming cannot have is refused by name", async (t) => {
    const client = closed(t, new StreamingIngestClient(connection, props));
    for (const [name, properties] of Object.entries({
        ingestionMapping: { ingestionMappingColumns: [CsvColumnMapping.withOrdinal("Id", 0)] },
        tags: { dropByTags: ["x"] },
        once: { once: "key" },
        ignoreFirstRecord: { ignoreFirstRecord: true },
    })) {
        const error = await failed(client.ingestFromBuffer(twoRows, { table: "T", ...properties }), "INVALID_ARGUMENT");
        assert.equal(error.argument, name);
    }
});

test("a program's own settings override those of the class", async (t) => {
    const first = newClient(t);
    const table = await streamingTable(first);
    const settings = { "In Doubt": "retry", "ingestion mode": "managed" };
    const client = closed(t, new StreamingIngestClient(connection, props, { settings }));
    await arm(t, { service: "ingest", times: 1, fault: { kind: "cut", when: "after" } });
    const { delivery } = await client.ingestFromBuffer(twoRows, { table }, limit);
    assert.deepEqual([delivery.attempts, delivery.possiblyDuplicated], [2, true]);
    assert.equal((await client.ingestFromBuffer(twoRows, now(table, { dropByTags: ["x"] }), limit)).delivery.route, Route.Queued);
});

test("a setting without a value says nothing", async (t) => {
    const first = newClient(t);
    const table = await streamingTable(first);
    for (const value of [undefined, null]) {
        const client = closed(t, new StreamingIngestClient(connection, props, { settings: { "ingestion mode": value } }));
        const { delivery } = await client.ingestFromBuffer(twoRows, { table }, limit);
        assert.equal(delivery.route, Route.Streamed);
    }
});

test("the address of an ingestion service is that which follows from the engine's", async () => {
    // The token may not be sent there, which the library finds before it connects.
    const token = (address) => KustoConnectionStringBuilder.withAccessToken(`https://${address}`, "a-token");
    for (const [engine, dm, host] of [
        ["c.example", "c.example/", "ingest-c.example"],
        ["c.example", "Ingest-C.example", "ingest-c.example"],
        ["ingest-c.example", "c.example", "ingest-c.example"],
        ["c.example", "other.example", "other.example"],
    ]) {
        const client = new ManagedStreamingIngestClient(token(engine), token(dm), props);
        const error = await client.warmUp().then(() => assert.fail("a token was sent"), (error) => error);
        assert.equal(error.host, host, error.message);
        await client.close();
    }
});

test("wrong arguments are named", async () => {
    for (const [name, create] of Object.entries({
        engineKcsb: () => new ManagedStreamingIngestClient(),
        dmKcsb: () => new ManagedStreamingIngestClient(connection, props),
        kcsb: () => new StreamingIngestClient(7),
        options: () => new StreamingIngestClient(connection, props, true),
    })) {
        assert.equal((await failed(create, "INVALID_ARGUMENT")).argument, name);
    }
    const settings = { "ingestion mode": "direct" };
    const error = await failed(() => new StreamingIngestClient(connection, props, { settings }), "CONFIG");
    assert.equal(error.argument, "ingestion mode");
});
