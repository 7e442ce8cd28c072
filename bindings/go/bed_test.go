package kustoingest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	kusto "kustoingest"
)

// The tests need an emulator, named by KUSTO_CONNECTION_STRING and KUSTO_DATABASE.
var connection, database = os.Getenv("KUSTO_CONNECTION_STRING"), os.Getenv("KUSTO_DATABASE")

// control is the tests' own way to the emulator; it keeps no connection, and so no goroutine.
var control = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

func TestMain(m *testing.M) {
	if connection == "" || database == "" {
		fmt.Fprintln(os.Stderr, "set KUSTO_CONNECTION_STRING and KUSTO_DATABASE")
		os.Exit(1)
	}
	if err := warmUp(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// warmUp lets Go and the library make what stays for the life of a process: Go's event loop, and the
// pair of sockets of the library's runtime.
func warmUp() error {
	response, err := control.Get(engine() + "/emulator/v1/traffic")
	if err != nil {
		return err
	}
	response.Body.Close()
	client, err := kusto.New(kusto.NewConnectionStringBuilder(connection))
	if err != nil {
		return err
	}
	return client.Close()
}

// patience is a limit for tests that hang, no measure of anything.
const patience = 30 * time.Second

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("never: %s\n%s", what, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// nothingLeft fails the test when it leaves goroutines, handles or the library's threads behind. The
// threads are seen by their event loop and its sockets: names are no help, as threads that Go starts
// in a callback inherit that of the library's thread.
func nothingLeft(t *testing.T) {
	t.Helper()
	handles, goroutines, descriptors := kusto.Registered(), runtime.NumGoroutine(), eventDescriptors(t)
	t.Cleanup(func() {
		eventually(t, "all handles are given back", func() bool { return kusto.Registered() <= handles })
		eventually(t, "all goroutines have ended", func() bool { return runtime.NumGoroutine() <= goroutines })
		eventually(t, "the library has stopped", func() bool { return eventDescriptors(t) <= descriptors })
	})
}

// eventDescriptors counts this process's sockets and event loops.
func eventDescriptors(t *testing.T) (count int) {
	t.Helper()
	names, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		// One may be closed meanwhile.
		target, err := os.Readlink(name)
		if err == nil && (strings.HasPrefix(target, "socket:") || strings.Contains(target, "[eventpoll]")) {
			count++
		}
	}
	return count
}

func newClient(t *testing.T, opts ...kusto.Option) *kusto.Client {
	t.Helper()
	return clientOf(t, kusto.NewConnectionStringBuilder(connection), opts...)
}

// clientOf makes a test's first client, which leaves nothing behind.
func clientOf(t *testing.T, kcsb *kusto.ConnectionStringBuilder, opts ...kusto.Option) *kusto.Client {
	t.Helper()
	nothingLeft(t)
	return furtherClient(t, kcsb, opts...)
}

// furtherClient is for tests with several: it is closed before the first.
func furtherClient(t *testing.T, kcsb *kusto.ConnectionStringBuilder, opts ...kusto.Option) *kusto.Client {
	t.Helper()
	return constructed(t, kusto.New, kcsb, opts...)
}

// construct is one of the functions that make a client.
type construct = func(*kusto.ConnectionStringBuilder, ...kusto.Option) (*kusto.Client, error)

func constructed(t *testing.T, construct construct, kcsb *kusto.ConnectionStringBuilder, opts ...kusto.Option) *kusto.Client {
	t.Helper()
	client, err := construct(kcsb, append([]kusto.Option{kusto.WithDefaultDatabase(database)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	return client
}

var tables atomic.Int64

func newTable(t *testing.T, client *kusto.Client, columns ...kusto.Column) string {
	t.Helper()
	return namedTable(t, client, fmt.Sprintf("Go_%d_%d", time.Now().UnixNano(), tables.Add(1)), columns...)
}

func namedTable(t *testing.T, client *kusto.Client, name string, columns ...kusto.Column) string {
	t.Helper()
	if len(columns) == 0 {
		columns = []kusto.Column{{Name: "Id", Type: "long"}, {Name: "Text", Type: "string"}}
	}
	command, err := kusto.CreateTableCommand(name, columns...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Mgmt(within(t), "", command); err != nil {
		t.Fatal(err)
	}
	return name
}

// now are options that make the service ingest at once and report.
func now(table string, opts ...kusto.FileOption) []kusto.FileOption {
	return append([]kusto.FileOption{kusto.Table(table), kusto.ReportResultToTable(), kusto.FlushImmediately()}, opts...)
}

// ingested waits until the service has the data.
func ingested(t *testing.T, result *kusto.Result, err error) *kusto.Result {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if err := result.Wait(within(t), kusto.WithInterval(20*time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	return result
}

func number(t *testing.T, client *kusto.Client, query string) (value int64) {
	t.Helper()
	rows, err := client.Query(within(t), "", query)
	if err != nil {
		t.Fatal(err)
	}
	if !rows.Next() {
		t.Fatalf("%s: no rows", query)
	}
	if err := rows.Scan(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

func mustCount(t *testing.T, client *kusto.Client, table string, expected int64) {
	t.Helper()
	if found := number(t, client, fmt.Sprintf("['%s'] | count", table)); found != expected {
		t.Errorf("%s has %d rows, not %d", table, found, expected)
	}
}

// failed looks at an error's type and code.
func failed(t *testing.T, err error, code kusto.Code) *kusto.Error {
	t.Helper()
	var failure *kusto.Error
	if !errors.As(err, &failure) {
		t.Fatalf("no *Error: %v", err)
	}
	if failure.Code != code {
		t.Fatalf("%v instead of %v: %v", failure.Code, code, err)
	}
	if failure.Message == "" || failure.Step == "" {
		t.Errorf("a text is missing: %+v", *failure)
	}
	return failure
}

func engine() string {
	for _, part := range strings.Split(connection, ";") {
		if address, found := strings.CutPrefix(part, "Data Source="); found {
			return strings.TrimSuffix(address, "/")
		}
	}
	return connection
}

// ask talks to the emulator's own endpoints.
func ask(t *testing.T, method, path string, body string, answer any) {
	t.Helper()
	request, err := http.NewRequest(method, engine()+"/emulator/v1/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := control.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	said, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode >= 300 {
		t.Fatalf("%s %s: %d %s %v", method, path, response.StatusCode, said, err)
	}
	if answer != nil {
		if err := json.Unmarshal(said, answer); err != nil {
			t.Fatal(err)
		}
	}
}

// arm lets requests fail until the end of the test.
func arm(t *testing.T, rules ...string) {
	t.Helper()
	t.Cleanup(func() { ask(t, "DELETE", "faults", "", nil) })
	for _, rule := range rules {
		ask(t, "POST", "faults", rule, nil)
	}
}

// fired is how often each armed rule has fired.
func fired(t *testing.T) (counts []int) {
	t.Helper()
	var reports []struct{ Fired int }
	ask(t, "GET", "faults", "", &reports)
	for _, report := range reports {
		counts = append(counts, report.Fired)
	}
	return counts
}

// posted counts what was sent to queues since the last call of resetTraffic.
func posted(t *testing.T) int {
	t.Helper()
	var traffic struct {
		Services map[string]struct{ Requests int }
	}
	ask(t, "GET", "traffic", "", &traffic)
	return traffic.Services["queue"].Requests
}

func resetTraffic(t *testing.T) {
	t.Helper()
	ask(t, "DELETE", "traffic", "", nil)
}

// upload puts a blob of ours into the emulator's storage.
func upload(t *testing.T, name, content string) (url string) {
	t.Helper()
	var resources struct{ Containers []string }
	ask(t, "GET", "resources", "", &resources)
	address, access, _ := strings.Cut(resources.Containers[0], "?")
	url = address + "/" + name + "?" + access
	request, err := http.NewRequest("PUT", url, bytes.NewReader([]byte(content)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("x-ms-blob-type", "BlockBlob")
	request.Header.Set("x-ms-version", "2021-12-02")
	response, err := control.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		t.Fatalf("Put Blob answered %d", response.StatusCode)
	}
	return url
}

func file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
