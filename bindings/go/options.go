//go:build cgo

package kustoingest

import (
	"encoding/json"
	"strconv"
	"time"
)

// FileOption is an option of one ingestion; nil is none.
type FileOption func(*ingestion) error

// ingestion collects the options; settings are passed on as they are.
type ingestion struct {
	database, table     string
	format              DataFormat
	mapping, mappingRef string
	tags                []string
	once                *string
	level               ReportLevel
	method              ReportMethod
	properties          []property
	sourceID            string
	compression         *Compression
	rawSize             uint64
	progress            func(Progress)
	mode                IngestionMode
}

// property is set by its name; an additional one may be unknown to the library.
type property struct {
	name, value string
	additional  bool
}

func (i *ingestion) apply(opts []FileOption) error {
	for _, option := range opts {
		if option == nil {
			continue
		}
		if err := option(i); err != nil {
			return err
		}
	}
	return nil
}

func (i *ingestion) property(name, value string) error {
	i.properties = append(i.properties, property{name: name, value: value})
	return nil
}

// Database is where the data goes, if not to the client's default database.
func Database(name string) FileOption {
	return func(i *ingestion) error { i.database = name; return nil }
}

// Table is where the data goes, if not to the client's default table.
func Table(name string) FileOption {
	return func(i *ingestion) error { i.table = name; return nil }
}

// FileFormat is the format of the data. By default it follows from the file's name, else it is CSV.
func FileFormat(format DataFormat) FileOption {
	return func(i *ingestion) error { i.format = format; return nil }
}

// IngestionMapping uses this mapping, and its format. A string or []byte is JSON already, in the
// current or the legacy form; anything else is marshalled.
func IngestionMapping(mapping any, format DataFormat) FileOption {
	return func(i *ingestion) error {
		i.format = format
		switch mapping := mapping.(type) {
		case string:
			i.mapping = mapping
		case []byte:
			i.mapping = string(mapping)
		default:
			document, err := json.Marshal(mapping)
			if err != nil {
				failure := invalidArgument("mapping", err.Error())
				failure.cause = err
				return failure
			}
			i.mapping = string(document)
		}
		return nil
	}
}

// IngestionMappingRef uses a mapping that the table or database has, and its format.
func IngestionMappingRef(name string, format DataFormat) FileOption {
	return func(i *ingestion) error {
		i.mappingRef, i.format = name, format
		return nil
	}
}

// By is how the data gets to the service, if not as the client does it.
func By(mode IngestionMode) FileOption {
	return func(i *ingestion) error { i.mode = mode; return nil }
}

// Tags are attached to the data as they are, including prefixes ("drop-by:", "ingest-by:").
func Tags(tags []string) FileOption {
	return func(i *ingestion) error { i.tags = append(i.tags, tags...); return nil }
}

// IfNotExists lets the service skip data when the table has data with one of these "ingest-by:" tags,
// which are given without that prefix. [Once] sets both this and the tag.
func IfNotExists(ingestByTags ...string) FileOption {
	return func(i *ingestion) error {
		document, err := json.Marshal(ingestByTags)
		if err != nil {
			return err
		}
		return i.property("ingestIfNotExists", string(document))
	}
}

// Once makes a call harmless to repeat with the same data: the service skips data whose key it has seen in the
// table (the outcome is [StateSkipped]). It compares keys, never data: give each batch a key of its own, such as
// the file's name and the range of its bytes. The key lasts as long as the tag "ingest-by:KEY" of the data.
// Repeat one after another, not at once. The service ingests such data without batching it, so keys are for large
// batches.
func Once(key string) FileOption {
	return func(i *ingestion) error { i.once = &key; return nil }
}

// SetCreationTime is the data's age for retention and caching, instead of the time of ingestion. The zero time
// sets none.
func SetCreationTime(t time.Time) FileOption {
	return func(i *ingestion) error {
		if t.IsZero() {
			return nil
		}
		return i.property("creationTime", t.UTC().Format("2006-01-02T15:04:05.0000000Z"))
	}
}

// ValPolicy is a policy for [ValidationPolicy].
type ValPolicy struct {
	Options      ValidationOption
	Implications ValidationImplication
}

// MarshalJSON writes the service's form, with numbers.
func (p ValPolicy) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Options      int8 `json:"ValidationOptions"`
		Implications int8 `json:"ValidationImplications"`
	}{int8(p.Options), int8(p.Implications)})
}

// UnmarshalJSON reads numbers and names.
func (p *ValPolicy) UnmarshalJSON(document []byte) error {
	var parts struct{ ValidationOptions, ValidationImplications json.RawMessage }
	if err := json.Unmarshal(document, &parts); err != nil {
		return err
	}
	if err := numbered(parts.ValidationOptions, &p.Options); err != nil {
		return err
	}
	return numbered(parts.ValidationImplications, &p.Implications)
}

// numbered reads an enumeration's number, or its name; nothing leaves it as it is.
func numbered[T ~int8](part json.RawMessage, into *T) error {
	var number int8
	switch {
	case part == nil:
		return nil
	case part[0] == '"':
		return json.Unmarshal(part, into)
	}
	if err := json.Unmarshal(part, &number); err != nil {
		return err
	}
	*into = T(number)
	return nil
}

// ValidationPolicy lets the service check CSV data.
func ValidationPolicy(policy ValPolicy) FileOption {
	return func(i *ingestion) error {
		document, err := json.Marshal(policy)
		if err != nil {
			return err
		}
		return i.property("validationPolicy", string(document))
	}
}

// Property sets a property by its name in the service's documentation; docs/SETTINGS.md lists them. A name
// that the library does not know is an error with the nearest one: see [AdditionalProperty].
func Property(name, value string) FileOption {
	return func(i *ingestion) error { return i.property(name, value) }
}

// AdditionalProperty passes a property on to the service whose name the library does not know: neither its
// name nor its value is checked. A known name means the same as with [Property].
func AdditionalProperty(name, value string) FileOption {
	return func(i *ingestion) error {
		i.properties = append(i.properties, property{name, value, true})
		return nil
	}
}

// ReportResultToTable makes the service report to the status table, which [Result.Wait] and
// [Result.Status] read.
func ReportResultToTable() FileOption { return Report(FailuresAndSuccesses, ReportToTable) }

// Report sets what the service reports, and where to.
func Report(level ReportLevel, method ReportMethod) FileOption {
	return func(i *ingestion) error {
		i.level, i.method = level, method
		return nil
	}
}

// CompressionType says how the data is compressed already. Without it a file's name decides, and a
// reader's data is taken as uncompressed.
func CompressionType(compression Compression) FileOption {
	return func(i *ingestion) error { i.compression = &compression; return nil }
}

// RawDataSize is the uncompressed size in bytes of data that is compressed already, and of a blob:
// the service batches by it. The size of other data is counted. Without it the size is left out, never
// guessed: the service then determines it, and may ingest each such source by itself.
func RawDataSize(size int64) FileOption {
	return func(i *ingestion) error {
		if size < 0 {
			return invalidArgument("RawDataSize", strconv.FormatInt(size, 10)+" is negative")
		}
		i.rawSize = uint64(size)
		return nil
	}
}

// SourceID is the UUID under which the status is reported; random when not set.
func SourceID(uuid string) FileOption {
	return func(i *ingestion) error { i.sourceID = uuid; return nil }
}

// IngestionRequestID is the id of the ingestion in the service's logs, in errors and in the library's log: 1
// to 256 visible ASCII characters. [ClientRequestID] is that of a command or query.
func IngestionRequestID(id string) FileOption {
	return func(i *ingestion) error { return i.property("clientRequestId", id) }
}

// Progress is the progress of a transfer, in bytes.
type Progress struct {
	Read  uint64 // From the source.
	Sent  uint64 // Acknowledged by storage, after compression.
	Total uint64 // The source's size; 0 while it is unknown.
}

// OnProgress receives the progress of the transfer: one call at a time, on a thread of the library,
// the last one before the ingestion returns. It must not call this package. If it panics, the
// ingestion fails.
func OnProgress(report func(Progress)) FileOption {
	return func(i *ingestion) error { i.progress = report; return nil }
}
