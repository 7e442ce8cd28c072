// Every kind of source.
import assert from "node:assert/strict";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { Readable, Transform } from "node:stream";
import test from "node:test";
import { pathToFileURL } from "node:url";
import { inspect } from "node:util";
import { gzipSync } from "node:zlib";

import { BlobDescriptor, CompressionType, FileDescriptor, StreamDescriptor } from "@kusto-ingest/native";

import { count, failed, file, fired, arm, ingested, limit, newClient, newTable, now, posted, resetTraffic, single, twoRows, upload } from "./bed.mjs";

const bytes = new TextEncoder().encode(twoRows);
const packed = gzipSync(bytes);

async function* generated() {
    yield "1,one\n";
    yield Buffer.from("2,two\n");
}

const memory = {
    "a string": twoRows,
    "a Buffer": Buffer.from(twoRows),
    "a Uint8Array in the middle of its buffer": new Uint8Array([0, ...bytes, 0]).subarray(1, bytes.length + 1),
    "an ArrayBuffer": bytes.slice().buffer,
    "a DataView": new DataView(bytes.buffer),
    "a SharedArrayBuffer": Buffer.from(new SharedArrayBuffer(bytes.length)).fill(bytes).buffer,
};

const streams = {
    "a Readable": () => Readable.from([Buffer.from(twoRows)], { objectMode: false }),
    "a Readable of strings": () => Readable.from(["1,one\n", "2,two\n"]),
    "a Readable that was pushed to": () => {
        const readable = new Readable({ read() {} });
        readable.push("1,one\n");
        setImmediate(() => readable.push("2,two\n") && readable.push(null));
        return readable;
    },
    "the end of a pipeline": () => Readable.from([twoRows]).pipe(new Transform({ transform: (chunk, _, done) => done(null, chunk) })),
    "a web stream": () => new Blob([twoRows]).stream(),
    "a web stream of strings": () => new ReadableStream({ start: (c) => (c.enqueue(twoRows), c.close()) }),
    "an async generator": generated,
    "an iterable of pieces": () => [Buffer.from("1,one\n"), new Uint8Array(0), "2,two\n"],
    "single bytes": () => Array.from(bytes, (byte) => Uint8Array.of(byte)),
};

test("a character in two pieces of a stream is one", async (t) => {
    const client = newClient(t);
    const [high, low] = "\u{1f600}".split("");
    const pieces = [`1,a${high}`, `${low}b${high}`, Buffer.from("-\n2,"), high, "", low, `c${high}`];
    const table = await newTable(client);
    await ingested(client.ingestFromStream(Readable.from(pieces), now(table)));
    const { primaryResults } = await client.executeQuery(null, `['${table}'] | order by Id asc`, null, limit);
    const texts = Array.from(primaryResults[0].rows(), (row) => row.getValueAt(1));
    assert.deepEqual(texts, ["a\u{1f600}b\ufffd-", "\u{1f600}c\ufffd"]);
});

test("from memory", async (t) => {
    const client = newClient(t);
    for (const [name, data] of Object.entries(memory)) {
        await t.test(name, async () => {
            const table = await newTable(client);
            const result = await ingested(client.ingestFromBuffer(data, now(table)));
            assert.equal(result.bytesRaw, bytes.length);
            assert.equal(await count(client, table), 2);
        });
    }
    await t.test("given as a stream", async () => {
        const table = await newTable(client);
        await ingested(client.ingestFromStream(bytes.buffer, now(table)));
        assert.equal(await count(client, table), 2);
    });
});

test("data that is detached while it is copied fails", async (t) => {
    const client = newClient(t);
    const table = await newTable(client);
    await resetTraffic();
    const large = () => new Uint8Array(21 * 1024 * 1024).fill(0x0a);
    await t.test("from memory", async () => {
        const data = large();
        const handed = client.ingestFromBuffer(data, now(table));
        structuredClone(data.buffer, { transfer: [data.buffer] });
        assert.equal((await failed(handed, "INVALID_ARGUMENT")).argument, "data");
    });
    await t.test("as a piece of a stream", async (t) => {
        const client = newClient(t, { settings: { "memory budget": 4 * 1024 * 1024 } });
        const data = large();
        const source = function* () {
            // After the first copies, which are made before the event loop turns.
            setImmediate(() => structuredClone(data.buffer, { transfer: [data.buffer] }));
            yield data;
        };
        const error = await failed(client.ingestFromStream(source(), now(table)), "SOURCE_IO");
        assert.match(error.cause.message, /detached/);
    });
    assert.equal(await posted(), 0);
});

test("from streams", async (t) => {
    const client = newClient(t);
    for (const [name, make] of Object.entries(streams)) {
        await t.test(name, async () => {
            const table = await newTable(client);
            const result = await ingested(client.ingestFromStream(make(), now(table)));
            assert.equal(result.bytesRaw, bytes.length);
            assert.equal(result.items.length, 1);
            assert.equal(result.items[0].sourceId, result.sourceId);
            assert.equal(await count(client, table), 2);
        });
    }
});

test("from files", async (t) => {
    const client = newClient(t);
    const path = await file(t, "größe 数据.csv", twoRows);
    const handle = await open(path);
    t.after(() => handle.close());
    const sources = {
        "a path": path,
        "a file URL": pathToFileURL(path),
        "an open file": handle,
        "a descriptor": new FileDescriptor(path, "7e8b1a4e-9a4d-4c0e-9f58-0d4f1c2ab001"),
        "a compressed file, by its name": await file(t, "rows.csv.gz", packed),
        "a compressed file, by a word": new FileDescriptor(await file(t, "rows", packed), null, 12, CompressionType.GZIP),
    };
    for (const [name, source] of Object.entries(sources)) {
        await t.test(name, async () => {
            const table = await newTable(client);
            const result = await ingested(client.ingestFromFile(source, now(table)));
            assert.equal(await count(client, table), 2);
            if (source instanceof FileDescriptor && source.sourceId !== null) {
                assert.equal(result.sourceId, source.sourceId);
            }
        });
    }
    await t.test("the open file is read from where it stands, and stays open", async () => {
        const table = await newTable(client);
        await failed(client.ingestFromFile(handle, now(table)), "INVALID_ARGUMENT");
        const again = await open(path);
        t.after(() => again.close());
        await again.read(Buffer.alloc(6), 0, 6, null);
        await ingested(client.ingestFromFile(again, now(table)));
        assert.equal(await count(client, table), 1);
        assert.ok((await again.stat()).isFile());
        assert.ok((await handle.stat()).isFile());
    });
    await t.test("a stream of a file", async () => {
        const table = await newTable(client);
        await ingested(client.ingestFromStream(createReadStream(path), now(table)));
        assert.equal(await count(client, table), 2);
    });
});

test("compressed data in memory and in streams", async (t) => {
    const client = newClient(t);
    const table = await newTable(client);
    const id = "7E8B1A4E-9A4D-4C0E-9F58-0D4F1C2AB002";
    const described = (stream) => new StreamDescriptor(stream, id, CompressionType.GZIP, 12);
    for (const source of [packed, Readable.from([packed])]) {
        const result = await ingested(client.ingestFromStream(described(source), now(table)));
        assert.equal(result.sourceId, id.toLowerCase());
        assert.equal(result.bytesRaw, 12);
        assert.equal(result.bytesSent, packed.length);
    }
    await ingested(client.ingestFromBuffer(described(packed), now(table)));
    assert.equal(await count(client, table), 6);
});

test("from blobs", async (t) => {
    const client = newClient(t);
    const table = await newTable(client);
    const url = await upload("node one.csv".replace(" ", "%20"), twoRows);
    const one = await ingested(client.ingestFromBlob(url, now(table)));
    assert.equal(one.items[0].blob, url.split("?")[0]);
    assert.equal(one.bytesSent, 0);
    const id = "7e8b1a4e-9a4d-4c0e-9f58-0d4f1c2ab003";
    const blobs = [new BlobDescriptor(url, 12, id), await upload("node-two.csv", twoRows)];
    const two = await ingested(client.ingestFromBlobs(blobs, now(table)));
    assert.equal(two.items.length, 2);
    assert.equal(two.items[0].sourceId, id);
    assert.equal(two.bytesRaw, 12);
    assert.equal(await count(client, table), 6);
    assert.doesNotMatch(`${blobs[0]} ${JSON.stringify(blobs[0])} ${inspect(blobs[0])}`, /sig=/);
});

test("no data at all", async (t) => {
    const client = newClient(t);
    const table = await newTable(client);
    await resetTraffic();
    for (const call of [
        () => client.ingestFromBuffer("", now(table)),
        () => client.ingestFromStream(Readable.from([]), now(table)),
        () => client.ingestFromBlobs([], now(table)),
    ]) {
        const error = await failed(call, "INVALID_ARGUMENT");
        assert.equal(error.permanent, true);
    }
    const empty = await file(t, "empty.csv", "");
    await failed(client.ingestFromFile(empty, now(table)), "INVALID_ARGUMENT");
    assert.equal(await posted(), 0);
});

test("large data arrives whole, however it comes", async (t) => {
    const client = newClient(t, { settings: { "memory budget": 8 * 1024 * 1024 } });
    const rows = 300_000;
    const line = (n) => `${n},${n * 7919} ${(n * 104729).toString(36)}\n`;
    const data = Buffer.from(Array.from({ length: rows }, (_, n) => line(n)).join(""));
    async function* uneven() {
        for (let at = 0, size = 1; at < data.length; at += size, size = (size * 3) % 300_007) {
            yield data.subarray(at, at + size);
        }
    }
    for (const [name, work] of Object.entries({
        "a Buffer": (props) => client.ingestFromBuffer(data, props),
        "one piece": (props) => client.ingestFromStream([data], props),
        "uneven pieces": (props) => client.ingestFromStream(uneven(), props),
        "a Readable": (props) => client.ingestFromStream(Readable.from(uneven()), props),
        "a web stream": (props) => client.ingestFromStream(new Blob([data]).stream(), props),
    })) {
        await t.test(name, async () => {
            const table = await newTable(client);
            const result = await ingested(work(now(table)));
            assert.equal(result.bytesRaw, data.length);
            assert.equal(await count(client, table), rows);
            assert.equal(await single(client, `['${table}'] | summarize sum(Id)`), (rows * (rows - 1)) / 2);
        });
    }
});

test("memory may change once the promise is there and its data was copied", async (t) => {
    const client = newClient(t);
    const table = await newTable(client);
    await arm(t, { service: "blob", times: 1, fault: { kind: "cut", when: "before" } });
    const data = Buffer.from(twoRows);
    const handed = client.ingestFromBuffer(data, now(table));
    data.fill("x");
    await ingested(handed);
    assert.deepEqual(await fired(), [1]);
    assert.equal(await single(client, `['${table}'] | summarize sum(Id)`), 3);
});

test("a stream that fails fails the ingestion, and its error is the cause", async (t) => {
    const client = newClient(t);
    const table = await newTable(client);
    await resetTraffic();
    const broken = new Error("the disk is on fire");
    const rows = twoRows.repeat(50_000);
    async function* generator() {
        yield rows;
        throw broken;
    }
    const readable = () => {
        const stream = new Readable({ read() {} });
        stream.push(rows);
        setImmediate(() => stream.destroy(broken));
        return stream;
    };
    const web = () => {
        let pulled = 0;
        return new ReadableStream({ pull: (c) => (pulled++ === 0 ? c.enqueue(rows) : c.error(broken)) });
    };
    for (const [name, make] of Object.entries({ generator, readable, web })) {
        await t.test(name, async () => {
            const error = await failed(client.ingestFromStream(make(), now(table)), "SOURCE_IO");
            assert.equal(error.cause, broken);
            assert.match(error.message, /the disk is on fire/);
            assert.equal(error.inDoubt, false);
        });
    }
    await t.test("pieces that are no data", async () => {
        const error = await failed(client.ingestFromStream(Readable.from([{ a: 1 }]), now(table)), "SOURCE_IO");
        assert.ok(error.cause instanceof TypeError);
    });
    await t.test("a stream that throws no Error", async () => {
        const source = { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject("no words") }) };
        const error = await failed(client.ingestFromStream(source, now(table)), "SOURCE_IO");
        assert.equal(error.cause, "no words");
    });
    await t.test("a stream that throws a value without a text", async () => {
        const wordless = Object.create(null);
        const source = { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(wordless) }) };
        const error = await failed(client.ingestFromStream(source, now(table)), "SOURCE_IO");
        assert.equal(error.cause, wordless);
    });
    await t.test("a stream that was destroyed before", async () => {
        const source = Readable.from([twoRows]).destroy();
        const error = await failed(client.ingestFromStream(source, now(table)), "SOURCE_IO");
        assert.equal(error.cause.code, "ERR_STREAM_PREMATURE_CLOSE");
    });
    assert.equal(await posted(), 0);
});

test("a stream is left when the ingestion fails before its end", async (t) => {
    const client = newClient(t);
    await arm(t, { service: "blob", fault: { kind: "status", status: 403, code: "AuthorizationFailure" } });
    const table = await newTable(client);
    const endless = new Readable({ read: (size) => endless.push(Buffer.alloc(size, "1,one\n")) });
    let returned = 0;
    async function* generator() {
        try {
            for (;;) {
                yield Buffer.alloc(65536, "1,one\n");
            }
        } finally {
            returned++;
        }
    }
    let cancelled = 0;
    const web = new ReadableStream({ pull: (c) => c.enqueue(Buffer.alloc(65536, "1,one\n")), cancel: () => void cancelled++ });
    const rude = {
        next: async () => ({ value: Buffer.alloc(65536, "1,one\n"), done: false }),
        return() {
            throw new Error("not like this");
        },
    };
    for (const source of [endless, generator(), web, { [Symbol.asyncIterator]: () => rude }]) {
        await failed(client.ingestFromStream(source, now(table)), "AUTH");
    }
    assert.ok(endless.destroyed);
    assert.deepEqual([returned, cancelled], [1, 1]);
    await t.test("also when it was not begun", async () => {
        const [readable, web] = [Readable.from([twoRows]), new ReadableStream({ cancel: () => void cancelled++ })];
        for (const source of [readable, web]) {
            await failed(client.ingestFromStream(source, { tabel: "T" }), "INVALID_ARGUMENT");
        }
        assert.ok(readable.destroyed);
        assert.equal(cancelled, 2);
    });
});
