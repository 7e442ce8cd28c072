//go:build cgo

package kustoingest

import (
	"fmt"
	"strconv"
	"strings"
)

// names are the texts of an enumeration's values. A value may have several: the first is the one that is
// written, all are read.
type names[T ~int32 | ~int8] []struct {
	value T
	text  string
}

// of is the name of a value. One that a newer library reports has no name here.
func (n names[T]) of(value T) string {
	for _, known := range n {
		if known.value == value {
			return known.text
		}
	}
	return fmt.Sprintf("%s(%d)", n.kind(), value)
}

func (n names[T]) kind() string {
	var none T
	return strings.TrimPrefix(fmt.Sprintf("%T", none), "kustoingest.")
}

// read is the reverse of [names.of].
func (n names[T]) read(text []byte, into *T) error {
	for _, known := range n {
		if strings.EqualFold(known.text, string(text)) {
			*into = known.value
			return nil
		}
	}
	if digits, isNumber := strings.CutPrefix(string(text), n.kind()+"("); isNumber && strings.HasSuffix(digits, ")") {
		number, err := strconv.ParseInt(strings.TrimSuffix(digits, ")"), 10, 32)
		if err == nil && int64(T(number)) == number {
			*into = T(number)
			return nil
		}
	}
	known := make([]string, len(n))
	for i := range n {
		known[i] = n[i].text
	}
	return invalidArgument(n.kind(), fmt.Sprintf("%q is none of %s", text, strings.Join(known, ", ")))
}
