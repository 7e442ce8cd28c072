package kustoingest

// #include "shim.h"
import "C"

import (
	"runtime"
	"unsafe"
)

// Sources are for the caller to free, unless an ingestion takes them.

func fileSource(path string) (*C.kusto_source, error) {
	var source *C.kusto_source
	var failure *C.kusto_error
	start, length := present(path)
	if status := C.kusto_source_file(start, length, &source, &failure); status != C.KUSTO_OK {
		return nil, takeError(status, failure)
	}
	return source, nil
}

// bytesSource lends memory of Go, pinned until the library has released it.
func (t *transfer) bytesSource(data []byte) (*C.kusto_source, error) {
	var pinned runtime.Pinner
	pinned.Pin(unsafe.SliceData(data))
	var source *C.kusto_source
	var failure *C.kusto_error
	status := C.shim_source_bytes((*C.uint8_t)(unsafe.SliceData(data)), C.size_t(len(data)), t.hold(&heldValue{release: pinned.Unpin}), &source, &failure)
	if status != C.KUSTO_OK {
		return nil, takeError(status, failure)
	}
	return source, nil
}

func blobsSource(blobs []Blob) (*C.kusto_source, error) {
	var source *C.kusto_source
	var failure *C.kusto_error
	if status := C.kusto_source_blobs(&source, &failure); status != C.KUSTO_OK {
		return nil, takeError(status, failure)
	}
	for _, blob := range blobs {
		url, urlLength := present(blob.URL)
		id, idLength := text(blob.SourceID)
		status := C.kusto_source_blobs_add(source, url, urlLength, C.uint64_t(blob.RawSize), id, idLength, &failure)
		if status != C.KUSTO_OK {
			C.kusto_source_free(source)
			return nil, takeError(status, failure)
		}
	}
	return source, nil
}

// describe passes on the options of the source.
func (t *transfer) describe(source *C.kusto_source) error {
	var failure *C.kusto_error
	status := C.kusto_status(C.KUSTO_OK)
	if t.sourceID != "" {
		start, length := text(t.sourceID)
		status = C.kusto_source_set_id(source, start, length, &failure)
	}
	if status == C.KUSTO_OK && t.compression != nil {
		status = C.kusto_source_set_compression(source, C.int32_t(*t.compression), &failure)
	}
	if status == C.KUSTO_OK && t.rawSize != 0 {
		status = C.kusto_source_set_raw_size(source, C.uint64_t(t.rawSize), &failure)
	}
	if status == C.KUSTO_OK && (t.progress != nil || t.pump != nil) {
		status = C.shim_source_set_progress(source, t.hold(t.observer()), &failure)
	}
	if status != C.KUSTO_OK {
		return takeError(status, failure)
	}
	return nil
}

// observer receives the progress of the transfer and, for the pump, the release of the source.
func (t *transfer) observer() *heldValue {
	value := &heldValue{}
	if t.progress != nil {
		value.progress = t.report
	}
	if t.pump != nil {
		value.release = func() { close(t.pump.released) }
	}
	return value
}
