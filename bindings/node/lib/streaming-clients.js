"use strict";

const { builderOf } = require("./connection.js");
const { IngestClient } = require("./ingest-client.js");
const { checkObject, withoutMissing } = require("./names.js");

/** Ingestions are streamed unless their properties say otherwise. */
class StreamingIngestClient extends IngestClient {
    constructor(kcsb, defaultProps, options) {
        super(kcsb, defaultProps, withSettings(options, { "ingestion mode": "streaming" }));
    }
}

/** Streams where it is possible and queues the rest, unless the properties of an ingestion say otherwise. */
class ManagedStreamingIngestClient extends IngestClient {
    constructor(engineKcsb, dmKcsb, defaultProps, options) {
        const engine = builderOf("engineKcsb", engineKcsb);
        const { dataSource } = builderOf("dmKcsb", dmKcsb ?? engine);
        // Where it does not follow from the engine's: a program may give either of a cluster's addresses for both.
        const other = clusterOf(engine.dataSource) === clusterOf(dataSource) ? {} : { "ingestion endpoint": dataSource };
        super(engine, defaultProps, withSettings(options, { "ingestion mode": "managed", ...other }));
    }

    static fromEngineConnectionString(engineKcsb, defaultProps, options) {
        return new this(engineKcsb, null, defaultProps, options);
    }

    static fromDmConnectionString(dmKcsb, defaultProps, options) {
        return new this(dmKcsb, null, defaultProps, options);
    }
}

/** What the addresses of a cluster's two services have in common. */
function clusterOf(address) {
    return address
        .trim()
        .toLowerCase()
        .replace(/\/+$/, "")
        .replace(/^(https?:\/\/)?ingest-/, "$1");
}

/** Options with more settings, which those override that the program gives: one without a value says nothing. */
function withSettings(options, settings) {
    checkObject("options", options);
    return { ...options, settings: { ...settings, ...withoutMissing(options?.settings) } };
}

module.exports = { ManagedStreamingIngestClient, StreamingIngestClient };
