"use strict";

const { FLAGS, ValidationImplications, ValidationOptions } = require("./catalog.js");
const { invalidArgument } = require("./error.js");
const { advice, checkObject, withoutMissing } = require("./names.js");

class ValidationPolicy {
    constructor(validationOptions, validationImplications) {
        this.validationOptions = validationOptions ?? ValidationOptions.DoNotValidate;
        this.validationImplications = validationImplications ?? ValidationImplications.BestEffort;
    }

    toJSON() {
        return {
            ValidationOptions: this.validationOptions,
            ValidationImplications: this.validationImplications,
        };
    }
}

const asText = (name) => (value) => [[name, String(value)]];
const asJson = (name) => (value) => [[name, JSON.stringify(value)]];
/** As azure-kusto-ingest wants the tags. */
const isJsonArray = (value) => typeof value === "string" && value.startsWith("[");
/** A text is not a list: its letters would become tags elsewhere. */
const prefixed = (prefix) => (tags) => {
    if (!Array.isArray(tags) || !tags.every((tag) => typeof tag === "string")) {
        throw new TypeError("must be an array of strings");
    }
    return tags.map((tag) => prefix + tag);
};

/** How each field is passed to the library: pairs of the service's names and texts, in this order. */
const FIELDS = {
    format: asText("format"),
    ingestionMappingReference: asText("ingestionMappingReference"),
    ingestionMappingColumns: mappingColumns,
    // After the mapping whose kind it is.
    ingestionMappingKind: asText("ingestionMappingType"),
    ingestionMode: asText("ingestionMode"),
    clientRequestId: (value) => [["clientRequestId", textOf(value)]],
    once: (value) => [["once", textOf(value)]],
    ingestIfNotExists: (value) => [["ingestIfNotExists", isJsonArray(value) ? value : JSON.stringify([value].flat())]],
    ...Object.fromEntries(FLAGS.map((name) => [name, asText(name)])),
    reportLevel: asText("reportLevel"),
    reportMethod: asText("reportMethod"),
    validationPolicy: asJson("validationPolicy"),
    creationTime: (value) => [["creationTime", value instanceof Date ? value.toISOString() : String(value)]],
};

/** Properties that this package has no field for. */
const passedOn = (members) =>
    Object.entries(withoutMissing(members)).map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]);

const TAGS = {
    additionalTags: prefixed(""),
    ingestByTags: prefixed("ingest-by:"),
    dropByTags: prefixed("drop-by:"),
};

const KNOWN = new Set(["database", "table", ...Object.keys(FIELDS), ...Object.keys(TAGS), "additionalProperties"]);

class IngestionProperties {
    constructor(data) {
        checkObject("properties", data);
        for (const name of Object.keys(data ?? {})) {
            if (!KNOWN.has(name)) {
                throw invalidArgument(name, `is not an ingestion property${advice(name, KNOWN)} (others belong into additionalProperties)`);
            }
        }
        Object.assign(this, data);
    }

    /** These properties, overridden by others. */
    merge(extra) {
        checkObject("properties", extra);
        return new IngestionProperties({ ...this, ...withoutMissing(extra) });
    }
}

/** A text that is one. */
function textOf(value) {
    if (typeof value !== "string") {
        throw new TypeError("must be a string");
    }
    return value;
}

/** The properties as the addon expects them, without database and table: those that the library knows, and others. */
function wireProperties(properties) {
    const given = withoutMissing(properties);
    if (given.ingestionMappingReference === "" && given.ingestionMappingColumns === undefined) {
        // It is none, and a kind of none says nothing.
        delete given.ingestionMappingKind;
    }
    const known = (fields) => Object.entries(fields).filter(([name]) => given[name] !== undefined);
    const tags = known(TAGS).flatMap(([name, read]) => checked(name, read, given[name]));
    const pairs = known(FIELDS).flatMap(([name, write]) => checked(name, write, given[name]));
    return {
        known: tags.length > 0 ? [...asJson("tags")(tags), ...pairs] : pairs,
        others: passedOn(given.additionalProperties),
    };
}

function checked(name, work, value) {
    try {
        return work(value);
    } catch (error) {
        throw invalidArgument(name, error.message, error);
    }
}

function mappingColumns(columns) {
    if (typeof columns === "string") {
        return [["ingestionMapping", columns]];
    }
    const mapping = columns.map((column) => column.toApiMapping?.() ?? column);
    const kind = columns.map((column) => column.mappingKind).find((kind) => kind !== undefined);
    const pairs = [["ingestionMapping", JSON.stringify(mapping)]];
    return kind === undefined ? pairs : [...pairs, ["ingestionMappingType", kind]];
}

module.exports = { IngestionProperties, ValidationPolicy, wireProperties };
