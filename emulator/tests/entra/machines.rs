//! Managed identities: what a machine gives to its programs, without TLS and without a secret.

use serde_json::{Value as Json, json};

use super::{RESOURCE, World, claims, read, text};

const SYSTEM: &str = "33333333-0000-0000-0000-000000000001";
const ASSIGNED: &str = "33333333-0000-0000-0000-000000000002";
const ASSIGNED_OBJECT: &str = "33333333-0000-0000-0000-000000000012";
const ASSIGNED_RESOURCE: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id1";

impl World {
    /// A request to the machine, with a header.
    async fn machine(&self, path: &str, header: (&str, &str)) -> (u16, Json) {
        let url = format!("{}{path}", self.emulator.identity_url().unwrap());
        read(self.http.get(url).header(header.0, header.1)).await
    }

    async fn metadata_service(&self, query: &str) -> (u16, Json) {
        let path = format!("/metadata/identity/oauth2/token?api-version=2018-02-01&{query}");
        self.machine(&path, ("metadata", "true")).await
    }
}

#[tokio::test]
async fn a_virtual_machine_gives_the_tokens_of_its_identities() {
    let world = World::new().await;
    let resource = format!("resource={RESOURCE}");
    for (id, client) in [
        (String::new(), SYSTEM),
        (format!("&client_id={ASSIGNED}"), ASSIGNED),
        (format!("&object_id={ASSIGNED_OBJECT}"), ASSIGNED),
        (format!("&msi_res_id={ASSIGNED_RESOURCE}"), ASSIGNED),
    ] {
        let (status, answer) = world.metadata_service(&format!("{resource}{id}")).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(
            (text(&answer, "client_id"), text(&answer, "resource")),
            (client, RESOURCE)
        );
        let expires: i64 = text(&answer, "expires_on").parse().unwrap();
        let token = text(&answer, "access_token");
        assert_eq!(claims(token)["exp"], expires);
        assert_eq!(world.query(token).await, 200);
    }
    let unknown = world
        .metadata_service(&format!("{resource}&client_id=nobody"))
        .await;
    assert_eq!(
        (unknown.0, text(&unknown.1, "error_description")),
        (400, "Identity not found")
    );
    let two = format!("{resource}&client_id={ASSIGNED}&object_id={ASSIGNED_OBJECT}");
    assert_eq!(world.metadata_service(&two).await.0, 400);
    assert_eq!(world.metadata_service("").await.0, 400);
    let path = format!("/metadata/identity/oauth2/token?{resource}");
    assert_eq!(world.machine(&path, ("metadata", "no")).await.0, 400);
    assert_eq!(
        world.machine("/elsewhere", ("metadata", "true")).await.0,
        404
    );
}

#[tokio::test]
async fn app_service_wants_its_header() {
    let world = World::new().await;
    let path = format!(
        "/msi/token?api-version=2019-08-01&resource={RESOURCE}&mi_res_id={ASSIGNED_RESOURCE}"
    );
    let header = ("x-identity-header", "emulated-identity-header");
    let (status, answer) = world.machine(&path, header).await;
    assert_eq!((status, text(&answer, "client_id")), (200, ASSIGNED));
    assert_eq!(world.query(text(&answer, "access_token")).await, 200);
    let (status, answer) = world.machine(&path, ("x-identity-header", "wrong")).await;
    assert_eq!((status, &answer["statusCode"]), (401, &json!(401)));
}

#[tokio::test]
async fn cloud_shell_takes_a_form() {
    let world = World::new().await;
    let url = format!("{}/oauth2/token", world.emulator.identity_url().unwrap());
    let request = world.http.post(url).header("metadata", "true");
    let (status, answer) = read(request.body(format!("resource={RESOURCE}"))).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(world.query(text(&answer, "access_token")).await, 200);
}

#[tokio::test]
async fn the_directory_says_how_answers_look() {
    let world = World::new().await;
    let rules = json!({"expiryAsNumber": true, "tokenSeconds": 60, "leftOut": ["client_id"]});
    world.change(|directory| directory["tokens"] = rules).await;
    let (_, answer) = world
        .metadata_service(&format!("resource={RESOURCE}"))
        .await;
    assert!(answer["expires_on"].is_i64(), "{answer}");
    assert_eq!(
        (text(&answer, "expires_in"), answer.get("client_id")),
        ("60", None)
    );
}
