// The StormEvents tutorial: a blob with a header row into a table of 22 columns.
//
// storm_events BLOB_URL RAW_SIZE; KUSTO_CONNECTION_STRING and KUSTO_DATABASE as in quickstart.
import { BlobDescriptor, IngestClient, ReportMethod } from "@kusto-ingest/native";

const MINUTES = 5 * 60_000;

/** Name, type and position in the file; position 15 is not in the table. */
const COLUMNS = [
    ["StartTime", "datetime", 0],
    ["EndTime", "datetime", 1],
    ["EpisodeId", "int", 2],
    ["EventId", "int", 3],
    ["State", "string", 4],
    ["EventType", "string", 5],
    ["InjuriesDirect", "int", 6],
    ["InjuriesIndirect", "int", 7],
    ["DeathsDirect", "int", 8],
    ["DeathsIndirect", "int", 9],
    ["DamageProperty", "int", 10],
    ["DamageCrops", "int", 11],
    ["Source", "string", 12],
    ["BeginLocation", "string", 13],
    ["EndLocation", "string", 14],
    ["BeginLat", "real", 16],
    ["BeginLon", "real", 17],
    ["EndLat", "real", 18],
    ["EndLon", "real", 19],
    ["EpisodeNarrative", "string", 20],
    ["EventNarrative", "string", 21],
    ["StormSummary", "dynamic", 22],
];

async function main() {
    const { KUSTO_CONNECTION_STRING: connection, KUSTO_DATABASE: database } = process.env;
    const [url, size] = process.argv.slice(2);
    if (size === undefined || !connection || !database) {
        throw new Error("usage: storm_events BLOB_URL RAW_SIZE\nwith KUSTO_CONNECTION_STRING and KUSTO_DATABASE set");
    }
    const client = new IngestClient(connection, { database, table: "StormEvents" });
    client.defaultDatabase = database;
    try {
        await createTableAndMapping(client);
        await ingestBlob(client, new BlobDescriptor(url, Number(size)));
        await show(client, "StormEvents | count", "StormEvents | count");
        await troubleshoot(client, database);
        await client.executeMgmt(null, ".drop table StormEvents ifexists");
    } finally {
        await client.close();
    }
}

async function createTableAndMapping(client) {
    const definitions = COLUMNS.map(([name, type]) => `${name}:${type}`).join(", ");
    // The legacy shape, as in the tutorial.
    const columns = COLUMNS.map(([name, type, ordinal]) => ({ Name: name, datatype: type, Ordinal: String(ordinal) }));
    const mapping = `'StormEvents_CSV_Mapping' '${JSON.stringify(columns)}'`;
    await client.executeMgmt(null, `.create table StormEvents (${definitions})`);
    await client.executeMgmt(null, `.create-or-alter table StormEvents ingestion csv mapping ${mapping}`);
}

/** Queues the blob and waits until the service is done with it. */
async function ingestBlob(client, blob) {
    const started = Date.now();
    const properties = {
        ingestionMappingReference: "StormEvents_CSV_Mapping",
        ignoreFirstRecord: true,
        reportMethod: ReportMethod.Table,
    };
    const result = await client.ingestFromBlob(blob, properties, { timeoutMs: MINUTES });
    console.log(`queued ${result.items[0].blob} as ${result.sourceId}`);
    await result.wait({ intervalMs: 250, timeoutMs: MINUTES });
    console.log(`Succeeded after ${Math.floor((Date.now() - started) / 1000)} s`);
}

async function show(client, title, text) {
    const { primaryResults } = await client.execute(null, text, null, { timeoutMs: MINUTES });
    const [table] = primaryResults;
    console.log(`> ${title}\n  ${table.length} row(s)`);
    for (const row of table.rows()) {
        console.log(row.raw.map((text) => `  ${text ?? "null"}`).join(""));
    }
}

async function troubleshoot(client, database) {
    const ours = `ago(4h) and Database == "${database}" and Table == "StormEvents"`;
    const failures = `.show ingestion failures | where FailedOn > ${ours}`;
    const operations =
        `.show operations | where StartedOn > ${ours} and Operation == "DataIngestPull" ` +
        "| summarize arg_max(LastUpdatedOn, *) by OperationId | project Operation, State";
    await show(client, ".show ingestion failures", failures);
    await show(client, ".show operations", operations);
}

main().catch((error) => {
    console.error(error);
    process.exitCode = 1;
});
