"use strict";

/** What Node, its `fetch` and the Azure libraries call a connection that failed or took too long. */
const CONNECTION = /^(ECONN(RESET|REFUSED|ABORTED)|ETIMEDOUT|EPIPE|ENOTFOUND|EAI_AGAIN|E(HOST|NET)UNREACH|UND_ERR_(SOCKET|(CONNECT|HEADERS|BODY)_TIMEOUT)|REQUEST_SEND_ERROR)$/;

/** An error and what caused it, outermost first; a chain of causes may be a circle. */
function* chainOf(error) {
    const seen = new Set();
    const open = [error];
    while (open.length > 0) {
        const each = open.shift();
        if (typeof each !== "object" || each === null || seen.has(each)) {
            continue;
        }
        seen.add(each);
        yield each;
        open.push(each.cause, ...(Array.isArray(each.errors) ? each.errors : []));
    }
}

function answerOf(error) {
    if (error.retryable === true || error.permanent === true) {
        return error.retryable === true;
    }
    const status = error.statusCode ?? error.status;
    if (typeof status === "number") {
        return status === 408 || status === 429 || status >= 500;
    }
    if (CONNECTION.test(String(error.code)) || error.name === "TimeoutError") {
        return true;
    }
    return typeof error.retryable === "boolean" && error.retry === undefined ? error.retryable : undefined;
}

/**
 * Whether asking a token provider that failed in this way again can succeed. The outermost error that answers the question
 * decides: login libraries wrap the status of the login service. Without an answer the failure is permanent.
 */
function passes(error) {
    try {
        for (const each of chainOf(error)) {
            const answer = answerOf(each);
            if (answer !== undefined) {
                return answer;
            }
        }
    } catch {
        // Any value can be thrown, even one whose members throw.
    }
    return false;
}

module.exports = { passes };
