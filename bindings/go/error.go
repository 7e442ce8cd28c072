package kustoingest

// #include "shim.h"
import "C"

import (
	"context"
	"encoding/json"
	"errors"
	"syscall"
	"time"
)

// ErrClosed is the error of calls of a closed client, and of those that [Client.Close] cancels:
// errors.Is(err, ErrClosed).
var ErrClosed = errors.New("the client is closed")

// Error is the error of every function here. errors.Is finds context.Canceled,
// context.DeadlineExceeded, the cause that a context was cancelled with, [ErrClosed], a reader's own
// error, that of a token credential, and the operating system's error in it: fs.ErrNotExist and fs.ErrPermission for a file that
// cannot be read.
type Error struct {
	Code            Code
	Message         string        // The whole text for people, without secrets. Never compare it.
	Step            string        // The step that failed, in a few words, such as "post message".
	Host            string        // The host that was called.
	Argument        string        // The argument or setting that is wrong.
	HTTPStatus      int           // 0 if there was no response.
	ServiceCode     string        // The service's own code, such as "General_BadRequest".
	ActivityID      string        // The service's activity id.
	ClientRequestID string        // The id under which the service logs the request.
	Retry           Retry         // Whether calling again can succeed.
	RetryAfter      time.Duration // How long the service asks to wait; negative if it gives no time.
	// InDoubt: the service may have carried out the request although the call failed.
	InDoubt bool
	// Attempts are those that failed, oldest first, each with its own host and cause.
	Attempts []*Error
	// HandedOver, with CodePartial: source ids of the blobs that must not be handed over again.
	HandedOver []string
	// Statuses: those that [Result.Wait] found, when they are the failure.
	Statuses []Status

	cause error
}

// Error is the text for people.
func (e *Error) Error() string { return e.Code.String() + ": " + e.Message }

// Unwrap is the cause, if it was one of these: the context's error, [ErrClosed], the reader's error, that
// of the token credential, the operating system's error (a syscall.Errno).
func (e *Error) Unwrap() error { return e.cause }

// Permanent says that the same call will fail again.
func (e *Error) Permanent() bool { return e.Retry == RetryNever }

// Temporary says that the cause is transient: calling again later may succeed.
func (e *Error) Temporary() bool { return e.Retry == RetryLater }

// newError is a failure that this package detects itself.
func newError(code Code, message string) *Error {
	return &Error{Code: code, Message: message, Step: "check arguments", Retry: RetryNever, RetryAfter: -1}
}

func invalidArgument(argument, message string) *Error {
	failure := newError(CodeInvalidArgument, argument+": "+message)
	failure.Argument = argument
	return failure
}

// ended is why a context has ended: its error, and the cause if the program gave one.
func ended(ctx context.Context) error {
	if cause := context.Cause(ctx); cause != ctx.Err() {
		return errors.Join(ctx.Err(), cause)
	}
	return ctx.Err()
}

// cancelled is the failure of a call whose context ended before the library was called.
func cancelled(ctx context.Context) *Error {
	failure := newError(CodeCancelled, "the context has ended: "+context.Cause(ctx).Error())
	failure.Retry, failure.cause = RetryUnknown, ended(ctx)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		failure.Code, failure.Retry = CodeTimedOut, RetryLater
	}
	return failure
}

// takeError copies and frees an error of the library.
func takeError(status C.kusto_status, native *C.kusto_error) *Error {
	if native == nil {
		return newError(Code(status), "the library returned no details")
	}
	defer C.kusto_error_free(native)
	return copyError(native)
}

func copyError(native *C.kusto_error) *Error {
	failure := &Error{
		Code:            Code(C.kusto_error_status(native)),
		Message:         copied(func(n *C.size_t) *C.char { return C.kusto_error_message(native, n) }),
		Step:            copied(func(n *C.size_t) *C.char { return C.kusto_error_step(native, n) }),
		Host:            copied(func(n *C.size_t) *C.char { return C.kusto_error_host(native, n) }),
		Argument:        copied(func(n *C.size_t) *C.char { return C.kusto_error_argument(native, n) }),
		HTTPStatus:      int(C.kusto_error_http_status(native)),
		ServiceCode:     copied(func(n *C.size_t) *C.char { return C.kusto_error_service_code(native, n) }),
		ActivityID:      copied(func(n *C.size_t) *C.char { return C.kusto_error_activity_id(native, n) }),
		ClientRequestID: copied(func(n *C.size_t) *C.char { return C.kusto_error_client_request_id(native, n) }),
		Retry:           Retry(C.kusto_error_retry(native)),
		RetryAfter:      -1,
		InDoubt:         C.kusto_error_in_doubt(native) != 0,
	}
	if after := C.kusto_error_retry_after_ms(native); after >= 0 {
		failure.RetryAfter = time.Duration(after) * time.Millisecond
	}
	for i := C.size_t(0); i < C.kusto_error_attempts(native); i++ {
		failure.Attempts = append(failure.Attempts, copyError(C.kusto_error_attempt(native, i)))
	}
	if system := C.kusto_error_system_code(native); system != 0 {
		failure.cause = syscall.Errno(system)
	}
	switch failure.Code {
	case CodePartial:
		failure.HandedOver = handedOver(native)
	case CodeTimedOut:
		failure.cause = context.DeadlineExceeded
	}
	return failure
}

// handedOver is contained only in the error's JSON.
func handedOver(native *C.kusto_error) []string {
	var details struct {
		HandedOver []string `json:"handedOver"`
	}
	document := copied(func(n *C.size_t) *C.char { return C.kusto_error_json(native, n) })
	if json.Unmarshal([]byte(document), &details) != nil {
		return nil
	}
	return details.HandedOver
}
