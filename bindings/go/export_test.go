package kustoingest

import "context"

// Registered is how many values of Go the library refers to.
func Registered() int64 { return registered.Load() }

// Explained is what a call of the client makes of an error of the library with this code.
func Explained(c *Client, code Code) error {
	return c.explained(context.Background(), newError(code, "x"))
}

// Attributes is for tests of what an event's fields become.
var Attributes = attributes

// ParseTimespan is for tests of its borders.
var ParseTimespan = parseTimespan

// Passes is whether a token callback that failed so is asked again.
var Passes = passes
