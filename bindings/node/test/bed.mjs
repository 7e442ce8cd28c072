// Shared by the tests. They need an emulator, named by KUSTO_CONNECTION_STRING and KUSTO_DATABASE.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Worker } from "node:worker_threads";

import { CommandGenerator, IngestClient, KustoError, ReportLevel, ReportMethod } from "@kusto-ingest/native";

export const { KUSTO_CONNECTION_STRING: connection, KUSTO_DATABASE: database } = process.env;
assert.ok(connection && database, "set KUSTO_CONNECTION_STRING and KUSTO_DATABASE");

export const twoRows = "1,one\n2,two\n";

/** A limit for tests that hang, no measure of anything. */
export const patience = 30_000;
export const limit = { timeout: patience };

export async function eventually(what, holds) {
    for (const end = Date.now() + patience; !(await holds()); await pause(5)) {
        assert.ok(Date.now() < end, `never: ${what}`);
    }
}

/** A client that is closed after the test. */
export function newClient(t, { kcsb = connection, props, settings } = {}) {
    const client = new IngestClient(kcsb, { database, ...props }, { settings });
    client.defaultDatabase = database;
    t.after(() => client.close());
    return client;
}

let tables = 0;

export async function newTable(client, name = `Node_${process.pid}_${Date.now()}_${++tables}`, columns) {
    const text = [
        { name: "Id", type: "long" },
        { name: "Text", type: "string" },
    ];
    await client.executeMgmt(null, CommandGenerator.createTable(name, columns ?? text), null, limit);
    return name;
}

/** Properties that make the service ingest at once and report. */
export const now = (table, more) => ({
    table,
    flushImmediately: true,
    reportLevel: ReportLevel.FailuresAndSuccesses,
    reportMethod: ReportMethod.Table,
    ...more,
});

/** Waits until the service has the data. */
export async function ingested(result) {
    const handed = await result;
    await handed.wait({ interval: 20, ...limit });
    return handed;
}

export async function single(client, query) {
    const { primaryResults } = await client.executeQuery(null, query, null, limit);
    return primaryResults[0].row(0).getValueAt(0);
}

export const count = (client, table) => single(client, `${CommandGenerator.identifier(table)} | count`);

/** The KustoError of this code that a promise or a function fails with. */
export async function failed(work, code) {
    let error;
    try {
        await (typeof work === "function" ? work() : work);
    } catch (caught) {
        error = caught;
    }
    assert.ok(error instanceof KustoError, `no KustoError but ${error}`);
    assert.equal(error.code, code, error.message);
    assert.ok(error.message && error.step, "a text is missing");
    return error;
}

const engine = /Data Source=([^;]+)/.exec(connection)?.[1].replace(/\/$/, "") ?? connection;

/** Talks to the emulator's own endpoints. */
export async function ask(method, path, body) {
    const response = await fetch(`${engine}/emulator/v1/${path}`, { method, body: body && JSON.stringify(body) });
    const text = await response.text();
    assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`);
    return text && JSON.parse(text);
}

/** Lets requests fail until the end of the test. */
export async function arm(t, ...rules) {
    t.after(() => ask("DELETE", "faults"));
    for (const rule of rules) {
        await ask("POST", "faults", rule);
    }
}

/** How often each armed rule has fired. */
export async function fired() {
    return (await ask("GET", "faults")).map((rule) => rule.fired);
}

export const stalledUploads = { service: "blob", fault: { kind: "stall", when: "before" } };
export const stalledQueries = { service: "query", fault: { kind: "stall", when: "before" } };

/** Waits until a request hangs in the emulator. */
export const whenStalled = () => eventually("a request stalls", async () => (await fired()).some((times) => times > 0));

/** Counts what was sent to queues since the last `DELETE traffic`. */
export async function posted() {
    return (await ask("GET", "traffic")).services.queue?.requests ?? 0;
}

export const resetTraffic = () => ask("DELETE", "traffic");

/** Puts a blob of ours into the emulator's storage; returns its URL with access. */
export async function upload(name, content) {
    const { containers } = await ask("GET", "resources");
    const [address, access] = containers[0].split("?");
    const url = `${address}/${name}?${access}`;
    const headers = { "x-ms-blob-type": "BlockBlob", "x-ms-version": "2021-12-02" };
    const response = await fetch(url, { method: "PUT", headers, body: content });
    assert.equal(response.status, 201);
    return url;
}

/** A file that is gone after the test. */
export async function file(t, name, content) {
    const directory = await mkdtemp(join(tmpdir(), "kusto-"));
    t.after(() => rm(directory, { recursive: true }));
    const path = join(directory, name);
    await writeFile(path, content);
    return path;
}

/** A worker that runs this text as a module; its messages are waited for with `once(worker, "message")`. */
export function work(text, workerData = {}) {
    const code = `const { parentPort, workerData } = require("node:worker_threads");
        const kusto = require(${JSON.stringify(new URL("../index.cjs", import.meta.url).pathname)});
        (async () => { ${text} })();`;
    return new Worker(code, { eval: true, workerData: { connection, database, ...workerData } });
}

export const message = async (worker) => (await once(worker, "message"))[0];
