package kustoingest_test

import (
	"context"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	kusto "kustoingest"
)

const everyType = `print b=true, i=int(-7), l=long(9223372036854775807), r=real(1.5), s="t", d=datetime(2026-01-02T03:04:05.6789Z), ` +
	`ts=1d, g=guid(74be27de-1e4e-49d9-b579-fe0b331d3642), dec=decimal(1.25), dyn=dynamic({"a":[1]}), n=long(null)`

func TestTypes(t *testing.T) {
	rows, err := newClient(t).Query(within(t), "", everyType)
	if err != nil || rows.Len() != 1 || !rows.Next() {
		t.Fatal(rows, err)
	}
	values, err := rows.Values()
	expected := []any{
		true, int32(-7), int64(math.MaxInt64), 1.5, "t", time.Date(2026, 1, 2, 3, 4, 5, 678_900_000, time.UTC),
		24 * time.Hour, "74be27de-1e4e-49d9-b579-fe0b331d3642", "1.25", json.RawMessage(`{"a":[1]}`), nil,
	}
	if err != nil || !reflect.DeepEqual(values, expected) {
		t.Errorf("%#v %v", values, err)
	}
	var (
		b             bool
		i             int
		l             int64
		r             float64
		s, g, decimal string
		d             time.Time
		span          time.Duration
		dynamic       any
		n             *int64
	)
	if err := rows.Scan(&b, &i, &l, &r, &s, &d, &span, &g, &decimal, &dynamic, &n); err != nil {
		t.Fatal(err)
	}
	if !b || i != -7 || l != math.MaxInt64 || r != 1.5 || s != "t" || d != expected[5] || span != 24*time.Hour || decimal != "1.25" || n != nil {
		t.Error(b, i, l, r, s, d, span, g, decimal, dynamic, n)
	}
	if rows.Next() {
		t.Error("a second row")
	}
}

func TestRowsAsJSON(t *testing.T) {
	rows, err := newClient(t).Query(within(t), "", everyType+`, nan=real(nan), inf=-real(+inf), text="<\"&\n>"; print second=1`)
	if err != nil {
		t.Fatal(err)
	}
	const first = `"rows":[[true,-7,9223372036854775807,1.5,"t","2026-01-02T03:04:05.6789000Z","1.00:00:00",` +
		`"74be27de-1e4e-49d9-b579-fe0b331d3642","1.25",{"a":[1]},null,"NaN","-Infinity","<\"&\n>"]]}`
	const second = `{"columns":[{"name":"second","type":"long"}],"rows":[[1]]}]}`
	text := string(rows.JSON())
	if !strings.HasPrefix(text, `{"tables":[{"columns":[{"name":"b","type":"bool"},`) || !strings.Contains(text, first) || !strings.HasSuffix(text, second) {
		t.Error(text)
	}
	if !json.Valid([]byte(text)) {
		t.Error("not JSON")
	}
}

func TestScanRefusesWhatDoesNotFit(t *testing.T) {
	rows, err := newClient(t).Query(within(t), "", "print l=300, n=long(null)")
	if err != nil {
		t.Fatal(err)
	}
	var small int8
	var l, n int64
	var truth bool
	failed(t, rows.Scan(&l, &n), kusto.CodeInvalidState)
	rows.Next()
	for name, dest := range map[string][]any{
		"too few":       {&l},
		"null":          {&l, &n},
		"too small":     {&small, new(*int64)},
		"another type":  {&truth, new(*int64)},
		"no pointer":    {l, new(*int64)},
		"a nil pointer": {(*int64)(nil), new(*int64)},
	} {
		t.Run(name, func(t *testing.T) { failed(t, rows.Scan(dest...), kusto.CodeInvalidArgument) })
	}
	if text, given := rows.Text(1); given || text != "" {
		t.Error(text)
	}
	if _, given := rows.Text(7); given {
		t.Error("a column that is not there")
	}
}

// The service sees the language, its runtime and the names that the program gives.
func TestNamesAtTheService(t *testing.T) {
	headers := make(chan http.Header, 10)
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		headers <- request.Header
		io.WriteString(w, `[{"FrameType":"DataSetCompletion","HasErrors":false,"Cancelled":false}]`)
	}))
	t.Cleanup(service.Close)
	builder := kusto.NewConnectionStringBuilder(service.URL)
	builder.ApplicationForTracing, builder.UserForTracing = "the program", "somebody"
	client, err := kusto.New(builder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	if _, err := client.Query(within(t), "D", "T"); err != nil {
		t.Fatal(err)
	}
	seen := <-headers
	expected := "Kusto.kusto-ingest-go.Client:{" + kusto.Version + "}|Runtime.Go:{1."
	if version := seen.Get("x-ms-client-version"); !strings.HasPrefix(version, expected) || !strings.Contains(version, "}|Kusto.Rust.Client:{") {
		t.Error(version)
	}
	if app, user := seen.Get("x-ms-app"), seen.Get("x-ms-user"); app != "the program" || user != "somebody" {
		t.Error(app, user)
	}
}

// What the library could not read is not guessed.
func TestValuesThatAreNoneOfTheirType(t *testing.T) {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `[{"FrameType":"DataTable","TableKind":"PrimaryResult","TableName":"T","Columns":[`+
			`{"ColumnName":"b","ColumnType":"bool"},{"ColumnName":"r","ColumnType":"real"},{"ColumnName":"t","ColumnType":"timespan"}],`+
			`"Rows":[["t","0x1p-2","1h2:03:04"],[2," ","25:61:00"],["1","0X1P1","soon"]]},`+
			`{"FrameType":"DataSetCompletion","HasErrors":false,"Cancelled":false}]`)
	}))
	t.Cleanup(service.Close)
	client, err := kusto.New(kusto.NewConnectionStringBuilder(service.URL))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	rows, err := client.Query(within(t), "D", "T")
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var b, r, span any
		for column, dest := range []*any{&b, &r, &span} {
			dests := []any{new(string), new(string), new(string)}
			dests[column] = dest
			if err := rows.Scan(dests...); err == nil {
				text, _ := rows.Text(column)
				t.Errorf("%q: %v", text, *dest)
			}
		}
	}
}

func TestTimespans(t *testing.T) {
	for text, expected := range map[string]time.Duration{
		"00:00:00":            0,
		"1.02:03:04.0000005":  26*time.Hour + 3*time.Minute + 4*time.Second + 500,
		"-00:00:00.1000000":   -100 * time.Millisecond,
		"106751.00:00:00":     106751 * 24 * time.Hour,
		"-106751.00:00:00":    -106751 * 24 * time.Hour,
		"10675199.02:48:05.4": -1,
		"1.5":                 -1,
		"1h2:03:04":           -1,
		"25:61:00":            -1,
	} {
		found, err := kusto.ParseTimespan(text)
		if err != nil != (expected == -1) || err == nil && found != expected {
			t.Errorf("%s: %v %v", text, found, err)
		}
	}
}

func TestParametersAndOptions(t *testing.T) {
	client := newClient(t)
	rows, err := client.Query(within(t), "", "declare query_parameters(n:long, s:string); print n, s",
		kusto.QueryParameter("n", "41"), kusto.QueryParameter("s", "it's"), kusto.RequestOption("notruncation", "true"), kusto.ClientRequestID("KGC.test;request"))
	if err != nil || !rows.Next() {
		t.Fatal(err)
	}
	var n int64
	var s string
	if err := rows.Scan(&n, &s); err != nil || n != 41 || s != "it's" {
		t.Error(n, s, err)
	}
}

func TestNilOptionsAndAZeroTimeAreNone(t *testing.T) {
	client := newClient(t, nil)
	table := newTable(t, client)
	opts := now(table, nil, kusto.SetCreationTime(time.Time{}))
	result, err := client.FromBytes(within(t), []byte(twoRows), opts...)
	if err != nil {
		t.Fatal(err)
	}
	if err := result.Wait(within(t), nil, kusto.WithInterval(50*time.Millisecond)); err != nil {
		t.Error(err)
	}
	if _, err := client.Query(within(t), "", "print 1", nil); err != nil {
		t.Error(err)
	}
}

func TestBadArguments(t *testing.T) {
	client := newClient(t)
	table := newTable(t, client)
	ctx, data := within(t), []byte(twoRows)
	from := func(opts ...kusto.FileOption) error { return second(client.FromBytes(ctx, data, opts...)) }
	for name, test := range map[string]struct {
		err  error
		code kusto.Code
	}{
		"no table":            {from(), kusto.CodeInvalidArgument},
		"no database":         {from(kusto.Table(table), kusto.Database(" ")), kusto.CodeInvalidArgument},
		"format":              {from(kusto.Table(table), kusto.FileFormat(99)), kusto.CodeInvalidArgument},
		"mapping":             {from(kusto.Table(table), kusto.IngestionMapping("{", kusto.CSV)), kusto.CodeInvalidArgument},
		"no JSON":             {from(kusto.Table(table), kusto.IngestionMapping(func() {}, kusto.CSV)), kusto.CodeInvalidArgument},
		"source id":           {from(kusto.Table(table), kusto.SourceID("7")), kusto.CodeInvalidArgument},
		"compression":         {from(kusto.Table(table), kusto.CompressionType(9)), kusto.CodeInvalidArgument},
		"size":                {from(kusto.Table(table), kusto.RawDataSize(-1)), kusto.CodeInvalidArgument},
		"report":              {from(kusto.Table(table), kusto.Report(9, kusto.ReportToTable)), kusto.CodeInvalidArgument},
		"tag":                 {from(kusto.Table(table), kusto.Tags([]string{""})), kusto.CodeInvalidArgument},
		"property":            {from(kusto.Table(table), kusto.Property("flushImmediately", "perhaps")), kusto.CodeInvalidArgument},
		"nil reader":          {second(client.FromReader(ctx, nil, kusto.Table(table))), kusto.CodeInvalidArgument},
		"missing file":        {second(client.FromFile(ctx, "no such file", kusto.Table(table))), kusto.CodeSourceIO},
		"blob":                {second(client.FromBlob(ctx, "no url", kusto.Table(table))), kusto.CodeInvalidArgument},
		"blob's id":           {second(client.FromBlobs(ctx, []kusto.Blob{{URL: "http://a/b"}}, kusto.Table(table), kusto.RawDataSize(1))), kusto.CodeInvalidArgument},
		"tracking token":      {second(client.ResultOf("x").Status(ctx)), kusto.CodeInvalidArgument},
		"interval":            {client.ResultOf("x").Wait(ctx, kusto.WithInterval(0)), kusto.CodeInvalidArgument},
		"limit":               {second(client.PeekOutcomes(ctx, kusto.OutcomeFailures, nil, -1)), kusto.CodeInvalidArgument},
		"outcome":             {second(client.PeekOutcomes(ctx, 9, nil, 1)), kusto.CodeInvalidArgument},
		"query as command":    {second(client.Mgmt(ctx, "", "print 1")), kusto.CodeInvalidArgument},
		"command as query":    {second(client.Query(ctx, "", " .show tables")), kusto.CodeInvalidArgument},
		"hidden command":      {second(client.Query(ctx, "", "// a comment\n\ufeff.show tables")), kusto.CodeInvalidArgument},
		"nil context":         {second(client.FromBytes(nil, data, kusto.Table(table))), kusto.CodeInvalidArgument},
		"nil context, query":  {second(client.Query(nil, "", "print 1")), kusto.CodeInvalidArgument},
		"request id":          {second(client.Query(ctx, "", "print 1", kusto.ClientRequestID("\n"))), kusto.CodeInvalidArgument},
		"table without":       {second(kusto.CreateTableCommand("T")), kusto.CodeInvalidArgument},
		"column type":         {second(kusto.CreateTableCommand("T", kusto.Column{Name: "a", Type: "b"})), kusto.CodeInvalidArgument},
		"mapping of no table": {second(kusto.CreateMappingCommand("", kusto.CSV, "m", "[]", false)), kusto.CodeInvalidArgument},
	} {
		t.Run(name, func(t *testing.T) {
			if failure := failed(t, test.err, test.code); failure.Temporary() || failure.InDoubt {
				t.Errorf("%+v", *failure)
			}
		})
	}
}

func TestBadConnections(t *testing.T) {
	nothingLeft(t)
	ask := func(context.Context, kusto.TokenRequest) (kusto.AccessToken, error) {
		return kusto.AccessToken{}, nil
	}
	for name, test := range map[string]struct {
		kcsb *kusto.ConnectionStringBuilder
		opts []kusto.Option
		code kusto.Code
	}{
		"nil":      {nil, nil, kusto.CodeInvalidArgument},
		"empty":    {kusto.NewConnectionStringBuilder(""), nil, kusto.CodeConfig},
		"keyword":  {kusto.NewConnectionStringBuilder(connection + ";Colour=red"), nil, kusto.CodeConfig},
		"setting":  {kusto.NewConnectionStringBuilder(connection).WithTokenCredential(ask), []kusto.Option{kusto.WithSetting("colour", "red")}, kusto.CodeConfig},
		"value":    {kusto.NewConnectionStringBuilder(connection), []kusto.Option{kusto.WithSetting("memory budget", "little")}, kusto.CodeConfig},
		"token":    {kusto.NewConnectionStringBuilder(connection).WithAadUserToken(""), nil, kusto.CodeInvalidArgument},
		"callback": {kusto.NewConnectionStringBuilder(connection).WithTokenCredential(nil), nil, kusto.CodeInvalidArgument},
		"login":    {kusto.NewConnectionStringBuilder("https://a.kusto.windows.net;AppClientId=a;AppCert=t;TenantId=t"), nil, kusto.CodeUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := kusto.New(test.kcsb, test.opts...)
			if client != nil {
				client.Close()
			}
			failed(t, err, test.code)
		})
	}
}

func TestATokenIsNotSentToAHostNobodyKnows(t *testing.T) {
	client := clientOf(t, kusto.NewConnectionStringBuilder("https://example.com").WithAadUserToken("t"))
	failed(t, client.WarmUp(within(t)), kusto.CodeConfig)
}

func TestTheConnectionStringIsShownWithoutSecrets(t *testing.T) {
	kcsb := kusto.NewConnectionStringBuilder("https://a.kusto.windows.net;Fed=true;UserToken=very-secret")
	if text := kcsb.String(); strings.Contains(text, "very-secret") || !strings.Contains(text, "a.kusto.windows.net") {
		t.Error(text)
	}
	kcsb.ApplicationForTracing, kcsb.UserForTracing = "tests", "somebody"
	client, err := kusto.New(kcsb)
	if err != nil {
		t.Fatal(err)
	}
	client.Close()
}

func TestVersions(t *testing.T) {
	var info map[string]any
	if json.Unmarshal([]byte(kusto.BuildInfo()), &info) != nil || kusto.LibraryVersion() == "" {
		t.Error(kusto.BuildInfo(), kusto.LibraryVersion())
	}
	if kusto.CodeTimedOut.String() != "TIMED_OUT" || kusto.StateFailed.String() != "Failed" || kusto.State(99).String() != "State(99)" {
		t.Error("names")
	}
}

func TestMisspeltRequestOptionsAreRefused(t *testing.T) {
	client := newClient(t)
	_, err := client.Query(within(t), "", "print 1", kusto.RequestOption("notruncatoin", "true"))
	failure := failed(t, err, kusto.CodeInvalidArgument)
	if !strings.Contains(failure.Message, "did you mean 'notruncation'") {
		t.Error(failure)
	}
	if _, err := client.Query(within(t), "", "print 1", kusto.AdditionalRequestOption("query_of_tomorrow", "1")); err != nil {
		t.Error(err)
	}
}
