//! Logins against login hosts that misbehave. One server plays the cluster and its login host.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kusto_ingest::auth::ApplicationKey;
use kusto_ingest::client::ClientBuilder;
use kusto_ingest::error::{Result, RetryClass, Step};
use kusto_ingest::op::CancelToken;
use kusto_ingest::prelude::*;

use crate::server::{Act, Request, Server, healthy, reply};

const SECRET: &str = "s3cret~of.the-application";
const TOKEN_PATH: &str = "POST /contoso.test/oauth2/v2.0/token";

pub(crate) fn is_login(request: &Request) -> bool {
    request.line.contains("/oauth2/")
}

/// A cluster whose login host, itself, acts like this. The number counts the requests to it from 0.
pub(crate) async fn cluster(
    act: impl Fn(&Request, usize) -> Act + Send + Sync + 'static,
) -> Server {
    let logins = AtomicUsize::new(0);
    Server::start(move |request, base| {
        if is_login(request) {
            return act(request, logins.fetch_add(1, Ordering::SeqCst));
        }
        if request.line.contains("/auth/metadata") {
            let metadata = format!(r#"{{"AzureAD":{{"LoginEndpoint":"{base}"}}}}"#);
            return Act::Send(reply(200, "", &metadata));
        }
        Act::Send(healthy(request, base))
    })
    .await
}

pub(crate) fn granted(token: &str) -> Act {
    let body = format!(r#"{{"token_type":"Bearer","expires_in":3599,"access_token":"{token}"}}"#);
    Act::Send(reply(200, "", &body))
}

pub(crate) fn refused(status: u16, headers: &str, body: &str) -> Act {
    Act::Send(reply(status, headers, body))
}

pub(crate) fn aadsts(number: u64, error: &str) -> String {
    format!(
        r#"{{"error":"{error}","error_description":"AADSTS{number}: What \"went\" wrong.\r\nTrace ID: t\r\nCorrelation ID: c","error_codes":[{number}],"trace_id":"t","correlation_id":"corr-{number}"}}"#
    )
}

fn key() -> Arc<ApplicationKey> {
    Arc::new(ApplicationKey::new("app-id", SECRET).with_tenant("contoso.test"))
}

fn with_key(server: &Server) -> ClientBuilder {
    server.builder().credential(key())
}

pub(crate) async fn command(client: &Client, options: CallOptions) -> Result<()> {
    let none = RequestProperties::new();
    client
        .management("D", ".show tables", &none, options)
        .await
        .map(|_| ())
}

pub(crate) fn soon() -> CallOptions {
    CallOptions::new().with_timeout(Duration::from_secs(60))
}

#[tokio::test]
async fn an_application_logs_in_with_the_keywords_of_the_connection_string() {
    let server = cluster(|_, _| granted("t0ken")).await;
    let text = format!(
        "{};AAD Federated Security=True;AppClientId=app-id;AppKey={SECRET};Authority Id=contoso.test",
        server.url
    );
    let client = Client::builder(&text).unwrap().build().unwrap();
    command(&client, soon()).await.unwrap();
    command(&client, soon()).await.unwrap();
    let logins: Vec<_> = server.requests().into_iter().filter(is_login).collect();
    assert_eq!(logins.len(), 1);
    assert_eq!(logins[0].line, TOKEN_PATH);
    assert_eq!(
        logins[0].body,
        "grant_type=client_credentials&client_id=app-id&client_secret=s3cret%7Eof.the-application&\
         scope=https%3A%2F%2Fkusto.kusto.windows.net%2F.default"
    );
    let commands = server.count(|request| request.header("authorization") == "Bearer t0ken");
    assert_eq!(commands, 2);
}

#[tokio::test]
async fn many_callers_share_one_login() {
    let server = cluster(|_, _| granted("t")).await;
    let client = with_key(&server).build().unwrap();
    let calls = (0..50).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { command(&client, soon()).await })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap().unwrap();
    }
    assert_eq!(server.count(is_login), 1);
}

#[tokio::test]
async fn a_refusal_is_an_auth_error_with_everything_that_support_asks_for() {
    for (status, number, error, advice) in [
        (401, 7000215, "invalid_client", "not its id"),
        (401, 7000222, "invalid_client", "expired"),
        (400, 700016, "unauthorized_client", "application's id"),
        (400, 90002, "invalid_request", "`Authority Id`"),
        (400, 500011, "invalid_resource", "tenant of the cluster"),
        (401, 700024, "invalid_client", "clock"),
        (400, 53003, "interaction_required", "conditional access"),
    ] {
        let server = cluster(move |_, _| refused(status, "", &aadsts(number, error))).await;
        let client = with_key(&server).build().unwrap();
        let error = command(&client, soon()).await.unwrap_err();
        let host = server.url.trim_start_matches("http://");
        assert_eq!(error.kind(), ErrorKind::Auth, "{error}");
        assert_eq!(error.step(), Step::AcquireToken);
        assert_eq!(error.host(), Some(host));
        assert_eq!(error.http_status(), Some(status));
        let code = format!("AADSTS{number}");
        assert_eq!(error.service_code(), Some(code.as_str()));
        let id = format!("corr-{number}");
        assert_eq!(error.activity_id(), Some(id.as_str()));
        assert!(error.client_request_id().is_some());
        assert!(error.is_permanent() && !error.is_in_doubt(), "{error}");
        assert!(error.message().contains("What \"went\" wrong"), "{error}");
        assert!(error.message().contains(advice), "{error}");
        assert_eq!(server.count(is_login), 1, "{error}");
    }
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    let busy = || aadsts(90033, "temporarily_unavailable");
    let failures: [fn() -> Act; 5] = [
        || refused(429, "Retry-After: 0\r\n", "{}"),
        || refused(503, "", "<html>"),
        || Act::SendAndClose(String::new()),
        || Act::Send(reply(200, "", "<html>a portal</html>")),
        || Act::SendAndClose("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{".to_owned()),
    ];
    for failure in failures {
        let server = cluster(move |_, number| match number {
            0 => failure(),
            _ => granted("t"),
        })
        .await;
        let client = with_key(&server).build().unwrap();
        let receipt = client.ingest(crate::server::row(), &crate::server::props(), soon());
        receipt.await.unwrap();
        assert_eq!(server.count(is_login), 2);
    }
    let server = cluster(move |_, number| match number {
        0 => refused(400, "", &busy()),
        _ => granted("t"),
    })
    .await;
    let client = with_key(&server).build().unwrap();
    command(&client, soon()).await.unwrap();
}

/// By the login itself: nothing above it repeats a command.
#[tokio::test]
async fn a_page_instead_of_a_token_is_tried_again() {
    let server = cluster(|_, number| match number {
        0 => Act::Send(reply(200, "", "<html>a portal</html>")),
        _ => granted("t"),
    })
    .await;
    let client = with_key(&server).build().unwrap();
    command(&client, soon()).await.unwrap();
    assert_eq!(server.count(is_login), 2);
}

#[tokio::test]
async fn a_login_that_stays_out_of_order_is_reported_as_passing() {
    let server = cluster(|_, _| refused(503, "", "")).await;
    let client = with_key(&server).build().unwrap();
    let error = command(&client, soon()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth);
    assert_eq!(error.retry(), RetryClass::Later);
    assert_eq!(error.http_status(), Some(503));
}

#[tokio::test]
async fn a_login_host_that_is_silent_is_left_at_the_deadline_and_when_the_call_is_cancelled() {
    let server = cluster(|_, _| Act::Send(String::new())).await;
    let client = with_key(&server).build().unwrap();
    let limit = CallOptions::new().with_timeout(Duration::from_millis(200));
    let error = command(&client, limit).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(error.step(), Step::AcquireToken);
    assert!(!error.is_in_doubt());

    let cancel = CancelToken::new();
    let options = CallOptions::new().with_cancel(cancel.clone());
    let calling = tokio::spawn(async move { command(&client, options).await });
    tokio::task::yield_now().await;
    cancel.cancel();
    let error = calling.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
}

/// The token is to be renewed at once, and no renewal succeeds.
#[tokio::test]
async fn the_old_token_serves_when_its_renewal_fails() {
    let server = cluster(|_, number| match number {
        0 => {
            let body = r#"{"expires_in":"3599","refresh_in":0.1,"access_token":"old"}"#;
            Act::Send(reply(200, "", body))
        }
        _ => refused(400, "", &aadsts(7000222, "invalid_client")),
    })
    .await;
    let client = with_key(&server).build().unwrap();
    for _ in 0..20 {
        command(&client, soon()).await.unwrap();
    }
    while server.count(is_login) < 2 {
        command(&client, soon()).await.unwrap();
    }
    command(&client, soon()).await.unwrap();
    let sent = server.requests();
    let mut commands = sent.iter().filter(|it| it.line.contains("/rest/mgmt"));
    assert!(commands.all(|it| it.header("authorization") == "Bearer old"));
}

#[tokio::test]
async fn a_cluster_cannot_send_a_secret_to_a_host_of_its_choice() {
    for endpoint in [
        "https://login.evil.example",
        "http://login.microsoftonline.com",
        "https://user:pw@login.microsoftonline.com",
        "nonsense",
    ] {
        let server = Server::start(move |request, base| {
            let metadata = format!(r#"{{"AzureAD":{{"LoginEndpoint":"{endpoint}"}}}}"#);
            match request.line.contains("/auth/metadata") {
                true => Act::Send(reply(200, "", &metadata)),
                false => Act::Send(healthy(request, base)),
            }
        })
        .await;
        let client = with_key(&server).build().unwrap();
        let error = command(&client, soon()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        assert_eq!(error.step(), Step::CheckTrust, "{error}");
        assert_eq!(error.argument(), Some("login endpoint"));
        assert_eq!(server.requests().len(), 1, "{endpoint}");
    }
}

#[tokio::test]
async fn the_caller_can_name_the_login_host() {
    let login = cluster(|_, _| granted("t")).await;
    let server = Server::start(|request, base| Act::Send(healthy(request, base))).await;
    let client = with_key(&server).set("Login Endpoint", &login.url).unwrap();
    command(&client.build().unwrap(), soon()).await.unwrap();
    assert_eq!(login.count(is_login), 1);
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let server = Server::start(|request, base| {
        let metadata = format!(r#"{{"AzureAD":{{"LoginEndpoint":"{base}"}}}}"#);
        match request.line.as_str() {
            line if line.contains("/auth/metadata") => Act::Send(reply(200, "", &metadata)),
            line if line.contains("/oauth2/") => granted("t"),
            _ => Act::Send(reply(401, "", "")),
        }
    })
    .await;
    let client = with_key(&server).build().unwrap();
    let error = command(&client, soon()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth);
    assert_eq!(error.http_status(), Some(401));
    assert_eq!(server.count(is_login), 2);
}

const PASSWORD: &str = "pa$$ w%rd-of-alice";

fn with_password(server: &Server) -> Client {
    let text = format!(
        "{};User ID=alice@contoso.test;Password={PASSWORD}",
        server.url
    );
    Client::builder(&text).unwrap().build().unwrap()
}

#[tokio::test]
async fn a_user_logs_in_with_a_password() {
    let server = cluster(|_, _| granted("t")).await;
    command(&with_password(&server), soon()).await.unwrap();
    let logins: Vec<_> = server.requests().into_iter().filter(is_login).collect();
    assert_eq!(logins[0].line, "POST /organizations/oauth2/v2.0/token");
    assert_eq!(
        logins[0].body,
        "grant_type=password&client_id=db662dc1-0cfe-4e1c-a843-19a68e65be58&\
         username=alice%40contoso.test&password=pa%24%24+w%25rd-of-alice&\
         scope=https%3A%2F%2Fkusto.kusto.windows.net%2F.default"
    );
}

/// Every wrong password counts towards locking the account.
#[tokio::test]
async fn a_password_that_was_refused_is_not_sent_again() {
    let server = cluster(|_, _| refused(400, "", &aadsts(50126, "invalid_grant"))).await;
    let client = with_password(&server);
    for _ in 0..3 {
        let error = command(&client, soon()).await.unwrap_err();
        assert_eq!(error.service_code(), Some("AADSTS50126"), "{error}");
        assert!(error.is_permanent() && error.message().contains("locking"));
        let text = format!("{error} {error:?} {client:?}");
        assert!(!text.contains("w%rd") && !text.contains("w%25rd"), "{text}");
    }
    assert_eq!(server.count(is_login), 1);
}

#[tokio::test]
async fn a_password_is_sent_once_by_a_call_whatever_becomes_unclear() {
    let failures: [fn() -> Act; 3] = [
        || Act::SendAndClose(String::new()),
        || refused(503, "", ""),
        || refused(429, "Retry-After: 0\r\n", "{}"),
    ];
    for failure in failures {
        let server = cluster(move |_, _| failure()).await;
        let client = with_password(&server);
        let ingesting = client.ingest(crate::server::row(), &crate::server::props(), soon());
        let error = ingesting.await.unwrap_err();
        assert_eq!(error.retry(), RetryClass::Unknown, "{error}");
        assert_eq!(server.count(is_login), 1, "{error}");
    }
}

#[tokio::test]
async fn no_secret_is_in_any_text() {
    // The login host repeats what it was sent, as a badly made proxy does.
    let server = cluster(|request, _| {
        let secret = "s3cret~of.the-application";
        let encoded = "s3cret%7Eof.the-application";
        assert!(request.body.contains(encoded));
        let body = format!(
            r#"{{"error":"invalid_client","error_description":"AADSTS7000215: {secret} {encoded} is wrong","correlation_id":"{secret}"}}"#
        );
        refused(401, "", &body)
    })
    .await;
    let builder = with_key(&server);
    let client = builder.build().unwrap();
    let error = command(&client, soon()).await.unwrap_err();
    let texts = format!("{error} {error:?} {builder:?} {client:?} {:?}", key());
    assert!(!texts.contains("s3cret"), "{texts}");
    assert!(texts.contains("****"), "{texts}");
}
