// Faults of the services, armed over HTTP.
import assert from "node:assert/strict";
import { Readable } from "node:stream";
import test from "node:test";

import { KustoError } from "@kusto-ingest/native";

import { arm, count, failed, fired, ingested, limit, newClient, newTable, now, twoRows, upload } from "./bed.mjs";

async function mustFire(...least) {
    const times = await fired();
    least.forEach((count, rule) => assert.ok(times[rule] >= count, `rule ${rule} fired ${times[rule]} times`));
}

test("throttled uploads are repeated", async (t) => {
    const client = newClient(t);
    const table = await newTable(client);
    await arm(t, { service: "blob", times: 2, fault: { kind: "status", status: 503, code: "ServerBusy", retryAfter: 1 } });
    await ingested(client.ingestFromStream(Readable.from([twoRows]), now(table)));
    await mustFire(2);
    assert.equal(await count(client, table), 2);
});

test("failover sends every byte again", async (t) => {
    const client = newClient(t);
    const table = await newTable(client);
    await arm(t, { service: "blob", account: "kustoemu1", fault: { kind: "cut", when: "during", bytes: 3 } });
    let rows = 0;
    // The library begins with whichever account it likes.
    while ((await fired())[0] === 0 && rows < 100) {
        await ingested(client.ingestFromStream(Readable.from([twoRows]), now(table)));
        rows += 2;
    }
    await mustFire(1);
    assert.equal(await count(client, table), rows);
});

test("refused uploads are an error with attempts", async (t) => {
    const client = newClient(t);
    const table = await newTable(client);
    await arm(t, { service: "blob", fault: { kind: "status", status: 403, code: "AuthorizationFailure" } });
    const error = await failed(client.ingestFromBuffer(twoRows, now(table)), "AUTH");
    assert.deepEqual([error.httpStatus, error.serviceCode, error.inDoubt], [403, "AuthorizationFailure", false]);
    assert.ok(error.host);
    assert.ok(error.attempts.length >= 2);
    assert.deepEqual([error.attempts[0].httpStatus, error.attempts[0].code], [403, "AUTH"]);
    await mustFire(2);
});

test("a message that may have arrived is in doubt", async (t) => {
    const client = newClient(t);
    const table = await newTable(client);
    await arm(t, { service: "queue", operation: "PutMessage", times: 1, fault: { kind: "cut", when: "after" } });
    const error = await failed(client.ingestFromBuffer(twoRows, { table, flushImmediately: true }), "NETWORK");
    assert.equal(error.inDoubt, true);
    assert.equal(error.step, "post message");
    await mustFire(1);
});

test("a refused signature is renewed", async (t) => {
    const client = newClient(t);
    const table = await newTable(client);
    await arm(t, { service: "blob", times: 1, fault: { kind: "expiredSas" } });
    await ingested(client.ingestFromBuffer(twoRows, now(table)));
    await mustFire(1);
    assert.equal(await count(client, table), 2);
});

test("some blobs handed over and one not", async (t) => {
    const client = newClient(t);
    const table = await newTable(client);
    const blobs = [await upload("partial-1.csv", twoRows), await upload("partial-2.csv", twoRows)];
    await arm(t, { service: "queue", operation: "PutMessage", skip: 1, fault: { kind: "cut", when: "before" } });
    const error = await failed(client.ingestFromBlobs(blobs, { table }), "PARTIAL");
    assert.equal(error.handedOver.length, 1);
    await mustFire(1);
});

test("errors of the service", async (t) => {
    const client = newClient(t);
    const wrong = await failed(client.executeQuery(null, "NoSuchTable | count"), "SERVICE");
    assert.deepEqual([wrong.permanent, wrong.retryable, wrong.retry, wrong.httpStatus], [true, false, "never", 400]);
    assert.ok(wrong.serviceCode && wrong.activityId && wrong.clientRequestId);
    await arm(t, { service: "query", fault: { kind: "status", status: 429, retryAfter: 7 } });
    const busy = await failed(client.executeQuery(null, "print 1"), "THROTTLED");
    assert.deepEqual([busy.retryAfterMs, busy.retryable, busy.permanent], [7000, true, false]);
});

test("a dead host", async (t) => {
    const client = newClient(t, { kcsb: "http://127.0.0.1:9;Fed=false", settings: { "retry time": "0" } });
    for (const call of [
        client.executeQuery("D", "print 1", null, limit),
        client.ingestFromBuffer(twoRows, { database: "D", table: "T" }, limit),
    ]) {
        const error = await failed(call, "NETWORK");
        assert.equal(error.host, "127.0.0.1:9");
        assert.equal(error.retryable, true);
    }
});

test("a gateway's page is no success", async (t) => {
    const client = newClient(t);
    const table = await newTable(client);
    await arm(t, { service: "blob", fault: { kind: "garbage" } });
    await assert.rejects(client.ingestFromBuffer(twoRows, now(table), limit), KustoError);
    await mustFire(1);
    assert.equal(await count(client, table), 0);
});
