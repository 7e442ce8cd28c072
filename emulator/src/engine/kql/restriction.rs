//! `restrict access to (...)`: of what was there before it, the statements behind it see only what it names. And
//! `alias database`: another name of a database in one query.

use super::ast::{ExprKind, Pattern, Statement};
use super::frame::Binding;
use super::parser::{Parsed, Parser};
use super::run::{Context, Run};

/// What a restriction names: names of the query and the database, or of a database alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Entity {
    place: Place,
    name: Pattern,
}

#[derive(Clone, Debug, PartialEq)]
enum Place {
    /// `T`, `View*`
    Anywhere,
    /// `database().T`, `database("D").*`
    Database(Option<String>),
}

/// `alias database D = cluster("U").database("E")`
#[derive(Clone, Debug, PartialEq)]
pub struct Alias {
    /// The new name.
    pub name: String,
    /// The database's own name.
    pub database: String,
    cluster: String,
    at: usize,
}

impl Parser<'_> {
    /// Takes a statement of either kind, if one is next.
    pub(super) fn scoping_statement(&mut self) -> Parsed<Option<Statement>> {
        let mut ahead = self.clone();
        if ahead.eat_word("alias") && ahead.eat_word("database") {
            *self = ahead;
            return self.alias().map(Some);
        }
        let mut ahead = self.clone();
        if !(ahead.eat_word("restrict") && ahead.eat_word("access")) {
            return Ok(None);
        }
        *self = ahead;
        self.expect_word("to")?;
        self.expect("(")?;
        let entities = self.list(Self::entity)?;
        self.expect(")")?;
        Ok(Some(Statement::Restrict(entities)))
    }

    fn alias(&mut self) -> Parsed<Statement> {
        let name = self.name("a name of the database")?;
        self.expect("=")?;
        let at = self.at();
        let cluster = self.named_in_parentheses("cluster")?;
        self.expect(".")?;
        let database = self.named_in_parentheses("database")?;
        Ok(Statement::Alias(Alias {
            name,
            database,
            cluster,
            at,
        }))
    }

    /// `database("D")`
    fn named_in_parentheses(&mut self, word: &str) -> Parsed<String> {
        self.expect_word(word)?;
        self.expect("(")?;
        let name = self.single_string("a name")?;
        self.expect(")")?;
        Ok(name)
    }

    fn entity(&mut self) -> Parsed<Entity> {
        let mut ahead = self.clone();
        let place = match ahead.eat_word("database") && ahead.eat("(") {
            false => Place::Anywhere,
            true => {
                *self = ahead;
                let database = match self.eat(")") {
                    true => None,
                    false => {
                        let name = self.single_string("a database name")?;
                        self.expect(")")?;
                        Some(name)
                    }
                };
                self.expect(".")?;
                Place::Database(database)
            }
        };
        let name = match self.wild_pattern()? {
            Some(pattern) if pattern.text == "*" => pattern,
            Some(_) => return Err(self.error("the only pattern of names is '*'")),
            None => {
                let at = self.at();
                let text = self.name("a table, function or pattern")?;
                Pattern {
                    text,
                    wild: false,
                    at,
                }
            }
        };
        Ok(Entity { place, name })
    }
}

impl Entity {
    /// Whether it names what a database has. A pattern without a database means the names of the query alone.
    fn names(&self, context: &Context<'_>, database: &str, name: &str) -> bool {
        let is_there = match &self.place {
            Place::Anywhere => !self.name.wild && database.eq_ignore_ascii_case(context.database),
            Place::Database(None) => database.eq_ignore_ascii_case(context.database),
            Place::Database(Some(named)) => database.eq_ignore_ascii_case(named),
        };
        is_there && self.name.matches(name)
    }
}

/// Whether a name of `let` may be seen. Scalars are no entities.
pub(super) fn may_see(entities: &[Entity], name: &str, binding: &Binding) -> bool {
    matches!(binding, Binding::Scalar(_))
        || entities
            .iter()
            .any(|entity| entity.place == Place::Anywhere && entity.name.matches(name))
}

impl Run<'_> {
    /// Whether the table or function of the database may be seen.
    pub(super) fn sees(&self, database: &str, name: &str) -> bool {
        self.frame.restrictions().all(|entities| {
            entities
                .iter()
                .any(|entity| entity.names(self.context, database, name))
        })
    }

    /// The database that an alias names; there is but one cluster.
    ///
    /// # Errors
    /// When it is one of another cluster.
    pub(super) fn aliased<'a>(&self, alias: &'a Alias) -> Parsed<&'a str> {
        let address = alias.cluster.split_once("://");
        let authority = address.map_or(alias.cluster.as_str(), |(_, rest)| rest);
        let host = authority.split([':', '/']).next().unwrap_or_default();
        let own = [self.context.host, "localhost", "127.0.0.1"];
        if own.iter().any(|own| host.eq_ignore_ascii_case(own)) {
            return Ok(&alias.database);
        }
        let message = format!(
            "the cluster '{}' is not known: the emulator is one cluster, here '{}'",
            alias.cluster, self.context.host
        );
        Err(self.scope(&[], "alias").error("SEM0100", alias.at, message))
    }
}

/// The database in `database()` or `database("d")`: `None` when it is neither, `Some(None)` for that of the query.
pub(super) fn database_of(expr: &ExprKind) -> Option<Option<String>> {
    let ExprKind::Call(function, arguments) = expr else {
        return None;
    };
    match arguments.as_slice() {
        _ if function != "database" => None,
        [] => Some(None),
        [only] => match &only.kind {
            ExprKind::Literal(super::super::value::Value::String(name), _) => {
                Some(Some(name.clone()))
            }
            _ => None,
        },
        _ => None,
    }
}
