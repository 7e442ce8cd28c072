// A program whose compiler knows nothing of Node: no @types/node, no library `dom`.
import {
    CommandGenerator,
    IngestClient,
    KustoError,
    type AbortSignalLike,
    type OpenFile,
    type SystemError,
    type WebStream,
} from "@kusto-ingest/native";

export async function everything(connection: string, file: OpenFile, stream: WebStream<Uint8Array>, signal: AbortSignalLike): Promise<number> {
    const client = new IngestClient(connection, { database: "D", table: "T" });
    await client.ingestFromFile("rows.csv", null, { signal, timeoutMs: 1000 });
    await client.ingestFromFile(file);
    await client.ingestFromStream(stream);
    await client.ingestFromStream((async function* () { yield "1\n"; })());
    const result = await client.ingestFromBuffer(new Uint8Array(1));
    await result.wait({ intervalMs: 10, timeoutMs: 1000 });
    await client.executeMgmt("D", CommandGenerator.alterMergeBatchingPolicy("T", { timeSpanMs: 1000 }));
    await client[Symbol.asyncDispose]();
    return client.close({ timeoutMs: 1000 });
}

export function isMissing(error: unknown): boolean {
    return error instanceof KustoError && (error.cause as SystemError | undefined)?.code === "ENOENT";
}

export async function refused(client: IngestClient): Promise<void> {
    // @ts-expect-error this signal cannot be listened to
    await client.ingestFromBuffer("1\n", null, { signal: { aborted: false } });
    // @ts-expect-error no open file
    await client.ingestFromFile({ read: 7 });
}
