// Ships the whole lines (CSV, a record each) that other programs append to a file: each is handed over once.
//
// agent FILE --database D --table T [--batch-bytes N] [--batch-seconds S] [--drain-seconds S]
// KUSTO_CONNECTION_STRING names the cluster.
//
// FILE.position holds `ID START END`: a random id, and two offsets in bytes. What is before START has been handed over. START to END was
// being sent when the program ended: it is sent again first, as the same bytes under the same key, of which the service keeps one copy.
// The key begins with the id, so that no other file, here or on another machine, has the same.
import { randomUUID } from "node:crypto";
import { open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";

import { DataFormat, IngestClient, KustoError } from "@kusto-ingest/native";

const LOOK_EVERY_MS = 200;
const CALL_MS = 60_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 30_000;
const NEWLINE = 10;

const FAILED = 1;
const WRONG_TABLE = 2;
const LEFT_OVER = 3;

/** Aborted by SIGTERM and Ctrl-C: no more waiting for lines. */
const stop = new AbortController();
/** Aborted when the time to drain is over as well. */
const over = new AbortController();

async function main() {
    const options = argumentsOf();
    const position = await readPosition(options.file);
    await read(options.file, position.start, 0);
    const client = new IngestClient(options.connection, { ...options.target, format: DataFormat.CSV });
    stopOnSignals(options.drainMs);
    const sent = { lines: 0, batches: 0 };
    let failure = WRONG_TABLE;
    try {
        await patiently(() => client.warmUp({ properties: options.target, timeoutMs: CALL_MS, signal: over.signal }));
        failure = FAILED;
        await ship(client, options, position, sent);
    } catch (error) {
        report(error);
        process.exitCode = over.signal.aborted ? LEFT_OVER : failure;
    } finally {
        await client.close();
    }
    console.log(`${sent.lines} lines in ${sent.batches} batches`);
}

function argumentsOf() {
    const number = (name, value, fallback) => {
        const given = Number(value ?? fallback);
        if (given > 0) {
            return given;
        }
        throw new Error(`--${name} must be a number above 0`);
    };
    const text = { type: /** @type {const} */ ("string") };
    const { positionals, values } = parseArgs({
        allowPositionals: true,
        options: { database: text, table: text, "batch-bytes": text, "batch-seconds": text, "drain-seconds": text },
    });
    const { KUSTO_CONNECTION_STRING: connection } = process.env;
    if (positionals.length !== 1 || !values.database || !values.table || !connection) {
        throw new Error("usage: agent FILE --database D --table T [--batch-bytes N] [--batch-seconds S] [--drain-seconds S]\nwith KUSTO_CONNECTION_STRING set");
    }
    return {
        connection,
        file: positionals[0],
        target: { database: String(values.database), table: String(values.table) },
        batchBytes: Math.ceil(number("batch-bytes", values["batch-bytes"], 1_048_576)),
        batchMs: 1000 * number("batch-seconds", values["batch-seconds"], 5),
        drainMs: 1000 * number("drain-seconds", values["drain-seconds"], 10),
    };
}

function stopOnSignals(drainMs) {
    for (const signal of ["SIGTERM", "SIGINT"]) {
        process.once(signal, () => {
            stop.abort();
            // Does not keep the process alive.
            setTimeout(() => over.abort(new Error("the time to drain is over")), drainMs).unref();
        });
    }
}

/** Sends batch after batch, until the program is asked to stop and all whole lines are handed over. */
async function ship(client, options, { id, start, end }, sent) {
    for (;;) {
        end = end > start ? end : await endOfNextBatch(start, options);
        if (end === start) {
            return;
        }
        const batch = await read(options.file, start, end - start);
        if (batch.length < end - start) {
            throw shorter(options.file);
        }
        await writePosition(options.file, { id, start, end });
        const once = `${id}:${start}-${end}`;
        await patiently(() => client.ingestFromBuffer(batch, { once }, { timeoutMs: CALL_MS, signal: over.signal }));
        await writePosition(options.file, { id, start: end, end });
        sent.lines += batch.reduce((lines, byte) => lines + (byte === NEWLINE ? 1 : 0), 0);
        sent.batches++;
        start = end;
    }
}

/** Behind the last whole line of a batch, which is closed by its size, its age, or the wish to stop; `start` when there is none. */
async function endOfNextBatch(start, { file, batchBytes, batchMs }) {
    let opened;
    for (;;) {
        // Before reading, so that what is in the file when the signal comes is sent.
        const last = stop.signal.aborted;
        let size = batchBytes;
        let data = await read(file, start, size);
        // A line may be longer than a batch.
        while (data.length === size && !data.includes(NEWLINE)) {
            size *= 2;
            data = await read(file, start, size);
        }
        const length = data.lastIndexOf(NEWLINE) + 1;
        opened ??= length > 0 ? Date.now() : undefined;
        const old = opened !== undefined && Date.now() - opened >= batchMs;
        if ((length > 0 && (old || data.length === size)) || last) {
            return start + length;
        }
        // Ends early when the program is asked to stop.
        await pause(LOOK_EVERY_MS, undefined, { signal: stop.signal }).catch(() => {});
    }
}

/**
 * Repeats work that failed for a transient reason or is in doubt: with the same bytes and the same key that is harmless. The
 * error of any other failure, and of one that outlasts the time to drain, is the caller's.
 */
async function patiently(work) {
    for (let wait = FIRST_PAUSE_MS; ; wait = Math.min(2 * wait, LONGEST_PAUSE_MS)) {
        try {
            return await work();
        } catch (error) {
            const again = error instanceof KustoError && (error.retryable || error.inDoubt);
            if (!again || over.signal.aborted) {
                throw error;
            }
            const waitMs = Math.max(wait, error.retryAfterMs ?? 0);
            console.error(`again in ${waitMs} ms: ${error.message}`);
            await pause(waitMs, undefined, { signal: over.signal });
        }
    }
}

/** Up to `length` bytes of the file from an offset; fewer at its end. */
async function read(file, offset, length) {
    // Opened each time: a file that was put in its place is noticed if it is shorter.
    const handle = await open(file);
    try {
        const { size } = await handle.stat();
        if (size < offset) {
            throw shorter(file);
        }
        const buffer = Buffer.alloc(Math.min(length, size - offset));
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, offset);
        return buffer.subarray(0, bytesRead);
    } finally {
        await handle.close();
    }
}

function shorter(file) {
    return new Error(`${file} is shorter than its position: was it truncated or rotated?`);
}

/** Without the file nothing is done yet, and the id is made. */
async function readPosition(file) {
    const text = await readFile(`${file}.position`, "utf8").catch(unlessMissing);
    if (typeof text !== "string") {
        return { id: randomUUID(), start: 0, end: 0 };
    }
    const found = /^(\S+) (\d+) (\d+)\s*$/.exec(text);
    if (!found || Number(found[2]) > Number(found[3])) {
        throw new Error(`${file}.position is not ID START END: ${text}`);
    }
    return { id: found[1], start: Number(found[2]), end: Number(found[3]) };
}

function unlessMissing(error) {
    if (error.code !== "ENOENT") {
        throw error;
    }
}

/** A new file, then a rename: a crash leaves one of the two. Both the file and its name are on the disk at the end. */
async function writePosition(file, { id, start, end }) {
    const name = `${file}.position`;
    await synced(`${name}.new`, "w", (handle) => handle.writeFile(`${id} ${start} ${end}\n`));
    await rename(`${name}.new`, name);
    // Windows cannot sync a directory.
    if (process.platform !== "win32") {
        await synced(dirname(name), "r", async () => {});
    }
}

async function synced(path, flags, write) {
    const handle = await open(path, flags);
    try {
        await write(handle);
        await handle.sync();
    } finally {
        await handle.close();
    }
}

function report(error) {
    console.error(error.message);
}

main().catch((error) => {
    report(error);
    process.exitCode = FAILED;
});
