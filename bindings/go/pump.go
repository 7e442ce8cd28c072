package kustoingest

// #include "shim.h"
import "C"

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"unsafe"
)

// pump carries data from a reader to the library. The reader runs on a goroutine of its own, and the
// library's thread takes finished chunks from a channel: so that thread waits no longer than the
// operation lives, however long a Read blocks. (The push stream of the C API would not need that
// thread, but it knows neither source id nor compression, size or progress, and a write that waits
// for storage cannot be cancelled.)
type pump struct {
	// Closed after the last chunk.
	chunks chan []byte
	// What the library has not taken of the newest chunk.
	rest []byte
	// Closed when the operation has ended.
	stop chan struct{}
	// Closed when the reader is not used any more; err is set before.
	finished chan struct{}
	err      error
	buffers  *chunkPair
}

const chunkSize = 64 * 1024

// Two buffers: one is filled while the library reads the other.
type chunkPair [2][chunkSize]byte

var chunkPairs = sync.Pool{New: func() any { return new(chunkPair) }}

var errReaderExited = errors.New("the reader ended its goroutine")

func (t *transfer) readerSource(reader io.Reader) (*C.kusto_source, error) {
	t.pump = &pump{chunks: make(chan []byte), stop: make(chan struct{}), finished: make(chan struct{})}
	t.pump.buffers = chunkPairs.Get().(*chunkPair)
	var source *C.kusto_source
	var failure *C.kusto_error
	status := C.shim_source_reader(t.hold(nil), &source, &failure)
	if status != C.KUSTO_OK {
		close(t.pump.finished)
		return nil, takeError(status, failure)
	}
	go t.pump.run(reader)
	return source, nil
}

// stopPump lets go of the library's thread and of the reader.
func (t *transfer) stopPump() {
	if t.pump != nil {
		close(t.pump.stop)
	}
}

// keepBuffers is for when the library is done: they are kept for the next reader, unless this one
// still uses them.
func (t *transfer) keepBuffers() {
	if t.pump == nil {
		return
	}
	select {
	case <-t.pump.finished:
		chunkPairs.Put(t.pump.buffers)
	default:
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

func (p *pump) run(reader io.Reader) {
	err := errReaderExited
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("the reader panicked: %v", panicked)
		}
		p.err = err
		close(p.finished)
		close(p.chunks)
	}()
	err = p.copy(reader)
}

// copy ends with nil at the end of the data, and when nobody wants it any more.
func (p *pump) copy(reader io.Reader) error {
	empty := 0
	for turn := 0; ; turn ^= 1 {
		buffer := p.buffers[turn][:]
		n, err := reader.Read(buffer)
		switch {
		case n < 0 || n > len(buffer):
			return fmt.Errorf("the reader returned %d for a buffer of %d bytes", n, len(buffer))
		case n > 0:
			empty = 0
			select {
			case p.chunks <- buffer[:n]:
			case <-p.stop:
				return nil
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

//export goKustoRead
func goKustoRead(user C.uintptr_t, buffer *C.uint8_t, size C.size_t) C.int64_t {
	p := valueOf[*heldValue](user).transfer.pump
	for len(p.rest) == 0 {
		select {
		case chunk, more := <-p.chunks:
			if !more {
				if p.err != nil {
					return -1
				}
				return 0
			}
			p.rest = chunk
		case <-p.stop:
			return -1
		}
	}
	n := copy(unsafe.Slice((*byte)(unsafe.Pointer(buffer)), int(size)), p.rest)
	p.rest = p.rest[n:]
	return C.int64_t(n)
}
