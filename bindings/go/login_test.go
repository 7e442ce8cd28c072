package kustoingest_test

import (
	"context"
	"errors"
	"os"
	"testing"

	kusto "kustoingest"
)

func withCredential(credential any) *kusto.ConnectionStringBuilder {
	return kusto.NewConnectionStringBuilder(connection).WithTokenCredential(credential)
}

func assertion(context.Context) (string, error) { return "an-assertion", nil }

func TestCredentialsOfThisPackage(t *testing.T) {
	for name, credential := range map[string]*kusto.Credential{
		"secret":          kusto.NewClientSecretCredential("tenant", "app", "very-secret"),
		"assertion":       kusto.NewClientAssertionCredential("tenant", "app", assertion),
		"workload":        kusto.NewWorkloadIdentityCredential("tenant", "app", "/file"),
		"for a user":      kusto.NewOnBehalfOfCredentialWithSecret("tenant", "app", "user-token", "very-secret"),
		"with assertions": kusto.NewOnBehalfOfCredentialWithClientAssertions("tenant", "app", "user-token", assertion),
		"machine":         kusto.NewManagedIdentityCredential(nil),
		"client id":       kusto.NewManagedIdentityCredential(kusto.ClientID("id")),
		"object id":       kusto.NewManagedIdentityCredential(kusto.ObjectID("id")),
		"resource id":     kusto.NewManagedIdentityCredential(kusto.ResourceID("/subscriptions/s")),
		"environment":     kusto.NewEnvironmentCredential(),
		"az":              kusto.NewAzureCLICredential(),
		"azd":             kusto.NewAzureDeveloperCLICredential(),
		"default":         kusto.NewDefaultAzureCredential(),
		"chain":           kusto.NewChainedTokenCredential(kusto.NewAzureCLICredential(), kusto.NewEnvironmentCredential()),
	} {
		t.Run(name, func(t *testing.T) {
			client, err := kusto.New(withCredential(credential))
			if err != nil {
				t.Fatal(err)
			}
			client.Close()
		})
	}
}

func TestCredentialsThatCannotBeUsed(t *testing.T) {
	nothingLeft(t)
	var none *kusto.Credential
	var nobody *kusto.ClientID
	for _, credential := range []any{kusto.NewManagedIdentityCredential(nobody), kusto.NewManagedIdentityCredential(kusto.ClientID(""))} {
		var failure *kusto.Error
		if _, err := kusto.New(withCredential(credential)); !errors.As(err, &failure) || failure.Argument != "id" {
			t.Error(err)
		}
	}
	for argument, credential := range map[string]any{
		"client_id":                    kusto.NewClientSecretCredential("tenant", "", "very-secret"),
		"getAssertion":                 kusto.NewClientAssertionCredential("tenant", "app", nil),
		"user_token":                   kusto.NewOnBehalfOfCredentialWithClientAssertions("tenant", "app", "", assertion),
		"Application Certificate Blob": kusto.NewOnBehalfOfCredentialWithCertificate("tenant", "app", "user-token", nil, nil, false),
		"credential":                   kusto.NewChainedTokenCredential(kusto.NewEnvironmentCredential(), none),
	} {
		_, err := kusto.New(withCredential(credential))
		var failure *kusto.Error
		if !errors.As(err, &failure) || failure.Argument != argument {
			t.Errorf("%s: %v", argument, err)
		}
	}
}

func TestAnEmptyTenantIsThatOfTheConnectionString(t *testing.T) {
	nothingLeft(t)
	for text, isComplete := range map[string]bool{"https://h.example;Authority Id=contoso.test": true, "https://h.example": false} {
		client, err := kusto.New(kusto.NewConnectionStringBuilder(text).WithAadAppKey("app", "very-secret", ""))
		if isComplete != (err == nil) {
			t.Errorf("%s: %v", text, err)
		}
		if err == nil {
			client.Close()
		}
	}
}

// A program overwrites its secrets and uses its slices again.
func TestACredentialKeepsWhatItWasMadeOf(t *testing.T) {
	nothingLeft(t)
	own := func(context.Context, kusto.TokenRequest) (kusto.AccessToken, error) {
		return kusto.AccessToken{Token: "a-token"}, nil
	}
	sources := []any{own}
	chain := kusto.NewChainedTokenCredential(sources...)
	sources[0] = nil
	client, err := kusto.New(withCredential(chain))
	if err != nil {
		t.Fatal(err)
	}
	client.Close()
	const folder = "../../tests/certificates/"
	certificate, err := os.ReadFile(folder + "app.crt")
	if err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(folder + "encrypted.key")
	if err != nil {
		t.Fatal(err)
	}
	password := []byte("secret-of-tests")
	file := append(certificate, key...)
	logins := []*kusto.ConnectionStringBuilder{
		withCredential(kusto.NewClientCertificateCredential("tenant", "app", file, password, false)),
		kusto.NewConnectionStringBuilder(connection).WithAppCertificateBytes("app", file, password, false, "tenant"),
	}
	clear(password)
	clear(file)
	for _, login := range logins {
		client, err := kusto.New(login)
		if err != nil {
			t.Fatal(err)
		}
		client.Close()
	}
}

func TestAChainUsesTheFirstLoginThatIsAtHand(t *testing.T) {
	t.Setenv("AZURE_FEDERATED_TOKEN_FILE", "")
	asked := 0
	own := func(context.Context, kusto.TokenRequest) (kusto.AccessToken, error) {
		asked++
		return kusto.AccessToken{Token: "a-token"}, nil
	}
	client := clientOf(t, withCredential(kusto.NewChainedTokenCredential(kusto.NewWorkloadIdentityCredential("", "app", ""), own)))
	if _, err := client.Query(within(t), database, "print 1"); err != nil || asked != 1 {
		t.Errorf("asked %d times: %v", asked, err)
	}
}

func TestTheErrorOfAChainsOwnLoginIsTheCause(t *testing.T) {
	refused := errors.New("no login today")
	own := func(context.Context, kusto.TokenRequest) (kusto.AccessToken, error) {
		return kusto.AccessToken{}, refused
	}
	client := clientOf(t, withCredential(kusto.NewChainedTokenCredential(own)))
	if _, err := client.Query(within(t), database, "print 1"); !errors.Is(err, refused) {
		t.Error(err)
	}
}
