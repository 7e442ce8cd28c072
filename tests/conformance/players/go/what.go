package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"time"

	kusto "kustoingest"
)

func formatOf(said *message) kusto.DataFormat {
	if name, given := said.find("format"); given {
		return meaning(formats, name)
	}
	return kusto.DFUnknown
}

// property is the dedicated option when that can express the value, else the property by its name.
func property(name, value string) kusto.FileOption {
	if flag, known := flags[name]; known && value == "true" {
		return flag()
	}
	switch name {
	case "creationTime":
		if at, err := time.Parse(time.RFC3339, value); err == nil {
			return kusto.SetCreationTime(at)
		}
	case "validationPolicy":
		var policy kusto.ValPolicy
		if json.Unmarshal([]byte(value), &policy) == nil {
			return kusto.ValidationPolicy(policy)
		}
	case "ingestIfNotExists":
		var tags []string
		if json.Unmarshal([]byte(value), &tags) == nil {
			return kusto.IfNotExists(tags...)
		}
	}
	return kusto.AdditionalProperty(name, value)
}

// options are the message's options for destination and source.
func options(said *message) []kusto.FileOption {
	level, method, format := "failures", "queue", formatOf(said)
	var options []kusto.FileOption
	for _, pair := range said.pairs {
		switch key, value := pair[0], pair[1]; key {
		case "database":
			options = append(options, kusto.Database(value))
		case "table":
			options = append(options, kusto.Table(value))
		case "mapping":
			options = append(options, kusto.IngestionMapping(value, format))
		case "mapping_ref":
			options = append(options, kusto.IngestionMappingRef(value, format))
		case "tag":
			options = append(options, kusto.Tags([]string{value}))
		case "mode":
			options = append(options, kusto.By(meaning(ingestionModes, value)))
		case "report_level":
			level = value
		case "report_method":
			method = value
		case "property":
			options = append(options, property(assignment(value)))
		case "named":
			options = append(options, kusto.Property(assignment(value)))
		case "source_id":
			options = append(options, kusto.SourceID(value))
		case "compression":
			options = append(options, kusto.CompressionType(meaning(compressions, value)))
		case "raw_size":
			options = append(options, kusto.RawDataSize(said.number("raw_size", 0)))
		}
	}
	return append(options, kusto.Report(meaning(reportLevels, level), meaning(reportMethods, method)))
}

// input is a file that yields at most a piece at a time and may fail after some bytes.
type input struct {
	file  *os.File
	piece int
	left  int64
}

var errInput = errors.New("the input fails")

func opened(said *message) *os.File {
	file, err := os.Open(said.get("path"))
	if err != nil {
		misunderstand("%v", err)
	}
	return file
}

func openInput(said *message) *input {
	return &input{opened(said), int(said.number("piece", 64*1024)), said.number("fail_after", -1)}
}

func (i *input) Read(buffer []byte) (int, error) {
	if i.left == 0 {
		return 0, errInput
	}
	buffer = buffer[:min(len(buffer), i.piece)]
	if i.left > 0 {
		buffer = buffer[:min(int64(len(buffer)), i.left)]
	}
	n, err := i.file.Read(buffer)
	if i.left > 0 {
		i.left -= int64(n)
	}
	return n, err
}

// pushed is the input as a program's own writer would push it: piece by piece into a pipe.
func pushed(said *message) (from *io.PipeReader, ended <-chan struct{}) {
	source := openInput(said)
	from, to := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer source.file.Close()
		_, err := io.CopyBuffer(struct{ io.Writer }{to}, source, make([]byte, source.piece))
		to.CloseWithError(err)
	}()
	return from, done
}

func blobs(said *message) (list []kusto.Blob) {
	for _, pair := range said.pairs {
		switch pair[0] {
		case "blob":
			list = append(list, kusto.Blob{URL: pair[1]})
		case "blob_raw_size":
			number := message{verb: said.verb, pairs: [][2]string{pair}}
			list[len(list)-1].RawSize = uint64(number.number("blob_raw_size", 0))
		case "blob_id":
			list[len(list)-1].SourceID = pair[1]
		}
	}
	return list
}

// transfer ingests the source that the message describes, and returns the result.
type transfer func(ctx context.Context, client *kusto.Client, options []kusto.FileOption) (*kusto.Result, error)

// prepared reads and opens the inputs; errors of the ingestion are reported by the transfer.
func prepared(said *message) transfer {
	switch kind := said.get("source"); kind {
	case "bytes":
		data, err := io.ReadAll(openInput(said))
		if err != nil {
			misunderstand("%v", err)
		}
		return func(ctx context.Context, client *kusto.Client, options []kusto.FileOption) (*kusto.Result, error) {
			return client.FromBytes(ctx, data, options...)
		}
	case "reader":
		source := openInput(said)
		return fromReader(source, source.file.Close)
	case "fd":
		file := opened(said)
		return fromReader(file, file.Close)
	case "stream":
		from, ended := pushed(said)
		return fromReader(from, func() error { err := from.Close(); <-ended; return err })
	case "file":
		return func(ctx context.Context, client *kusto.Client, options []kusto.FileOption) (*kusto.Result, error) {
			return client.FromFile(ctx, said.get("path"), options...)
		}
	case "blobs":
		return func(ctx context.Context, client *kusto.Client, options []kusto.FileOption) (*kusto.Result, error) {
			return client.FromBlobs(ctx, blobs(said), options...)
		}
	default:
		misunderstand("unknown source: %s", kind)
		return nil
	}
}

func fromReader(source io.Reader, release func() error) transfer {
	return func(ctx context.Context, client *kusto.Client, options []kusto.FileOption) (*kusto.Result, error) {
		result, err := client.FromReader(ctx, source, options...)
		if released := release(); err == nil {
			err = released
		}
		return result, err
	}
}
