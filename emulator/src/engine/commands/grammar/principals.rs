//! `.add`, `.drop` and `.set` of roles.

use super::super::super::kql::lexer::TokenKind;
use super::super::super::kql::parser::{Parsed, Parser};
use super::super::command::{Command, Owner, RoleChange, RoleVerb};
use super::super::principals::is_role;
use super::{table_name, unsupported};

/// `.add database D ROLE (...)`, `.add table T ROLE (...)`
pub(super) fn add(p: &mut Parser<'_>) -> Parsed<Command> {
    let start = p.clone();
    match change(p, RoleVerb::Add)? {
        Some(command) => Ok(command),
        None => unsupported(&start, "add"),
    }
}

/// What follows `.add`, `.drop` or `.set`, if it is about a role; otherwise nothing is taken.
pub(super) fn change(p: &mut Parser<'_>, verb: RoleVerb) -> Parsed<Option<Command>> {
    let mut ahead = p.clone();
    let owner = if ahead.eat_word("database") {
        ahead.name("a database name").map(Owner::Database)
    } else if ahead.eat_word("table") {
        table_name(&mut ahead).map(Owner::Table)
    } else {
        return Ok(None);
    };
    let Ok(owner) = owner else { return Ok(None) };
    let role = match ahead.peek() {
        TokenKind::Word(word) if is_role(word, matches!(owner, Owner::Table(_))) => word.clone(),
        _ => return Ok(None),
    };
    ahead.advance();
    *p = ahead;
    let principals = match verb == RoleVerb::Set && p.eat_word("none") {
        true => Vec::new(),
        false => {
            p.expect("(")?;
            let principals = p.list(|p| p.string("a principal"))?;
            p.expect(")")?;
            principals
        }
    };
    let mut ahead = p.clone();
    let skip_results = ahead.hyphenated().as_deref() == Some("skip-results");
    if skip_results {
        *p = ahead;
    }
    let notes = match p.peek() {
        TokenKind::Text(_) => p.string("a description")?,
        _ => String::new(),
    };
    Ok(Some(Command::ChangeRole(RoleChange {
        owner,
        verb,
        role,
        principals,
        skip_results,
        notes,
    })))
}
