//! The parameters of a storage request's URL.

use url::form_urlencoded;

use super::error::StorageError;

/// The parameters of a URL, decoded, in their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(text: &str) -> Self {
        Self(
            form_urlencoded::parse(text.as_bytes())
                .into_owned()
                .collect(),
        )
    }

    pub(crate) fn push(&mut self, name: &str, value: &str) {
        self.0.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether it says `true`, in whatever case.
    pub(crate) fn is_true(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// A whole number between `minimum` and `maximum`; `default` when absent.
    pub(crate) fn number(
        &self,
        name: &'static str,
        default: i64,
        minimum: i64,
        maximum: i64,
    ) -> Result<i64, StorageError> {
        let Some(text) = self.get(name) else {
            return Ok(default);
        };
        let number: i64 = text
            .parse()
            .map_err(|_| StorageError::invalid_parameter(name, text))?;
        if (minimum..=maximum).contains(&number) {
            Ok(number)
        } else {
            Err(StorageError::parameter_out_of_range(
                name, text, minimum, maximum,
            ))
        }
    }
}
