package kustoingest

// #include "shim.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// DeviceCode is what a login asks its user: to enter a code at an address, on any device. It does not belong in
// a log.
type DeviceCode struct {
	Message   string    // Address and code in one text for people, in the words of the service.
	URL       string    // The address to open.
	Code      string    // What to enter there.
	ExpiresOn time.Time // Until when the login waits.
}

// prompts is the user data of the library's prompts.
type prompts struct {
	show     func(context.Context, DeviceCode) error
	failures *tokenFailures
	ctx      context.Context
	cancel   context.CancelFunc
}

// No login can ask any more.
func (p *prompts) dropped() { p.cancel() }

func toStandardError(_ context.Context, asked DeviceCode) error {
	_, err := fmt.Fprintln(os.Stderr, asked.Message)
	return err
}

func setPrompt(config *C.kusto_config, show func(context.Context, DeviceCode) error, failures *tokenFailures) error {
	if show == nil {
		show = toStandardError
	}
	shown := &prompts{show: show, failures: failures}
	shown.ctx, shown.cancel = context.WithCancel(context.Background())
	var failure *C.kusto_error
	if status := C.shim_config_set_prompt(config, register(shown), &failure); status != C.KUSTO_OK {
		return takeError(status, failure)
	}
	return nil
}

// On a thread of the library, which may wait, but on which the program cannot: every call and the end of a client are
// refused there.
//
//export goKustoPrompt
func goKustoPrompt(user C.uintptr_t, kind C.int32_t, url *C.char, urlLength C.size_t, code *C.char, codeLength C.size_t, message *C.char, messageLength C.size_t, expiresOn C.int64_t) C.int32_t {
	if kind != C.KUSTO_PROMPT_DEVICE_CODE {
		return C.KUSTO_PROMPTED_OPEN_BROWSER
	}
	p := valueOf[*prompts](user)
	asked := DeviceCode{
		Message:   C.GoStringN(message, C.int(messageLength)),
		URL:       C.GoStringN(url, C.int(urlLength)),
		Code:      C.GoStringN(code, C.int(codeLength)),
		ExpiresOn: time.Unix(int64(expiresOn), 0),
	}
	shown := make(chan error, 1)
	go func() {
		// Also when the program ends its goroutine.
		err := errors.New("the prompt ended its goroutine")
		defer func() { shown <- err }()
		err = p.ask(asked)
	}()
	if err := <-shown; err != nil {
		if p.failures != nil {
			p.failures.add(err)
		}
		return -1
	}
	return C.KUSTO_PROMPTED_SHOWN
}

// ask calls the user's function. A panic is an error.
func (p *prompts) ask(asked DeviceCode) (err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = panicError("the prompt", panicked)
		}
	}()
	return p.show(p.ctx, asked)
}
