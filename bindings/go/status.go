package kustoingest

// #include "shim.h"
import "C"

import (
	"context"
	"fmt"
	"strings"
)

// Status is what the service says about one source.
type Status struct {
	State       State
	Retry       Retry // Whether ingesting the same data again can succeed.
	SourceID    string
	SourcePath  string // The blob's address, without its signature.
	Database    string
	Table       string
	UpdatedOn   string // When the state was reached, in the service's notation (UTC).
	OperationID string // For ".show operations".
	ActivityID  string // The service's activity id.
	ErrorCode   string // Such as "BadRequest_EmptyBlob".
	Details     string // The service's message.
}

// takeReport copies the report of a finished operation.
func takeReport(op *C.kusto_op) ([]Status, error) {
	var report *C.kusto_report
	var failure *C.kusto_error
	if status := C.kusto_op_report(op, &report, &failure); status != C.KUSTO_OK {
		return nil, takeError(status, failure)
	}
	defer C.kusto_report_free(report)
	statuses := make([]Status, 0, int(C.kusto_report_len(report)))
	for i := C.size_t(0); i < C.kusto_report_len(report); i++ {
		statuses = append(statuses, Status{
			State:       State(C.kusto_report_item_state(report, i)),
			Retry:       Retry(C.kusto_report_item_retry(report, i)),
			SourceID:    copied(func(n *C.size_t) *C.char { return C.kusto_report_item_source_id(report, i, n) }),
			SourcePath:  copied(func(n *C.size_t) *C.char { return C.kusto_report_item_source_path(report, i, n) }),
			Database:    copied(func(n *C.size_t) *C.char { return C.kusto_report_item_database(report, i, n) }),
			Table:       copied(func(n *C.size_t) *C.char { return C.kusto_report_item_table(report, i, n) }),
			UpdatedOn:   copied(func(n *C.size_t) *C.char { return C.kusto_report_item_updated_on(report, i, n) }),
			OperationID: copied(func(n *C.size_t) *C.char { return C.kusto_report_item_operation_id(report, i, n) }),
			ActivityID:  copied(func(n *C.size_t) *C.char { return C.kusto_report_item_activity_id(report, i, n) }),
			ErrorCode:   copied(func(n *C.size_t) *C.char { return C.kusto_report_item_error_code(report, i, n) }),
			Details:     copied(func(n *C.size_t) *C.char { return C.kusto_report_item_details(report, i, n) }),
		})
	}
	return statuses, nil
}

// outcome is nil when all the data is in the table, else the error for the first item that is not.
func outcome(statuses []Status) error {
	var failure *Error
	good := 0
	for _, status := range statuses {
		switch {
		case status.State == StateSucceeded || status.State == StateSkipped:
			good++
		case failure == nil:
			failure = &Error{
				Code: CodeService, Step: "ingest", RetryAfter: -1, Statuses: statuses,
				Message:     status.failure(),
				ServiceCode: status.ErrorCode, ActivityID: status.ActivityID, Retry: status.Retry,
			}
		}
	}
	if failure == nil {
		return nil
	}
	if good > 0 {
		failure.Code = CodePartial
	}
	return failure
}

// failure is the text for people, with the service's code unless the service's text has it.
func (s Status) failure() string {
	text := fmt.Sprintf("source %s: %v: %s", s.SourceID, s.State, s.Details)
	if s.ErrorCode != "" && !strings.Contains(s.Details, s.ErrorCode) {
		text += " (" + s.ErrorCode + ")"
	}
	return text
}

// PeekOutcomes returns no more than limit notifications without removing them: those of one
// ingestion, or with nil all. The queues belong to all clients of the cluster.
func (c *Client) PeekOutcomes(ctx context.Context, which Outcome, of *Result, limit int) ([]Status, error) {
	return c.outcomes(ctx, of, limit, func(token *C.char, length C.size_t, timeout C.int64_t, user C.uintptr_t, op **C.kusto_op, failure **C.kusto_error) C.kusto_status {
		return C.shim_outcomes_peek_start(c.handle, C.int32_t(which), token, length, C.size_t(limit), timeout, user, op, failure)
	})
}

// TakeOutcomes removes no more than limit notifications from their queues and returns them: those of
// one ingestion, or with nil all, those of other programs too. Cancelling it may leave some of them hidden for a while.
func (c *Client) TakeOutcomes(ctx context.Context, which Outcome, of *Result, limit int) ([]Status, error) {
	return c.outcomes(ctx, of, limit, func(token *C.char, length C.size_t, timeout C.int64_t, user C.uintptr_t, op **C.kusto_op, failure **C.kusto_error) C.kusto_status {
		return C.shim_outcomes_take_start(c.handle, C.int32_t(which), token, length, C.size_t(limit), timeout, user, op, failure)
	})
}

func (c *Client) outcomes(ctx context.Context, of *Result, limit int, start func(*C.char, C.size_t, C.int64_t, C.uintptr_t, **C.kusto_op, **C.kusto_error) C.kusto_status) ([]Status, error) {
	if limit < 0 {
		return nil, invalidArgument("limit", "is negative")
	}
	return run(ctx, c, func(timeout C.int64_t, user C.uintptr_t, op **C.kusto_op, failure **C.kusto_error) C.kusto_status {
		var token *C.char
		var length C.size_t
		if of != nil {
			token, length = present(of.TrackingToken)
		}
		return start(token, length, timeout, user, op, failure)
	}, takeReport)
}
