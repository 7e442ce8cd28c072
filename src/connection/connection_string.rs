//! Connection strings in the form that all clients of the service share.

use std::collections::BTreeMap;
use std::fmt;
use std::iter;
use std::str::FromStr;

use url::Url;

use crate::connection::catalog::Keyword;
use crate::connection::keyword::{Meaning, look_up};
use crate::connection::segments::{Fault, Segment, is_invisible, quote, split};
use crate::error::{Error, ErrorKind, Result, Step, did_you_mean};
use crate::secret::{MASK, Secret};

/// The database of requests without a database.
const DEFAULT_DATABASE: &str = "NetDefaultDB";

/// A parsed connection string. `Display` and `Debug` mask its secrets.
///
/// The data source may come first without a keyword. A path of one segment in it names the
/// database, unless `Initial Catalog` does; any other path belongs to a proxy and is kept. Values
/// with `;`, quotes or spaces at their ends are quoted, with quotes inside doubled.
///
/// ```
/// use kusto_ingest::connection::ConnectionString;
///
/// let text = r#"https://help.kusto.windows.net/Samples;AppClientId=id;AppKey="a;b";Authority Id=t"#;
/// let parsed = ConnectionString::parse(text)?;
/// assert_eq!(parsed.database(), "Samples");
/// assert_eq!(
///     parsed.to_string(),
///     "Data Source=https://help.kusto.windows.net;Initial Catalog=Samples;\
///      Application Client Id=id;Application Key=****;Authority Id=t"
/// );
/// # Ok::<(), kusto_ingest::error::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectionString {
    data_source: Url,
    /// Everything but the data source; no value is empty, booleans are `true` or `false`.
    values: BTreeMap<Keyword, String>,
}

/// The login of the connection string.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Authentication {
    /// No login.
    None,
    /// With this bearer token of a user.
    UserToken(Secret),
    /// With this bearer token of an application.
    ApplicationToken(Secret),
    /// Federated, as `Fed=true` says, but with nothing to log in with: a program may build such a client,
    /// its first request fails.
    Incomplete,
    /// As an application with its secret, in the tenant of the connection string.
    ApplicationKey {
        /// The application's id.
        client_id: String,
        /// The value of its secret.
        key: Secret,
    },
    /// With an identity of the machine, named as the keyword `Managed Identity` names it.
    ManagedIdentity(String),
    /// As a user with a password.
    UserPassword {
        /// The user's name.
        user: String,
        /// The password.
        password: Secret,
        /// The public client that asks, if one is named.
        client_id: Option<String>,
    },
    /// As an application with a certificate, in the tenant of the connection string.
    Certificate {
        /// The application's id.
        client_id: String,
        /// The certificate with its key: PEM, or PFX in base64.
        file: Secret,
        /// The password of a PFX file.
        password: Option<Secret>,
        /// The certificate's thumbprint.
        thumbprint: Option<String>,
        /// Whether its chain is sent along.
        sends_chain: bool,
    },
    /// As a user in a browser on this machine.
    Interactive {
        /// The user's name, to be filled in.
        hint: Option<String>,
        /// The public client that asks, if one is named.
        client_id: Option<String>,
    },
    /// As a user who enters a code on any device.
    DeviceCode {
        /// The public client that asks, if one is named.
        client_id: Option<String>,
    },
    /// As whoever is logged in to the Azure CLI.
    AzureCli,
    /// As whoever is logged in to the Azure Developer CLI.
    AzureDeveloperCli,
    /// As the environment's variables say.
    Environment,
    /// With the first login that is at hand.
    Default,
    /// As an application with a federated token; what is `None` comes from the environment.
    WorkloadIdentity {
        /// The application's id.
        client_id: Option<String>,
        /// The file with the token.
        file: Option<String>,
    },
    /// With a flow that this version does not support. A client with its own credential works.
    Unsupported {
        /// A few words for the error, such as `application id and key`.
        flow: &'static str,
    },
}

impl ConnectionString {
    /// Reads a connection string; quotes or a byte order mark around all of it are ignored. Keywords ignore case and spaces, later ones win over earlier
    /// ones, empty values count as absent. Fails with [`ErrorKind::Config`] and the keyword.
    pub fn parse(text: &str) -> Result<Self> {
        let mut data_source = None;
        let mut values = BTreeMap::new();
        let mut after_secret = false;
        let segments = split(unwrapped(text)).map_err(fault)?;
        for (index, (position, segment)) in segments.into_iter().enumerate() {
            match segment {
                Segment::Bare(value) if index == 0 => data_source = Some(value),
                Segment::Bare(_) => return Err(config(format!("segment {position} has no '='"))),
                Segment::Pair(keyword, value) => match known(&keyword, position, after_secret)? {
                    Some(Keyword::DataSource) => data_source = Some(value),
                    Some(keyword) => {
                        after_secret |= keyword.is_secret();
                        put(&mut values, keyword, &value)?;
                    }
                    None => {}
                },
            }
        }
        let data_source = data_source.filter(|text| !text.is_empty()).ok_or_else(|| {
            config("the cluster's URL is missing").with_argument(Keyword::DataSource.name())
        })?;
        let mut data_source = parse_url(&data_source)?;
        if !values.contains_key(&Keyword::InitialCatalog)
            && let Some(database) = take_database(&mut data_source)
        {
            values.insert(Keyword::InitialCatalog, database);
        }
        Ok(Self {
            data_source,
            values,
        })
    }

    /// Sets a value by keyword or alias; an empty one removes it.
    pub fn set(&mut self, keyword: &str, value: &str) -> Result<()> {
        match known(keyword, 1, false)? {
            Some(Keyword::DataSource) => {
                let mut data_source = parse_url(value.trim())?;
                if let Some(database) = take_database(&mut data_source) {
                    self.values.insert(Keyword::InitialCatalog, database);
                }
                self.data_source = data_source;
                Ok(())
            }
            Some(keyword) if value.is_empty() => {
                self.values.remove(&keyword);
                Ok(())
            }
            Some(keyword) => put(&mut self.values, keyword, value),
            None => Ok(()),
        }
    }

    /// The cluster's URL, without the database.
    pub fn data_source(&self) -> &Url {
        &self.data_source
    }

    /// The default database, `NetDefaultDB` if none is named.
    pub fn database(&self) -> &str {
        self.get(Keyword::InitialCatalog)
            .unwrap_or(DEFAULT_DATABASE)
    }

    /// A value, unchanged. It may be a secret: do not print it.
    pub fn get(&self, keyword: Keyword) -> Option<&str> {
        match keyword {
            Keyword::DataSource => Some(self.data_source.as_str()),
            _ => self.values.get(&keyword).map(String::as_str),
        }
    }

    /// The Entra tenant, if present.
    pub fn tenant(&self) -> Option<&str> {
        self.get(Keyword::AuthorityId)
    }

    /// The program's name for `x-ms-app`, if present.
    pub fn application_name_for_tracing(&self) -> Option<&str> {
        self.get(Keyword::ApplicationNameForTracing)
    }

    /// The user's name for `x-ms-user`, if present.
    pub fn user_name_for_tracing(&self) -> Option<&str> {
        self.get(Keyword::UserNameForTracing)
    }

    /// How to log in. `AAD Federated Security` is optional with a login; `false` beside one is a
    /// contradiction and fails, as two logins do. A login that lacks a part of it fails with its name.
    pub fn authentication(&self) -> Result<Authentication> {
        let login = self.login()?;
        match self.get(Keyword::FederatedSecurity) {
            Some("false") if login != Authentication::None => {
                Err(config("is false, but the connection string has a login")
                    .with_argument(Keyword::FederatedSecurity.name()))
            }
            Some("true") if login == Authentication::None => Ok(Authentication::Incomplete),
            _ => Ok(login),
        }
    }

    fn login(&self) -> Result<Authentication> {
        let has = |keyword: &Keyword| self.get(*keyword).is_some();
        let is_of_blob = has(&Keyword::ApplicationCertificateBlob);
        let thumbprint = Some(&Keyword::ApplicationCertificateThumbprint);
        let logins = LOGINS.iter().chain(thumbprint.filter(|_| !is_of_blob));
        let mut logins = logins.filter(|login| has(login));
        let (first, second) = (logins.next(), logins.next());
        if let (Some(first), Some(second)) = (first, second) {
            let message =
                format!("has two logins, '{first}' and '{second}': leave one of them out");
            return Err(config(message).with_argument("connection string"));
        }
        match first {
            Some(keyword) => self.login_of(*keyword),
            None if has(&Keyword::UserId) => Ok(self.interactive()),
            None if has(&Keyword::ApplicationClientId) => unsupported("application id"),
            None => Ok(Authentication::None),
        }
    }

    /// The login whose essential part is this keyword.
    fn login_of(&self, keyword: Keyword) -> Result<Authentication> {
        let text = self.get(keyword).unwrap_or_default();
        if keyword == Keyword::Login {
            return self.named_login(text);
        }
        if keyword == Keyword::ManagedIdentity {
            // No secret: registered as one, an id would be masked in the log.
            return Ok(Authentication::ManagedIdentity(text.to_owned()));
        }
        let secret = Secret::from(text);
        match keyword {
            Keyword::UserToken => Ok(Authentication::UserToken(secret)),
            Keyword::ApplicationToken => Ok(Authentication::ApplicationToken(secret)),
            Keyword::ApplicationKey => {
                let client_id = self.require(Keyword::ApplicationClientId, keyword)?;
                self.require(Keyword::AuthorityId, keyword)?;
                Ok(Authentication::ApplicationKey {
                    client_id: client_id.to_owned(),
                    key: secret,
                })
            }
            Keyword::Password => {
                let user = self.require(Keyword::UserId, keyword)?;
                let client_id = self.get(Keyword::ApplicationClientId);
                Ok(Authentication::UserPassword {
                    user: user.to_owned(),
                    password: secret,
                    client_id: client_id.map(str::to_owned),
                })
            }
            Keyword::ApplicationCertificateBlob => {
                let client_id = self.require(Keyword::ApplicationClientId, keyword)?;
                self.require(Keyword::AuthorityId, keyword)?;
                let owned = |keyword| self.get(keyword).map(str::to_owned);
                let sends_chain = self.get(Keyword::ApplicationCertificateSendX5c);
                Ok(Authentication::Certificate {
                    client_id: client_id.to_owned(),
                    file: secret,
                    password: owned(Keyword::ApplicationCertificatePassword).map(Secret::from),
                    thumbprint: owned(Keyword::ApplicationCertificateThumbprint),
                    sends_chain: sends_chain == Some("true"),
                })
            }
            _ => unsupported(
                "a certificate of the system's store (export it with its key as PEM or PFX, for \
                 `Application Certificate Blob`)",
            ),
        }
    }

    fn interactive(&self) -> Authentication {
        let owned = |keyword| self.get(keyword).map(str::to_owned);
        Authentication::Interactive {
            hint: owned(Keyword::UserId),
            client_id: owned(Keyword::ApplicationClientId),
        }
    }

    fn named_login(&self, name: &str) -> Result<Authentication> {
        let owned = |keyword| self.get(keyword).map(str::to_owned);
        Ok(match name.trim().to_ascii_lowercase().as_str() {
            "none" => Authentication::None,
            "azcli" => Authentication::AzureCli,
            "azd" => Authentication::AzureDeveloperCli,
            "device" => Authentication::DeviceCode {
                client_id: owned(Keyword::ApplicationClientId),
            },
            "environment" => Authentication::Environment,
            "interactive" => self.interactive(),
            "default" => Authentication::Default,
            "managedidentity" => Authentication::ManagedIdentity("system".to_owned()),
            "workload" => Authentication::WorkloadIdentity {
                client_id: owned(Keyword::ApplicationClientId),
                file: owned(Keyword::FederatedTokenFile),
            },
            other => {
                let like = did_you_mean(other, LOGIN_NAMES);
                let message = format!("must be one of {}{like}", LOGIN_NAMES.join(", "));
                return Err(config(message).with_argument(Keyword::Login.name()));
            }
        })
    }

    fn require(&self, needed: Keyword, because_of: Keyword) -> Result<&str> {
        self.get(needed).ok_or_else(|| {
            config(format!("is missing; '{because_of}' needs it")).with_argument(needed.name())
        })
    }

    /// The connection string with its secrets, to be read by [`ConnectionString::parse`] again.
    pub fn expose_secrets(&self) -> String {
        self.print(|_, value| quote(value))
    }

    fn print(&self, value_of: impl Fn(Keyword, &str) -> String) -> String {
        let data_source = self.data_source.as_str();
        let data_source = data_source.strip_suffix('/').unwrap_or(data_source);
        let mut out = format!("{}={}", Keyword::DataSource, quote(data_source));
        for (keyword, value) in &self.values {
            out.push_str(&format!(";{keyword}={}", value_of(*keyword, value)));
        }
        out
    }
}

impl FromStr for ConnectionString {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl fmt::Display for ConnectionString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.print(|keyword, value| {
            if keyword.is_secret() {
                MASK.to_owned()
            } else {
                quote(value)
            }
        }))
    }
}

impl fmt::Debug for ConnectionString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectionString({self})")
    }
}

/// The keywords that make a login, each with others of its own. A certificate's thumbprint belongs to
/// its blob.
const LOGINS: [Keyword; 7] = [
    Keyword::UserToken,
    Keyword::ApplicationToken,
    Keyword::ApplicationKey,
    Keyword::ApplicationCertificateBlob,
    Keyword::Password,
    Keyword::ManagedIdentity,
    Keyword::Login,
];

const LOGIN_NAMES: [&str; 9] = [
    "azcli",
    "azd",
    "default",
    "device",
    "environment",
    "interactive",
    "managedidentity",
    "none",
    "workload",
];

fn unsupported(flow: &'static str) -> Result<Authentication> {
    Ok(Authentication::Unsupported { flow })
}

fn config(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Config, Step::ParseConnectionString, message)
}

fn fault(fault: Fault) -> Error {
    match fault {
        Fault::UnclosedQuote(position) => {
            config(format!("segment {position} has a quote that is not closed"))
        }
        Fault::AfterQuote(position) => config(format!(
            "segment {position} has text after its closing quote; a quote inside must be doubled"
        )),
    }
}

/// The keyword this text means; `None` for one that is accepted and ignored. An unknown one is named
/// only in front of every secret: behind one it may be the rest of it, after a semicolon that should
/// have been quoted.
fn known(text: &str, position: usize, after_secret: bool) -> Result<Option<Keyword>> {
    match look_up(text) {
        Some(Meaning::Known(keyword)) => Ok(Some(keyword)),
        Some(Meaning::Ignored) => Ok(None),
        Some(Meaning::Unsupported(name)) => {
            Err(config("this keyword is not supported").with_argument(name))
        }
        None if !after_secret && is_printable(text) => {
            let names = Keyword::ALL
                .into_iter()
                .flat_map(|one| iter::once(one.name()).chain(one.aliases().iter().copied()));
            let like = did_you_mean(text, names);
            Err(config(format!("unknown keyword '{text}'{like}")).with_argument(text))
        }
        None => Err(config(format!("segment {position} has an unknown keyword"))
            .with_argument(format!("segment {position}"))),
    }
}

/// Whether the text can be a misspelt keyword. Any other text is not repeated.
fn is_printable(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '_' | '-' | '.');
    !text.is_empty() && text.len() <= 64 && text.chars().all(allowed)
}

fn put(values: &mut BTreeMap<Keyword, String>, keyword: Keyword, value: &str) -> Result<()> {
    if value.is_empty() {
        return Ok(());
    }
    let value = if keyword.is_boolean() {
        match value.trim().to_ascii_lowercase().as_str() {
            "true" | "1" => "true",
            "false" | "0" => "false",
            _ => return Err(config("must be true or false").with_argument(keyword.name())),
        }
    } else {
        value
    };
    values.insert(keyword, value.to_owned());
    Ok(())
}

/// Without what shells, editors and settings files leave around a text: invisible characters, and one
/// pair of quotes. No connection string begins with a quote.
fn unwrapped(text: &str) -> &str {
    let text = text.trim_matches(is_invisible);
    let inside = ['"', '\''].into_iter().find_map(|quote| {
        let inside = text.strip_prefix(quote)?;
        inside.strip_suffix(quote)
    });
    inside.map_or(text, |inside| inside.trim_matches(is_invisible))
}

fn parse_url(text: &str) -> Result<Url> {
    let wrong = |message: &str| config(message).with_argument(Keyword::DataSource.name());
    let mut url = Url::parse(text)
        .map_err(|_| wrong("is not a URL such as https://cluster.region.kusto.windows.net"))?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(wrong("must begin with https:// or http://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("must not contain a user name or password"));
    }
    // Requests have their own path and query.
    url.set_query(None);
    url.set_fragment(None);
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

/// Takes the database out of a URL whose path is exactly one segment.
fn take_database(url: &mut Url) -> Option<String> {
    let segment = url.path().trim_matches('/');
    if segment.is_empty() || segment.contains('/') {
        return None;
    }
    let database = percent_encoding::percent_decode_str(segment)
        .decode_utf8()
        .ok()?
        .into_owned();
    url.set_path("");
    Some(database)
}

#[cfg(test)]
mod tests;
