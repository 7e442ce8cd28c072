package kustoingest_test

import (
	"context"
	"strings"
	"testing"

	kusto "kustoingest"
)

const policyOff = "BadRequest_StreamingIngestionPolicyNotEnabled"

// with is a client of this kind, beside the test's first.
func with(t *testing.T, construct construct, opts ...kusto.Option) *kusto.Client {
	t.Helper()
	return constructed(t, construct, kusto.NewConnectionStringBuilder(connection), opts...)
}

// streamingTable is a table whose policy lets it take streams.
func streamingTable(t *testing.T, client *kusto.Client) string {
	t.Helper()
	table := newTable(t, client)
	if _, err := client.Mgmt(within(t), "", ".alter table ['"+table+"'] policy streamingingestion enable"); err != nil {
		t.Fatal(err)
	}
	return table
}

func TestStreamedDataIsInTheTableWhenTheCallReturns(t *testing.T) {
	first := newClient(t)
	for name, construct := range map[string]construct{"streaming": kusto.NewStreaming, "managed": kusto.NewManaged} {
		t.Run(name, func(t *testing.T) {
			client, table := with(t, construct), streamingTable(t, first)
			result, err := client.FromReader(within(t), strings.NewReader(twoRows), kusto.Table(table))
			if err != nil {
				t.Fatal(err)
			}
			mustCount(t, first, table, 2)
			delivery := result.Delivery
			if delivery.Route != kusto.RouteStreamed || delivery.Attempts != 1 || delivery.FallbackCause != nil || delivery.PossiblyDuplicated {
				t.Errorf("%+v", delivery)
			}
			if policy := delivery.UpdatePolicy; policy == nil || policy.Status != "Inactive" || policy.Failed || policy.FailureReason != "" {
				t.Errorf("%+v", policy)
			}
			// Without a status table, and without asking.
			for _, result := range []*kusto.Result{result, client.ResultOf(result.TrackingToken)} {
				status, err := result.Status(within(t))
				if err != nil || len(status) != 1 || status[0].State != kusto.StateSucceeded {
					t.Errorf("%+v %v", status, err)
				}
			}
		})
	}
}

func TestWithoutAPolicyDataIsQueuedOrRefused(t *testing.T) {
	first := newClient(t)
	table := newTable(t, first)
	_, err := with(t, kusto.NewStreaming).FromBytes(within(t), []byte(twoRows), now(table)...)
	if failure := failed(t, err, kusto.CodeService); failure.ServiceCode != policyOff || failure.InDoubt || !failure.Permanent() {
		t.Errorf("%+v", *failure)
	}
	_, err = with(t, kusto.NewManaged, kusto.WithSetting("streaming unavailable", "fail")).FromBytes(within(t), []byte(twoRows), now(table)...)
	failed(t, err, kusto.CodeService)
	result, err := with(t, kusto.NewManaged).FromBytes(within(t), []byte(twoRows), now(table)...)
	ingested(t, result, err)
	delivery := result.Delivery
	if delivery.Route != kusto.RouteQueued || delivery.Attempts != 1 || delivery.UpdatePolicy != nil || delivery.PossiblyDuplicated {
		t.Errorf("%+v", delivery)
	}
	if cause := delivery.FallbackCause; cause == nil || cause.ServiceCode != policyOff || cause.Step == "" {
		t.Errorf("%+v", cause)
	}
	mustCount(t, first, table, 2)
}

func TestAnIngestionHasItsOwnMode(t *testing.T) {
	queues := newClient(t)
	streams, table := with(t, kusto.NewStreaming), streamingTable(t, queues)
	ingest := func(client *kusto.Client, opts ...kusto.FileOption) kusto.Delivery {
		result, err := client.FromBytes(within(t), []byte("1,a\n"), now(table, opts...)...)
		return ingested(t, result, err).Delivery
	}
	for _, row := range []struct {
		delivery kusto.Delivery
		route    kusto.Route
	}{
		{ingest(queues), kusto.RouteQueued},
		{ingest(queues, kusto.By(kusto.ModeStreaming)), kusto.RouteStreamed},
		{ingest(queues, kusto.By(kusto.ModeManaged)), kusto.RouteStreamed},
		{ingest(streams, kusto.By(kusto.ModeQueued)), kusto.RouteQueued},
		{ingest(streams, kusto.By(kusto.ModeManaged), kusto.Tags([]string{"drop-by:x"})), kusto.RouteQueued},
	} {
		if row.delivery.Route != row.route || row.delivery.FallbackCause != nil {
			t.Errorf("%+v", row)
		}
	}
	mustCount(t, queues, table, 5)
	_, err := queues.FromBytes(within(t), []byte("1,a\n"), kusto.Table(table), kusto.By(9))
	if failure := failed(t, err, kusto.CodeInvalidArgument); failure.Argument != "mode" {
		t.Errorf("%+v", *failure)
	}
}

func TestWhatStreamingCannotHaveIsRefusedByName(t *testing.T) {
	first := newClient(t)
	client, table := with(t, kusto.NewStreaming), streamingTable(t, first)
	for name, option := range map[string]kusto.FileOption{
		"ingestionMapping":  kusto.IngestionMapping(`[{"Column":"Id","Properties":{"Ordinal":"0"}}]`, kusto.CSV),
		"tags":              kusto.Tags([]string{"drop-by:x"}),
		"once":              kusto.Once("key"),
		"ignoreFirstRecord": kusto.IgnoreFirstRecord(),
	} {
		_, err := client.FromBytes(context.Background(), []byte(twoRows), kusto.Table(table), option)
		if failure := failed(t, err, kusto.CodeInvalidArgument); failure.Argument != name || failure.InDoubt {
			t.Errorf("%s: %+v", name, *failure)
		}
	}
	mustCount(t, first, table, 0)
}
