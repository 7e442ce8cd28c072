package kustoingest

// #include "shim.h"
import "C"

import (
	"bytes"
	"context"
	"os"
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

	text string
	// loginKeywords and login are those of the last With...
	loginKeywords [][2]string
	// prompts: a login may ask its user, which one that the connection string alone names may not.
	prompts  bool
	showCode func(context.Context, DeviceCode) error
	login    func(*tokenFailures) (*C.kusto_credential, error)
}

// NewConnectionStringBuilder takes a connection string, such as
// "https://mycluster.westeurope.kusto.windows.net;Fed=true", or the cluster's address alone.
func NewConnectionStringBuilder(connectionString string) *ConnectionStringBuilder {
	return &ConnectionStringBuilder{text: connectionString}
}

// WithApplicationToken logs in with an application's token, which is not renewed.
func (b *ConnectionStringBuilder) WithApplicationToken(appID, appToken string) *ConnectionStringBuilder {
	b.tokenWith(func(*tokenFailures) (*C.kusto_credential, error) { return fixedToken(appToken) })
	if appID != "" {
		b.loginKeywords = [][2]string{{"Application Client Id", appID}}
	}
	return b
}

// WithAadUserToken logs in with a user's token, which is not renewed.
func (b *ConnectionStringBuilder) WithAadUserToken(userToken string) *ConnectionStringBuilder {
	return b.tokenWith(func(*tokenFailures) (*C.kusto_credential, error) { return fixedToken(userToken) })
}

// WithAadAppKey logs in as an application with its secret. An empty authorityID is that of the connection string.
func (b *ConnectionStringBuilder) WithAadAppKey(appID, appKey, authorityID string) *ConnectionStringBuilder {
	return b.loginWith(inTenant(authorityID, [2]string{"Application Client Id", appID}, [2]string{"Application Key", appKey}))
}

// WithAadUserPassAuth logs in as a user with a password, which Entra ID advises against: accounts with a second
// factor and those of federated organisations cannot.
func (b *ConnectionStringBuilder) WithAadUserPassAuth(userID, password, authorityID string) *ConnectionStringBuilder {
	return b.loginWith(inTenant(authorityID, [2]string{"User ID", userID}, [2]string{"Password", password}))
}

// WithDeviceCode logs in as a user who enters a code on any device; later tokens come without the user. show shows
// the code, on a goroutine of its own; nil writes it to the standard error. It must make no call of a client that waits
// for this login. Its context ends when the last client made from this builder is closed; its error fails the login. An empty authorityID is that of the connection
// string, or any organisation.
func (b *ConnectionStringBuilder) WithDeviceCode(authorityID string, show func(context.Context, DeviceCode) error) *ConnectionStringBuilder {
	b.loginWith(inTenant(authorityID, [2]string{"Login", "device"}))
	b.prompts, b.showCode = true, show
	return b
}

// WithInteractiveLogin logs in as a user in the system's browser on this machine; later tokens come without the user.
// Where no browser can be started the login fails, unless the setting "device code" has a code written to the standard
// error. An empty authorityID is that of the connection string, or any organisation.
func (b *ConnectionStringBuilder) WithInteractiveLogin(authorityID string) *ConnectionStringBuilder {
	b.loginWith(inTenant(authorityID, [2]string{"Login", "interactive"}))
	b.prompts = true
	return b
}

// WithAppCertificateBytes logs in as an application with a certificate: the text of a PEM file with its RSA key, or a
// PFX file, with its password. sendCertChain sends the certificate along, for applications that trust it by subject
// name and issuer.
func (b *ConnectionStringBuilder) WithAppCertificateBytes(appID string, certificate, password []byte, sendCertChain bool, authorityID string) *ConnectionStringBuilder {
	certificate, password = bytes.Clone(certificate), bytes.Clone(password)
	return b.tokenWith(func(*tokenFailures) (*C.kusto_credential, error) {
		return certificateLogin(appID, certificate, password, sendCertChain, authorityID)
	})
}

// WithAppCertificatePath is WithAppCertificateBytes with a file, which [New] reads.
func (b *ConnectionStringBuilder) WithAppCertificatePath(appID, path string, password []byte, sendCertChain bool, authorityID string) *ConnectionStringBuilder {
	password = bytes.Clone(password)
	return b.tokenWith(func(*tokenFailures) (*C.kusto_credential, error) {
		certificate, err := os.ReadFile(path)
		if err != nil {
			failure := invalidArgument("path", err.Error())
			failure.cause = err
			return nil, failure
		}
		return certificateLogin(appID, certificate, password, sendCertChain, authorityID)
	})
}

// WithSystemManagedIdentity logs in with the identity that belongs to the machine.
func (b *ConnectionStringBuilder) WithSystemManagedIdentity() *ConnectionStringBuilder {
	return b.withIdentity("system")
}

// WithUserAssignedIdentityClientId logs in with an identity that was assigned to the machine, by its client id.
func (b *ConnectionStringBuilder) WithUserAssignedIdentityClientId(clientID string) *ConnectionStringBuilder {
	return b.withIdentity("clientid:" + clientID)
}

// WithUserManagedIdentity is WithUserAssignedIdentityClientId under its older name.
func (b *ConnectionStringBuilder) WithUserManagedIdentity(clientID string) *ConnectionStringBuilder {
	return b.WithUserAssignedIdentityClientId(clientID)
}

// WithUserAssignedIdentityResourceId logs in with an identity that was assigned to the machine, by its resource
// id ("/subscriptions/...").
func (b *ConnectionStringBuilder) WithUserAssignedIdentityResourceId(resourceID string) *ConnectionStringBuilder {
	return b.withIdentity(resourceID)
}

// WithAzCli logs in as whoever is logged in to the Azure CLI.
func (b *ConnectionStringBuilder) WithAzCli() *ConnectionStringBuilder {
	return b.loginWith([][2]string{{"Login", "azcli"}})
}

// WithDefaultAzureCredential logs in with the first of these that is at hand: the environment's variables,
// workload identity, managed identity, the Azure CLI, the Azure Developer CLI.
func (b *ConnectionStringBuilder) WithDefaultAzureCredential() *ConnectionStringBuilder {
	return b.loginWith([][2]string{{"Login", "default"}})
}

// WithKubernetesWorkloadIdentity logs in as an application with the federated token in a file. Empty texts are
// taken from the environment, as Azure's webhook sets it; the tenant from the connection string before that.
func (b *ConnectionStringBuilder) WithKubernetesWorkloadIdentity(appID, tokenFilePath, authorityID string) *ConnectionStringBuilder {
	return b.loginWith(inTenant(authorityID,
		[2]string{"Login", "workload"},
		[2]string{"Application Client Id", appID},
		[2]string{"Federated Token File", tokenFilePath},
	))
}

// inTenant are these keywords and the tenant's, without which the connection string names it.
func inTenant(authorityID string, keywords ...[2]string) [][2]string {
	if authorityID == "" {
		return keywords
	}
	return append(keywords, [2]string{"Authority Id", authorityID})
}

func (b *ConnectionStringBuilder) withIdentity(identity string) *ConnectionStringBuilder {
	return b.loginWith([][2]string{{"Managed Identity", identity}})
}

// loginWith replaces the login, also one of the connection string.
func (b *ConnectionStringBuilder) loginWith(keywords [][2]string) *ConnectionStringBuilder {
	b.tokenWith(nil)
	for _, other := range []string{
		"User Token", "Application Token", "Application Key", "Password", "Managed Identity", "Login",
		"Application Certificate Blob", "Application Certificate Thumbprint",
	} {
		b.loginKeywords = append(b.loginKeywords, [2]string{other, ""})
	}
	b.loginKeywords = append(b.loginKeywords, keywords...)
	return b
}

// tokenWith replaces the login, of which nothing is left: a token of another application or tenant would be asked for.
func (b *ConnectionStringBuilder) tokenWith(login func(*tokenFailures) (*C.kusto_credential, error)) *ConnectionStringBuilder {
	b.login, b.loginKeywords, b.showCode, b.prompts = login, nil, nil, false
	return b
}

// WithTokenCredential asks for a token whenever no valid one is cached, one request at a time for each scope.
// credential is an azcore.TokenCredential, such as every credential of azidentity, which gets the scope and the
// tenant of the connection string; a func(context.Context, [TokenRequest]) ([AccessToken], error); or a [Credential] of
// this package, such as that of [NewChainedTokenCredential]. It is an any since this package does without azcore; [New]
// refuses what is none of these. What is the program's own runs on a goroutine of its own; its context ends when the last
// client made from this builder is closed. An error of it is found in the errors of calls by errors.Is and errors.As;
// [RetryableError] says which of them are asked again.
func (b *ConnectionStringBuilder) WithTokenCredential(credential any) *ConnectionStringBuilder {
	return b.tokenWith(func(failures *tokenFailures) (*C.kusto_credential, error) {
		return credentialOf(credential, failures)
	})
}

// String is the connection string for logs: secrets are masked.
func (b *ConnectionStringBuilder) String() string {
	config, err := b.config(nil)
	if err != nil {
		return "invalid connection string"
	}
	defer C.kusto_config_free(config)
	return copied(func(n *C.size_t) *C.char { return C.kusto_config_redacted(config, n) })
}

// config is for the caller to free. The failures are those of the client's token callback.
func (b *ConnectionStringBuilder) config(failures *tokenFailures) (*C.kusto_config, error) {
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
	keywords := append(own, b.loginKeywords...)
	if b.ApplicationForTracing != "" {
		keywords = append(keywords, [2]string{"Application Name for Tracing", b.ApplicationForTracing})
	}
	if b.UserForTracing != "" {
		keywords = append(keywords, [2]string{"User Name for Tracing", b.UserForTracing})
	}
	if err := b.complete(config, keywords, failures); err != nil {
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

func (b *ConnectionStringBuilder) complete(config *C.kusto_config, keywords [][2]string, failures *tokenFailures) error {
	for _, keyword := range keywords {
		if err := setConfig(config, keyword[0], keyword[1]); err != nil {
			return err
		}
	}
	if b.prompts {
		if err := setPrompt(config, b.showCode, failures); err != nil {
			return err
		}
	}
	if b.login == nil {
		return nil
	}
	credential, err := b.login(failures)
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
