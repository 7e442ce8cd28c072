package kustoingest

// Registered is how many values of Go the library refers to.
func Registered() int64 { return registered.Load() }

// ParseTimespan is for tests of its borders.
var ParseTimespan = parseTimespan
