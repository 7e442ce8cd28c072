package kustoingest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	kusto "kustoingest"
)

type readFunc func([]byte) (int, error)

func (f readFunc) Read(buffer []byte) (int, error) { return f(buffer) }

// afterRows gives rows first, so that data is on its way when the reader fails.
func afterRows(then readFunc) io.Reader {
	return io.MultiReader(strings.NewReader(strings.Repeat(twoRows, 50_000)), then)
}

func TestAReaderThatFailsFailsTheIngestion(t *testing.T) {
	client := newClient(t)
	table := newTable(t, client)
	resetTraffic(t)
	broken := errors.New("the disk is on fire")
	for name, test := range map[string]struct {
		reader io.Reader
		cause  error
	}{
		"error":            {afterRows(func([]byte) (int, error) { return 0, broken }), broken},
		"error with data":  {afterRows(func(b []byte) (int, error) { return copy(b, twoRows), broken }), broken},
		"panic":            {afterRows(func([]byte) (int, error) { panic("at the disk") }), nil},
		"panic at once":    {readFunc(func([]byte) (int, error) { panic("at once") }), nil},
		"exit":             {afterRows(func([]byte) (int, error) { runtime.Goexit(); return 0, nil }), nil},
		"impossible count": {afterRows(func(b []byte) (int, error) { return len(b) + 1, nil }), nil},
		"negative count":   {afterRows(func([]byte) (int, error) { return -1, nil }), nil},
		"no progress":      {afterRows(func([]byte) (int, error) { return 0, nil }), io.ErrNoProgress},
		"unexpected end":   {iotest.TimeoutReader(afterRows(func([]byte) (int, error) { return 0, io.EOF })), iotest.ErrTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client.FromReader(within(t), test.reader, now(table)...)
			failure := failed(t, err, kusto.CodeSourceIO)
			if failure.InDoubt || errors.Unwrap(failure) == nil {
				t.Errorf("%+v", *failure)
			}
			if test.cause != nil && !errors.Is(err, test.cause) {
				t.Errorf("%v is not %v", err, test.cause)
			}
		})
	}
	if n := posted(t); n != 0 {
		t.Errorf("%d requests to queues", n)
	}
}

func TestAReaderIsReadNoFasterThanStorageTakesIt(t *testing.T) {
	client := newClient(t, kusto.WithSetting("memory budget", "8388608"))
	table := newTable(t, client)
	arm(t, stalledUploads)
	var read atomic.Int64
	random := rand.New(rand.NewSource(7))
	endless := readFunc(func(buffer []byte) (int, error) {
		n, err := random.Read(buffer)
		read.Add(int64(n))
		return n, err
	})
	ctx, cancel := context.WithCancel(within(t))
	go func() { whenStalled(t); cancel() }()
	_, err := client.FromReader(ctx, endless, now(table)...)
	failed(t, err, kusto.CodeCancelled)
	if taken := read.Load(); taken > 64<<20 {
		t.Errorf("%d bytes were read", taken)
	}
}

// noise is data that is uploaded before its end is there, as it does not get smaller.
func noise(size int64) io.Reader { return io.LimitReader(rand.New(rand.NewSource(5)), size) }

func TestARefusedUploadEndsTheCallWhileTheReaderBlocks(t *testing.T) {
	client := newClient(t)
	table := newTable(t, client)
	arm(t, `{"service": "blob", "fault": {"kind": "status", "status": 403, "code": "AuthorizationFailure"}}`)
	over := make(chan struct{})
	defer close(over)
	blocked := readFunc(func([]byte) (int, error) { <-over; return 0, io.EOF })
	// A little more than the two blocks of 4 MiB with which an upload begins.
	reader := io.MultiReader(noise(8<<20+64<<10), blocked)
	_, err := client.FromReader(context.Background(), reader, now(table)...)
	if failure := failed(t, err, kusto.CodeAuth); failure.HTTPStatus != 403 {
		t.Errorf("%+v", *failure)
	}
}

// More than the library has threads for calls that wait.
func TestManyReadersThatWait(t *testing.T) {
	const readers = 600
	client := newClient(t)
	table := newTable(t, client)
	ctx := within(t)
	var all sync.WaitGroup
	var writers []*io.PipeWriter
	for range readers {
		reader, writer := io.Pipe()
		writers = append(writers, writer)
		all.Add(1)
		go func() {
			defer all.Done()
			if _, err := client.FromReader(ctx, reader, kusto.Table(table), kusto.FlushImmediately()); err != nil {
				t.Error(err)
				reader.CloseWithError(err)
			}
		}()
	}
	// The second Write returns when the library has taken what the first one wrote.
	for _, row := range []string{"1,one\n", "2,two\n"} {
		for _, writer := range writers {
			if _, err := io.WriteString(writer, row); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, writer := range writers {
		writer.Close()
	}
	all.Wait()
	eventually(t, "all rows arrive", func() bool { return number(t, client, "['"+table+"'] | count") == 2*readers })
}

func TestProgress(t *testing.T) {
	client := newClient(t)
	table := newTable(t, client)
	var calls []kusto.Progress
	result, err := client.FromFile(within(t), file(t, "rows.csv", twoRows), now(table, kusto.OnProgress(func(p kusto.Progress) { calls = append(calls, p) }))...)
	ingested(t, result, err)
	if last := calls[len(calls)-1]; last.Read != uint64(len(twoRows)) || last.Total != last.Read || last.Sent != result.BytesSent {
		t.Errorf("%+v", calls)
	}
	arm(t, `{"service": "queue", "operation": "PutMessage", "fault": {"kind": "stall", "when": "before"}}`)
	_, err = client.FromBytes(within(t), []byte(twoRows), now(table, kusto.OnProgress(func(kusto.Progress) { panic("no more") }))...)
	if failure := failed(t, err, kusto.CodeCallback); !strings.Contains(failure.Message, "no more") {
		t.Errorf("%+v", *failure)
	}
}

func withTokens(t *testing.T, get func(context.Context, kusto.TokenRequest) (kusto.AccessToken, error)) *kusto.Client {
	t.Helper()
	return clientOf(t, kusto.NewConnectionStringBuilder(connection).WithTokenCredential(get))
}

func TestTokenCallback(t *testing.T) {
	var asked atomic.Int64
	client := withTokens(t, func(_ context.Context, request kusto.TokenRequest) (kusto.AccessToken, error) {
		asked.Add(1)
		if !strings.HasSuffix(request.Scope, "/.default") {
			t.Errorf("%+v", request)
		}
		return kusto.AccessToken{Token: "a-token", ExpiresOn: time.Now().Add(time.Hour)}, nil
	})
	if number(t, client, "print 1") != 1 || number(t, client, "print 2") != 2 || asked.Load() != 1 {
		t.Errorf("asked %d times", asked.Load())
	}
	table := newTable(t, client)
	result, err := client.FromBytes(within(t), []byte(twoRows), now(table)...)
	ingested(t, result, err)
}

type noLogin struct{ hint string }

func (e *noLogin) Error() string { return "no login today, Bearer " + e.hint }

func TestTokenCallbacksThatFail(t *testing.T) {
	refused := &noLogin{"hidden-token"}
	busy := errors.New("come back")
	for name, test := range map[string]struct {
		get   func(context.Context, kusto.TokenRequest) (kusto.AccessToken, error)
		retry kusto.Retry
		cause error
		asked int64
	}{
		"refused": {func(context.Context, kusto.TokenRequest) (kusto.AccessToken, error) {
			return kusto.AccessToken{}, refused
		}, kusto.RetryNever, refused, 1},
		"later": {func(context.Context, kusto.TokenRequest) (kusto.AccessToken, error) {
			return kusto.AccessToken{}, fmt.Errorf("busy: %w", &kusto.RetryableError{Err: busy})
		}, kusto.RetryLater, busy, 3}, // A query is asked for three times; what may be repeated, more often.
		"panic": {func(context.Context, kusto.TokenRequest) (kusto.AccessToken, error) { panic(refused) }, kusto.RetryNever, refused, 1},
		"empty": {func(context.Context, kusto.TokenRequest) (kusto.AccessToken, error) {
			return kusto.AccessToken{}, nil
		}, kusto.RetryNever, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int64
			client := withTokens(t, func(ctx context.Context, request kusto.TokenRequest) (kusto.AccessToken, error) {
				asked.Add(1)
				return test.get(ctx, request)
			})
			_, err := client.Query(within(t), "", "print 1")
			failure := failed(t, err, kusto.CodeAuth)
			if failure.Retry != test.retry || asked.Load() != test.asked || strings.Contains(err.Error(), "hidden-token") {
				t.Errorf("%+v, asked %d times", *failure, asked.Load())
			}
			if test.cause == nil {
				if errors.Unwrap(failure) != nil {
					t.Errorf("%v has a cause", err)
				}
				return
			}
			if !errors.Is(err, test.cause) {
				t.Errorf("%v does not hold %v", err, test.cause)
			}
			var own *noLogin
			if errors.As(test.cause, &own) != errors.As(err, &own) {
				t.Errorf("%v is found as %v", err, own)
			}
			if test.retry == kusto.RetryLater {
				return
			}
			if _, err := client.FromBytes(within(t), []byte(twoRows), now("T")...); !errors.Is(err, test.cause) {
				t.Errorf("%v does not hold %v", err, test.cause)
			}
			if err := client.WarmUp(within(t)); !errors.Is(err, test.cause) {
				t.Errorf("%v does not hold %v", err, test.cause)
			}
		})
	}
}

func TestAPassingFailureOfATokenCallbackIsAskedAgain(t *testing.T) {
	var asked atomic.Int64
	client := withTokens(t, func(context.Context, kusto.TokenRequest) (kusto.AccessToken, error) {
		if asked.Add(1) < 3 {
			return kusto.AccessToken{}, io.ErrUnexpectedEOF
		}
		return kusto.AccessToken{Token: "a-token", ExpiresOn: time.Now().Add(time.Hour)}, nil
	})
	if number(t, client, "print 1") != 1 {
		t.Error("no 1")
	}
}

// Its field StatusCode cannot be read.
type embedded struct{ *http.Response }

func (*embedded) Error() string { return "no response" }

// As errors of azcore and azidentity are.
type responseError struct {
	StatusCode  int
	RawResponse *http.Response
}

func (e *responseError) Error() string { return "refused" }

func TestWhichFailuresOfTokenCallbacksPass(t *testing.T) {
	_, unreachable := net.DialTimeout("tcp", "127.0.0.1:1", time.Second)
	expired, cancel := context.WithDeadline(context.Background(), time.Now())
	defer cancel()
	for _, test := range []struct {
		err    error
		passes bool
	}{
		{&kusto.RetryableError{Err: errors.New("busy")}, true},
		{&kusto.Error{Retry: kusto.RetryLater}, true},
		{&kusto.Error{Retry: kusto.RetryNever}, false},
		{&responseError{StatusCode: 408}, true},
		{&responseError{StatusCode: 429}, true},
		{&responseError{StatusCode: 503}, true},
		{&responseError{StatusCode: 401}, false},
		{&responseError{RawResponse: &http.Response{StatusCode: 500}}, true},
		{&responseError{RawResponse: &http.Response{StatusCode: 400}}, false},
		{&responseError{}, false},
		{&embedded{}, false},
		{fmt.Errorf("login failed: %w", &responseError{StatusCode: 502}), true},
		{errors.Join(errors.New("the first"), &responseError{StatusCode: 502}), true},
		{&url.Error{Op: "Get", URL: "https://login.example", Err: io.ErrUnexpectedEOF}, true},
		{&url.Error{Op: "Get", URL: "https://login.example", Err: errors.New("wrong scheme")}, false},
		{unreachable, true},
		{expired.Err(), true},
		{context.Canceled, false},
		{os.ErrNotExist, false},
		{errors.New("wrong"), false},
	} {
		if kusto.Passes(test.err) != test.passes {
			t.Errorf("%T %v: %v", test.err, test.err, !test.passes)
		}
	}
}

// As azcore has it.
type tokenOptions struct {
	Claims    string
	EnableCAE bool
	Scopes    []string
	TenantID  string
}

type tokenOfAzure struct {
	Token     string
	ExpiresOn time.Time
	RefreshOn time.Time
}

type azureCredential struct{ asked []tokenOptions }

func (c *azureCredential) GetToken(ctx context.Context, options tokenOptions) (tokenOfAzure, error) {
	c.asked = append(c.asked, options)
	return tokenOfAzure{Token: "a-token", ExpiresOn: time.Now().Add(time.Hour)}, ctx.Err()
}

type otherCredential struct{}

func (otherCredential) GetToken(context.Context, string) (string, error) { return "", nil }

type namedProvider func(context.Context, kusto.TokenRequest) (kusto.AccessToken, error)

func TestACredentialOfAzure(t *testing.T) {
	t.Run("a named function", func(t *testing.T) {
		var named namedProvider = func(context.Context, kusto.TokenRequest) (kusto.AccessToken, error) {
			return kusto.AccessToken{Token: "a-token"}, nil
		}
		if number(t, clientOf(t, kusto.NewConnectionStringBuilder(connection).WithTokenCredential(named)), "print 8") != 8 {
			t.Error("no 8")
		}
	})
	t.Run("an object", func(t *testing.T) {
		credential := &azureCredential{}
		kcsb := kusto.NewConnectionStringBuilder(connection + ";Authority Id=contoso").WithTokenCredential(credential)
		if number(t, clientOf(t, kcsb), "print 9") != 9 {
			t.Error("no 9")
		}
		if len(credential.asked) != 1 || credential.asked[0].TenantID != "contoso" || len(credential.asked[0].Scopes) != 1 {
			t.Errorf("%+v", credential.asked)
		}
	})
	for _, wrong := range []any{nil, (*azureCredential)(nil), otherCredential{}, "text", func() {}} {
		_, err := kusto.New(kusto.NewConnectionStringBuilder(connection).WithTokenCredential(wrong))
		if failure := failed(t, err, kusto.CodeInvalidArgument); failure.Argument != "credential" {
			t.Errorf("%T: %+v", wrong, *failure)
		}
	}
}

func TestATokenCallbackThatWaitsEndsWithItsClient(t *testing.T) {
	waiting, ended := make(chan struct{}), make(chan struct{})
	client := withTokens(t, func(ctx context.Context, _ kusto.TokenRequest) (kusto.AccessToken, error) {
		close(waiting)
		<-ctx.Done()
		close(ended)
		return kusto.AccessToken{}, ctx.Err()
	})
	go func() { <-waiting; client.Close() }()
	if err := client.WarmUp(within(t)); !errors.Is(err, kusto.ErrClosed) {
		t.Error(err)
	}
	<-ended
}

func TestFixedTokens(t *testing.T) {
	for name, kcsb := range map[string]*kusto.ConnectionStringBuilder{
		"application": kusto.NewConnectionStringBuilder(connection).WithApplicationToken("", "a-token"),
		"user":        kusto.NewConnectionStringBuilder(connection).WithAadUserToken("a-token"),
	} {
		t.Run(name, func(t *testing.T) {
			if number(t, clientOf(t, kcsb), "print 7") != 7 {
				t.Error("no 7")
			}
		})
	}
}

func TestLoginsAreKeywords(t *testing.T) {
	builder := func() *kusto.ConnectionStringBuilder {
		return kusto.NewConnectionStringBuilder("https://h;UserToken=of-the-text")
	}
	key := "Application Client Id=app;Application Key=****;Authority Id=tenant"
	for name, login := range map[string]struct {
		kcsb *kusto.ConnectionStringBuilder
		text string
	}{
		"key":         {builder().WithAadAppKey("app", "very-secret", "tenant"), key},
		"system":      {builder().WithSystemManagedIdentity(), "Managed Identity=system"},
		"client id":   {builder().WithUserAssignedIdentityClientId("id-1"), "Managed Identity=clientid:id-1"},
		"old name":    {builder().WithUserManagedIdentity("id-1"), "Managed Identity=clientid:id-1"},
		"resource id": {builder().WithUserAssignedIdentityResourceId("/subscriptions/s"), "Managed Identity=/subscriptions/s"},
		"az":          {builder().WithAzCli(), "Login=azcli"},
		"default":     {builder().WithAadAppKey("app", "very-secret", "tenant").WithDefaultAzureCredential(), "Login=default"},
		"identity after a token": {
			builder().WithApplicationToken("app", "very-secret").WithSystemManagedIdentity(), "Managed Identity=system",
		},
		"az after a workload": {
			builder().WithKubernetesWorkloadIdentity("app", "/f", "tenant").WithAzCli(), "Login=azcli",
		},
		"token after a key": {
			kusto.NewConnectionStringBuilder("https://h").WithAadAppKey("app", "very-secret", "tenant").WithApplicationToken("other", "t"),
			"Application Client Id=other",
		},
		"tenant of the text": {
			kusto.NewConnectionStringBuilder("https://h;Authority Id=mine").WithAadAppKey("app", "very-secret", "tenant").WithAzCli(),
			"Authority Id=mine;Login=azcli",
		},
		"workload": {
			builder().WithKubernetesWorkloadIdentity("app", "/f", "tenant"),
			"Application Client Id=app;Authority Id=tenant;Login=workload;Federated Token File=/f",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := login.kcsb.String(); got != "Data Source=https://h;"+login.text {
				t.Error(got)
			}
			client, err := kusto.New(login.kcsb)
			if err != nil {
				t.Fatal(err)
			}
			client.Close()
		})
	}
}

func TestLog(t *testing.T) {
	nothingLeft(t)
	var mu sync.Mutex
	var lines []string
	err := kusto.SetLog(kusto.LogTrace, func(level kusto.LogLevel, target, message string) {
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, fmt.Sprint(level.Level(), target, message))
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := kusto.SetLog(kusto.LogTrace, nil); err != nil {
			t.Error(err)
		}
	})
	client := clientOf(t, kusto.NewConnectionStringBuilder(connection).WithAadUserToken("very-secret"))
	table := newTable(t, client)
	result, err := client.FromBytes(within(t), []byte(twoRows), now(table)...)
	ingested(t, result, err)
	mu.Lock()
	defer mu.Unlock()
	if text := strings.Join(lines, "\n"); len(lines) == 0 || strings.Contains(text, "very-secret") || !strings.Contains(text, result.SourceID()) {
		t.Error(text)
	}
}
