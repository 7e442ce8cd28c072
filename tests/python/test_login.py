"""Every login of the unmodified official SDK, at the local Entra ID: by the real names, through the emulator's proxy."""

import base64
import datetime
import json
import os
import ssl
import subprocess
import sys
import threading
import urllib.request

import pytest
from azure.kusto.data import KustoClient
from azure.kusto.data import KustoConnectionStringBuilder as Builder
from azure.kusto.data.exceptions import KustoAuthenticationError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

CLUSTER = "https://help.kusto.windows.net"
TENANT = "11111111-1111-1111-1111-111111111111"
APP = "22222222-2222-2222-2222-222222222222"
ASSIGNED = "33333333-0000-0000-0000-000000000002"
ALICE = ("alice@contoso.test", "pa$$ w%rd")
BROWSER = """
import json, os, ssl, sys, urllib.request
own = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=os.environ["REQUESTS_CA_BUNDLE"]))
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), own)
opener.open(urllib.request.Request(os.environ["KUSTO_TEST_BROWSE"], data=json.dumps({"url": sys.argv[1]}).encode()))
"""


class Entra:
    """An emulator that plays Entra ID, and its control endpoints."""

    def __init__(self, ready):
        self.ready = ready
        own = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=ready["ca_file"]))
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), own)

    def address(self, path):
        return f"{self.ready['engine']}/emulator/v1/entra/{path}"

    def control(self, path, body=None, method=None):
        data = None if body is None else json.dumps(body).encode()
        answer = self.opener.open(urllib.request.Request(self.address(path), data=data, method=method)).read()
        return json.loads(answer) if answer else None

    def change(self, change):
        directory = self.control("directory")
        change(directory)
        self.control("directory", directory, "PUT")


@pytest.fixture(scope="module")
def entra():
    flags = ["--port", "0", "--entra", "--tls", "--tls-name", "help.kusto.windows.net", "--login-proxy-port", "0"]
    with subprocess.Popen([os.environ["KUSTO_TEST_EMULATOR"], *flags], stdout=subprocess.PIPE, text=True) as process:
        line = next(line for line in process.stdout if line.startswith("READY "))
        entra = Entra(json.loads(line.removeprefix("READY ")))
        entra.change(lambda directory: directory["tokens"].update(pollSeconds=1))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("HTTPS_PROXY", entra.ready["login_proxy"])
            patch.setenv("REQUESTS_CA_BUNDLE", entra.ready["ca_file"])
            yield entra
        process.terminate()


def answers(builder):
    with KustoClient(builder) as client:
        return client.execute("NetDefaultDB", "print 42").primary_results[0][0][0] == 42


def test_application_key(entra):
    assert answers(Builder.with_aad_application_key_authentication(CLUSTER, APP, "secret1", TENANT))


def test_a_wrong_key_is_named(entra):
    with pytest.raises(KustoAuthenticationError, match="AADSTS7000215"):
        answers(Builder.with_aad_application_key_authentication(CLUSTER, APP, "wrong", TENANT))


@pytest.mark.parametrize("sends_chain", [False, True])
def test_application_certificate(entra, sends_chain):
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "app1")])
    now, day = datetime.datetime.now(datetime.timezone.utc), datetime.timedelta(days=1)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - day).not_valid_after(now + day)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    certificate = builder.sign(key, hashes.SHA256())
    registered = base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()
    entra.change(lambda directory: directory["apps"][2].update(certificates=[registered]))
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    public, thumbprint = certificate.public_bytes(pem).decode(), certificate.fingerprint(hashes.SHA1()).hex()
    if sends_chain:
        login = Builder.with_aad_application_certificate_sni_authentication(CLUSTER, APP, private, public, thumbprint, TENANT)
    else:
        login = Builder.with_aad_application_certificate_authentication(CLUSTER, APP, private, thumbprint, TENANT)
    assert answers(login)


def test_user_and_password(entra):
    assert answers(Builder.with_aad_user_password_authentication(CLUSTER, *ALICE, TENANT))


def test_a_password_alone_is_not_enough(entra):
    with pytest.raises(KustoAuthenticationError, match="AADSTS50076"):
        answers(Builder.with_aad_user_password_authentication(CLUSTER, "mfa@contoso.test", ALICE[1], TENANT))


def test_device_code(entra):
    ended = threading.Event()

    def approve():
        while not ended.wait(0.1):
            for device in entra.control("devices"):
                entra.control(f"devices/{device['userCode']}", {"action": "approve", "user": "alice"})

    user = threading.Thread(target=approve)
    user.start()
    try:
        assert answers(Builder.with_aad_device_authentication(CLUSTER))
    finally:
        ended.set()
        user.join()


def test_interactive(entra, tmp_path, monkeypatch):
    script = tmp_path / "browser.py"
    script.write_text(BROWSER)
    monkeypatch.setenv("KUSTO_TEST_BROWSE", entra.address("browse"))
    monkeypatch.setenv("BROWSER", f"{sys.executable} {script} %s &")
    # A browser that was chosen before stays chosen.
    monkeypatch.setattr("webbrowser._tryorder", None)
    assert answers(Builder.with_interactive_login(CLUSTER))


@pytest.mark.parametrize("identity", [{}, {"client_id": ASSIGNED}])
def test_managed_identity_of_a_virtual_machine(entra, monkeypatch, identity):
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", entra.ready["identity"])
    assert answers(Builder.with_aad_managed_service_identity_authentication(CLUSTER, **identity))


def test_managed_identity_of_app_service(entra, monkeypatch):
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{entra.ready['identity']}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "emulated-identity-header")
    assert answers(Builder.with_aad_managed_service_identity_authentication(CLUSTER))
