//! The local Entra ID as programs meet it: requests for tokens, and what the service says to the tokens.

mod applications;
mod machines;
mod people;
mod proxy;

use kusto_emulator::{CutPoint, Emulator, Fault, FaultRule, Options, ServiceKind};
use serde_json::{Value as Json, json};
use url::form_urlencoded::Serializer;

const TENANT: &str = "11111111-1111-1111-1111-111111111111";
const APP: &str = "22222222-2222-2222-2222-222222222222";
const KUSTO_CLIENT: &str = "db662dc1-0cfe-4e1c-a843-19a68e65be58";
const RESOURCE: &str = "https://kusto.kusto.windows.net";
const SCOPE: &str = "https://kusto.kusto.windows.net/.default";
const USER_SCOPE: &str = "https://kusto.kusto.windows.net/.default offline_access openid profile";

/// An emulator that demands tokens, and a client.
struct World {
    emulator: Emulator,
    http: reqwest::Client,
}

impl World {
    async fn new() -> Self {
        Self::with(Options::default()).await
    }

    async fn with(options: Options) -> Self {
        let options = Options {
            entra: true,
            ..options
        };
        Self {
            emulator: Emulator::start(options).await.unwrap(),
            http: client(),
        }
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.emulator.engine_url())
    }

    /// Posts a form to an endpoint of the tenant.
    async fn post(&self, tenant: &str, endpoint: &str, fields: &[(&str, &str)]) -> (u16, Json) {
        let form = Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self
            .http
            .post(self.at(&format!("/{tenant}/oauth2/v2.0/{endpoint}")))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        read(request).await
    }

    async fn token(&self, fields: &[(&str, &str)]) -> (u16, Json) {
        self.post(TENANT, "token", fields).await
    }

    /// The refusal of a request for a token: status, error and number.
    async fn refusal(&self, fields: &[(&str, &str)]) -> (u16, String, u64) {
        refusal(self.token(fields).await)
    }

    /// What the service says to a query with the token.
    async fn query(&self, token: &str) -> u16 {
        let request = self
            .http
            .post(self.at("/v1/rest/query"))
            .bearer_auth(token)
            .body(json!({"db": "NetDefaultDB", "csl": "print 1"}).to_string());
        request.send().await.unwrap().status().as_u16()
    }

    /// Changes the directory.
    async fn change(&self, change: impl FnOnce(&mut Json)) {
        let path = self.at("/emulator/v1/entra/directory");
        let (_, mut directory) = read(self.http.get(&path)).await;
        change(&mut directory);
        let put = self.http.put(&path).body(directory.to_string());
        assert_eq!(put.send().await.unwrap().status(), 204);
    }

    async fn control(&self, path: &str, body: &Json) -> (u16, Json) {
        let path = self.at(&format!("/emulator/v1/entra/{path}"));
        read(self.http.post(path).body(body.to_string())).await
    }
}

/// A client that goes where it is sent and no further.
fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

async fn read(request: reqwest::RequestBuilder) -> (u16, Json) {
    let reply = request.send().await.unwrap();
    let (status, text) = (reply.status().as_u16(), reply.text().await.unwrap());
    (status, serde_json::from_str(&text).unwrap_or_default())
}

fn refusal((status, body): (u16, Json)) -> (u16, String, u64) {
    let number = body["error_codes"][0].as_u64().unwrap();
    let description = body["error_description"].as_str().unwrap();
    assert!(
        description.starts_with(&format!("AADSTS{number}: ")),
        "{body}"
    );
    for member in ["trace_id", "correlation_id", "timestamp"] {
        assert!(!body[member].as_str().unwrap().is_empty(), "{body}");
    }
    (status, body["error"].as_str().unwrap().to_owned(), number)
}

fn text<'j>(body: &'j Json, member: &str) -> &'j str {
    body[member].as_str().unwrap()
}

/// The claims of a token.
fn claims(token: &str) -> Json {
    use base64::Engine as _;
    let part = token.split('.').nth(1).unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part);
    serde_json::from_slice(&bytes.unwrap()).unwrap()
}

fn refused(status: u16, error: &str, number: u64) -> (u16, String, u64) {
    (status, error.to_owned(), number)
}

#[tokio::test]
async fn the_service_demands_a_token_and_says_where_it_comes_from() {
    let world = World::new().await;
    let reply = world.http.post(world.at("/v1/rest/query")).body("{}");
    let reply = reply.send().await.unwrap();
    assert_eq!(reply.status(), 401);
    let challenge = reply.headers()["www-authenticate"].to_str().unwrap();
    assert!(challenge.contains(&format!("authorization_uri={}/{TENANT}", world.at(""))));
    let (status, metadata) = read(world.http.get(world.at("/v1/rest/auth/metadata"))).await;
    assert_eq!(status, 200);
    assert_eq!(metadata["AzureAD"]["LoginEndpoint"], world.at(""));
    assert_eq!(metadata["AzureAD"]["KustoServiceResourceId"], RESOURCE);
    for token in ["", "nonsense", "a.b.c", "e30.e30.AAAA"] {
        assert_eq!(world.query(token).await, 401, "{token}");
    }
}

#[tokio::test]
async fn discovery_leads_to_the_endpoints_and_the_key() {
    let world = World::new().await;
    let get = |path: String| read(world.http.get(world.at(&path)));
    let (_, found) = get(format!("/{TENANT}/v2.0/.well-known/openid-configuration")).await;
    assert_eq!(found["issuer"], world.at(&format!("/{TENANT}/v2.0")));
    assert_eq!(
        found["token_endpoint"],
        world.at(&format!("/{TENANT}/oauth2/v2.0/token"))
    );
    let keys = text(&found, "jwks_uri").to_owned();
    let (_, keys) = read(world.http.get(keys)).await;
    assert_eq!(keys["keys"][0]["kty"], "RSA");
    let nowhere = get("/nobody/v2.0/.well-known/openid-configuration".to_owned()).await;
    assert_eq!(refusal(nowhere), refused(400, "invalid_request", 90_002));
    for path in ["userrealm", "UserRealm"] {
        let (status, realm) = get(format!("/common/{path}/alice@contoso.test")).await;
        assert_eq!((status, text(&realm, "account_type")), (200, "Managed"));
    }
}

#[tokio::test]
async fn without_the_option_there_is_no_login_host() {
    let emulator = Emulator::start(Options::default()).await.unwrap();
    let url = format!("{}/{TENANT}/oauth2/v2.0/token", emulator.engine_url());
    assert_eq!(client().post(url).send().await.unwrap().status(), 404);
    assert_eq!(emulator.identity_url(), None);
}

#[tokio::test]
async fn a_directory_that_is_none_is_refused_without_its_secrets() {
    let world = World::new().await;
    for body in [
        r#"{"users":[{"name":"a","password":"hush","wrong":1}]}"#,
        r#"{"users":[{"name":"a","password":["hush"]}]}"#,
        r#"{"users":"hush"}"#,
        "{",
    ] {
        let put = world.http.put(world.at("/emulator/v1/entra/directory"));
        let (status, answer) = read(put.body(body)).await;
        assert_eq!(status, 400, "{body}");
        assert!(!answer.to_string().contains("hush"), "{answer}");
    }
}

#[tokio::test]
async fn logins_meet_faults_and_are_counted() {
    let world = World::new().await;
    let secret = [
        ("grant_type", "client_credentials"),
        ("client_id", APP),
        ("client_secret", "secret1"),
        ("scope", SCOPE),
    ];
    let busy = |command: Option<&str>| FaultRule {
        command: command.map(str::to_owned),
        times: Some(1),
        ..FaultRule::new(
            ServiceKind::Entra,
            Fault::Status {
                status: 429,
                retry_after: Some(1),
                code: Some("AADSTS90033".to_owned()),
                body: None,
            },
        )
    };
    world.emulator.arm(busy(Some("password")));
    assert_eq!(world.token(&secret).await.0, 200);
    world.emulator.arm(busy(Some("client_credentials")));
    let (status, answer) = world.token(&secret).await;
    assert_eq!((status, &answer["error_codes"][0]), (429, &json!(90_033)));
    assert_eq!(text(&answer, "error"), "temporarily_unavailable");
    assert_eq!(world.token(&secret).await.0, 200);
    let cut = FaultRule::new(ServiceKind::ManagedIdentity, Fault::Cut(CutPoint::Before));
    world.emulator.arm(cut);
    let url = format!(
        "{}/metadata/identity/oauth2/token?resource={RESOURCE}",
        world.emulator.identity_url().unwrap()
    );
    let cut = world.http.get(&url).header("metadata", "true").send().await;
    assert!(cut.is_err());
    world.emulator.disarm_all();
    let services = world.emulator.traffic().services;
    assert_eq!(services.entra.requests, 3);
    assert!(services.entra.bytes_received > 0);
    assert_eq!(services.managed_identity.requests, 1);
}
