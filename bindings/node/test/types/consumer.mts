// A program that uses everything, for the compiler's eyes: `tsc --strict` must accept it, and refuse what says so.
import { Readable } from "node:stream";
import { open } from "node:fs/promises";

import * as all from "@kusto-ingest/native";
import {
    AvroColumnMapping,
    BlobDescriptor,
    Client,
    ClientRequestProperties,
    CommandGenerator,
    CompressionType,
    ConstantTransformation,
    CsvColumnMapping,
    DataFormat,
    ErrorCode,
    FieldTransformation,
    FileDescriptor,
    IngestClient,
    IngestStatusQueues,
    IngestionMappingKind,
    IngestionMode,
    IngestionProperties,
    JsonColumnMapping,
    KustoConnectionStringBuilder,
    KustoError,
    LogLevel,
    ManagedStreamingIngestClient,
    OperationStatus,
    ReportLevel,
    ReportMethod,
    Route,
    StreamDescriptor,
    StreamingIngestClient,
    ValidationImplications,
    ValidationOptions,
    ValidationPolicy,
    setLog,
    version,
    type CallOptions,
    type IngestionPropertiesFields,
    type IngestionStatus,
    type TokenCredential,
} from "@kusto-ingest/native";

export async function everything(connection: string, credential: TokenCredential): Promise<string> {
    const kcsb = KustoConnectionStringBuilder.withTokenCredential(connection, credential);
    KustoConnectionStringBuilder.withTokenProvider(connection, async () => "token");
    KustoConnectionStringBuilder.withTokenProvider(connection, async ([scope], { abortSignal, tenantId }) => ({
        token: `${scope} ${abortSignal.aborted} ${tenantId ?? ""}`,
        expiresOnTimestamp: Date.now(),
    }));
    KustoConnectionStringBuilder.withAccessToken(connection, "token").applicationNameForTracing = "app";
    const fields: IngestionPropertiesFields = { database: "D", table: "T", format: DataFormat.JSON };
    const properties = new IngestionProperties({
        ...fields,
        format: "csv",
        ingestionMappingColumns: [
            CsvColumnMapping.withOrdinal("Id", 0, "long"),
            JsonColumnMapping.withPath("At", "$.t", "datetime", FieldTransformation.DateTimeFromUnixSeconds),
            AvroColumnMapping.withTransform("Blob", ConstantTransformation.SourceLocation),
            { Column: "Text", Properties: { Ordinal: "1" } },
        ],
        ingestionMappingKind: IngestionMappingKind.CSV,
        ingestByTags: ["a"],
        ingestIfNotExists: "a",
        once: "key",
        clientRequestId: "id",
        reportLevel: ReportLevel.FailuresAndSuccesses,
        reportMethod: ReportMethod.Table,
        validationPolicy: new ValidationPolicy(ValidationOptions.DoNotValidate, ValidationImplications.Fail),
        creationTime: new Date(),
        additionalProperties: { extend_schema: true },
    });
    const client = new IngestClient(kcsb, properties, { settings: { "memory budget": 8_388_608 }, log: console, logLevel: LogLevel.Debug });
    const { unchecked }: { readonly unchecked: readonly string[] } = await client.warmUp({ properties: { table: "T" }, timeoutMs: 1000 });
    console.log(unchecked.length);
    const limits: CallOptions = { signal: new AbortController().signal, timeout: 1000 };
    const handle = await open("rows.csv");
    const results = [
        await client.ingestFromFile("rows.csv", { flushImmediately: true }, limits),
        await client.ingestFromFile(new URL("file:///rows.csv")),
        await client.ingestFromFile(new FileDescriptor(handle, null, 12, CompressionType.GZIP)),
        await client.ingestFromStream(Readable.from(["1\n"]), null, { onProgress: ({ read, total = 0 }) => void (read / total) }),
        await client.ingestFromStream(new StreamDescriptor(new Blob(["1\n"]).stream(), "id")),
        await client.ingestFromStream((async function* () { yield new Uint8Array(1); })()),
        await client.ingestFromBuffer(Buffer.from("1\n")),
        await client.ingestFromBuffer(new ArrayBuffer(1), properties.merge({ table: "U" })),
        await client.ingestFromBlob(new BlobDescriptor("https://a/b/c?sas", 12)),
        await client.ingestFromBlobs(["https://a/b/c?sas", new BlobDescriptor("https://a/b/d?sas")]),
    ];
    const statuses: IngestionStatus[] = await results[0]!.wait({ interval: 10, ...limits });
    const again = await client.resultOf(results[0]!.trackingToken).status({ untilFinal: true });
    if (again[0]?.State === OperationStatus.Failed) {
        return again[0].ErrorCode ?? "";
    }
    const streaming: IngestClient = new StreamingIngestClient(kcsb, properties, { settings: { "in doubt": "retry" } });
    const managed = new ManagedStreamingIngestClient(kcsb, connection, { database: "D", ingestionMode: IngestionMode.Managed });
    ManagedStreamingIngestClient.fromEngineConnectionString(connection, properties);
    ManagedStreamingIngestClient.fromDmConnectionString(kcsb);
    for (const { delivery } of [await streaming.ingestFromBuffer("1\n"), await managed.ingestFromFile("rows.csv")]) {
        const reason: string | undefined = delivery?.fallbackCause?.serviceCode ?? delivery?.updatePolicy?.failureReason ?? undefined;
        console.log(delivery?.route === Route.Queued, delivery?.attempts, delivery?.possiblyDuplicated, reason);
    }
    const queues = new IngestStatusQueues(client);
    const failures = await queues.failure.pop(32, { of: results[1], ...limits });
    const request = new ClientRequestProperties({ notruncation: true }, {}, "id");
    request.setParameter("since", new Date());
    const { primaryResults } = await client.executeQuery(null, "T | count", request, limits);
    for (const row of primaryResults[0]!.rows()) {
        const count: number = row["Count"];
        const text: string | null = row.raw[0] ?? null;
        console.log(count, text, row.toJSON<{ Count: number }>().Count);
    }
    await client.executeMgmt("D", CommandGenerator.createTable("T", [{ name: "Id", type: "long" }]));
    setLog(LogLevel.Info, (level, target, message) => console.log(level === LogLevel.Warn, target, message));
    setLog(LogLevel.Off, null);
    const left: number = await client.close({ timeout: 1000 });
    await client[Symbol.asyncDispose]();
    return `${version} ${statuses.length} ${failures.length} ${left}`;
}

export function reasonOf(error: unknown): string {
    if (error instanceof KustoError && error.code === ErrorCode.Throttled) {
        return `${error.retryAfterMs ?? 0} ${error.attempts.map((attempt) => attempt.host).join()}`;
    }
    return String(error);
}

export async function refused(client: IngestClient): Promise<void> {
    // @ts-expect-error a database is no number
    await client.executeQuery(7, "print 1");
    // @ts-expect-error no such field
    await client.ingestFromBuffer("1\n", { tabel: "T" });
    // @ts-expect-error no such format
    await client.ingestFromBuffer("1\n", { format: "xml" });
    // @ts-expect-error milliseconds are a number
    await client.close({ timeout: "soon" });
    // @ts-expect-error an error is made by the library
    new KustoError();
    // @ts-expect-error Client alone does not ingest
    await new Client("").ingestFromBuffer("1\n");
    // @ts-expect-error fixed values
    DataFormat.CSV = "tsv";
    // @ts-expect-error no such export
    all.nothing;
}
