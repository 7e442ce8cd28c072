"use strict";

/** The properties as the addon expects them. */
const wireOf = Symbol("wire");

/** The option of the service's time limit. */
const TIMEOUT = "servertimeout";

class ClientRequestProperties {
    /** By the name without its case, which the library does not distinguish. */
    #options = new Map();
    #parameters;
    #clientTimeout;

    constructor(options, parameters, clientRequestId = null) {
        for (const [name, value] of Object.entries(options ?? {})) {
            this.setOption(name, value);
        }
        this.#parameters = { ...parameters };
        this.clientRequestId = clientRequestId;
    }

    setOption(name, value) {
        this.#options.set(keyOf(name), { name, value, isAdditional: false });
    }

    /** Passes an option on whose name the library does not know. */
    setAdditionalOption(name, value) {
        this.#options.set(keyOf(name), { name, value, isAdditional: true });
    }

    getOption(name, defaultValue) {
        return this.#options.get(keyOf(name))?.value ?? defaultValue;
    }

    clearOptions() {
        this.#options.clear();
    }

    setParameter(name, value) {
        this.#parameters[name] = value;
    }

    getParameter(name, defaultValue) {
        return this.#parameters[name] ?? defaultValue;
    }

    clearParameters() {
        this.#parameters = {};
    }

    setTimeout(timeoutMillis) {
        this.setOption(TIMEOUT, timeoutMillis);
    }

    getTimeout() {
        return this.getOption(TIMEOUT);
    }

    setClientTimeout(timeoutMillis) {
        this.#clientTimeout = timeoutMillis;
    }

    getClientTimeout() {
        return this.#clientTimeout;
    }

    [wireOf]() {
        const timeout = this.getTimeout();
        // A number is milliseconds, as with the official SDK; a text is the service's own notation.
        const isText = typeof timeout === "string";
        const sent = [...this.#options].filter(([key]) => isText || key !== TIMEOUT).map(([, option]) => option);
        const options = (wanted) =>
            Object.fromEntries(sent.filter(({ isAdditional }) => isAdditional === wanted).map(({ name, value }) => [name, value]));
        const parameters = Object.entries(this.#parameters).map(([name, value]) => [name, literal(value)]);
        return {
            options: options(false),
            additionalOptions: options(true),
            parameters: Object.fromEntries(parameters),
            clientRequestId: this.clientRequestId,
            serverTimeout: isText ? null : timeout,
        };
    }
}

function keyOf(name) {
    return String(name).trim().toLowerCase();
}

/** Strings and numbers are sent as they are, other types as Kusto's literals. */
function literal(value) {
    switch (typeof value) {
        case "bigint":
            return `long(${value})`;
        case "boolean":
            return `bool(${value})`;
        default:
            return value instanceof Date ? `datetime(${value.toISOString()})` : value;
    }
}

module.exports = { ClientRequestProperties, wireOf };
