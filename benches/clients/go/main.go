// One measured run through the Go package.
//
// bench init|file|stream|bytes FILE ITEMS CONCURRENCY
//
// KUSTO_CONNECTION_STRING and KUSTO_DATABASE as in the examples. It ends well only when every item was
// queued.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"kustoingest"
)

const deadline = 10 * time.Minute

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) != 4 {
		return errors.New("init|file|stream|bytes FILE ITEMS CONCURRENCY")
	}
	kcsb := kustoingest.NewConnectionStringBuilder(os.Getenv("KUSTO_CONNECTION_STRING"))
	client, err := kustoingest.New(kcsb, kustoingest.WithDefaultDatabase(os.Getenv("KUSTO_DATABASE")), kustoingest.WithDefaultTable("Bench"))
	if err != nil {
		return err
	}
	defer client.Close()
	if arguments[0] == "init" {
		return nil
	}
	load, err := loadOf(arguments[0], arguments[1])
	if err != nil {
		return err
	}
	items, err := strconv.ParseInt(arguments[2], 10, 64)
	if err != nil {
		return err
	}
	concurrency, err := strconv.Atoi(arguments[3])
	if err != nil {
		return err
	}
	return work(client, load, items, concurrency)
}

// load hands one item over.
type load func(context.Context, *kustoingest.Client) error

func loadOf(action, path string) (load, error) {
	csv, json := kustoingest.FileFormat(kustoingest.CSV), kustoingest.FileFormat(kustoingest.JSON)
	switch action {
	case "file":
		return func(ctx context.Context, client *kustoingest.Client) error {
			_, err := client.FromFile(ctx, path, csv)
			return err
		}, nil
	case "stream":
		return func(ctx context.Context, client *kustoingest.Client) error {
			file, err := os.Open(path)
			if err != nil {
				return err
			}
			defer file.Close()
			// A reader that the package knows nothing about.
			_, err = client.FromReader(ctx, struct{ io.Reader }{file}, csv)
			return err
		}, nil
	case "bytes":
		// Read once before the first item, as a program has it in memory.
		document, err := os.ReadFile(path)
		return func(ctx context.Context, client *kustoingest.Client) error {
			_, err := client.FromBytes(ctx, document, json)
			return err
		}, err
	}
	return nil, fmt.Errorf("no action %q", action)
}

// work takes items until none is left.
func work(client *kustoingest.Client, load load, items int64, concurrency int) error {
	var left atomic.Int64
	left.Store(items)
	var workers sync.WaitGroup
	failures := make([]error, concurrency)
	for i := range concurrency {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for left.Add(-1) >= 0 && failures[i] == nil {
				failures[i] = ingest(client, load)
			}
		}()
	}
	workers.Wait()
	return errors.Join(failures...)
}

func ingest(client *kustoingest.Client, load load) error {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	return load(ctx, client)
}
