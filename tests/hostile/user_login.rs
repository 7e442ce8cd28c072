//! The logins of people against login hosts that misbehave.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use kusto_ingest::auth::{DeviceCode, Interactive, Prompt, PromptKind, Prompted, UserPassword};
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
    let shown = Shown::default();
    let client = server.builder().credential(Arc::new(shown.login()));
    let client = client.build().unwrap();
    let error = command(&client, soon()).await.unwrap_err();
    // Who has declined is left alone for a while.
    command(&client, soon()).await.unwrap_err();
    assert_eq!(shown.count(), 1);
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

/// One cluster wants a second factor: what others renew with is not worth less.
#[tokio::test]
async fn a_refresh_token_outlives_a_refusal_of_one_request() {
    let (questions, refreshes) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let server = cluster(move |request, _| {
        if is_device_code(request) {
            return code();
        }
        if request.body.contains("grant_type=refresh_token") {
            return match refreshes.fetch_add(1, Ordering::SeqCst) {
                0 => refused(400, "", &aadsts(50076, "interaction_required")),
                _ => granted("renewed"),
            };
        }
        match questions.fetch_add(1, Ordering::SeqCst) {
            0 => brief("by-device", "refresh-1-of-the-test"),
            _ => refused(400, "", &aadsts(65004, "authorization_declined")),
        }
    })
    .await;
    let shown = Shown::default();
    let client = server.builder().credential(Arc::new(shown.login()));
    let client = client.build().unwrap();
    command(&client, soon()).await.unwrap();
    command(&client, soon()).await.unwrap_err();
    command(&client, soon()).await.unwrap();
    assert_eq!(shown.count(), 2);
}

/// Nobody answers the prompt of one tenant; the other needs no user.
#[tokio::test]
async fn a_user_who_is_asked_for_one_tenant_holds_up_no_other() {
    let server = cluster(|request, _| {
        if is_device_code(request) {
            return code();
        }
        if request.line.contains("/slow/") {
            return refused(400, "", &aadsts(70016, "authorization_pending"));
        }
        brief("t", "refresh-1-of-the-test")
    })
    .await;
    let (shown, mut is_shown) = tokio::sync::mpsc::unbounded_channel();
    let login = Arc::new(DeviceCode::new(move |_| {
        shown.send(())?;
        Ok(Prompted::Shown)
    }));
    let client = |tenant: &str| {
        let text = format!("{};Authority Id={tenant}", server.url);
        let builder = Client::builder(&text).unwrap();
        builder.credential(login.clone()).build().unwrap()
    };
    let (quick, slow) = (client("quick"), client("slow"));
    command(&quick, soon()).await.unwrap();
    is_shown.recv().await.unwrap();
    let waiting = tokio::spawn(async move { command(&slow, soon()).await });
    is_shown.recv().await.unwrap();
    command(&quick, soon()).await.unwrap();
    assert!(!waiting.is_finished());
    waiting.abort();
}

#[tokio::test]
async fn a_password_is_remembered_as_wrong_where_it_was_refused() {
    // Which refusal holds where: of a tenant, of a proxy, of the password.
    let page = "<html>a proxy</html>".to_owned();
    for (answer, again, elsewhere) in [
        (aadsts(90002, "invalid_request"), 1, true),
        (page, 2, true),
        (aadsts(50126, "invalid_grant"), 1, false),
    ] {
        let server = cluster(move |request, _| match request.line.contains("/wrong/") {
            true => refused(403, "", &answer),
            false => granted("t"),
        })
        .await;
        let login = Arc::new(UserPassword::new("alice@contoso.test", "the-password"));
        let client = |tenant: &str| {
            let text = format!("{};Authority Id={tenant}", server.url);
            let builder = Client::builder(&text).unwrap();
            builder.credential(login.clone()).build().unwrap()
        };
        let (one, two) = (client("wrong"), client("wrong"));
        for client in [one, two] {
            command(&client, soon()).await.unwrap_err();
        }
        assert_eq!(server.count(is_login), again);
        let other = command(&client("right"), soon()).await;
        assert_eq!(other.is_ok(), elsewhere, "{other:?}");
    }
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

/// Plays the browser: goes where the address leads, and sends the answer there as a form.
fn browse(url: &str, fields: &str) -> String {
    use std::io::{Read, Write};

    let url = url::Url::parse(url).unwrap();
    let redirect = url.query_pairs().find(|(key, _)| key == "redirect_uri");
    let redirect = url::Url::parse(&redirect.unwrap().1).unwrap();
    let state = url.query_pairs().find(|(key, _)| key == "state").unwrap().1;
    let form = fields.replace("STATE", &state);
    let port = redirect.port().unwrap();
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    let head = format!(
        "POST / HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Length: {}\r\n\r\n",
        form.len()
    );
    stream.write_all((head + &form).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn with_browser(fields: &'static str) -> Interactive {
    Interactive::new().with_prompt(move |prompt| {
        assert_eq!(prompt.kind(), PromptKind::Browser);
        assert_eq!(prompt.code(), None);
        let wrong = browse(prompt.url(), "code=of-another-tab&state=wrong");
        assert!(wrong.starts_with("HTTP/1.1 400"), "{wrong}");
        browse(prompt.url(), fields);
        Ok(Prompted::Shown)
    })
}

#[tokio::test]
async fn a_browser_comes_back_with_a_code_that_is_exchanged_once() {
    let server = cluster(|request, _| match request.body.contains("refresh_token") {
        true => granted("renewed"),
        false => brief("by-browser", "refresh-1-of-the-test"),
    })
    .await;
    let login = with_browser("code=the-code&state=STATE").with_hint("alice@contoso.test");
    let client = server
        .builder()
        .credential(Arc::new(login))
        .build()
        .unwrap();
    for _ in 0..3 {
        command(&client, soon()).await.unwrap();
    }
    assert_eq!(grants(&server), ["authorization_code", "refresh_token"]);
    let login = server.requests().into_iter().find(is_login).unwrap();
    let fields: std::collections::HashMap<_, _> =
        url::form_urlencoded::parse(login.body.as_bytes())
            .into_owned()
            .collect();
    assert_eq!(fields["code"], "the-code");
    assert_eq!(fields["code_verifier"].len(), 43);
    assert!(fields["redirect_uri"].starts_with("http://localhost:"));
    assert!(fields["scope"].contains("offline_access"));
}

#[tokio::test]
async fn a_code_of_unknown_outcome_is_not_sent_again() {
    let server = cluster(|_, _| Act::SendAndClose(String::new())).await;
    let login = with_browser("code=the-code&state=STATE");
    let client = server
        .builder()
        .credential(Arc::new(login))
        .build()
        .unwrap();
    let error = command(&client, soon()).await.unwrap_err();
    assert!(!error.is_retryable(), "{error}");
    assert_eq!(server.count(is_login), 1);
}

#[tokio::test]
async fn a_browser_that_is_refused_says_why() {
    let server = cluster(|_, _| granted("t")).await;
    let fields = "error=access_denied&error_description=AADSTS65004%3A+User+declined.&state=STATE";
    let client = server.builder().credential(Arc::new(with_browser(fields)));
    let error = command(&client.build().unwrap(), soon()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth);
    assert_eq!(error.service_code(), Some("AADSTS65004"));
    assert!(
        error.is_permanent() && error.message().contains("AADSTS65004"),
        "{error}"
    );
    assert_eq!(server.count(is_login), 0);
}

/// The listener is gone with the login.
#[tokio::test]
async fn a_browser_that_never_returns_is_left_with_the_client() {
    let server = cluster(|_, _| granted("t")).await;
    let (shown, is_shown) = tokio::sync::oneshot::channel();
    let shown = Mutex::new(Some(shown));
    let login = Interactive::new().with_prompt(move |prompt| {
        if let Some(shown) = shown.lock().unwrap().take() {
            let _ = shown.send(prompt.url().to_owned());
        }
        Ok(Prompted::Shown)
    });
    let client = server
        .builder()
        .credential(Arc::new(login))
        .build()
        .unwrap();
    let calling = tokio::spawn(async move { command(&client, soon()).await });
    let url = url::Url::parse(&is_shown.await.unwrap()).unwrap();
    let redirect = url.query_pairs().find(|(key, _)| key == "redirect_uri");
    let redirect = url::Url::parse(&redirect.unwrap().1).unwrap();
    let port = redirect.port().unwrap();
    assert!(
        tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .is_ok()
    );
    calling.abort();
    assert!(calling.await.unwrap_err().is_cancelled());
    // The client was dropped with its call. Its task ends at the runtime's next turn.
    while tokio::net::TcpStream::connect(("127.0.0.1", port))
        .await
        .is_ok()
    {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn connection_strings_ask_in_the_browser_when_the_program_shows_it() {
    for text in ["Login=interactive", "Fed=true", "Fed=true;User ID=alice"] {
        let server = cluster(|_, _| granted("t")).await;
        let builder = Client::builder(&format!("{};{text}", server.url)).unwrap();
        let browser = |prompt: &Prompt| {
            browse(prompt.url(), "code=c&state=STATE");
            Ok(Prompted::Shown)
        };
        let client = builder.prompt(browser).build().unwrap();
        command(&client, soon()).await.unwrap();
        assert_eq!(grants(&server), ["authorization_code"], "{text}");
    }
}
