//! Commands about ingestion mappings.

use super::super::super::kql::parser::{Parsed, Parser};
use super::super::command::{Command, MappingCommand, Owner};
use super::super::mapping::KINDS;
use super::properties;

/// What follows `.create ... ingestion`.
pub(super) fn create(p: &mut Parser<'_>, owner: Owner, alter: bool) -> Parsed<Command> {
    let kind = kind(p)?;
    p.expect_word("mapping")?;
    let name = p.single_string("a mapping name")?;
    let json = p.string("the mapping as JSON in a string")?;
    properties(p)?;
    Ok(Command::Mapping(MappingCommand::CreateMapping {
        owner,
        kind,
        name,
        json,
        alter,
    }))
}

/// What follows `.show ... ingestion`.
pub(super) fn show(p: &mut Parser<'_>, owner: Owner) -> Parsed<Command> {
    if p.eat_word("mappings") {
        return Ok(Command::Mapping(MappingCommand::ShowMappings {
            owner,
            kind: None,
            name: None,
        }));
    }
    let kind = kind(p)?;
    let name = match p.eat_word("mapping") {
        true => Some(p.string("a mapping name")?),
        false => {
            p.expect_word("mappings")?;
            None
        }
    };
    Ok(Command::Mapping(MappingCommand::ShowMappings {
        owner,
        kind: Some(kind),
        name,
    }))
}

/// What follows `.drop ... ingestion`.
pub(super) fn drop(p: &mut Parser<'_>, owner: Owner) -> Parsed<Command> {
    let kind = kind(p)?;
    p.expect_word("mapping")?;
    Ok(Command::Mapping(MappingCommand::DropMapping {
        owner,
        kind,
        name: p.string("a mapping name")?,
    }))
}

/// The kind of a mapping in lower case.
fn kind(p: &mut Parser<'_>) -> Parsed<String> {
    let start = p.clone();
    let kind = p.name("a mapping kind")?.to_lowercase();
    match KINDS.contains(&kind.as_str()) {
        true => Ok(kind),
        false => Err(start.error(format!("'{kind}' is not a mapping kind"))),
    }
}
