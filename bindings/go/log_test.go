package kustoingest_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	kusto "kustoingest"
)

func TestALoggerOfOneClient(t *testing.T) {
	nothingLeft(t)
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	kcsb := kusto.NewConnectionStringBuilder(connection).WithAadUserToken("very-secret")
	with, err := kusto.New(kcsb, kusto.WithDefaultDatabase(database), kusto.WithLogger(logger))
	if err != nil {
		t.Fatal(err)
	}
	without := furtherClient(t, kusto.NewConnectionStringBuilder(connection))
	table := newTable(t, without)
	mine, err := with.FromBytes(within(t), []byte(twoRows), now(table)...)
	ingested(t, mine, err)
	other, err := without.FromBytes(within(t), []byte(twoRows), now(table)...)
	ingested(t, other, err)
	// Afterwards nobody writes to the log.
	if err := with.Close(); err != nil {
		t.Fatal(err)
	}
	text := log.String()
	if strings.Contains(text, "very-secret") || strings.Contains(text, other.SourceID()) {
		t.Error(text)
	}
	levels := map[string]bool{}
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		var event struct {
			Level, Event, Msg string
			SourceID          string `json:"source_id"`
		}
		if err := json.Unmarshal([]byte(line), &event); err != nil || event.Event == "" || event.Msg == "" {
			t.Errorf("%s: %v", line, err)
		}
		if event.SourceID == mine.SourceID() {
			levels[event.Level] = true
		}
	}
	if !levels["INFO"] || !levels["DEBUG"] {
		t.Errorf("levels: %v\n%s", levels, text)
	}
}

func TestALoggerAboveTheLevelOfAllEvents(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError + 1}))
	client := newClient(t, kusto.WithLogger(logger))
	if _, err := client.Query(within(t), "", "NoSuchTable"); err == nil {
		t.Error("the table exists")
	}
	if err := client.Close(); err != nil || log.Len() != 0 {
		t.Errorf("%s, %v", log.String(), err)
	}
}

func TestFieldsBecomeAttributes(t *testing.T) {
	for document, expected := range map[string][]slog.Attr{
		`{"b":"x y","a":12,"r":1.5}`: {slog.String("b", "x y"), slog.Int64("a", 12), slog.Float64("r", 1.5)},
		`{}`:                         nil,
		``:                           nil,
	} {
		if found := kusto.Attributes(document); !reflect.DeepEqual(found, expected) {
			t.Errorf("%s: %v", document, found)
		}
	}
}

func TestTheRequestsOfAnIngestionHaveItsId(t *testing.T) {
	client := newClient(t)
	table := newTable(t, client)
	arm(t, `{"service": "blob", "fault": {"kind": "status", "status": 403, "code": "AuthorizationFailure"}}`)
	_, err := client.FromBytes(within(t), []byte(twoRows), kusto.Table(table), kusto.IngestionRequestID("batch-7"))
	if failure := failed(t, err, kusto.CodeAuth); !strings.HasPrefix(failure.ClientRequestID, "batch-7;") {
		t.Errorf("%+v", *failure)
	}
}

func TestAReceiptHasTheIdOfTheIngestion(t *testing.T) {
	client := newClient(t)
	result, err := client.FromBytes(within(t), []byte(twoRows), now(newTable(t, client), kusto.IngestionRequestID("batch-8"))...)
	if ingested(t, result, err); result.ClientRequestID != "batch-8" {
		t.Errorf("%+v", *result)
	}
}

func TestTheServiceSeesGo(t *testing.T) {
	client := newClient(t)
	table := newTable(t, client)
	ask(t, "DELETE", "messages", "", nil)
	result, err := client.FromBytes(within(t), []byte(twoRows), now(table)...)
	ingested(t, result, err)
	var messages struct{ Last [][]byte }
	ask(t, "GET", "messages", "", &messages)
	expected := []byte(":{" + kusto.Version + "}|Runtime.Go:{1.")
	if len(messages.Last) != 1 || !bytes.Contains(messages.Last[0], expected) {
		t.Errorf("%s", messages.Last)
	}
}
