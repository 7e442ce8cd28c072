// The log of a client.
import assert from "node:assert/strict";
import test from "node:test";

import { IngestClient, LogLevel } from "@kusto-ingest/native";

import { connection, database, eventually, limit, newTable, twoRows } from "./bed.mjs";

/** A logger that keeps what it receives. */
function keeping() {
    const lines = [];
    const log = {};
    for (const level of ["error", "warn", "info", "debug", "trace"]) {
        log[level] = (fields, text) => lines.push({ level, fields, text });
    }
    return { lines, log };
}

test("a logger receives the events of its client with their fields", async (t) => {
    const [mine, other] = [keeping(), keeping()];
    const client = new IngestClient(connection, { database }, { log: mine.log, logLevel: LogLevel.Info });
    const silent = new IngestClient(connection, { database }, { log: other.log, logLevel: LogLevel.Info });
    t.after(() => Promise.all([client.close(), silent.close()]));
    client.defaultDatabase = database;
    const table = await newTable(client);
    await client.ingestFromBuffer(twoRows, { table, clientRequestId: "node-test-1" }, limit);
    await eventually("a line", () => mine.lines.some(({ fields }) => fields.table === table));
    const line = mine.lines.find(({ fields }) => fields.table === table);
    assert.equal(line.level, "info");
    assert.equal(typeof line.text, "string");
    assert.equal(line.fields.database, database);
    assert.equal(line.fields.client_request_id, "node-test-1");
    assert.equal(typeof line.fields.event, "string");
    assert.deepEqual(other.lines, []);
});
