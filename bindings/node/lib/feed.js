"use strict";
// Data on its way from JavaScript to the library.

const { performance } = require("node:perf_hooks");
const { setImmediate: turn } = require("node:timers/promises");

const { ErrorCode } = require("./catalog.js");
const { invalidArgument, wordsOf } = require("./error.js");
const { addon, call, checkAborted, ended, realm } = require("./native.js");

/** How much is copied between two turns of the event loop: about a millisecond. */
const AT_ONCE = 4 * 1024 * 1024;
/** For how many milliseconds a source that always has data is read between two turns of the event loop. */
const IN_A_ROW = 5;

/** The bytes of a piece of data; a string is UTF-8. */
function bytesOf(data) {
    if (data instanceof Uint8Array) {
        return data;
    }
    if (typeof data === "string") {
        return Buffer.from(data);
    }
    if (ArrayBuffer.isView(data)) {
        return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    }
    if (data instanceof ArrayBuffer || data instanceof SharedArrayBuffer) {
        return new Uint8Array(data);
    }
    return undefined;
}

/** The caller must have finished with a piece before the event loop turns. */
function* pieces(bytes) {
    const { length } = bytes;
    for (let offset = 0; offset < length; offset += AT_ONCE) {
        // During a turn of the event loop the buffer may have been transferred or shrunk.
        if (bytes.length !== length) {
            throw invalidArgument("data", "was detached or resized while it was copied");
        }
        yield bytes.subarray(offset, offset + AT_ONCE);
    }
}

/** A copy of data in memory as a source. */
async function memorySource(bytes, signal) {
    const memory = call(() => new addon.NativeMemory(bytes.length));
    for (const piece of pieces(bytes)) {
        call(() => memory.append(piece));
        if (piece.length === AT_ONCE) {
            await turn();
            checkAborted(signal);
        }
    }
    return memory.intoSource();
}

/** How to read a source, and how to leave it when the rest is not needed. */
function readerOf(source) {
    if (typeof source?.getReader === "function") {
        return webReader(source);
    }
    const open = source?.[Symbol.asyncIterator] ?? source?.[Symbol.iterator];
    if (typeof open !== "function" || bytesOf(source) !== undefined) {
        throw invalidArgument("stream", "must be a Readable, a web stream or an iterable of Buffers");
    }
    const iterator = open.call(source);
    const leave = () => {
        if (typeof source.destroy === "function") {
            source.destroy();
            return;
        }
        // Not awaited: a generator that hangs at its next piece would never return.
        Promise.resolve()
            .then(() => iterator.return?.())
            .catch(() => {});
    };
    return { next: async () => iterator.next(), leave };
}

function webReader(source) {
    let reader;
    try {
        reader = source.getReader();
    } catch (error) {
        throw invalidArgument("stream", error.message, error);
    }
    return { next: () => reader.read(), leave: () => void reader.cancel().catch(() => {}) };
}

/** Abandons a stream, whether or not it was read. An iterable that was not begun needs nothing. */
function abandon(source) {
    if (typeof source?.destroy === "function") {
        source.destroy();
    } else if (typeof source?.getReader === "function") {
        // A locked stream belongs to another reader.
        source.cancel().catch(() => {});
    }
}

const OVER = Symbol("over");

/** Waits for promises, but not beyond the end of the operation. */
class Patience {
    #over = false;
    #wake = () => {};

    constructor(operation) {
        const end = () => {
            this.#over = true;
            this.#wake();
        };
        operation.then(end, end);
    }

    /** The promise's value, or OVER. */
    for(promise) {
        return new Promise((resolve, reject) => {
            this.#wake = () => resolve(OVER);
            promise.then(resolve, reject);
            if (this.#over) {
                resolve(OVER);
            }
        });
    }
}

/**
 * The bytes of the pieces of a stream. A pair of surrogates that stands in two strings is one character: the first half waits
 * for the next piece.
 */
class Pieces {
    #half = "";

    /** `undefined` for what is no data. */
    bytesOf(piece) {
        if (typeof piece !== "string") {
            const bytes = bytesOf(piece);
            return bytes === undefined || this.#half === "" ? bytes : Buffer.concat([this.end(), bytes]);
        }
        const text = this.#half + piece;
        const last = text.charCodeAt(text.length - 1);
        const cut = last >= 0xd800 && last <= 0xdbff ? text.length - 1 : text.length;
        this.#half = text.slice(cut);
        return Buffer.from(text.slice(0, cut));
    }

    /** What is left at the end: half a pair, which is no character. */
    end() {
        const rest = Buffer.from(this.#half);
        this.#half = "";
        return rest;
    }
}

/** Reads the source to its end; false when the operation ended first. */
async function pump(reader, stream, patience) {
    const data = new Pieces();
    let turned = performance.now();
    for (;;) {
        const step = await patience.for(reader.next());
        if (step === OVER) {
            return false;
        }
        const bytes = step.done ? data.end() : data.bytesOf(step.value);
        if (bytes === undefined) {
            throw new TypeError(`the stream yielded a value of type ${typeof step.value}, not a Buffer or a string`);
        }
        for (const piece of pieces(bytes)) {
            const room = call(() => stream.push(piece));
            // Fails when the operation has ended; its own error says why.
            if (room !== 0 && (await ended(room).catch(() => OVER)) === OVER) {
                return false;
            }
            // While there is room, the loop awaits only promises, which would starve timers and events.
            if (performance.now() - turned > IN_A_ROW) {
                if ((await patience.for(turn())) === OVER) {
                    return false;
                }
                turned = performance.now();
            }
        }
        if (step.done) {
            return true;
        }
    }
}

/**
 * Ingests a source: `begin` begins the operation with a native source. The source is read no faster than
 * storage takes it, and left when the operation ends before it.
 */
async function feed(source, begin, signal) {
    const reader = readerOf(source);
    const stream = call(() => new addon.NativeStream(realm));
    const operation = begin(stream.source());
    let failure;
    try {
        const whole = await pump(reader, stream, new Patience(operation));
        whole ? await close(() => stream.finish()) : reader.leave();
    } catch (error) {
        failure = { error };
        reader.leave();
        await close(() => stream.fail(wordsOf(error)));
    }
    try {
        return await operation;
    } catch (error) {
        throw failure === undefined ? error : explained(error, failure.error, signal);
    }
}

/** Ends the stream; that fails when the operation has ended, and its own error says why. */
async function close(end) {
    await ended(call(end)).catch(() => {});
}

/** The source's own error becomes the cause. An error that the abort caused becomes the signal's reason. */
function explained(error, cause, signal) {
    if (error.code === ErrorCode.SourceIo && signal?.aborted) {
        return signal.reason;
    }
    if (error.code === ErrorCode.SourceIo) {
        error.cause = cause;
    }
    return error;
}

module.exports = { abandon, bytesOf, feed, memorySource };
