"use strict";

const { getSystemErrorMap, inspect } = require("node:util");

const { ErrorCode } = require("./catalog.js");

/** What Windows reports for files and connections, under the names that Node uses everywhere. */
const OF_WINDOWS = new Map([
    [2, "ENOENT"],
    [3, "ENOENT"],
    [5, "EACCES"],
    [32, "EBUSY"],
    [10013, "EACCES"],
    [10048, "EADDRINUSE"],
    [10051, "ENETUNREACH"],
    [10053, "ECONNABORTED"],
    [10054, "ECONNRESET"],
    [10060, "ETIMEDOUT"],
    [10061, "ECONNREFUSED"],
    [10065, "EHOSTUNREACH"],
]);

/** The error of the operating system with this number, as Node's own functions report it; `undefined` for none. */
function systemError(number) {
    const known = [...getSystemErrorMap()].find(([errno, [name]]) =>
        process.platform === "win32" ? name === OF_WINDOWS.get(number) : errno === -number,
    );
    if (known === undefined) {
        return undefined;
    }
    const [errno, [code, text]] = known;
    const error = new Error(`${code}: ${text}`);
    // It was reported by a thread of the library: this stack would say nothing.
    delete error.stack;
    return Object.assign(error, { errno, code });
}

/** Members that are there only when they say something: Node shows all members of an error that nobody catches. */
const OPTIONAL = ["host", "argument", "httpStatus", "serviceCode", "activityId", "clientRequestId", "retryAfterMs"];

/** The error of every call here. */
class KustoError extends Error {
    constructor(details, options) {
        super(details.message, options ?? causeOf(details));
        this.name = "KustoError";
        this.code = details.code;
        this.step = details.step;
        for (const member of OPTIONAL.filter((member) => (details[member] ?? undefined) !== undefined)) {
            this[member] = details[member];
        }
        this.retry = details.retry ?? "unknown";
        this.permanent = this.retry === "never";
        this.retryable = this.retry === "later";
        this.inDoubt = details.inDoubt === true;
        const attempts = (details.attempts ?? []).map((attempt) => new KustoError(attempt));
        const lists = { attempts, handedOver: details.handedOver ?? [], statuses: details.statuses ?? [] };
        for (const [member, value] of Object.entries(lists)) {
            // What is empty is not shown.
            Object.defineProperty(this, member, { value, enumerable: value.length > 0, configurable: true, writable: true });
        }
    }

    /** Shows of each attempt only the text. */
    [inspect.custom](depth, options) {
        const { name, ...shown } = this;
        if (this.attempts.length > 0) {
            shown.attempts = this.attempts.map(({ message }) => message);
        }
        if (this.cause !== undefined) {
            shown.cause = this.cause;
        }
        return depth < 0 ? `[${this}]` : `${this.stack} ${inspect(shown, { ...options, depth })}`;
    }
}

function causeOf({ systemCode, attempts = [] }) {
    const code = [systemCode, ...attempts.map((attempt) => attempt.systemCode).reverse()].find((code) => typeof code === "number");
    const cause = code === undefined ? undefined : systemError(code);
    return cause && { cause };
}

/** Where the program is now, from the caller of `until` on. */
function siteOf(until) {
    const site = {};
    Error.captureStackTrace(site, until);
    return site;
}

/**
 * The error of a call that began at `site`. Its stack is that of the beginning: at the end there is only what Node can
 * reconstruct from promises, which ends where a promise has two that wait for it.
 */
function failedAt(site, details) {
    const error = new KustoError(details);
    const stack = String(site.stack);
    const frames = stack.indexOf("\n    at ");
    if (frames !== -1) {
        error.stack = `${error.name}: ${error.message}${stack.slice(frames)}`;
    }
    return error;
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

module.exports = { KustoError, failedAt, invalidArgument, siteOf, wordsOf, thrown };
