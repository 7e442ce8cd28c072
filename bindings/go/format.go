package kustoingest

// #include "shim.h"
import "C"

// DataFormat is the format of data.
type DataFormat int32

// The formats of the service.
const (
	DFUnknown  DataFormat = 0                         // By the file's name, else CSV.
	CSV        DataFormat = C.KUSTO_FORMAT_CSV        // Comma-separated values, RFC 4180.
	TSV        DataFormat = C.KUSTO_FORMAT_TSV        // Tab-separated values.
	PSV        DataFormat = C.KUSTO_FORMAT_PSV        // Values separated by "|".
	SCSV       DataFormat = C.KUSTO_FORMAT_SCSV       // Values separated by ";".
	SOHSV      DataFormat = C.KUSTO_FORMAT_SOHSV      // Values separated by the control character SOH.
	TXT        DataFormat = C.KUSTO_FORMAT_TXT        // Lines of text, one column each.
	Raw        DataFormat = C.KUSTO_FORMAT_RAW        // The whole source is one value.
	TSVE       DataFormat = C.KUSTO_FORMAT_TSVE       // Tab-separated values with backslash escapes.
	JSON       DataFormat = C.KUSTO_FORMAT_JSON       // JSON Lines, one object per line.
	MultiJSON  DataFormat = C.KUSTO_FORMAT_MULTIJSON  // A JSON array, or objects over any number of lines.
	SingleJSON DataFormat = C.KUSTO_FORMAT_SINGLEJSON // One JSON value.
	AVRO       DataFormat = C.KUSTO_FORMAT_AVRO       // Avro, with the service's legacy reader.
	ApacheAVRO DataFormat = C.KUSTO_FORMAT_APACHEAVRO // Avro, with the Apache reader.
	Parquet    DataFormat = C.KUSTO_FORMAT_PARQUET    // Apache Parquet.
	ORC        DataFormat = C.KUSTO_FORMAT_ORC        // Apache ORC.
	SStream    DataFormat = C.KUSTO_FORMAT_SSTREAM    // Cosmos structured streams.
	W3CLogFile DataFormat = C.KUSTO_FORMAT_W3CLOGFILE // W3C extended log files.
)

// Compression is how data is compressed already.
type Compression int32

// The compressions that the service reads.
const (
	CTNone Compression = C.KUSTO_COMPRESSION_NONE // Not at all: the library compresses what the format allows.
	GZIP   Compression = C.KUSTO_COMPRESSION_GZIP // gzip.
	ZIP    Compression = C.KUSTO_COMPRESSION_ZIP  // A zip archive.
)

// ReportLevel is what the service reports about an ingestion.
type ReportLevel int32

// The levels of reports.
const (
	FailuresOnly         ReportLevel = C.KUSTO_REPORT_FAILURES // The default.
	None                 ReportLevel = C.KUSTO_REPORT_NONE     // Nothing.
	FailuresAndSuccesses ReportLevel = C.KUSTO_REPORT_ALL      // Not for high volumes.
)

// ReportMethod is where the service reports to.
type ReportMethod int32

// The ways of reports.
const (
	ReportToQueue         ReportMethod = C.KUSTO_VIA_QUEUE           // For [Client.PeekOutcomes] and [Client.TakeOutcomes]. The default.
	ReportToTable         ReportMethod = C.KUSTO_VIA_TABLE           // For [Result.Status] and [Result.Wait].
	ReportToQueueAndTable ReportMethod = C.KUSTO_VIA_QUEUE_AND_TABLE // Both.
)
