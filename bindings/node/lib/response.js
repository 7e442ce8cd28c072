"use strict";

const { randomUUID } = require("node:crypto");
const { inspect } = require("node:util");

class KustoResponseDataSet {
    constructor({ tables }) {
        this.tables = tables.map((table) => new KustoResultTable(table));
        this.tableNames = this.tables.map((table) => table.name);
        this.primaryResults = this.tables.filter((table) => table.kind === "PrimaryResult");
        this.statusTable = this.tables.find((table) => table.kind === "QueryCompletionInformation");
    }
}

class KustoResultColumn {
    constructor({ name, type }, ordinal) {
        this.name = name;
        this.type = type;
        this.ordinal = ordinal;
    }
}

class KustoResultTable {
    #rows;

    constructor({ name, kind, columns, rows }) {
        this.name = name;
        this.kind = kind;
        this.columns = columns.map((column, ordinal) => new KustoResultColumn(column, ordinal));
        this.dateTimeParser = dateOf;
        this.timeSpanParser = millisecondsOf;
        this.#rows = rows;
    }

    get length() {
        return this.#rows.length;
    }

    /** The row at this index, from 0; `undefined` when there is none. */
    row(index) {
        const raw = this.#rows[index];
        return raw && new KustoResultRow(this.columns, raw, this);
    }

    *rows() {
        for (const raw of this.#rows) {
            yield new KustoResultRow(this.columns, raw, this);
        }
    }

    [Symbol.iterator]() {
        return this.rows();
    }

    /** Shows the rows, as many as of an array. */
    [inspect.custom](depth, options) {
        const title = `KustoResultTable ${options.stylize(inspect(this.name), "string")} (${this.length} rows)`;
        // Too deep for the values of a row: `[Object]` for each would say less than their number.
        if (depth < 1) {
            return options.stylize(`[${title}]`, "special");
        }
        const shown = Math.min(this.length, options.maxArrayLength ?? Infinity);
        const rows = Array.from({ length: shown }, (_, index) => ({ ...this.row(index) }));
        // The rows that are not shown are counted.
        rows.length = this.length;
        return `${title} ${inspect(rows, { ...options, depth })}`;
    }

    toJSON() {
        return { name: this.name, data: Array.from(this.rows(), (row) => row.toJSON()) };
    }

    toString() {
        return JSON.stringify(this.toJSON());
    }
}

class KustoResultRow {
    #columns;
    #raw;
    #values;

    constructor(columns, raw, parsers) {
        this.#columns = columns;
        this.#raw = raw;
        this.#values = columns.map((column, index) => decoded(column.type, raw[index], parsers));
        columns.forEach(({ name }, index) => {
            // The row's own members stay what they are: without `toJSON` a row cannot be written.
            if (Object.hasOwn(KustoResultRow.prototype, name)) {
                return;
            }
            // Defined, not assigned: a column may have any other name.
            Object.defineProperty(this, name, {
                value: this.#values[index],
                configurable: true,
                enumerable: true,
                writable: true,
            });
        });
    }

    get columns() {
        return this.#columns;
    }

    /** The values in the service's notation; `null` for null. */
    get raw() {
        return this.#raw;
    }

    *values() {
        yield* this.#values;
    }

    getValueAt(index) {
        return this.#values[index];
    }

    /** By column name; a BigInt as text, since JSON has none. */
    toJSON() {
        return Object.fromEntries(this.#columns.map(({ name }, index) => [name, withoutBigInts(this.#values[index])]));
    }

    toString() {
        return JSON.stringify(this.toJSON());
    }
}

function decoded(type, text, { dateTimeParser, timeSpanParser }) {
    if (text === null) {
        return null;
    }
    switch (type) {
        case "bool":
            return boolOf(text);
        case "int":
        case "real":
            return numberOf(text);
        case "long":
            return longOf(text);
        case "datetime":
            return dateTimeParser(text);
        case "timespan":
            return timeSpanParser(text);
        case "dynamic":
            return jsonOf(text);
        default:
            return text;
    }
}

/** The words in which the library writes every bool; any other text is one that it could not read. */
function boolOf(text) {
    return text === "true" || (text === "false" ? false : text);
}

const NUMBER = /^(?:-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|NaN|-?Infinity)$/;

/** A number, or the text when the service did not send a number: `Number` reads a blank as 0. */
function numberOf(text) {
    return NUMBER.test(text) ? Number(text) : text;
}

const INTEGER = /^-?\d+$/;

/** Beyond 2^53 a number would lose digits. */
function longOf(text) {
    const number = numberOf(text);
    return INTEGER.test(text) && !Number.isSafeInteger(number) ? BigInt(text) : number;
}

const DATETIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z$/;

/** The form in which the library writes every datetime; any other text is one that it could not read. */
function dateOf(text) {
    const date = DATETIME.test(text) ? new Date(text) : undefined;
    return date === undefined || Number.isNaN(date.getTime()) ? text : date;
}

/** An integer outside of strings that may be beyond 2^53, and is no part of a longer number. */
const LONG_INTEGERS = /(?<![\d.eE+-])-?\d{16,}(?![\d.eE])/g;
/** Begins the strings that stand for integers: nobody else knows it. */
const MARK = `${randomUUID()}:`;

/** JSON whose integers beyond 2^53 are bigints, as in a column of type long. */
function jsonOf(text) {
    return /\d{16}/.test(text) ? withBigInts(JSON.parse(marked(text))) : JSON.parse(text);
}

/** Makes strings of the long integers. Regular expressions have a limit for the length of a string. */
function marked(text) {
    const parts = [];
    let at = 0;
    while (at < text.length) {
        const quote = text.indexOf('"', at);
        const end = quote < 0 ? text.length : quote;
        parts.push(text.slice(at, end).replace(LONG_INTEGERS, (digits) => `"${MARK}${digits}"`));
        at = quote < 0 ? end : endOfString(text, quote);
        parts.push(text.slice(end, at));
    }
    return parts.join("");
}

/** Behind the string that begins there. */
function endOfString(text, begin) {
    let quote = begin;
    let backslashes;
    do {
        quote = text.indexOf('"', quote + 1);
        if (quote < 0) {
            return text.length;
        }
        backslashes = 0;
        while (text[quote - 1 - backslashes] === "\\") {
            backslashes++;
        }
    } while (backslashes % 2 === 1);
    return quote + 1;
}

/** With bigints for the marked strings; not recursive, for JSON nests deeper than calls do. */
function withBigInts(root) {
    const holder = { root };
    const open = [holder];
    while (open.length > 0) {
        const parent = open.pop();
        for (const name of Object.keys(parent)) {
            const value = parent[name];
            if (value !== null && typeof value === "object") {
                open.push(value);
            } else if (typeof value === "string" && value.startsWith(MARK)) {
                parent[name] = longOf(value.slice(MARK.length));
            }
        }
    }
    return holder.root;
}

/** A copy with texts for the bigints, at any depth. */
function withoutBigInts(value) {
    if (typeof value === "bigint") {
        return String(value);
    }
    if (Array.isArray(value)) {
        return value.map(withoutBigInts);
    }
    if (value === null || typeof value !== "object" || Object.getPrototypeOf(value) !== Object.prototype) {
        return value;
    }
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, withoutBigInts(member)]));
}

const TIMESPAN = /^(-?)(?:(\d+)\.)?([01]\d|2[0-3]):([0-5]\d):([0-5]\d(?:\.\d+)?)$/;

/** `[-][d.]hh:mm:ss[.fffffff]` in milliseconds. */
function millisecondsOf(text) {
    const [, sign, days = "0", hours, minutes, seconds] = TIMESPAN.exec(text) ?? [];
    if (hours === undefined) {
        return text;
    }
    const whole = (Number(days) * 24 + Number(hours)) * 60 + Number(minutes);
    const total = whole * 60_000 + Number(seconds) * 1000;
    return sign === "-" ? -total : total;
}

module.exports = { KustoResponseDataSet, KustoResultColumn, KustoResultRow, KustoResultTable };
