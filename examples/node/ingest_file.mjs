// Any file into a table, with progress, a deadline and Ctrl-C.
//
// ingest_file TABLE FILE [FORMAT]; KUSTO_CONNECTION_STRING and KUSTO_DATABASE as in quickstart.
import { IngestClient, ReportMethod } from "@kusto-ingest/native";

const MINUTES = 10 * 60_000;

async function main() {
    const { KUSTO_CONNECTION_STRING: connection, KUSTO_DATABASE: database } = process.env;
    const [table, file, format, ...more] = process.argv.slice(2);
    if (file === undefined || more.length > 0 || !connection || !database) {
        throw new Error("usage: ingest_file TABLE FILE [FORMAT]\nwith KUSTO_CONNECTION_STRING and KUSTO_DATABASE set");
    }
    const client = new IngestClient(connection, {
        database,
        table,
        // Not checked here: the library rejects unknown formats and lists the known ones.
        format: /** @type {import("@kusto-ingest/native").DataFormat} */ (format),
        reportMethod: ReportMethod.Table,
    });
    try {
        const result = await transfer(client, file);
        console.log(`queued ${result.bytesRaw} bytes (${result.bytesSent} sent) as ${result.sourceId}`);
        await result.wait({ intervalMs: 250, timeoutMs: MINUTES });
        console.log("Succeeded");
    } finally {
        await client.close();
    }
}

/**
 * Hands the file over; Ctrl-C cancels. Queued data cannot be cancelled: afterwards Ctrl-C only ends the program.
 */
async function transfer(client, file) {
    const interrupted = new AbortController();
    const interrupt = () => interrupted.abort(new Error("interrupted"));
    process.once("SIGINT", interrupt);
    try {
        return await client.ingestFromFile(file, null, {
            signal: interrupted.signal,
            timeoutMs: MINUTES,
            onProgress: showProgress(),
        });
    } finally {
        process.removeListener("SIGINT", interrupt);
        if (process.stderr.isTTY) {
            process.stderr.write("\n");
        }
    }
}

/** Shows the progress of the transfer. Off a terminal it writes few lines. */
function showProgress() {
    let shown = 0;
    return ({ read, sent, total }) => {
        if (!process.stderr.isTTY && read - shown < total / 4 && sent === 0) {
            return;
        }
        shown = read;
        const line = `read ${read} of ${total} bytes, sent ${sent}`;
        process.stderr.write(process.stderr.isTTY ? `\r${line}` : `${line}\n`);
    };
}

main().catch((error) => {
    console.error(error);
    process.exitCode = 1;
});
