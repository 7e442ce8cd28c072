"use strict";

const { inspect } = require("node:util");

/** The members that describe a source. */
class AbstractDescriptor {
    constructor(sourceId, size) {
        this.sourceId = sourceId ?? null;
        this.size = size ?? null;
    }
}

class StreamDescriptor extends AbstractDescriptor {
    constructor(stream, sourceId, compressionType, size) {
        super(sourceId, size);
        this.stream = stream;
        this.compressionType = compressionType;
    }
}

class FileDescriptor extends AbstractDescriptor {
    constructor(file, sourceId, size, compressionType, name) {
        super(sourceId, size);
        this.file = file;
        this.compressionType = compressionType;
        this.name = name;
    }
}

class BlobDescriptor extends AbstractDescriptor {
    constructor(path, size, sourceId) {
        super(sourceId, size);
        this.path = path;
    }

    /** Without the access information. */
    toString() {
        return String(this.path).replace(/[?;].*$/s, "");
    }

    toJSON() {
        return { path: this.toString(), size: this.size, sourceId: this.sourceId };
    }

    [inspect.custom]() {
        return `BlobDescriptor(${this})`;
    }
}

/** The settings of a local source, for the addon. */
function settingsOf({ sourceId, compressionType, size, name }, progress) {
    return {
        id: sourceId ?? undefined,
        compression: compressionType ?? undefined,
        rawSize: size ?? undefined,
        name: name ?? undefined,
        progress,
    };
}

module.exports = { BlobDescriptor, FileDescriptor, StreamDescriptor, settingsOf };
