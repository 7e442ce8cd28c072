//go:build !kusto_dynamic

package kustoingest

// The archive and its header come from `cargo xtask stage go`. What follows it are the system's
// libraries that a Rust archive needs, as kusto_ingest.pc lists them.

// #cgo CFLAGS: -I${SRCDIR}/native/include -DKUSTO_STATIC
// #cgo linux LDFLAGS: ${SRCDIR}/native/lib/libkusto_ingest.a -static-libgcc -lutil -lrt -lpthread -lm -ldl
// #cgo darwin LDFLAGS: ${SRCDIR}/native/lib/libkusto_ingest.a -framework Security -framework CoreFoundation -lm
import "C"
