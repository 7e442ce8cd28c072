"use strict";

const { nativeOf, runOf } = require("./client.js");
const { ErrorCode, OperationStatus } = require("./catalog.js");
const { KustoError } = require("./error.js");
const { CALL, checkOptions } = require("./names.js");
const { limits, milliseconds } = require("./native.js");

/** How often `wait` polls. */
const INTERVAL = 1000;
const POLLING = ["intervalMs", "interval"];

class IngestionResult {
    #client;

    constructor(client, { items, sourceId, bytesRaw, bytesSent, trackingToken, delivery }) {
        this.#client = client;
        this.items = items;
        this.sourceId = sourceId;
        this.bytesRaw = bytesRaw;
        this.bytesSent = bytesSent;
        this.trackingToken = trackingToken;
        this.delivery = delivery && deliveryOf(delivery);
    }

    /** Reads the status table now, or with `untilFinal` until no item is pending. */
    async status(options) {
        const { signal, timeout } = limits(options, [...POLLING, "untilFinal"]);
        const interval = milliseconds(options, "interval") ?? INTERVAL;
        const poll = options?.untilFinal ? interval : null;
        const begin = () => this.#client[nativeOf].status(String(this.trackingToken), poll, timeout);
        return JSON.parse(await this.#client[runOf](begin, { signal }));
    }

    /** Waits until the service is done; rejects unless all the data is in the table. */
    async wait(options) {
        checkOptions(options, [...CALL, ...POLLING]);
        const statuses = await this.status({ ...options, untilFinal: true });
        const failure = failureOf(statuses);
        if (failure !== undefined) {
            throw failure;
        }
        return statuses;
    }

    /** As in the official SDK: the status of the first item. */
    async getIngestionStatusCollection() {
        const [first] = await this.status();
        return first;
    }
}

/** How data got to the service, with its failures as errors. */
function deliveryOf({ fallbackCause, updatePolicy, ...members }) {
    return {
        ...members,
        fallbackCause: fallbackCause === null ? undefined : new KustoError(fallbackCause),
        updatePolicy: updatePolicy ?? undefined,
    };
}

/** The error for the first item that is not in the table. */
function failureOf(statuses) {
    const good = ({ State }) => State === OperationStatus.Succeeded || State === OperationStatus.Skipped;
    const failed = statuses.find((status) => !good(status));
    if (failed === undefined) {
        return undefined;
    }
    return new KustoError({
        code: statuses.some(good) ? ErrorCode.Partial : ErrorCode.Service,
        message: `ingest: source ${failed.IngestionSourceId}: ${described(failed)}`,
        step: "ingest",
        serviceCode: failed.ErrorCode,
        activityId: failed.ActivityId,
        retry: failed.Retry,
        statuses,
    });
}

/** Such as `Failed: Entity ID 'T' of kind 'Table' was not found. (BadRequest_TableNotExist)`, without what the service left out. */
function described({ State, Details, ErrorCode: code }) {
    return `${State}${Details ? `: ${Details}` : ""}${code ? ` (${code})` : ""}`;
}

module.exports = { IngestionResult };
