package kustoingest_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	kusto "kustoingest"
)

const twoRows = "1,one\n2,two\n"

func packed(t *testing.T, content string) string {
	t.Helper()
	var buffer bytes.Buffer
	writer := gzip.NewWriter(&buffer)
	if _, err := writer.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.String()
}

func TestEverySourceKind(t *testing.T) {
	type sources = map[string]func(context.Context, *kusto.Client, []kusto.FileOption) (*kusto.Result, error)
	for name, hand := range (sources{
		"file": func(ctx context.Context, c *kusto.Client, opts []kusto.FileOption) (*kusto.Result, error) {
			return c.FromFile(ctx, file(t, "rows.csv", twoRows), opts...)
		},
		"file by its name": func(ctx context.Context, c *kusto.Client, opts []kusto.FileOption) (*kusto.Result, error) {
			return c.FromFile(ctx, file(t, "rows.tsv.gz", packed(t, "1\tone\n2\ttwo\n")), opts...)
		},
		"reader": func(ctx context.Context, c *kusto.Client, opts []kusto.FileOption) (*kusto.Result, error) {
			return c.FromReader(ctx, strings.NewReader(twoRows), opts...)
		},
		"slow reader": func(ctx context.Context, c *kusto.Client, opts []kusto.FileOption) (*kusto.Result, error) {
			return c.FromReader(ctx, iotest.DataErrReader(iotest.OneByteReader(strings.NewReader(twoRows))), opts...)
		},
		"compressed reader": func(ctx context.Context, c *kusto.Client, opts []kusto.FileOption) (*kusto.Result, error) {
			opts = append(opts, kusto.CompressionType(kusto.GZIP), kusto.RawDataSize(int64(len(twoRows))))
			return c.FromReader(ctx, strings.NewReader(packed(t, twoRows)), opts...)
		},
		"bytes": func(ctx context.Context, c *kusto.Client, opts []kusto.FileOption) (*kusto.Result, error) {
			return c.FromBytes(ctx, []byte(twoRows), opts...)
		},
	}) {
		t.Run(name, func(t *testing.T) {
			client := newClient(t)
			table := newTable(t, client)
			result, err := hand(within(t), client, now(table))
			ingested(t, result, err)
			mustCount(t, client, table, 2)
			raw := uint64(len(twoRows))
			if name == "file by its name" {
				raw = 0 // Compressed, and its size is not given.
			}
			if result.BytesRaw != raw || result.BytesSent == 0 || len(result.Items) != 1 {
				t.Errorf("%+v", result)
			}
		})
	}
}

func TestBlobs(t *testing.T) {
	client := newClient(t)
	table := newTable(t, client)
	const id = "11111111-2222-3333-4444-555555555555"
	one := upload(t, "go-one.csv", twoRows)
	result, err := client.FromBlob(within(t), one, now(table, kusto.RawDataSize(int64(len(twoRows))), kusto.SourceID(id))...)
	ingested(t, result, err)
	if result.SourceID() != id || result.BytesSent != 0 || strings.Contains(result.Items[0].Blob, "?") {
		t.Errorf("%+v", result)
	}
	two := []kusto.Blob{{URL: upload(t, "go-two.csv", "3,three\n")}, {URL: upload(t, "go-three.csv", "4,four\n"), RawSize: 7}}
	result, err = client.FromBlobs(within(t), two, now(table)...)
	ingested(t, result, err)
	if len(result.Items) != 2 {
		t.Errorf("%+v", result)
	}
	mustCount(t, client, table, 4)
}

func TestNoDataIsAnError(t *testing.T) {
	client := newClient(t)
	table := newTable(t, client)
	resetTraffic(t)
	for name, err := range map[string]error{
		"bytes":  second(client.FromBytes(within(t), nil, now(table)...)),
		"reader": second(client.FromReader(within(t), strings.NewReader(""), now(table)...)),
		"file":   second(client.FromFile(within(t), file(t, "empty.csv", ""), now(table)...)),
		"blobs":  second(client.FromBlobs(within(t), nil, now(table)...)),
	} {
		t.Run(name, func(t *testing.T) {
			if failure := failed(t, err, kusto.CodeInvalidArgument); !failure.Permanent() || failure.InDoubt {
				t.Errorf("%+v", *failure)
			}
		})
	}
	if n := posted(t); n != 0 {
		t.Errorf("%d requests to queues", n)
	}
}

func second[T any](_ T, err error) error { return err }

func TestTwentyMegabytesOfNoise(t *testing.T) {
	client := newClient(t)
	table := newTable(t, client)
	random := rand.New(rand.NewSource(4))
	var data bytes.Buffer
	noise := make([]byte, 600)
	rows := int64(0)
	for ; data.Len() < 20<<20; rows++ {
		random.Read(noise)
		fmt.Fprintf(&data, "%d,%s\n", rows, base64.StdEncoding.EncodeToString(noise))
	}
	raw := uint64(data.Len())
	var last kusto.Progress
	result, err := client.FromReader(within(t), &data, now(table, kusto.OnProgress(func(p kusto.Progress) { last = p }))...)
	ingested(t, result, err)
	mustCount(t, client, table, rows)
	if result.BytesRaw != raw || result.BytesSent < raw*7/10 {
		t.Errorf("%d raw, %d sent", result.BytesRaw, result.BytesSent)
	}
	if last.Read != raw || last.Sent != result.BytesSent {
		t.Errorf("the last progress is %+v", last)
	}
	if sum := number(t, client, "['"+table+"'] | summarize sum(Id)"); sum != rows*(rows-1)/2 {
		t.Errorf("the sum of ids is %d", sum)
	}
}

func TestUnicodeNames(t *testing.T) {
	client := newClient(t)
	table := namedTable(t, client, fmt.Sprintf("Tabelle für 数据 %d", time.Now().UnixNano()), kusto.Column{Name: "Größe", Type: "long"}, kusto.Column{Name: "текст", Type: "string"})
	result, err := client.FromReader(within(t), strings.NewReader("7,żółw 🐢\n"), now(table, kusto.Tags([]string{"drop-by:日本"}))...)
	ingested(t, result, err)
	rows, err := client.Query(within(t), "", "['"+table+"']")
	if err != nil || !rows.Next() {
		t.Fatal(err)
	}
	var size int64
	var word string
	if err := rows.Scan(&size, &word); err != nil || size != 7 || word != "żółw 🐢" {
		t.Errorf("%d %q %v", size, word, err)
	}
	if rows.Columns()[0].Name != "Größe" {
		t.Errorf("%+v", rows.Columns())
	}
}

func TestWrongTable(t *testing.T) {
	client := newClient(t)
	missing := fmt.Sprintf("Missing_%d", time.Now().UnixNano())
	opts := []kusto.FileOption{kusto.Table(missing), kusto.FlushImmediately(), kusto.Report(kusto.FailuresAndSuccesses, kusto.ReportToQueueAndTable)}
	result, err := client.FromBytes(within(t), []byte(twoRows), opts...)
	if err != nil {
		t.Fatal(err)
	}
	failure := failed(t, result.Wait(within(t), kusto.WithInterval(20*time.Millisecond)), kusto.CodeService)
	if !failure.Permanent() || failure.ServiceCode == "" || len(failure.Statuses) != 1 || failure.Statuses[0].State != kusto.StateFailed {
		t.Errorf("%+v", *failure)
	}
	if !strings.Contains(failure.Error(), failure.ServiceCode) {
		t.Error(failure)
	}
	notice := outcome(t, client, kusto.OutcomeFailures, result)
	if notice.Table != missing || notice.ErrorCode != failure.ServiceCode || notice.SourceID != result.SourceID() {
		t.Errorf("%+v", notice)
	}
}

// outcome waits for the one notification about an ingestion, looks at it, and takes it.
func outcome(t *testing.T, client *kusto.Client, which kusto.Outcome, of *kusto.Result) kusto.Status {
	t.Helper()
	eventually(t, "a notification", func() bool {
		seen, err := client.PeekOutcomes(within(t), which, of, 10)
		if err != nil {
			t.Fatal(err)
		}
		return len(seen) == 1
	})
	taken, err := client.TakeOutcomes(within(t), which, of, 10)
	if err != nil || len(taken) != 1 {
		t.Fatalf("%d taken, %v", len(taken), err)
	}
	left, err := client.PeekOutcomes(within(t), which, of, 10)
	if err != nil || len(left) != 0 {
		t.Fatalf("%d left, %v", len(left), err)
	}
	return taken[0]
}

func TestReportToQueue(t *testing.T) {
	client := newClient(t)
	table := newTable(t, client)
	result, err := client.FromBytes(within(t), []byte(twoRows), kusto.Table(table), kusto.FlushImmediately(), kusto.Report(kusto.FailuresAndSuccesses, kusto.ReportToQueue))
	if err != nil {
		t.Fatal(err)
	}
	if notice := outcome(t, client, kusto.OutcomeSuccesses, result); notice.State != kusto.StateSucceeded || notice.SourceID != result.SourceID() {
		t.Errorf("%+v", notice)
	}
	if failure := failed(t, result.Wait(within(t)), kusto.CodeInvalidState); !failure.Permanent() {
		t.Errorf("%+v", *failure)
	}
}

func TestReportToTableAndTokenOfAnotherClient(t *testing.T) {
	client := newClient(t)
	table := newTable(t, client)
	result, err := client.FromBytes(within(t), []byte(twoRows), now(table)...)
	ingested(t, result, err)
	other := furtherClient(t, kusto.NewConnectionStringBuilder(connection))
	statuses, err := other.ResultOf(result.TrackingToken).Status(within(t))
	if err != nil || len(statuses) != 1 || statuses[0].State != kusto.StateSucceeded || statuses[0].Table != table {
		t.Errorf("%+v %v", statuses, err)
	}
}

func TestMappings(t *testing.T) {
	client := newClient(t, kusto.WithDefaultTable(""))
	type path struct{ Path string }
	type column struct {
		Column     string
		Properties path
	}
	mapping := []column{{"Id", path{"$.number"}}, {"Text", path{"$.word"}}}
	const text = `[{"Column":"Id","Properties":{"Path":"$.number"}},{"Column":"Text","Properties":{"Path":"$.word"}}]`
	for name, option := range map[string]kusto.FileOption{
		"value":     kusto.IngestionMapping(mapping, kusto.JSON),
		"string":    kusto.IngestionMapping(text, kusto.JSON),
		"bytes":     kusto.IngestionMapping([]byte(text), kusto.JSON),
		"reference": kusto.IngestionMappingRef("the mapping", kusto.JSON),
	} {
		t.Run(name, func(t *testing.T) {
			table := newTable(t, client)
			command, err := kusto.CreateMappingCommand(table, kusto.JSON, "the mapping", text, true)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := client.Mgmt(within(t), "", command); err != nil {
				t.Fatal(err)
			}
			result, err := client.FromBytes(within(t), []byte(`{"word":"seven","number":7}`), now(table, option)...)
			ingested(t, result, err)
			if found := number(t, client, "['"+table+"'] | where Text == 'seven' | project Id"); found != 7 {
				t.Errorf("%d", found)
			}
		})
	}
}

func TestProperties(t *testing.T) {
	client := newClient(t)
	table := newTable(t, client)
	opts := now(table, kusto.FileFormat(kusto.PSV), kusto.IgnoreFirstRecord(), kusto.SetCreationTime(time.Date(2025, 5, 1, 2, 3, 4, 0, time.UTC)),
		kusto.ValidationPolicy(kusto.ValPolicy{Options: kusto.SameNumberOfFields, Implications: kusto.IgnoreFailures}),
		kusto.IgnoreSizeLimit(), kusto.AdditionalProperty("extend_schema", "false"))
	result, err := client.FromBytes(within(t), []byte("Id|Text\n1|one\n"), opts...)
	ingested(t, result, err)
	mustCount(t, client, table, 1)
}

func TestAnUnknownPropertyIsRejected(t *testing.T) {
	client := newClient(t)
	table := newTable(t, client)
	ask(t, "DELETE", "messages", "", nil)
	_, err := client.FromBytes(within(t), []byte(twoRows), now(table, kusto.Property("ignoreFirstRecrod", "true"))...)
	failure := failed(t, err, kusto.CodeInvalidArgument)
	if !strings.Contains(failure.Message, "'ignoreFirstRecrod'") || !strings.Contains(failure.Message, "ignoreFirstRecord") {
		t.Errorf("%+v", *failure)
	}
	var messages struct{ Last [][]byte }
	if ask(t, "GET", "messages", "", &messages); len(messages.Last) != 0 {
		t.Errorf("%s", messages.Last)
	}
}

func TestAnAdditionalPropertyIsPassedOn(t *testing.T) {
	client := newClient(t)
	table := newTable(t, client)
	ask(t, "DELETE", "messages", "", nil)
	result, err := client.FromBytes(within(t), []byte(twoRows), now(table, kusto.AdditionalProperty("aNewProperty", "x"))...)
	ingested(t, result, err)
	var messages struct{ Last [][]byte }
	ask(t, "GET", "messages", "", &messages)
	if len(messages.Last) != 1 || !bytes.Contains(messages.Last[0], []byte(`"aNewProperty":"x"`)) {
		t.Errorf("%s", messages.Last)
	}
}

func TestTheSameTagTwiceIsIngestedOnce(t *testing.T) {
	client := newClient(t)
	table := newTable(t, client)
	opts := now(table, kusto.Tags([]string{"ingest-by:batch-1"}), kusto.IfNotExists("batch-1"))
	for range 2 {
		result, err := client.FromBytes(within(t), []byte(twoRows), opts...)
		ingested(t, result, err)
	}
	mustCount(t, client, table, 2)
}
