//! `.execute database script`: commands one after the other.

use uuid::Uuid;

use super::super::error::KustoError;
use super::super::kql::lexer::{TokenKind, next_token};
use super::super::kql::parser::Parsed;
use super::super::kql::relation::Relation;
use super::super::table::Row;
use super::super::value::Value;
use super::Target;
use super::command::{
    Command, FunctionCommand, PolicyCommand, PolicyKind, Properties, TableCommand,
};
use super::grammar;
use super::rows::{flag, table, text};

impl Target<'_> {
    /// A row per command that was reached. What succeeded before an error stays.
    pub(super) fn script(&self, properties: &Properties, script: &str) -> Parsed<Relation> {
        let (mut goes_on, mut throws) = (false, false);
        for (name, value) in properties {
            match name.to_ascii_lowercase().as_str() {
                "continueonerrors" => goes_on = flag(name, value)?,
                "throwonerrors" => throws = flag(name, value)?,
                _ => {
                    let message = format!("'{name}' is not a property of a script.");
                    return Err(KustoError::bad_request(message));
                }
            }
        }
        if goes_on && throws {
            return Err(KustoError::bad_request(
                "'ContinueOnErrors' and 'ThrowOnErrors' exclude each other.",
            ));
        }
        let mut rows = Vec::new();
        for command in commands(script)? {
            let outcome = self.scripted(command);
            let failed = outcome.is_err();
            match outcome {
                Err(error) if throws => return Err(error),
                outcome => rows.push(row(command, outcome)),
            }
            if failed && !goes_on {
                break;
            }
        }
        Ok(table(
            "OperationId: guid, CommandType: string, CommandText: string, Result: string, Reason: string",
            rows,
        ))
    }

    /// The result of one command.
    fn scripted(&self, command: &str) -> Parsed<&'static str> {
        let is = |verb: &str| command[1..].trim_start().starts_with(verb);
        if is("show") {
            return Ok("Skipped");
        }
        if is("execute") {
            let message = "A script cannot run another one.";
            return Err(KustoError::bad_request(message));
        }
        super::run(self.context, self.role, command).map(|_| "Completed")
    }
}

fn row(command: &str, outcome: Parsed<&'static str>) -> Row {
    let (result, reason) = match outcome {
        Ok(result) => (result, String::new()),
        Err(error) => ("Failed", error.to_string()),
    };
    vec![
        Value::Guid(Uuid::new_v4()),
        text(command_type(command)),
        text(command),
        text(result),
        text(reason),
    ]
}

/// The service's name for a kind of command, of those whose names its documentation has.
fn command_type(command: &str) -> &'static str {
    match grammar::parse(command) {
        Ok((
            Command::Table(TableCommand::CreateTable { .. })
            | Command::Table(TableCommand::MergeTable { create: true, .. }),
            _,
        )) => "TableCreate",
        Ok((Command::Function(FunctionCommand::CreateFunction { .. }), _))
            if command[1..].starts_with("create-or-alter") =>
        {
            "FunctionCreateOrAlter"
        }
        Ok((
            Command::Policy(PolicyCommand::AlterPolicy {
                kind: PolicyKind::Retention,
                ..
            }),
            _,
        )) => "RetentionPolicyAlter",
        Ok((Command::FromQuery(from), _)) => from.mode.operation(),
        Ok((Command::IngestSources(_), _)) => "DataIngestPull",
        _ => "",
    }
}

/// The commands of a script: each begins with a dot that is the first of its line and ends where the
/// next one begins. Comments and empty lines between them belong to none.
///
/// # Errors
/// A syntax error when the script begins with something else.
pub(super) fn commands(script: &str) -> Parsed<Vec<&str>> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    let mut at = 0;
    loop {
        let token = next_token(script, at);
        let line = script[..token.start].rfind('\n').map_or(0, |end| end + 1);
        let begins = script[line..token.start].trim().is_empty();
        at = match token.kind {
            TokenKind::End => break,
            // Inline data may be anything.
            TokenKind::Bad(_) => script[token.start..]
                .find('\n')
                .map_or(script.len(), |end| token.start + end),
            _ => token.end,
        };
        match found.last_mut() {
            _ if begins && token.kind == TokenKind::Symbol(".") => found.push((token.start, at)),
            Some((_, end)) => *end = at,
            None => {
                let message = "a command of a script begins with '.' on a line of its own";
                return Err(KustoError::syntax(script, token.start, message));
            }
        }
    }
    Ok(found
        .into_iter()
        .map(|(start, end)| &script[start..end])
        .collect())
}
