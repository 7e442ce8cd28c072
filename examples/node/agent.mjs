// Ships the whole lines (CSV, a record each) that other programs append to a file: every line once.
//
// agent FILE --database D --table T [--batch-bytes N] [--batch-seconds S] [--drain-seconds S]
// KUSTO_CONNECTION_STRING names the cluster.
//
// FILE.position holds two offsets in bytes, `START END`. What is before START has been handed over. START to END was being sent when the
// program ended: it is sent again first, as the same bytes under the same key, of which the service keeps one copy.
import { open, readFile, rename, writeFile } from "node:fs/promises";
import { basename } from "node:path";
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
    const client = new IngestClient(options.connection, { ...options.target, format: DataFormat.CSV });
    stopOnSignals(options.drainMs);
    const sent = { lines: 0, batches: 0 };
    let failure = WRONG_TABLE;
    try {
        await patiently(() => client.warmUp({ properties: options.target, timeoutMs: CALL_MS, signal: over.signal }));
        failure = FAILED;
        await ship(client, options, sent);
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
async function ship(client, options, sent) {
    let [start, end] = await readPosition(options.file);
    for (;;) {
        end = end > start ? end : await endOfNextBatch(start, options);
        if (end === start) {
            return;
        }
        const batch = await read(options.file, start, end - start);
        if (batch.length < end - start) {
            throw new Error(`${options.file} is shorter than ${options.file}.position says`);
        }
        await writePosition(options.file, start, end);
        const once = `${basename(options.file)}:${start}-${end}`;
        await patiently(() => client.ingestFromBuffer(batch, { once }, { timeoutMs: CALL_MS, signal: over.signal }));
        await writePosition(options.file, end, end);
        sent.lines += batch.reduce((lines, byte) => lines + (byte === NEWLINE ? 1 : 0), 0);
        sent.batches++;
        start = end;
    }
}

/** Behind the last whole line of a batch, which is closed by its size, its age, or the wish to stop; `start` when there is none. */
async function endOfNextBatch(start, { file, batchBytes, batchMs }) {
    let opened;
    for (;;) {
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
        if ((length > 0 && (old || data.length === size)) || stop.signal.aborted) {
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

/** Up to `length` bytes of the file from an offset; fewer at its end, none while the file does not exist. */
async function read(file, offset, length) {
    let handle;
    try {
        handle = await open(file);
    } catch (error) {
        unlessMissing(error);
        return Buffer.alloc(0);
    }
    try {
        const { size } = await handle.stat();
        const buffer = Buffer.alloc(Math.max(0, Math.min(length, size - offset)));
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, offset);
        return buffer.subarray(0, bytesRead);
    } finally {
        await handle.close();
    }
}

async function readPosition(file) {
    let text = "0 0";
    try {
        text = await readFile(`${file}.position`, "utf8");
    } catch (error) {
        unlessMissing(error);
    }
    const offsets = text.trim().split(" ").map(Number);
    if (offsets.length !== 2 || !offsets.every(Number.isSafeInteger) || offsets[0] > offsets[1]) {
        throw new Error(`${file}.position is not two offsets: ${text}`);
    }
    return offsets;
}

/** A new file, then a rename: whenever the program ends, the old position or the new one is there. */
async function writePosition(file, start, end) {
    await writeFile(`${file}.position.new`, `${start} ${end}\n`);
    await rename(`${file}.position.new`, `${file}.position`);
}

function unlessMissing(error) {
    if (error.code !== "ENOENT") {
        throw error;
    }
}

function report(error) {
    console.error(error.message);
}

main().catch((error) => {
    report(error);
    process.exitCode = FAILED;
});
