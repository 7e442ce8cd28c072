// The event loop: it keeps turning, and the process ends by itself.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { Readable } from "node:stream";
import test from "node:test";

import { arm, connection, count, database, eventually, file, fired, ingested, limit, newClient, newTable, now, patience, stalledUploads } from "./bed.mjs";

/** Counts turns of the event loop until it is stopped. */
function turns() {
    let counted = 0;
    let next = setImmediate(function again() {
        counted++;
        next = setImmediate(again);
    });
    return () => {
        clearImmediate(next);
        return counted;
    };
}

test("the event loop turns during a large ingestion", async (t) => {
    const client = newClient(t, { settings: { "memory budget": 8 * 1024 * 1024 } });
    const data = Buffer.alloc(64 * 1024 * 1024, "1234567,a text of some length\n");
    const path = await file(t, "large.csv", data);
    for (const [name, work] of Object.entries({
        memory: (props) => client.ingestFromBuffer(data, props),
        stream: (props) => client.ingestFromStream(Readable.from(data), props),
        "one piece": (props) => client.ingestFromStream([data], props),
        file: (props) => client.ingestFromFile(path, props),
    })) {
        await t.test(name, async () => {
            const table = await newTable(client);
            const stop = turns();
            await work({ table });
            // One at least for each 4 MiB that may be copied at once.
            const counted = stop();
            assert.ok(counted >= 16, `only ${counted} turns`);
        });
    }
});

test("the event loop turns while a source gives many small pieces", async (t) => {
    const client = newClient(t);
    const table = await newTable(client);
    let counted;
    async function* lines() {
        const stop = turns();
        for (let line = 0; line < 200_000; line++) {
            yield "1,one\n";
        }
        counted = stop();
    }
    await client.ingestFromStream(lines(), { table });
    assert.ok(counted >= 10, `only ${counted} turns`);
});

test("a stream is read no faster than storage takes it", async (t) => {
    const client = newClient(t, { settings: { "memory budget": 4 * 1024 * 1024 } });
    const table = await newTable(client);
    await arm(t, stalledUploads);
    // Data that does not compress, so that the uploads of what was read fill the budget.
    const noise = Buffer.from(Uint32Array.from({ length: 16384 }, () => Math.random() * 2 ** 32).buffer);
    let read = 0;
    const endless = new Readable({
        read() {
            read += noise.length;
            this.push(noise);
        },
    });
    const controller = new AbortController();
    const handed = client.ingestFromStream(endless, now(table), { signal: controller.signal });
    handed.catch(() => {});
    await eventually("an upload stalls", async () => (await fired())[0] > 0);
    // Nothing more is read once the budget is spent: as many turns as it took to read it bring nothing new.
    let before;
    await eventually("reading stops", async () => {
        before = read;
        await manyTurns();
        return read === before;
    });
    controller.abort();
    await assert.rejects(handed);
    assert.ok(read <= 16 * 1024 * 1024, `${read} bytes were read`);
});

async function manyTurns() {
    for (let turn = 0; turn < 2000; turn++) {
        await new Promise((resolve) => setImmediate(resolve));
    }
}

/** Runs this text as a program of its own; returns what it printed. */
async function program(text, input = "commonjs") {
    const header = input === "commonjs" ? 'const kusto = require("@kusto-ingest/native");' : 'import * as kusto from "@kusto-ingest/native";';
    const code = `${header} const { KUSTO_CONNECTION_STRING: connection, KUSTO_DATABASE: database } = process.env; ${text}`;
    const child = spawn(process.execPath, [`--input-type=${input}`, "--eval", code], {
        cwd: new URL("..", import.meta.url),
        env: { ...process.env, KUSTO_CONNECTION_STRING: connection, KUSTO_DATABASE: database },
        stdio: ["ignore", "pipe", "inherit"],
        timeout: patience,
        killSignal: "SIGKILL",
    });
    let said = "";
    child.stdout.on("data", (data) => (said += data));
    const [code_, signal] = await once(child, "close");
    assert.deepEqual([code_, signal], [0, null], said);
    return said;
}

test("the process ends by itself", async (t) => {
    const client = newClient(t);
    const table = await newTable(client);
    const ingest = `client.ingestFromBuffer("1,one\\n", { table: ${JSON.stringify(table)}, flushImmediately: true })`;
    const made = "const client = new kusto.IngestClient(connection, { database });";
    for (const [name, [text, printed]] of Object.entries({
        "when it only loads the package": ["", ""],
        "when its client was never used": [made, ""],
        "when its client was never closed": [`${made} ${ingest}.then(() => console.log("queued"))`, "queued\n"],
        "when its client was closed": [`${made} ${ingest}.then(() => client.close()).then(() => console.log("closed"))`, "closed\n"],
        "when something failed": [`${made} client.executeQuery("D", "nonsense |").catch((e) => console.log(e.code))`, "SERVICE\n"],
        "when it has a log": [`kusto.setLog(5, () => {}); ${made} ${ingest}.then(() => console.log("queued"))`, "queued\n"],
        "when it exits with work in flight": [`${made} ${ingest}; setImmediate(() => process.exit(0))`, ""],
        "when a token was asked for": [
            `const kcsb = kusto.KustoConnectionStringBuilder.withTokenProvider(connection, async () => "t");
             const client = new kusto.IngestClient(kcsb, { database }); ${ingest}.then(() => console.log("queued"))`,
            "queued\n",
        ],
    })) {
        for (const input of ["commonjs", "module"]) {
            await t.test(`${name}, as ${input}`, async () => assert.equal(await program(text, input), printed));
        }
    }
});

test("both kinds of modules are one", async () => {
    const text = `const other = require("@kusto-ingest/native");
        import("@kusto-ingest/native").then((m) => console.log(m.KustoError === other.KustoError, Object.keys(m).filter((name) => name !== "default").length === Object.keys(other).length))`;
    assert.equal(await program(text), "true true\n");
});

test("forgotten clients are collected", async (t) => {
    const text = `
        global.gc ?? require("node:v8").setFlagsFromString("--expose-gc");
        const gc = global.gc ?? require("node:vm").runInNewContext("gc");
        let collected = 0;
        const registry = new FinalizationRegistry(() => collected++);
        for (let n = 0; n < 50; n++) {
            const kcsb = kusto.KustoConnectionStringBuilder.withTokenProvider(connection, async () => "t");
            registry.register(new kusto.IngestClient(kcsb), n);
        }
        const look = () => { gc(); collected >= 49 ? console.log("collected") : setTimeout(look, 5); };
        look();`;
    assert.equal(await program(text), "collected\n");
    const client = newClient(t);
    const table = await newTable(client);
    await ingested(client.ingestFromBuffer("1,one\n", now(table), limit));
    assert.equal(await count(client, table), 1);
});
