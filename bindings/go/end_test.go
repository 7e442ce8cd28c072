package kustoingest_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	kusto "kustoingest"
)

const stalledUploads = `{"service": "blob", "fault": {"kind": "stall", "when": "before"}}`

// whenStalled waits until a request hangs in the emulator.
func whenStalled(t *testing.T) {
	t.Helper()
	eventually(t, "a request stalls", func() bool {
		for _, count := range fired(t) {
			if count > 0 {
				return true
			}
		}
		return false
	})
}

func TestCancelledBefore(t *testing.T) {
	client := newClient(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for name, err := range map[string]error{
		"bytes":  second(client.FromBytes(ctx, []byte(twoRows), kusto.Table("T"))),
		"query":  second(client.Query(ctx, "", "print 1")),
		"warmup": client.WarmUp(ctx),
	} {
		failed(t, err, kusto.CodeCancelled)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCancelledWithACause(t *testing.T) {
	client := newClient(t)
	why := errors.New("shutting down")
	before, cancel := context.WithCancelCause(context.Background())
	cancel(why)
	table := newTable(t, client)
	resetTraffic(t)
	arm(t, stalledUploads)
	during, stop := context.WithCancelCause(within(t))
	go func() { whenStalled(t); stop(why) }()
	for name, err := range map[string]error{
		"a query, before":   second(client.Query(before, "", "print 1")),
		"an upload, before": second(client.FromBytes(before, []byte(twoRows), kusto.Table("T"))),
		"an upload, during": second(client.FromReader(during, strings.NewReader(twoRows), now(table)...)),
	} {
		failed(t, err, kusto.CodeCancelled)
		if !errors.Is(err, context.Canceled) || !errors.Is(err, why) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCancelledDuringAnUpload(t *testing.T) {
	client := newClient(t)
	table := newTable(t, client)
	resetTraffic(t)
	arm(t, stalledUploads)
	ctx, cancel := context.WithCancel(within(t))
	go func() { whenStalled(t); cancel() }()
	_, err := client.FromReader(ctx, strings.NewReader(twoRows), now(table)...)
	failed(t, err, kusto.CodeCancelled)
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if n := posted(t); n != 0 {
		t.Errorf("%d requests to queues", n)
	}
}

func TestCancelledAfter(t *testing.T) {
	client := newClient(t)
	table := newTable(t, client)
	ctx, cancel := context.WithCancel(context.Background())
	result, err := client.FromBytes(ctx, []byte(twoRows), now(table)...)
	cancel()
	ingested(t, result, err)
	failed(t, result.Wait(ctx), kusto.CodeCancelled)
}

func TestCancelledWhileTheReaderBlocks(t *testing.T) {
	client := newClient(t)
	table := newTable(t, client)
	resetTraffic(t)
	for name, limit := range map[kusto.Code]func() (context.Context, context.CancelFunc){
		kusto.CodeTimedOut: func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.Background(), 50*time.Millisecond)
		},
		kusto.CodeCancelled: func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(context.Background())
			time.AfterFunc(50*time.Millisecond, cancel)
			return ctx, cancel
		},
	} {
		t.Run(name.String(), func(t *testing.T) {
			reader, writer := io.Pipe()
			go writer.Write([]byte(twoRows))
			ctx, cancel := limit()
			defer cancel()
			_, err := client.FromReader(ctx, reader, now(table)...)
			failed(t, err, name)
			if !errors.Is(err, ctx.Err()) {
				t.Error(err)
			}
			// The Read that blocks ends now, and its goroutine with it.
			reader.Close()
		})
	}
	if n := posted(t); n != 0 {
		t.Errorf("%d requests to queues", n)
	}
}

func TestOnlyWhatClosingEndedIsOfAClosedClient(t *testing.T) {
	client := newClient(t)
	client.Close()
	for code, expected := range map[kusto.Code]bool{kusto.CodeCancelled: true, kusto.CodeInvalidState: true, kusto.CodeTimedOut: false, kusto.CodeNetwork: false} {
		if found := errors.Is(kusto.Explained(client, code), kusto.ErrClosed); found != expected {
			t.Errorf("%v: %v", code, found)
		}
	}
}

func TestDeadlines(t *testing.T) {
	client := newClient(t)
	table := newTable(t, client)
	arm(t, stalledUploads, `{"service": "query", "fault": {"kind": "stall", "when": "before"}}`)
	for name, call := range map[string]func(context.Context) error{
		"upload": func(ctx context.Context) error {
			return second(client.FromBytes(ctx, []byte(twoRows), now(table)...))
		},
		"pushed upload": func(ctx context.Context) error {
			return second(client.FromReader(ctx, strings.NewReader(twoRows), now(table)...))
		},
		"query": func(ctx context.Context) error { return second(client.Query(ctx, "", "print 1")) },
	} {
		t.Run(name, func(t *testing.T) {
			// Time for a busy machine to reach the host that does not answer.
			ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
			defer cancel()
			err := call(ctx)
			failure := failed(t, err, kusto.CodeTimedOut)
			if !errors.Is(err, context.DeadlineExceeded) || failure.Host == "" {
				t.Errorf("%+v", *failure)
			}
		})
	}
}

// A call that was cancelled has ended in the library too when it returns: nothing is left that
// Shutdown would wait for, and the connection of its request is closed.
func TestCancelledCallsEndNatively(t *testing.T) {
	for name, test := range map[string]struct {
		service string
		call    func(context.Context, *kusto.Client, *kusto.Result) error
	}{
		"query": {"query", func(ctx context.Context, c *kusto.Client, _ *kusto.Result) error {
			return second(c.Query(ctx, "", "print 1"))
		}},
		"command": {"mgmt", func(ctx context.Context, c *kusto.Client, _ *kusto.Result) error {
			return second(c.Mgmt(ctx, "", ".show tables"))
		}},
		"status": {"table", func(ctx context.Context, _ *kusto.Client, r *kusto.Result) error { return second(r.Status(ctx)) }},
		"wait":   {"table", func(ctx context.Context, _ *kusto.Client, r *kusto.Result) error { return r.Wait(ctx) }},
		"peek": {"queue", func(ctx context.Context, c *kusto.Client, r *kusto.Result) error {
			return second(c.PeekOutcomes(ctx, kusto.OutcomeSuccesses, r, 1))
		}},
		"take": {"queue", func(ctx context.Context, c *kusto.Client, r *kusto.Result) error {
			return second(c.TakeOutcomes(ctx, kusto.OutcomeSuccesses, r, 1))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			client := newClient(t)
			result, err := client.FromBytes(within(t), []byte(twoRows), now(newTable(t, client))...)
			ingested(t, result, err)
			// Leaves a connection that the next call uses.
			if err := test.call(within(t), client, result); err != nil {
				t.Fatal(err)
			}
			open := eventDescriptors(t)
			mustEndWhenCancelled(t, client, test.service, func(ctx context.Context) error { return test.call(ctx, client, result) })
			eventually(t, "the connection is closed", func() bool { return eventDescriptors(t) < open })
			shutDown(t, client)
		})
	}
}

func TestACancelledWarmUpEndsNatively(t *testing.T) {
	client := newClient(t)
	mustEndWhenCancelled(t, client, "mgmt", client.WarmUp)
	shutDown(t, client)
}

// mustEndWhenCancelled cancels a call while its request hangs in a service.
func mustEndWhenCancelled(t *testing.T, client *kusto.Client, service string, call func(context.Context) error) {
	t.Helper()
	arm(t, `{"service": "`+service+`", "fault": {"kind": "stall", "when": "before"}}`)
	// Without a deadline, which would end it as well.
	ctx, cancel := context.WithCancel(context.Background())
	go func() { whenStalled(t); cancel() }()
	err := call(ctx)
	failed(t, err, kusto.CodeCancelled)
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// shutDown fails the test when something is under way.
func shutDown(t *testing.T, client *kusto.Client) {
	t.Helper()
	ctx := within(t)
	if abandoned, err := client.Shutdown(ctx); abandoned != 0 || err != nil || ctx.Err() != nil {
		t.Errorf("%d abandoned, %v, %v", abandoned, err, ctx.Err())
	}
}

func TestCloseWithWorkInFlight(t *testing.T) {
	client := newClient(t)
	table := newTable(t, client)
	resetTraffic(t)
	arm(t, stalledUploads)
	reader, writer := io.Pipe()
	go writer.Write([]byte(twoRows))
	calls := map[string]func() error{
		"upload": func() error {
			return second(client.FromBytes(context.Background(), []byte(twoRows), kusto.Table(table)))
		},
		"reader": func() error { return second(client.FromReader(context.Background(), reader, kusto.Table(table))) },
	}
	var ended sync.WaitGroup
	for name, call := range calls {
		ended.Add(1)
		go func() {
			defer ended.Done()
			err := call()
			var failure *kusto.Error
			if !errors.As(err, &failure) || !errors.Is(err, kusto.ErrClosed) {
				t.Errorf("%s: %v", name, err)
			}
		}()
	}
	whenStalled(t)
	var closing sync.WaitGroup
	for range 3 {
		closing.Add(1)
		go func() {
			defer closing.Done()
			if err := client.Close(); err != nil {
				t.Error(err)
			}
		}()
	}
	closing.Wait()
	ended.Wait()
	reader.Close()
	if _, err := client.Query(within(t), "", "print 1"); !errors.Is(err, kusto.ErrClosed) {
		t.Error(err)
	}
	if n := posted(t); n != 0 {
		t.Errorf("%d requests to queues", n)
	}
}

func TestShutdownWaitsForWork(t *testing.T) {
	client := newClient(t)
	table := newTable(t, client)
	reader, writer := io.Pipe()
	handed := make(chan error)
	go func() {
		handed <- second(client.FromReader(context.Background(), reader, now(table)...))
	}()
	// The ingestion is under way once the first row was read.
	if _, err := writer.Write([]byte("1,one\n")); err != nil {
		t.Fatal(err)
	}
	down := make(chan error)
	go func() {
		abandoned, err := client.Shutdown(within(t))
		if abandoned != 0 {
			t.Errorf("%d abandoned", abandoned)
		}
		down <- err
	}()
	eventually(t, "new calls are refused", func() bool {
		_, err := client.PeekOutcomes(within(t), kusto.OutcomeFailures, nil, 1)
		return errors.Is(err, kusto.ErrClosed)
	})
	if _, err := writer.Write([]byte("2,two\n")); err != nil {
		t.Fatal(err)
	}
	writer.Close()
	if err := errors.Join(<-handed, <-down); err != nil {
		t.Fatal(err)
	}
	other := furtherClient(t, kusto.NewConnectionStringBuilder(connection))
	eventually(t, "both rows arrive", func() bool { return number(t, other, "['"+table+"'] | count") == 2 })
}

func TestManyGoroutinesAndTwoClients(t *testing.T) {
	clients := []*kusto.Client{newClient(t), furtherClient(t, kusto.NewConnectionStringBuilder(connection))}
	table := newTable(t, clients[0])
	var results sync.WaitGroup
	for i := range 8 {
		client := clients[i%2]
		results.Add(1)
		go func() {
			defer results.Done()
			for range 3 {
				result, err := client.FromReader(within(t), strings.NewReader(twoRows), now(table)...)
				if err == nil {
					err = result.Wait(within(t), kusto.WithInterval(20*time.Millisecond))
				}
				if err != nil {
					t.Error(err)
				}
			}
		}()
	}
	results.Wait()
	mustCount(t, clients[1], table, 8*3*2)
}
