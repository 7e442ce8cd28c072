// Bad arguments: every one is a KustoError, and nothing is sent.
import assert from "node:assert/strict";
import { Readable } from "node:stream";
import test from "node:test";

import {
    Client,
    ClientRequestProperties,
    CommandGenerator,
    ErrorCode,
    FileDescriptor,
    IngestClient,
    IngestStatusQueues,
    IngestionProperties,
    KustoConnectionStringBuilder,
    KustoError,
    StreamDescriptor,
    BlobDescriptor,
    ValidationPolicy,
} from "@kusto-ingest/native";

import { connection, count, failed, newClient, newTable, now, posted, resetTraffic, single, twoRows } from "./bed.mjs";

test("of ingestions", async (t) => {
    const client = newClient(t);
    const queues = new IngestStatusQueues(client);
    const from = (props, options) => client.ingestFromBuffer(twoRows, { table: "T", ...props }, options);
    const described = (id, compression, size) => client.ingestFromStream(new StreamDescriptor([twoRows], id, compression, size), { table: "T" });
    await resetTraffic();
    for (const [name, call] of Object.entries({
        "no table": () => client.ingestFromBuffer(twoRows),
        "no database": () => from({ database: " " }),
        "a table that is not a string": () => from({ table: 7 }),
        format: () => from({ format: "xml" }),
        mapping: () => from({ ingestionMappingColumns: "{" }),
        "mapping that is none": () => from({ ingestionMappingColumns: 7 }),
        "mapping kind": () => from({ ingestionMappingReference: "m", ingestionMappingKind: "Cvs" }),
        level: () => from({ reportLevel: 9 }),
        method: () => from({ reportMethod: "telegraph" }),
        tag: () => from({ additionalTags: [" "] }),
        "tags that are none": () => from({ ingestByTags: 7 }),
        "tags that are one text": () => from({ additionalTags: "abc" }),
        "tags that are no texts": () => from({ dropByTags: [7] }),
        time: () => from({ creationTime: "yesterday" }),
        "an invalid date": () => from({ creationTime: new Date(NaN) }),
        policy: () => from({ validationPolicy: { validationOptions: 9 } }),
        flag: () => from({ additionalProperties: { flushImmediately: "perhaps" } }),
        "a key that is none": () => from({ once: " " }),
        "a key that is a number": () => from({ once: 7 }),
        "a request id with a line break": () => from({ clientRequestId: "a\nb" }),
        "a field that is none": () => from({ flushImmediatly: true }),
        timeout: () => from({}, { timeout: -1 }),
        "a timeout that is none": () => from({}, { timeout: NaN }),
        "properties that are a number": async () => new IngestionProperties(5000),
        "options that are a signal": () => from({}, AbortSignal.timeout(5000)),
        "options that are a list": () => from({}, []),
        "a timeout in words": () => from({}, { timeout: "1s" }),
        signal: () => from({}, { signal: {} }),
        progress: () => from({}, { onProgress: 7 }),
        "source id": () => described("7"),
        compression: () => described(null, ".rar"),
        size: () => described(null, null, -1),
        "half a byte": () => described(null, null, 1.5),
        "no stream": () => client.ingestFromStream(7, { table: "T" }),
        "null for a stream": () => client.ingestFromStream(null, { table: "T" }),
        "no data": () => client.ingestFromBuffer(undefined, { table: "T" }),
        "no path": () => client.ingestFromFile(7, { table: "T" }),
        "another URL": () => client.ingestFromFile(new URL("http://a/b"), { table: "T" }),
        "no blob's address": () => client.ingestFromBlob("no url", { table: "T" }),
        "blob's id": () => client.ingestFromBlob(new BlobDescriptor("http://a/b/c", 1, "7"), { table: "T" }),
        "blob's size": () => client.ingestFromBlob(new BlobDescriptor("http://a/b/c", -1), { table: "T" }),
        "tracking token": () => client.resultOf("x").status(),
        interval: () => client.resultOf("x").wait({ interval: 0 }),
        "an interval in words": () => client.resultOf("x").wait({ interval: "1s" }),
        "an interval with its unit in words": () => client.resultOf("x").wait({ intervalMs: "1s" }),
        "two timeouts": () => from({}, { timeout: 1, timeoutMs: 2 }),
        "a timeout with its unit in words": () => from({}, { timeoutMs: "1s" }),
        "two time spans": async () => CommandGenerator.alterMergeBatchingPolicy("T", { timeSpan: 1, timeSpanMs: 2 }),
        "fewer than none": () => queues.failure.peek(-1),
        "some many": () => queues.failure.pop("many"),
        "query properties": () => client.executeQuery(null, "print 1", { n: 1 }),
        "no query": () => client.executeQuery(null, undefined),
        "an empty query": () => client.executeQuery(null, " "),
        "an empty command": () => client.executeMgmt(null, ""),
        "closing for some time": () => client.close({ timeout: "soon" }),
    })) {
        await t.test(name, async () => {
            const error = await failed(call, "INVALID_ARGUMENT");
            assert.deepEqual([error.permanent, error.inDoubt], [true, false]);
        });
    }
    await t.test("a file that is not there", async () => {
        const { cause } = await failed(client.ingestFromFile(new FileDescriptor("no such file"), { table: "T" }), "SOURCE_IO");
        assert.deepEqual([cause.code, cause.errno < 0, cause.path], ["ENOENT", true, "no such file"]);
        assert.equal(cause.message, "ENOENT: no such file or directory");
    });
    await t.test("a web stream that somebody reads", async () => {
        const stream = new Blob([twoRows]).stream();
        stream.getReader();
        await failed(client.ingestFromStream(stream, { table: "T" }), "INVALID_ARGUMENT");
    });
    await t.test("the same stream twice", async () => {
        const stream = Readable.from([twoRows]);
        await stream.toArray();
        await assert.rejects(client.ingestFromStream(stream, { table: "T" }), KustoError);
    });
    assert.equal(await posted(), 0);
});

test("of connections", async () => {
    for (const [name, [make, code]] of Object.entries({
        nothing: [() => new IngestClient(), "INVALID_ARGUMENT"],
        "an object": [() => new Client({ connection }), "INVALID_ARGUMENT"],
        empty: [() => new Client(""), "CONFIG"],
        keyword: [() => new KustoConnectionStringBuilder(`${connection};Colour=red`), "CONFIG"],
        "no text": [() => new KustoConnectionStringBuilder(7), "INVALID_ARGUMENT"],
        token: [() => KustoConnectionStringBuilder.withAccessToken(connection, ""), "INVALID_ARGUMENT"],
        provider: [() => KustoConnectionStringBuilder.withTokenProvider(connection, "t"), "INVALID_ARGUMENT"],
        credential: [() => KustoConnectionStringBuilder.withTokenCredential(connection, {}), "INVALID_ARGUMENT"],
        login: [() => new Client("https://a.kusto.windows.net;AppClientId=a;AppCert=t;TenantId=t"), "UNSUPPORTED"],
        queues: [() => new IngestStatusQueues({}), "INVALID_ARGUMENT"],
        properties: [() => new IngestionProperties({ tabel: "T" }), "INVALID_ARGUMENT"],
    })) {
        await failed(make, code).catch((error) => assert.fail(`${name}: ${error.message}`));
    }
});

test("a wrong name brings the nearest", async () => {
    for (const [wrong, meant] of [["flushImmediatly", "flushImmediately"], ["ingestionMappingRef", "ingestionMappingReference"], ["Table", "table"], ["tabel", "table"]]) {
        const error = await failed(() => new IngestionProperties({ [wrong]: "x" }), "INVALID_ARGUMENT");
        assert.match(error.message, new RegExp(`did you mean ${meant}\\?`));
    }
    const error = await failed(() => new IngestionProperties({ colour: "red" }), "INVALID_ARGUMENT");
    assert.doesNotMatch(error.message, /did you mean/);
});

test("a misspelt option brings the nearest: ignored, it would be no limit", async (t) => {
    const client = newClient(t);
    const queues = new IngestStatusQueues(client);
    const result = client.resultOf("x");
    await resetTraffic();
    for (const [call, meant] of [
        [(options) => client.ingestFromBuffer(twoRows, { table: "T" }, options), "timeoutMs"],
        [(options) => client.ingestFromStream([twoRows], { table: "T" }, options), "timeoutMs"],
        [(options) => client.ingestFromFile("no such file", { table: "T" }, options), "timeoutMs"],
        [(options) => client.ingestFromBlob("http://127.0.0.1/a/b", { table: "T" }, options), "timeoutMs"],
        [(options) => client.execute(null, "print 1", null, options), "timeoutMs"],
        [(options) => client.executeQuery(null, "print 1", null, options), "timeoutMs"],
        [(options) => client.executeMgmt(null, ".show tables", null, options), "timeoutMs"],
        [(options) => client.warmUp(options), "timeoutMs"],
        [(options) => client.close(options), "timeoutMs"],
        [(options) => result.status(options), "timeoutMs"],
        [(options) => result.wait(options), "timeoutMs"],
        [(options) => queues.failure.peek(1, options), "timeoutMs"],
        [(options) => queues.success.pop(1, options), "timeoutMs"],
        [(options) => queues.success.isEmpty(options), "timeoutMs"],
        [async ({ timeoutms: items }) => CommandGenerator.alterMergeBatchingPolicy("T", { item: items }), "items"],
        [async ({ timeoutms: ifExist }) => CommandGenerator.dropTable("T", { ifExist }), "ifExists"],
        [async ({ timeoutms: setting }) => new Client(connection, { setting }), "settings"],
    ]) {
        const error = await failed(() => call({ timeoutms: 3 }), "INVALID_ARGUMENT");
        assert.match(error.message, new RegExp(`is not an option of this call: did you mean ${meant}\\?$`));
    }
    assert.equal(await posted(), 0);
    const { argument, message } = await failed(client.close({ colour: "red" }), "INVALID_ARGUMENT");
    assert.deepEqual([argument, message], ["colour", "check arguments: colour: is not an option of this call"]);
    assert.equal((await failed(result.wait({ untilFinal: false }), "INVALID_ARGUMENT")).argument, "untilFinal");
    assert.equal((await failed(client.close(3), "INVALID_ARGUMENT")).argument, "options");
});

test("of logs", async () => {
    for (const options of [{ log: {} }, { log: 7 }, { log: console, logLevel: 9 }, { log: { error() {}, warn() {} } }]) {
        await failed(() => new Client(connection, options), "INVALID_ARGUMENT");
    }
});

test("errors are errors", async () => {
    const error = await failed(() => new Client(""), ErrorCode.Config);
    assert.ok(error instanceof Error);
    assert.equal(error.name, "KustoError");
    assert.match(error.stack, /arguments\.test\.mjs/);
});

test("null is as undefined wherever something may be left out", async (t) => {
    const nothing = (...names) => Object.fromEntries(names.map((name) => [name, null]));
    const call = nothing("signal", "timeoutMs", "timeout");
    const plain = new Client(connection, null);
    assert.equal(await single(plain, "print 1"), 1);
    await plain.close(null);
    const settings = nothing("application", "memory budget");
    const quiet = new Client(connection, { ...nothing("log", "logLevel"), settings });
    assert.equal(await single(quiet, "print 1"), 1);
    await quiet.close(nothing("timeoutMs", "timeout"));

    const bare = new IngestClient(connection, null, null);
    await bare.warmUp(null);
    await bare.warmUp({ ...call, properties: null });
    await bare.close();
    const client = newClient(t, { props: { table: null } });
    const fields = nothing("format", "ingestionMappingColumns", "once", "creationTime", "additionalTags", "validationPolicy", "clientRequestId");
    const table = await newTable(client);
    const properties = now(table, { ...fields, database: null, additionalProperties: { zipPattern: null } });
    const options = { ...call, onProgress: null };
    const result = await client.ingestFromStream(new StreamDescriptor([twoRows], null, null, null), properties, options);
    await result.status(null);
    await result.wait({ ...call, intervalMs: 20, interval: null });
    assert.equal(await count(client, table), 2);
    await client.ingestFromBuffer(twoRows, { ...properties, flushImmediately: null }, null);

    const queues = new IngestStatusQueues(client);
    await queues.failure.peek(null, { ...call, of: null });
    await queues.success.isEmpty(null);
    const request = new ClientRequestProperties(null, null, null);
    await client.executeQuery(null, "print 1", request, call);
    await client.execute(null, "print 1", null, null);
    assert.deepEqual(new ValidationPolicy(null, null), new ValidationPolicy());
    assert.deepEqual({ ...new IngestionProperties(null) }, {});
    const policy = { items: 7, ...nothing("timeSpanMs", "timeSpan", "rawSizeMB") };
    assert.match(CommandGenerator.alterMergeBatchingPolicy("T", policy), /7/);
    assert.match(CommandGenerator.dropTable("T", { ifExists: null }), /drop table/);
});

test("of request options", async (t) => {
    const client = newClient(t);
    const request = new ClientRequestProperties({ notruncatoin: true });
    const error = await failed(client.executeQuery(null, "print 1", request), ErrorCode.InvalidArgument);
    assert.match(error.message, /did you mean 'notruncation'/);
    request.clearOptions();
    request.setAdditionalOption("query_of_tomorrow", 1);
    assert.equal(request.getOption("query_of_tomorrow"), 1);
    await client.executeQuery(null, "print 1", request);
});
