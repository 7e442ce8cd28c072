package kustoingest_test

import (
	"strings"
	"testing"
	"time"

	kusto "kustoingest"
)

func mustFire(t *testing.T, counts ...int) {
	t.Helper()
	for i, count := range fired(t) {
		if count < counts[i] {
			t.Errorf("rule %d fired %d times, not %d", i, count, counts[i])
		}
	}
}

func TestThrottledUploadsAreRepeated(t *testing.T) {
	client := newClient(t)
	table := newTable(t, client)
	arm(t, `{"service": "blob", "times": 2, "fault": {"kind": "status", "status": 503, "code": "ServerBusy", "retryAfter": 1}}`)
	result, err := client.FromReader(within(t), strings.NewReader(twoRows), now(table)...)
	ingested(t, result, err)
	mustFire(t, 2)
	mustCount(t, client, table, 2)
}

func TestFailoverSendsEveryByteAgain(t *testing.T) {
	client := newClient(t)
	table := newTable(t, client)
	arm(t, `{"service": "blob", "account": "kustoemu1", "fault": {"kind": "cut", "when": "during", "bytes": 3}}`)
	// The library begins with whichever account it likes.
	rows := int64(0)
	for fired(t)[0] == 0 && rows < 100 {
		result, err := client.FromReader(within(t), strings.NewReader(twoRows), now(table)...)
		ingested(t, result, err)
		rows += 2
	}
	mustFire(t, 1)
	mustCount(t, client, table, rows)
}

func TestRefusedUploadsAreAnErrorWithAttempts(t *testing.T) {
	client := newClient(t)
	table := newTable(t, client)
	arm(t, `{"service": "blob", "fault": {"kind": "status", "status": 403, "code": "AuthorizationFailure"}}`)
	_, err := client.FromBytes(within(t), []byte(twoRows), now(table)...)
	failure := failed(t, err, kusto.CodeAuth)
	if failure.HTTPStatus != 403 || failure.ServiceCode != "AuthorizationFailure" || failure.Host == "" || failure.InDoubt {
		t.Errorf("%+v", *failure)
	}
	if len(failure.Attempts) < 2 || failure.Attempts[0].Host == "" || failure.Attempts[0].HTTPStatus != 403 {
		t.Errorf("attempts: %+v", failure.Attempts)
	}
	mustFire(t, 2)
}

func TestAMessageThatMayHaveArrivedIsInDoubt(t *testing.T) {
	client := newClient(t)
	table := newTable(t, client)
	arm(t, `{"service": "queue", "operation": "PutMessage", "times": 1, "fault": {"kind": "cut", "when": "after"}}`)
	_, err := client.FromBytes(within(t), []byte(twoRows), kusto.Table(table), kusto.FlushImmediately())
	if failure := failed(t, err, kusto.CodeNetwork); !failure.InDoubt {
		t.Errorf("%+v", *failure)
	}
	mustFire(t, 1)
}

func TestARefusedSignatureIsRenewed(t *testing.T) {
	client := newClient(t)
	table := newTable(t, client)
	arm(t, `{"service": "blob", "times": 1, "fault": {"kind": "expiredSas"}}`)
	result, err := client.FromBytes(within(t), []byte(twoRows), now(table)...)
	ingested(t, result, err)
	mustFire(t, 1)
	mustCount(t, client, table, 2)
}

func TestSomeBlobsHandedOver(t *testing.T) {
	client := newClient(t)
	table := newTable(t, client)
	blobs := []kusto.Blob{{URL: upload(t, "partial-1.csv", twoRows)}, {URL: upload(t, "partial-2.csv", twoRows)}}
	arm(t, `{"service": "queue", "operation": "PutMessage", "skip": 1, "fault": {"kind": "cut", "when": "before"}}`)
	_, err := client.FromBlobs(within(t), blobs, kusto.Table(table))
	if failure := failed(t, err, kusto.CodePartial); len(failure.HandedOver) != 1 {
		t.Errorf("%+v", *failure)
	}
	mustFire(t, 1)
}

func TestServiceErrors(t *testing.T) {
	client := newClient(t)
	_, err := client.Query(within(t), "", "NoSuchTable | count")
	failure := failed(t, err, kusto.CodeService)
	if !failure.Permanent() || failure.HTTPStatus != 400 || failure.ServiceCode == "" || failure.ActivityID == "" {
		t.Errorf("%+v", *failure)
	}
	arm(t, `{"service": "query", "fault": {"kind": "status", "status": 429, "retryAfter": 7}}`)
	_, err = client.Query(within(t), "", "print 1")
	if failure := failed(t, err, kusto.CodeThrottled); failure.RetryAfter != 7*time.Second || !failure.Temporary() {
		t.Errorf("%+v", *failure)
	}
}
