//! Logins that the surroundings of the program lend: command lines, federated tokens, variables, and the
//! chain of them. Each test is a process of its own with an environment of its own.
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;

use crate::machine::{IGNORES_CHILDREN, program_of};
use crate::server::{Act, Request, Server, healthy, reply};

/// A directory with commands of these names and texts, and the variable that makes them the first ones.
struct Commands {
    directory: TempDir,
}

impl Commands {
    fn new(commands: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in commands {
            let path = directory.path().join(name);
            std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        }
        Self { directory }
    }

    fn path(&self) -> String {
        format!("{}:/usr/bin:/bin", self.directory.path().display())
    }
}

/// A cluster that is its own login host, which answers like this.
async fn cluster(act: impl Fn(&Request) -> Act + Send + Sync + 'static) -> Server {
    Server::start(move |request, base| {
        if request.line.contains("/oauth2/v2.0/") {
            return act(request);
        }
        if request.line.contains("/auth/metadata") {
            let metadata = format!(r#"{{"AzureAD":{{"LoginEndpoint":"{base}"}}}}"#);
            return Act::Send(reply(200, "", &metadata));
        }
        Act::Send(healthy(request, base))
    })
    .await
}

async fn plain() -> Server {
    cluster(|_| Act::Send(reply(400, "", "{}"))).await
}

fn granted() -> Act {
    let body = r#"{"access_token":"granted","expires_in":3599}"#;
    Act::Send(reply(200, "", body))
}

const AZ: &str =
    r#"echo '{"accessToken":"from-az-login","expires_on":4000000000,"tokenType":"Bearer"}'"#;
const AZD: &str = r#"echo '{"token":"from-azd-login","expiresOn":"2099-01-01T00:00:00Z"}'"#;

fn bearers(server: &Server) -> Vec<String> {
    let requests = server.requests();
    let with = requests.iter().filter(|it| it.line.contains("/rest/mgmt"));
    with.map(|it| it.header("authorization").to_owned())
        .collect()
}

#[tokio::test]
async fn the_command_lines_lend_their_tokens() {
    let commands = Commands::new(&[("az", AZ), ("azd", AZD)]);
    for (login, token) in [("azcli", "from-az-login"), ("azd", "from-azd-login")] {
        let server = plain().await;
        let connection = format!("{};Login={login};Authority Id=contoso.test", server.url);
        let text = program_of(&connection, &[("PATH", &commands.path())]).await;
        assert!(
            text.contains("result: good") && !text.contains(token),
            "{text}"
        );
        assert_eq!(bearers(&server), [format!("Bearer {token}")]);
    }
}

#[tokio::test]
async fn a_command_line_that_lends_nothing_says_why() {
    for (script, parts) in [
        (
            "echo \"Please run 'az login' to set up an account.\" >&2; exit 1",
            ["set up an account", "[AUTH]"],
        ),
        ("exit 7", ["exit status: 7", "`az login`"]),
        (
            "echo 'no network' >&2; exit 1",
            ["no network", "retry: Unknown"],
        ),
        (
            "echo 'Please run: az login' >&2; exit 1",
            ["Please run", "retry: Never"],
        ),
        (
            "echo '\"a-bare-secret\"'",
            ["the Azure CLI (az) gave no token", "[AUTH]"],
        ),
        (
            "echo nonsense",
            ["the Azure CLI (az) gave no token", "[AUTH]"],
        ),
        (
            "echo '{\"accessToken\":\"secret-of-old-az\",\"tokenType\":\"Bearer\"}'",
            ["2.54", "[AUTH]"],
        ),
        ("sleep 1000", ["no answer within 10000 ms", "[AUTH]"]),
    ] {
        let commands = Commands::new(&[("az", script)]);
        let server = plain().await;
        let connection = format!("{};Login=azcli", server.url);
        let text = program_of(&connection, &[("PATH", &commands.path())]).await;
        for part in parts {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("secret-of-old-az"), "{text}");
        assert!(!text.contains("a-bare-secret"), "{text}");
        assert!(bearers(&server).is_empty());
    }
    let nothing = Commands::new(&[]);
    let server = plain().await;
    let connection = format!("{};Login=azcli", server.url);
    let path = nothing.directory.path().display().to_string();
    let text = program_of(&connection, &[("PATH", &path)]).await;
    assert!(text.contains("(az) is not installed"), "{text}");
}

#[tokio::test]
async fn a_tenant_cannot_add_to_the_command() {
    let commands = Commands::new(&[("az", AZ)]);
    let server = plain().await;
    let connection = format!("{};Login=azcli;Authority Id=\"x; exit 0\"", server.url);
    let text = program_of(&connection, &[("PATH", &commands.path())]).await;
    assert!(text.contains("[AUTH]"), "{text}");
    assert!(bearers(&server).is_empty());
}

#[tokio::test]
async fn a_workload_proves_itself_with_the_text_of_its_file() {
    let server = cluster(|request| {
        assert!(request.line.starts_with("POST /contoso.test/oauth2/"), "{}", request.line);
        for part in [
            "grant_type=client_credentials",
            "client_id=app-id",
            "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer",
            "client_assertion=header.payload.signature&",
        ] {
            assert!(request.body.contains(part), "{part}: {}", request.body);
        }
        granted()
    })
    .await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    std::fs::write(&file, "header.payload.signature\n").unwrap();
    let file = file.display().to_string();
    let variables = [
        ("AZURE_CLIENT_ID", "app-id"),
        ("AZURE_TENANT_ID", "contoso.test"),
        ("AZURE_FEDERATED_TOKEN_FILE", file.as_str()),
    ];
    for login in ["workload", "default"] {
        let text = program_of(&format!("{};Login={login}", server.url), &variables).await;
        assert!(text.contains("result: good"), "{text}");
    }
    let connection = format!(
        "{};Login=workload;AppClientId=app-id;Authority Id=contoso.test;Federated Token File={file}",
        server.url
    );
    let text = program_of(&connection, &[]).await;
    assert!(text.contains("result: good"), "{text}");
    assert_eq!(bearers(&server), ["Bearer granted"; 3]);
    std::fs::remove_file(&file).unwrap();
    let text = program_of(&connection, &[]).await;
    assert!(
        text.contains("[AUTH]") && text.contains("cannot be read"),
        "{text}"
    );
    let text = program_of(&format!("{};Login=workload", server.url), &[]).await;
    assert!(
        text.contains("[CONFIG]") && text.contains("AZURE_CLIENT_ID"),
        "{text}"
    );
}

const SECRET: &str = "secret-of-the-environment";

#[tokio::test]
async fn the_environment_names_an_application() {
    let server = cluster(|request| {
        assert!(
            request
                .body
                .contains("client_secret=secret-of-the-environment")
        );
        granted()
    })
    .await;
    let variables = [
        ("AZURE_CLIENT_ID", "app-id"),
        ("AZURE_TENANT_ID", "contoso.test"),
        ("AZURE_CLIENT_SECRET", SECRET),
    ];
    for login in ["environment", "default"] {
        let text = program_of(&format!("{};Login={login}", server.url), &variables).await;
        assert!(
            text.contains("result: good") && !text.contains(SECRET),
            "{text}"
        );
    }
    let evil = [
        &variables[..],
        &[("AZURE_AUTHORITY_HOST", "https://login.evil.example")],
    ]
    .concat();
    let text = program_of(&format!("{};Login=environment", server.url), &evil).await;
    assert!(
        text.contains("[CONFIG]") && text.contains("login.evil.example"),
        "{text}"
    );
}

#[tokio::test]
async fn the_default_login_asks_what_is_at_hand_and_says_what_is_not() {
    let nowhere = ("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:9");
    let azd_only = Commands::new(&[("az", "exit 1"), ("azd", AZD)]);
    let server = plain().await;
    let connection = format!("{};Login=default", server.url);
    let text = program_of(&connection, &[nowhere, ("PATH", &azd_only.path())]).await;
    assert!(text.contains("result: good"), "{text}");
    assert_eq!(bearers(&server), ["Bearer from-azd-login"]);

    let none = Commands::new(&[("az", "exit 1"), ("azd", "exit 1")]);
    let text = program_of(&connection, &[nowhere, ("PATH", &none.path())]).await;
    for part in [
        "[AUTH]",
        "environment: AZURE_CLIENT_SECRET is not set",
        "workload identity: AZURE_CLIENT_ID",
        "managed identity: this machine has no",
        "az: the Azure CLI",
        "azd: the Azure Developer CLI",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }

    // What is configured and refused is not replaced by another identity.
    let az = Commands::new(&[("az", AZ)]);
    let variables = [
        ("AZURE_CLIENT_ID", "app-id"),
        ("AZURE_TENANT_ID", "contoso.test"),
        ("AZURE_CLIENT_SECRET", SECRET),
        ("PATH", &az.path()),
    ];
    let text = program_of(&connection, &variables).await;
    assert!(
        text.contains("the default login chose: environment"),
        "{text}"
    );
}

#[tokio::test]
async fn what_answers_for_another_cloud_is_no_managed_identity() {
    let az = Commands::new(&[("az", AZ)]);
    let silence: fn() -> Act = || Act::Send(String::new());
    let answers: [fn() -> Act; 7] = [
        silence,
        || Act::Send(reply(200, "", "<html>a portal</html>")),
        || Act::Send(reply(401, "", "")),
        || Act::Send(reply(403, "", "blocked")),
        || Act::Send(reply(404, "", "<html>404</html>")),
        || Act::Send(reply(502, "", "<html>a gateway</html>")),
        || Act::SendAndClose(String::new()),
    ];
    for (number, answer) in answers.into_iter().enumerate() {
        let machine = Server::start(move |_, _| answer()).await;
        let server = plain().await;
        let connection = format!("{};Login=default", server.url);
        let place = ("AZURE_POD_IDENTITY_AUTHORITY_HOST", machine.url.as_str());
        let text = program_of(&connection, &[place, ("PATH", &az.path())]).await;
        assert!(text.contains("result: good"), "{number}: {text}");
        assert_eq!(bearers(&server), ["Bearer from-az-login"], "{number}");
        let asked = machine.count(|request| request.header("metadata") == "true");
        // What is silent is left after the first request, which has no header.
        assert!(asked <= usize::from(number > 0), "{number}: {asked}");
    }
}

/// Whoever is logged in to a command line is somebody else.
#[tokio::test]
async fn a_machine_that_is_busy_for_a_moment_is_asked_again_before_anybody_else() {
    let az = Commands::new(&[("az", AZ)]);
    let busy = r#"{"error":"busy","error_description":"Too many requests"}"#;
    let lent = r#"{"access_token":"of-the-machine","expires_on":4000000000}"#;
    let asked = AtomicUsize::new(0);
    let machine = Server::start(move |request, _| {
        let is_busy =
            request.header("metadata") != "true" || asked.fetch_add(1, Ordering::SeqCst) == 0;
        Act::Send(match is_busy {
            true => reply(429, "", busy),
            false => reply(200, "", lent),
        })
    })
    .await;
    let server = plain().await;
    let connection = format!("{};Login=default", server.url);
    let place = ("AZURE_POD_IDENTITY_AUTHORITY_HOST", machine.url.as_str());
    let text = program_of(&connection, &[place, ("PATH", &az.path())]).await;
    assert!(text.contains("result: good"), "{text}");
    assert_eq!(bearers(&server), ["Bearer of-the-machine"]);
}

#[tokio::test]
async fn the_callers_login_host_and_tenant_come_before_those_of_the_environment() {
    let server = cluster(|request| {
        assert!(
            request.line.starts_with("POST /own.test/oauth2/"),
            "{}",
            request.line
        );
        granted()
    })
    .await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    std::fs::write(&file, "a.b.c").unwrap();
    let file = file.display().to_string();
    let variables = [
        ("AZURE_CLIENT_ID", "app-id"),
        ("AZURE_TENANT_ID", "other.test"),
        ("AZURE_CLIENT_SECRET", SECRET),
        ("AZURE_FEDERATED_TOKEN_FILE", file.as_str()),
        ("AZURE_AUTHORITY_HOST", "login.evil.example"),
    ];
    for login in ["environment", "workload"] {
        let connection = format!("{};Login={login};Authority Id=own.test", server.url);
        let own = format!("{connection};Login Endpoint={}", server.url);
        let text = program_of(&own, &variables).await;
        assert!(text.contains("result: good"), "{login}: {text}");
        let text = program_of(&connection, &variables).await;
        assert!(
            text.contains("AZURE_AUTHORITY_HOST") && text.contains("login.evil.example"),
            "{login}: {text}"
        );
        assert!(text.contains("no known cloud"), "{login}: {text}");
    }
}

/// As services do that never wait for their children.
#[tokio::test]
async fn a_command_lends_its_token_to_a_program_that_ignores_its_children() {
    let commands = Commands::new(&[("az", AZ)]);
    let server = plain().await;
    let connection = format!("{};Login=azcli", server.url);
    let variables = [
        ("PATH", commands.path()),
        (IGNORES_CHILDREN, "1".to_owned()),
    ];
    let variables = variables
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let text = program_of(&connection, &variables).await;
    assert!(text.contains("result: good"), "{text}");
    assert_eq!(bearers(&server), ["Bearer from-az-login"]);
}

#[tokio::test]
async fn the_environment_chooses_one_of_the_chain_by_its_name() {
    let commands = Commands::new(&[("az", AZ), ("azd", AZD)]);
    let server = plain().await;
    let connection = format!("{};Login=default", server.url);
    let path = commands.path();
    let with = |name| [("PATH", path.as_str()), ("AZURE_TOKEN_CREDENTIALS", name)];
    let text = program_of(&connection, &with("azuredeveloperclicredential")).await;
    assert!(text.contains("result: good"), "{text}");
    assert_eq!(bearers(&server), ["Bearer from-azd-login"]);
    for name in ["AzurePowerShellCredential", "everything"] {
        let text = program_of(&connection, &with(name)).await;
        assert!(
            text.contains("[CONFIG]") && text.contains("AZURE_TOKEN_CREDENTIALS"),
            "{text}"
        );
    }
}

/// Another identity must not take the place of the one that is configured.
#[tokio::test]
async fn a_login_of_the_environment_that_is_refused_ends_the_search() {
    let commands = Commands::new(&[("az", AZ)]);
    let server = plain().await;
    let path = commands.path();
    for more in [
        &[("AZURE_CLIENT_CERTIFICATE_PATH", "/x.pem")][..],
        &[
            ("AZURE_USERNAME", "alice"),
            ("AZURE_PASSWORD", "p-of-alice"),
        ],
    ] {
        let connection = format!("{};Login=default", server.url);
        let application = application(&path);
        let text = program_of(&connection, &[&application[..], more].concat()).await;
        assert!(text.contains("chose: environment"), "{text}");
        assert!(!text.contains("p-of-alice"), "{text}");
    }
    assert!(bearers(&server).is_empty());
}

fn application(path: &str) -> [(&str, &str); 3] {
    [
        ("PATH", path),
        ("AZURE_CLIENT_ID", "app-id"),
        ("AZURE_TENANT_ID", "contoso.test"),
    ]
}

#[tokio::test]
async fn the_environment_names_a_certificate_or_a_user() {
    let certificates = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/certificates");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("app.pem");
    let text = |name: &str| std::fs::read_to_string(format!("{certificates}/{name}")).unwrap();
    std::fs::write(&file, text("ca.crt") + &text("app.crt") + &text("app.key")).unwrap();
    let file = file.display().to_string();
    for (more, sent) in [
        (
            &[
                ("AZURE_CLIENT_CERTIFICATE_PATH", file.as_str()),
                ("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN", "1"),
            ][..],
            "client_assertion=",
        ),
        (
            &[("AZURE_USERNAME", "alice"), ("AZURE_PASSWORD", "p")],
            "grant_type=password&client_id=app-id&username=alice&password=p",
        ),
    ] {
        let server = cluster(|_| granted()).await;
        let connection = format!("{};Login=environment", server.url);
        let application = application("/usr/bin:/bin");
        let text = program_of(&connection, &[&application[..], more].concat()).await;
        assert!(text.contains("result: good"), "{text}");
        let logins = server.requests();
        let login = logins
            .iter()
            .find(|it| it.line.contains("/oauth2/"))
            .unwrap();
        assert!(login.line.contains("/contoso.test/"), "{}", login.line);
        assert!(login.body.contains(sent), "{}", login.body);
    }
}
