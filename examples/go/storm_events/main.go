// The StormEvents tutorial: a blob with a header row into a table of 22 columns.
//
// storm_events BLOB_URL RAW_SIZE; KUSTO_CONNECTION_STRING and KUSTO_DATABASE as in quickstart.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"kustoingest"
)

// Name, type and position in the file; position 15 is not in the table.
var columns = []struct {
	name, kind string
	ordinal    int
}{
	{"StartTime", "datetime", 0}, {"EndTime", "datetime", 1}, {"EpisodeId", "int", 2},
	{"EventId", "int", 3}, {"State", "string", 4}, {"EventType", "string", 5},
	{"InjuriesDirect", "int", 6}, {"InjuriesIndirect", "int", 7}, {"DeathsDirect", "int", 8},
	{"DeathsIndirect", "int", 9}, {"DamageProperty", "int", 10}, {"DamageCrops", "int", 11},
	{"Source", "string", 12}, {"BeginLocation", "string", 13}, {"EndLocation", "string", 14},
	{"BeginLat", "real", 16}, {"BeginLon", "real", 17}, {"EndLat", "real", 18},
	{"EndLon", "real", 19}, {"EpisodeNarrative", "string", 20}, {"EventNarrative", "string", 21},
	{"StormSummary", "dynamic", 22},
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	connection, database := os.Getenv("KUSTO_CONNECTION_STRING"), os.Getenv("KUSTO_DATABASE")
	if len(os.Args) != 3 || connection == "" || database == "" {
		return errors.New("usage: storm_events BLOB_URL RAW_SIZE\nwith KUSTO_CONNECTION_STRING and KUSTO_DATABASE set")
	}
	size, err := strconv.ParseInt(os.Args[2], 10, 64)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	kcsb := kustoingest.NewConnectionStringBuilder(connection)
	client, err := kustoingest.New(kcsb, kustoingest.WithDefaultDatabase(database), kustoingest.WithDefaultTable("StormEvents"))
	if err != nil {
		return err
	}
	defer client.Close()

	if err := createTableAndMapping(ctx, client); err != nil {
		return err
	}
	if err := ingestBlob(ctx, client, os.Args[1], size); err != nil {
		return err
	}
	if err := show(ctx, client, "StormEvents | count", "StormEvents | count"); err != nil {
		return err
	}
	if err := troubleshoot(ctx, client, database); err != nil {
		return err
	}
	_, err = client.Mgmt(ctx, "", ".drop table StormEvents ifexists")
	return err
}

func createTableAndMapping(ctx context.Context, client *kustoingest.Client) error {
	var definitions, mappings []string
	for _, column := range columns {
		definitions = append(definitions, column.name+":"+column.kind)
		// The legacy shape, as in the tutorial.
		mappings = append(mappings, fmt.Sprintf(`{"Name":"%s","datatype":"%s","Ordinal":"%d"}`, column.name, column.kind, column.ordinal))
	}
	for _, command := range []string{
		".create table StormEvents (" + strings.Join(definitions, ", ") + ")",
		".create-or-alter table StormEvents ingestion csv mapping 'StormEvents_CSV_Mapping' '[" + strings.Join(mappings, ",") + "]'",
	} {
		if _, err := client.Mgmt(ctx, "", command); err != nil {
			return err
		}
	}
	return nil
}

// ingestBlob queues the blob and waits until the service is done with it.
func ingestBlob(ctx context.Context, client *kustoingest.Client, url string, size int64) error {
	started := time.Now()
	result, err := client.FromBlob(ctx, url,
		kustoingest.IngestionMappingRef("StormEvents_CSV_Mapping", kustoingest.CSV),
		kustoingest.IgnoreFirstRecord(),
		kustoingest.RawDataSize(size),
		kustoingest.ReportResultToTable())
	if err != nil {
		return err
	}
	fmt.Printf("queued %s as %s\n", result.Items[0].Blob, result.SourceID())
	if err := result.Wait(ctx, kustoingest.WithInterval(250*time.Millisecond)); err != nil {
		return fmt.Errorf("not ingested: %w", err)
	}
	fmt.Printf("Succeeded after %d s\n", int(time.Since(started).Seconds()))
	return nil
}

func show(ctx context.Context, client *kustoingest.Client, title, text string) error {
	execute := client.Query
	if strings.HasPrefix(text, ".") {
		execute = client.Mgmt
	}
	rows, err := execute(ctx, "", text)
	if err != nil {
		return err
	}
	fmt.Printf("> %s\n  %d row(s)\n", title, rows.Len())
	for rows.Next() {
		for column := range rows.Columns() {
			value, given := rows.Text(column)
			if !given {
				value = "null"
			}
			fmt.Printf("  %s", value)
		}
		fmt.Println()
	}
	return nil
}

func troubleshoot(ctx context.Context, client *kustoingest.Client, database string) error {
	failures := fmt.Sprintf(`.show ingestion failures | where FailedOn > ago(4h) and Database == "%s" and Table == "StormEvents"`, database)
	if err := show(ctx, client, ".show ingestion failures", failures); err != nil {
		return err
	}
	operations := fmt.Sprintf(`.show operations | where StartedOn > ago(4h) and Database == "%s" and Table == "StormEvents" and `+
		`Operation == "DataIngestPull" | summarize arg_max(LastUpdatedOn, *) by OperationId | project Operation, State`, database)
	return show(ctx, client, ".show operations", operations)
}
