package kustoingest

// #include "shim.h"
import "C"

import (
	"context"
	"fmt"
	"math"
	"runtime/cgo"
	"sync/atomic"
	"time"
	"unsafe"
)

// Version of this package; the library's own is [LibraryVersion].
const Version = "0.1.0"

// LibraryVersion is the version of the C library that is linked.
func LibraryVersion() string { return C.GoString(C.kusto_version_string()) }

// BuildInfo says how the C library was built, as JSON, for bug reports.
func BuildInfo() string { return C.GoString(C.kusto_build_info()) }

// checkLibrary rejects a shared library that does not match the header this package was compiled with.
func checkLibrary() error {
	if found := uint32(C.kusto_abi_version()); found != C.KUSTO_ABI_VERSION {
		return newError(CodeUnsupported, fmt.Sprintf(
			"the library %s has the binary interface %d, this package needs %d", LibraryVersion(), found, uint32(C.KUSTO_ABI_VERSION)))
	}
	return nil
}

// userData is a Go value that the library refers to; dropped is called once, after the last use.
type userData interface{ dropped() }

// registered counts the values that the library refers to: tests check that none is left behind.
var registered atomic.Int64

func register(value userData) C.uintptr_t {
	registered.Add(1)
	return C.uintptr_t(cgo.NewHandle(value))
}

func valueOf[T any](user C.uintptr_t) T { return cgo.Handle(user).Value().(T) }

//export goKustoDrop
func goKustoDrop(user C.uintptr_t) {
	value := valueOf[userData](user)
	cgo.Handle(user).Delete()
	registered.Add(-1)
	value.dropped()
}

// text lends a string to one call. An empty one is NULL, which the library treats as not given.
func text(s string) (*C.char, C.size_t) {
	if s == "" {
		return nil, 0
	}
	return (*C.char)(unsafe.Pointer(unsafe.StringData(s))), C.size_t(len(s))
}

// present lends a string that may be empty but is not missing.
func present(s string) (*C.char, C.size_t) {
	if s == "" {
		return (*C.char)(unsafe.Pointer(&emptyText)), 0
	}
	return text(s)
}

var emptyText [1]byte

// copied reads a text that the library lends with its length.
func copied(lend func(length *C.size_t) *C.char) string {
	var length C.size_t
	start := lend(&length)
	if start == nil {
		return ""
	}
	return C.GoStringN(start, C.int(length))
}

// remaining is the time until the context's deadline in the library's units, rounded up so that the
// context has ended when the library reports a timeout.
func remaining(ctx context.Context) C.int64_t {
	deadline, limited := ctx.Deadline()
	if !limited {
		return C.KUSTO_FOREVER
	}
	left := math.Ceil(float64(time.Until(deadline)) / float64(time.Millisecond))
	return C.int64_t(max(left, 1))
}
