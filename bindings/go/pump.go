package kustoingest

// #include "shim.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"unsafe"
)

// pump carries data from a reader to a stream of the library. The reader runs on a goroutine of its
// own, which waits while storage is slower than the reader: Go cannot interrupt a Read, and the
// ingestion may end while one blocks.
type pump struct {
	reader io.Reader
	stream *C.kusto_stream
	// Held while the stream is used; once stopped, the goroutine does not use it any more.
	mu      sync.Mutex
	stopped bool
	// Closed when the library has released the source: the operation has all of it, or has ended.
	released chan struct{}
	// Closed when the reader is not used any more; err is set before.
	finished chan struct{}
	err      error
}

// chunkSize is the size that the library compresses at once: it takes such pieces as they are, and
// must join smaller ones.
const chunkSize = 256 * 1024

var chunks = sync.Pool{New: func() any { return new([chunkSize]byte) }}

var (
	errReaderExited = errors.New("the reader ended its goroutine")
	// The data pushed so far is then not the reader's whole data. An operation that has ended keeps its own error.
	errNotTaken = errors.New("the library did not take all data")
)

func (t *transfer) streamSource(reader io.Reader) (*C.kusto_source, error) {
	t.pump = &pump{reader: reader, released: make(chan struct{}), finished: make(chan struct{})}
	var source *C.kusto_source
	var failure *C.kusto_error
	err := checked(C.kusto_source_stream(&source, &failure), &failure)
	return source, err
}

// push pushes the reader's data into a stream with the source's settings, and ends the stream.
func (t *transfer) push(ctx context.Context, c *Client, props *C.kusto_props, source *C.kusto_source) (*C.kusto_op, error) {
	p := t.pump
	var failure *C.kusto_error
	if status := C.kusto_stream_begin(c.handle, props, source, &p.stream, &failure); status != C.KUSTO_OK {
		return nil, takeError(status, failure)
	}
	defer C.kusto_stream_free(p.stream)
	go p.run()
	select {
	case <-p.finished:
	case <-p.released:
	case <-ctx.Done():
		C.kusto_stream_cancel(p.stream)
	}
	p.stop()
	timeout := remaining(ctx)
	if deadlinePassed(ctx) {
		timeout = 0
	}
	var op *C.kusto_op
	err := checked(C.shim_stream_finish(p.stream, timeout, t.hold(&heldValue{}), &op, &failure), &failure)
	return op, err
}

// stop takes the stream away from the goroutine. Incomplete data is never ingested.
func (p *pump) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	if err := p.failure(); err != nil {
		reason, length := present(strings.ToValidUTF8(err.Error(), "\uFFFD"))
		if C.kusto_stream_fail(p.stream, reason, length, nil) != C.KUSTO_OK {
			C.kusto_stream_cancel(p.stream)
		}
	}
}

// failure is the reader's error, if it has ended with one.
func (p *pump) failure() error {
	select {
	case <-p.finished:
		return p.err
	default:
		return nil
	}
}

func (p *pump) run() {
	err := errReaderExited
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("the reader panicked: %v", panicked)
		}
		p.err = err
		close(p.finished)
	}()
	err = p.copy()
}

// copy ends with nil at the end of the data only.
func (p *pump) copy() error {
	chunk := chunks.Get().(*[chunkSize]byte)
	defer chunks.Put(chunk)
	for empty := 0; ; {
		n, err := p.reader.Read(chunk[:])
		switch {
		case n < 0 || n > len(chunk):
			return fmt.Errorf("the reader returned %d for a buffer of %d bytes", n, len(chunk))
		case n > 0:
			empty = 0
			if !p.write(chunk[:n]) {
				return errNotTaken
			}
		case err == nil:
			if empty++; empty == 100 {
				return io.ErrNoProgress
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// write waits until the library has taken everything; false when the operation has ended, whose error
// says why.
func (p *pump) write(data []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.stopped && C.kusto_stream_write(p.stream, (*C.uint8_t)(unsafe.SliceData(data)), C.size_t(len(data)), C.KUSTO_FOREVER, nil, nil) == C.KUSTO_OK
}
