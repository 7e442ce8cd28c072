//! `declare pattern`: a table from strings to queries.

use std::sync::Arc;

use super::super::error::KustoError;
use super::super::value::{ColumnType, Value};
use super::ast::{Expr, ExprKind, Statement};
use super::frame::Frame;
use super::parser::{Parsed, Parser};
use super::run::Run;
use super::scope::Scope;
use super::user_functions::{Evaluated, Function};

/// What a pattern declares. One that is only declared has no entries.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapping {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    key: Key,
    query: Arc<Function>,
}

/// The arguments and the path.
#[derive(Clone, Debug, PartialEq)]
struct Key {
    arguments: Vec<String>,
    path: Option<String>,
}

/// A pattern's name where rows come from, with its arguments and its path.
#[derive(Clone, Debug, PartialEq)]
pub struct Invocation {
    /// The pattern.
    pub name: String,
    /// What stands in the parentheses.
    pub arguments: Vec<Expr>,
    /// What follows the dot.
    pub path: Option<String>,
    /// Where it stands.
    pub at: usize,
}

impl Parser<'_> {
    /// Takes what follows `declare pattern`.
    pub(super) fn pattern_declaration(&mut self) -> Parsed<Statement> {
        let at = self.at();
        let name = self.name("a pattern name")?;
        let mut mapping = Mapping {
            entries: Vec::new(),
        };
        if self.eat("=") {
            let start = self.clone();
            self.expect("(")?;
            let arguments = self.list(Self::text_parameter)?.len();
            self.expect(")")?;
            let has_path = self.eat("[");
            if has_path {
                self.text_parameter()?;
                self.expect("]")?;
            }
            self.expect("{")?;
            while !self.eat("}") {
                let entry = self.pattern_entry()?;
                if entry.key.arguments.len() != arguments || entry.key.path.is_some() != has_path {
                    return Err(start.error("an entry has other arguments than the pattern"));
                }
                mapping.entries.push(entry);
            }
        }
        Ok(Statement::Pattern(name, Arc::new(mapping), at))
    }

    /// `name: string`
    fn text_parameter(&mut self) -> Parsed<()> {
        self.name("an argument name")?;
        self.expect(":")?;
        let start = self.clone();
        match self.column_type()? {
            ColumnType::String => Ok(()),
            _ => Err(start.error("an argument of a pattern is a string")),
        }
    }

    /// `("a", "b").["path"] = { query };`
    fn pattern_entry(&mut self) -> Parsed<Entry> {
        self.expect("(")?;
        let arguments = self.list(|parser| parser.single_string("a value"))?;
        self.expect(")")?;
        let path = match self.eat(".") {
            true => {
                self.expect("[")?;
                let path = self.single_string("a value")?;
                self.expect("]")?;
                Some(path)
            }
            false => None,
        };
        self.expect("=")?;
        let query = Arc::new(self.pattern_body()?);
        self.expect(";")?;
        let key = Key { arguments, path };
        Ok(Entry { key, query })
    }
}

impl Key {
    /// `app('x').['y']`
    fn shown(&self, name: &str) -> String {
        let arguments: Vec<_> = self
            .arguments
            .iter()
            .map(|one| format!("'{one}'"))
            .collect();
        let path = self.path.as_ref();
        let path = path.map_or_else(String::new, |path| format!(".['{path}']"));
        format!("{name}({}){path}", arguments.join(", "))
    }
}

impl Run<'_> {
    /// The rows or the value that the pattern has for such arguments. `frame` is what stands before the pattern.
    ///
    /// # Errors
    /// When it has none, or those of the query.
    pub(super) fn invoke_pattern(
        &self,
        scope: &Scope<'_>,
        mapping: &Mapping,
        frame: Frame<'_>,
        invocation: &Invocation,
    ) -> Parsed<Evaluated> {
        let text = |argument: &Expr| match &argument.kind {
            ExprKind::Literal(Value::String(text), _) => Ok(text.clone()),
            _ => Err(scope.error(
                "SEM0036",
                argument.at,
                "an argument of a pattern is a string that stands there",
            )),
        };
        let arguments = invocation.arguments.iter().map(text);
        let key = Key {
            arguments: arguments.collect::<Parsed<_>>()?,
            path: invocation.path.clone(),
        };
        let entry = mapping.entries.iter().find(|entry| entry.key == key);
        let Some(entry) = entry else {
            let message = format!(
                "One or more pattern references were not declared. Detected pattern references: [\"{}\"]",
                key.shown(&invocation.name)
            );
            return Err(KustoError::semantic("SEM0036", message).located(self.text, invocation.at));
        };
        self.run_body(scope, &invocation.name, &entry.query, frame, invocation.at)
    }
}
