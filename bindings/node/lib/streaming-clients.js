"use strict";

const { KustoConnectionStringBuilder } = require("./connection.js");
const { IngestClient } = require("./ingest-client.js");

/** Ingestions are streamed unless their properties say otherwise. */
class StreamingIngestClient extends IngestClient {
    constructor(kcsb, defaultProps, options) {
        super(kcsb, defaultProps, withSettings(options, { "ingestion mode": "streaming" }));
    }
}

/** Streams where it is possible and queues the rest, unless the properties of an ingestion say otherwise. */
class ManagedStreamingIngestClient extends IngestClient {
    constructor(engineKcsb, dmKcsb, defaultProps, options) {
        const both = dmKcsb === undefined || dmKcsb === null ? {} : { "ingestion endpoint": addressOf(dmKcsb) };
        super(engineKcsb, defaultProps, withSettings(options, { "ingestion mode": "managed", ...both }));
    }

    static fromEngineConnectionString(engineKcsb, defaultProps, options) {
        return new this(engineKcsb, null, defaultProps, options);
    }

    static fromDmConnectionString(dmKcsb, defaultProps, options) {
        return new this(dmKcsb, null, defaultProps, options);
    }
}

function addressOf(kcsb) {
    const builder = typeof kcsb === "string" ? new KustoConnectionStringBuilder(kcsb) : kcsb;
    return builder.dataSource;
}

/** Options with more settings, which the program's own override. */
function withSettings(options, settings) {
    return { ...options, settings: { ...settings, ...options?.settings } };
}

module.exports = { ManagedStreamingIngestClient, StreamingIngestClient };
