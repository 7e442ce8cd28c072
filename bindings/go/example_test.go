package kustoingest_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kustoingest"
)

// Ingests a file into a table and waits for the result.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	kcsb := kustoingest.NewConnectionStringBuilder("https://mycluster.westeurope.kusto.windows.net;Fed=true").
		WithTokenCredential(func(ctx context.Context, request kustoingest.TokenRequest) (kustoingest.AccessToken, error) {
			return kustoingest.AccessToken{}, errors.New("ask azidentity for " + request.Scope)
		})
	client, err := kustoingest.New(kcsb, kustoingest.WithDefaultDatabase("Demo"), kustoingest.WithDefaultTable("Events"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	result, err := client.FromFile(ctx, "events.json.gz",
		kustoingest.IngestionMappingRef("EventsMapping", kustoingest.JSON),
		kustoingest.ReportResultToTable())
	if err == nil {
		err = result.Wait(ctx)
	}
	var failure *kustoingest.Error
	if errors.As(err, &failure) && !failure.Permanent() {
		fmt.Println("try again later:", failure.Message)
	}
}
