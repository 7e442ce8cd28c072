package kustoingest

// #include "shim.h"
import "C"

import (
	"bytes"
	"context"
	"slices"
)

// Credential is a login of this library, for [ConnectionStringBuilder.WithTokenCredential] and as a part of another one. Its
// names are those of azidentity. Mistakes in it are reported by [New]. An empty tenant is that of the connection
// string ("Authority Id").
type Credential struct {
	// make is for its caller to free.
	make func(*tokenFailures) (*C.kusto_credential, error)
}

// made is what one of the library's functions makes, which returns a status and writes credential and error.
func made(call func(out **C.kusto_credential, failure **C.kusto_error) C.kusto_status) (*C.kusto_credential, error) {
	var credential *C.kusto_credential
	var failure *C.kusto_error
	if status := call(&credential, &failure); status != C.KUSTO_OK {
		return nil, takeError(status, failure)
	}
	return credential, nil
}

// madeBy is a credential that needs nothing of its client.
func madeBy(call func(out **C.kusto_credential, failure **C.kusto_error) C.kusto_status) *Credential {
	return &Credential{func(*tokenFailures) (*C.kusto_credential, error) { return made(call) }}
}

// NewClientSecretCredential logs in as an application with its secret.
func NewClientSecretCredential(tenantID, clientID, clientSecret string) *Credential {
	return madeBy(func(out **C.kusto_credential, failure **C.kusto_error) C.kusto_status {
		tenant, tenantLength := text(tenantID)
		client, clientLength := present(clientID)
		secret, secretLength := present(clientSecret)
		return C.kusto_credential_app_key(tenant, tenantLength, client, clientLength, secret, secretLength, out, failure)
	})
}

// NewClientCertificateCredential logs in as an application with a certificate: the text of a PEM file with its RSA key,
// or a PFX file, with its password. sendCertificateChain is for applications that trust it by subject name and issuer.
func NewClientCertificateCredential(tenantID, clientID string, certificate, password []byte, sendCertificateChain bool) *Credential {
	// The program may overwrite its own.
	certificate, password = bytes.Clone(certificate), bytes.Clone(password)
	return &Credential{func(*tokenFailures) (*C.kusto_credential, error) {
		return certificateLogin(clientID, certificate, password, sendCertificateChain, tenantID)
	}}
}

// NewClientAssertionCredential logs in as an application that trusts another issuer. getAssertion is asked for a
// token of that issuer at each login, on a goroutine of its own; its errors are treated as those of
// [ConnectionStringBuilder.WithTokenCredential].
func NewClientAssertionCredential(tenantID, clientID string, getAssertion func(context.Context) (string, error)) *Credential {
	return &Credential{func(failures *tokenFailures) (*C.kusto_credential, error) {
		if getAssertion == nil {
			return nil, invalidArgument("getAssertion", "must not be nil")
		}
		get := func(ctx context.Context, _ TokenRequest) (AccessToken, error) {
			token, err := getAssertion(ctx)
			return AccessToken{Token: token}, err
		}
		assertion, err := tokenCallback(get, failures)
		if err != nil {
			return nil, err
		}
		defer C.kusto_credential_free(assertion)
		return made(func(out **C.kusto_credential, failure **C.kusto_error) C.kusto_status {
			tenant, tenantLength := text(tenantID)
			client, clientLength := present(clientID)
			return C.kusto_credential_federated(tenant, tenantLength, client, clientLength, assertion, out, failure)
		})
	}}
}

// NewWorkloadIdentityCredential logs in as an application with the federated token in a file, which is read at each
// login. Empty texts are taken from the environment, as Azure's webhook sets it.
func NewWorkloadIdentityCredential(tenantID, clientID, tokenFilePath string) *Credential {
	return madeBy(func(out **C.kusto_credential, failure **C.kusto_error) C.kusto_status {
		tenant, tenantLength := text(tenantID)
		client, clientLength := text(clientID)
		file, fileLength := text(tokenFilePath)
		return C.kusto_credential_workload_identity(tenant, tenantLength, client, clientLength, file, fileLength, out, failure)
	})
}

// NewOnBehalfOfCredentialWithSecret logs in as the user who has called this program's application with userAssertion,
// a token; the application proves itself with its secret. One credential is for one user.
func NewOnBehalfOfCredentialWithSecret(tenantID, clientID, userAssertion, clientSecret string) *Credential {
	return onBehalfOf(NewClientSecretCredential(tenantID, clientID, clientSecret), userAssertion)
}

// NewOnBehalfOfCredentialWithCertificate is NewOnBehalfOfCredentialWithSecret for an application with a certificate, as
// [NewClientCertificateCredential] takes it.
func NewOnBehalfOfCredentialWithCertificate(tenantID, clientID, userAssertion string, certificate, password []byte, sendCertificateChain bool) *Credential {
	return onBehalfOf(NewClientCertificateCredential(tenantID, clientID, certificate, password, sendCertificateChain), userAssertion)
}

// NewOnBehalfOfCredentialWithClientAssertions is NewOnBehalfOfCredentialWithSecret for an application that trusts
// another issuer, as of [NewClientAssertionCredential].
func NewOnBehalfOfCredentialWithClientAssertions(tenantID, clientID, userAssertion string, getAssertion func(context.Context) (string, error)) *Credential {
	return onBehalfOf(NewClientAssertionCredential(tenantID, clientID, getAssertion), userAssertion)
}

func onBehalfOf(application *Credential, userAssertion string) *Credential {
	return &Credential{func(failures *tokenFailures) (*C.kusto_credential, error) {
		of, err := application.make(failures)
		if err != nil {
			return nil, err
		}
		defer C.kusto_credential_free(of)
		return made(func(out **C.kusto_credential, failure **C.kusto_error) C.kusto_status {
			user, userLength := present(userAssertion)
			return C.kusto_credential_on_behalf_of(of, user, userLength, out, failure)
		})
	}}
}

// ManagedIDKind names an identity of the machine: a [ClientID], an [ObjectID] or a [ResourceID], none by a pointer.
type ManagedIDKind interface{ kindAndText() (C.int32_t, string) }

// ClientID is an identity's client id.
type ClientID string

// ObjectID is an identity's object id.
type ObjectID string

// ResourceID is an identity's resource id ("/subscriptions/...").
type ResourceID string

func (id ClientID) kindAndText() (C.int32_t, string) { return C.KUSTO_IDENTITY_CLIENT_ID, string(id) }
func (id ObjectID) kindAndText() (C.int32_t, string) { return C.KUSTO_IDENTITY_OBJECT_ID, string(id) }
func (id ResourceID) kindAndText() (C.int32_t, string) {
	return C.KUSTO_IDENTITY_RESOURCE_ID, string(id)
}

// NewManagedIdentityCredential logs in with an identity of the machine; nil is the one that belongs to it.
func NewManagedIdentityCredential(id ManagedIDKind) *Credential {
	kind, name := C.int32_t(C.KUSTO_IDENTITY_SYSTEM), ""
	switch id := id.(type) {
	case nil:
	case ClientID, ObjectID, ResourceID:
		kind, name = id.kindAndText()
	default:
		// A pointer to one of them, which may be nil, is an identity too for the compiler.
		return &Credential{func(*tokenFailures) (*C.kusto_credential, error) {
			return nil, invalidArgument("id", "must be a ClientID, an ObjectID or a ResourceID")
		}}
	}
	return madeBy(func(out **C.kusto_credential, failure **C.kusto_error) C.kusto_status {
		start, length := text(name)
		return C.kusto_credential_managed_identity(kind, start, length, out, failure)
	})
}

// NewEnvironmentCredential logs in as the variables of the official libraries say (AZURE_TENANT_ID, AZURE_CLIENT_ID, ...).
func NewEnvironmentCredential() *Credential {
	return madeBy(func(out **C.kusto_credential, failure **C.kusto_error) C.kusto_status {
		return C.kusto_credential_environment(out, failure)
	})
}

// NewAzureCLICredential logs in as whoever is logged in to the Azure CLI.
func NewAzureCLICredential() *Credential {
	return madeBy(func(out **C.kusto_credential, failure **C.kusto_error) C.kusto_status {
		return C.kusto_credential_azure_cli(out, failure)
	})
}

// NewAzureDeveloperCLICredential logs in as whoever is logged in to the Azure Developer CLI.
func NewAzureDeveloperCLICredential() *Credential {
	return madeBy(func(out **C.kusto_credential, failure **C.kusto_error) C.kusto_status {
		return C.kusto_credential_azure_developer_cli(out, failure)
	})
}

// NewDefaultAzureCredential is [ConnectionStringBuilder.WithDefaultAzureCredential] as a part of another login.
func NewDefaultAzureCredential() *Credential {
	return madeBy(func(out **C.kusto_credential, failure **C.kusto_error) C.kusto_status {
		return C.kusto_credential_default(out, failure)
	})
}

// NewChainedTokenCredential logs in with the first of several logins that is at hand. Each is what
// [ConnectionStringBuilder.WithTokenCredential] takes. A [Credential] that is not configured here makes room for the
// next; one that is configured and refused ends the search, and so does any error of the program's own.
func NewChainedTokenCredential(sources ...any) *Credential {
	sources = slices.Clone(sources)
	return &Credential{func(failures *tokenFailures) (*C.kusto_credential, error) {
		chain, err := made(func(out **C.kusto_credential, failure **C.kusto_error) C.kusto_status {
			return C.kusto_credential_chain(out, failure)
		})
		for i := 0; err == nil && i < len(sources); i++ {
			err = addTo(chain, sources[i], failures)
		}
		if err != nil {
			C.kusto_credential_free(chain)
			return nil, err
		}
		return chain, nil
	}}
}

func addTo(chain *C.kusto_credential, source any, failures *tokenFailures) error {
	part, err := credentialOf(source, failures)
	if err != nil {
		return err
	}
	defer C.kusto_credential_free(part)
	var failure *C.kusto_error
	if status := C.kusto_credential_add(chain, part, &failure); status != C.KUSTO_OK {
		return takeError(status, failure)
	}
	return nil
}

// credentialOf is what a program gives as its credential, for the caller to free.
func credentialOf(credential any, failures *tokenFailures) (*C.kusto_credential, error) {
	if own, ok := credential.(*Credential); ok && own != nil && own.make != nil {
		return own.make(failures)
	}
	get, err := asGetToken(credential)
	if err != nil {
		return nil, err
	}
	return tokenCallback(get, failures)
}
