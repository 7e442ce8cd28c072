"use strict";

const { fileURLToPath } = require("node:url");

const { Client, ingests, nativeOf, pendingOf, propertiesOf, runOf } = require("./client.js");
const { ErrorCode } = require("./catalog.js");
const { BlobDescriptor, FileDescriptor, StreamDescriptor, settingsOf } = require("./descriptors.js");
const { invalidArgument } = require("./error.js");
const { abandon, bytesOf, feed, memorySource } = require("./feed.js");
const { addon, call, limits } = require("./native.js");
const { IngestionProperties } = require("./properties.js");
const { IngestionResult } = require("./result.js");

/** How much is read at once from an open file. */
const READ = 256 * 1024;

class IngestClient extends Client {
    static [ingests] = true;

    constructor(kcsb, defaultProps, options) {
        super(kcsb, options);
        this.defaultProps = new IngestionProperties(defaultProps ?? {});
    }

    async ingestFromFile(file, ingestionProperties, options) {
        const descriptor = file instanceof FileDescriptor ? file : new FileDescriptor(file);
        if (typeof descriptor.file?.read === "function") {
            return await this.#ingest(openFile(descriptor.file), descriptor, ingestionProperties, options, this.#feeding);
        }
        return await this.#ingest(pathOf(descriptor.file), descriptor, ingestionProperties, options, this.#reading);
    }

    async ingestFromStream(stream, ingestionProperties, options) {
        const descriptor = stream instanceof StreamDescriptor ? stream : new StreamDescriptor(stream);
        const work = bytesOf(descriptor.stream) === undefined ? this.#feeding : this.#copying;
        try {
            return await this.#ingest(descriptor.stream, descriptor, ingestionProperties, options, work);
        } catch (error) {
            abandon(descriptor.stream);
            throw error;
        }
    }

    async ingestFromBuffer(data, ingestionProperties, options) {
        const descriptor = data instanceof StreamDescriptor ? data : new StreamDescriptor(data);
        return await this.#ingest(descriptor.stream, descriptor, ingestionProperties, options, this.#copying);
    }

    async ingestFromBlob(blob, ingestionProperties, options) {
        return await this.ingestFromBlobs([blob], ingestionProperties, options);
    }

    async ingestFromBlobs(blobs, ingestionProperties, options) {
        const named = Array.from(blobs, (blob) => (blob instanceof BlobDescriptor ? blob : new BlobDescriptor(blob)));
        const list = named.map(({ path, size, sourceId }) => ({
            url: String(path),
            rawSize: size ?? undefined,
            id: sourceId ?? undefined,
        }));
        return await this.#ingest(list, {}, ingestionProperties, options, (list, begin) =>
            begin(call(() => addon.sourceOfBlobs(list))),
        );
    }

    async #reading(path, begin) {
        try {
            return await begin(call(() => addon.sourceOfFile(path)));
        } catch (error) {
            if (error?.code === ErrorCode.SourceIo && error.cause !== undefined) {
                error.cause.path = path;
            }
            throw error;
        }
    }

    #feeding(stream, begin, signal) {
        return feed(stream, begin, signal);
    }

    async #copying(data, begin, signal) {
        const bytes = bytesOf(data);
        if (bytes === undefined) {
            throw invalidArgument("data", "must be a Buffer, an ArrayBuffer or a string");
        }
        return await begin(await memorySource(bytes, signal));
    }

    #ingest(...call) {
        return this[pendingOf](this.#transfer(...call));
    }

    /** `work` turns the content into a native source and calls `begin` with it. */
    async #transfer(content, descriptor, ingestionProperties, options, work) {
        const { signal, timeout } = limits(options, ["onProgress"]);
        const progress = options?.onProgress;
        if (progress !== undefined && progress !== null && typeof progress !== "function") {
            throw invalidArgument("onProgress", "must be a function");
        }
        const properties = this.defaultProps.merge(ingestionProperties);
        const native = this[propertiesOf](properties);
        const settings = settingsOf(descriptor, typeof progress === "function");
        const begin = (source) => {
            const ingest = () => this[nativeOf].ingest(source, settings, native, timeout);
            return this[runOf](ingest, { signal, progress: progress ?? undefined });
        };
        return new IngestionResult(this, JSON.parse(await work.call(this, content, begin, signal)));
    }

    /** As `Client.warmUp`; `properties` are checked with the defaults of this client. */
    async warmUp(options) {
        const properties = options?.properties;
        const checked = properties === undefined || properties === null ? undefined : this.defaultProps.merge(properties);
        return super.warmUp({ ...options, properties: checked });
    }

    /** The result with this tracking token, which has no items. */
    resultOf(trackingToken) {
        return new IngestionResult(this, { trackingToken, items: [], sourceId: "", bytesRaw: 0, bytesSent: 0 });
    }
}

/** The data of an open file from its current position; it stays open. (A stream would close it when destroyed.) */
async function* openFile(handle) {
    for (;;) {
        const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(READ), 0, READ, null);
        if (bytesRead === 0) {
            return;
        }
        yield buffer.subarray(0, bytesRead);
    }
}

function pathOf(file) {
    if (file instanceof URL) {
        try {
            return fileURLToPath(file);
        } catch (error) {
            throw invalidArgument("file", error.message, error);
        }
    }
    if (typeof file !== "string") {
        throw invalidArgument("file", "must be a path, a file URL or a FileHandle");
    }
    return file;
}

module.exports = { IngestClient };
