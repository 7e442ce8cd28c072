// One measured run through @kusto-ingest/native.
//
// bench init|file|stream|bytes FILE ITEMS CONCURRENCY [NAME=VALUE...]
//
// The settings go to ClientOptions.settings. KUSTO_CONNECTION_STRING and KUSTO_DATABASE as in the examples. It ends well only
// when every item was queued.
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";

import { DataFormat, IngestClient } from "@kusto-ingest/native";

const LIMITS = { timeout: 600_000 };
// As the others read: in the pieces that the library compresses at once. The default is 64 KiB.
const PIECE = 256 * 1024;

const { KUSTO_CONNECTION_STRING: connection, KUSTO_DATABASE: database } = process.env;
const [action, path, items, concurrency, ...pairs] = process.argv.slice(2);
const settings = Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]));

/** Does one item. */
async function ingestion(client) {
    switch (action) {
        case "file":
            return () => client.ingestFromFile(path, null, LIMITS);
        case "stream":
            return () => client.ingestFromStream(createReadStream(path, { highWaterMark: PIECE }), null, LIMITS);
        case "bytes": {
            // Read once before the first item, as a program has it in memory.
            const data = await readFile(path);
            return () => client.ingestFromBuffer(data, null, LIMITS);
        }
        default:
            throw new Error("init|file|stream|bytes FILE ITEMS CONCURRENCY [NAME=VALUE...]");
    }
}

/** Takes items until none is left, so many at a time. */
async function workOn(ingest) {
    let taken = 0;
    const work = async () => {
        while (taken < Number(items)) {
            taken++;
            await ingest();
        }
    };
    await Promise.all(Array.from({ length: Number(concurrency) }, work));
}

const format = action === "bytes" ? DataFormat.JSON : DataFormat.CSV;
const client = new IngestClient(connection, { database, table: "Bench", format }, { settings });
if (action !== "init") {
    await workOn(await ingestion(client));
}
await client.close();
