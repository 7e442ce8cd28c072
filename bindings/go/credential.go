package kustoingest

// #include "shim.h"
import "C"

import (
	"context"
	"fmt"
	"time"
	"unsafe"
)

// TokenRequest describes the token that is requested.
type TokenRequest struct {
	Scope  string // Such as "https://kusto.kusto.windows.net/.default".
	Tenant string // The Entra tenant, if the connection string names one.
}

// AccessToken is a bearer token. With a zero ExpiresOn it is used for one request only.
type AccessToken struct {
	Token     string
	ExpiresOn time.Time
}

// RetryableError marks an error of a token callback as transient: it is asked again, and calls that fail
// nevertheless have [RetryLater]. Errors that say so themselves need no mark: one with an HTTP status 408, 429 or
// from 500 on (a field StatusCode, or RawResponse with one, as azcore and azidentity have), a broken connection, a
// time limit, an [Error] with RetryLater, also when another error wraps them. Of any other error that cannot be
// known: it is permanent.
type RetryableError struct{ Err error }

// Error is the text of the wrapped error.
func (e *RetryableError) Error() string { return e.Err.Error() }

// Unwrap is the wrapped error.
func (e *RetryableError) Unwrap() error { return e.Err }

func fixedToken(token string) (*C.kusto_credential, error) {
	var credential *C.kusto_credential
	var failure *C.kusto_error
	start, length := present(token)
	if status := C.kusto_credential_token(start, length, &credential, &failure); status != C.KUSTO_OK {
		return nil, takeError(status, failure)
	}
	return credential, nil
}

// certificateLogin is for the caller to free.
func certificateLogin(appID string, certificate, password []byte, sendChain bool, tenant string) (*C.kusto_credential, error) {
	var credential *C.kusto_credential
	var failure *C.kusto_error
	tenantText, tenantLength := text(tenant)
	app, appLength := present(appID)
	file, fileLength := present(string(certificate))
	secret, secretLength := text(string(password))
	status := C.kusto_credential_certificate(tenantText, tenantLength, app, appLength,
		(*C.uint8_t)(unsafe.Pointer(file)), fileLength, secret, secretLength, &credential, &failure)
	if status != C.KUSTO_OK {
		return nil, takeError(status, failure)
	}
	if !sendChain {
		return credential, nil
	}
	key, keyLength := present("send chain")
	value, valueLength := present("true")
	if status := C.kusto_credential_set(credential, key, keyLength, value, valueLength, &failure); status != C.KUSTO_OK {
		C.kusto_credential_free(credential)
		return nil, takeError(status, failure)
	}
	return credential, nil
}

// tokens is the user data of the library's token callback.
type tokens struct {
	get      getToken
	failures *tokenFailures
	ctx      context.Context
	cancel   context.CancelFunc
}

type getToken func(context.Context, TokenRequest) (AccessToken, error)

// No call can wait for a token any more.
func (t *tokens) dropped() { t.cancel() }

func tokenCallback(get getToken, failures *tokenFailures) (*C.kusto_credential, error) {
	asked := &tokens{get: get, failures: failures}
	asked.ctx, asked.cancel = context.WithCancel(context.Background())
	var credential *C.kusto_credential
	var failure *C.kusto_error
	if status := C.shim_credential_callback(register(asked), &credential, &failure); status != C.KUSTO_OK {
		return nil, takeError(status, failure)
	}
	return credential, nil
}

//export goKustoToken
func goKustoToken(user C.uintptr_t, request *C.kusto_token_request) {
	// The library's thread must not wait.
	go valueOf[*tokens](user).answer(request)
}

func (t *tokens) answer(request *C.kusto_token_request) {
	token, err := t.ask(TokenRequest{
		Scope:  copied(func(n *C.size_t) *C.char { return C.kusto_token_request_scope(request, n) }),
		Tenant: copied(func(n *C.size_t) *C.char { return C.kusto_token_request_tenant(request, n) }),
	})
	if err != nil {
		t.failures.add(err)
		var retryable C.kusto_bool
		if passes(err) {
			retryable = 1
		}
		start, length := present(err.Error())
		C.kusto_token_request_fail(request, retryable, start, length)
		return
	}
	var expires C.int64_t
	if !token.ExpiresOn.IsZero() {
		expires = C.int64_t(token.ExpiresOn.Unix())
	}
	start, length := present(token.Token)
	C.kusto_token_request_complete(request, start, length, expires)
}

// ask calls the user's function. Every request is answered, even when the function fails or panics.
func (t *tokens) ask(request TokenRequest) (token AccessToken, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = panicError("the token callback", panicked)
		}
	}()
	return t.get(t.ctx, request)
}

func panicError(whose string, panicked any) error {
	if cause, ok := panicked.(error); ok {
		return fmt.Errorf("%s panicked: %w", whose, cause)
	}
	return fmt.Errorf("%s panicked: %v", whose, panicked)
}
