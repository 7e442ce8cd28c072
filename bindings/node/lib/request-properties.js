"use strict";

/** The properties as the addon expects them. */
const wireOf = Symbol("wire");

class ClientRequestProperties {
    #options;
    #additional = {};
    #parameters;
    #clientTimeout;

    constructor(options, parameters, clientRequestId = null) {
        this.#options = { ...options };
        this.#parameters = { ...parameters };
        this.clientRequestId = clientRequestId;
    }

    setOption(name, value) {
        this.#options[name] = value;
    }

    /** Passes an option on whose name the library does not know. */
    setAdditionalOption(name, value) {
        this.#additional[name] = value;
    }

    getOption(name, defaultValue) {
        return this.#options[name] ?? this.#additional[name] ?? defaultValue;
    }

    clearOptions() {
        this.#options = {};
        this.#additional = {};
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
        this.setOption("servertimeout", timeoutMillis);
    }

    getTimeout() {
        return this.getOption("servertimeout");
    }

    setClientTimeout(timeoutMillis) {
        this.#clientTimeout = timeoutMillis;
    }

    getClientTimeout() {
        return this.#clientTimeout;
    }

    [wireOf]() {
        const { servertimeout, ...options } = this.#options;
        // A number is milliseconds, as with the official SDK; a text is the service's own notation.
        const isText = typeof servertimeout === "string";
        const parameters = Object.entries(this.#parameters).map(([name, value]) => [name, literal(value)]);
        return {
            options: isText ? this.#options : options,
            additionalOptions: this.#additional,
            parameters: Object.fromEntries(parameters),
            clientRequestId: this.clientRequestId,
            serverTimeout: isText ? null : servertimeout,
        };
    }
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
