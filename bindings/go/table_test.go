package kustoingest_test

import (
	"strings"
	"testing"
	"time"

	kusto "kustoingest"
)

func TestAWarmUpChecksTheTable(t *testing.T) {
	client := newClient(t)
	table := newTable(t, client)
	if err := client.WarmUpTable(within(t), kusto.Table(table)); err != nil {
		t.Fatal(err)
	}
	for missing, options := range map[string][]kusto.FileOption{
		"NoSuchTable":    {kusto.Table("NoSuchTable")},
		"NoSuchDatabase": {kusto.Database("NoSuchDatabase"), kusto.Table(table)},
		"NoSuchMapping":  {kusto.Table(table), kusto.IngestionMappingRef("NoSuchMapping", kusto.JSON)},
	} {
		failure := failed(t, client.WarmUpTable(within(t), options...), kusto.CodeNotFound)
		if !failure.Permanent() || !strings.Contains(failure.Message, missing) {
			t.Errorf("%+v", *failure)
		}
	}
	failed(t, client.WarmUpTable(within(t), kusto.Table(table), kusto.RawDataSize(-1)), kusto.CodeInvalidArgument)
}

func TestDataWithAKeyIsIngestedOnce(t *testing.T) {
	client := newClient(t)
	table := newTable(t, client)
	for _, expected := range []kusto.State{kusto.StateSucceeded, kusto.StateSkipped} {
		result, err := client.FromBytes(within(t), []byte(twoRows), now(table, kusto.Once("events.csv:0-12"))...)
		ingested(t, result, err)
		statuses, err := result.Status(within(t))
		if err != nil || len(statuses) != 1 || statuses[0].State != expected {
			t.Errorf("%+v, %v", statuses, err)
		}
	}
	result, err := client.FromBytes(within(t), []byte(twoRows), now(table, kusto.Once("events.csv:12-24"))...)
	ingested(t, result, err)
	mustCount(t, client, table, 4)
	for _, key := range []string{"", " ", "a\nb"} {
		_, err := client.FromBytes(within(t), []byte(twoRows), kusto.Table(table), kusto.Once(key))
		if failure := failed(t, err, kusto.CodeInvalidArgument); failure.Argument != "key" {
			t.Errorf("%q: %+v", key, *failure)
		}
	}
}

// The message is repeated when it may have arrived: the key keeps its data from being doubled.
func TestAKeyMakesTheMessageRepeatable(t *testing.T) {
	client := newClient(t)
	table := newTable(t, client)
	arm(t, `{"service": "queue", "operation": "PutMessage", "times": 1, "fault": {"kind": "cut", "when": "after"}}`)
	result, err := client.FromBytes(within(t), []byte(twoRows), now(table, kusto.Once("k"))...)
	if err != nil {
		t.Fatal(err)
	}
	mustFire(t, 1)
	if err := result.Wait(within(t), kusto.WithInterval(20*time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	mustCount(t, client, table, 2)
}
