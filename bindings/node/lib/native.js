"use strict";
// Calls of the addon, and its events. Every call returns at once; an event with the operation's id reports its result.

const { setInterval } = require("node:timers");

const addon = require("./addon.js");
const { ErrorCode } = require("./catalog.js");
const { KustoError, failedAt, invalidArgument, siteOf, wordsOf, thrown } = require("./error.js");
const { CALL, checkOptions } = require("./names.js");

/** The entries that wait for an event, by the id of the events. */
const pending = new Map();
/** The method of a client that answers token requests. */
const answerOf = Symbol("answer");
/** The method of a client that shows prompts. */
const showOf = Symbol("show");
/** The clients that answer, by their id; weak references, so that a forgotten client is collected. */
const clients = new Map();
/** Where the events of the clients with a log of their own go. */
const receivers = new Map();
const forgotten = new FinalizationRegistry((id) => {
    clients.delete(id);
    receivers.delete(id);
});
let log = null;

const handlers = {
    value: (id, text) => take(id)?.resolve(text),
    failure: (id, text) => take(id)?.reject(text),
    progress: (id, [read, sent, total]) => pending.get(id)?.progress?.({ read, sent, total }),
    token(id, request) {
        const client = clients.get(id)?.deref();
        client === undefined ? request.fail(true, "the client no longer exists") : client[answerOf](request);
    },
    prompt(id, prompt) {
        const client = clients.get(id)?.deref();
        client === undefined ? prompt.fail("the client no longer exists") : client[showOf](prompt);
    },
    record: (id, [level, event, message, fields]) => receivers.get(id)?.(Number(level), event, message, JSON.parse(fields)),
    log: (_id, [level, target, message]) => log?.(Number(level), target, message),
};

const realm = new addon.NativeRealm((name, id, told) => handlers[name](id, told));

// The addon's events alone do not keep the process alive: this timer, which never does anything, does while something
// is pending.
const LONGEST = 2 ** 31 - 1;
const alive = setInterval(() => {}, LONGEST).unref();

function expect(id, entry) {
    if (pending.size === 0) {
        alive.ref();
    }
    pending.set(id, entry);
}

function take(id) {
    const entry = pending.get(id);
    if (pending.delete(id) && pending.size === 0) {
        alive.unref();
    }
    return entry;
}

/** The result of a function of the addon; its exceptions become a KustoError. */
function call(work) {
    try {
        return work();
    } catch (error) {
        throw thrown(error);
    }
}

/** Waits for the event with this id; rejects with the JSON of the failure. */
function ended(id) {
    return new Promise((resolve, reject) => expect(id, { resolve, reject }));
}

function checkAborted(signal) {
    if (signal?.aborted) {
        throw signal.reason;
    }
}

/** A time: the option `nameMs`, or `name`, which is another name for the same. */
function milliseconds(options, name) {
    const other = options?.[name] ?? undefined;
    const value = options?.[`${name}Ms`] ?? other;
    if (other !== undefined && !Object.is(value, other)) {
        throw invalidArgument(name, `differs from ${name}Ms, which is the same option`);
    }
    if (value !== undefined && typeof value !== "number") {
        throw invalidArgument(other === undefined ? `${name}Ms` : name, "must be a number of milliseconds");
    }
    return value;
}

/** Checks the names of a call's options, of which `more` are its own, and those that all calls have in common. */
function limits(options, more = []) {
    checkOptions(options, [...CALL, ...more]);
    const signal = options?.signal ?? undefined;
    const timeout = milliseconds(options, "timeout");
    if (signal !== undefined && typeof signal?.addEventListener !== "function") {
        throw invalidArgument("signal", "must be an AbortSignal");
    }
    checkAborted(signal);
    return { signal, timeout };
}

/**
 * Begins an operation and waits for its end: resolves with the text that the event brings. An abort cancels the native
 * work, and is reported only when that has ended.
 */
async function run(begin, { signal, progress } = {}) {
    checkAborted(signal);
    const site = siteOf(run);
    const operation = call(begin);
    const cancel = () => operation.cancel();
    let thrownByCallback;
    const stop = (error) => {
        thrownByCallback ??= { error };
        cancel();
    };
    const report = (numbers) => {
        try {
            // An async callback fails by rejecting its promise.
            const returned = thrownByCallback ?? progress(numbers);
            typeof returned?.then === "function" && returned.then(undefined, stop);
        } catch (error) {
            stop(error);
        }
    };
    signal?.addEventListener("abort", cancel, { once: true });
    let text;
    try {
        text = await new Promise((resolve, reject) => {
            expect(operation.id, { resolve, reject, progress: progress && report });
        });
    } catch (failure) {
        throw explained(failedAt(site, JSON.parse(failure)), signal, thrownByCallback);
    } finally {
        signal?.removeEventListener("abort", cancel);
    }
    if (thrownByCallback !== undefined) {
        throw handedOver(thrownByCallback.error);
    }
    return text;
}

/** The callback threw too late to stop the ingestion: report both its error and that the data was handed over. */
function handedOver(cause) {
    const message = `the data was handed over, but the progress callback failed: ${wordsOf(cause)}`;
    const details = { code: ErrorCode.Callback, message, step: "wait", inDoubt: true };
    return new KustoError(details, { cause });
}

/** A cancelled call fails with the reason of the cancellation, unless the outcome is in doubt: that must be reported. */
function explained(error, signal, thrownByCallback) {
    if (error.code !== ErrorCode.Cancelled) {
        return error;
    }
    if (thrownByCallback !== undefined) {
        error.code = ErrorCode.Callback;
        error.message = `the progress callback failed: ${wordsOf(thrownByCallback.error)}`;
        error.cause = thrownByCallback.error;
    } else if (signal?.aborted && !error.inDoubt) {
        return signal.reason;
    } else if (signal?.aborted) {
        error.cause = signal.reason;
    }
    return error;
}

/** Lets a client answer the token requests with this id, as long as it exists. */
function answers(id, client) {
    clients.set(id, new WeakRef(client));
    forgotten.register(client, id);
}

/** Sends the log of the client with this id to a function, as long as the client exists. */
function logs(id, client, receive) {
    receivers.set(id, receive);
    forgotten.register(client, id);
}

function setLog(level, callback) {
    call(() => addon.setLog(realm, callback === null || callback === undefined ? 0 : level));
    log = callback ?? null;
}

module.exports = { addon, answerOf, showOf, answers, call, checkAborted, ended, limits, logs, milliseconds, realm, run, setLog };
