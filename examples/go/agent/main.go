// Ships the lines that other programs append to a CSV file into a table, and hands each over once.
//
//	agent FILE --database D --table T [--batch-bytes N] [--batch-seconds S] [--drain-seconds S]
//
// KUSTO_CONNECTION_STRING names the cluster. FILE.position says how far it has come: "ID START END", where
// the bytes from START to END were being sent. It is the same range, with the same key, that is sent again
// after a crash, and the service skips data whose key it has seen. ID is random, so that no other file, here
// or on another machine, has the same keys.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"kustoingest"
)

const allSent, failed, notReady, someLeft = 0, 1, 2, 3 // Exit statuses.

type agent struct {
	client         *kustoingest.Client
	file           string
	id             string // The beginning of each key.
	from, end      int64  // Up to from everything was handed over; up to end it is being sent.
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
	if len(arguments) < 2 || flags.Parse(arguments[2:]) != nil || *database == "" || *table == "" || *batchBytes < 1 {
		return failed, errors.New("usage: agent FILE --database D --table T [--batch-bytes N] [--batch-seconds S] [--drain-seconds S]")
	}
	kcsb := kustoingest.NewConnectionStringBuilder(os.Getenv("KUSTO_CONNECTION_STRING"))
	client, err := kustoingest.New(kcsb, kustoingest.WithDefaultDatabase(*database), kustoingest.WithDefaultTable(*table))
	if err != nil {
		return failed, err
	}
	defer client.Close()
	a := &agent{client: client, file: arguments[1]}
	if err := a.loadPosition(); err != nil {
		return failed, err
	}
	if _, err := a.read(0); err != nil {
		return failed, err
	}

	// After a signal no further batch is waited for; work under way goes on until the drain's end.
	stopping, restore := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer restore()
	work, giveUp := context.WithCancel(context.Background())
	defer giveUp()
	context.AfterFunc(stopping, func() { time.AfterFunc(seconds(*drainSeconds), giveUp) })

	status := notReady
	err = repeated(work, func() error { return client.WarmUpTable(work) })
	if err == nil {
		status = failed
		err = a.ship(stopping, work, *batchBytes, seconds(*batchSeconds))
	}
	fmt.Printf("%d lines in %d batches\n", a.lines, a.batches)
	if err == nil {
		return allSent, nil
	} else if work.Err() != nil {
		return someLeft, err
	}
	return status, err
}

func seconds(number float64) time.Duration { return time.Duration(number * float64(time.Second)) }

// ship returns nil when everything is sent after a signal.
func (a *agent) ship(stopping, work context.Context, size int, patience time.Duration) error {
	if a.end > a.from {
		unfinished, err := a.read(int(a.end - a.from))
		if err == nil && int64(len(unfinished)) < a.end-a.from {
			err = a.shorter()
		}
		if err == nil {
			err = a.send(work, unfinished)
		}
		if err != nil {
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
		text, err := a.read(size)
		if err != nil {
			return nil, false, err
		}
		end := bytes.LastIndexByte(text, '\n') + 1
		if end > 0 || len(text) < size {
			return text[:end], len(text) == size, nil
		}
		size *= 2 // One line is longer.
	}
}

// read returns up to size bytes behind the position, fewer at the end of the file. It opens the file each
// time: a file that was put in its place is noticed if it is shorter.
func (a *agent) read(size int) ([]byte, error) {
	file, err := os.Open(a.file)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil {
		return nil, err
	} else if info.Size() < a.from {
		return nil, a.shorter()
	}
	return io.ReadAll(io.NewSectionReader(file, a.from, int64(size)))
}

func (a *agent) shorter() error {
	return fmt.Errorf("%s is shorter than its position: was it truncated or rotated?", a.file)
}

// send hands one batch over, and moves the position behind it.
func (a *agent) send(work context.Context, lines []byte) error {
	a.end = a.from + int64(len(lines))
	if err := a.savePosition(); err != nil {
		return err
	}
	key := fmt.Sprintf("%s:%d-%d", a.id, a.from, a.end)
	err := repeated(work, func() error {
		_, err := a.client.FromBytes(work, lines, kustoingest.FileFormat(kustoingest.CSV), kustoingest.Once(key))
		return err
	})
	if err != nil {
		return err
	}
	a.from = a.end
	a.lines += bytes.Count(lines, []byte("\n"))
	a.batches++
	return a.savePosition()
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

// loadPosition makes the id when there is no position yet.
func (a *agent) loadPosition() error {
	text, err := os.ReadFile(a.file + ".position")
	if errors.Is(err, fs.ErrNotExist) {
		id := make([]byte, 16)
		_, err = rand.Read(id)
		a.id = fmt.Sprintf("%x", id)
		return err
	}
	if err != nil {
		return err
	}
	if _, err := fmt.Sscan(string(text), &a.id, &a.from, &a.end); err != nil || a.from < 0 || a.end < a.from {
		return fmt.Errorf("%s.position is not ID START END", a.file)
	}
	return nil
}

// savePosition replaces the file as a whole: a crash leaves the old one or the new one. Both the file and its
// name are on the disk when it returns.
func (a *agent) savePosition() error {
	name := a.file + ".position"
	fresh, err := os.Create(name + ".new")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(fresh, a.id, a.from, a.end)
	if err = errors.Join(err, fresh.Sync(), fresh.Close()); err != nil {
		return err
	}
	if err := os.Rename(fresh.Name(), name); err != nil || runtime.GOOS == "windows" {
		return err // Windows cannot sync a directory.
	}
	directory, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}
