//! Stored functions: the grammar of their commands, and what these do.

use serde_json::{Value as Json, json};

use super::super::database::Function;
use super::super::error::KustoError;
use super::super::kql::lexer::TokenKind;
use super::super::kql::parser::{Parsed, Parser};
use super::super::kql::relation::Relation;
use super::super::kql::run::Context;
use super::super::kql::user_functions::check;
use super::super::table::Row;
use super::super::value::{ColumnType, Value};
use super::Target;
use super::command::{Command, FunctionCommand};
use super::grammar::properties;
use super::rows::{table, text};
use super::tables::check_name;

/// Columns of every result about functions.
const FUNCTIONS: &str =
    "Name: string, Parameters: string, Body: string, Folder: string, DocString: string";

/// What to do about a function of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// `.create`: an error.
    Refuse,
    /// `.create function ifnotexists`: it stays.
    Keep,
    /// `.create-or-alter`: it is replaced, if there is one.
    Replace,
    /// `.alter`: it is replaced, and must be there.
    Require,
}

/// Parses what follows `.create function` and its kin.
///
/// # Errors
/// A syntax error with its position; a bad request that names an unknown property.
pub(super) fn parse(p: &mut Parser<'_>, existing: Existing) -> Parsed<Command> {
    let existing = match existing {
        Existing::Refuse if p.eat_word("ifnotexists") => Existing::Keep,
        other => other,
    };
    let mut function = Function::default();
    let mut is_checked = true;
    for (name, value) in properties(p)? {
        match name.to_ascii_lowercase().as_str() {
            "folder" => function.folder = value.to_text(),
            "docstring" => function.doc_string = value.to_text(),
            "skipvalidation" => is_checked = !is_true(&value),
            "view" => function.view = is_true(&value),
            _ => {
                return Err(KustoError::bad_request(format!(
                    "'{name}' is not a property of a function."
                )));
            }
        }
    }
    function.name = p.name("a function name")?;
    function.parameters = balanced(p, "(", ")")?;
    function.body = balanced(p, "{", "}")?;
    Ok(Command::Function(FunctionCommand::CreateFunction {
        function,
        existing,
        is_checked,
    }))
}

/// `true` or `"true"`.
fn is_true(value: &Value) -> bool {
    value.to_text().eq_ignore_ascii_case("true")
}

/// `.alter function docstring F 'TEXT'`, `.alter function folder F 'TEXT'`; nothing is taken when it is neither.
///
/// # Errors
/// A syntax error with its position.
pub(super) fn describe(p: &mut Parser<'_>) -> Parsed<Option<Command>> {
    for property in ["docstring", "folder"] {
        let mut ahead = p.clone();
        // A function may have the name.
        if ahead.eat_word(property)
            && matches!(ahead.peek(), TokenKind::Word(_) | TokenKind::Symbol("["))
        {
            *p = ahead;
            return Ok(Some(Command::Function(FunctionCommand::DescribeFunction {
                name: p.name("a function name")?,
                property,
                text: p.string("a text")?,
            })));
        }
    }
    Ok(None)
}

/// Takes the text from `open` to its `close`, both included, as it was written.
fn balanced(p: &mut Parser<'_>, open: &str, close: &str) -> Parsed<String> {
    let rest = p.rest();
    let start = p.at();
    p.expect(open)?;
    let mut depth = 1_usize;
    while depth > 0 {
        match p.peek() {
            TokenKind::Symbol(symbol) if *symbol == open => depth += 1,
            TokenKind::Symbol(symbol) if *symbol == close => depth -= 1,
            TokenKind::End | TokenKind::Bad(_) => return Err(p.expected(&format!("'{close}'"))),
            _ => {}
        }
        if depth > 0 {
            p.advance();
        }
    }
    let length = p.at() + close.len() - start;
    p.advance();
    Ok(rest[..length].to_owned())
}

impl Target<'_> {
    pub(super) fn create_function(
        &self,
        function: Function,
        existing: Existing,
        is_checked: bool,
    ) -> Parsed<Relation> {
        check_name("function", &function.name)?;
        let exists = self.engine.with_database(self.database, |database| {
            database.functions.contains_key(&function.name)
        })?;
        let is_stored = match existing {
            Existing::Refuse | Existing::Keep => !exists,
            Existing::Require => exists,
            Existing::Replace => true,
        };
        if is_checked && is_stored {
            let context = Context {
                database: self.database,
                ..*self.context
            };
            let text = format!("{}{}", function.parameters, function.body);
            check(&context, &text)?;
        }
        self.engine.with_database_mut(self.database, |database| {
            let name = function.name.clone();
            let found = database.functions.get(&name);
            match (existing, found) {
                (Existing::Refuse, Some(_)) => {
                    return Err(KustoError::bad_request(format!(
                        "Entity '{name}' of kind 'Function' already exists."
                    )));
                }
                (Existing::Require, None) => return Err(KustoError::not_found("Function", &name)),
                (Existing::Keep, Some(found)) => return Ok(shown([found])),
                _ => {}
            }
            let result = shown([&function]);
            database.functions.insert(name, function);
            Ok(result)
        })?
    }

    pub(super) fn drop_function(&self, name: &str, if_exists: bool) -> Parsed<Relation> {
        let removed = self
            .engine
            .with_database_mut(self.database, |database| database.functions.remove(name))?;
        if removed.is_none() && !if_exists {
            return Err(KustoError::not_found("Function", name));
        }
        let rows = removed.map(|function| vec![text(function.name)]);
        Ok(table("Name: string", rows.into_iter().collect()))
    }

    /// All of them or, after an error, none.
    pub(super) fn drop_functions(&self, names: &[String], if_exists: bool) -> Parsed<Relation> {
        self.engine.with_database_mut(self.database, |database| {
            let missing = names
                .iter()
                .find(|name| !database.functions.contains_key(*name));
            match missing {
                Some(name) if !if_exists => return Err(KustoError::not_found("Function", name)),
                _ => {}
            }
            let removed = names
                .iter()
                .filter_map(|name| database.functions.remove(name));
            Ok(shown(&removed.collect::<Vec<_>>()))
        })?
    }

    pub(super) fn describe_function(
        &self,
        name: &str,
        property: &str,
        text: String,
    ) -> Parsed<Relation> {
        let described = self.engine.with_database_mut(self.database, |database| {
            database.functions.get_mut(name).map(|found| {
                match property {
                    "folder" => found.folder = text,
                    _ => found.doc_string = text,
                }
                shown([&*found])
            })
        })?;
        described.ok_or_else(|| KustoError::not_found("Function", name))
    }

    pub(super) fn show_functions(&self) -> Parsed<Relation> {
        Ok(self
            .engine
            .with_database(self.database, |database| shown(database.functions.values()))?)
    }

    pub(super) fn show_function(&self, name: &str) -> Parsed<Relation> {
        let found = self.engine.with_database(self.database, |database| {
            database
                .functions
                .get(name)
                .map(|function| shown([function]))
        })?;
        found.ok_or_else(|| KustoError::not_found("Function", name))
    }
}

fn shown<'f>(functions: impl IntoIterator<Item = &'f Function>) -> Relation {
    let row = |function: &Function| -> Row {
        let Function {
            name,
            parameters,
            body,
            folder,
            doc_string,
            view: _,
        } = function;
        [name, parameters, body, folder, doc_string]
            .map(text)
            .into()
    };
    table(FUNCTIONS, functions.into_iter().map(row).collect())
}

/// The function in the JSON of a schema; without parameters when they are not well formed.
pub(super) fn schema_json(function: &Function) -> Json {
    let name = &function.name;
    // A function that was made without validation says so when it is called; the rest of the schema is still there.
    let parameters = parameters(&mut Parser::new(&function.parameters)).unwrap_or_default();
    json!({
        "Name": name,
        "InputParameters": parameters,
        "Body": function.body,
        "Folder": function.folder,
        "DocString": function.doc_string,
        "FunctionKind": "Unknown",
        "OutputColumns": [],
    })
}

/// `(x:long, y:string = "a", T:(a:long, *))`
fn parameters(p: &mut Parser<'_>) -> Parsed<Vec<Json>> {
    p.expect("(")?;
    let mut parameters = Vec::new();
    while !p.eat(")") {
        if !parameters.is_empty() {
            p.expect(",")?;
        }
        let name = p.name("a parameter name")?;
        p.expect(":")?;
        parameters.push(match p.eat("(") {
            true => json!({"Name": name, "Columns": tabular(p)?}),
            false => scalar(p, name)?,
        });
    }
    Ok(parameters)
}

/// The columns that a table has to have, as far as they are named.
fn tabular(p: &mut Parser<'_>) -> Parsed<Vec<Json>> {
    let mut columns = Vec::new();
    while !p.eat(")") {
        if !p.eat("*") {
            let name = p.name("a column name")?;
            p.expect(":")?;
            columns.push(typed(name, p.column_type()?));
        }
        p.eat(",");
    }
    Ok(columns)
}

fn scalar(p: &mut Parser<'_>, name: String) -> Parsed<Json> {
    let mut parameter = typed(name, p.column_type()?);
    if p.eat("=") {
        let (start, rest) = (p.at(), p.rest());
        while !matches!(p.peek(), TokenKind::Symbol("," | ")") | TokenKind::End) {
            p.advance();
        }
        parameter["CslDefaultValue"] = rest[..p.at() - start].trim_end().into();
    }
    Ok(parameter)
}

fn typed(name: String, ty: ColumnType) -> Json {
    json!({"Name": name, "Type": ty.dotnet_full_name(), "CslType": ty.kusto_name()})
}
