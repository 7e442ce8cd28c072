"use strict";

const { nativeOf, runOf } = require("./client.js");
const { invalidArgument } = require("./error.js");
const { IngestClient } = require("./ingest-client.js");
const { limits } = require("./native.js");

/** The queues of one kind of notifications, which belong to all clients of the cluster. */
class StatusQueue {
    #client;
    #successes;

    constructor(client, successes) {
        this.#client = client;
        this.#successes = successes;
    }

    /** Returns up to `n` notifications without removing them. */
    async peek(n, options) {
        return this.#ask(false, n ?? 1, options);
    }

    /** Removes up to `n` notifications from their queues and returns them. */
    async pop(n, options) {
        return this.#ask(true, n ?? 1, options);
    }

    async isEmpty(options) {
        return (await this.peek(1, options)).length === 0;
    }

    async #ask(take, n, options) {
        const { signal, timeout } = limits(options, ["of"]);
        if (typeof n !== "number") {
            throw invalidArgument("n", "must be a number");
        }
        const token = (options?.of ?? null) === null ? null : String(options.of.trackingToken);
        const begin = () => this.#client[nativeOf].outcomes(take, this.#successes, token, n, timeout);
        return JSON.parse(await this.#client[runOf](begin, { signal }));
    }
}

class IngestStatusQueues {
    constructor(ingestClient) {
        if (!(ingestClient instanceof IngestClient)) {
            throw invalidArgument("ingestClient", "must be an IngestClient");
        }
        this.failure = new StatusQueue(ingestClient, false);
        this.success = new StatusQueue(ingestClient, true);
    }
}

module.exports = { IngestStatusQueues, StatusQueue };
