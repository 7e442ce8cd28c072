"use strict";

const { Console } = require("node:console");

const { LogLevel } = require("./catalog.js");
const { invalidArgument } = require("./error.js");

/** The methods of a receiver by level, the most important first. */
const METHODS = [undefined, "error", "warn", "info", "debug", "trace"];

/** The log of a client: its level, and the function that receives an event. `undefined` for none. */
function logOf({ log, logLevel: given }) {
    const logLevel = given ?? LogLevel.Info;
    if (log === undefined || log === null) {
        return undefined;
    }
    if (!Object.values(LogLevel).includes(logLevel)) {
        throw invalidArgument("logLevel", "must be a LogLevel");
    }
    const missing = METHODS.slice(1, logLevel + 1).find((method) => typeof log[method] !== "function");
    if (missing !== undefined) {
        throw invalidArgument("log", `must have a method ${missing}`);
    }
    const isConsole = log instanceof Console || log === globalThis.console;
    return { level: logLevel, receive: isConsole ? toConsole(log) : toLogger(log) };
}

/** `console.trace` would print a stack. */
function toConsole(console) {
    return (level, event, message, fields) => console[METHODS[Math.min(level, LogLevel.Debug)]](message, { event, ...fields });
}

/** As pino and bunyan have it: the fields, then the text. */
function toLogger(log) {
    return (level, event, message, fields) => log[METHODS[level]]({ event, ...fields }, message);
}

module.exports = { logOf };
