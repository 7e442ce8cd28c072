// How data is read, and what is reported.
import assert from "node:assert/strict";
import test from "node:test";

import {
    CommandGenerator,
    CsvColumnMapping,
    DataFormat,
    ConstantTransformation,
    IngestStatusQueues,
    IngestionMappingKind,
    IngestionProperties,
    JsonColumnMapping,
    ReportLevel,
    ReportMethod,
    ValidationImplications,
    ValidationOptions,
    ValidationPolicy,
} from "@kusto-ingest/native";

import { count, eventually, failed, ingested, limit, newClient, newTable, now, single, twoRows, upload } from "./bed.mjs";

test("mappings", async (t) => {
    const client = newClient(t);
    const columns = [JsonColumnMapping.withPath("Id", "$.number"), JsonColumnMapping.withPath("Text", "$.word")];
    const json = JSON.stringify(columns.map((column) => column.toApiMapping()));
    const { createMapping, createOrAlterMapping, dropMapping, showMappings } = CommandGenerator;
    for (const [name, properties] of Object.entries({
        columns: { ingestionMappingColumns: columns },
        "columns of the service's shape": { ingestionMappingColumns: JSON.parse(json), ingestionMappingKind: IngestionMappingKind.JSON },
        text: { ingestionMappingColumns: json, format: DataFormat.JSON },
        reference: { ingestionMappingReference: "the mapping", format: DataFormat.JSON },
    })) {
        await t.test(name, async () => {
            const table = await newTable(client);
            await client.executeMgmt(null, createMapping(table, "Json", "the mapping", columns));
            await client.executeMgmt(null, createOrAlterMapping(table, "Json", "the mapping", json));
            await ingested(client.ingestFromBuffer('{"word":"seven","number":7}', now(table, properties)));
            assert.equal(await single(client, `['${table}'] | where Text == 'seven' | project Id`), 7);
            const shown = await client.executeMgmt(null, showMappings(table, "Json"));
            assert.equal(shown.primaryResults[0].length, 1);
            await client.executeMgmt(null, dropMapping(table, "Json", "the mapping"));
        });
    }
    await t.test("of CSV with a constant and the file's name", async () => {
        const table = await newTable(client);
        const ingestionMappingColumns = [
            CsvColumnMapping.withOrdinal("Id", 1, "long"),
            CsvColumnMapping.withConstantValue("Text", "constant"),
            CsvColumnMapping.withTransform("Blob", ConstantTransformation.SourceLocation, "string"),
        ];
        await ingested(client.ingestFromBuffer("one,1\n", now(table, { ingestionMappingColumns })));
        assert.equal(await single(client, `['${table}'] | where Text == 'constant' | project Id`), 1);
    });
});

test("all other properties", async (t) => {
    const client = newClient(t);
    const table = await newTable(client);
    const { ValidateCsvInputConstantColumns } = ValidationOptions;
    const properties = now(table, {
        format: DataFormat.PSV,
        ignoreFirstRecord: true,
        ignoreSizeLimit: true,
        retainBlobOnSuccess: true,
        creationTime: new Date("2025-05-01T02:03:04Z"),
        validationPolicy: new ValidationPolicy(ValidateCsvInputConstantColumns, ValidationImplications.BestEffort),
        additionalTags: ["plain"],
        dropByTags: ["drop"],
        ingestByTags: ["by"],
        additionalProperties: { extend_schema: "false", anything: { a: 1 } },
    });
    await ingested(client.ingestFromBuffer("Id|Text\n1|one\n", properties));
    assert.equal(await count(client, table), 1);
});

test("the same tag twice is ingested once", async (t) => {
    const client = newClient(t);
    const table = await newTable(client);
    const properties = now(table, { ingestByTags: ["batch-1"], ingestIfNotExists: "batch-1" });
    const first = await ingested(client.ingestFromBuffer(twoRows, properties));
    const second = await ingested(client.ingestFromBuffer(twoRows, { ...properties, ingestIfNotExists: ["batch-1"] }));
    const third = await ingested(client.ingestFromBuffer(twoRows, { ...properties, ingestIfNotExists: '["batch-1"]' }));
    const states = [await first.status(), await second.status(), await third.status()].map(([status]) => status.State);
    assert.deepEqual(states, ["Succeeded", "Skipped", "Skipped"]);
    assert.equal(await count(client, table), 2);
});

test("defaults are merged", async (t) => {
    const client = newClient(t, { props: { table: "Wrong", format: DataFormat.PSV } });
    const table = await newTable(client);
    await ingested(client.ingestFromBuffer("1|one\n", new IngestionProperties(now(table))));
    assert.equal(await count(client, table), 1);
    assert.deepEqual({ ...client.defaultProps.merge({ table: undefined }) }, { ...client.defaultProps });
});

test("Unicode names", async (t) => {
    const client = newClient(t);
    const columns = [
        { name: "Größe", type: "long" },
        { name: "текст", type: "string" },
    ];
    const table = await newTable(client, `Tabelle für 数据 ${process.pid} ${Date.now()}`, columns);
    await ingested(client.ingestFromBuffer("7,żółw 🐢\n", now(table, { dropByTags: ["日本"] })));
    const { primaryResults } = await client.executeQuery(null, CommandGenerator.identifier(table));
    const row = primaryResults[0].row(0);
    assert.deepEqual([row["Größe"], row["текст"]], [7, "żółw 🐢"]);
});

/** Waits for the one notification about an ingestion, looks at it, and takes it. */
async function notification(queue, of) {
    await eventually("a notification", async () => (await queue.peek(10, { of, ...limit })).length === 1);
    const taken = await queue.pop(10, { of, ...limit });
    assert.equal(taken.length, 1);
    assert.equal((await queue.peek(10, { of, ...limit })).length, 0);
    return taken[0];
}

test("reports to the queues", async (t) => {
    const client = newClient(t);
    const queues = new IngestStatusQueues(client);
    const table = await newTable(client);
    const queue = now(table, { reportMethod: ReportMethod.Queue });
    const result = await client.ingestFromBuffer(twoRows, queue);
    const success = await notification(queues.success, result);
    assert.deepEqual([success.State, success.IngestionSourceId], ["Succeeded", result.sourceId]);
    assert.equal((await result.status())[0].State, "Queued");
    assert.equal((await failed(result.wait(), "INVALID_STATE")).permanent, true);
    assert.equal(typeof (await queues.failure.isEmpty()), "boolean");
});

test("reports to the status table, also for a token of another client", async (t) => {
    const client = newClient(t);
    const table = await newTable(client);
    const result = await ingested(client.ingestFromBuffer(twoRows, now(table)));
    const again = newClient(t).resultOf(result.trackingToken);
    const [status] = await again.status({ untilFinal: true, ...limit });
    assert.deepEqual([status.State, status.Table, status.IngestionSourceId], ["Succeeded", table, result.sourceId]);
    assert.deepEqual(await result.getIngestionStatusCollection(), status);
    assert.doesNotMatch(result.trackingToken, /sig/);
});

test("a table that does not exist", async (t) => {
    const client = newClient(t);
    const table = `Missing_${process.pid}_${Date.now()}`;
    const both = now(table, { reportMethod: ReportMethod.QueueAndTable, reportLevel: ReportLevel.FailuresAndSuccesses });
    const result = await client.ingestFromBuffer(twoRows, both);
    const error = await failed(result.wait({ interval: 20, ...limit }), "SERVICE");
    assert.equal(error.permanent, true);
    assert.ok(error.serviceCode);
    assert.equal(error.statuses[0].State, "Failed");
    const failure = await notification(new IngestStatusQueues(client).failure, result);
    assert.deepEqual([failure.Table, failure.ErrorCode, failure.Retry], [table, error.serviceCode, "never"]);
});

test("one blob of two that cannot be read is a partial failure", async (t) => {
    const client = newClient(t);
    const table = await newTable(client);
    const good = await upload(`partial-${Date.now()}.csv`, twoRows);
    const bad = good.replace(/partial-\d+/, "not-there");
    const result = await client.ingestFromBlobs([good, bad], now(table));
    const error = await failed(result.wait({ interval: 20, ...limit }), "PARTIAL");
    assert.deepEqual(error.statuses.map(({ State }) => State), ["Succeeded", "Failed"]);
});
