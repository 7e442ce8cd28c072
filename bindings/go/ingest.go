package kustoingest

// #include "shim.h"
import "C"

import (
	"bytes"
	"context"
	"fmt"
	"io"
)

// FromFile hands a file over: it is uploaded and queued when the call returns, and ingested later.
// Compression (.gz, .zip) and format follow from its name, unless options set them. It must not change
// during the call.
//
// Delivery is at least once: see [Error.InDoubt] and [Once].
func (c *Client) FromFile(ctx context.Context, path string, opts ...FileOption) (*Result, error) {
	return c.ingest(ctx, opts, func(*transfer) (*C.kusto_source, error) { return fileSource(path) })
}

// FromReader hands over the data of a reader up to io.EOF. If the reader fails or panics, the ingestion
// fails and nothing is queued; errors.Is and errors.As find the reader's error. The reader is read
// no faster than storage takes the data.
//
// Go cannot interrupt a Read. When the context ends while one blocks, FromReader returns
// nevertheless, and the reader is in use until that Read returns: close it, as you would anyway.
func (c *Client) FromReader(ctx context.Context, reader io.Reader, opts ...FileOption) (*Result, error) {
	if reader == nil {
		return nil, invalidArgument("reader", "must not be nil")
	}
	return c.ingest(ctx, opts, func(t *transfer) (*C.kusto_source, error) { return t.streamSource(reader) })
}

// FromBytes hands over data in memory, which is not copied: it must not change before the call
// returns.
func (c *Client) FromBytes(ctx context.Context, data []byte, opts ...FileOption) (*Result, error) {
	if len(data) == 0 {
		// No memory to lend: an empty reader yields the library's own error.
		return c.FromReader(ctx, bytes.NewReader(nil), opts...)
	}
	return c.ingest(ctx, opts, func(t *transfer) (*C.kusto_source, error) { return t.bytesSource(data) })
}

// Blob is data that is in storage already.
type Blob struct {
	// URL is the blob's address followed by its access information: "?SAS", or one of the
	// documented ";" forms.
	URL string
	// RawSize is its uncompressed size in bytes, by which the service batches; 0 if unknown.
	RawSize uint64
	// SourceID is a UUID; random when empty.
	SourceID string
}

// FromBlob queues a blob that is in storage already. [RawDataSize] and [SourceID] apply to it.
func (c *Client) FromBlob(ctx context.Context, url string, opts ...FileOption) (*Result, error) {
	return c.fromBlobs(ctx, func(i *ingestion) ([]Blob, error) {
		return []Blob{{URL: url, RawSize: i.rawSize, SourceID: i.sourceID}}, nil
	}, opts)
}

// FromBlobs queues several blobs. When only some could be queued the error is [CodePartial], and
// [Error.HandedOver] names those that must not be handed over again.
func (c *Client) FromBlobs(ctx context.Context, blobs []Blob, opts ...FileOption) (*Result, error) {
	return c.fromBlobs(ctx, func(i *ingestion) ([]Blob, error) {
		if i.rawSize != 0 || i.sourceID != "" {
			return nil, invalidArgument("options", "RawDataSize and SourceID belong to each Blob here")
		}
		return blobs, nil
	}, opts)
}

func (c *Client) fromBlobs(ctx context.Context, list func(*ingestion) ([]Blob, error), opts []FileOption) (*Result, error) {
	return c.ingest(ctx, opts, func(t *transfer) (*C.kusto_source, error) {
		blobs, err := list(&t.ingestion)
		if err != nil {
			return nil, err
		}
		// The list refers to them now.
		t.rawSize, t.sourceID = 0, ""
		return blobsSource(blobs)
	})
}

// transfer is one ingestion under way.
type transfer struct {
	ingestion
	call
	// Carries the data of a reader; nil for other sources.
	pump *pump
	// Ends the transfer when a callback panicked.
	giveUp context.CancelCauseFunc
}

//export goKustoProgress
func goKustoProgress(user C.uintptr_t, read, sent, total C.uint64_t) {
	if report := valueOf[*heldValue](user).progress; report != nil {
		report(Progress{uint64(read), uint64(sent), uint64(total)})
	}
}

// report calls the user's function.
func (t *transfer) report(now Progress) {
	defer func() {
		if panicked := recover(); panicked != nil {
			t.giveUp(fmt.Errorf("the progress callback panicked: %v", panicked))
		}
	}()
	t.progress(now)
}

func (c *Client) ingest(ctx context.Context, opts []FileOption, open func(*transfer) (*C.kusto_source, error)) (*Result, error) {
	if err := begun(ctx); err != nil {
		return nil, err
	}
	if err := c.enter(); err != nil {
		return nil, err
	}
	defer c.leave()
	t := &transfer{ingestion: ingestion{database: c.database, table: c.table}, call: call{done: make(chan struct{})}}
	if err := t.apply(opts); err != nil {
		return nil, err
	}
	own, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	t.giveUp = giveUp
	result, err := t.run(own, c, open)
	if err != nil {
		return nil, t.explained(ctx, own, c.explained(ctx, err))
	}
	result.client = c
	return result, nil
}

// run starts the native operation and returns when it has ended and refers to no memory of Go.
func (t *transfer) run(ctx context.Context, c *Client, open func(*transfer) (*C.kusto_source, error)) (*Result, error) {
	// After the operation has been freed.
	defer t.held.Wait()
	props, err := t.newProps()
	if err != nil {
		return nil, err
	}
	defer C.kusto_props_free(props)
	source, err := open(t)
	if err != nil {
		return nil, err
	}
	if err := t.describe(source); err != nil {
		C.kusto_source_free(source)
		return nil, err
	}
	var op *C.kusto_op
	if t.pump != nil {
		op, err = t.push(ctx, c, props, source)
	} else {
		op, err = t.start(ctx, c, props, source)
	}
	if err != nil {
		return nil, err
	}
	defer C.kusto_op_free(op)
	t.wait(ctx, op)
	return takeResult(op)
}

// start lets the library read the source, which it takes.
func (t *transfer) start(ctx context.Context, c *Client, props *C.kusto_props, source *C.kusto_source) (*C.kusto_op, error) {
	var op *C.kusto_op
	var failure *C.kusto_error
	status := C.shim_ingest_start(c.handle, props, source, remaining(ctx), t.hold(&heldValue{}), &op, &failure)
	return op, checked(status, &failure)
}

// explained adds a cause on the Go side to the library's error.
func (t *transfer) explained(ctx, own context.Context, err error) error {
	failure, ok := err.(*Error)
	if !ok {
		return err
	}
	// Only what gave up on this side, not what ended the program's own context.
	if cause := context.Cause(own); ctx.Err() == nil && cause != nil && cause != own.Err() && failure.Code == CodeCancelled {
		failure.Code, failure.Message, failure.cause = CodeCallback, cause.Error(), cause
	}
	if t.pump != nil && failure.Code == CodeSourceIO {
		if cause := t.pump.failure(); cause != nil {
			failure.cause = cause
		}
	}
	return err
}
