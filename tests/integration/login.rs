//! Every login of Entra ID on the emulator, which checks what is sent as the service does: secrets, signatures,
//! certificates, codes, and the tokens themselves.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kusto_emulator::{Emulator, Options};
use kusto_ingest::auth::{
    ApplicationKey, Certificate, CommandLine, Credential, DeviceCode, Federated, Interactive,
    ManagedIdentity, OnBehalfOf, Prompt, Prompted, TokenCredential, UserPassword,
};
use kusto_ingest::log::{LogLevel, receiver};
use kusto_ingest::prelude::*;
use serde_json::{Value as Json, json};

use crate::bed::{DATABASE, client_of, quick, reqwest_client, soon};

const APP: &str = "22222222-2222-2222-2222-222222222222";
const TENANT: &str = "contoso.test";
const SECRET: &str = "secret1";
const USER: &str = "alice@contoso.test";
const PASSWORD: &str = "pa$$ w%rd";
const KEY: &str = include_str!("../certificates/app.key");
const CERTIFICATE: &str = include_str!("../certificates/app.crt");
const ISSUER: &str = include_str!("../certificates/ca.crt");

async fn entra() -> Emulator {
    let options = Options {
        entra: true,
        ..quick()
    };
    Emulator::start(options).await.unwrap()
}

fn control(emulator: &Emulator, path: &str) -> String {
    let base = emulator.engine_url().trim_end_matches('/');
    format!("{base}/emulator/v1/entra/{path}")
}

async fn change(emulator: &Emulator, change: impl FnOnce(&mut Json)) {
    let (http, url) = (reqwest_client(), control(emulator, "directory"));
    let mut directory: Json = http.get(&url).send().await.unwrap().json().await.unwrap();
    change(&mut directory);
    let put = http.put(&url).json(&directory).send().await.unwrap();
    assert!(put.status().is_success(), "{}", put.text().await.unwrap());
}

/// A POST from the thread of a prompt.
fn post(url: &str, body: &Json) {
    let url = url::Url::parse(url).unwrap();
    let host = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
    let mut stream = std::net::TcpStream::connect(&host).unwrap();
    let body = body.to_string();
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n",
        url.path(),
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
}

async fn query(client: &Client) -> Result<()> {
    let none = RequestProperties::new();
    client
        .query(DATABASE, "print 1", &none, soon())
        .await
        .map(|_| ())
}

type Result<T> = std::result::Result<T, Error>;

async fn tried(emulator: &Emulator, login: impl TokenCredential + 'static) -> Result<()> {
    let client = client_of(emulator).credential(Arc::new(login)).build()?;
    query(&client).await
}

#[tokio::test]
async fn an_application_logs_in_with_its_key_and_a_user_with_a_password() {
    let emulator = entra().await;
    let key = |key: &str| ApplicationKey::new(APP, key).with_tenant(TENANT);
    tried(&emulator, key(SECRET)).await.unwrap();
    let error = tried(&emulator, key("wrong-key")).await.unwrap_err();
    assert_eq!(error.service_code(), Some("AADSTS7000215"), "{error}");
    tried(&emulator, UserPassword::new(USER, PASSWORD))
        .await
        .unwrap();
    let second = UserPassword::new("mfa@contoso.test", PASSWORD);
    let error = tried(&emulator, second).await.unwrap_err();
    assert_eq!(error.service_code(), Some("AADSTS50076"), "{error}");
    assert!(error.message().contains("device code"), "{error}");
}

fn der(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with('-')).collect()
}

#[tokio::test]
async fn the_signature_of_a_certificate_is_accepted_and_another_ones_is_not() {
    let emulator = entra().await;
    let pem = format!("{KEY}{CERTIFICATE}{ISSUER}");
    let login = Certificate::new(APP, pem.as_bytes(), None)
        .unwrap()
        .with_tenant(TENANT);
    let error = tried(&emulator, login.clone()).await.unwrap_err();
    assert_eq!(error.service_code(), Some("AADSTS700027"), "{error}");
    change(&emulator, |directory| {
        directory["apps"][2]["certificates"] = json!([der(CERTIFICATE)]);
    })
    .await;
    tried(&emulator, login.clone()).await.unwrap();
    tried(&emulator, login.clone().with_chain(true))
        .await
        .unwrap();
    // RS256 with the SHA-1, as older libraries sign.
    let thumbprint = "E072A6E540DDDA611119D5E5A4BC5F1D1AD2713D";
    tried(&emulator, login.with_thumbprint(thumbprint).unwrap())
        .await
        .unwrap();
    let alone = Certificate::new(APP, KEY.as_bytes(), None)
        .unwrap()
        .with_tenant(TENANT);
    tried(&emulator, alone.with_thumbprint(thumbprint).unwrap())
        .await
        .unwrap();
}

fn device(emulator: &Emulator, decision: Json) -> DeviceCode {
    let devices = control(emulator, "devices");
    DeviceCode::new(move |prompt| {
        post(&format!("{devices}/{}", prompt.code().unwrap()), &decision);
        Ok(Prompted::Shown)
    })
}

fn browser(emulator: &Emulator) -> Interactive {
    let browse = control(emulator, "browse");
    Interactive::new().with_prompt(move |prompt: &Prompt| {
        post(&browse, &json!({"url": prompt.url()}));
        Ok(Prompted::Shown)
    })
}

#[tokio::test]
async fn a_user_logs_in_on_a_device_and_in_a_browser() {
    let emulator = entra().await;
    change(&emulator, |directory| {
        directory["tokens"]["pollSeconds"] = json!(1)
    })
    .await;
    let approve = json!({"action": "approve", "user": "alice"});
    tried(&emulator, device(&emulator, approve)).await.unwrap();
    let decline = json!({"action": "decline"});
    let error = tried(&emulator, device(&emulator, decline))
        .await
        .unwrap_err();
    assert!(error.message().contains("declined"), "{error}");
    let expire = json!({"action": "expire"});
    let error = tried(&emulator, device(&emulator, expire))
        .await
        .unwrap_err();
    assert!(error.message().contains("begin the login again"), "{error}");
    tried(&emulator, browser(&emulator)).await.unwrap();
    tried(&emulator, browser(&emulator).with_hint("alice"))
        .await
        .unwrap();
    let error = tried(&emulator, browser(&emulator).with_hint("nobody")).await;
    assert_eq!(error.unwrap_err().service_code(), Some("access_denied"));
}

/// What docs/LOGIN.md shows is what the user sees and answers.
#[tokio::test]
async fn the_documented_device_login_is_as_it_is() {
    let page = include_str!("../../docs/LOGIN.md");
    let (code, base) = ("36FF77BEF", "http://127.0.0.1:8080");
    let answer = page
        .split("-d '")
        .nth(1)
        .unwrap()
        .split('\'')
        .next()
        .unwrap();
    let answer: Json = serde_json::from_str(answer).unwrap();
    let emulator = entra().await;
    change(&emulator, |directory| {
        directory["tokens"]["pollSeconds"] = json!(1)
    })
    .await;
    let engine = emulator.engine_url().trim_end_matches('/').to_owned();
    let login = DeviceCode::new(move |prompt| {
        let shown = prompt.message().replace(prompt.code().unwrap(), code);
        let shown = shown.replace(&engine, base);
        assert!(page.contains(&format!("{shown}\n")), "{shown}");
        let path = format!("/emulator/v1/entra/devices/{code}");
        assert!(page.contains(&format!("{base}{path}\n")));
        let url = format!("{engine}{path}").replace(code, prompt.code().unwrap());
        post(&url, &answer);
        Ok(Prompted::Shown)
    });
    tried(&emulator, login).await.unwrap();
}

const WITHOUT_BROWSER: &str = "KUSTO_TEST_WITHOUT_BROWSER";

/// The environment is that of a process of its own.
#[tokio::test]
async fn without_a_browser_the_prompt_gets_a_code_where_that_is_allowed() {
    if std::env::var_os(WITHOUT_BROWSER).is_none() {
        let test = "login::without_a_browser_the_prompt_gets_a_code_where_that_is_allowed";
        in_child(
            test,
            &[(WITHOUT_BROWSER, "1"), ("BROWSER", "/nonexistent/browser")],
        )
        .await;
        return;
    }
    let emulator = entra().await;
    change(&emulator, |directory| {
        directory["tokens"]["pollSeconds"] = json!(1)
    })
    .await;
    let error = tried(&emulator, approved_by_code(&emulator)).await;
    let message = error.unwrap_err().to_string();
    assert!(message.contains("no browser can be started"), "{message}");
    // Another one: a login that has just failed asks nobody for a while.
    let login = approved_by_code(&emulator).with_device_code(true);
    tried(&emulator, login).await.unwrap();
    // A prompt that was written for browsers alone has not shown the code.
    let knows_browsers = Interactive::new().with_prompt(|_| Ok(Prompted::OpenBrowser));
    let error = tried(&emulator, knows_browsers.with_device_code(true)).await;
    let message = error.unwrap_err().to_string();
    assert!(message.contains("no browser can be started"), "{message}");
    // In connection strings as for credentials.
    for (allowed, says) in [
        ("false", "no browser can be started"),
        ("true", "no terminal"),
    ] {
        let builder = Client::builder(&format!("{};Login=interactive", emulator.engine_url()));
        let builder = builder.unwrap().set("device code", allowed).unwrap();
        let builder = builder.prompt(|prompt| match prompt.code() {
            Some(_) => Err("no terminal".into()),
            None => Ok(Prompted::OpenBrowser),
        });
        let error = query(&builder.build().unwrap()).await.unwrap_err();
        assert!(error.to_string().contains(says), "{says}: {error}");
    }
}

/// A prompt that leaves the browser to the library, and answers a device's code.
fn approved_by_code(emulator: &Emulator) -> Interactive {
    let devices = control(emulator, "devices");
    Interactive::new().with_prompt(move |prompt| {
        let Some(code) = prompt.code() else {
            return Ok(Prompted::OpenBrowser);
        };
        let message = prompt.message();
        assert!(message.starts_with("No browser"), "{message}");
        let approve = json!({"action": "approve", "user": "alice"});
        post(&format!("{devices}/{code}"), &approve);
        Ok(Prompted::Shown)
    })
}

/// Runs one test of this file in a process of its own, with these variables.
async fn in_child(test: &str, variables: &[(&str, &str)]) {
    let mut child = tokio::process::Command::new(std::env::current_exe().unwrap());
    child.args([test, "--exact", "--nocapture"]);
    child.envs(variables.iter().copied());
    assert!(child.status().await.unwrap().success());
}

/// Refresh tokens serve once: each new one must be kept.
#[tokio::test]
async fn a_login_is_renewed_with_tokens_that_serve_once() {
    let emulator = entra().await;
    change(&emulator, |directory| {
        directory["tokens"]["refreshRotation"] = json!(true);
        directory["tokens"]["leftOut"] = json!(["expires_in"]);
    })
    .await;
    let asked = Arc::new(Mutex::new(0));
    let (browse, count) = (control(&emulator, "browse"), asked.clone());
    let login = Interactive::new().with_prompt(move |prompt| {
        *count.lock().unwrap() += 1;
        post(&browse, &json!({"url": prompt.url()}));
        Ok(Prompted::Shown)
    });
    let client = client_of(&emulator)
        .credential(Arc::new(login))
        .build()
        .unwrap();
    for _ in 0..4 {
        query(&client).await.unwrap();
    }
    assert_eq!(*asked.lock().unwrap(), 1);
}

/// A token for the application, as a user gives it when it calls the application.
async fn token_for_app(emulator: &Emulator) -> String {
    let url = format!(
        "{}/{TENANT}/oauth2/v2.0/token",
        emulator.engine_url().trim_end_matches('/')
    );
    let scope = format!("api://{APP}/.default");
    let form = [
        ("grant_type", "password"),
        ("client_id", "db662dc1-0cfe-4e1c-a843-19a68e65be58"),
        ("username", USER),
        ("password", PASSWORD),
        ("scope", &scope),
    ];
    let form = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish();
    let request = reqwest_client().post(url).body(form);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let answer: Json = request.send().await.unwrap().json().await.unwrap();
    answer["access_token"]
        .as_str()
        .unwrap_or_else(|| panic!("{answer}"))
        .to_owned()
}

#[tokio::test]
async fn an_application_works_on_behalf_of_a_user() {
    let emulator = entra().await;
    let token = token_for_app(&emulator).await;
    let service = || ApplicationKey::new(APP, SECRET).with_tenant(TENANT);
    tried(&emulator, OnBehalfOf::new(service(), token))
        .await
        .unwrap();
    let error = tried(&emulator, OnBehalfOf::new(service(), "no-token-of-a-user")).await;
    let error = error.unwrap_err();
    assert_eq!(error.service_code(), Some("AADSTS50013"), "{error}");
    assert!(!error.to_string().contains("no-token-of-a-user"));
}

/// The emulator signs as every issuer that it is told of.
async fn platform_token(emulator: &Emulator, subject: &str) -> String {
    let body = json!({"issuer": "https://platform.test", "subject": subject});
    let request = reqwest_client()
        .post(control(emulator, "assertions"))
        .json(&body);
    let answer: Json = request.send().await.unwrap().json().await.unwrap();
    answer["assertion"]
        .as_str()
        .unwrap_or_else(|| panic!("{answer}"))
        .to_owned()
}

#[tokio::test]
async fn a_token_of_another_issuer_stands_for_the_secret() {
    let emulator = entra().await;
    change(&emulator, |directory| {
        directory["apps"][2]["federated"] =
            json!([{"issuer": "https://platform.test", "subject": "job-1"}]);
    })
    .await;
    for (subject, is_known) in [("job-1", true), ("job-2", false)] {
        // As a file of it ends.
        let token = platform_token(&emulator, subject).await + "\n";
        let assertion = Credential::from_fn(async move |request| {
            assert_eq!(request.scope(), "api://AzureADTokenExchange/.default");
            Ok(kusto_ingest::auth::AccessToken::new(token.clone(), None))
        });
        let login = Federated::new(APP, assertion).with_tenant(TENANT);
        match tried(&emulator, login).await {
            Ok(()) => assert!(is_known),
            Err(error) => {
                assert!(!is_known, "{error}");
                assert_eq!(error.service_code(), Some("AADSTS700213"), "{error}");
            }
        }
    }
    let nothing =
        Credential::from_fn(async |_| Ok(kusto_ingest::auth::AccessToken::new(" ", None)));
    let login = Federated::new(APP, nothing).with_tenant(TENANT);
    let error = tried(&emulator, login).await.unwrap_err();
    assert!(error.message().contains("assertion"), "{error}");
    assert_eq!(error.service_code(), None, "{error}");
}

/// The certificates of the client apply to its login host.
#[tokio::test]
async fn a_login_host_with_a_ca_of_its_own_is_trusted_as_the_service_is() {
    let options = Options {
        entra: true,
        tls: true,
        ..quick()
    };
    let emulator = Emulator::start(options).await.unwrap();
    let login = Arc::new(ApplicationKey::new(APP, SECRET).with_tenant(TENANT));
    let builder = client_of(&emulator).credential(login);
    let error = query(&builder.clone().build().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network, "{error}");
    let pem = emulator.ca_pem().unwrap().as_bytes().to_vec();
    query(&builder.ca_certificates(pem).build().unwrap())
        .await
        .unwrap();
}

const CHILD: &str = "KUSTO_TEST_LOGIN_CA";

/// The names of the public cloud lead to the emulator through its proxy, and nowhere else: the test would otherwise
/// ask the real login host.
#[tokio::test]
async fn a_login_goes_through_the_proxy() {
    const NAME: &str = "help.kusto.windows.net";
    if let Ok(ca) = std::env::var(CHILD) {
        let login = Arc::new(ApplicationKey::new(APP, SECRET).with_tenant(TENANT));
        let builder = Client::builder(&format!("https://{NAME}")).unwrap();
        let builder = builder.ca_certificates(std::fs::read(ca).unwrap());
        query(&builder.credential(login).build().unwrap())
            .await
            .unwrap();
        return;
    }
    let options = Options {
        entra: true,
        tls: true,
        tls_names: vec![NAME.to_owned()],
        login_proxy_port: Some(0),
        ..quick()
    };
    let emulator = Emulator::start(options).await.unwrap();
    let ca = emulator.ca_pem_path().unwrap().to_str().unwrap();
    let proxy = emulator.login_proxy_url().unwrap();
    let variables = [(CHILD, ca), ("HTTPS_PROXY", proxy), ("NO_PROXY", "")];
    in_child("login::a_login_goes_through_the_proxy", &variables).await;
    assert!(emulator.traffic().services.entra.requests > 0);
}

/// What may be in no text: everything that was sent to log in, and every part of the tokens that came back.
#[tokio::test]
async fn no_secret_of_any_login_is_in_any_output() {
    let emulator = entra().await;
    change(&emulator, |directory| {
        directory["tokens"]["pollSeconds"] = json!(1);
        directory["apps"][2]["certificates"] = json!([der(CERTIFICATE)]);
        directory["apps"][2]["federated"] =
            json!([{"issuer": "https://platform.test", "subject": "job-1"}]);
    })
    .await;
    let mut text = String::new();
    let seen = Arc::new(Mutex::new(vec![
        SECRET.to_owned(),
        PASSWORD.to_owned(),
        "wrong-key".to_owned(),
        der(KEY)[100..140].to_owned(),
    ]));
    let pem = format!("{KEY}{CERTIFICATE}");
    let (urls, codes) = (seen.clone(), seen.clone());
    let approve = control(&emulator, "devices");
    let browse = control(&emulator, "browse");
    let logins: Vec<Arc<dyn TokenCredential>> = vec![
        Arc::new(ApplicationKey::new(APP, SECRET).with_tenant(TENANT)),
        Arc::new(ApplicationKey::new(APP, "wrong-key").with_tenant(TENANT)),
        Arc::new(UserPassword::new(USER, PASSWORD)),
        Arc::new(UserPassword::new("mfa@contoso.test", PASSWORD)),
        Arc::new(
            Certificate::new(APP, pem.as_bytes(), None)
                .unwrap()
                .with_tenant(TENANT),
        ),
        Arc::new(OnBehalfOf::new(
            ApplicationKey::new(APP, SECRET).with_tenant(TENANT),
            token_for_app(&emulator).await,
        )),
        Arc::new(federated(&emulator, &seen).await),
        Arc::new(DeviceCode::new(move |prompt| {
            let code = prompt.code().unwrap_or_default().to_owned();
            post(&format!("{approve}/{code}"), &json!({"action": "approve"}));
            codes.lock().unwrap().push(code);
            Ok(Prompted::Shown)
        })),
        Arc::new(Interactive::new().with_prompt(move |prompt| {
            let url = url::Url::parse(prompt.url())?;
            let state = url.query_pairs().find(|(key, _)| key == "state");
            urls.lock()
                .unwrap()
                .push(state.map(|it| it.1.into_owned()).unwrap_or_default());
            post(&browse, &json!({"url": prompt.url()}));
            Ok(Prompted::Shown)
        })),
    ];
    for login in logins {
        let builder = client_of(&emulator).credential(login.clone());
        text.push_str(&output_of(login, builder).await);
    }
    assert_holds_none(&text, &seen.lock().unwrap());
}

/// A platform's token, which is kept as one that may not be seen.
async fn federated(emulator: &Emulator, seen: &Mutex<Vec<String>>) -> Federated {
    let token = platform_token(emulator, "job-1").await;
    seen.lock().unwrap().push(token.clone());
    let assertion = Credential::from_fn(async move |_| {
        Ok(kusto_ingest::auth::AccessToken::new(token.clone(), None))
    });
    Federated::new(APP, assertion).with_tenant(TENANT)
}

/// Everything that a login and its client print and log for one call.
async fn output_of(login: Arc<dyn TokenCredential>, builder: ClientBuilder) -> String {
    let text = Arc::new(Mutex::new(String::new()));
    {
        let lines = text.clone();
        let log = receiver(
            LogLevel::Trace,
            Arc::new(move |record: &kusto_ingest::log::LogRecord<'_>| {
                lines.lock().unwrap().push_str(&format!("{record}\n"));
            }),
        );
        let printed = format!("{login:?}");
        let builder = builder.log(log);
        let client = builder.build().unwrap();
        let limit = soon().with_timeout(std::time::Duration::from_secs(20));
        let none = RequestProperties::new();
        let result = client.query(DATABASE, "print 1", &none, limit).await;
        let failed = result.err().map(|error| format!("{error} {error:?}"));
        let mut text = text.lock().unwrap();
        text.push_str(&format!("{printed} {builder:?} {client:?} {failed:?}\n"));
    }
    let text = text.lock().unwrap();
    text.clone()
}

fn assert_holds_none(text: &str, seen: &[String]) {
    assert!(text.len() > 1000, "{text}");
    for secret in seen {
        assert!(!text.contains(secret.as_str()), "{secret}: {text}");
    }
    // The head of every token that the emulator signs.
    let head = &URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256""#)[..16];
    for secret in [
        head,
        "client_assertion",
        "code_verifier",
        "refresh_token=",
        "device_code=",
    ] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

const OF_MACHINE: &str = "KUSTO_TEST_LOGIN_OF_MACHINE";

/// Tokens that the machine and its command lines lend: the environment is that of a process of its own.
#[cfg(unix)]
#[tokio::test]
async fn no_token_that_the_machine_lends_is_in_any_output() {
    use std::os::unix::fs::PermissionsExt;

    if let Ok(engine) = std::env::var(OF_MACHINE) {
        let logins: [Arc<dyn TokenCredential>; 3] = [
            Arc::new(ManagedIdentity::default()),
            Arc::new(CommandLine::azure_cli()),
            Arc::new(CommandLine::azure_developer_cli()),
        ];
        let mut text = String::new();
        for login in logins {
            let builder = Client::builder(&format!("{engine};Fed=true")).unwrap();
            text.push_str(&output_of(login.clone(), builder.credential(login)).await);
        }
        assert_holds_none(&text, &["of-the-command-line".to_owned()]);
        return;
    }
    let emulator = entra().await;
    let directory = tempfile::tempdir().unwrap();
    let az =
        r#"{"accessToken":"of-the-command-line","expires_on":4000000000,"tokenType":"Bearer"}"#;
    let azd = r#"{"token":"of-the-command-line","expiresOn":"2099-01-01T00:00:00Z"}"#;
    for (name, answer) in [("az", az), ("azd", azd)] {
        let path = directory.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\necho '{answer}'\n")).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    }
    let path = format!("{}:/usr/bin:/bin", directory.path().display());
    let variables = [
        (OF_MACHINE, emulator.engine_url()),
        (
            "AZURE_POD_IDENTITY_AUTHORITY_HOST",
            emulator.identity_url().unwrap(),
        ),
        ("PATH", &path),
    ];
    in_child(
        "login::no_token_that_the_machine_lends_is_in_any_output",
        &variables,
    )
    .await;
}
