package kustoingest

// #include "shim.h"
import "C"

import (
	"context"
	"math"
	"time"
)

// Item is one source that was handed over.
type Item struct {
	SourceID string // The UUID under which its status is reported.
	Blob     string // The blob's address, without its signature; empty for data that was streamed from this program.
	Format   string // The name of the format under which the service reads it, such as "csv".
	// FormatAssumed says that the format is only the default: none was given, and neither the source's
	// name nor the mapping says one.
	FormatAssumed bool
}

// Delivery is how data got to the service.
type Delivery struct {
	Route Route // Streamed data is in the table when the call returns.
	// Attempts are the streaming requests that were sent; 0 when none was tried.
	Attempts int
	// FallbackCause is why managed ingestion queued data that it would have streamed; nil for other data, also for what
	// it does not try to stream: too large or of unknown size, several blobs, a zip archive, gzip of several members, options
	// that streaming cannot have, or more than the memory budget can hold now.
	FallbackCause *Error
	// UpdatePolicy is what the update policy of the table made of streamed data; nil if the service did not say it.
	UpdatePolicy *UpdatePolicy
	// PossiblyDuplicated says that the data may be in the table twice, as the setting "in doubt" can ask.
	PossiblyDuplicated bool
}

// UpdatePolicy is what the update policy of a table made of streamed data, in the service's words.
type UpdatePolicy struct {
	Status        string // Such as "Inactive" where the table has none.
	FailureCode   string // "Unknown" where there is no failure.
	FailureReason string // Empty where there is no failure.
	// Failed: the rows are in the table, and what the policy makes of them may not be in the others.
	Failed bool
}

// Result is proof that data was handed over. Unless it was streamed it is not ingested yet: the service batches.
type Result struct {
	Items    []Item
	BytesRaw uint64 // Uncompressed bytes of all items whose size is known.
	// BytesSent were uploaded or streamed, after compression.
	BytesSent uint64
	// Delivery is how the data got to the service; zero for a [Client.ResultOf].
	Delivery Delivery
	// TrackingToken is for [Client.ResultOf], also in another process. It holds no secret.
	TrackingToken string
	// ClientRequestID is the id of the ingestion in the service's logs: see [IngestionRequestID].
	ClientRequestID string

	client *Client
}

// SourceID is the source id; with several blobs that of the first one.
func (r *Result) SourceID() string {
	if len(r.Items) == 0 {
		return ""
	}
	return r.Items[0].SourceID
}

// ResultOf is the result with this tracking token. It has no items.
func (c *Client) ResultOf(trackingToken string) *Result {
	return &Result{client: c, TrackingToken: trackingToken}
}

// takeResult copies the result of a finished operation.
func takeResult(op *C.kusto_op) (*Result, error) {
	var native *C.kusto_result
	var failure *C.kusto_error
	if status := C.kusto_op_result(op, &native, &failure); status != C.KUSTO_OK {
		return nil, takeError(status, failure)
	}
	defer C.kusto_result_free(native)
	result := &Result{
		BytesRaw:      uint64(C.kusto_result_bytes_raw(native)),
		BytesSent:     uint64(C.kusto_result_bytes_sent(native)),
		TrackingToken: copied(func(n *C.size_t) *C.char { return C.kusto_result_tracking_token(native, n) }),

		ClientRequestID: copied(func(n *C.size_t) *C.char { return C.kusto_result_client_request_id(native, n) }),
		Delivery:        copyDelivery(native),
	}
	for i := C.size_t(0); i < C.kusto_result_len(native); i++ {
		result.Items = append(result.Items, Item{
			SourceID: copied(func(n *C.size_t) *C.char { return C.kusto_result_item_source_id(native, i, n) }),
			Blob:     copied(func(n *C.size_t) *C.char { return C.kusto_result_item_blob(native, i, n) }),
			Format:   copied(func(n *C.size_t) *C.char { return C.kusto_result_item_format(native, i, n) }),

			FormatAssumed: C.kusto_result_item_format_assumed(native, i) != 0,
		})
	}
	return result, nil
}

func copyDelivery(native *C.kusto_result) Delivery {
	delivery := Delivery{
		Route:              Route(C.kusto_result_route(native)),
		Attempts:           int(C.kusto_result_attempts(native)),
		PossiblyDuplicated: C.kusto_result_possibly_duplicated(native) != 0,
	}
	if cause := C.kusto_result_fallback_cause(native); cause != nil {
		delivery.FallbackCause = copyError(cause)
	}
	if C.kusto_result_update_policy(native, nil) != nil {
		delivery.UpdatePolicy = &UpdatePolicy{
			Status:        copied(func(n *C.size_t) *C.char { return C.kusto_result_update_policy(native, n) }),
			FailureCode:   copied(func(n *C.size_t) *C.char { return C.kusto_result_update_policy_code(native, n) }),
			FailureReason: copied(func(n *C.size_t) *C.char { return C.kusto_result_update_policy_reason(native, n) }),
			Failed:        C.kusto_result_update_policy_failed(native) != 0,
		}
	}
	return delivery
}

// Status reads the status table once: one entry for each item. Without [ReportResultToTable] they stay
// [StateQueued]; those of streamed data are [StateSucceeded] without any.
func (r *Result) Status(ctx context.Context) ([]Status, error) {
	return run(ctx, r.client, func(timeout C.int64_t, user C.uintptr_t, op **C.kusto_op, failure **C.kusto_error) C.kusto_status {
		token, length := present(r.TrackingToken)
		return C.shim_track_start(r.client.handle, token, length, timeout, user, op, failure)
	}, takeReport)
}

// WaitOption is an option of [Result.Wait].
type WaitOption func(*time.Duration)

// DefaultWaitPollInterval is how often [Result.Wait] polls.
const DefaultWaitPollInterval = time.Second

// WithInterval changes how often [Result.Wait] polls; it must be more than 0.
func WithInterval(interval time.Duration) WaitOption {
	return func(chosen *time.Duration) { *chosen = interval }
}

// Wait returns nil when the service has ingested the data or skipped it because it is there already,
// and an *[Error] with [Error.Statuses] when it has not. Data that was not streamed needs [ReportResultToTable]:
// without it, it fails at once with [CodeInvalidState].
func (r *Result) Wait(ctx context.Context, opts ...WaitOption) error {
	interval := DefaultWaitPollInterval
	for _, option := range opts {
		if option != nil {
			option(&interval)
		}
	}
	if interval <= 0 {
		return invalidArgument("interval", "must be more than 0")
	}
	poll := C.int64_t(math.Ceil(float64(interval) / float64(time.Millisecond)))
	statuses, err := run(ctx, r.client, func(timeout C.int64_t, user C.uintptr_t, op **C.kusto_op, failure **C.kusto_error) C.kusto_status {
		token, length := present(r.TrackingToken)
		return C.shim_track_until_final_start(r.client.handle, token, length, poll, timeout, user, op, failure)
	}, takeReport)
	if err != nil {
		return err
	}
	return outcome(statuses)
}
