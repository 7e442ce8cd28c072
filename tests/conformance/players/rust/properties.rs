//! The properties of an ingestion, each through its setter.

use kusto_ingest::error::Error;
use kusto_ingest::prelude::*;
use kusto_ingest::props::{Mapping, MappingSource, ValidationPolicy};
use kusto_ingest::values::DateTime;

use crate::Defect;
use crate::catalog::{FORMATS, INGESTION_MODES, REPORT_LEVELS, REPORT_METHODS, with_flag};
use crate::message::{Message, meaning};

pub(crate) fn properties(told: &Message) -> Result<Result<IngestionProperties, Error>, Defect> {
    let mut properties = IngestionProperties::new(told.need("database")?, told.need("table")?);
    for tag in told.all("tag") {
        properties = with_tag(properties, tag);
    }
    if let Some(name) = told.get("mapping_ref") {
        properties = properties.with_mapping_reference(name);
    }
    if let Some(level) = told.get("report_level") {
        properties = properties.with_report_level(meaning(REPORT_LEVELS, level)?);
    }
    if let Some(mode) = told.get("mode") {
        properties = properties.with_mode(meaning(INGESTION_MODES, mode)?);
    }
    if let Some(method) = told.get("report_method") {
        properties = properties.with_report_method(meaning(REPORT_METHODS, method)?);
    }
    let format = told.get("format");
    let format = format.map(|name| meaning(FORMATS, name)).transpose()?;
    let (others, named) = (told.pairs("property")?, told.pairs("named")?);
    Ok(read(properties, told, format, &others).and_then(|properties| by_name(properties, &named)))
}

fn with_tag(properties: IngestionProperties, tag: &str) -> IngestionProperties {
    if let Some(value) = tag.strip_prefix("drop-by:") {
        properties.with_drop_by_tag(value)
    } else if let Some(value) = tag.strip_prefix("ingest-by:") {
        properties.with_ingest_by_tag(value)
    } else {
        properties.with_tag(tag)
    }
}

/// Properties that the library parses from texts, and may reject.
fn read(
    mut properties: IngestionProperties,
    told: &Message,
    format: Option<DataFormat>,
    others: &[(&str, &str)],
) -> Result<IngestionProperties, Error> {
    if let Some(format) = format {
        properties = properties.with_format(format);
    }
    if let Some(mapping) = told.get("mapping") {
        match format {
            Some(format) => {
                let mapping = Mapping::parse(format.mapping_kind(), mapping)?;
                properties = properties.with_mapping(mapping);
            }
            // Its kind is that of the format, which is known only from the file's name.
            None => properties.set("ingestionMapping", mapping)?,
        }
    }
    for (name, value) in others {
        properties = with(properties, name, value)?;
    }
    Ok(properties)
}

/// Properties whose names the library must know.
fn by_name(
    mut properties: IngestionProperties,
    named: &[(&str, &str)],
) -> Result<IngestionProperties, Error> {
    for (name, value) in named {
        properties.set(name, value)?;
    }
    Ok(properties)
}

/// The property through its setter where that can express the value, else by its name.
fn with(
    mut properties: IngestionProperties,
    name: &str,
    value: &str,
) -> Result<IngestionProperties, Error> {
    if let Some(properties) = typed(&properties, name, value) {
        return Ok(properties);
    }
    properties.set_additional(name, value)?;
    Ok(properties)
}

fn typed(from: &IngestionProperties, name: &str, value: &str) -> Option<IngestionProperties> {
    let from = from.clone();
    Some(match name {
        "ingestIfNotExists" => {
            from.with_ingest_if_not_exists(serde_json::from_str::<Vec<String>>(value).ok()?)
        }
        "creationTime" => from.with_creation_time(value.parse::<DateTime>().ok()?.into()),
        "validationPolicy" => from.with_validation_policy(ValidationPolicy::parse(value).ok()?),
        "ingestionMappingType" => {
            let kind = value.parse().ok()?;
            let source = match from.mapping().clone() {
                MappingSource::Reference { name, .. } => MappingSource::Reference {
                    name,
                    kind: Some(kind),
                },
                _ => return None,
            };
            from.with_mapping_source(source)
        }
        _ => return with_flag(from, name, value.parse().ok()?),
    })
}
