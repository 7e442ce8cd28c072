package kustoingest

// #include "shim.h"
import "C"

import (
	"context"
	"runtime"
	"strings"
)

// ConnectionStringBuilder holds the address of a cluster and how to log in. Mistakes in it are reported
// by [New]. It may be used for several clients; do not change it while [New] uses it.
type ConnectionStringBuilder struct {
	// ApplicationForTracing is the program's name in the service's logs.
	ApplicationForTracing string
	// UserForTracing is the user's name in the service's logs.
	UserForTracing string

	text     string
	keywords [][2]string
	login    func() (*C.kusto_credential, error)
}

// NewConnectionStringBuilder takes a connection string, such as
// "https://mycluster.westeurope.kusto.windows.net;Fed=true", or the cluster's address alone.
func NewConnectionStringBuilder(connectionString string) *ConnectionStringBuilder {
	return &ConnectionStringBuilder{text: connectionString}
}

// WithApplicationToken logs in with an application's token, which is not renewed.
func (b *ConnectionStringBuilder) WithApplicationToken(appID, appToken string) *ConnectionStringBuilder {
	if appID != "" {
		b.keywords = append(b.keywords, [2]string{"Application Client Id", appID})
	}
	b.login = func() (*C.kusto_credential, error) { return fixedToken(appToken) }
	return b
}

// WithAadUserToken logs in with a user's token, which is not renewed.
func (b *ConnectionStringBuilder) WithAadUserToken(userToken string) *ConnectionStringBuilder {
	b.login = func() (*C.kusto_credential, error) { return fixedToken(userToken) }
	return b
}

// WithTokenCredential asks for a token whenever no valid one is cached, one request at a time
// for each scope. The function runs on a goroutine of its own; its context ends when the last
// client made from this builder is closed.
func (b *ConnectionStringBuilder) WithTokenCredential(getToken func(context.Context, TokenRequest) (AccessToken, error)) *ConnectionStringBuilder {
	b.login = func() (*C.kusto_credential, error) { return tokenCallback(getToken) }
	return b
}

// String is the connection string for logs: secrets are masked.
func (b *ConnectionStringBuilder) String() string {
	config, err := b.config()
	if err != nil {
		return "invalid connection string"
	}
	defer C.kusto_config_free(config)
	return copied(func(n *C.size_t) *C.char { return C.kusto_config_redacted(config, n) })
}

// config is for the caller to free.
func (b *ConnectionStringBuilder) config() (*C.kusto_config, error) {
	var config *C.kusto_config
	var failure *C.kusto_error
	start, length := present(b.text)
	if status := C.kusto_config_parse(start, length, &config, &failure); status != C.KUSTO_OK {
		return nil, takeError(status, failure)
	}
	own := [][2]string{
		{"wrapper", "kusto-ingest-go/" + Version},
		{"runtime", "Go/" + goVersion()},
	}
	keywords := append(own, b.keywords...)
	if b.ApplicationForTracing != "" {
		keywords = append(keywords, [2]string{"Application Name for Tracing", b.ApplicationForTracing})
	}
	if b.UserForTracing != "" {
		keywords = append(keywords, [2]string{"User Name for Tracing", b.UserForTracing})
	}
	if err := b.complete(config, keywords); err != nil {
		C.kusto_config_free(config)
		return nil, err
	}
	return config, nil
}

// goVersion is that of the Go that the program is built with, such as "1.22.0". One that was never released
// says more, in several words.
func goVersion() string {
	for _, word := range strings.Fields(runtime.Version()) {
		if version, found := strings.CutPrefix(word, "go"); found {
			return version
		}
	}
	return "unknown"
}

func (b *ConnectionStringBuilder) complete(config *C.kusto_config, keywords [][2]string) error {
	for _, keyword := range keywords {
		if err := setConfig(config, keyword[0], keyword[1]); err != nil {
			return err
		}
	}
	if b.login == nil {
		return nil
	}
	credential, err := b.login()
	if err != nil {
		return err
	}
	defer C.kusto_credential_free(credential)
	var failure *C.kusto_error
	if status := C.kusto_config_set_credential(config, credential, &failure); status != C.KUSTO_OK {
		return takeError(status, failure)
	}
	return nil
}

func setConfig(config *C.kusto_config, name, value string) error {
	var failure *C.kusto_error
	key, keyLength := present(name)
	start, length := present(value)
	if status := C.kusto_config_set(config, key, keyLength, start, length, &failure); status != C.KUSTO_OK {
		return takeError(status, failure)
	}
	return nil
}
