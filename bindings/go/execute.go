package kustoingest

// #include "shim.h"
import "C"

import "context"

// QueryOption is an option of one command or query.
type QueryOption func(*C.kusto_request_options) error

// RequestOption sets one of the service's request options by its name, such as "notruncation"; docs/SETTINGS.md
// lists them. The value is JSON (true, 1000); anything else is sent as a string. A name that is not listed is an
// error with the nearest one: see [AdditionalRequestOption].
func RequestOption(name, value string) QueryOption {
	return func(o *C.kusto_request_options) error {
		var failure *C.kusto_error
		key, keyLength := present(name)
		start, length := present(value)
		return checked(C.kusto_request_options_set(o, key, keyLength, start, length, &failure), &failure)
	}
}

// AdditionalRequestOption passes an option on to the service whose name the library does not know. A known name
// means the same as with [RequestOption].
func AdditionalRequestOption(name, value string) QueryOption {
	return func(o *C.kusto_request_options) error {
		var failure *C.kusto_error
		key, keyLength := present(name)
		start, length := present(value)
		return checked(C.kusto_request_options_set_additional(o, key, keyLength, start, length, &failure), &failure)
	}
}

// QueryParameter sets a parameter that the query declares:
// "declare query_parameters(since:datetime);". The value is the literal of its type, such as
// "datetime(2026-01-01)"; that of a string is its text.
func QueryParameter(name, value string) QueryOption {
	return func(o *C.kusto_request_options) error {
		var failure *C.kusto_error
		key, keyLength := present(name)
		start, length := present(value)
		return checked(C.kusto_request_options_set_parameter(o, key, keyLength, start, length, &failure), &failure)
	}
}

// ClientRequestID is the id under which the service logs the request.
func ClientRequestID(id string) QueryOption {
	return func(o *C.kusto_request_options) error {
		var failure *C.kusto_error
		start, length := present(id)
		return checked(C.kusto_request_options_set_client_request_id(o, start, length, &failure), &failure)
	}
}

// checked takes the error by its address: as a value it might be read before the call that sets it.
func checked(status C.kusto_status, failure **C.kusto_error) error {
	if status != C.KUSTO_OK {
		return takeError(status, *failure)
	}
	return nil
}

// Mgmt runs a management command, which begins with a dot. It is sent once and never retried.
// Without a database the client's default is used.
func (c *Client) Mgmt(ctx context.Context, database, command string, opts ...QueryOption) (*Rows, error) {
	if !isCommand(command) {
		return nil, invalidArgument("command", "a management command begins with a dot; use Query")
	}
	return c.execute(ctx, database, command, opts)
}

// isCommand says whether the text begins with a dot, behind comments and invisible characters.
func isCommand(command string) bool {
	start, length := present(command)
	return C.kusto_is_command(start, length) != 0
}

// Query runs a query and waits for all of its rows. Without a database the client's default is used.
func (c *Client) Query(ctx context.Context, database, query string, opts ...QueryOption) (*Rows, error) {
	if isCommand(query) {
		return nil, invalidArgument("query", "this is a management command; use Mgmt")
	}
	return c.execute(ctx, database, query, opts)
}

func (c *Client) execute(ctx context.Context, database, command string, opts []QueryOption) (*Rows, error) {
	if database == "" {
		database = c.database
	}
	options, err := requestOptions(opts)
	if err != nil {
		return nil, err
	}
	defer C.kusto_request_options_free(options)
	return run(ctx, c, func(timeout C.int64_t, user C.uintptr_t, op **C.kusto_op, failure **C.kusto_error) C.kusto_status {
		name, nameLength := text(database)
		start, length := present(command)
		return C.shim_execute_start(c.handle, name, nameLength, start, length, options, timeout, user, op, failure)
	}, takeRows)
}

// requestOptions is for the caller to free.
func requestOptions(opts []QueryOption) (*C.kusto_request_options, error) {
	var options *C.kusto_request_options
	var failure *C.kusto_error
	if err := checked(C.kusto_request_options_new(&options, &failure), &failure); err != nil {
		return nil, err
	}
	for _, option := range opts {
		if option == nil {
			continue
		}
		if err := option(options); err != nil {
			C.kusto_request_options_free(options)
			return nil, err
		}
	}
	return options, nil
}
