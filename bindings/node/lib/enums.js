"use strict";

/** The formats the service reads, by its names. */
const DataFormat = Object.freeze({
    CSV: "csv",
    TSV: "tsv",
    SCSV: "scsv",
    SOHSV: "sohsv",
    PSV: "psv",
    TXT: "txt",
    RAW: "raw",
    TSVE: "tsve",
    JSON: "json",
    SINGLEJSON: "singlejson",
    MULTIJSON: "multijson",
    AVRO: "avro",
    PARQUET: "parquet",
    SSTREAM: "sstream",
    ORC: "orc",
    APACHEAVRO: "apacheavro",
    W3CLogFile: "w3clogfile",
});

const IngestionMappingKind = Object.freeze({
    CSV: "Csv",
    JSON: "Json",
    AVRO: "Avro",
    PARQUET: "Parquet",
    SSTREAM: "SStream",
    ORC: "orc",
    APACHEAVRO: "ApacheAvro",
    W3CLOGFILE: "W3CLogFile",
});

const ReportLevel = Object.freeze({ FailuresOnly: 0, DoNotReport: 1, FailuresAndSuccesses: 2 });

const ReportMethod = Object.freeze({ Queue: 0, Table: 1, QueueAndTable: 2 });

const ValidationOptions = Object.freeze({
    DoNotValidate: 0,
    ValidateCsvInputConstantColumns: 1,
    ValidateCsvInputColumnLevelOnly: 2,
});

const ValidationImplications = Object.freeze({ Fail: 0, BestEffort: 1 });

/** How data is compressed already. */
const CompressionType = Object.freeze({ ZIP: ".zip", GZIP: ".gz", None: "" });

const FieldTransformation = Object.freeze({
    PropertyBagArrayToDictionary: "PropertyBagArrayToDictionary",
    DateTimeFromUnixSeconds: "DateTimeFromUnixSeconds",
    DateTimeFromUnixMilliseconds: "DateTimeFromUnixMilliseconds",
    DateTimeFromUnixMicroseconds: "DateTimeFromUnixMicroseconds",
    DateTimeFromUnixNanoseconds: "DateTimeFromUnixNanoseconds",
    DropMappedFields: "DropMappedFields",
    BytesAsBase64: "BytesAsBase64",
});

const ConstantTransformation = Object.freeze({ SourceLocation: "SourceLocation", SourceLineNumber: "SourceLineNumber" });

const OperationStatus = Object.freeze({
    Pending: "Pending",
    Succeeded: "Succeeded",
    Failed: "Failed",
    Cancelled: "Cancelled",
    Queued: "Queued",
    Skipped: "Skipped",
    PartiallySucceeded: "PartiallySucceeded",
});

const LogLevel = Object.freeze({ Off: 0, Error: 1, Warn: 2, Info: 3, Debug: 4, Trace: 5 });

module.exports = {
    CompressionType,
    ConstantTransformation,
    DataFormat,
    FieldTransformation,
    IngestionMappingKind,
    LogLevel,
    OperationStatus,
    ReportLevel,
    ReportMethod,
    ValidationImplications,
    ValidationOptions,
};
