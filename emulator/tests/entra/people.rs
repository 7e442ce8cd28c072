//! Users: by password, by the code of a device, in a browser, and again with a refresh token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use url::Url;

use super::{KUSTO_CLIENT, TENANT, USER_SCOPE, World, claims, refused, text};

const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const REDIRECT: &str = "http://localhost:1234";

fn with_password<'f>(name: &'f str, password: &'f str) -> [(&'f str, &'f str); 5] {
    [
        ("grant_type", "password"),
        ("client_id", KUSTO_CLIENT),
        ("username", name),
        ("password", password),
        ("scope", USER_SCOPE),
    ]
}

fn with_refresh(token: &str) -> [(&str, &str); 4] {
    [
        ("grant_type", "refresh_token"),
        ("client_id", KUSTO_CLIENT),
        ("refresh_token", token),
        ("scope", USER_SCOPE),
    ]
}

#[tokio::test]
async fn a_password_is_enough_for_whom_it_is() {
    let world = World::new().await;
    let fields = with_password("alice@contoso.test", "pa$$ w%rd");
    let (status, answer) = world.token(&fields).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(world.query(text(&answer, "access_token")).await, 200);
    assert_eq!(
        text(&claims(text(&answer, "id_token")), "aud"),
        KUSTO_CLIENT
    );
    for (name, password, error, number) in [
        ("alice@contoso.test", "wrong", "invalid_grant", 50_126),
        ("nobody@contoso.test", "wrong", "invalid_grant", 50_034),
        (
            "mfa@contoso.test",
            "pa$$ w%rd",
            "interaction_required",
            50_076,
        ),
    ] {
        let found = world.refusal(&with_password(name, password)).await;
        assert_eq!(found, refused(400, error, number), "{name}");
    }
    world
        .change(|directory| directory["users"][0]["disabled"] = json!(true))
        .await;
    let found = world.refusal(&fields).await;
    assert_eq!(found, refused(400, "invalid_grant", 50_057));
}

#[tokio::test]
async fn a_refresh_token_gives_others_until_it_is_used_up() {
    let world = World::new().await;
    let (_, first) = world.token(&with_password("alice", "pa$$ w%rd")).await;
    let first = text(&first, "refresh_token");
    for _ in 0..2 {
        let (status, answer) = world.token(&with_refresh(first)).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(world.query(text(&answer, "access_token")).await, 200);
    }
    let rotates = |directory: &mut Json| directory["tokens"]["refreshRotation"] = json!(true);
    world.change(rotates).await;
    let (_, answer) = world.token(&with_refresh(first)).await;
    let found = world.refusal(&with_refresh(first)).await;
    assert_eq!(found, refused(400, "invalid_grant", 70_000));
    let second = with_refresh(text(&answer, "refresh_token"));
    assert_eq!(world.token(&second).await.0, 200);
}

impl World {
    /// A code for a device: the device's and the user's.
    async fn device(&self) -> (String, String) {
        let fields = [("client_id", KUSTO_CLIENT), ("scope", USER_SCOPE)];
        let (status, answer) = self.post("organizations", "devicecode", &fields).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(
            (&answer["expires_in"], &answer["interval"]),
            (&json!(900), &json!(5))
        );
        let (device, user) = (text(&answer, "device_code"), text(&answer, "user_code"));
        assert!(text(&answer, "message").contains(user));
        (device.to_owned(), user.to_owned())
    }

    async fn decide(&self, code: &str, decision: Json) -> u16 {
        self.control(&format!("devices/{code}"), &decision).await.0
    }
}

fn with_device(code: &str) -> [(&str, &str); 3] {
    [
        ("grant_type", DEVICE),
        ("client_id", KUSTO_CLIENT),
        ("device_code", code),
    ]
}

#[tokio::test]
async fn a_device_waits_until_somebody_approves_its_code() {
    let world = World::new().await;
    let (device, user) = world.device().await;
    let fields = with_device(&device);
    let found = world.refusal(&fields).await;
    assert_eq!(found, refused(400, "authorization_pending", 70_016));
    let approve = json!({"action": "approve", "user": "alice"});
    assert_eq!(world.decide("000000000", approve.clone()).await, 400);
    let nobody = json!({"action": "approve", "user": "nobody"});
    assert_eq!(world.decide(&user, nobody).await, 400);
    assert_eq!(world.decide(&user.to_lowercase(), approve).await, 204);
    // MSAL for Node leaves the prefix of the grant's name out.
    let [_, client, code] = fields;
    let (status, answer) = world
        .token(&[("grant_type", "device_code"), client, code])
        .await;
    assert_eq!(status, 200, "{answer}");
    let token = text(&answer, "access_token");
    assert_eq!(text(&claims(token), "upn"), "alice@contoso.test");
    assert_eq!(world.query(token).await, 200);
    assert!(!text(&answer, "scope").is_empty() && !text(&answer, "refresh_token").is_empty());
    let found = world.refusal(&fields).await;
    assert_eq!(found, refused(400, "bad_verification_code", 70_018));
    for (action, error, number) in [
        ("decline", "authorization_declined", 65_004),
        ("expire", "expired_token", 70_020),
    ] {
        let (device, user) = world.device().await;
        assert_eq!(world.decide(&user, json!({"action": action})).await, 204);
        let found = world.refusal(&with_device(&device)).await;
        assert_eq!(found, refused(400, error, number));
    }
}

/// The address that a program opens in a browser, and the verifier of its code.
fn authorize(world: &World, redirect: &str, mode: &str) -> (Url, &'static str) {
    let verifier = "a-verifier-that-is-long-enough-for-the-standard";
    let mut url = Url::parse(&world.at("/organizations/oauth2/v2.0/authorize")).unwrap();
    url.query_pairs_mut().extend_pairs([
        ("client_id", KUSTO_CLIENT),
        ("response_type", "code"),
        ("redirect_uri", redirect),
        ("scope", USER_SCOPE),
        ("state", "a \"state\" <&>"),
        ("response_mode", mode),
        ("nonce", "n0nce"),
        ("code_challenge_method", "S256"),
        (
            "code_challenge",
            &URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)),
        ),
    ]);
    (url, verifier)
}

fn with_code<'f>(code: &'f str, verifier: &'f str, redirect: &'f str) -> [(&'f str, &'f str); 5] {
    [
        ("grant_type", "authorization_code"),
        ("client_id", KUSTO_CLIENT),
        ("code", code),
        ("code_verifier", verifier),
        ("redirect_uri", redirect),
    ]
}

#[tokio::test]
async fn a_code_of_the_browser_is_exchanged_once_and_with_its_verifier() {
    let world = World::new().await;
    let (url, verifier) = authorize(&world, REDIRECT, "query");
    let code = async || {
        let reply = world.http.get(url.clone()).send().await.unwrap();
        assert_eq!(reply.status(), 302);
        let target = Url::parse(reply.headers()["location"].to_str().unwrap()).unwrap();
        assert_eq!(target.port(), Some(1234));
        let find = |wanted: &str| {
            let mut pairs = target.query_pairs();
            pairs
                .find(|(name, _)| name == wanted)
                .unwrap()
                .1
                .into_owned()
        };
        assert_eq!(find("state"), "a \"state\" <&>");
        find("code")
    };
    let found = code().await;
    let (status, answer) = world.token(&with_code(&found, verifier, REDIRECT)).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(world.query(text(&answer, "access_token")).await, 200);
    assert_eq!(text(&claims(text(&answer, "id_token")), "nonce"), "n0nce");
    let again = world.refusal(&with_code(&found, verifier, REDIRECT)).await;
    assert_eq!(again, refused(400, "invalid_grant", 54_005));
    let wrong = world
        .refusal(&with_code(&code().await, "another", REDIRECT))
        .await;
    assert_eq!(wrong, refused(400, "invalid_grant", 501_481));
    let other = code().await;
    let elsewhere = with_code(&other, verifier, "http://localhost:9");
    let elsewhere = world.refusal(&elsewhere).await;
    assert_eq!(elsewhere, refused(400, "invalid_grant", 500_112));
}

#[tokio::test]
async fn a_page_posts_the_code_and_shows_nothing_as_markup() {
    let world = World::new().await;
    let (url, _) = authorize(&world, REDIRECT, "form_post");
    let page = world
        .http
        .get(url)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(
        page.contains(r#"<form method="post" action="http://localhost:1234/">"#),
        "{page}"
    );
    assert!(page.contains("a &quot;state&quot; &lt;&amp;&gt;"), "{page}");
    // The code goes to a program of this machine, and to nobody else.
    let (url, _) = authorize(&world, "https://evil.example/", "query");
    let found = super::read(world.http.get(url)).await;
    assert_eq!(
        super::refusal(found),
        refused(400, "invalid_request", 50_011)
    );
}

#[tokio::test]
async fn a_scripted_browser_brings_the_code_to_the_program() {
    let world = World::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let redirect = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let (url, verifier) = authorize(&world, &redirect, "form_post");
    let program = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = String::new();
        let mut buffer = [0; 4096];
        while !request.contains("state=") {
            let read = stream.read(&mut buffer).await.unwrap();
            request.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        }
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        stream.write_all(answer).await.unwrap();
        request
    };
    let body = json!({"url": url.as_str()});
    let (request, browsed) = tokio::join!(program, world.control("browse", &body));
    assert_eq!((browsed.0, &browsed.1["status"]), (200, &json!(200)));
    assert!(request.starts_with("POST / HTTP/1.1"), "{request}");
    let (_, form) = request.split_once("\r\n\r\n").unwrap();
    let fields: Vec<_> = url::form_urlencoded::parse(form.as_bytes()).collect();
    let (_, code) = fields.iter().find(|(name, _)| name == "code").unwrap();
    let (status, answer) = world.token(&with_code(code, verifier, &redirect)).await;
    assert_eq!(status, 200, "{answer}");
    let elsewhere = json!({"url": format!("{}/{TENANT}/elsewhere", world.at(""))});
    assert_eq!(world.control("browse", &elsewhere).await.0, 400);
}
