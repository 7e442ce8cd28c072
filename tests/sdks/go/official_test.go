// Microsoft's own Go SDK, unmodified, connected to the emulator that `cargo xtask test go-sdk` has
// started: nothing in here is ours but the assertions.
package official

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-kusto-go/azkustodata"
	"github.com/Azure/azure-kusto-go/azkustodata/kql"
	"github.com/Azure/azure-kusto-go/azkustodata/query"
	"github.com/Azure/azure-kusto-go/azkustoingest"
	"github.com/google/uuid"
)

// Far more than the emulator's batching time; only a lost message waits this long.
const patience = time.Minute

var (
	address  = os.Getenv("KUSTO_TEST_ENGINE")
	database = os.Getenv("KUSTO_TEST_DATABASE")
	table    = "Go_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	ctx      = context.Background()

	engine *azkustodata.Client
	ingest *azkustoingest.Ingestion
)

func TestMain(m *testing.M) {
	status, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

func run(m *testing.M) (int, error) {
	var err error
	if engine, err = azkustodata.New(azkustodata.NewConnectionStringBuilder(address)); err != nil {
		return 1, err
	}
	defer engine.Close()
	ingest, err = azkustoingest.New(
		azkustodata.NewConnectionStringBuilder(os.Getenv("KUSTO_TEST_DATA_MANAGEMENT")),
		azkustoingest.WithDefaultDatabase(database),
		azkustoingest.WithDefaultTable(table),
		// Otherwise the SDK puts "ingest-" before an address.
		azkustoingest.WithoutEndpointCorrection(),
	)
	if err != nil {
		return 1, err
	}
	defer ingest.Close()
	columns := "(Id:long, Text:string, Bag:dynamic, At:datetime, Span:timespan, Flag:bool, Ratio:real, Key:guid)"
	if err := manage(".create table " + table + columns); err != nil {
		return 1, err
	}
	status := m.Run()
	return status, manage(".drop table " + table)
}

func manage(text string) error {
	_, err := engine.Mgmt(ctx, database, statement(text))
	return err
}

func statement(text string) *kql.Builder {
	return kql.New("").AddUnsafe(text)
}

// rows of the first table.
func rows(t *testing.T, text string, options ...azkustodata.QueryOption) []query.Row {
	t.Helper()
	answer, err := engine.Query(ctx, database, statement(text), options...)
	if err != nil {
		t.Fatal(err)
	}
	return answer.Tables()[0].Rows()
}

func one(t *testing.T, text string, options ...azkustodata.QueryOption) query.Row {
	t.Helper()
	found := rows(t, text, options...)
	if len(found) != 1 {
		t.Fatalf("%s: %d rows", text, len(found))
	}
	return found[0]
}

// arrive waits until this many rows of the table match.
func arrive(t *testing.T, filter string, count int64) {
	t.Helper()
	arriveAt(t, table+" | where "+filter, count)
}

// arriveAt waits until a query has this many rows.
func arriveAt(t *testing.T, text string, count int64) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		found := counted(t, text)
		switch {
		case found == count:
			return
		case found > count || time.Now().After(end):
			t.Fatalf("%s: %d of %d rows arrived", text, found, count)
		}
	}
}

// counted is the number of rows that a query has now.
func counted(t *testing.T, text string) int64 {
	t.Helper()
	found, err := one(t, text+" | summarize n = count()").LongByName("n")
	if err != nil {
		t.Fatal(err)
	}
	return *found
}

func write(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func packed(text string) []byte {
	var buffer bytes.Buffer
	writer := gzip.NewWriter(&buffer)
	_, _ = io.WriteString(writer, text)
	_ = writer.Close()
	return buffer.Bytes()
}

func fromFile(t *testing.T, path string, options ...azkustoingest.FileOption) *azkustoingest.Result {
	t.Helper()
	result, err := ingest.FromFile(ctx, path, append(options, azkustoingest.FlushImmediately())...)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func fromReader(t *testing.T, content string, options ...azkustoingest.FileOption) *azkustoingest.Result {
	t.Helper()
	result, err := ingest.FromReader(ctx, strings.NewReader(content), append(options, azkustoingest.FlushImmediately())...)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestCsvFile(t *testing.T) {
	fromFile(t, write(t, "größe 温度.csv", []byte("100,größe\n101,温度\n")))
	arrive(t, "Id between (100 .. 101)", 2)
	if text, err := one(t, table+" | where Id == 101 | project Text").StringByName("Text"); err != nil || text != "温度" {
		t.Fatal(text, err)
	}
}

func TestGzipFile(t *testing.T) {
	fromFile(t, write(t, "packed.csv.gz", packed("200,a\n201,b\n")))
	arrive(t, "Id between (200 .. 201)", 2)
}

func TestBigFile(t *testing.T) {
	var content strings.Builder
	for id := range 90_000 {
		fmt.Fprintf(&content, "%d,%s%f\n", 1_000_000+id, strings.Repeat("x", 90), rand.Float64())
	}
	fromFile(t, write(t, "big.csv", []byte(content.String())))
	arrive(t, "Id >= 1000000", 90_000)
}

func TestJsonReaderWithInlineMapping(t *testing.T) {
	mapping := `[{"column":"Id","Properties":{"Path":"$.id"}},{"column":"Bag","Properties":{"Path":"$.inner"}}]`
	fromReader(t, `{"id":300,"inner":{"text":"ü"}}`+"\n"+`{"id":301,"inner":{}}`+"\n",
		azkustoingest.FileFormat(azkustoingest.JSON), azkustoingest.IngestionMapping(mapping, azkustoingest.JSON))
	arrive(t, "Id between (300 .. 301)", 2)
	bag, err := one(t, table+" | where Id == 300 | project Bag").DynamicByName("Bag")
	if err != nil || string(bag) != `{"text":"ü"}` {
		t.Fatal(string(bag), err)
	}
}

func TestMappingByName(t *testing.T) {
	mapping := `[{"column":"Id","Properties":{"Ordinal":"1"}}]`
	if err := manage(".create table " + table + " ingestion csv mapping 'second' '" + mapping + "'"); err != nil {
		t.Fatal(err)
	}
	fromReader(t, "x,400\n", azkustoingest.IngestionMappingRef("second", azkustoingest.CSV))
	arrive(t, "Id == 400", 1)
}

func TestBlob(t *testing.T) {
	fromFile(t, upload(t, "skipped\n500\n"), azkustoingest.IgnoreFirstRecord(), azkustoingest.FileFormat(azkustoingest.CSV))
	arrive(t, "Id == 500", 1)
}

// upload makes a csv blob and returns its address with access.
func upload(t *testing.T, content string) string {
	t.Helper()
	answer, err := http.Get(strings.TrimSuffix(address, "/") + "/emulator/v1/resources")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var resources struct{ Containers []string }
	if err := json.NewDecoder(answer.Body).Decode(&resources); err != nil {
		t.Fatal(err)
	}
	base, sas, _ := strings.Cut(resources.Containers[0], "?")
	blob := base + "/" + uuid.NewString() + ".csv?" + sas
	request, err := http.NewRequest(http.MethodPut, blob, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("x-ms-blob-type", "BlockBlob")
	put, err := http.DefaultClient.Do(request)
	if err != nil || put.StatusCode != http.StatusCreated {
		t.Fatal(put, err)
	}
	put.Body.Close()
	return blob
}

func TestTagKeepsDataFromArrivingTwice(t *testing.T) {
	once := []azkustoingest.FileOption{
		azkustoingest.Tags([]string{"ingest-by:batch-1"}),
		azkustoingest.IfNotExists(`["batch-1"]`),
		azkustoingest.ReportResultToTable(),
	}
	final(t, fromReader(t, "600,a\n", once...))
	arrive(t, "Id == 600", 1)
	// Whatever it is reported as, it is not there twice.
	wait(fromReader(t, "600,a\n", once...))
	arrive(t, "Id == 600", 1)
}

// wait returns how an ingestion ended.
func wait(result *azkustoingest.Result) error {
	limit, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return <-result.Wait(limit, azkustoingest.WithImmediateFirst(), azkustoingest.WithInterval(200*time.Millisecond))
}

func final(t *testing.T, result *azkustoingest.Result) {
	t.Helper()
	if err := wait(result); err != nil {
		t.Fatal(err)
	}
}

func TestStatusTable(t *testing.T) {
	final(t, fromReader(t, "700,a\n", azkustoingest.ReportResultToTable()))
	err := wait(fromReader(t, "1\n", azkustoingest.Table("Nowhere"), azkustoingest.ReportResultToTable()))
	status, statusErr := azkustoingest.GetIngestionStatus(err)
	code, codeErr := azkustoingest.GetErrorCode(err)
	if statusErr != nil || codeErr != nil || status != azkustoingest.Failed || code != "BadRequest_TableNotExist" {
		t.Fatal(status, code, err)
	}
	if azkustoingest.IsRetryable(err) {
		t.Fatal("it is permanent")
	}
}

func TestEveryType(t *testing.T) {
	row := one(t, "print Id = 9223372036854775807, Text = 'é', Bag = dynamic({'a': [1, null]}), "+
		"At = datetime(2024-02-29T01:02:03.5Z), Span = time(1.02:03:04.5), Flag = true, Ratio = 0.5, "+
		"Small = int(7), Exact = decimal(1.25), Key = guid(7e8b1a4e-9a4d-4c0e-9f58-0d4f1c2ab001), Nothing = long(null)")
	type record struct {
		Id      int64
		Text    string
		Bag     map[string]any
		At      time.Time
		Span    time.Duration
		Flag    bool
		Ratio   float64
		Small   int32
		Key     uuid.UUID
		Nothing *int64
	}
	var found record
	if err := row.ToStruct(&found); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2024, 2, 29, 1, 2, 3, 500_000_000, time.UTC)
	span := 26*time.Hour + 3*time.Minute + 4*time.Second + 500*time.Millisecond
	if found.Id != 1<<63-1 || found.Text != "é" || found.Bag["a"] == nil || !found.At.Equal(at) || found.Span != span ||
		!found.Flag || found.Ratio != 0.5 || found.Small != 7 || found.Nothing != nil ||
		found.Key.String() != "7e8b1a4e-9a4d-4c0e-9f58-0d4f1c2ab001" {
		t.Fatalf("%+v", found)
	}
}

func TestParameters(t *testing.T) {
	values := kql.NewParameters().AddString("wanted", "a'b").AddLong("number", 7)
	row := one(t, "print found = wanted, n = number", azkustodata.QueryParameters(values), azkustodata.ServerTimeout(time.Minute))
	if text, err := row.StringByName("found"); err != nil || text != "a'b" {
		t.Fatal(text, err)
	}
}

func TestIterativeQuery(t *testing.T) {
	answer, err := engine.IterativeQuery(ctx, database, statement("range x from 1 to 5000 step 1"))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Close()
	count := 0
	for tables := range answer.Tables() {
		if tables.Err() != nil {
			t.Fatal(tables.Err())
		}
		if !tables.Table().IsPrimaryResult() {
			continue
		}
		for row := range tables.Table().Rows() {
			if row.Err() != nil {
				t.Fatal(row.Err())
			}
			count++
		}
	}
	if count != 5000 {
		t.Fatal(count)
	}
}

func TestProgressiveFrames(t *testing.T) {
	if found := rows(t, "range x from 1 to 5000 step 1", azkustodata.ResultsProgressiveEnabled()); len(found) != 5000 {
		t.Fatal(len(found))
	}
}

func TestQueryToJson(t *testing.T) {
	text, err := engine.QueryToJson(ctx, database, statement("print x = 1"))
	// The frames of the second version.
	if err != nil || !strings.Contains(text, `"FrameType":"DataSetHeader"`) || !strings.Contains(text, `"Version":"v2.0"`) {
		t.Fatal(text, err)
	}
}

func TestWrongQueryIsAnError(t *testing.T) {
	_, err := engine.Query(ctx, database, statement(table+" | where NoSuchColumn == 1"))
	if err == nil || !strings.Contains(err.Error(), "NoSuchColumn") {
		t.Fatal(err)
	}
}
