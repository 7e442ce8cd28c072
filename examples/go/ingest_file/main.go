// Any file into a table, with progress, a deadline and Ctrl-C.
//
// ingest_file TABLE FILE [FORMAT]; KUSTO_CONNECTION_STRING and KUSTO_DATABASE as in quickstart.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"time"

	"kustoingest"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	connection, database := os.Getenv("KUSTO_CONNECTION_STRING"), os.Getenv("KUSTO_DATABASE")
	if len(os.Args) < 3 || len(os.Args) > 4 || connection == "" || database == "" {
		return errors.New("usage: ingest_file TABLE FILE [FORMAT]\nwith KUSTO_CONNECTION_STRING and KUSTO_DATABASE set")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	kcsb := kustoingest.NewConnectionStringBuilder(connection)
	client, err := kustoingest.New(kcsb, kustoingest.WithDefaultDatabase(database), kustoingest.WithDefaultTable(os.Args[1]))
	if err != nil {
		return err
	}
	defer client.Close()

	options := []kustoingest.FileOption{kustoingest.ReportResultToTable(), kustoingest.OnProgress(progress())}
	if len(os.Args) == 4 {
		options = append(options, kustoingest.Property("format", os.Args[3]))
	}
	result, err := transfer(ctx, client, os.Args[2], options)
	if err != nil {
		return err
	}
	fmt.Printf("queued %d bytes (%d sent) as %s\n", result.BytesRaw, result.BytesSent, result.SourceID())
	if err := result.Wait(ctx, kustoingest.WithInterval(250*time.Millisecond)); err != nil {
		return fmt.Errorf("not ingested: %w", err)
	}
	fmt.Println("Succeeded")
	return nil
}

// transfer hands the file over; Ctrl-C cancels. Queued data cannot be cancelled: afterwards Ctrl-C
// only ends the program.
func transfer(ctx context.Context, client *kustoingest.Client, file string, options []kustoingest.FileOption) (*kustoingest.Result, error) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	result, err := client.FromFile(ctx, file, options...)
	if onTerminal() {
		fmt.Fprintln(os.Stderr)
	}
	return result, err
}

// progress shows the progress of the transfer. Off a terminal it writes few lines.
func progress() func(kustoingest.Progress) {
	var shown uint64
	terminal := onTerminal()
	return func(p kustoingest.Progress) {
		if !terminal && p.Read-shown < p.Total/4 && p.Sent == 0 {
			return
		}
		shown = p.Read
		line := fmt.Sprintf("read %d of %d bytes, sent %d", p.Read, p.Total, p.Sent)
		if terminal {
			fmt.Fprintf(os.Stderr, "\r%s", line)
		} else {
			fmt.Fprintln(os.Stderr, line)
		}
	}
}

func onTerminal() bool {
	info, err := os.Stderr.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
