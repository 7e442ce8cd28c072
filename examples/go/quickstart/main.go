// The Kusto.Ingest tutorial: a table, a JSON mapping, ten lines from memory, and their outcome.
//
// KUSTO_CONNECTION_STRING names the cluster, KUSTO_DATABASE the database. `--login interactive` logs in by the browser,
// `--login device` by a code, `--login NAME` as the keyword `Login` has it; else the connection string says how.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"kustoingest"
)

const mapping = `[{"Column":"Column1","Properties":{"Path":"$.Id"}},` +
	`{"Column":"Column2","Properties":{"Path":"$.Timestamp"}},` +
	`{"Column":"Column3","Properties":{"Path":"$.Message"}}]`

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	connection, database := os.Getenv("KUSTO_CONNECTION_STRING"), os.Getenv("KUSTO_DATABASE")
	if connection == "" || database == "" {
		return errors.New("set KUSTO_CONNECTION_STRING and KUSTO_DATABASE")
	}
	login := flag.String("login", "", "interactive, device, or a value of the keyword Login")
	flag.Parse()
	// Enough for a user to log in as well.
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	kcsb := loggingIn(connection, *login)
	client, err := kustoingest.New(kcsb, kustoingest.WithDefaultDatabase(database), kustoingest.WithDefaultTable("Table1"))
	if err != nil {
		return err
	}
	defer client.Close()

	if err := createTableAndMapping(ctx, client); err != nil {
		return err
	}
	result, err := ingestTenLines(ctx, client)
	if err != nil {
		return err
	}
	if err := waitForOutcome(ctx, client, result); err != nil {
		return err
	}
	return printRows(ctx, client, "Table1 | order by Column1 asc")
}

func loggingIn(connection, login string) *kustoingest.ConnectionStringBuilder {
	kcsb := kustoingest.NewConnectionStringBuilder(connection)
	switch login {
	case "":
		return kcsb
	case "interactive":
		return kcsb.WithInteractiveLogin("")
	case "device":
		return kcsb.WithDeviceCode("", nil)
	}
	return kustoingest.NewConnectionStringBuilder(connection + ";Login=" + login)
}

func createTableAndMapping(ctx context.Context, client *kustoingest.Client) error {
	table, err := kustoingest.CreateTableCommand("Table1",
		kustoingest.Column{Name: "Column1", Type: "System.Int64"},
		kustoingest.Column{Name: "Column2", Type: "System.DateTime"},
		kustoingest.Column{Name: "Column3", Type: "System.String"})
	if err != nil {
		return err
	}
	reference, err := kustoingest.CreateMappingCommand("Table1", kustoingest.JSON, "Table1_mapping", mapping, true)
	if err != nil {
		return err
	}
	for _, command := range []string{table, reference} {
		if _, err := client.Mgmt(ctx, "", command); err != nil {
			return err
		}
	}
	return nil
}

// ingestTenLines hands the lines over; the result has the id under which their outcome is reported.
func ingestTenLines(ctx context.Context, client *kustoingest.Client) (*kustoingest.Result, error) {
	var lines strings.Builder
	for n := range 10 {
		fmt.Fprintf(&lines, `{"Id":%d,"Timestamp":"2026-01-01T00:00:%02dZ","Message":"This is a test message %d"}`+"\n", n, n, n)
	}
	result, err := client.FromReader(ctx, strings.NewReader(lines.String()),
		kustoingest.IngestionMappingRef("Table1_mapping", kustoingest.JSON),
		kustoingest.Report(kustoingest.FailuresAndSuccesses, kustoingest.ReportToQueue))
	if err != nil {
		return nil, err
	}
	fmt.Printf("queued %d bytes as %s\n", result.BytesRaw, result.SourceID())
	return result, nil
}

// waitForOutcome waits for the service to report; anything but success is an error.
func waitForOutcome(ctx context.Context, client *kustoingest.Client, result *kustoingest.Result) error {
	for {
		failures, err := printOutcomes(ctx, client, kustoingest.OutcomeFailures, "Failed", result)
		if err != nil {
			return err
		}
		if failures > 0 {
			return errors.New("the data was not ingested")
		}
		successes, err := printOutcomes(ctx, client, kustoingest.OutcomeSuccesses, "Succeeded", result)
		if err != nil || successes > 0 {
			return err
		}
		select {
		case <-time.After(250 * time.Millisecond):
		case <-ctx.Done():
			return errors.New("the service reported nothing within a minute")
		}
	}
}

// printOutcomes takes our own notifications out of one of the queues; it returns how many there were.
func printOutcomes(ctx context.Context, client *kustoingest.Client, which kustoingest.Outcome, label string, result *kustoingest.Result) (int, error) {
	taken, err := client.TakeOutcomes(ctx, which, result, 32)
	for _, status := range taken {
		fmt.Printf("%s: %s %s\n", label, status.SourcePath, status.Details)
	}
	return len(taken), err
}

func printRows(ctx context.Context, client *kustoingest.Client, query string) error {
	rows, err := client.Query(ctx, "", query)
	if err != nil {
		return err
	}
	for rows.Next() {
		for column := range rows.Columns() {
			text, given := rows.Text(column)
			if !given {
				text = "null"
			}
			fmt.Printf("  %s", text)
		}
		fmt.Println()
	}
	return nil
}
