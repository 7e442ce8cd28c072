package kustoingest

// #include "shim.h"
import "C"

import (
	"context"
	"log/slog"
	"sync"
)

// Client is a client of one cluster: connections, tokens, ingestion resources. Create one and keep it;
// [Client.Close] releases its resources.
type Client struct {
	handle          *C.kusto_client
	database, table string
	tokenFailures   *tokenFailures

	mu     sync.Mutex
	closed bool
	freed  bool
	// Calls that use the handle, and closings that wait for them.
	calls, closings int
	idle, gone      chan struct{}
}

// Option is an option of [New]; nil is none.
type Option func(*options)

type options struct {
	database, table string
	settings        [][2]string
	logger          *slog.Logger
}

// WithDefaultDatabase is for ingestions without [Database] and for commands and queries without a
// database.
func WithDefaultDatabase(name string) Option { return func(o *options) { o.database = name } }

// WithDefaultTable is for ingestions without [Table].
func WithDefaultTable(name string) Option { return func(o *options) { o.table = name } }

// WithSetting sets any setting by name: "engine endpoint", "ingestion endpoint", "trusted hosts", "ca
// certificates" (PEM), "compression level" (fast, balanced, small), "compression threads", "memory
// budget" (bytes), or any keyword of the connection string. kusto_config_set describes them.
func WithSetting(name, value string) Option {
	return func(o *options) { o.settings = append(o.settings, [2]string{name, value}) }
}

// New creates a client of the cluster that kcsb names. It connects on first use.
func New(kcsb *ConnectionStringBuilder, opts ...Option) (*Client, error) {
	if err := checkLibrary(); err != nil {
		return nil, err
	}
	if kcsb == nil {
		return nil, invalidArgument("kcsb", "must not be nil")
	}
	var chosen options
	for _, option := range opts {
		if option != nil {
			option(&chosen)
		}
	}
	failures := &tokenFailures{}
	config, err := kcsb.config(failures)
	if err != nil {
		return nil, err
	}
	defer C.kusto_config_free(config)
	for _, setting := range chosen.settings {
		if err := setConfig(config, setting[0], setting[1]); err != nil {
			return nil, err
		}
	}
	if chosen.logger != nil {
		if err := setLogger(config, chosen.logger); err != nil {
			return nil, err
		}
	}
	client := &Client{database: chosen.database, table: chosen.table, tokenFailures: failures}
	client.idle, client.gone = make(chan struct{}), make(chan struct{})
	var failure *C.kusto_error
	if status := C.kusto_client_new(config, &client.handle, &failure); status != C.KUSTO_OK {
		return nil, takeError(status, failure)
	}
	return client, nil
}

// Streaming is what [NewStreaming] creates: a [Client] whose ingestions are streamed.
type Streaming = Client

// NewStreaming creates a client for streaming ingestion: data of up to 4 MB is in the table when a call returns. The
// table needs a policy for it. Options that streaming cannot have, such as [Tags] or [IngestionMapping], are refused
// by name. A request of which nobody knows whether its data was ingested is not repeated: [Error.InDoubt] says so,
// unless the setting "in doubt" says otherwise. [Result.Delivery] tells more.
func NewStreaming(kcsb *ConnectionStringBuilder, opts ...Option) (*Streaming, error) {
	return New(kcsb, append([]Option{WithSetting("ingestion mode", "streaming")}, opts...)...)
}

// Managed is what [NewManaged] creates: a [Client] that streams where it is possible.
type Managed = Client

// NewManaged creates a client that streams where it is possible and queues the rest: what is too large, has options that
// streaming cannot have, or meets a table or a service that takes no streams for now. [Result.Delivery] says which way
// the data took, and why. Calls that take different ways may end in another order than they began.
func NewManaged(kcsb *ConnectionStringBuilder, opts ...Option) (*Managed, error) {
	return New(kcsb, append([]Option{WithSetting("ingestion mode", "managed")}, opts...)...)
}

// WarmUp fetches token and ingestion resources now, for programs that want to fail early.
func (c *Client) WarmUp(ctx context.Context) error {
	_, err := run(ctx, c, func(timeout C.int64_t, user C.uintptr_t, op **C.kusto_op, failure **C.kusto_error) C.kusto_status {
		return C.shim_client_warm_up_start(c.handle, timeout, user, op, failure)
	}, takeNothing)
	return err
}

// WarmUpTable is [Client.WarmUp] that also checks what an ingestion with these options would need: that the
// database, the table and the mapping exist, and that this login may ingest. Ingesting reports such mistakes
// only later. A missing one is [CodeNotFound], a login that may not ingest [CodeAuth]. What this login may not
// read is no failure, but a line of the log.
func (c *Client) WarmUpTable(ctx context.Context, opts ...FileOption) error {
	wanted := ingestion{database: c.database, table: c.table}
	if err := wanted.apply(opts); err != nil {
		return err
	}
	props, err := wanted.newProps()
	if err != nil {
		return err
	}
	defer C.kusto_props_free(props)
	_, err = run(ctx, c, func(timeout C.int64_t, user C.uintptr_t, op **C.kusto_op, failure **C.kusto_error) C.kusto_status {
		return C.shim_client_warm_up_table_start(c.handle, props, timeout, user, op, failure)
	}, takeNothing)
	return err
}

// Close cancels the calls under way, waits until every call has returned, and frees the native
// client. Cancelled calls fail with [ErrClosed]. Closing again does nothing. Do not call it in a
// callback of this package.
func (c *Client) Close() error {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := c.Shutdown(ended)
	return err
}

// Shutdown refuses new calls and waits for ingestions and other calls under way until the context
// ends; then it closes the client as [Client.Close] does. It returns how many were cancelled.
func (c *Client) Shutdown(ctx context.Context) (abandoned int, err error) {
	if ctx == nil {
		return 0, invalidArgument("ctx", "must not be nil")
	}
	if !c.beginClosing() {
		<-c.gone
		return 0, nil
	}
	defer c.endClosing()
	select {
	case <-c.idle:
		return 0, nil
	default:
	}
	select {
	case <-c.idle:
	case <-ctx.Done():
		var left C.uint64_t
		var failure *C.kusto_error
		if status := C.kusto_client_close(c.handle, 0, &left, &failure); status != C.KUSTO_OK {
			err = takeError(status, failure)
		}
		abandoned = int(left)
		<-c.idle
	}
	return abandoned, err
}

// beginClosing keeps the handle until endClosing, unless it is freed already.
func (c *Client) beginClosing() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.closed = true
		if c.calls == 0 {
			close(c.idle)
		}
	}
	if c.freed {
		return false
	}
	c.closings++
	return true
}

// endClosing frees the handle when no other closing is under way.
func (c *Client) endClosing() {
	c.mu.Lock()
	c.closings--
	last := c.closings == 0 && !c.freed
	c.freed = c.freed || last
	c.mu.Unlock()
	if last {
		C.kusto_client_free(c.handle)
		close(c.gone)
	}
	<-c.gone
}

// enter keeps the handle until leave; it fails when the client is closed.
func (c *Client) enter() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		failure := newError(CodeInvalidState, ErrClosed.Error())
		failure.cause = ErrClosed
		return failure
	}
	c.calls++
	return nil
}

func (c *Client) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls--
	if c.closed && c.calls == 0 {
		close(c.idle)
	}
}

func (c *Client) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// explained adds why the library cancelled a call, and the error of the program's own token callback.
func (c *Client) explained(ctx context.Context, err error) error {
	failure, ok := err.(*Error)
	if !ok {
		return err
	}
	switch failure.Code {
	case CodeCancelled, CodeTimedOut:
		if ctx.Err() != nil {
			failure.cause = ended(ctx)
			return err
		}
	case CodeInvalidState:
	case CodeAuth:
		if cause := c.tokenFailures.causeOf(failure); cause != nil {
			failure.cause = cause
		}
		return err
	default:
		return err
	}
	// Time that is over was not ended by closing, also when the client is closed by now.
	if failure.Code != CodeTimedOut && failure.cause == nil && c.isClosed() {
		failure.cause = ErrClosed
	}
	return err
}
