// One message between driver and player. See ../../README.md.
import { BlobDescriptor } from "@kusto-ingest/native";

/** What the driver said makes no sense. */
export class Misunderstood extends Error {}

/** The lines of a message: keys may come several times. */
export class Message {
    #lines;
    #known = new Set();

    constructor(lines) {
        [this.verb] = lines;
        this.#lines = lines.slice(1).map((line) => {
            const space = line.indexOf(" ");
            return space < 0 ? [line, ""] : [line.slice(0, space), unescaped(line.slice(space + 1))];
        });
    }

    all(key) {
        this.#known.add(key);
        return this.#lines.filter(([found]) => found === key).map(([, value]) => value);
    }

    text(key) {
        return this.all(key).at(-1);
    }

    number(key) {
        const text = this.text(key);
        return text === undefined ? undefined : Number(text);
    }

    /** `NAME=VALUE` of each. */
    pairs(key) {
        return this.all(key).map((pair) => {
            const equals = pair.indexOf("=");
            return [pair.slice(0, equals), pair.slice(equals + 1)];
        });
    }

    /** -1 is none. */
    timeout() {
        const timeout = this.number("timeout");
        return timeout === -1 ? undefined : timeout;
    }

    /** The blobs in order, each with the keys that follow it. */
    blobs() {
        const blobs = [];
        for (const key of ["blob", "blob_raw_size", "blob_id"]) {
            this.#known.add(key);
        }
        for (const [key, value] of this.#lines) {
            if (key === "blob") {
                blobs.push(new BlobDescriptor(value));
            } else if (key === "blob_raw_size") {
                blobs.at(-1).size = Number(value);
            } else if (key === "blob_id") {
                blobs.at(-1).sourceId = value;
            }
        }
        return blobs;
    }

    refuseUnknown() {
        for (const [key] of this.#lines) {
            if (!this.#known.has(key)) {
                throw new Misunderstood(`unknown key ${key} of ${this.verb}`);
            }
        }
    }
}

function unescaped(text) {
    return text.replace(/\\(.)/g, (_, character) => ({ n: "\n", r: "\r" })[character] ?? character);
}

export function escaped(text) {
    return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\r", "\\r");
}
