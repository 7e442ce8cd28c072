"use strict";

const { IngestionMappingKind } = require("./catalog.js");

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

/** One column of the table and where its value comes from. */
class ColumnMapping {
    #properties;

    constructor(mappingKind, columnName, cslDataType, properties) {
        this.mappingKind = mappingKind;
        this.columnName = columnName;
        this.cslDataType = cslDataType ?? undefined;
        this.#properties = Object.entries(properties).filter(([, value]) => value !== undefined && value !== null);
    }

    /** In the service's notation for mappings. */
    toApiMapping() {
        const properties = this.#properties.map(([name, value]) => [name, String(value)]);
        return {
            Column: this.columnName,
            ...(this.cslDataType !== undefined && { DataType: this.cslDataType }),
            Properties: Object.fromEntries(properties),
        };
    }
}

class CsvColumnMapping extends ColumnMapping {
    static withOrdinal(columnName, ordinal, cslDataType) {
        return new CsvColumnMapping(IngestionMappingKind.CSV, columnName, cslDataType, { Ordinal: ordinal });
    }

    static withConstantValue(columnName, constantValue, cslDataType) {
        return new CsvColumnMapping(IngestionMappingKind.CSV, columnName, cslDataType, { ConstValue: constantValue });
    }

    static withTransform(columnName, transform, cslDataType) {
        return new CsvColumnMapping(IngestionMappingKind.CSV, columnName, cslDataType, { Transform: transform });
    }
}

/** The base of the kinds that take a value by path or by field. */
class NamedColumnMapping extends ColumnMapping {
    static withConstantValue(columnName, constantValue, cslDataType) {
        return new this(this.kind, columnName, cslDataType, { ConstValue: constantValue });
    }

    static withTransform(columnName, transform, cslDataType) {
        return new this(this.kind, columnName, cslDataType, { Transform: transform });
    }
}

class PathColumnMapping extends NamedColumnMapping {
    static withPath(columnName, path, cslDataType, transform) {
        return new this(this.kind, columnName, cslDataType, { Path: path, Transform: transform });
    }
}

class FieldColumnMapping extends PathColumnMapping {
    static withField(columnName, field, cslDataType, transform) {
        return new this(this.kind, columnName, cslDataType, { Field: field, Transform: transform });
    }
}

class JsonColumnMapping extends PathColumnMapping {
    static kind = IngestionMappingKind.JSON;
}

class AvroColumnMapping extends FieldColumnMapping {
    static kind = IngestionMappingKind.AVRO;
}

class ApacheAvroColumnMapping extends FieldColumnMapping {
    static kind = IngestionMappingKind.APACHEAVRO;
}

class SStreamColumnMapping extends FieldColumnMapping {
    static kind = IngestionMappingKind.SSTREAM;
}

class ParquetColumnMapping extends FieldColumnMapping {
    static kind = IngestionMappingKind.PARQUET;
}

class OrcColumnMapping extends FieldColumnMapping {
    static kind = IngestionMappingKind.ORC;
}

class W3CLogFileMapping extends NamedColumnMapping {
    static kind = IngestionMappingKind.W3CLOGFILE;

    static withField(columnName, field, cslDataType, transform) {
        return new W3CLogFileMapping(this.kind, columnName, cslDataType, { Field: field, Transform: transform });
    }
}

module.exports = {
    ApacheAvroColumnMapping,
    ConstantTransformation,
    FieldTransformation,
    AvroColumnMapping,
    ColumnMapping,
    CsvColumnMapping,
    JsonColumnMapping,
    OrcColumnMapping,
    ParquetColumnMapping,
    SStreamColumnMapping,
    W3CLogFileMapping,
};
