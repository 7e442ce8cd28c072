// The player of Node: does what the driver says through @kusto-ingest/native, and says what came back. See ../README.md.
import { open, readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";

import {
    BlobDescriptor,
    ClientRequestProperties,
    CompressionType,
    FileDescriptor,
    IngestClient,
    IngestStatusQueues,
    KustoConnectionStringBuilder,
    KustoError,
    ReportLevel,
    ReportMethod,
    StreamDescriptor,
    ValidationPolicy,
} from "@kusto-ingest/native";

const TOKEN = "a-token";
/** How often `track` asks, in milliseconds. */
const INTERVAL = 50;

const COMPRESSION = { none: CompressionType.None, gzip: CompressionType.GZIP, zip: CompressionType.ZIP };
const LEVELS = {
    failures: ReportLevel.FailuresOnly,
    none: ReportLevel.DoNotReport,
    all: ReportLevel.FailuresAndSuccesses,
};
const METHODS = { queue: ReportMethod.Queue, table: ReportMethod.Table, both: ReportMethod.QueueAndTable };
const STATES = {
    Pending: "pending",
    Succeeded: "succeeded",
    Failed: "failed",
    Cancelled: "cancelled",
    Skipped: "skipped",
    PartiallySucceeded: "partial",
    Queued: "queued",
};

/** Why an operation is cancelled here. */
const CANCELLED = new Error("cancelled by the driver");

const clients = new Map();
const operations = new Map();

class Misunderstood extends Error {}

/** The lines of a message: keys may come several times. */
class Message {
    #lines;
    #known = new Set();

    constructor(lines) {
        [this.verb] = lines;
        this.#lines = lines.slice(1).map((line) => {
            const space = line.indexOf(" ");
            return space < 0 ? [line, ""] : [line.slice(0, space), unescaped(line.slice(space + 1))];
        });
    }

    all(key) {
        this.#known.add(key);
        return this.#lines.filter(([found]) => found === key).map(([, value]) => value);
    }

    text(key) {
        return this.all(key).at(-1);
    }

    number(key) {
        const text = this.text(key);
        return text === undefined ? undefined : Number(text);
    }

    /** `NAME=VALUE` of each. */
    pairs(key) {
        return this.all(key).map((pair) => {
            const equals = pair.indexOf("=");
            return [pair.slice(0, equals), pair.slice(equals + 1)];
        });
    }

    /** -1 is none. */
    timeout() {
        const timeout = this.number("timeout");
        return timeout === -1 ? undefined : timeout;
    }

    /** The blobs in order, each with the keys that follow it. */
    blobs() {
        const blobs = [];
        for (const key of ["blob", "blob_raw_size", "blob_id"]) {
            this.#known.add(key);
        }
        for (const [key, value] of this.#lines) {
            if (key === "blob") {
                blobs.push(new BlobDescriptor(value));
            } else if (key === "blob_raw_size") {
                blobs.at(-1).size = Number(value);
            } else if (key === "blob_id") {
                blobs.at(-1).sourceId = value;
            }
        }
        return blobs;
    }

    refuseUnknown() {
        for (const [key] of this.#lines) {
            if (!this.#known.has(key)) {
                throw new Misunderstood(`unknown key ${key} of ${this.verb}`);
            }
        }
    }
}

function unescaped(text) {
    return text.replace(/\\(.)/g, (_, character) => ({ n: "\n", r: "\r" })[character] ?? character);
}

function escaped(text) {
    return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\r", "\\r");
}

function builderOf(connection, login) {
    switch (login) {
        case "callback":
            return KustoConnectionStringBuilder.withTokenProvider(connection, async () => TOKEN);
        case "failing":
            return KustoConnectionStringBuilder.withTokenProvider(connection, async () => {
                throw new Error("no login today");
            });
        case "token":
            return KustoConnectionStringBuilder.withAccessToken(connection, TOKEN);
        case undefined:
        case "none":
            return new KustoConnectionStringBuilder(connection);
        default:
            throw new Misunderstood(`unknown login ${login}`);
    }
}

/** What the file holds in pieces of at most so many bytes; fails after `failAfter` bytes if there is such a number. */
async function* pieces(path, piece, failAfter = Infinity) {
    const file = await open(path);
    try {
        for (let given = 0; ; ) {
            const wanted = Math.min(piece, failAfter - given);
            const { bytesRead, buffer } = wanted === 0 ? { bytesRead: 0 } : await file.read(Buffer.alloc(wanted), 0, wanted);
            if (bytesRead === 0 && failAfter !== Infinity) {
                throw new Error("the source broke");
            }
            if (bytesRead === 0) {
                return;
            }
            given += bytesRead;
            yield buffer.subarray(0, bytesRead);
        }
    } finally {
        await file.close();
    }
}

function propertiesOf(message) {
    const level = message.text("report_level");
    const method = message.text("report_method");
    const tags = message.all("tag");
    return {
        database: message.text("database"),
        table: message.text("table"),
        format: message.text("format"),
        ingestionMappingReference: message.text("mapping_ref"),
        ingestionMappingColumns: message.text("mapping"),
        additionalTags: tags.length > 0 ? tags : undefined,
        reportLevel: level && LEVELS[level],
        reportMethod: method && METHODS[method],
        ...named(message.pairs("property")),
    };
}

/** Properties as fields where a field gives the form that the value has, else by their names. */
function named(pairs) {
    const additionalProperties = {};
    const fields = {};
    for (const [name, value] of pairs) {
        const field = fieldOf(name, value);
        (field === undefined ? additionalProperties : fields)[name] = field ?? value;
    }
    return { ...fields, additionalProperties };
}

function fieldOf(name, value) {
    switch (name) {
        case "flushImmediately":
        case "ignoreFirstRecord":
        case "ignoreSizeLimit":
            return value === "true" ? true : undefined;
        case "creationTime": {
            const at = new Date(value);
            return Number.isNaN(at.getTime()) ? undefined : at;
        }
        case "validationPolicy": {
            const policy = parsed(value);
            return policy && new ValidationPolicy(policy.ValidationOptions, policy.ValidationImplications);
        }
        case "ingestIfNotExists":
            return parsed(value);
        default:
            return undefined;
    }
}

function parsed(json) {
    try {
        return JSON.parse(json);
    } catch {
        return undefined;
    }
}

async function ingest(client, message, properties, options) {
    const path = message.text("path");
    const id = message.text("source_id");
    const size = message.number("raw_size");
    const compression = message.text("compression");
    const compressionType = compression && COMPRESSION[compression];
    const piece = message.number("piece");
    const failAfter = message.number("fail_after");
    const source = message.text("source");
    const blobs = message.blobs();
    message.refuseUnknown();
    const described = (stream) => new StreamDescriptor(stream, id, compressionType, size);
    switch (source) {
        case "bytes":
            return client.ingestFromBuffer(described(await readFile(path)), properties, options);
        case "reader":
            return client.ingestFromStream(described(pieces(path, piece, failAfter)), properties, options);
        case "stream": {
            const readable = Readable.from(pieces(path, piece, failAfter), { objectMode: false });
            return client.ingestFromStream(described(readable), properties, options);
        }
        case "file":
            return client.ingestFromFile(new FileDescriptor(path, id, size, compressionType), properties, options);
        case "fd": {
            const handle = await open(path);
            try {
                return await client.ingestFromFile(new FileDescriptor(handle, id, size, compressionType), properties, options);
            } finally {
                await handle.close();
            }
        }
        case "blobs":
            return client.ingestFromBlobs(blobs, properties, options);
        default:
            throw new Misunderstood(`unknown source ${source}`);
    }
}

const client = (message) => {
    const name = message.text("client");
    if (!clients.has(name)) {
        throw new Misunderstood(`no client ${name}`);
    }
    return clients.get(name);
};

const operation = (message) => {
    const name = message.text("op");
    if (!operations.has(name)) {
        throw new Misunderstood(`no operation ${name}`);
    }
    return operations.get(name);
};

const statusLine = ({ State, IngestionSourceId, ErrorCode }) => [
    "item",
    `${STATES[State]} ${IngestionSourceId ?? "-"} ${ErrorCode || "-"}`,
];

const VERBS = {
    async client(message) {
        const kcsb = builderOf(message.text("connection"), message.text("login"));
        const settings = Object.fromEntries(message.pairs("setting"));
        const name = message.text("client");
        message.refuseUnknown();
        clients.set(name, new IngestClient(kcsb, null, { settings }));
        return [];
    },

    async start(message) {
        const started = { controller: new AbortController(), progress: undefined };
        const options = { signal: started.controller.signal, timeout: message.timeout() };
        if (message.text("cancelled") === "1") {
            started.controller.abort(CANCELLED);
        }
        if (message.text("progress") === "1") {
            options.onProgress = (progress) => (started.progress = progress);
        }
        const name = message.text("op");
        started.ended = ingest(client(message), message, propertiesOf(message), options);
        // What it fails with is told by `wait`.
        started.ended.catch((error) => misunderstood(error));
        operations.set(name, started);
        return [];
    },

    async wait(message) {
        const started = operation(message);
        message.refuseUnknown();
        const result = await started.ended;
        const { progress } = started;
        return [
            ["source_id", result.sourceId],
            ["items", result.items.length],
            ...result.items.map(({ sourceId }) => ["item", sourceId]),
            ["bytes_raw", result.bytesRaw],
            ["bytes_sent", result.bytesSent],
            ...(progress === undefined ? [] : progressLines(progress)),
        ];
    },

    async cancel(message) {
        const { controller } = operation(message);
        message.refuseUnknown();
        controller.abort(CANCELLED);
        return [];
    },

    async track(message) {
        const { ended } = operation(message);
        const untilFinal = message.text("final") !== "0";
        const options = { untilFinal, interval: INTERVAL, timeout: message.timeout() };
        const asking = client(message);
        message.refuseUnknown();
        const statuses = await asking.resultOf((await ended).trackingToken).status(options);
        return statuses.map(statusLine);
    },

    async outcomes(message) {
        const { ended } = operation(message);
        const queues = new IngestStatusQueues(client(message));
        const queue = message.text("which") === "successes" ? queues.success : queues.failure;
        const take = message.text("how") === "take";
        const max = message.number("max");
        const options = { timeout: message.timeout() };
        message.refuseUnknown();
        options.of = await ended;
        const statuses = await (take ? queue.pop(max, options) : queue.peek(max, options));
        return statuses.map(statusLine);
    },

    async execute(message) {
        const properties = new ClientRequestProperties();
        message.pairs("parameter").forEach(([name, value]) => properties.setParameter(name, value));
        message.pairs("option").forEach(([name, value]) => properties.setOption(name, optionOf(value)));
        const options = { timeout: message.timeout() };
        if (message.text("cancelled") === "1") {
            options.signal = AbortSignal.abort(CANCELLED);
        }
        const asking = client(message);
        const [database, text] = [message.text("database"), message.text("text")];
        message.refuseUnknown();
        const { primaryResults } = await asking.execute(database, text, properties, options);
        const [table] = primaryResults;
        return [
            ...table.columns.map(({ name, type }) => ["column", `${name} ${type}`]),
            ...Array.from(table.rows(), (row) => ["row", JSON.stringify(row.raw)]),
        ];
    },

    async warm_up(message) {
        const warming = client(message);
        const timeout = message.timeout();
        message.refuseUnknown();
        await warming.warmUp({ timeout });
        return [];
    },

    async close(message) {
        const closing = client(message);
        const timeout = message.number("timeout");
        message.refuseUnknown();
        await closing.close({ timeout: timeout === -1 ? Infinity : timeout });
        return [];
    },

    async reset(message) {
        message.refuseUnknown();
        await reset();
        return [];
    },
};

function progressLines({ read, sent, total = 0 }) {
    return Object.entries({ progress_read: read, progress_sent: sent, progress_total: total });
}

/** JSON, or a text that is none. */
function optionOf(text) {
    try {
        return JSON.parse(text);
    } catch {
        return text;
    }
}

async function reset() {
    for (const each of clients.values()) {
        await each.close();
    }
    clients.clear();
    operations.clear();
}

function failureLines(error) {
    if (error === CANCELLED) {
        return [["code", "CANCELLED"], ["message", error.message], ["retry", "unknown"], ["in_doubt", 0]];
    }
    if (!(error instanceof KustoError)) {
        return [["code", error?.constructor?.name ?? typeof error], ["message", String(error?.message ?? error)]];
    }
    return [
        ["code", error.code],
        ["message", error.message],
        ["step", error.step],
        ["host", error.host ?? ""],
        ["argument", error.argument ?? ""],
        ["http_status", error.httpStatus ?? 0],
        ["service_code", error.serviceCode ?? ""],
        ["retry", error.retry],
        ["in_doubt", Number(error.inDoubt)],
        ["attempts", error.attempts.length],
        ["handed_over", error.handedOver.length],
    ];
}

function misunderstood(error) {
    if (error instanceof Misunderstood) {
        console.error(error.message);
        process.exit(2);
    }
}

async function answer(message) {
    if (!Object.hasOwn(VERBS, message.verb)) {
        misunderstood(new Misunderstood(`unknown verb ${message.verb}`));
    }
    try {
        return ["ok", await VERBS[message.verb](message)];
    } catch (error) {
        misunderstood(error);
        return ["error", failureLines(error)];
    }
}

let lines = [];
for await (const line of createInterface({ input: process.stdin })) {
    if (line !== "") {
        lines.push(line);
        continue;
    }
    const [verdict, pairs] = await answer(new Message(lines));
    lines = [];
    const text = pairs.map(([key, value]) => `${key} ${escaped(String(value))}\n`).join("");
    process.stdout.write(`${verdict}\n${text}\n`);
}
await reset();
