package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	kusto "kustoingest"
)

// player holds the objects that the driver names.
type player struct {
	clients    map[string]*kusto.Client
	operations map[string]*operation
}

// operation is an ingestion or a call under way; its result is available when done is closed.
type operation struct {
	cancel   context.CancelFunc
	done     chan struct{}
	err      error
	result   *kusto.Result
	progress *kusto.Progress
	// told is the answer of a call; nil for an ingestion.
	told *answer
}

func newPlayer() *player {
	return &player{clients: map[string]*kusto.Client{}, operations: map[string]*operation{}}
}

func (p *player) client(said *message) *kusto.Client { return meaning(p.clients, said.get("client")) }

func (p *player) operation(said *message) *operation { return meaning(p.operations, said.get("op")) }

// receipt is that of an operation that has ended well.
func (p *player) receipt(said *message) *kusto.Result {
	result := p.operation(said).result
	if result == nil {
		misunderstand("%s: the operation has no receipt", said.verb)
	}
	return result
}

// limited is a context with the message's timeout.
func limited(said *message) (ctx context.Context, cancel context.CancelFunc) {
	if timeout := said.number("timeout", -1); timeout >= 0 {
		ctx, cancel = context.WithTimeout(context.Background(), milliseconds(timeout))
	} else {
		ctx, cancel = context.WithCancel(context.Background())
	}
	if said.flag("cancelled") {
		cancel()
	}
	return ctx, cancel
}

// assertionOf reads the message's file at each login.
func assertionOf(said *message) func(context.Context) (string, error) {
	file := said.get("file")
	return func(context.Context) (string, error) {
		text, err := os.ReadFile(file)
		return string(text), err
	}
}

func (p *player) makeClient(said *message, _ *answer) error {
	kcsb := kusto.NewConnectionStringBuilder(said.get("connection"))
	var options []kusto.Option
	for _, pair := range said.pairs {
		if pair[0] == "setting" {
			options = append(options, kusto.WithSetting(assignment(pair[1])))
		}
	}
	switch login, _ := said.find("login"); login {
	case "", "none":
	case "token":
		kcsb = kcsb.WithAadUserToken("a-token")
	case "callback":
		kcsb = kcsb.WithTokenCredential(func(context.Context, kusto.TokenRequest) (kusto.AccessToken, error) {
			return kusto.AccessToken{Token: "a-token", ExpiresOn: time.Now().Add(time.Hour)}, nil
		})
	case "failing":
		kcsb = kcsb.WithTokenCredential(func(context.Context, kusto.TokenRequest) (kusto.AccessToken, error) {
			return kusto.AccessToken{}, errors.New("the login fails")
		})
	case "federated":
		kcsb = kcsb.WithTokenCredential(kusto.NewClientAssertionCredential("", said.get("application"), assertionOf(said)))
	case "on_behalf_of":
		kcsb = kcsb.WithTokenCredential(kusto.NewOnBehalfOfCredentialWithClientAssertions("", said.get("application"), "no-token", assertionOf(said)))
	case "chain":
		kcsb = kcsb.WithTokenCredential(kusto.NewChainedTokenCredential(kusto.NewEnvironmentCredential(), kusto.NewManagedIdentityCredential(nil)))
	case "interactive":
		kcsb = kcsb.WithInteractiveLogin("")
	case "device":
		// The driver plays the user, who needs no prompt.
		kcsb = kcsb.WithDeviceCode("", func(context.Context, kusto.DeviceCode) error { return nil })
	default:
		misunderstand("unknown login: %s", login)
	}
	client, err := kusto.New(kcsb, options...)
	if err != nil {
		return err
	}
	name := said.get("client")
	if before := p.clients[name]; before != nil {
		err = before.Close()
	}
	p.clients[name] = client
	return err
}

func (p *player) start(said *message, _ *answer) error {
	name, client := said.get("op"), p.client(said)
	p.forget(name)
	begun := &operation{done: make(chan struct{})}
	var ctx context.Context
	ctx, begun.cancel = limited(said)
	taken := make(chan struct{})
	options := append(options(said), alsoCalling(kusto.FileFormat(formatOf(said)), func() { close(taken) }))
	if said.flag("progress") {
		begun.progress = &kusto.Progress{}
		options = append(options, kusto.OnProgress(func(now kusto.Progress) { *begun.progress = now }))
	}
	run := prepared(said)
	p.operations[name] = begun
	go func() {
		defer close(begun.done)
		begun.result, begun.err = run(ctx, client, options)
	}()
	// The driver's next message must find the ingestion begun, not a goroutine that has not run yet.
	select {
	case <-taken:
	case <-begun.done:
	}
	return nil
}

// alsoCalling is an option that signals when it is applied: the client has begun the call then.
func alsoCalling[T any](option func(T) error, applied func()) func(T) error {
	return func(to T) error {
		applied()
		return option(to)
	}
}

// forget ends an operation that the driver will not ask about.
func (p *player) forget(name string) {
	if begun := p.operations[name]; begun != nil {
		begun.cancel()
		<-begun.done
		delete(p.operations, name)
	}
}

func (p *player) cancel(said *message, _ *answer) error {
	p.operation(said).cancel()
	return nil
}

func (p *player) wait(said *message, told *answer) error {
	ended := p.operation(said)
	<-ended.done
	if ended.err != nil {
		return ended.err
	}
	if ended.told != nil {
		told.add(ended.told)
		return nil
	}
	told.say("source_id", ended.result.SourceID())
	told.say("items", len(ended.result.Items))
	for _, item := range ended.result.Items {
		told.say("item", item.SourceID)
	}
	told.say("format", ended.result.Items[0].Format)
	told.say("format_assumed", map[bool]int{false: 0, true: 1}[ended.result.Items[0].FormatAssumed])
	told.say("bytes_raw", ended.result.BytesRaw)
	told.say("bytes_sent", ended.result.BytesSent)
	tellDelivery(told, ended.result.Delivery)
	if ended.progress != nil {
		told.say("progress_read", ended.progress.Read)
		told.say("progress_sent", ended.progress.Sent)
		told.say("progress_total", ended.progress.Total)
	}
	return nil
}

func tellDelivery(told *answer, delivery kusto.Delivery) {
	number := map[bool]int{false: 0, true: 1}
	for word, route := range routes {
		if route == delivery.Route {
			told.say("route", word)
		}
	}
	told.say("attempts", delivery.Attempts)
	if delivery.FallbackCause != nil {
		told.say("fallback", delivery.FallbackCause.ServiceCode)
	}
	told.say("policy_failed", number[delivery.UpdatePolicy != nil && delivery.UpdatePolicy.Failed])
	told.say("duplicated", number[delivery.PossiblyDuplicated])
}

func (p *player) reset(*message, *answer) error { return p.freeAll() }

func (p *player) freeAll() (err error) {
	for name := range p.operations {
		p.forget(name)
	}
	for name, client := range p.clients {
		err = errors.Join(err, client.Close())
		delete(p.clients, name)
	}
	return err
}

// failure reports an error of the package; any other error is a defect.
func failure(err error) *answer {
	told := &answer{}
	var failed *kusto.Error
	if !errors.As(err, &failed) {
		told.say("code", fmt.Sprintf("%T", err))
		told.say("message", err)
		return told
	}
	told.say("code", failed.Code)
	told.say("message", failed.Message)
	told.say("step", failed.Step)
	told.say("host", failed.Host)
	told.say("argument", failed.Argument)
	told.say("http_status", failed.HTTPStatus)
	told.say("service_code", failed.ServiceCode)
	told.say("retry", [...]string{"unknown", "never", "later"}[failed.Retry])
	told.say("in_doubt", map[bool]int{false: 0, true: 1}[failed.InDoubt])
	told.say("attempts", len(failed.Attempts))
	told.say("handed_over", len(failed.HandedOver))
	return told
}
