"use strict";

const { Client } = require("./lib/client.js");
const { CommandGenerator } = require("./lib/commands.js");
const { KustoConnectionStringBuilder } = require("./lib/connection.js");
const { KustoCredential } = require("./lib/credential.js");
const { BlobDescriptor, FileDescriptor, StreamDescriptor } = require("./lib/descriptors.js");
const { FLAGS, ...lists } = require("./lib/catalog.js");
const { KustoError, invalidArgument } = require("./lib/error.js");
const { IngestClient } = require("./lib/ingest-client.js");
const mappings = require("./lib/mappings.js");
const { addon, setLog: set } = require("./lib/native.js");
const { IngestionProperties, ValidationPolicy } = require("./lib/properties.js");
const { ClientRequestProperties } = require("./lib/request-properties.js");
const response = require("./lib/response.js");
const { IngestionResult } = require("./lib/result.js");
const { ManagedStreamingIngestClient, StreamingIngestClient } = require("./lib/streaming-clients.js");
const { IngestStatusQueues, StatusQueue } = require("./lib/status-queues.js");

function setLog(level, callback = null) {
    if (callback !== null && typeof callback !== "function") {
        throw invalidArgument("callback", "must be a function");
    }
    set(level, callback);
}

module.exports = {
    ...lists,
    ...mappings,
    ...response,
    BlobDescriptor,
    Client,
    ClientRequestProperties,
    CommandGenerator,
    FileDescriptor,
    IngestClient,
    IngestStatusQueues,
    IngestionProperties,
    IngestionResult,
    KustoConnectionStringBuilder,
    KustoCredential,
    KustoError,
    ManagedStreamingIngestClient,
    StatusQueue,
    StreamDescriptor,
    StreamingIngestClient,
    ValidationPolicy,
    setLog,
    version: addon.version(),
};
