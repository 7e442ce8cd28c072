//! The keywords of connection strings and their aliases.

use std::fmt;

/// A keyword of a connection string that means something to this library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Keyword {
    /// The cluster's URL.
    DataSource,
    /// The default database.
    InitialCatalog,
    /// Whether to log in with Entra ID.
    FederatedSecurity,
    /// The application's id in Entra ID.
    ApplicationClientId,
    /// The application's secret.
    ApplicationKey,
    /// The user's name, or a hint of it.
    UserId,
    /// The user's password.
    Password,
    /// The Entra tenant.
    AuthorityId,
    /// A bearer token of an application.
    ApplicationToken,
    /// A bearer token of a user.
    UserToken,
    /// A certificate with its private key, PEM or base64.
    ApplicationCertificateBlob,
    /// Whether to send the certificate's public chain.
    ApplicationCertificateSendX5c,
    /// The thumbprint of a certificate.
    ApplicationCertificateThumbprint,
    /// The program's name in the service's logs.
    ApplicationNameForTracing,
    /// The user's name in the service's logs.
    UserNameForTracing,
    /// The program's version in the service's logs.
    ClientVersionForTracing,
}

/// What a keyword means here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Known(Keyword),
    /// A setting of .NET clients that changes nothing about ingestion: portable strings carry it.
    Ignored,
    /// A setting that would change what happens and that this library cannot follow.
    Unsupported(&'static str),
}

struct Entry {
    keyword: Keyword,
    name: &'static str,
    /// Lower case, without spaces.
    aliases: &'static [&'static str],
}

const fn entry(keyword: Keyword, name: &'static str, aliases: &'static [&'static str]) -> Entry {
    Entry {
        keyword,
        name,
        aliases,
    }
}

const KNOWN: [Entry; 16] = [
    entry(
        Keyword::DataSource,
        "Data Source",
        &["server", "addr", "address", "networkaddress"],
    ),
    entry(Keyword::InitialCatalog, "Initial Catalog", &["database"]),
    entry(
        Keyword::FederatedSecurity,
        "AAD Federated Security",
        &["federatedsecurity", "aadfed", "fed", "federated"],
    ),
    entry(
        Keyword::ApplicationClientId,
        "Application Client Id",
        &["appclientid"],
    ),
    entry(Keyword::ApplicationKey, "Application Key", &["appkey"]),
    entry(
        Keyword::UserId,
        "User ID",
        &["user", "uid", "loginhint", "aaduserid"],
    ),
    entry(Keyword::Password, "Password", &["pwd"]),
    entry(
        Keyword::AuthorityId,
        "Authority Id",
        &["tenantid", "tid", "tenant", "authority", "domainhint"],
    ),
    entry(
        Keyword::ApplicationToken,
        "Application Token",
        &["apptoken"],
    ),
    entry(Keyword::UserToken, "User Token", &["usrtoken"]),
    entry(
        Keyword::ApplicationCertificateBlob,
        "Application Certificate Blob",
        &[],
    ),
    entry(
        Keyword::ApplicationCertificateSendX5c,
        "Application Certificate SendX5c",
        &[
            "applicationcertificatex5c",
            "sendx5c",
            "applicationcertificatesendpubliccertificate",
            "sendcertificatechain",
        ],
    ),
    entry(
        Keyword::ApplicationCertificateThumbprint,
        "Application Certificate Thumbprint",
        &["appcert"],
    ),
    entry(
        Keyword::ApplicationNameForTracing,
        "Application Name for Tracing",
        &["traceappname"],
    ),
    entry(
        Keyword::UserNameForTracing,
        "User Name for Tracing",
        &["traceusername"],
    ),
    entry(
        Keyword::ClientVersionForTracing,
        "Client Version for Tracing",
        &["traceclientversion"],
    ),
];

const IGNORED: [&str; 5] = [
    "streaming",
    "uncompressed",
    "accept",
    "enforcemfa",
    "queryconsistency",
];

const UNSUPPORTED: [(&str, &[&str]); 7] = [
    (
        "Application Certificate Issuer Distinguished Name",
        &[
            "applicationcertificateissuerdistinguishedname",
            "applicationcertificateissuer",
        ],
    ),
    (
        "Application Certificate Subject Distinguished Name",
        &[
            "applicationcertificatesubjectdistinguishedname",
            "applicationcertificatesubject",
        ],
    ),
    (
        "Application Certificate PrivateKey",
        &["applicationcertificateprivatekey"],
    ),
    (
        "dSTS Federated Security",
        &["dstsfederatedsecurity", "dstsfed", "dststokentype"],
    ),
    (
        "Data Source Uri",
        &["datasourceuri", "serveruri", "clusteruri"],
    ),
    ("Azure Region", &["azureregion", "region"]),
    ("Namespace", &["namespace", "ns"]),
];

/// Looks a keyword up; case and white space do not count.
pub(super) fn look_up(text: &str) -> Option<Meaning> {
    let text = normalise(text);
    let known = KNOWN
        .iter()
        .find(|entry| normalise(entry.name) == text || entry.aliases.contains(&text.as_str()));
    if let Some(entry) = known {
        return Some(Meaning::Known(entry.keyword));
    }
    if IGNORED.contains(&text.as_str()) {
        return Some(Meaning::Ignored);
    }
    UNSUPPORTED
        .iter()
        .find(|(_, aliases)| aliases.contains(&text.as_str()))
        .map(|(name, _)| Meaning::Unsupported(name))
}

fn normalise(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_whitespace())
        .flat_map(char::to_lowercase)
        .collect()
}

impl Keyword {
    /// Every keyword, in the order in which they are printed.
    pub const ALL: [Keyword; 16] = {
        let mut all = [Keyword::DataSource; 16];
        let mut index = 0;
        while index < KNOWN.len() {
            all[index] = KNOWN[index].keyword;
            index += 1;
        }
        all
    };

    /// The canonical name, such as `Data Source`.
    pub fn name(self) -> &'static str {
        // `KNOWN` lists the keywords in the order of the enum; a test holds it to that.
        KNOWN[self as usize].name
    }

    /// Whether the value must not be printed.
    pub const fn is_secret(self) -> bool {
        matches!(
            self,
            Keyword::ApplicationKey
                | Keyword::Password
                | Keyword::ApplicationToken
                | Keyword::UserToken
                | Keyword::ApplicationCertificateBlob
                | Keyword::ApplicationCertificateThumbprint
        )
    }

    pub(super) const fn is_boolean(self) -> bool {
        matches!(
            self,
            Keyword::FederatedSecurity | Keyword::ApplicationCertificateSendX5c
        )
    }
}

impl fmt::Display for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_enum_and_no_alias_means_two_things() {
        let mut seen = std::collections::HashSet::new();
        for (index, entry) in KNOWN.iter().enumerate() {
            assert_eq!(entry.keyword as usize, index);
            assert_eq!(entry.keyword.name(), entry.name);
            assert!(seen.insert(normalise(entry.name)), "{}", entry.name);
            for alias in entry.aliases {
                assert_eq!(&normalise(alias), alias);
                assert!(seen.insert((*alias).to_owned()), "{alias}");
            }
        }
        for name in IGNORED {
            assert!(seen.insert(name.to_owned()), "{name}");
        }
        for alias in UNSUPPORTED.iter().flat_map(|(_, aliases)| *aliases) {
            assert!(seen.insert((*alias).to_owned()), "{alias}");
        }
    }

    #[test]
    fn case_and_spaces_do_not_count() {
        for text in [
            "Data Source",
            "datasource",
            " DATA  SOURCE",
            "Network\tAddress",
        ] {
            let known = Some(Meaning::Known(Keyword::DataSource));
            assert_eq!(look_up(text), known, "{text}");
        }
        assert_eq!(look_up("Query Consistency"), Some(Meaning::Ignored));
        assert_eq!(
            look_up("Region"),
            Some(Meaning::Unsupported("Azure Region"))
        );
        assert_eq!(look_up("Data-Source"), None);
        assert_eq!(look_up(""), None);
    }
}
