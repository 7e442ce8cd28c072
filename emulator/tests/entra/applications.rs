//! Applications: secrets, certificates, workloads of other issuers, and acting for a user.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use kusto_emulator::{Clock, Options};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair};
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use super::{
    APP, KUSTO_CLIENT, RESOURCE, SCOPE, TENANT, USER_SCOPE, World, claims, read, refused, text,
};

const KEY: &[u8] = include_bytes!("../../src/entra/signing_key.der");
const BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn with_secret<'f>(secret: &'f str, scope: &'f str) -> [(&'f str, &'f str); 4] {
    [
        ("grant_type", "client_credentials"),
        ("client_id", APP),
        ("client_secret", secret),
        ("scope", scope),
    ]
}

#[tokio::test]
async fn an_application_with_its_secret_asks_the_service() {
    let world = World::new().await;
    let (status, answer) = world.token(&with_secret("secret1", SCOPE)).await;
    assert_eq!(status, 200, "{answer}");
    let token = text(&answer, "access_token");
    assert_eq!(
        (text(&answer, "token_type"), &answer["expires_in"]),
        ("Bearer", &json!(3600))
    );
    assert_eq!(answer.get("refresh_token"), None);
    let claims = claims(token);
    assert_eq!(
        (text(&claims, "aud"), text(&claims, "tid")),
        (RESOURCE, TENANT)
    );
    assert_eq!(text(&claims, "appid"), APP);
    assert_eq!(world.query(token).await, 200);
    // MSAL for Go asks for a user's scopes as well: there are none of an application.
    let asked = format!("{SCOPE} openid offline_access profile");
    let (status, answer) = world
        .post(TENANT, "token", &with_secret("secret1", &asked))
        .await;
    assert_eq!((status, text(&answer, "scope")), (200, SCOPE));
    assert!(answer.get("refresh_token").is_none() && answer.get("id_token").is_none());
    // The tenant's domain is its name as well.
    let fields = with_secret("secret1", SCOPE);
    assert_eq!(world.post("contoso.test", "token", &fields).await.0, 200);
}

#[tokio::test]
async fn each_mistake_has_its_number() {
    let world = World::new().await;
    let wrong = world.refusal(&with_secret("wrong", SCOPE)).await;
    assert_eq!(wrong, refused(401, "invalid_client", 7_000_215));
    let no_default = with_secret("secret1", "https://kusto.kusto.windows.net/read");
    assert_eq!(
        world.refusal(&no_default).await,
        refused(400, "invalid_scope", 1_002_012)
    );
    let nothing = world
        .refusal(&with_secret("secret1", "kusto/.default"))
        .await;
    assert_eq!(nothing, refused(400, "invalid_resource", 500_011));
    let [grant, _, secret, scope] = with_secret("secret1", SCOPE);
    let unknown = world
        .refusal(&[grant, ("client_id", "nobody"), secret, scope])
        .await;
    assert_eq!(unknown, refused(400, "unauthorized_client", 700_016));
    let bare = world.refusal(&[grant, ("client_id", APP), scope]).await;
    assert_eq!(bare, refused(401, "invalid_client", 7_000_218));
    let none = world.refusal(&[("client_id", APP)]).await;
    assert_eq!(none, refused(400, "invalid_request", 900_144));
    let other = world
        .refusal(&[("grant_type", "magic"), ("client_id", APP)])
        .await;
    assert_eq!(other, refused(400, "unsupported_grant_type", 70_003));
    let good = with_secret("secret1", SCOPE);
    let common = world.post("organizations", "token", &good);
    assert_eq!(
        super::refusal(common.await),
        refused(400, "invalid_request", 50_194)
    );
    let nowhere = world.post("nowhere", "token", &good);
    assert_eq!(
        super::refusal(nowhere.await),
        refused(400, "invalid_request", 90_002)
    );
    world
        .change(|directory| directory["apps"][2]["secrets"][0]["expires"] = json!(1))
        .await;
    let expired = world.refusal(&with_secret("secret1", SCOPE)).await;
    assert_eq!(expired, refused(401, "invalid_client", 7_000_222));
}

#[tokio::test]
async fn the_service_checks_what_a_token_is_for_and_until_when() {
    let clock = Clock::manual(OffsetDateTime::now_utc());
    let options = Options {
        clock: clock.clone(),
        ..Options::default()
    };
    let world = World::with(options).await;
    let other = with_secret("secret1", "https://storage.azure.com/.default");
    let other = world.token(&other);
    assert_eq!(world.query(text(&other.await.1, "access_token")).await, 401);
    let own = format!("{}/.default", world.at(""));
    let own = world.token(&with_secret("secret1", &own)).await.1;
    assert_eq!(world.query(text(&own, "access_token")).await, 200);
    clock.advance(Duration::from_secs(3601));
    assert_eq!(world.query(text(&own, "access_token")).await, 401);
    // Of another tenant, and signed by somebody else.
    let token = world.token(&with_secret("secret1", SCOPE)).await.1;
    let token = text(&token, "access_token");
    assert_eq!(world.query(token).await, 200);
    let forged = format!("{}A.{}", &token[..token.len() - 8], "AAAAAAA");
    assert_eq!(world.query(&forged).await, 401);
    world
        .change(|directory| directory["tenant"] = json!("99999999-1111-1111-1111-111111111111"))
        .await;
    assert_eq!(world.query(token).await, 401);
}

/// What an application signs with its certificate.
struct Signer {
    key: RsaKeyPair,
    certificate: Vec<u8>,
}

impl Signer {
    fn new() -> Self {
        let pair = rcgen::KeyPair::try_from(KEY).unwrap();
        let params = rcgen::CertificateParams::new(vec!["app2.test".to_owned()]).unwrap();
        Self {
            key: RsaKeyPair::from_pkcs8(KEY).unwrap(),
            certificate: params.self_signed(&pair).unwrap().der().to_vec(),
        }
    }

    fn sign(&self, algorithm: &str, claims: &Json) -> String {
        let thumbprint = URL_SAFE_NO_PAD.encode(Sha256::digest(&self.certificate));
        let header = json!({"alg": algorithm, "typ": "JWT", "x5t#S256": thumbprint});
        let part = |json: &Json| URL_SAFE_NO_PAD.encode(json.to_string());
        let signed = format!("{}.{}", part(&header), part(claims));
        let encoding: &dyn RsaEncoding = match algorithm {
            "PS256" => &RSA_PSS_SHA256,
            _ => &RSA_PKCS1_SHA256,
        };
        let mut signature = vec![0; self.key.public().modulus_len()];
        let random = SystemRandom::new();
        self.key
            .sign(encoding, &random, signed.as_bytes(), &mut signature)
            .unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn with_assertion(assertion: &str) -> [(&str, &str); 5] {
    [
        ("grant_type", "client_credentials"),
        ("client_id", APP),
        ("client_assertion_type", BEARER),
        ("client_assertion", assertion),
        ("scope", SCOPE),
    ]
}

#[tokio::test]
async fn an_assertion_of_a_certificate_is_checked_and_used_once() {
    let (world, signer) = (World::new().await, Signer::new());
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let audience = world.at(&format!("/{TENANT}/oauth2/v2.0/token"));
    let claims = |jti: &str| json!({"aud": audience, "iss": APP, "sub": APP, "jti": jti, "nbf": now - 60, "exp": now + 600});
    let good = signer.sign("PS256", &claims("1"));
    let unregistered = world.refusal(&with_assertion(&good)).await;
    assert_eq!(unregistered, refused(401, "invalid_client", 700_027));
    let certificate = STANDARD.encode(&signer.certificate);
    world
        .change(|directory| directory["apps"][2]["certificates"] = json!([certificate]))
        .await;
    let (status, answer) = world.token(&with_assertion(&good)).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(world.query(text(&answer, "access_token")).await, 200);
    let again = world.refusal(&with_assertion(&good)).await;
    assert_eq!(again, refused(401, "invalid_client", 50_013));
    // Times with a fraction, as some clients write them.
    let mut changed = claims("2");
    changed["exp"] = json!(now as f64 + 600.5);
    let other = signer.sign("RS256", &changed);
    assert_eq!(world.token(&with_assertion(&other)).await.0, 200);
    for (member, value, number) in [
        ("exp", json!(now - 3600), 700_024),
        ("exp", json!(now + 25 * 3600), 700_024),
        ("exp", json!(i64::MAX), 700_024),
        ("nbf", json!(now + 3600), 700_024),
        ("aud", json!("https://elsewhere.test/token"), 700_023),
        ("sub", json!("somebody"), 700_021),
        ("jti", json!(""), 50_027),
    ] {
        let mut changed = claims("3");
        changed[member] = value;
        let assertion = signer.sign("PS256", &changed);
        let found = world.refusal(&with_assertion(&assertion)).await;
        assert_eq!(found, refused(401, "invalid_client", number), "{member}");
    }
    let cut = &good[..good.len() - 10];
    let found = world.refusal(&with_assertion(cut)).await;
    assert_eq!(found, refused(401, "invalid_client", 700_027));
    let found = world.refusal(&with_assertion("no token")).await;
    assert_eq!(found, refused(401, "invalid_client", 50_027));
}

#[tokio::test]
async fn a_workload_of_another_issuer_is_the_application() {
    let world = World::new().await;
    let known =
        json!([{"issuer": "https://cluster.test", "subject": "system:serviceaccount:ns:sa"}]);
    world
        .change(|directory| directory["apps"][2]["federated"] = known)
        .await;
    let signed = async |issuer: &str, subject: &str, audience: &str| {
        let workload = json!({"issuer": issuer, "subject": subject, "audience": audience});
        let (_, answer) = world.control("assertions", &workload).await;
        text(&answer, "assertion").to_owned()
    };
    let (issuer, subject) = ("https://cluster.test", "system:serviceaccount:ns:sa");
    let exchange = "api://AzureADTokenExchange";
    let good = signed(issuer, subject, exchange).await;
    // A file may be read at each request: it is not used up.
    for _ in 0..2 {
        let (status, answer) = world.token(&with_assertion(&good)).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(world.query(text(&answer, "access_token")).await, 200);
    }
    for (assertion, number) in [
        (
            signed("https://other.test", subject, exchange).await,
            700_211,
        ),
        (signed(issuer, "somebody", exchange).await, 700_213),
        (signed(issuer, subject, "api://other").await, 700_212),
    ] {
        let found = world.refusal(&with_assertion(&assertion)).await;
        assert_eq!(found, refused(401, "invalid_client", number));
    }
}

#[tokio::test]
async fn an_application_acts_for_a_user() {
    let world = World::new().await;
    let login = |scope| {
        [
            ("grant_type", "password"),
            ("client_id", KUSTO_CLIENT),
            ("username", "alice@contoso.test"),
            ("password", "pa$$ w%rd"),
            ("scope", scope),
        ]
    };
    let own_scope = format!("api://{APP}/user_impersonation");
    let (_, user) = world.token(&login(&own_scope)).await;
    let fields = |assertion| {
        [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("client_id", APP),
            ("client_secret", "secret1"),
            ("assertion", assertion),
            ("requested_token_use", "on_behalf_of"),
            ("scope", SCOPE),
        ]
    };
    let (status, answer) = world.token(&fields(text(&user, "access_token"))).await;
    assert_eq!(status, 200, "{answer}");
    let claims = claims(text(&answer, "access_token"));
    assert_eq!(
        (text(&claims, "upn"), text(&claims, "appid")),
        ("alice@contoso.test", APP)
    );
    let (_, other) = world.token(&login(USER_SCOPE)).await;
    for assertion in ["no.token.AAAA", text(&other, "access_token")] {
        let found = world.refusal(&fields(assertion)).await;
        assert_eq!(found, refused(400, "invalid_grant", 50_013));
    }
}

#[tokio::test]
async fn a_token_for_a_strange_audience_is_refused_in_a_header_that_can_be_sent() {
    let world = World::new().await;
    let scope = "https://a\r\n\"ä/.default";
    let (_, answer) = world
        .token(&[
            ("grant_type", "client_credentials"),
            ("client_id", APP),
            ("client_secret", "secret1"),
            ("scope", scope),
        ])
        .await;
    let request = world
        .http
        .post(world.at("/v1/rest/query"))
        .bearer_auth(text(&answer, "access_token"))
        .body("{}");
    let reply = request.send().await.unwrap();
    assert_eq!(reply.status(), 401);
    let challenge = reply.headers()["www-authenticate"].to_str().unwrap();
    assert!(challenge.contains("the token is for"), "{challenge}");
}

#[tokio::test]
async fn times_that_no_clock_reaches_are_refused() {
    let world = World::new().await;
    let path = world.at("/emulator/v1/entra/directory");
    for member in ["tokenSeconds", "clockSkew", "pollSeconds"] {
        let (_, mut directory) = read(world.http.get(&path)).await;
        directory["tokens"][member] = json!(i64::MAX);
        let put = world.http.put(&path).body(directory.to_string());
        assert_eq!(put.send().await.unwrap().status(), 400, "{member}");
    }
}
