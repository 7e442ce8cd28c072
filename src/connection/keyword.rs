//! The keywords of connection strings and their aliases.

use std::fmt;

use super::catalog::{IGNORED, Keyword, UNSUPPORTED};

/// What a keyword means here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Known(Keyword),
    /// A setting of .NET clients that changes nothing about ingestion: portable strings carry it.
    Ignored,
    /// A setting that would change what happens and that this library cannot follow.
    Unsupported(&'static str),
}

/// Looks a keyword up; case and white space do not count.
pub(super) fn look_up(text: &str) -> Option<Meaning> {
    let text = normalise(text);
    let known = Keyword::ALL.into_iter().find(|keyword| {
        normalise(keyword.name()) == text || keyword.aliases().contains(&text.as_str())
    });
    if let Some(keyword) = known {
        return Some(Meaning::Known(keyword));
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

impl fmt::Display for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_alias_means_two_things() {
        let mut seen = std::collections::HashSet::new();
        for keyword in Keyword::ALL {
            assert!(seen.insert(normalise(keyword.name())), "{keyword}");
            for alias in keyword.aliases() {
                assert_eq!(&normalise(alias), alias);
                assert!(seen.insert((*alias).to_owned()), "{alias}");
            }
        }
        for name in IGNORED {
            assert!(seen.insert((*name).to_owned()), "{name}");
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
