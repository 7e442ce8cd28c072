// The same types for CommonJS.
import kusto = require("@kusto-ingest/native");

export async function count(client: kusto.IngestClient): Promise<number> {
    const { primaryResults } = await client.executeQuery(null, "T | count");
    return primaryResults[0]?.row(0)?.["Count"];
}
