// The Kusto.Ingest tutorial: a table, a JSON mapping, ten lines from memory, and their outcome.
//
// KUSTO_CONNECTION_STRING names the cluster, KUSTO_DATABASE the database. `--login interactive` logs in by the browser,
// `--login device` by a code, `--login NAME` as the keyword `Login` has it; else the connection string says how.
import { Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";

import {
    CommandGenerator,
    DataFormat,
    IngestClient,
    IngestStatusQueues,
    IngestionMappingKind,
    KustoConnectionStringBuilder,
    JsonColumnMapping,
    ReportLevel,
    ReportMethod,
} from "@kusto-ingest/native";

const MINUTE = 60_000;

async function main() {
    const { values } = parseArgs({ options: { login: { type: "string" } } });
    const { KUSTO_CONNECTION_STRING: connection, KUSTO_DATABASE: database } = process.env;
    if (!connection || !database) {
        throw new Error("set KUSTO_CONNECTION_STRING and KUSTO_DATABASE");
    }
    const client = new IngestClient(loggingIn(connection, values.login), { database, table: "Table1" });
    client.defaultDatabase = database;
    try {
        await createTableAndMapping(client);
        const result = await ingestTenLines(client);
        await waitForOutcome(client, result);
        await printRows(client, "Table1 | order by Column1 asc");
    } finally {
        await client.close();
    }
}

function loggingIn(connection, login) {
    switch (login) {
        case undefined:
            return new KustoConnectionStringBuilder(connection);
        case "interactive":
            return KustoConnectionStringBuilder.withUserPrompt(connection);
        case "device":
            return KustoConnectionStringBuilder.withAadDeviceAuthentication(connection);
        default:
            return new KustoConnectionStringBuilder(`${connection};Login=${login}`);
    }
}

async function createTableAndMapping(client) {
    const columns = [
        { name: "Column1", type: "System.Int64" },
        { name: "Column2", type: "System.DateTime" },
        { name: "Column3", type: "System.String" },
    ];
    const mapping = [
        JsonColumnMapping.withPath("Column1", "$.Id"),
        JsonColumnMapping.withPath("Column2", "$.Timestamp"),
        JsonColumnMapping.withPath("Column3", "$.Message"),
    ];
    const { createTable, createOrAlterMapping } = CommandGenerator;
    await client.executeMgmt(null, createTable("Table1", columns));
    await client.executeMgmt(null, createOrAlterMapping("Table1", IngestionMappingKind.JSON, "Table1_mapping", mapping));
}

/** Hands the lines over; the result has the id under which their outcome is reported. */
async function ingestTenLines(client) {
    const lines = Array.from({ length: 10 }, (_, n) => {
        const timestamp = `2026-01-01T00:00:${String(n).padStart(2, "0")}Z`;
        return JSON.stringify({ Id: n, Timestamp: timestamp, Message: `This is a test message ${n}` }) + "\n";
    });
    const properties = {
        format: DataFormat.JSON,
        ingestionMappingReference: "Table1_mapping",
        reportLevel: ReportLevel.FailuresAndSuccesses,
        reportMethod: ReportMethod.Queue,
    };
    const result = await client.ingestFromStream(Readable.from(lines), properties, { timeoutMs: MINUTE });
    console.log(`queued ${result.bytesRaw} bytes as ${result.sourceId}`);
    return result;
}

/** Waits for the service to report; anything but success is an error. */
async function waitForOutcome(client, result) {
    const queues = new IngestStatusQueues(client);
    const end = Date.now() + MINUTE;
    while (Date.now() < end) {
        if ((await printOutcomes(queues.failure, "Failed", result)) > 0) {
            throw new Error("the data was not ingested");
        }
        if ((await printOutcomes(queues.success, "Succeeded", result)) > 0) {
            return;
        }
        await pause(250);
    }
    throw new Error("the service reported nothing within a minute");
}

/** Takes our own notifications out of one of the queues; returns how many there were. */
async function printOutcomes(queue, label, result) {
    const taken = await queue.pop(32, { of: result, timeoutMs: MINUTE });
    for (const { IngestionSourcePath, Details } of taken) {
        console.log(`${label}: ${IngestionSourcePath} ${Details ?? ""}`);
    }
    return taken.length;
}

async function printRows(client, query) {
    const { primaryResults } = await client.executeQuery(null, query, null, { timeoutMs: MINUTE });
    for (const row of primaryResults[0].rows()) {
        console.log(row.raw.map((text) => `  ${text ?? "null"}`).join(""));
    }
}

main().catch((error) => {
    console.error(error);
    process.exitCode = 1;
});
