//! Who is known: applications, users, managed identities, and how tokens are made. Programs read and change it as JSON.

use serde::{Deserialize, Serialize};

/// The client of the Kusto tools, which every cluster's metadata names.
pub(crate) const KUSTO_CLIENT: &str = "db662dc1-0cfe-4e1c-a843-19a68e65be58";
/// The client of the Azure CLI, which the identity libraries use for people.
const AZURE_CLIENT: &str = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";

/// A secret of the directory. It is read and written as JSON, and never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Hidden(String);

impl Hidden {
    pub(super) fn is(&self, text: &str) -> bool {
        self.0 == text
    }
}

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hidden(***)")
    }
}

/// All that is known. A member that is not given is as it is at the start, or empty.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Directory {
    /// The one tenant's id.
    pub(super) tenant: String,
    /// The tenant's domain, by which it may be named as well.
    pub(super) domain: String,
    pub(super) apps: Vec<App>,
    pub(super) users: Vec<User>,
    pub(super) identities: Vec<Identity>,
    /// The name of the user who signs in where nobody is asked: none is the first user.
    pub(super) signs_in: Option<String>,
    pub(super) tokens: TokenRules,
}

/// An application.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct App {
    pub(super) client_id: String,
    pub(super) object_id: String,
    pub(super) name: String,
    /// Whether it is a public client: one without secrets, for the logins of users.
    pub(super) public: bool,
    pub(super) secrets: Vec<AppSecret>,
    /// Certificates that sign its assertions, in DER and base64.
    pub(super) certificates: Vec<String>,
    /// Workloads elsewhere that may be it.
    pub(super) federated: Vec<Federated>,
}

/// A client secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AppSecret {
    pub(super) text: Hidden,
    /// When it ends, in seconds since 1970.
    #[serde(default)]
    pub(super) expires: Option<i64>,
}

/// A workload of another issuer that may be the application.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Federated {
    pub(super) issuer: String,
    pub(super) subject: String,
    #[serde(default = "exchange")]
    pub(super) audience: String,
}

fn exchange() -> String {
    "api://AzureADTokenExchange".to_owned()
}

/// A user.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct User {
    /// The principal name, such as `alice@contoso.test`.
    pub(super) name: String,
    pub(super) password: Hidden,
    #[serde(default)]
    pub(super) object_id: String,
    /// Whether a password alone is not enough.
    #[serde(default)]
    pub(super) mfa: bool,
    #[serde(default)]
    pub(super) disabled: bool,
}

/// A managed identity of the machine that asks.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Identity {
    pub(super) client_id: String,
    pub(super) object_id: String,
    /// Of a user-assigned one; the system's has none.
    #[serde(default)]
    pub(super) resource_id: Option<String>,
}

/// How tokens are made, right or wrong.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct TokenRules {
    /// How long a token is valid.
    pub(super) token_seconds: i64,
    /// After how many seconds a token is to be renewed (`refresh_in`); answers without it leave that to the client.
    pub(super) refresh_seconds: Option<i64>,
    /// Whether Entra's answers spell their numbers as text.
    pub(super) numbers_as_text: bool,
    /// Whether a machine's answers spell `expires_on` as a number.
    pub(super) expiry_as_number: bool,
    /// Members that are left out of answers.
    pub(super) left_out: Vec<String>,
    /// Whether a refresh token serves once only.
    pub(super) refresh_rotation: bool,
    /// How many seconds Entra's clock is ahead when it makes tokens.
    pub(super) clock_skew: i64,
    /// How long a client waits between two questions about a device.
    pub(super) poll_seconds: i64,
}

impl TokenRules {
    /// Times are added to the clock's: they must be far from the ends of their type.
    pub(super) fn check(&self) -> Result<(), String> {
        const LONGEST: i64 = 100 * 365 * 24 * 3600;
        let times = [self.token_seconds, self.clock_skew, self.poll_seconds];
        match times.iter().all(|time| (-LONGEST..=LONGEST).contains(time)) {
            true => Ok(()),
            false => Err("A time of the tokens is longer than a hundred years.".to_owned()),
        }
    }
}

impl Default for TokenRules {
    fn default() -> Self {
        Self {
            token_seconds: 3600,
            refresh_seconds: None,
            numbers_as_text: false,
            expiry_as_number: false,
            left_out: Vec::new(),
            refresh_rotation: false,
            clock_skew: 0,
            poll_seconds: 5,
        }
    }
}

impl Default for Directory {
    fn default() -> Self {
        let public = |client_id: &str, name: &str| App {
            client_id: client_id.to_owned(),
            object_id: client_id.to_owned(),
            name: name.to_owned(),
            public: true,
            ..App::default()
        };
        let user = |name: &str, password: &str, number: u8, mfa: bool| User {
            name: name.to_owned(),
            password: Hidden(password.to_owned()),
            object_id: format!("44444444-0000-0000-0000-0000000000{number:02}"),
            mfa,
            disabled: false,
        };
        Self {
            tenant: "11111111-1111-1111-1111-111111111111".to_owned(),
            domain: "contoso.test".to_owned(),
            apps: vec![
                public(KUSTO_CLIENT, "Kusto client"),
                public(AZURE_CLIENT, "Azure CLI"),
                App {
                    client_id: "22222222-2222-2222-2222-222222222222".to_owned(),
                    object_id: "22222222-0000-0000-0000-000000000001".to_owned(),
                    name: "app1".to_owned(),
                    secrets: vec![AppSecret {
                        text: Hidden("secret1".to_owned()),
                        expires: None,
                    }],
                    ..App::default()
                },
            ],
            users: vec![
                user("alice@contoso.test", "pa$$ w%rd", 1, false),
                user("mfa@contoso.test", "pa$$ w%rd", 2, true),
            ],
            identities: vec![
                Identity {
                    client_id: "33333333-0000-0000-0000-000000000001".to_owned(),
                    object_id: "33333333-0000-0000-0000-000000000011".to_owned(),
                    resource_id: None,
                },
                Identity {
                    client_id: "33333333-0000-0000-0000-000000000002".to_owned(),
                    object_id: "33333333-0000-0000-0000-000000000012".to_owned(),
                    resource_id: Some(
                        "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id1"
                            .to_owned(),
                    ),
                },
            ],
            signs_in: None,
            tokens: TokenRules::default(),
        }
    }
}

impl Directory {
    /// The application with this id.
    pub(super) fn app(&self, client_id: &str) -> Option<&App> {
        let is_it = |app: &&App| app.client_id.eq_ignore_ascii_case(client_id);
        self.apps.iter().find(is_it)
    }

    /// The user with this name; the part before the `@` is enough.
    pub(super) fn user(&self, name: &str) -> Option<&User> {
        let is_it = |user: &&User| {
            let short = user.name.split('@').next().unwrap_or_default();
            user.name.eq_ignore_ascii_case(name) || short.eq_ignore_ascii_case(name)
        };
        self.users.iter().find(is_it)
    }
}
