//! Properties set by their name and text, for callers that have no types.

use time::OffsetDateTime;

use super::{IngestionProperties, check_additional_name, check_request_id};
use crate::error::{Error, Result, did_you_mean};
use crate::props::catalog::{MappingKind, NAMES, ReportLevel, ReportMethod};
use crate::props::mapping::{Mapping, MappingSource, parse_columns};
use crate::props::tags::Tags;
use crate::props::validation::ValidationPolicy;
use crate::values::DateTime;

impl IngestionProperties {
    /// Sets a property by its name in the service's documentation and its text; names ignore case.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`](crate::error::ErrorKind::InvalidArgument) for a value that
    /// cannot be read, and for a name that this library does not know, with the name that was
    /// probably meant. [`IngestionProperties::set_additional`] passes such a property on.
    pub fn set(&mut self, name: &str, value: &str) -> Result<()> {
        if self.set_known(name, value)? {
            return Ok(());
        }
        check_additional_name(name)?;
        let name = name.trim();
        let like = did_you_mean(name, NAMES.iter().copied());
        let message = format!("unknown property '{name}'{like}");
        Err(Error::invalid_argument(name, message))
    }

    /// As [`IngestionProperties::set`], but a property that this library does not know is passed on
    /// to the service as it is, which ignores names that it does not know either.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`](crate::error::ErrorKind::InvalidArgument) for a value of a
    /// known property that cannot be read, and for a name that is empty or the library's own.
    pub fn set_additional(&mut self, name: &str, value: &str) -> Result<()> {
        if !self.set_known(name, value)? {
            check_additional_name(name)?;
            self.put_additional(name.trim().to_owned(), value.to_owned());
        }
        Ok(())
    }

    /// Whether the property is known; then it is set.
    fn set_known(&mut self, name: &str, value: &str) -> Result<bool> {
        let lower = name.trim().to_ascii_lowercase();
        if let Some((name, flag)) = self.flags.by_name(&lower) {
            *flag = parse_bool(name, value)?;
            return Ok(true);
        }
        match lower.as_str() {
            "format" => self.format = Some(value.parse()?),
            "tags" => {
                self.tags = Tags::new();
                for tag in parse_list("tags", value)? {
                    self.tags.add(tag);
                }
            }
            "ingestifnotexists" => {
                self.ingest_if_not_exists = parse_list("ingestIfNotExists", value)?;
            }
            "ingestionmappingreference" => self.set_mapping_reference(value, None),
            "ingestionmapping" => self.set_mapping_json(value, None)?,
            "ingestionmappingtype" | "ingestionmappingkind" => {
                self.set_mapping_kind(value.parse()?)?;
            }
            "csvmapping" => self.set_mapping_json(value, Some(MappingKind::Csv))?,
            "jsonmapping" => self.set_mapping_json(value, Some(MappingKind::Json))?,
            "avromapping" => self.set_mapping_json(value, Some(MappingKind::Avro))?,
            "csvmappingreference" => self.set_mapping_reference(value, Some(MappingKind::Csv)),
            "jsonmappingreference" => self.set_mapping_reference(value, Some(MappingKind::Json)),
            "avromappingreference" => self.set_mapping_reference(value, Some(MappingKind::Avro)),
            "reportlevel" => {
                self.report_level =
                    parse_choice("reportLevel", value, &ReportLevel::ALL, |level| {
                        (level.words(), level as i32)
                    })?;
            }
            "reportmethod" => {
                self.report_method =
                    parse_choice("reportMethod", value, &ReportMethod::ALL, |method| {
                        (method.words(), method as i32)
                    })?;
            }
            "creationtime" => self.creation_time = Some(parse_time("creationTime", value)?),
            "clientrequestid" => {
                check_request_id(value)?;
                self.client_request_id = Some(value.to_owned());
            }
            "validationpolicy" => self.validation_policy = Some(ValidationPolicy::parse(value)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn set_mapping_reference(&mut self, name: &str, kind: Option<MappingKind>) {
        if name.is_empty() {
            self.clear_mapping_reference();
        } else {
            self.mapping = MappingSource::Reference {
                name: name.to_owned(),
                kind,
            };
        }
    }

    fn set_mapping_json(&mut self, json: &str, kind: Option<MappingKind>) -> Result<()> {
        let columns = parse_columns(json)?;
        self.mapping = match kind {
            Some(kind) => MappingSource::Inline(Mapping::new(kind, columns)?),
            None => MappingSource::InlineColumns(columns),
        };
        Ok(())
    }

    fn set_mapping_kind(&mut self, kind: MappingKind) -> Result<()> {
        self.mapping = match std::mem::take(&mut self.mapping) {
            MappingSource::Reference { name, .. } => MappingSource::Reference {
                name,
                kind: Some(kind),
            },
            MappingSource::Inline(mapping) => {
                MappingSource::Inline(Mapping::new(kind, mapping.columns().to_vec())?)
            }
            MappingSource::InlineColumns(columns) => {
                MappingSource::Inline(Mapping::new(kind, columns)?)
            }
            MappingSource::None => {
                return Err(Error::invalid_argument(
                    "ingestionMappingType",
                    "set the mapping or its reference first",
                ));
            }
        };
        Ok(())
    }
}

fn parse_list(argument: &str, value: &str) -> Result<Vec<String>> {
    serde_json::from_str(value).map_err(|_| {
        Error::invalid_argument(argument, "must be a JSON array of strings, such as [\"a\"]")
    })
}

fn parse_bool(argument: &str, value: &str) -> Result<bool> {
    match value.trim().to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(Error::invalid_argument(
            argument,
            format!("'{value}' is not true or false"),
        )),
    }
}

fn parse_time(argument: &str, value: &str) -> Result<OffsetDateTime> {
    let time: DateTime = value.parse().map_err(|_| {
        Error::invalid_argument(
            argument,
            format!("'{value}' is not a time such as 2024-05-01T10:00:00Z"),
        )
    })?;
    Ok(time.into())
}

/// An item of a list by one of its words, in any case, or by its number.
pub(in crate::props) fn parse_choice<T: Copy>(
    argument: &str,
    value: &str,
    choices: &[T],
    names: impl Fn(T) -> (&'static [&'static str], i32),
) -> Result<T> {
    let value = value.trim();
    let is = |choice: &T| {
        let (words, number) = names(*choice);
        words.iter().any(|word| word.eq_ignore_ascii_case(value)) || value == number.to_string()
    };
    let found = choices.iter().copied().find(is);
    found.ok_or_else(|| {
        let words = choices.iter().flat_map(|choice| names(*choice).0);
        let words: Vec<_> = words.copied().collect();
        Error::invalid_argument(
            argument,
            format!("'{value}' is not one of {}", words.join(", ")),
        )
    })
}
