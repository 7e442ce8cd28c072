"use strict";

const { ErrorCode } = require("./catalog.js");

/** The error of every call here. */
class KustoError extends Error {
    constructor(details, options) {
        super(details.message, options);
        this.name = "KustoError";
        this.code = details.code;
        this.step = details.step;
        this.host = details.host ?? undefined;
        this.argument = details.argument ?? undefined;
        this.httpStatus = details.httpStatus ?? undefined;
        this.serviceCode = details.serviceCode ?? undefined;
        this.activityId = details.activityId ?? undefined;
        this.clientRequestId = details.clientRequestId ?? undefined;
        this.retry = details.retry ?? "unknown";
        this.permanent = this.retry === "never";
        this.retryable = this.retry === "later";
        this.retryAfterMs = details.retryAfterMs ?? undefined;
        this.inDoubt = details.inDoubt === true;
        this.attempts = (details.attempts ?? []).map((attempt) => new KustoError(attempt));
        this.handedOver = details.handedOver ?? [];
        this.statuses = details.statuses ?? [];
    }
}

/** The text of a thrown value: any value can be thrown, even one without a text. */
function wordsOf(thrown) {
    try {
        return String(thrown?.message ?? thrown);
    } catch {
        return "the thrown value has no text";
    }
}

/** A failure that this package detects itself. */
function invalidArgument(argument, message, cause) {
    const details = {
        code: ErrorCode.InvalidArgument,
        message: `check arguments: ${argument}: ${message}`,
        step: "check arguments",
        argument,
        retry: "never",
    };
    return new KustoError(details, cause === undefined ? undefined : { cause });
}

/** The KustoError for an exception of the addon: the crate's error, a value of a wrong type, or a panic. */
function thrown(error) {
    if (!(error instanceof Error)) {
        return error;
    }
    if (error.message.startsWith("{")) {
        return new KustoError(JSON.parse(error.message));
    }
    if (error.code === "GenericFailure") {
        const details = { code: ErrorCode.Internal, message: error.message, step: "check arguments", retry: "never" };
        return new KustoError(details, { cause: error });
    }
    return invalidArgument("arguments", error.message, error);
}

module.exports = { KustoError, invalidArgument, wordsOf, thrown };
