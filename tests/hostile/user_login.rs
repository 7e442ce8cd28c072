//! The logins of people against login hosts that misbehave.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use kusto_ingest::auth::{DeviceCode, Prompt, PromptKind, Prompted};
use kusto_ingest::error::Step;
use kusto_ingest::prelude::*;

use crate::login::{aadsts, cluster, command, granted, is_login, refused, soon};
use crate::server::{Act, Request, Server, reply};

const DEVICE_CODE: &str = "the-device-code-of-the-test";

fn is_device_code(request: &Request) -> bool {
    request.line.ends_with("/oauth2/v2.0/devicecode")
}

fn grants(server: &Server) -> Vec<String> {
    let logins = server.requests().into_iter().filter(is_login);
    let grant = |it: Request| match it.body.split(['=', '&']).nth(1) {
        Some(grant) if it.body.starts_with("grant_type=") => grant.replace("%3A", ":"),
        _ => "devicecode".to_owned(),
    };
    logins.map(grant).collect()
}

fn code() -> Act {
    let body = format!(
        r#"{{"device_code":"{DEVICE_CODE}","user_code":"WDJB-MJHT","verification_uri":"https://login.example/device","expires_in":"900","interval":"1","message":"Enter WDJB-MJHT at https://login.example/device"}}"#
    );
    Act::Send(reply(200, "", &body))
}

/// A token that has expired on its arrival, and one for the next.
fn brief(token: &str, refresh: &str) -> Act {
    let body =
        format!(r#"{{"access_token":"{token}","refresh_token":"{refresh}","expires_in":0.5}}"#);
    Act::Send(reply(200, "", &body))
}

/// A login host on which each device code is approved at the second question.
async fn approving(later: impl Fn(usize) -> Act + Send + Sync + 'static) -> Server {
    let (questions, refreshes) = (AtomicUsize::new(0), AtomicUsize::new(0));
    cluster(move |request, _| {
        if is_device_code(request) {
            return code();
        }
        if request.body.contains("grant_type=refresh_token") {
            return later(refreshes.fetch_add(1, Ordering::SeqCst));
        }
        match questions.fetch_add(1, Ordering::SeqCst) % 2 {
            0 => refused(400, "", &aadsts(70016, "authorization_pending")),
            _ => brief("by-device", "refresh-1-of-the-test"),
        }
    })
    .await
}

#[derive(Clone, Default)]
struct Shown(Arc<Mutex<Vec<Prompt>>>);

impl Shown {
    fn login(&self) -> DeviceCode {
        let shown = self.0.clone();
        DeviceCode::new(move |prompt| {
            shown.lock().unwrap().push(prompt.clone());
            Ok(Prompted::Shown)
        })
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

#[tokio::test]
async fn a_device_login_asks_once_and_renews_without_the_user() {
    let server = approving(|number| match number {
        0 => brief("renewed", "refresh-2-of-the-test"),
        _ => granted("later"),
    })
    .await;
    let shown = Shown::default();
    let client = server.builder().credential(Arc::new(shown.login()));
    let client = client.build().unwrap();
    for _ in 0..3 {
        command(&client, soon()).await.unwrap();
    }
    let prompts = shown.0.lock().unwrap().clone();
    assert_eq!(prompts.len(), 1);
    assert_eq!(prompts[0].kind(), PromptKind::DeviceCode);
    assert_eq!(prompts[0].code(), Some("WDJB-MJHT"));
    assert_eq!(prompts[0].url(), "https://login.example/device");
    assert!(prompts[0].message().starts_with("Enter WDJB-MJHT"));
    let expected = ["devicecode", GRANT, GRANT, "refresh_token", "refresh_token"];
    assert_eq!(grants(&server), expected);
    let logins: Vec<_> = server.requests().into_iter().filter(is_login).collect();
    assert_eq!(logins[0].line, "POST /organizations/oauth2/v2.0/devicecode");
    assert_eq!(
        logins[0].body,
        "client_id=db662dc1-0cfe-4e1c-a843-19a68e65be58&\
         scope=https%3A%2F%2Fkusto.kusto.windows.net%2F.default+offline_access+openid+profile"
    );
    assert!(
        logins[1]
            .body
            .contains(&format!("device_code={DEVICE_CODE}"))
    );
    // The new refresh token replaces the old one.
    assert!(
        logins[3]
            .body
            .contains("refresh_token=refresh-1-of-the-test")
    );
    assert!(
        logins[4]
            .body
            .contains("refresh_token=refresh-2-of-the-test")
    );
}

#[tokio::test]
async fn a_refresh_token_that_is_dead_leads_to_another_prompt_or_to_an_error() {
    for allowed in [true, false] {
        let server = approving(|_| refused(400, "", &aadsts(700082, "invalid_grant"))).await;
        let shown = Shown::default();
        let login = shown.login();
        let first = server.builder().credential(Arc::new(login.clone()));
        command(&first.build().unwrap(), soon()).await.unwrap();
        // The same login, which from now on may ask or not.
        let login = login.with_prompts(allowed);
        let second = server.builder().credential(Arc::new(login));
        let result = command(&second.build().unwrap(), soon()).await;
        match result {
            Ok(()) => assert!(allowed && shown.count() == 2),
            Err(error) => {
                assert!(!allowed && shown.count() == 1, "{error}");
                assert_eq!(error.service_code(), Some("AADSTS700082"), "{error}");
                assert!(error.message().contains("log in again"), "{error}");
            }
        }
    }
}

#[tokio::test]
async fn a_login_that_may_not_ask_says_so_and_sends_nothing() {
    let server = cluster(|_, _| granted("t")).await;
    let login = Shown::default().login().with_prompts(false);
    let client = server
        .builder()
        .credential(Arc::new(login))
        .build()
        .unwrap();
    let error = command(&client, soon()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth);
    assert!(error.message().contains("may not ask"), "{error}");
    assert_eq!(server.count(is_login), 0);
}

#[tokio::test]
async fn many_calls_share_one_prompt() {
    let server = approving(|_| granted("t")).await;
    let shown = Shown::default();
    let client = server.builder().credential(Arc::new(shown.login()));
    let client = client.build().unwrap();
    let calls = (0..20).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { command(&client, soon()).await })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap().unwrap();
    }
    assert_eq!(shown.count(), 1);
}

#[tokio::test]
async fn a_user_who_declines_and_a_prompt_that_fails_are_errors_of_the_login() {
    let server = cluster(|request, _| match is_device_code(request) {
        true => code(),
        false => refused(400, "", &aadsts(65004, "authorization_declined")),
    })
    .await;
    let client = server
        .builder()
        .credential(Arc::new(Shown::default().login()));
    let error = command(&client.build().unwrap(), soon()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.step()),
        (ErrorKind::Auth, Step::AcquireToken)
    );
    assert!(
        error.is_permanent() && error.message().contains("declined"),
        "{error}"
    );

    let failing = DeviceCode::new(|_| Err("no window to show it in".into()));
    let client = server.builder().credential(Arc::new(failing));
    let error = command(&client.build().unwrap(), soon()).await.unwrap_err();
    assert!(error.message().contains("no window"), "{error}");
}

#[tokio::test]
async fn a_connection_string_logs_in_by_device_when_the_program_shows_the_code() {
    let server = approving(|_| granted("t")).await;
    let text = format!("{};Login=device;Application Client Id=own", server.url);
    let builder = Client::builder(&text).unwrap();
    let error = builder.build().unwrap_err();
    assert_eq!(
        (error.kind(), error.argument()),
        (ErrorKind::Auth, Some("Login"))
    );
    assert!(error.message().contains("set a prompt"), "{error}");
    let client = builder.prompt(|_| Ok(Prompted::Shown)).build().unwrap();
    command(&client, soon()).await.unwrap();
    let login = server.requests().into_iter().find(is_login).unwrap();
    assert!(login.body.starts_with("client_id=own&"), "{}", login.body);
}

#[tokio::test]
async fn a_code_that_is_none_is_not_shown() {
    for answer in [
        "<html>a portal</html>",
        r#"{"device_code":"d","user_code":"A","verification_uri":"http://evil.example/"}"#,
    ] {
        let server = cluster(move |_, _| Act::Send(reply(200, "", answer))).await;
        let shown = Shown::default();
        let client = server.builder().credential(Arc::new(shown.login()));
        let error = command(&client.build().unwrap(), soon()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Auth, "{error}");
        assert_eq!(shown.count(), 0);
    }
}
