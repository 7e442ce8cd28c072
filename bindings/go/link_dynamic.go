//go:build kusto_dynamic

package kustoingest

// Compiled and linked as pkg-config says; the loader must find the library on its own.

// #cgo pkg-config: kusto_ingest
import "C"
