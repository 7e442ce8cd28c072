//go:build !cgo

package kustoingest

// Without cgo nothing else of this package is compiled, and the compiler's one error shows this sentence.
var _ int = "kustoingest needs cgo: set CGO_ENABLED=1 and install a C compiler; for another platform set CC to a compiler for it"
