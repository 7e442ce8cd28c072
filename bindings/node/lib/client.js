"use strict";

const { setImmediate: turn } = require("node:timers/promises");

const { builderOf, loginOf, textOf } = require("./connection.js");
const { ErrorCode } = require("./catalog.js");
const { planOf } = require("./credential.js");
const { invalidArgument, wordsOf } = require("./error.js");
const { logOf } = require("./log.js");
const { addon, answerOf, showOf, answers, call, limits, logs, milliseconds, realm, run } = require("./native.js");
const { checkOptions, withoutMissing } = require("./names.js");
const { IngestionProperties, wireProperties } = require("./properties.js");
const { ClientRequestProperties, wireOf } = require("./request-properties.js");
const { KustoResponseDataSet } = require("./response.js");
const { passes } = require("./token-failure.js");

/** A client's native half, for the other files of this package. */
const nativeOf = Symbol("native");
/** Begins a native operation of a client and waits for its end. */
const runOf = Symbol("run");
/** Turns properties of an ingestion into those of the addon. */
const propertiesOf = Symbol("properties");
/** Marks the classes of clients that ingest. */
const ingests = Symbol("ingests");
/** Makes closing wait for the end of a call. */
const pendingOf = Symbol("pending");

class Client {
    #native;
    #login;
    /** The functions of its login that give tokens. */
    #askers = [];
    #tokenError;
    #calls = new Set();
    #closing = new AbortController();

    constructor(kcsb, options) {
        checkOptions(options, ["settings", "log", "logLevel"]);
        const builder = builderOf("kcsb", kcsb);
        this.#login = builder[loginOf];
        const plan = this.#login.credential?.[planOf](this.#askers);
        const log = logOf(options ?? {});
        // An ingest client given the data management service's address runs its queries on the engine.
        const queriesOnly = new.target[ingests] ? [] : [["queries only", true]];
        const runtime = ["runtime", `Node/${process.versions.node}`];
        const settings = [runtime, ...queriesOnly, ...(this.#login.keywords ?? []), ...namesOf(builder), ...Object.entries(withoutMissing(options?.settings))].map(([name, value]) => [name, String(value)]);
        this.#native = call(() => addon.connect(realm, builder[textOf], settings, plan ?? null, this.#login.prompts === true, log?.level ?? null));
        if (log !== undefined) {
            logs(this.#native.id, this, log.receive);
        }
        this.defaultDatabase = this.#native.defaultDatabase;
        answers(this.#native.id, this);
    }

    get [nativeOf]() {
        return this.#native;
    }

    /** A command, which begins with a dot, or a query. */
    async execute(database, query, properties, options) {
        return this.#execute("either", database, query, properties, options);
    }

    async executeQuery(database, query, properties, options) {
        return this.#execute("query", database, query, properties, options);
    }

    async executeMgmt(database, command, properties, options) {
        return this.#execute("mgmt", database, command, properties, options);
    }

    async #execute(kind, database, text, properties, options) {
        if (properties !== undefined && properties !== null && !(properties instanceof ClientRequestProperties)) {
            throw invalidArgument("properties", "must be ClientRequestProperties");
        }
        if (typeof text !== "string") {
            throw invalidArgument("query", "must be a string");
        }
        const { signal, timeout = properties?.getClientTimeout() } = limits(options);
        const wire = JSON.stringify(properties?.[wireOf]() ?? {});
        const begin = () => this.#native.execute(kind, database ?? this.defaultDatabase, text, wire, timeout);
        return new KustoResponseDataSet(JSON.parse(await this[runOf](begin, { signal })));
    }

    /** The properties of an ingestion as the addon expects them. */
    [propertiesOf](properties) {
        const { known, others } = wireProperties(properties);
        return { database: properties.database ?? this.defaultDatabase, table: properties.table ?? "", known, others };
    }

    /**
     * Fetches token and ingestion resources now, for programs that want to fail early, and checks what `properties` name:
     * database, table, mapping, and the permission to ingest.
     */
    async warmUp(options) {
        const { signal, timeout } = limits(options, ["properties"]);
        const properties = options?.properties;
        const native = properties && this[propertiesOf](new IngestionProperties(properties));
        return JSON.parse(await this[runOf](() => this.#native.warmUp(native, timeout), { signal }));
    }

    /** Refuses new calls, waits up to `timeout` for ingestions under way, cancels the rest. */
    async close(options) {
        checkOptions(options, ["timeoutMs", "timeout"]);
        const timeout = milliseconds(options, "timeout") ?? 0;
        const left = Number(await run(() => this.#native.close(timeout)));
        this.#closing.abort();
        await Promise.all(this.#calls);
        // The callers' promises settle a few microtasks later: they settle before this one does.
        await turn();
        return left;
    }

    async [runOf](begin, options) {
        try {
            return await this[pendingOf](run(begin, options));
        } catch (error) {
            if (error?.code === ErrorCode.Auth && error.step === "acquire token" && this.#tokenError !== undefined) {
                error.cause = this.#tokenError;
            }
            throw error;
        }
    }

    /** The promise itself gets no other reader: Node's stacks end at one that has two. */
    async [pendingOf](call) {
        let forget;
        const end = new Promise((resolve) => {
            forget = resolve;
        });
        this.#calls.add(end);
        try {
            return await call;
        } finally {
            this.#calls.delete(end);
            forget();
        }
    }

    async [showOf](prompt) {
        try {
            if (prompt.isDeviceCode) {
                const { message, url, code, expiresOn } = prompt;
                await (this.#login.show ?? print)({ message, verificationUri: url, userCode: code, expiresOnTimestamp: expiresOn });
            }
            prompt.done(!prompt.isDeviceCode);
        } catch (error) {
            this.#tokenError = error;
            prompt.fail(wordsOf(error));
        }
    }

    async [answerOf](request) {
        try {
            const options = { abortSignal: this.#closing.signal, tenantId: request.tenant ?? undefined };
            const answer = await this.#askers[request.asker]([request.scope], options);
            const { token, expiresOnTimestamp } = typeof answer === "string" ? { token: answer } : (answer ?? {});
            if (typeof token !== "string") {
                throw new TypeError("the token provider returned no token");
            }
            this.#tokenError = undefined;
            call(() => request.complete(token, expiresOnTimestamp));
        } catch (error) {
            this.#tokenError = error;
            request.fail(passes(error), wordsOf(error));
        }
    }
}

/** As the official client does. */
function print({ message }) {
    console.log(message);
}

function namesOf({ applicationNameForTracing, userNameForTracing }) {
    const names = [
        ["Application Name for Tracing", applicationNameForTracing],
        ["User Name for Tracing", userNameForTracing],
    ];
    return names.filter(([, value]) => value !== null && value !== undefined);
}

if (Symbol.asyncDispose !== undefined) {
    Client.prototype[Symbol.asyncDispose] = async function () {
        await this.close();
    };
}

module.exports = { Client, ingests, nativeOf, pendingOf, propertiesOf, runOf };
