import type {
    ClientSettings, CompressionType, DataFormat, ErrorCode, IngestionFlags, IngestionMappingKind, IngestionMode, LogLevel, OperationStatus, ReportLevel, ReportMethod,
    Route, ValidationImplications, ValidationOptions,
} from "./catalog";

export {
    ClientSettings, CompressionType, DataFormat, ErrorCode, IngestionFlags, IngestionMappingKind, IngestionMode, LogLevel, OperationStatus, ReportLevel, ReportMethod,
    Route, ValidationImplications, ValidationOptions,
} from "./catalog";

// ---- What the runtime provides ------------------------------------------------------------------------------------
// The types of `@types/node`, or of the library `dom`, where a program has them, and the needed part of them elsewhere.

declare global {
    interface SymbolConstructor {
        readonly asyncDispose: unique symbol;
    }
}

/** The needed part of an `AbortSignal`. */
export interface AbortSignalLike {
    readonly aborted: boolean;
    addEventListener(type: "abort", listener: (event: any) => void, options?: any): void;
    removeEventListener(type: "abort", listener: (event: any) => void, options?: any): void;
}

type Signal = typeof globalThis extends { AbortSignal: { prototype: infer T extends AbortSignalLike } } ? T : AbortSignalLike;

/** The needed part of a `file:` URL. */
export interface FileUrl {
    readonly href: string;
    readonly protocol: string;
}

/** The needed part of an open file: `FileHandle` of `node:fs/promises`. */
export interface OpenFile {
    read(buffer: Uint8Array, offset: number, length: number, position: null): Promise<{ bytesRead: number; buffer: Uint8Array }>;
}

/** The needed part of a web stream: `ReadableStream`. */
export interface WebStream<T> {
    getReader(): { read(): Promise<{ done: boolean; value?: T | undefined }>; cancel(reason?: any): Promise<void> };
    cancel(reason?: any): Promise<void>;
}

// ---- Errors -------------------------------------------------------------------------------------------------------

/** Whether doing the same again can succeed. */
export type Retry = "unknown" | "never" | "later";

/**
 * The error of every call here. Only a call that its `AbortSignal` cancelled rejects with another one, the signal's
 * reason. The message is the whole text for people, without secrets: never compare it.
 */
export declare class KustoError extends Error {
    private constructor();
    readonly name: "KustoError";
    /** The class of the error. */
    readonly code: ErrorCode;
    /** The step that failed, in a few words, such as `post message`. */
    readonly step: string;
    /** The host that was called, with its port. */
    readonly host: string | undefined;
    /** The argument or setting that is wrong. */
    readonly argument: string | undefined;
    /** The HTTP status of the response, if there was one. */
    readonly httpStatus: number | undefined;
    /** The service's own code, such as `General_BadRequest`. */
    readonly serviceCode: string | undefined;
    /** The service's activity id, which its support asks for. */
    readonly activityId: string | undefined;
    /** The id under which the service logs the request. */
    readonly clientRequestId: string | undefined;
    /** Whether calling again can succeed. */
    readonly retry: Retry;
    /** The same call will fail again. */
    readonly permanent: boolean;
    /** The cause is transient: trying later may help. */
    readonly retryable: boolean;
    /** How long the service asks to wait, in milliseconds. */
    readonly retryAfterMs: number | undefined;
    /** The service may have carried out the request although the call failed: calling again can double the data. */
    readonly inDoubt: boolean;
    /** The attempts that failed, oldest first, each with its own host and cause. */
    readonly attempts: readonly KustoError[];
    /** With `PARTIAL`: source ids of the blobs that must not be handed over again. */
    readonly handedOver: readonly string[];
    /** The statuses that {@link IngestionResult.wait} found, when they are the failure. */
    readonly statuses: readonly IngestionStatus[];
    /**
     * The error of the source, of the token provider or of the progress callback; the signal's reason. When a file or a
     * connection failed: a {@link SystemError}.
     */
    readonly cause?: unknown;
}

/** What the operating system reported, in the form of Node's own errors. */
export interface SystemError extends Error {
    /** Such as `ENOENT`, `EACCES`, `ECONNREFUSED`. */
    readonly code: string;
    /** The number of the code in Node, negative. */
    readonly errno: number;
    /** The file of {@link IngestClient.ingestFromFile}. */
    readonly path?: string;
}

// ---- Limits of a call ---------------------------------------------------------------------------------------------

/** Limits that every call over the network accepts. Everywhere an option that does not exist is refused, with the nearest name. */
export interface CallOptions {
    /**
     * Cancels the call. The native work has ended when the promise rejects, with the signal's reason; when the outcome
     * is in doubt, with a {@link KustoError} (`CANCELLED`, `inDoubt`) whose `cause` is the reason.
     */
    signal?: Signal | null | undefined;
    /** The deadline of the whole call in milliseconds; none unless given. */
    timeoutMs?: number | null | undefined;
    /** The same as `timeoutMs`. */
    timeout?: number | null | undefined;
}

/** The progress of a transfer, in bytes. */
export interface Progress {
    /** Read from the source. */
    read: number;
    /** Acknowledged by storage, after compression. */
    sent: number;
    /** The source's size, when it is known before the end. */
    total: number | undefined;
}

export interface IngestOptions extends CallOptions {
    /**
     * Receives the progress of the transfer, the last time before the promise settles. Numbers that arrive faster than
     * the event loop turns are skipped. When it throws, or its promise rejects, the ingestion fails with `CALLBACK`;
     * `inDoubt` then says that the data was already handed over.
     */
    onProgress?: ((progress: Progress) => void) | null | undefined;
}

// ---- Connections --------------------------------------------------------------------------------------------------

/** A token and when it expires, in milliseconds since 1970. Without that it is used for one request only. */
export interface AccessToken {
    token: string;
    expiresOnTimestamp?: number | null | undefined;
}

/** Options of a token request. */
export interface TokenOptions {
    /** Aborted when the client is closed. */
    abortSignal: Signal;
    /** The Entra tenant, if the connection string names one. */
    tenantId: string | undefined;
}

/**
 * Provides tokens. The error of one that fails becomes the `cause` of the {@link KustoError}, its message a part of the text. It
 * is asked again, and the failure is `retryable`, when the error, or one that caused it, says that it passes: by a member
 * `retryable` that is true, by an HTTP status 408, 429 or from 500 on (`statusCode` or `status`, as errors of `@azure/identity`
 * have it), by the code of a connection that failed (`ECONNRESET`, ...), or as a `TimeoutError`. Of any other error that cannot be
 * known: it is permanent.
 */
export type TokenProvider = (scopes: string[], options: TokenOptions) => Promise<string | AccessToken>;

/** The `TokenCredential` of `@azure/identity`. */
export interface TokenCredential {
    getToken(scopes: string[], options: TokenOptions): Promise<AccessToken | null>;
}

/**
 * A login of this package, for {@link KustoConnectionStringBuilder.withTokenCredential} and as a part of another one. The names are
 * those of `@azure/identity`, without the word Credential. A tenant that is null is that of the connection string (`Authority Id`).
 */
export declare class KustoCredential {
    private constructor();
    /** An application with its secret. */
    static clientSecret(tenantId: string | null | undefined, clientId: string, clientSecret: string): KustoCredential;
    /**
     * An application with a certificate: the text of a PEM file with its RSA key, or a PFX file in base64, with its password.
     * `sendCertificateChain` is for applications that trust it by subject name and issuer.
     */
    static clientCertificate(tenantId: string | null | undefined, clientId: string, certificate: string, options?: { password?: string | null; sendCertificateChain?: boolean } | null): KustoCredential;
    /**
     * An application that trusts another issuer. `getAssertion` gives a token of that issuer, at each login; its errors are treated
     * as those of a {@link TokenProvider}.
     */
    static clientAssertion(tenantId: string | null | undefined, clientId: string, getAssertion: (options: { abortSignal: Signal }) => Promise<string>): KustoCredential;
    /**
     * An application with the federated token in a file, which is read at each login. What is missing comes from the environment, as
     * Azure's webhook sets it: `AZURE_TENANT_ID`, `AZURE_CLIENT_ID`, `AZURE_FEDERATED_TOKEN_FILE`.
     */
    static workloadIdentity(options?: { tenantId?: string | null; clientId?: string | null; tokenFilePath?: string | null } | null): KustoCredential;
    /**
     * The user who has called the application with `userAssertionToken`; `application` is of `clientSecret`, `clientCertificate` or
     * `clientAssertion`. One credential is for one user.
     */
    static onBehalfOf(application: KustoCredential, userAssertionToken: string): KustoCredential;
    /**
     * The first of several logins that is at hand. One of this package that is not configured here makes room for the next; one that
     * is configured and refused ends the search, and so does any error of the program's own.
     */
    static chainedToken(...sources: (TokenCredential | KustoCredential)[]): KustoCredential;
    /** An identity of the machine, by one of its ids; without one, the identity that belongs to it. */
    static managedIdentity(options?: { clientId?: string | null; objectId?: string | null; resourceId?: string | null } | null): KustoCredential;
    /** What the variables of the official libraries name: `AZURE_TENANT_ID`, `AZURE_CLIENT_ID`, ... */
    static environment(): KustoCredential;
    /** Whoever is logged in to the Azure CLI. */
    static azureCli(): KustoCredential;
    /** Whoever is logged in to the Azure Developer CLI. */
    static azureDeveloperCli(): KustoCredential;
    /** `withDefaultLogin` as a part of another login. */
    static defaultAzure(): KustoCredential;
}

/** What a login asks its user; it does not belong in a log. */
export interface DeviceCodeInfo {
    /** Address and code in one text for people, in the words of the service. */
    message: string;
    /** The address to open, on any device. */
    verificationUri: string;
    /** What to enter there. */
    userCode: string;
    /** Until when the login waits, in milliseconds since 1970. */
    expiresOnTimestamp: number;
}

/** Shows a user what a login asks. */
export type DeviceCodeCallback = (info: DeviceCodeInfo) => void | Promise<void>;

/** The address of a cluster and how to log in. Throws a {@link KustoError} for a connection string that is wrong. */
export declare class KustoConnectionStringBuilder {
    static readonly DefaultDatabaseName: "NetDefaultDB";
    static readonly SecretReplacement: "****";
    /** A connection string, such as `https://mycluster.westeurope.kusto.windows.net;Fed=true`, or the address alone. */
    constructor(connectionString: string);
    /** Logs in with this token, which is not renewed. */
    static withAccessToken(connectionString: string, accessToken: string): KustoConnectionStringBuilder;
    /** Logs in as an application with its secret. Without `authorityId`, the connection string names the tenant. */
    static withAadApplicationKeyAuthentication(connectionString: string, aadAppId: string, appKey: string, authorityId?: string | null): KustoConnectionStringBuilder;
    /**
     * Logs in as a user with a password, which Entra ID advises against: accounts with a second factor and those of federated
     * organisations cannot.
     */
    static withAadUserPasswordAuthentication(connectionString: string, userId: string, password: string, authorityId?: string | null): KustoConnectionStringBuilder;
    /**
     * Logs in as a user who enters a code on any device; later tokens come without the user. `deviceCodeCallback` shows the code;
     * without it the console does. The login waits for its promise; its error fails the login.
     */
    static withAadDeviceAuthentication(connectionString: string, authorityId?: string | null, deviceCodeCallback?: DeviceCodeCallback | null): KustoConnectionStringBuilder;
    /** Logs in as a user in the system's browser on this machine; later tokens come without the user. `loginHint` is the user's name. */
    static withUserPrompt(connectionString: string, options?: { tenantId?: string | null; loginHint?: string | null } | null): KustoConnectionStringBuilder;
    /**
     * Logs in as an application with a certificate. `applicationCertificatePrivateKey` is the text of a PEM file with its RSA key, and
     * with the certificate unless `applicationCertificatePath` names its file, which is read at once.
     */
    static withAadApplicationCertificateAuthentication(connectionString: string, aadAppId: string, applicationCertificatePrivateKey: string, authorityId?: string | null, applicationCertificatePath?: string | null): KustoConnectionStringBuilder;
    /** Logs in with the identity that belongs to the machine. */
    static withSystemManagedIdentity(connectionString: string): KustoConnectionStringBuilder;
    /** Logs in with an identity that was assigned to the machine, by its client id. */
    static withUserManagedIdentity(connectionString: string, clientId: string): KustoConnectionStringBuilder;
    /** Logs in as whoever is logged in to the Azure CLI. */
    static withAzLoginIdentity(connectionString: string, authorityId?: string | null): KustoConnectionStringBuilder;
    /** Logs in with the first of these that is at hand: environment, workload identity, managed identity, Azure CLI, azd. */
    static withDefaultLogin(connectionString: string): KustoConnectionStringBuilder;
    /** Asks for a token whenever no valid one is cached, one request at a time for each scope. */
    static withTokenProvider(connectionString: string, tokenProvider: TokenProvider): KustoConnectionStringBuilder;
    /** As `withTokenProvider`, for the credentials of `@azure/identity`, and those of this package. */
    static withTokenCredential(connectionString: string, credential: TokenCredential | KustoCredential): KustoConnectionStringBuilder;
    /** A copy. */
    static fromExisting(other: KustoConnectionStringBuilder): KustoConnectionStringBuilder;
    /** The cluster's address. */
    readonly dataSource: string;
    /** The default database. */
    readonly initialCatalog: string;
    /** The program's name in the service's logs. */
    applicationNameForTracing: string | null;
    /** The user's name in the service's logs. */
    userNameForTracing: string | null;
    /** The connection string with secrets masked. */
    toString(): string;
    /** As `toString`. */
    toJSON(): string;
}

/** A logger such as `console`, pino or bunyan. A console receives the text, then the fields; others the fields, then the text. */
export interface Logger {
    error(...line: any[]): void;
    warn(...line: any[]): void;
    info(...line: any[]): void;
    debug(...line: any[]): void;
    trace?(...line: any[]): void;
}

export interface ClientOptions {
    settings?: ClientSettings | null | undefined;
    /**
     * Receives the log of this client, which {@link setLog} then does not: each event with its fields, among them `event`, its name. The
     * events and their fields stand in docs/LOGGING.md of the repository. They hold no token, key or signature.
     */
    log?: Logger | null | undefined;
    /** The least important level that is logged; `LogLevel.Info` unless given. */
    logLevel?: LogLevel | null | undefined;
}

export interface WarmUpOptions extends CallOptions {
    /** Checks also that the database, the table and the mapping of these properties exist, and that this login may ingest. */
    properties?: IngestionPropertiesInput;
}

/** What {@link Client.warmUp} found. */
export interface WarmUpResult {
    /** What the service did not let this login look at, such as `whether table 'Events' exists`; usually nothing. */
    readonly unchecked: readonly string[];
}

export interface CloseOptions {
    /** How long to wait for ingestions under way, in milliseconds; 0 unless given. */
    timeoutMs?: number | null | undefined;
    /** The same as `timeoutMs`. */
    timeout?: number | null | undefined;
}

/**
 * Commands and queries. Create one client and keep it: it holds the connections and the tokens. A client that is not
 * closed does not keep the process alive.
 */
export declare class Client {
    constructor(kcsb: string | KustoConnectionStringBuilder, options?: ClientOptions | null);
    /** The database of calls without one: that of the connection string unless set. */
    defaultDatabase: string;
    /** Runs a management command, which begins with a dot and is sent once, or a query. */
    execute(
        database: string | null | undefined,
        query: string,
        properties?: ClientRequestProperties | null,
        options?: CallOptions | null,
    ): Promise<KustoResponseDataSet>;
    /** Runs a query. */
    executeQuery(
        database: string | null | undefined,
        query: string,
        properties?: ClientRequestProperties | null,
        options?: CallOptions | null,
    ): Promise<KustoResponseDataSet>;
    /** Runs a management command. It is sent once and never retried: only its author knows whether that is safe. */
    executeMgmt(
        database: string | null | undefined,
        command: string,
        properties?: ClientRequestProperties | null,
        options?: CallOptions | null,
    ): Promise<KustoResponseDataSet>;
    /**
     * Fetches token and ingestion resources now, for programs that want to fail early. With `properties` it also checks what they
     * name, which a queued ingestion reports only later: `NOT_FOUND` says what is missing, `AUTH` that this login may not ingest. An
     * {@link IngestClient} adds its default properties.
     */
    warmUp(options?: WarmUpOptions | null): Promise<WarmUpResult>;
    /**
     * Refuses new calls, waits for ingestions under way up to `timeoutMs`, then cancels everything (`CANCELLED`), and
     * resolves with the number of cancelled ingestions when every call has ended.
     */
    close(options?: CloseOptions | null): Promise<number>;
    /** `close()`, for `await using`. Missing where Node has no `Symbol.asyncDispose` (before 18.18). */
    [Symbol.asyncDispose](): Promise<void>;
}

// ---- Ingestion ----------------------------------------------------------------------------------------------------

/** A check and its consequence. */
export declare class ValidationPolicy {
    constructor(validationOptions?: ValidationOptions | null, validationImplications?: ValidationImplications | null);
    readonly validationOptions: ValidationOptions;
    readonly validationImplications: ValidationImplications;
    /** In the service's notation. */
    toJSON(): Record<string, number>;
}

/** What is done with a value on its way into the column. */
export declare const FieldTransformation: {
    readonly PropertyBagArrayToDictionary: "PropertyBagArrayToDictionary";
    readonly DateTimeFromUnixSeconds: "DateTimeFromUnixSeconds";
    readonly DateTimeFromUnixMilliseconds: "DateTimeFromUnixMilliseconds";
    readonly DateTimeFromUnixMicroseconds: "DateTimeFromUnixMicroseconds";
    readonly DateTimeFromUnixNanoseconds: "DateTimeFromUnixNanoseconds";
    readonly DropMappedFields: "DropMappedFields";
    readonly BytesAsBase64: "BytesAsBase64";
};
export type FieldTransformation = (typeof FieldTransformation)[keyof typeof FieldTransformation];

/** Values that the service makes. */
export declare const ConstantTransformation: {
    readonly SourceLocation: "SourceLocation";
    readonly SourceLineNumber: "SourceLineNumber";
};
export type ConstantTransformation = (typeof ConstantTransformation)[keyof typeof ConstantTransformation];

/** A column of a mapping in the service's notation. */
export interface ApiColumnMapping {
    Column: string;
    DataType?: string;
    Properties?: Record<string, string>;
}

/** One column of the table and where its value comes from; made by the static functions of the classes below. */
export declare abstract class ColumnMapping {
    protected constructor();
    readonly columnName: string;
    readonly cslDataType: string | undefined;
    readonly mappingKind: IngestionMappingKind;
    /** In the service's notation for mappings. */
    toApiMapping(): ApiColumnMapping;
}

/** For the delimited formats. */
export declare class CsvColumnMapping extends ColumnMapping {
    static withOrdinal(columnName: string, ordinal: number, cslDataType?: string | null): CsvColumnMapping;
    static withConstantValue(columnName: string, constantValue: string | number | boolean, cslDataType?: string | null): CsvColumnMapping;
    static withTransform(columnName: string, transform: ConstantTransformation, cslDataType?: string | null): CsvColumnMapping;
}

/** For the JSON formats. */
export declare class JsonColumnMapping extends ColumnMapping {
    static withPath(columnName: string, path: string, cslDataType?: string | null, transform?: FieldTransformation | null): JsonColumnMapping;
    static withConstantValue(columnName: string, constantValue: string | number | boolean, cslDataType?: string | null): JsonColumnMapping;
    static withTransform(columnName: string, transform: ConstantTransformation, cslDataType?: string | null): JsonColumnMapping;
}

export declare class AvroColumnMapping extends ColumnMapping {
    static withPath(columnName: string, path: string, cslDataType?: string | null, transform?: FieldTransformation | null): AvroColumnMapping;
    static withField(columnName: string, field: string, cslDataType?: string | null, transform?: FieldTransformation | null): AvroColumnMapping;
    static withConstantValue(columnName: string, constantValue: string | number | boolean, cslDataType?: string | null): AvroColumnMapping;
    static withTransform(columnName: string, transform: ConstantTransformation, cslDataType?: string | null): AvroColumnMapping;
}

export declare class ApacheAvroColumnMapping extends ColumnMapping {
    static withPath(columnName: string, path: string, cslDataType?: string | null, transform?: FieldTransformation | null): ApacheAvroColumnMapping;
    static withField(columnName: string, field: string, cslDataType?: string | null, transform?: FieldTransformation | null): ApacheAvroColumnMapping;
    static withConstantValue(columnName: string, constantValue: string | number | boolean, cslDataType?: string | null): ApacheAvroColumnMapping;
    static withTransform(columnName: string, transform: ConstantTransformation, cslDataType?: string | null): ApacheAvroColumnMapping;
}

export declare class SStreamColumnMapping extends ColumnMapping {
    static withPath(columnName: string, path: string, cslDataType?: string | null, transform?: FieldTransformation | null): SStreamColumnMapping;
    static withField(columnName: string, field: string, cslDataType?: string | null, transform?: FieldTransformation | null): SStreamColumnMapping;
    static withConstantValue(columnName: string, constantValue: string | number | boolean, cslDataType?: string | null): SStreamColumnMapping;
    static withTransform(columnName: string, transform: ConstantTransformation, cslDataType?: string | null): SStreamColumnMapping;
}

export declare class ParquetColumnMapping extends ColumnMapping {
    static withPath(columnName: string, path: string, cslDataType?: string | null, transform?: FieldTransformation | null): ParquetColumnMapping;
    static withField(columnName: string, field: string, cslDataType?: string | null, transform?: FieldTransformation | null): ParquetColumnMapping;
    static withConstantValue(columnName: string, constantValue: string | number | boolean, cslDataType?: string | null): ParquetColumnMapping;
    static withTransform(columnName: string, transform: ConstantTransformation, cslDataType?: string | null): ParquetColumnMapping;
}

export declare class OrcColumnMapping extends ColumnMapping {
    static withPath(columnName: string, path: string, cslDataType?: string | null, transform?: FieldTransformation | null): OrcColumnMapping;
    static withField(columnName: string, field: string, cslDataType?: string | null, transform?: FieldTransformation | null): OrcColumnMapping;
    static withConstantValue(columnName: string, constantValue: string | number | boolean, cslDataType?: string | null): OrcColumnMapping;
    static withTransform(columnName: string, transform: ConstantTransformation, cslDataType?: string | null): OrcColumnMapping;
}

export declare class W3CLogFileMapping extends ColumnMapping {
    static withField(columnName: string, field: string, cslDataType?: string | null, transform?: FieldTransformation | null): W3CLogFileMapping;
    static withConstantValue(columnName: string, constantValue: string | number | boolean, cslDataType?: string | null): W3CLogFileMapping;
    static withTransform(columnName: string, transform: ConstantTransformation, cslDataType?: string | null): W3CLogFileMapping;
}

/** Where data goes, how it is read, what is reported. Missing properties have the service's default. */
export interface IngestionPropertiesFields extends IngestionFlags {
    /** That of the client's connection string unless given. */
    database?: string | null | undefined;
    table?: string | null | undefined;
    /** Unless given, by the file's name, else the format of the mapping, else CSV. */
    format?: DataFormat | null | undefined;
    /** A mapping that exists in the table or database. */
    ingestionMappingReference?: string | null | undefined;
    /** The mapping itself: columns, or its JSON text. */
    ingestionMappingColumns?: readonly (ColumnMapping | ApiColumnMapping)[] | string | null | undefined;
    /** That of the format unless given. */
    ingestionMappingKind?: IngestionMappingKind | null | undefined;
    /** Tags as they are. */
    additionalTags?: readonly string[] | null | undefined;
    /** Tags that get the prefix `ingest-by:`. */
    ingestByTags?: readonly string[] | null | undefined;
    /** Tags that get the prefix `drop-by:`. */
    dropByTags?: readonly string[] | null | undefined;
    /** The service skips the data when the table has data with one of these `ingest-by:` tags; without the prefix. */
    ingestIfNotExists?: string | readonly string[] | null | undefined;
    /**
     * A key under which the data is ingested once: the tag `ingest-by:KEY` and the condition `ingestIfNotExists`. A call that failed or is
     * in doubt may be repeated with the same data and the same key. The service compares keys, never data.
     */
    once?: string | null | undefined;
    /** The id of the ingestion in the service's logs, in errors and in the log: visible ASCII characters, no personal data. */
    clientRequestId?: string | null | undefined;
    /** How the data gets to the service, if not as the client does it. */
    ingestionMode?: IngestionMode | null | undefined;
    reportLevel?: ReportLevel | null | undefined;
    reportMethod?: ReportMethod | null | undefined;
    validationPolicy?: ValidationPolicy | null | undefined;
    /** The data's age for retention and caching, instead of the time of ingestion. */
    creationTime?: Date | string | null | undefined;
    /**
     * Other properties by their names in the service's documentation. One that has a field above is set as by the field; a name
     * that this package does not know is passed on to the service unchecked.
     */
    additionalProperties?: Record<string, unknown> | null | undefined;
}

export interface IngestionProperties extends IngestionPropertiesFields {}
/** Properties to keep and reuse. A field that is not in {@link IngestionPropertiesFields} is refused. */
export declare class IngestionProperties {
    constructor(data?: IngestionPropertiesFields | null);
    /** These properties, overridden by others. */
    merge(extra: IngestionPropertiesInput): IngestionProperties;
}

export type IngestionPropertiesInput = IngestionProperties | IngestionPropertiesFields | null | undefined;

/** Bytes; a string is UTF-8. */
export type Data = ArrayBufferView | ArrayBuffer | string;

/** A Readable, a web stream, an async or plain iterable of pieces of data. */
export type DataStream = AsyncIterable<Data> | Iterable<Data> | WebStream<Data>;

/** Data that comes from a stream or from memory. */
export declare class StreamDescriptor {
    /**
     * @param sourceId the UUID under which the status is reported; random unless given
     * @param compressionType how the data is compressed already
     * @param size uncompressed size in bytes of data that is compressed already: the service batches by it
     */
    constructor(stream: DataStream | Data, sourceId?: string | null, compressionType?: CompressionType | null, size?: number | null);
    stream: DataStream | Data;
    sourceId: string | null;
    compressionType: CompressionType | null | undefined;
    size: number | null;
}

/** A file. Compression (`.gz`, `.zip`) and format follow from its name, unless arguments and properties set them. */
export declare class FileDescriptor {
    /**
     * @param file a path, a `file:` URL, or an open file, read from its current position; it stays open
     * @param sourceId the UUID under which the status is reported; random unless given
     * @param size uncompressed size in bytes of data that is compressed already: the service batches by it
     * @param compressionType how the data is compressed already
     * @param name a file name instead of the file's own
     */
    constructor(
        file: string | FileUrl | OpenFile,
        sourceId?: string | null,
        size?: number | null,
        compressionType?: CompressionType | null,
        name?: string | null,
    );
    file: string | FileUrl | OpenFile;
    sourceId: string | null;
    size: number | null;
    compressionType: CompressionType | null | undefined;
    name: string | null | undefined;
}

/** Data that is in storage already. */
export declare class BlobDescriptor {
    /**
     * @param path the blob's address followed by its access information: `?SAS`, or one of the documented `;` forms
     * @param size uncompressed size in bytes, by which the service batches
     * @param sourceId the UUID under which the status is reported; random unless given
     */
    constructor(path: string, size?: number | null, sourceId?: string | null);
    path: string;
    size: number | null;
    sourceId: string | null;
    /** The address without its access information. */
    toString(): string;
    /** The same for logs. */
    toJSON(): { path: string; size: number | null; sourceId: string | null };
}

/**
 * Queued ingestion, commands and queries. Each ingestion resolves when the data is handed over: uploaded and queued; it
 * is ingested later. Delivery is at least once: see `inDoubt` and `ingestIfNotExists`. Empty data (a file of 0 bytes, a stream that
 * was already read) is an error, `INVALID_ARGUMENT`.
 */
export declare class IngestClient extends Client {
    /** `defaultProps` apply to every ingestion, which may override them. */
    constructor(kcsb: string | KustoConnectionStringBuilder, defaultProps?: IngestionPropertiesInput | null, options?: ClientOptions | null);
    defaultProps: IngestionProperties;
    /** Ingests a file, which must not change during the call. */
    ingestFromFile(
        file: string | FileUrl | OpenFile | FileDescriptor,
        ingestionProperties?: IngestionPropertiesInput | null,
        options?: IngestOptions | null,
    ): Promise<IngestionResult>;
    /**
     * Ingests a stream. It is read no faster than storage takes the data. If it fails, the ingestion fails and nothing
     * is queued; its error is the `cause`. It is destroyed when the ingestion ends before its end.
     */
    ingestFromStream(
        stream: DataStream | Data | StreamDescriptor,
        ingestionProperties?: IngestionPropertiesInput | null,
        options?: IngestOptions | null,
    ): Promise<IngestionResult>;
    /** Ingests data in memory. Up to 4 MiB are copied before the call returns, more in later turns of the event loop. */
    ingestFromBuffer(
        data: Data | StreamDescriptor,
        ingestionProperties?: IngestionPropertiesInput | null,
        options?: IngestOptions | null,
    ): Promise<IngestionResult>;
    /** Ingests a blob that is in storage already: nothing is uploaded. */
    ingestFromBlob(
        blob: string | BlobDescriptor,
        ingestionProperties?: IngestionPropertiesInput | null,
        options?: IngestOptions | null,
    ): Promise<IngestionResult>;
    /**
     * Ingests several blobs, each its own item of the result. When only some could be queued the error is `PARTIAL`, and
     * `handedOver` names those that must not be handed over again.
     */
    ingestFromBlobs(
        blobs: Iterable<string | BlobDescriptor>,
        ingestionProperties?: IngestionPropertiesInput | null,
        options?: IngestOptions | null,
    ): Promise<IngestionResult>;
    /** The result with this tracking token, also of another process. It has no items. */
    resultOf(trackingToken: string): IngestionResult;
}

/**
 * Streams: data of up to 4 MB is in the table when a call resolves. The table needs a policy for it. Properties that streaming cannot have,
 * such as tags or the columns of a mapping, are refused with their names. A request of which nobody knows whether its data was ingested is
 * not repeated: the error is `inDoubt`, unless the setting `in doubt` says otherwise.
 */
export declare class StreamingIngestClient extends IngestClient {}

/**
 * Streams where it is possible and queues the rest: what is too large, has properties that streaming cannot have, or meets a table or a
 * service that takes no streams for now. {@link IngestionResult.delivery} says which way the data took, and why. Calls that take different
 * ways may end in another order than they began.
 */
export declare class ManagedStreamingIngestClient extends IngestClient {
    /** `dmKcsb` names the ingestion service where it cannot be derived from the engine's address; only its address is used. */
    constructor(
        engineKcsb: string | KustoConnectionStringBuilder,
        dmKcsb?: string | KustoConnectionStringBuilder | null,
        defaultProps?: IngestionPropertiesInput | null,
        options?: ClientOptions | null,
    );
    /** As the constructor without an address of the ingestion service. */
    static fromEngineConnectionString(
        engineKcsb: string | KustoConnectionStringBuilder,
        defaultProps?: IngestionPropertiesInput | null,
        options?: ClientOptions | null,
    ): ManagedStreamingIngestClient;
    /** The same: the address of either service will do. */
    static fromDmConnectionString(
        dmKcsb: string | KustoConnectionStringBuilder,
        defaultProps?: IngestionPropertiesInput | null,
        options?: ClientOptions | null,
    ): ManagedStreamingIngestClient;
}

/** How data got to the service. */
export interface IngestionDelivery {
    /** The way it took. Streamed data is in the table when the call resolves. */
    readonly route: Route;
    /** How many streaming requests were sent; 0 when none was tried. */
    readonly attempts: number;
    /**
     * Why managed ingestion queued data that it would have streamed; `undefined` for other data, also for what it does not try to stream: too
     * large or of unknown size, several blobs, a zip archive, gzip of several members, properties that streaming cannot have, or more than the
     * memory budget can hold now.
     */
    readonly fallbackCause: KustoError | undefined;
    /** What the update policy of the table made of streamed data; `undefined` if the service did not say it. */
    readonly updatePolicy: UpdatePolicyResult | undefined;
    /** Whether the data may be in the table twice, as the setting `in doubt` can ask. */
    readonly possiblyDuplicated: boolean;
}

/** What the update policy of a table made of streamed data, in the service's words. */
export interface UpdatePolicyResult {
    /** Such as `Inactive` where the table has none. */
    readonly status: string;
    /** `Unknown` where there is no failure. */
    readonly failureCode: string | null;
    readonly failureReason: string | null;
    /** The rows are in the table, and what the policy makes of them may not be in the others. */
    readonly failed: boolean;
}

/** One source that was handed over. */
export interface IngestionItem {
    /** The UUID under which its status is reported. */
    sourceId: string;
    /** The blob's address, without its signature; empty for data that was streamed from this program. */
    blob: string;
    /** Uncompressed size in bytes, when it was counted or given. */
    bytesRaw: number | null;
    /** Bytes uploaded. */
    bytesSent: number;
    /** The name of the format under which the service reads it, such as `csv`. */
    format: string;
    /** Whether the format is only the default: none was given, and neither the source's name nor the mapping says one. */
    formatAssumed: boolean;
}

export interface StatusOptions extends CallOptions {
    /** Poll until no item is pending. */
    untilFinal?: boolean | null | undefined;
    /** How often to poll, in milliseconds; 1000 unless given. */
    intervalMs?: number | null | undefined;
    /** The same as `intervalMs`. */
    interval?: number | null | undefined;
}

export interface WaitOptions extends CallOptions {
    /** How often to poll, in milliseconds; 1000 unless given. */
    intervalMs?: number | null | undefined;
    /** The same as `intervalMs`. */
    interval?: number | null | undefined;
}

/** Proof that data was handed over. It is not ingested yet: the service batches. */
export declare class IngestionResult {
    private constructor();
    readonly items: readonly IngestionItem[];
    /** The id of the first item. */
    readonly sourceId: string;
    /** Uncompressed bytes of all items whose size is known. */
    readonly bytesRaw: number;
    /** Bytes uploaded, after compression. */
    readonly bytesSent: number;
    /** For {@link IngestClient.resultOf}, also in another process. It holds no secret. */
    readonly trackingToken: string;
    /** How the data got to the service; `undefined` for a {@link IngestClient.resultOf}. */
    readonly delivery: IngestionDelivery | undefined;
    /** Reads the status table, for each item. Without `ReportMethod.Table` they stay `Queued`, unless the data was streamed. */
    status(options?: StatusOptions | null): Promise<IngestionStatus[]>;
    /**
     * Resolves when the service has ingested the data, or skipped it because it is there already; rejects with a
     * {@link KustoError} with `statuses` when it has not. Needs `ReportMethod.Table`, unless the data was streamed.
     */
    wait(options?: WaitOptions | null): Promise<IngestionStatus[]>;
    /** As in the official SDK: `status()` of the first item. */
    getIngestionStatusCollection(): Promise<IngestionStatus>;
}

/** The service's status of one source; unknown members are null. */
export interface IngestionStatus {
    State: OperationStatus;
    /** The service's own word for the state. */
    Status: string | null;
    IngestionSourceId: string | null;
    /** The blob's address, without its signature. */
    IngestionSourcePath: string | null;
    Database: string | null;
    Table: string | null;
    /** When the state was reached, in the service's notation (UTC). */
    UpdatedOn: string | null;
    /** For `.show operations`. */
    OperationId: string | null;
    ActivityId: string | null;
    /** Such as `BadRequest_EmptyBlob`. */
    ErrorCode: string | null;
    FailureStatus: "Unknown" | "Permanent" | "Transient" | "Exhausted" | null;
    Details: string | null;
    OriginatesFromUpdatePolicy: boolean | null;
    ShouldRetry: boolean | null;
    /** Whether ingesting the same data again can succeed. */
    Retry: Retry;
}

export interface OutcomeOptions extends CallOptions {
    /** Only the notifications about this ingestion; those of others stay in their queues. */
    of?: IngestionResult | null | undefined;
}

/** The queues of one kind of notifications. They belong to all clients of the cluster. */
export declare class StatusQueue {
    private constructor();
    /** Returns up to `n` notifications without removing them, 1 unless given. */
    peek(n?: number | null, options?: OutcomeOptions | null): Promise<IngestionStatus[]>;
    /** Removes up to `n` notifications from their queues and returns them, 1 unless given. */
    pop(n?: number | null, options?: OutcomeOptions | null): Promise<IngestionStatus[]>;
    /** Whether there are no notifications. */
    isEmpty(options?: OutcomeOptions | null): Promise<boolean>;
}

/** The notifications of ingestions that report to the queues. */
export declare class IngestStatusQueues {
    constructor(ingestClient: IngestClient);
    readonly failure: StatusQueue;
    readonly success: StatusQueue;
}

// ---- Commands and queries -----------------------------------------------------------------------------------------

/** Options and parameters of a command or query. */
export declare class ClientRequestProperties {
    constructor(options?: Record<string, unknown> | null, parameters?: Record<string, unknown> | null, clientRequestId?: string | null);
    /** The id under which the service logs the request; it should not hold personal data. */
    clientRequestId: string | null;
    /**
     * One of the service's request options by its name, such as `notruncation`; docs/SETTINGS.md lists them. The request
     * fails for a name that is not listed, with the nearest one. Case does not count. Replaces the value that the option
     * has. A number for `servertimeout` is milliseconds.
     */
    setOption(name: string, value: unknown): void;
    /** Passes an option on to the service whose name the library does not know; a known one means the same as with `setOption`. */
    setAdditionalOption(name: string, value: unknown): void;
    getOption(name: string, defaultValue?: unknown): any;
    clearOptions(): void;
    /**
     * A parameter that the query declares. A string or a number is sent as it is, a bigint, a boolean and a Date as
     * Kusto's literal; for other types give the literal as a string, such as `timespan(1h)`.
     */
    setParameter(name: string, value: string | number | bigint | boolean | Date): void;
    getParameter(name: string, defaultValue?: unknown): any;
    clearParameters(): void;
    /** How long the service may take, in milliseconds. */
    setTimeout(timeoutMillis: number): void;
    getTimeout(): number | undefined;
    /** The deadline of the whole call in milliseconds, for calls without `timeoutMs`. */
    setClientTimeout(timeoutMillis: number): void;
    getClientTimeout(): number | undefined;
}

/** A complete result, held in memory. */
export declare class KustoResponseDataSet {
    private constructor();
    readonly tables: readonly KustoResultTable[];
    readonly tableNames: readonly string[];
    /** The requested rows; a batch or a `fork` has several tables. */
    readonly primaryResults: readonly KustoResultTable[];
    readonly statusTable: KustoResultTable | undefined;
}

export declare class KustoResultColumn {
    private constructor();
    readonly name: string;
    /** A Kusto type, such as `long`. */
    readonly type: string;
    readonly ordinal: number;
}

export declare class KustoResultTable {
    private constructor();
    readonly name: string;
    /** Such as `PrimaryResult`. */
    readonly kind: string;
    readonly columns: readonly KustoResultColumn[];
    /** Number of rows. */
    readonly length: number;
    /** Reads a `datetime`: a Date unless changed, which drops fractions of a millisecond. */
    dateTimeParser: (text: string) => any;
    /** Reads a `timespan`: milliseconds unless changed. */
    timeSpanParser: (text: string) => any;
    row(index: number): KustoResultRow | undefined;
    rows(): IterableIterator<KustoResultRow>;
    [Symbol.iterator](): IterableIterator<KustoResultRow>;
    toJSON<T = Record<string, any>>(): { name: string; data: T[] };
    toString(): string;
}

/**
 * A row, with a member for each column: `null` for null, else boolean (`bool`), number (`int`, `real`), number or, beyond
 * 2^53, bigint (`long`), Date (`datetime`), number of milliseconds (`timespan`), the parsed JSON with integers as for `long`
 * (`dynamic`), and string (`string`, `guid`, `decimal`). A value that the library could not read as its type is the text that
 * the service sent. A column whose name is that of a member below has none of its own: `getValueAt` and `toJSON` have its value.
 */
export declare class KustoResultRow {
    private constructor();
    readonly columns: readonly KustoResultColumn[];
    /** The values as texts in the service's notation, a `dynamic` as JSON; no precision is lost here. */
    readonly raw: readonly (string | null)[];
    values(): IterableIterator<any>;
    getValueAt(index: number): any;
    /** By column name; a bigint as a string. */
    toJSON<T = Record<string, any>>(): T;
    toString(): string;
    [column: string]: any;
}

/** A column of a table to be created; `type` is a Kusto or .NET name, such as `long` or `System.Int64`. */
export interface TableColumn {
    name: string;
    type: string;
}

/** When the service closes a batch. Missing members keep their values. */
export interface BatchingPolicy {
    /** The age of the batch in milliseconds. */
    timeSpanMs?: number | null | undefined;
    /** The same as `timeSpanMs`. */
    timeSpan?: number | null | undefined;
    items?: number | null | undefined;
    rawSizeMB?: number | null | undefined;
}

/** Columns of a mapping, or its JSON text. */
export type MappingInput = readonly (ColumnMapping | ApiColumnMapping)[] | string;

/** The text of commands, with names and values escaped. */
export declare const CommandGenerator: {
    /** Leaves an existing table as it is. */
    createTable(table: string, columns: readonly TableColumn[]): string;
    /** Adds the columns that are missing. */
    createMergeTable(table: string, columns: readonly TableColumn[]): string;
    dropTable(table: string, options?: { ifExists?: boolean } | null): string;
    /** Removes all rows. */
    clearTable(table: string): string;
    /** Fails when the mapping exists. */
    createMapping(table: string, kind: IngestionMappingKind, name: string, mapping: MappingInput): string;
    createOrAlterMapping(table: string, kind: IngestionMappingKind, name: string, mapping: MappingInput): string;
    dropMapping(table: string, kind: IngestionMappingKind, name: string): string;
    showMappings(table: string, kind: IngestionMappingKind): string;
    alterMergeBatchingPolicy(table: string, policy: BatchingPolicy): string;
    /** Makes a changed policy take effect at once. */
    refreshBatchingPolicyCache(database: string, table: string): string;
    /** A name: `['name']`. */
    identifier(name: string): string;
    /** A text: `"text"`. */
    stringLiteral(text: string): string;
    /** A text that the service's logs do not show. */
    obfuscatedLiteral(text: string): string;
};

// ---- Log ----------------------------------------------------------------------------------------------------------

/**
 * Sends the log of the library to a function, lines up to a level; without a function nothing is logged. There is one
 * log per process: the last thread that calls this receives it. Lines hold no token, key or signature.
 */
export declare function setLog(level: LogLevel, callback?: ((level: LogLevel, target: string, message: string) => void) | null): void;

/** The version of the library. */
export declare const version: string;
