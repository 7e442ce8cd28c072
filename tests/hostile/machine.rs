//! Managed identities: the machine around the program is a server of the test, named by the variables of a
//! process of its own, since each process has one environment.

use std::process::Output;

use kusto_ingest::prelude::*;
use tokio::process::Command;

use crate::server::{Act, Request, Server, healthy, reply};

const CLUSTER: &str = "KUSTO_TEST_MACHINE_CLUSTER";
/// With it, the program is one that lets the system collect its children.
pub(crate) const IGNORES_CHILDREN: &str = "KUSTO_TEST_MACHINE_IGNORES_CHILDREN";
const SECRET: &str = "header-of-the-app-service";

fn is_for_token(request: &Request) -> bool {
    !request.line.contains("/v1/rest/")
}

async fn machine(act: impl Fn(&Request, usize) -> Act + Send + Sync + 'static) -> Server {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    Server::start(move |request, base| match is_for_token(request) {
        true => act(
            request,
            asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst),
        ),
        false => Act::Send(healthy(request, base)),
    })
    .await
}

fn lends(times: &str) -> Act {
    let body = format!(r#"{{"access_token":"lent",{times},"token_type":"Bearer","resource":"r"}}"#);
    Act::Send(reply(200, "", &body))
}

/// What the process of a program says that logs in with this identity on such a machine.
async fn program(server: &Server, identity: &str, variables: &[(&str, &str)]) -> String {
    let connection = format!("{};Managed Identity={identity}", server.url);
    program_of(&connection, variables).await
}

/// What the process of a program says that logs in as its connection string says.
pub(crate) async fn program_of(connection: &str, variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["machine::the_program", "--exact", "--nocapture"]);
    for name in [
        "AZURE_AUTHORITY_HOST",
        "AZURE_CLIENT_ID",
        "AZURE_CLIENT_SECRET",
        "AZURE_FEDERATED_TOKEN_FILE",
        "AZURE_TENANT_ID",
        "AZURE_TOKEN_CREDENTIALS",
        "IDENTITY_ENDPOINT",
        "IDENTITY_HEADER",
        "IMDS_ENDPOINT",
        "MSI_ENDPOINT",
        "MSI_SECRET",
    ] {
        command.env_remove(name);
    }
    // Nothing listens there: whoever uses a proxy fails.
    for proxy in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        command.env(proxy, "http://127.0.0.1:9");
    }
    command.envs(variables.iter().copied());
    command.env(CLUSTER, connection);
    let Output { stdout, stderr, .. } = command.output().await.unwrap();
    let text = String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap();
    assert!(text.contains("result: "), "{text}");
    text
}

/// The program itself; without its variables it is a test of nothing.
#[tokio::test]
async fn the_program() {
    let Ok(cluster) = std::env::var(CLUSTER) else {
        return;
    };
    #[cfg(unix)]
    if std::env::var_os(IGNORES_CHILDREN).is_some() {
        // SAFETY: a plain system call; no handler is installed.
        unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    }
    let client = Client::builder(&cluster).unwrap().build().unwrap();
    let none = RequestProperties::new();
    let options = CallOptions::new().with_timeout(std::time::Duration::from_secs(60));
    match client.management("D", ".show tables", &none, options).await {
        Ok(_) => println!("result: good"),
        Err(error) => println!("result: {error:?} retry: {:?}", error.retry()),
    }
}

fn query_of(server: &Server) -> Vec<String> {
    let requests = server.requests();
    let asked = requests.iter().filter(|request| is_for_token(request));
    asked.map(|request| request.line.clone()).collect()
}

const GUID: &str = "11111111-2222-3333-4444-555555555555";

#[tokio::test]
async fn a_virtual_machine_is_asked_for_the_identity_that_is_meant() {
    let resource = "/subscriptions/s/resourceGroups/g";
    for (identity, parameter) in [
        (
            "system".to_owned(),
            "resource=https%3A%2F%2Fkusto.kusto.windows.net".to_owned(),
        ),
        (GUID.to_owned(), format!("client_id={GUID}")),
        (format!("objectid:{GUID}"), format!("object_id={GUID}")),
        (
            resource.to_owned(),
            "msi_res_id=%2Fsubscriptions%2Fs%2FresourceGroups%2Fg".to_owned(),
        ),
    ] {
        let server = machine(|_, _| lends(r#""expires_on":4000000000,"expires_in":"86400""#)).await;
        let place = [("AZURE_POD_IDENTITY_AUTHORITY_HOST", server.url.as_str())];
        let text = program(&server, &identity, &place).await;
        assert!(text.contains("result: good"), "{text}");
        let asked = query_of(&server);
        assert_eq!(asked.len(), 1, "{asked:?}");
        assert!(
            asked[0].starts_with("GET /metadata/identity/oauth2/token?"),
            "{asked:?}"
        );
        assert!(asked[0].contains(&parameter), "{asked:?}");
        let requests = server.requests();
        let asking = requests
            .iter()
            .find(|request| is_for_token(request))
            .unwrap();
        assert_eq!(asking.header("metadata"), "true");
        let with_token = server.count(|request| request.header("authorization") == "Bearer lent");
        assert_eq!(with_token, 1);
    }
}

#[tokio::test]
async fn an_app_service_is_asked_with_its_secret_which_no_text_shows() {
    let resource = "/subscriptions/s/resourceGroups/g";
    for (identity, parameter) in [
        ("system", "api-version=2019-08-01"),
        (GUID, "client_id=11111111"),
        (resource, "mi_res_id=%2Fsubscriptions"),
    ] {
        let server = machine(|request, number| match number {
            0 => {
                assert_eq!(request.header("x-identity-header"), SECRET);
                Act::Send(reply(500, "", r#"{"statusCode":500,"message":"busy"}"#))
            }
            _ => lends(r#""expires_on":"4000000000""#),
        })
        .await;
        let endpoint = format!("{}/msi/token", server.url);
        let place = [
            ("IDENTITY_ENDPOINT", endpoint.as_str()),
            ("IDENTITY_HEADER", SECRET),
        ];
        let text = program(&server, identity, &place).await;
        assert!(
            text.contains("result: good") && !text.contains(SECRET),
            "{text}"
        );
        let asked = query_of(&server);
        assert_eq!(asked.len(), 2, "{asked:?}");
        assert!(asked[1].starts_with("GET /msi/token?"), "{asked:?}");
        assert!(asked[1].contains(parameter), "{asked:?}");
    }
}

#[tokio::test]
async fn cloud_shell_is_asked_with_a_form() {
    let server = machine(|request, _| {
        assert_eq!(
            request.body,
            "resource=https%3A%2F%2Fkusto.kusto.windows.net"
        );
        lends(r#""expires_on":"4000000000""#)
    })
    .await;
    let endpoint = format!("{}/token", server.url);
    let text = program(&server, "system", &[("MSI_ENDPOINT", &endpoint)]).await;
    assert!(text.contains("result: good"), "{text}");
    let text = program(&server, GUID, &[("MSI_ENDPOINT", &endpoint)]).await;
    assert!(
        text.contains("[CONFIG]") && text.contains("Managed Identity"),
        "{text}"
    );
}

#[tokio::test]
async fn an_arc_agent_cannot_ask_for_any_file() {
    for realm in [
        "/etc/passwd",
        "/var/opt/azcmagent/tokens/../../../../etc/x.key",
        "",
    ] {
        let headers = format!("WWW-Authenticate: Basic realm={realm}\r\n");
        let server = machine(move |_, number| match number {
            // Its first answer may fail as well, and is asked for again.
            0 => Act::Send(reply(503, "", "")),
            _ => Act::Send(reply(401, &headers, "")),
        })
        .await;
        let endpoint = format!("{}/metadata/identity/oauth2/token", server.url);
        let place = [
            ("IDENTITY_ENDPOINT", endpoint.as_str()),
            ("IMDS_ENDPOINT", "x"),
        ];
        let text = program(&server, "system", &place).await;
        assert!(text.contains("none of its keys"), "{text}");
        assert_eq!(query_of(&server).len(), 2);
    }
}

#[tokio::test]
async fn what_the_machine_says_is_in_the_error() {
    let body = r#"{"error":"invalid_request","error_description":"Identity not found"}"#;
    let server = machine(move |_, _| Act::Send(reply(400, "", body))).await;
    let place = [("AZURE_POD_IDENTITY_AUTHORITY_HOST", server.url.as_str())];
    let text = program(&server, GUID, &place).await;
    for part in [
        "[AUTH]",
        "Identity not found",
        "invalid_request",
        "HTTP 400",
        GUID,
        "assigned",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(query_of(&server).len(), 1);
}

#[tokio::test]
async fn a_refusal_of_another_reason_is_not_said_to_be_an_unassigned_identity() {
    let body = r#"{"error":"unauthorized_client","error_description":"Not allowed"}"#;
    let server = machine(move |_, _| Act::Send(reply(400, "", body))).await;
    let place = [("AZURE_POD_IDENTITY_AUTHORITY_HOST", server.url.as_str())];
    let text = program(&server, GUID, &place).await;
    assert!(
        text.contains("Not allowed") && !text.contains("assigned"),
        "{text}"
    );
}

#[tokio::test]
async fn a_machine_without_a_metadata_service_is_said_to_have_no_identity() {
    let server = machine(|_, _| lends("")).await;
    let place = [("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:9")];
    let text = program(&server, "system", &place).await;
    assert!(
        text.contains("[AUTH]") && text.contains("has no managed identity"),
        "{text}"
    );
}
