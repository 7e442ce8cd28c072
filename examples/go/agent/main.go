// Ships the lines that other programs append to a CSV file into a table, each line once.
//
//	agent FILE --database D --table T [--batch-bytes N] [--batch-seconds S] [--drain-seconds S]
//
// KUSTO_CONNECTION_STRING names the cluster. FILE.position says how far it has come: "START END", where
// the bytes from START to END were being sent. It is the same range, with the same key, that is sent again
// after a crash, and the service skips data whose key it has seen.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"kustoingest"
)

const allSent, failed, notReady, someLeft = 0, 1, 2, 3 // Exit statuses.

type agent struct {
	client         *kustoingest.Client
	file           *os.File
	position       string // The file that says how far.
	from           int64  // Up to here everything was handed over.
	lines, batches int
}

func main() {
	status, err := run(os.Args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "agent:", err)
	}
	os.Exit(status)
}

func run(arguments []string) (int, error) {
	flags := flag.NewFlagSet("agent FILE", flag.ContinueOnError)
	database := flags.String("database", "", "where the table is")
	table := flags.String("table", "", "where the lines go")
	batchBytes := flags.Int("batch-bytes", 1<<20, "closes a batch")
	batchSeconds := flags.Float64("batch-seconds", 5, "closes a batch that is smaller")
	drainSeconds := flags.Float64("drain-seconds", 10, "how long to go on after SIGTERM")
	if len(arguments) < 2 || flags.Parse(arguments[2:]) != nil {
		return notReady, errors.New("usage: agent FILE --database D --table T")
	}
	kcsb := kustoingest.NewConnectionStringBuilder(os.Getenv("KUSTO_CONNECTION_STRING"))
	client, err := kustoingest.New(kcsb, kustoingest.WithDefaultDatabase(*database), kustoingest.WithDefaultTable(*table))
	if err != nil {
		return notReady, err
	}
	defer client.Close()
	file, err := os.Open(arguments[1])
	if err != nil {
		return notReady, err
	}
	defer file.Close()

	// After a signal no further batch is waited for; work under way goes on until the drain's end.
	stopping, restore := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer restore()
	work, giveUp := context.WithCancel(context.Background())
	defer giveUp()
	context.AfterFunc(stopping, func() { time.AfterFunc(seconds(*drainSeconds), giveUp) })

	if err := repeated(work, func() error { return client.WarmUpTable(work) }); err != nil && work.Err() == nil {
		return notReady, err
	}
	a := &agent{client: client, file: file, position: file.Name() + ".position"}
	err = a.ship(stopping, work, *batchBytes, seconds(*batchSeconds))
	fmt.Printf("%d lines in %d batches\n", a.lines, a.batches)
	if err != nil && work.Err() != nil {
		return someLeft, err
	} else if err != nil {
		return failed, err
	}
	return allSent, nil
}

func seconds(number float64) time.Duration { return time.Duration(number * float64(time.Second)) }

// ship returns nil when everything is sent after a signal.
func (a *agent) ship(stopping, work context.Context, size int, patience time.Duration) error {
	var end int64
	text, err := os.ReadFile(a.position)
	if err == nil {
		_, err = fmt.Sscan(string(text), &a.from, &end)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if end > a.from {
		unfinished := make([]byte, end-a.from)
		if _, err := a.file.ReadAt(unfinished, a.from); err != nil {
			return fmt.Errorf("the lines from %d to %d, which were being sent: %w", a.from, end, err)
		}
		if err := a.send(work, unfinished); err != nil {
			return err
		}
	}
	var opened time.Time // When the batch got its first line.
	for {
		// Before reading, so that what was in the file at the signal is read.
		last := stopping.Err() != nil
		lines, full, err := a.wholeLines(size)
		if err != nil {
			return err
		}
		if len(lines) > 0 && opened.IsZero() {
			opened = time.Now()
		}
		switch {
		case len(lines) > 0 && (full || last || time.Since(opened) >= patience):
			opened = time.Time{}
			if err := a.send(work, lines); err != nil {
				return err
			}
		case last:
			return nil
		default:
			sleep(stopping, min(patience, 100*time.Millisecond))
		}
	}
}

// wholeLines reads whole lines of about size bytes; full says that there is more.
func (a *agent) wholeLines(size int) (lines []byte, full bool, err error) {
	for {
		buffer := make([]byte, size)
		n, err := a.file.ReadAt(buffer, a.from)
		if err != nil && err != io.EOF {
			return nil, false, err
		}
		end := bytes.LastIndexByte(buffer[:n], '\n') + 1
		if end > 0 || n < size {
			return buffer[:end], n == size, nil
		}
		size *= 2 // One line is longer.
	}
}

// send hands one batch over, and moves the position behind it.
func (a *agent) send(work context.Context, lines []byte) error {
	start, end := a.from, a.from+int64(len(lines))
	if err := a.savePosition(start, end); err != nil {
		return err
	}
	key := fmt.Sprintf("%s:%d-%d", filepath.Base(a.file.Name()), start, end)
	err := repeated(work, func() error {
		_, err := a.client.FromBytes(work, lines, kustoingest.FileFormat(kustoingest.CSV), kustoingest.Once(key))
		return err
	})
	if err != nil {
		return err
	}
	a.from = end
	a.lines += bytes.Count(lines, []byte("\n"))
	a.batches++
	return a.savePosition(end, end)
}

// repeated makes a call until it succeeds or its failure is one that repeating does not mend. One in
// doubt may be repeated, as the key keeps the data from being doubled.
func repeated(work context.Context, call func() error) error {
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		err := call()
		var failure *kustoingest.Error
		if err == nil || work.Err() != nil || !errors.As(err, &failure) || !(failure.Temporary() || failure.InDoubt) {
			return err
		}
		fmt.Fprintln(os.Stderr, "agent: trying again:", err)
		sleep(work, max(pause, failure.RetryAfter))
	}
}

// sleep returns early when the context ends.
func sleep(ctx context.Context, pause time.Duration) {
	select {
	case <-time.After(pause):
	case <-ctx.Done():
	}
}

// savePosition replaces the file as a whole: a crash leaves the old one or the new one.
func (a *agent) savePosition(start, end int64) error {
	if err := os.WriteFile(a.position+".new", fmt.Appendln(nil, start, end), 0o644); err != nil {
		return err
	}
	return os.Rename(a.position+".new", a.position)
}
