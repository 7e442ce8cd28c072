// Cancellation, deadlines, closing, and many things at once.
import assert from "node:assert/strict";
import { Readable, addAbortSignal } from "node:stream";
import test from "node:test";

import { ClientRequestProperties, KustoError } from "@kusto-ingest/native";

import {
    arm, ask, connection, count, eventually, failed, file, fired, ingested, limit, newClient, newTable, now, posted,
    resetTraffic, stalledQueries, stalledUploads, twoRows, whenStalled,
} from "./bed.mjs";

/** A stream that gives so much and then hangs. */
const hanging = (first = twoRows) => {
    const stream = new Readable({ read() {} });
    stream.push(first);
    return stream;
};

/** A generator that hangs, and cannot be left. */
async function* stubborn() {
    yield twoRows;
    await new Promise(() => {});
}

async function rejectsWith(promise, reason) {
    await assert.rejects(promise, (error) => error === reason);
}

test("cancelled before", async (t) => {
    const client = newClient(t);
    const reason = new Error("changed my mind");
    const signal = AbortSignal.abort(reason);
    await resetTraffic();
    const result = client.resultOf("k1.e30");
    for (const call of [
        client.ingestFromBuffer(twoRows, { table: "T" }, { signal }),
        client.ingestFromStream(hanging(), { table: "T" }, { signal }),
        client.ingestFromFile("no such file", { table: "T" }, { signal }),
        client.ingestFromBlob("http://127.0.0.1/a/b", { table: "T" }, { signal }),
        client.executeQuery(null, "print 1", null, { signal }),
        client.warmUp({ signal }),
        result.status({ signal }),
        result.wait({ signal }),
    ]) {
        await rejectsWith(call, reason);
    }
    assert.equal((await ask("GET", "traffic")).requests, 0);
});

test("cancelled during an upload", async (t) => {
    const client = newClient(t);
    const table = await newTable(client);
    await resetTraffic();
    await arm(t, stalledUploads);
    const controller = new AbortController();
    const handed = client.ingestFromStream(Readable.from([twoRows]), now(table), { signal: controller.signal });
    await whenStalled();
    controller.abort();
    await assert.rejects(handed, { name: "AbortError" });
    await rejectsWith(handed, controller.signal.reason);
    assert.equal(await posted(), 0);
});

test("cancelled while the source hangs", async (t) => {
    const client = newClient(t);
    const table = await newTable(client);
    await resetTraffic();
    let cancelled;
    const web = new ReadableStream({ start: (c) => c.enqueue(twoRows), cancel: (reason) => (cancelled = { reason }) });
    const readable = hanging();
    for (const [name, source] of Object.entries({ readable, web, stubborn: stubborn() })) {
        await t.test(name, async () => {
            const controller = new AbortController();
            const handed = client.ingestFromStream(source, now(table), { signal: controller.signal });
            setImmediate(() => controller.abort(name));
            await rejectsWith(handed, name);
        });
    }
    assert.ok(readable.destroyed);
    assert.ok(cancelled);
    assert.equal(await posted(), 0);
});

test("a source with the same signal fails as the signal says", async (t) => {
    const client = newClient(t);
    const table = await newTable(client);
    const controller = new AbortController();
    const source = addAbortSignal(controller.signal, hanging());
    const handed = client.ingestFromStream(source, now(table), { signal: controller.signal });
    setImmediate(() => controller.abort("both"));
    await rejectsWith(handed, "both");
});

test("cancelled when the message may be on its way", async (t) => {
    const client = newClient(t);
    const table = await newTable(client);
    await arm(t, { service: "queue", operation: "PutMessage", fault: { kind: "stall", when: "after" } });
    const controller = new AbortController();
    const handed = client.ingestFromBuffer(twoRows, { table }, { signal: controller.signal });
    await whenStalled();
    controller.abort();
    const error = await failed(handed, "CANCELLED");
    assert.equal(error.inDoubt, true);
    assert.equal(error.cause, controller.signal.reason);
});

test("cancelled after", async (t) => {
    const client = newClient(t);
    const table = await newTable(client);
    const controller = new AbortController();
    const result = await ingested(client.ingestFromBuffer(twoRows, now(table), { signal: controller.signal }));
    controller.abort();
    await ingested(result);
    await rejectsWith(result.wait({ signal: controller.signal }), controller.signal.reason);
});

test("commands, queries and status are cancelled too", async (t) => {
    const client = newClient(t);
    const table = await newTable(client);
    const result = await client.ingestFromBuffer(twoRows, now(table));
    await arm(t, stalledQueries, { service: "table", operation: "GetEntity", fault: { kind: "stall", when: "before" } });
    const calls = {
        query: (options) => client.executeQuery(null, "print 1", null, options),
        status: (options) => result.status(options),
    };
    for (const [rule, [name, call]] of Object.entries(calls).entries()) {
        const controller = new AbortController();
        const ending = call({ signal: controller.signal });
        await eventually(`the ${name} stalls`, async () => (await fired())[rule] > 0);
        controller.abort(name);
        await rejectsWith(ending, name);
    }
});

test("no listener stays at a signal", async (t) => {
    const client = newClient(t);
    const table = await newTable(client);
    const { signal } = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args) => (listeners++, addEventListener.apply(signal, args));
    signal.removeEventListener = (...args) => (listeners--, removeEventListener.apply(signal, args));
    await client.ingestFromBuffer(twoRows, now(table), { signal });
    await client.executeQuery(null, "print 1", null, { signal });
    await failed(client.executeQuery(null, "nonsense |", null, { signal }), "SERVICE");
    assert.equal(listeners, 0);
});

test("deadlines", async (t) => {
    const client = newClient(t);
    const table = await newTable(client);
    await arm(t, stalledUploads, stalledQueries);
    // Time for a busy machine to reach the host that does not answer.
    const short = { timeout: 500 };
    const properties = new ClientRequestProperties();
    properties.setClientTimeout(500);
    for (const [name, call] of Object.entries({
        upload: () => client.ingestFromBuffer(twoRows, now(table), short),
        query: () => client.executeQuery(null, "print 1", null, short),
        "query with a client timeout": () => client.executeQuery(null, "print 1", properties),
    })) {
        await t.test(name, async () => {
            const error = await failed(call, "TIMED_OUT");
            assert.ok(error.host);
            assert.equal(error.inDoubt, false);
        });
    }
    await t.test("a source that hangs", async () => {
        const source = hanging();
        await failed(client.ingestFromStream(source, now(table), short), "TIMED_OUT");
        assert.ok(source.destroyed);
    });
    await t.test("no deadline at all", async () => {
        const { primaryResults } = await client.executeMgmt(null, ".show tables", null, { timeout: Infinity });
        assert.ok(primaryResults[0].length > 0);
    });
});

test("closing with work in flight", async (t) => {
    const client = newClient(t);
    const table = await newTable(client);
    await resetTraffic();
    await arm(t, stalledUploads, stalledQueries);
    const ends = [];
    const calls = {
        upload: client.ingestFromBuffer(twoRows, { table }),
        stream: client.ingestFromStream(hanging(), { table }),
        query: client.executeQuery(null, "print 1"),
    };
    for (const [name, call] of Object.entries(calls)) {
        call.catch((error) => ends.push([name, error.code]));
    }
    await eventually("both stall", async () => (await fired()).every((times) => times > 0));
    assert.equal(await client.close(), 2);
    assert.deepEqual(ends.sort(), Object.keys(calls).sort().map((name) => [name, "CANCELLED"]));
    await failed(client.executeQuery(null, "print 1"), "INVALID_STATE");
    await failed(client.ingestFromBuffer(twoRows, { table }), "INVALID_STATE");
    assert.equal(await posted(), 0);
});

test("closing waits for a call that has not reached the library", async (t) => {
    const client = newClient(t);
    await resetTraffic();
    // Copied in turns of the event loop, so that the library sees it only later.
    const large = Buffer.alloc(64 << 20, "1,one\n");
    let end;
    client.ingestFromBuffer(large, { table: "T" }).catch((error) => (end = error.code));
    // Node 18.17 has no such symbol.
    const last = Symbol.asyncDispose === undefined ? "close" : Symbol.asyncDispose;
    await Promise.all([client.close(), client.close(), client[last]()]);
    assert.equal(end, "INVALID_STATE");
    assert.equal(await posted(), 0);
});

test("closing may wait for work", async (t) => {
    const client = newClient(t);
    const table = await newTable(client);
    const source = hanging("1,one\n");
    const handed = client.ingestFromStream(source, now(table), { onProgress: () => {} });
    const closing = client.close({ timeout: 30_000 });
    await eventually("new calls are refused", async () => {
        const error = await client.warmUp(limit).catch((error) => error);
        return error instanceof KustoError && error.code === "INVALID_STATE";
    });
    source.push("2,two\n");
    source.push(null);
    const [result, abandoned] = await Promise.all([handed, closing]);
    assert.equal(abandoned, 0);
    const other = newClient(t);
    await other.resultOf(result.trackingToken).wait({ interval: 20, ...limit });
    assert.equal(await count(other, table), 2);
});

test("many calls of two clients at once", async (t) => {
    const clients = [newClient(t), newClient(t, { kcsb: connection })];
    const table = await newTable(clients[0]);
    const calls = Array.from({ length: 60 }, (_, n) => {
        const client = clients[n % 2];
        const work = n % 3 === 0 ? client.ingestFromBuffer(twoRows, now(table)) : client.ingestFromStream(Readable.from([twoRows]), now(table));
        return ingested(work);
    });
    const results = await Promise.all(calls);
    assert.equal(new Set(results.map(({ sourceId }) => sourceId)).size, 60);
    assert.equal(await count(clients[1], table), 120);
});

test("progress", async (t) => {
    const client = newClient(t);
    const table = await newTable(client);
    const path = await file(t, "rows.csv", twoRows);
    const seen = [];
    const result = await client.ingestFromFile(path, now(table), { onProgress: (progress) => seen.push(progress) });
    const size = twoRows.length;
    assert.deepEqual(seen.at(-1), { read: size, sent: result.bytesSent, total: size });
    const streamed = [];
    await client.ingestFromStream([twoRows], now(table), { onProgress: (progress) => streamed.push(progress) });
    assert.equal(streamed.at(-1).total, undefined);
    assert.equal(streamed.at(-1).read, size);
});

test("a progress callback that throws fails the ingestion", async (t) => {
    const client = newClient(t);
    const table = await newTable(client);
    await arm(t, { service: "queue", operation: "PutMessage", fault: { kind: "stall", when: "before" } });
    const broken = new Error("no more");
    const onProgress = () => {
        throw broken;
    };
    const error = await failed(client.ingestFromBuffer(twoRows, now(table), { onProgress }), "CALLBACK");
    assert.equal(error.cause, broken);
    assert.match(error.message, /no more/);
});

test("an asynchronous progress callback that rejects fails the ingestion", async (t) => {
    const client = newClient(t);
    const table = await newTable(client);
    await arm(t, { service: "queue", operation: "PutMessage", fault: { kind: "stall", when: "before" } });
    const broken = new Error("no more");
    const error = await failed(client.ingestFromBuffer(twoRows, now(table), { onProgress: () => Promise.reject(broken) }), "CALLBACK");
    assert.equal(error.cause, broken);
});

test("a progress callback that throws too late is still reported", async (t) => {
    const client = newClient(t);
    const table = await newTable(client);
    const broken = new Error("no more");
    const onProgress = ({ sent }) => {
        if (sent > 0) {
            throw broken;
        }
    };
    const error = await failed(client.ingestFromBuffer(twoRows, now(table), { onProgress }), "CALLBACK");
    assert.equal(error.cause, broken);
});
