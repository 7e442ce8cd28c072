// Package kustoingest loads data into Azure Data Explorer (Kusto) and reports what happened to it. It
// is a thin layer on the kusto_ingest C library: behaviour, retries and limits are the library's.
//
// Queued is not ingested. An ingestion that returns without an error has handed its data over. A wrong table
// or mapping shows only in the outcome, for which the last line waits.
//
//	kcsb := kustoingest.NewConnectionStringBuilder(os.Getenv("KUSTO_CONNECTION_STRING"))
//	client, err := kustoingest.New(kcsb, kustoingest.WithDefaultDatabase("Demo"), kustoingest.WithDefaultTable("Events"))
//	if err != nil {
//		return err
//	}
//	defer client.Close()
//	result, err := client.FromFile(ctx, "events.csv", kustoingest.ReportResultToTable())
//	if err != nil {
//		return err
//	}
//	return result.Wait(ctx)
//
// A context that ends cancels the library's own work, and its deadline is the call's deadline.
// Failures are of type *[Error]. All methods of a [Client] and of a [Result] may be called by several
// goroutines at once.
package kustoingest
