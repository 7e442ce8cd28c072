// The player of Node: carries out its input through @kusto-ingest/native and reports the results. See ../../README.md.
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";

import {
    ClientRequestProperties,
    IngestClient,
    IngestStatusQueues,
    KustoConnectionStringBuilder,
    KustoCredential,
    KustoError,
} from "@kusto-ingest/native";

import { ITEM_STATES, ROUTES } from "./catalog.mjs";
import { Message, Misunderstood, escaped } from "./message.mjs";
import { ingest, propertiesOf } from "./what.mjs";

const TOKEN = "a-token";
/** How often `track` asks, in milliseconds. */
const INTERVAL = 50;

/** What scenarios call each state. */
const STATES = Object.fromEntries(Object.entries(ITEM_STATES).map(([word, state]) => [state, word]));

/** Why an operation is cancelled here. */
const CANCELLED = new Error("cancelled by the driver");

const clients = new Map();
const operations = new Map();

/** An application whose assertion is the text of the message's file. */
function federated(message) {
    const file = message.text("file");
    return KustoCredential.clientAssertion(null, message.text("application"), () => readFile(file, "utf8"));
}

function builderOf(connection, message) {
    const { withTokenCredential } = KustoConnectionStringBuilder;
    const login = message.text("login");
    switch (login) {
        case "callback":
            return KustoConnectionStringBuilder.withTokenProvider(connection, async () => TOKEN);
        case "failing":
            return KustoConnectionStringBuilder.withTokenProvider(connection, async () => {
                throw new Error("no login today");
            });
        case "token":
            return KustoConnectionStringBuilder.withAccessToken(connection, TOKEN);
        case "federated":
            return withTokenCredential(connection, federated(message));
        case "on_behalf_of":
            return withTokenCredential(connection, KustoCredential.onBehalfOf(federated(message), "no-token"));
        case "chain":
            return withTokenCredential(connection, KustoCredential.chainedToken(KustoCredential.environment(), KustoCredential.managedIdentity()));
        case "interactive":
            return KustoConnectionStringBuilder.withUserPrompt(connection);
        case "device":
            // The driver plays the user, who needs no prompt.
            return KustoConnectionStringBuilder.withAadDeviceAuthentication(connection, null, () => {});
        case undefined:
        case "none":
            return new KustoConnectionStringBuilder(connection);
        default:
            throw new Misunderstood(`unknown login ${login}`);
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

const deliveryLines = ({ route, attempts, fallbackCause, updatePolicy, possiblyDuplicated }) => [
    ["route", Object.keys(ROUTES).find((word) => ROUTES[word] === route)],
    ["attempts", attempts],
    ...(fallbackCause === undefined ? [] : [["fallback", fallbackCause.serviceCode ?? ""]]),
    ["policy_failed", Number(updatePolicy?.failed ?? false)],
    ["duplicated", Number(possiblyDuplicated)],
];

/** A receipt, from an ingestion that has ended well. */
const receipt = async (message) => {
    const { ended } = operation(message);
    if (ended === undefined) {
        throw new Misunderstood("the operation is no ingestion");
    }
    return ended;
};

/** What ask a client for something, and may do so in the background. */
const CALLS = {
    async track(message, signal) {
        const result = receipt(message);
        const untilFinal = message.text("final") !== "0";
        const options = { untilFinal, interval: INTERVAL, timeout: message.timeout(), signal };
        const asking = client(message);
        message.refuseUnknown();
        const statuses = await asking.resultOf((await result).trackingToken).status(options);
        return statuses.map(statusLine);
    },

    async outcomes(message, signal) {
        const result = receipt(message);
        const queues = new IngestStatusQueues(client(message));
        const queue = message.text("which") === "successes" ? queues.success : queues.failure;
        const take = message.text("how") === "take";
        const max = message.number("max");
        const options = { timeout: message.timeout(), signal };
        message.refuseUnknown();
        options.of = await result;
        const statuses = await (take ? queue.pop(max, options) : queue.peek(max, options));
        return statuses.map(statusLine);
    },

    async execute(message, signal) {
        const properties = new ClientRequestProperties();
        message.pairs("parameter").forEach(([name, value]) => properties.setParameter(name, value));
        message.pairs("option").forEach(([name, value]) => properties.setOption(name, optionOf(value)));
        const options = { timeout: message.timeout(), signal };
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

    async warm_up(message, signal) {
        const warming = client(message);
        const timeout = message.timeout();
        message.refuseUnknown();
        await warming.warmUp({ timeout, signal });
        return [];
    },

    async close(message) {
        const closing = client(message);
        const timeout = message.number("timeout");
        message.refuseUnknown();
        await closing.close({ timeout: timeout === -1 ? Infinity : timeout });
        return [];
    },
};

/** Does the call, or begins it under the name that it is to have. */
async function called(verb, message) {
    const controller = new AbortController();
    if (message.text("cancelled") === "1") {
        controller.abort(CANCELLED);
    }
    const name = message.text("as");
    const answered = CALLS[verb](message, controller.signal);
    if (name === undefined) {
        return answered;
    }
    // Its error is reported by `wait`.
    answered.catch((error) => misunderstood(error));
    operations.set(name, { controller, answered });
    return [];
}

const VERBS = {
    async client(message) {
        const kcsb = builderOf(message.text("connection"), message);
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
        // Its error is reported by `wait`.
        started.ended.catch((error) => misunderstood(error));
        operations.set(name, started);
        return [];
    },

    async wait(message) {
        const started = operation(message);
        message.refuseUnknown();
        if (started.answered !== undefined) {
            return started.answered;
        }
        const result = await started.ended;
        const { progress } = started;
        return [
            ["source_id", result.sourceId],
            ["items", result.items.length],
            ...result.items.map(({ sourceId }) => ["item", sourceId]),
            ["format", result.items[0].format],
            ["format_assumed", Number(result.items[0].formatAssumed)],
            ["bytes_raw", result.bytesRaw],
            ["bytes_sent", result.bytesSent],
            ...deliveryLines(result.delivery),
            ...(progress === undefined ? [] : progressLines(progress)),
        ];
    },

    async cancel(message) {
        const { controller } = operation(message);
        message.refuseUnknown();
        controller.abort(CANCELLED);
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
    const { verb } = message;
    if (!Object.hasOwn(VERBS, verb) && !Object.hasOwn(CALLS, verb)) {
        misunderstood(new Misunderstood(`unknown verb ${verb}`));
    }
    try {
        return ["ok", await (VERBS[verb]?.(message) ?? called(verb, message))];
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
