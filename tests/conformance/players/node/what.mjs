// Properties and sources of ingestions, from the keys of `start`.
import { open, readFile } from "node:fs/promises";
import { Readable } from "node:stream";

import { FileDescriptor, StreamDescriptor, ValidationPolicy } from "@kusto-ingest/native";

import { COMPRESSIONS, FLAGS, FORMATS, INGESTION_MODES, REPORT_LEVELS, REPORT_METHODS } from "./catalog.mjs";
import { Misunderstood } from "./message.mjs";

/** Fields that are called otherwise than their properties. */
const FIELD_NAMES = { ingestionMappingType: "ingestionMappingKind" };

/** What the file holds in pieces of at most so many bytes; fails after `failAfter` bytes if there is such a number. */
async function* pieces(path, piece, failAfter = Infinity) {
    const file = await open(path);
    try {
        for (let given = 0; ; ) {
            const wanted = Math.min(piece, failAfter - given);
            const { bytesRead, buffer } = wanted === 0 ? { bytesRead: 0 } : await file.read(Buffer.alloc(wanted), 0, wanted);
            if (bytesRead === 0 && failAfter !== Infinity) {
                throw new Error("the source broke");
            }
            if (bytesRead === 0) {
                return;
            }
            given += bytesRead;
            yield buffer.subarray(0, bytesRead);
        }
    } finally {
        await file.close();
    }
}

export function propertiesOf(message) {
    const format = message.text("format");
    const level = message.text("report_level");
    const method = message.text("report_method");
    const mode = message.text("mode");
    return {
        database: message.text("database"),
        table: message.text("table"),
        format: format && FORMATS[format],
        ingestionMappingReference: message.text("mapping_ref"),
        ingestionMappingColumns: message.text("mapping"),
        ...tagsOf(message.all("tag")),
        ingestionMode: mode && INGESTION_MODES[mode],
        reportLevel: level && REPORT_LEVELS[level],
        reportMethod: method && REPORT_METHODS[method],
        ...named(message.pairs("property")),
        ...Object.fromEntries(message.pairs("named")),
    };
}

/** Tags with a prefix as the fields that give it. */
function tagsOf(tags) {
    const [dropBy, ingestBy] = ["drop-by:", "ingest-by:"];
    const after = (prefix) => tags.filter((tag) => tag.startsWith(prefix)).map((tag) => tag.slice(prefix.length));
    return {
        dropByTags: after(dropBy),
        ingestByTags: after(ingestBy),
        additionalTags: tags.filter((tag) => !tag.startsWith(dropBy) && !tag.startsWith(ingestBy)),
    };
}

/** Properties as fields where a field gives the form that the value has, else by their names. */
function named(pairs) {
    const additionalProperties = {};
    const fields = {};
    for (const [name, value] of pairs) {
        const field = fieldOf(name, value);
        if (field === undefined) {
            additionalProperties[name] = value;
        } else {
            fields[FIELD_NAMES[name] ?? name] = field;
        }
    }
    return { ...fields, additionalProperties };
}

function fieldOf(name, value) {
    if (FLAGS.includes(name)) {
        return { true: true, false: false }[value];
    }
    switch (name) {
        case "ingestionMappingType":
            return value;
        case "creationTime": {
            const at = new Date(value);
            return Number.isNaN(at.getTime()) ? undefined : at;
        }
        case "validationPolicy": {
            const policy = parsed(value);
            return policy && new ValidationPolicy(policy.ValidationOptions, policy.ValidationImplications);
        }
        case "ingestIfNotExists":
            return parsed(value);
        default:
            return undefined;
    }
}

function parsed(json) {
    try {
        return JSON.parse(json);
    } catch {
        return undefined;
    }
}

/** Ingests what the message tells of. */
export async function ingest(client, message, properties, options) {
    const path = message.text("path");
    const id = message.text("source_id");
    const size = message.number("raw_size");
    const compression = message.text("compression");
    const compressionType = compression && COMPRESSIONS[compression];
    const piece = message.number("piece");
    const failAfter = message.number("fail_after");
    const source = message.text("source");
    const blobs = message.blobs();
    message.refuseUnknown();
    const described = (stream) => new StreamDescriptor(stream, id, compressionType, size);
    switch (source) {
        case "bytes":
            return client.ingestFromBuffer(described(await readFile(path)), properties, options);
        case "reader":
            return client.ingestFromStream(described(pieces(path, piece, failAfter)), properties, options);
        case "stream": {
            const readable = Readable.from(pieces(path, piece, failAfter), { objectMode: false });
            return client.ingestFromStream(described(readable), properties, options);
        }
        case "file":
            return client.ingestFromFile(new FileDescriptor(path, id, size, compressionType), properties, options);
        case "fd": {
            const handle = await open(path);
            try {
                return await client.ingestFromFile(new FileDescriptor(handle, id, size, compressionType), properties, options);
            } finally {
                await handle.close();
            }
        }
        case "blobs":
            return client.ingestFromBlobs(blobs, properties, options);
        default:
            throw new Misunderstood(`unknown source ${source}`);
    }
}
