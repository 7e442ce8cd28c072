package kustoingest

import (
	"context"
	"io"
	"net"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// tokenFailures are the latest errors of a client's token callback: the library passes on only their texts.
type tokenFailures struct {
	mu     sync.Mutex
	latest []error
}

// A client asks for tokens of a few scopes; a call's failure is explained right after the callback's.
const failuresKept = 8

func (f *tokenFailures) add(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.latest = append(f.latest, err)
	if len(f.latest) > failuresKept {
		f.latest = f.latest[1:]
	}
}

// How the library says that the program's own part of a login failed.
var ofProgram = []string{"the token callback failed", "the program could not show what the login asks"}

// causeOf is the error that made a call fail with this one; nil if it was another failure. Texts with secrets
// reach the library's text masked, and of a prompt it knows none: then it is the latest.
func (f *tokenFailures) causeOf(failure *Error) error {
	of := func(said string) bool { return strings.Contains(failure.Message, said) }
	if failure.Code != CodeAuth || !slices.ContainsFunc(ofProgram, of) {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := len(f.latest) - 1; i >= 0; i-- {
		if text := f.latest[i].Error(); text != "" && strings.Contains(failure.Message, text) {
			return f.latest[i]
		}
	}
	if len(f.latest) == 0 {
		return nil
	}
	return f.latest[len(f.latest)-1]
}

// passes reports whether asking again later can succeed. The outermost error that answers the question decides:
// login libraries wrap the HTTP status of the login service.
func passes(err error) (answer bool) {
	defer func() {
		// Errors of others are looked into: one that panics meanwhile says nothing.
		if recover() != nil {
			answer = false
		}
	}()
	answer, known := passing(err)
	return known && answer
}

func passing(err error) (answer, known bool) {
	if err == nil {
		return false, false
	}
	if answer, known = saysItself(err); known {
		return answer, true
	}
	switch wrapper := err.(type) {
	case interface{ Unwrap() error }:
		return passing(wrapper.Unwrap())
	case interface{ Unwrap() []error }:
		for _, each := range wrapper.Unwrap() {
			if answer, known = passing(each); known {
				return answer, true
			}
		}
	}
	return false, false
}

func saysItself(err error) (answer, known bool) {
	switch failure := err.(type) {
	case *RetryableError:
		return true, true
	case *Error:
		return failure.Retry == RetryLater, failure.Retry != RetryUnknown
	case *net.OpError, *net.DNSError:
		return true, true
	}
	if status := statusOf(reflect.ValueOf(err)); status != 0 {
		return status == 408 || status == 429 || status >= 500, true
	}
	// Not errors.Is: an error further in is asked later.
	if err == io.ErrUnexpectedEOF || err == io.EOF || err == context.DeadlineExceeded {
		return true, true
	}
	if limit, ok := err.(interface{ Timeout() bool }); ok && limit.Timeout() {
		return true, true
	}
	return false, false
}

// statusOf is the HTTP status that errors of azcore (StatusCode) and azidentity (RawResponse) have, without those
// packages; 0 for none.
func statusOf(value reflect.Value) int {
	if value.Kind() == reflect.Pointer {
		value = value.Elem()
	}
	if value.Kind() != reflect.Struct {
		return 0
	}
	if status := value.FieldByName("StatusCode"); status.IsValid() && status.CanInt() && status.Int() != 0 {
		return int(status.Int())
	}
	if response := value.FieldByName("RawResponse"); response.IsValid() && response.Kind() == reflect.Pointer {
		return statusOf(response)
	}
	return 0
}
