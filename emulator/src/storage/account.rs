//! A storage account: its name, its key and the names of what it holds.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::services::Service;

/// Name and key of a storage account.
#[derive(Clone)]
pub struct AccountKey {
    name: String,
    key: Vec<u8>,
}

impl AccountKey {
    /// Reads `name:key`, the key in base64.
    ///
    /// # Errors
    /// Says what is wrong with the text, without repeating the key.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, key) = text
            .split_once(':')
            .ok_or("expected name:key with the key in base64")?;
        let well_formed = (3..=24).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if !well_formed {
            return Err(format!(
                "'{name}' is not a storage account name: 3 to 24 lower-case letters and digits"
            ));
        }
        match STANDARD.decode(key) {
            Ok(key) if !key.is_empty() => Ok(Self {
                name: name.to_owned(),
                key,
            }),
            _ => Err(format!("the key of account '{name}' is not base64")),
        }
    }

    /// The two accounts every emulator has unless told otherwise. Their keys are public knowledge.
    #[must_use]
    pub fn built_in() -> Vec<Self> {
        ["kustoemu1", "kustoemu2"]
            .into_iter()
            .map(|name| Self {
                name: name.to_owned(),
                key: format!("the well-known key of the emulator's storage account {name}")
                    .into_bytes(),
            })
            .collect()
    }

    /// The account's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn key(&self) -> &[u8] {
        &self.key
    }
}

impl std::fmt::Debug for AccountKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AccountKey({})", self.name)
    }
}

/// An account as the emulator runs it.
///
/// Names are unique over the three services, so that the first segment of a path says which
/// service is meant although all three share one port.
pub(crate) struct Account {
    pub(crate) key: AccountKey,
    names: HashMap<String, Service>,
}

impl Account {
    pub(crate) fn new(key: AccountKey, names: &[(Service, String)]) -> Self {
        let names = names
            .iter()
            .map(|(service, name)| (name.clone(), *service))
            .collect();
        Self { key, names }
    }

    pub(crate) fn name(&self) -> &str {
        &self.key.name
    }

    /// The service that holds `name`; none when the account has nothing of that name.
    pub(crate) fn service_of(&self, name: &str) -> Option<Service> {
        self.names.get(name).copied()
    }

    pub(crate) fn names_of(&self, service: Service) -> impl Iterator<Item = &str> {
        self.names
            .iter()
            .filter(move |(_, s)| **s == service)
            .map(|(name, _)| name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_keys_are_read_and_never_printed() {
        let key = AccountKey::parse("devacct1:c2VjcmV0").unwrap();
        assert_eq!((key.name(), key.key()), ("devacct1", b"secret".as_slice()));
        assert_eq!(format!("{key:?}"), "AccountKey(devacct1)");
    }

    #[test]
    fn wrong_account_keys_are_refused_without_repeating_the_key() {
        for wrong in [
            "devacct1",
            "Dev:c2VjcmV0",
            "ab:c2VjcmV0",
            "devacct1:",
            "devacct1:%%hidden%%",
        ] {
            let error = AccountKey::parse(wrong).unwrap_err();
            assert!(!error.contains("hidden"), "{error}");
        }
    }
}
