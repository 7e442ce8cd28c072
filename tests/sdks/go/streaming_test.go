package official

import (
	"math/rand"
	"strings"
	"testing"

	"github.com/Azure/azure-kusto-go/azkustodata"
	"github.com/Azure/azure-kusto-go/azkustoingest"
	"github.com/google/uuid"
)

// What the streaming client and the managed client have in common.
type streamer interface {
	azkustoingest.Ingestor
}

// streamed makes a table that takes streaming ingestion.
func streamed(t *testing.T) string {
	t.Helper()
	name := "Go_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	for _, command := range []string{
		".create table " + name + " (Id:long, Text:string)",
		".alter table " + name + " policy streamingingestion enable",
	} {
		if err := manage(command); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if err := manage(".drop table " + name); err != nil {
			t.Error(err)
		}
	})
	return name
}

func streaming(t *testing.T, table string) streamer {
	t.Helper()
	client, err := azkustoingest.NewStreaming(azkustodata.NewConnectionStringBuilder(address), into(table)...)
	return closed(t, client, err)
}

func managed(t *testing.T, table string) streamer {
	t.Helper()
	client, err := azkustoingest.NewManaged(azkustodata.NewConnectionStringBuilder(address), into(table)...)
	return closed(t, client, err)
}

func into(table string) []azkustoingest.Option {
	return []azkustoingest.Option{
		azkustoingest.WithDefaultDatabase(database),
		azkustoingest.WithDefaultTable(table),
		azkustoingest.WithoutEndpointCorrection(),
	}
}

// closed returns the client, which is closed when the test ends.
func closed(t *testing.T, client streamer, err error) streamer {
	t.Helper()
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

func TestStreamsReadersFilesAndBlobs(t *testing.T) {
	table := streamed(t)
	for _, client := range []streamer{streaming(t, table), managed(t, table)} {
		before := counted(t, table)
		if _, err := client.FromReader(ctx, strings.NewReader("1,a\n")); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{
			write(t, "two.csv", []byte("2,b\n")),
			write(t, "three.csv.gz", packed("3,c\n")),
			upload(t, "4,d\n"),
		} {
			if _, err := client.FromFile(ctx, path, azkustoingest.FileFormat(azkustoingest.CSV)); err != nil {
				t.Fatal(path, err)
			}
		}
		if found := counted(t, table) - before; found != 4 {
			t.Fatalf("%T: %d rows are there", client, found)
		}
	}
}

func TestStreamsJsonWithAMapping(t *testing.T) {
	table := streamed(t)
	mapping := `[{"column":"Id","Properties":{"Path":"$.id"}}]`
	if err := manage(".create table " + table + " ingestion json mapping 'm' '" + mapping + "'"); err != nil {
		t.Fatal(err)
	}
	lines := strings.NewReader(`{"id":7}` + "\n" + `{"id":8}` + "\n")
	how := azkustoingest.IngestionMappingRef("m", azkustoingest.JSON)
	if _, err := streaming(t, table).FromReader(ctx, lines, how); err != nil {
		t.Fatal(err)
	}
	if found := counted(t, table+" | where Id in (7, 8)"); found != 2 {
		t.Fatalf("%d rows are there", found)
	}
}

func TestStreamingIsRefusedWithoutAPolicy(t *testing.T) {
	table := streamed(t)
	if err := manage(".delete table " + table + " policy streamingingestion"); err != nil {
		t.Fatal(err)
	}
	if _, err := streaming(t, table).FromReader(ctx, strings.NewReader("1,a\n")); err == nil {
		t.Fatal("it was not refused")
	}
	if found := counted(t, table); found != 0 {
		t.Fatalf("%d rows are there", found)
	}
}

// It compresses before it measures, so what it sends must not shrink.
func TestManagedQueuesWhatIsTooLarge(t *testing.T) {
	table := streamed(t)
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"
	noise := make([]byte, 6<<20)
	for at := range noise {
		noise[at] = letters[rand.Intn(len(letters))]
	}
	lines := strings.NewReader("1," + string(noise[:3<<20]) + "\n2," + string(noise[3<<20:]) + "\n")
	if _, err := managed(t, table).FromReader(ctx, lines, azkustoingest.FlushImmediately()); err != nil {
		t.Fatal(err)
	}
	arriveAt(t, table, 2)
}
