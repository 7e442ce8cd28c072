package kustoingest

// #include "shim.h"
import "C"

import (
	"context"
	"errors"
	"sync"
)

// call is one native operation, with the Go values that the library refers to.
type call struct {
	// Closed when the operation has ended.
	done chan struct{}
	held sync.WaitGroup
}

// heldValue is user data that a call waits for.
type heldValue struct {
	call     *call
	progress func(Progress)
	release  func()
}

func (h *heldValue) dropped() {
	if h.release != nil {
		h.release()
	}
	h.call.held.Done()
}

func (k *call) hold(value *heldValue) C.uintptr_t {
	value.call = k
	k.held.Add(1)
	return register(value)
}

//export goKustoDone
func goKustoDone(user C.uintptr_t) { close(valueOf[*heldValue](user).call.done) }

// wait returns when the operation has ended. A cancelled one is waited for too: its data is in use
// until then.
func (k *call) wait(ctx context.Context, op *C.kusto_op) {
	select {
	case <-k.done:
		return
	case <-ctx.Done():
	}
	if !deadlinePassed(ctx) {
		C.kusto_op_cancel(op)
	}
	<-k.done
}

// deadlinePassed reports whether the context ended by its deadline, which the library enforces too: its
// own error follows at once and has more details.
func deadlinePassed(ctx context.Context) bool {
	_, limited := ctx.Deadline()
	return limited && errors.Is(ctx.Err(), context.DeadlineExceeded)
}

// begin is a `_start` function of the library with its arguments.
type begin func(timeout C.int64_t, user C.uintptr_t, op **C.kusto_op, failure **C.kusto_error) C.kusto_status

// begun refuses a context with which no call can begin.
func begun(ctx context.Context) error {
	if ctx == nil {
		return invalidArgument("ctx", "must not be nil")
	}
	if ctx.Err() != nil {
		return cancelled(ctx)
	}
	return nil
}

// run begins an operation, waits for it, and takes its result.
func run[T any](ctx context.Context, c *Client, start begin, take func(*C.kusto_op) (T, error)) (T, error) {
	var none T
	if err := begun(ctx); err != nil {
		return none, err
	}
	if err := c.enter(); err != nil {
		return none, err
	}
	defer c.leave()
	under := &call{done: make(chan struct{})}
	// After the operation has been freed.
	defer under.held.Wait()
	var op *C.kusto_op
	var failure *C.kusto_error
	if status := start(remaining(ctx), under.hold(&heldValue{}), &op, &failure); status != C.KUSTO_OK {
		return none, takeError(status, failure)
	}
	defer C.kusto_op_free(op)
	under.wait(ctx, op)
	value, err := take(op)
	return value, c.explained(ctx, err)
}

// takeNothing is for operations without a result.
func takeNothing(op *C.kusto_op) (struct{}, error) {
	var failure *C.kusto_error
	return struct{}{}, checked(C.kusto_op_wait(op, 0, &failure), &failure)
}
