// Every login of Microsoft's own Go SDK, unmodified, at the local Entra ID: by the real names, through the emulator's
// proxy. And the credentials of azidentity in the binding of this project, which does not import them.
package login

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-kusto-go/azkustodata"
	"github.com/Azure/azure-kusto-go/azkustodata/kql"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	kusto "kustoingest"
)

const (
	cluster  = "https://help.kusto.windows.net"
	tenant   = "11111111-1111-1111-1111-111111111111"
	app      = "22222222-2222-2222-2222-222222222222"
	assigned = "33333333-0000-0000-0000-000000000002"
	resource = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id1"
	alice    = "alice@contoso.test"
	password = "pa$$ w%rd"
	patience = time.Minute
)

// entra is where the emulator, which plays Entra ID, can be found.
var entra struct {
	Engine     string `json:"engine"`
	CaFile     string `json:"ca_file"`
	Identity   string `json:"identity"`
	LoginProxy string `json:"login_proxy"`
}

func TestMain(m *testing.M) {
	// The names of the environment are read once, by the first request.
	emulator := exec.Command(os.Getenv("KUSTO_TEST_EMULATOR"),
		"--port", "0", "--entra", "--tls", "--tls-name", "help.kusto.windows.net", "--login-proxy-port", "0")
	output, err := emulator.StdoutPipe()
	if err == nil {
		err = emulator.Start()
	}
	if err == nil {
		err = ready(output)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Setenv("HTTPS_PROXY", entra.LoginProxy)
	os.Setenv("SSL_CERT_FILE", entra.CaFile)
	status := m.Run()
	emulator.Process.Signal(os.Interrupt)
	if err := emulator.Wait(); err != nil {
		fmt.Fprintln(os.Stderr, "the emulator:", err)
		status = 1
	}
	os.Exit(status)
}

func ready(output io.Reader) error {
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if text, found := strings.CutPrefix(lines.Text(), "READY "); found {
			go io.Copy(io.Discard, output)
			return json.Unmarshal([]byte(text), &entra)
		}
	}
	return errors.New("the emulator is not ready")
}

func control(t *testing.T, method, path string, body, answer any) {
	t.Helper()
	sent, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequest(method, entra.Engine+"/emulator/v1/entra/"+path, bytes.NewReader(sent))
	if err != nil {
		t.Fatal(err)
	}
	got, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	if got.StatusCode >= 300 {
		t.Fatalf("%s %s was answered %s", method, path, got.Status)
	}
	if answer != nil {
		if err := json.NewDecoder(got.Body).Decode(answer); err != nil {
			t.Fatal(err)
		}
	}
}

// registerWith changes the application in the directory.
func registerWith(t *testing.T, member string, value any) {
	t.Helper()
	var directory map[string]any
	control(t, "GET", "directory", nil, &directory)
	directory["apps"].([]any)[2].(map[string]any)[member] = value
	control(t, "PUT", "directory", directory, nil)
}

func builder() *azkustodata.ConnectionStringBuilder {
	return azkustodata.NewConnectionStringBuilder(cluster)
}

func answers(t *testing.T, kcsb *azkustodata.ConnectionStringBuilder) {
	t.Helper()
	if err := ask(t, kcsb); err != nil {
		t.Error(err)
	}
}

func ask(t *testing.T, kcsb *azkustodata.ConnectionStringBuilder) error {
	client, err := azkustodata.New(kcsb)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err = client.Query(ctx, "NetDefaultDB", kql.New("print 42"))
	return err
}

func TestApplicationKey(t *testing.T) { answers(t, builder().WithAadAppKey(app, "secret1", tenant)) }

func TestAWrongKeyIsNamed(t *testing.T) {
	err := ask(t, builder().WithAadAppKey(app, "wrong", tenant))
	if err == nil || !strings.Contains(err.Error(), "AADSTS7000215") {
		t.Error(err)
	}
}

// certificate is one for the application, as PEM with its key.
func certificate(t *testing.T) []byte {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "app1"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	registerWith(t, "certificates", []string{base64.StdEncoding.EncodeToString(der)})
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	return append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
}

func TestApplicationCertificate(t *testing.T) {
	for _, sendsChain := range []bool{false, true} {
		answers(t, builder().WithAppCertificateBytes(app, certificate(t), nil, sendsChain, tenant))
	}
}

func TestUserAndPassword(t *testing.T) {
	answers(t, builder().WithAadUserPassAuth(alice, password, tenant))
}

func TestAPasswordAloneIsNotEnough(t *testing.T) {
	err := ask(t, builder().WithAadUserPassAuth("mfa@contoso.test", password, tenant))
	if err == nil || !strings.Contains(err.Error(), "AADSTS50076") {
		t.Error(err)
	}
}

// The one of a virtual machine has a fixed address, which is not on this machine.
func onAppService(t *testing.T) {
	t.Setenv("IDENTITY_ENDPOINT", entra.Identity+"/msi/token")
	t.Setenv("IDENTITY_HEADER", "emulated-identity-header")
}

func TestManagedIdentityOfAppService(t *testing.T) {
	onAppService(t)
	answers(t, builder().WithSystemManagedIdentity())
	answers(t, builder().WithUserAssignedIdentityClientId(assigned))
	answers(t, builder().WithUserAssignedIdentityResourceId(resource))
}

func TestWorkloadIdentity(t *testing.T) {
	trusted := map[string]string{"issuer": "https://issuer.test", "subject": "system:serviceaccount:default:ingest"}
	registerWith(t, "federated", []any{trusted})
	var signed struct {
		Assertion string `json:"assertion"`
	}
	control(t, "POST", "assertions", trusted, &signed)
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(signed.Assertion), 0o600); err != nil {
		t.Fatal(err)
	}
	answers(t, builder().WithKubernetesWorkloadIdentity(app, file, tenant))
}

func TestDefaultAzureCredential(t *testing.T) {
	t.Setenv("AZURE_TENANT_ID", tenant)
	t.Setenv("AZURE_CLIENT_ID", app)
	t.Setenv("AZURE_CLIENT_SECRET", "secret1")
	answers(t, builder().WithDefaultAzureCredential())
}

// The browser that the SDK starts is a script, which asks the emulator's own browser.
func TestInteractive(t *testing.T) {
	programs := t.TempDir()
	script := `#!/usr/bin/env python3
import json, os, ssl, sys, urllib.request
own = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"]))
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), own)
opener.open(urllib.request.Request(os.environ["KUSTO_TEST_BROWSE"], data=json.dumps({"url": sys.argv[1]}).encode()))
`
	if err := os.WriteFile(filepath.Join(programs, "xdg-open"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", programs+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv("KUSTO_TEST_BROWSE", entra.Engine+"/emulator/v1/entra/browse")
	answers(t, builder().WithInteractiveLogin(tenant))
}

// ours is a client of this project with a credential of azidentity.
func ours(t *testing.T, credential any) *kusto.Client {
	t.Helper()
	ca, err := os.ReadFile(entra.CaFile)
	if err != nil {
		t.Fatal(err)
	}
	kcsb := kusto.NewConnectionStringBuilder(cluster + ";Authority Id=" + tenant).WithTokenCredential(credential)
	client, err := kusto.New(kcsb, kusto.WithSetting("ca certificates", string(ca)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

func TestOursTakesCredentialsOfAzidentity(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	onAppService(t)
	secret, err := azidentity.NewClientSecretCredential(tenant, app, "secret1", nil)
	if err != nil {
		t.Fatal(err)
	}
	machine, err := azidentity.NewManagedIdentityCredential(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, credential := range []any{secret, machine} {
		if _, err := ours(t, credential).Query(ctx, "NetDefaultDB", "print 42"); err != nil {
			t.Errorf("%T: %v", credential, err)
		}
	}
}

func TestOursKeepsTheErrorOfAzidentity(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	wrong, err := azidentity.NewClientSecretCredential(tenant, app, "wrong", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = ours(t, wrong).Query(ctx, "NetDefaultDB", "print 42")
	var own *kusto.Error
	var refused *azidentity.AuthenticationFailedError
	if !errors.As(err, &own) || own.Code != kusto.CodeAuth || !own.Permanent() {
		t.Errorf("%+v", err)
	}
	if !errors.As(err, &refused) || refused.RawResponse.StatusCode != http.StatusUnauthorized {
		t.Errorf("%v is found as %v", err, refused)
	}
}
