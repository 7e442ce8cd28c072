// Calls that may be repeated, and the check of a table.
import assert from "node:assert/strict";
import test from "node:test";

import { Client } from "@kusto-ingest/native";

import { connection, count, database, failed, ingested, limit, newClient, newTable, now, twoRows } from "./bed.mjs";

test("once", async (t) => {
    const client = newClient(t);
    const table = await newTable(client);
    const properties = now(table, { once: "key" });
    await ingested(client.ingestFromBuffer(twoRows, properties, limit));
    const again = await ingested(client.ingestFromBuffer(twoRows, properties, limit));
    assert.equal((await again.status(limit))[0].State, "Skipped");
    assert.equal(await count(client, table), 2);
});

test("warming up checks the table", async (t) => {
    const client = newClient(t);
    const table = await newTable(client);
    const { unchecked } = await client.warmUp({ properties: { table }, ...limit });
    assert.ok(unchecked.every((what) => typeof what === "string"));
    const error = await failed(client.warmUp({ properties: { table: `${table}x` }, ...limit }), "NOT_FOUND");
    assert.match(error.message, new RegExp(table));
    const queries = new Client(connection);
    t.after(() => queries.close());
    await queries.warmUp({ properties: { database, table }, ...limit });
});
