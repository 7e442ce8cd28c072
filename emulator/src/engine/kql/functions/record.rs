//! What a function's record holds, and how a call of it is resolved.

use std::borrow::Cow;
use std::sync::Arc;

use super::super::super::error::KustoError;
use super::super::super::value::{ColumnType, Value};
use super::super::arithmetic::wider;
use super::super::ast::Expr;
use super::super::bound::{Bound, Node};
use super::super::parser::Parsed;
use super::super::scope::{Scope, convert};
use super::{compiled, lent_name};

/// How a column is named that is nothing but a call of the function.
#[derive(Clone, Copy)]
pub(in super::super) enum Naming {
    /// It lends no name.
    None,
    /// Always this.
    Always(&'static str),
    /// The first argument's.
    First,
    /// The first argument's, if there is only one.
    Only,
    /// This and the first argument's.
    Prefix(&'static str),
}

impl Naming {
    /// The name a call lends.
    pub(in super::super) fn of(self, name: &str, arguments: &[Expr]) -> Option<String> {
        let first = arguments.first().and_then(lent_name);
        match self {
            Self::None => None,
            Self::Always(name) => Some(name.to_owned()),
            Self::First => first,
            Self::Only => first.filter(|_| arguments.len() == 1),
            Self::Prefix("") => first.map(|first| format!("{name}_{first}")),
            Self::Prefix(prefix) => Some(format!("{prefix}_{}", first.unwrap_or_default())),
        }
    }
}

/// What an argument may be, and what the function obtains.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// Any type, as it is.
    Any,
    /// Any type, as text.
    AsText,
    /// A string or dynamic, as text.
    Text,
    /// A whole number, as a long.
    Whole,
    /// A whole number, as it is.
    Integer,
    /// A number, as it is.
    Number,
    /// A number, as a real.
    AsReal,
    /// A real or whole number, as a real.
    Real,
    /// A number, datetime or timespan, as it is.
    Summable,
    /// Anything but a dynamic, as it is.
    Plain,
    /// A dynamic, as it is.
    Dynamic,
    /// A string or dynamic, as it is.
    Source,
    /// Of this type only.
    Of(ColumnType),
    /// A constant regular expression.
    Regex,
    /// A constant string, one of these.
    Word(&'static [&'static str]),
    /// A constant string.
    ConstantText,
    /// A constant whole number.
    ConstantWhole,
}

/// What a call gives.
#[derive(Clone, Copy)]
pub(super) enum Returns {
    /// Always this type.
    Type(ColumnType),
    /// The first argument's type.
    First,
    /// The widest of the numbers.
    Widest,
}

/// The values of a call's arguments.
pub(super) type Values<'v> = [Cow<'v, Value>];

#[derive(Clone, Copy)]
enum Body {
    Values(fn(&Values<'_>) -> Option<Value>),
    Bound(fn(&Call<'_>, Vec<Bound>) -> Parsed<Bound>),
    Written(fn(&Call<'_>) -> Parsed<Bound>),
}

/// A function of one list of parameters.
pub(super) struct Function {
    pub(super) name: &'static str,
    pub(super) naming: Naming,
    parameters: &'static [Kind],
    optional: usize,
    repeated: usize,
    returns: Returns,
    body: Body,
}

impl Function {
    /// A function of its arguments' values; `None` stands for null.
    pub(super) const fn new(
        name: &'static str,
        parameters: &'static [Kind],
        returns: Returns,
        run: fn(&Values<'_>) -> Option<Value>,
    ) -> Self {
        Self {
            name,
            naming: Naming::None,
            parameters,
            optional: 0,
            repeated: 0,
            returns,
            body: Body::Values(run),
        }
    }

    /// A function that resolves its call itself, its arguments being resolved.
    pub(super) const fn bound(
        name: &'static str,
        parameters: &'static [Kind],
        bind: fn(&Call<'_>, Vec<Bound>) -> Parsed<Bound>,
    ) -> Self {
        Self {
            name,
            naming: Naming::None,
            parameters,
            optional: 0,
            repeated: 0,
            returns: Returns::First,
            body: Body::Bound(bind),
        }
    }

    /// A function that resolves its call from what is written.
    pub(super) const fn written(
        name: &'static str,
        parameters: &'static [Kind],
        bind: fn(&Call<'_>) -> Parsed<Bound>,
    ) -> Self {
        Self {
            name,
            naming: Naming::None,
            parameters,
            optional: 0,
            repeated: 0,
            returns: Returns::First,
            body: Body::Written(bind),
        }
    }

    /// The same with another rule for names.
    pub(super) const fn named(mut self, naming: Naming) -> Self {
        self.naming = naming;
        self
    }

    /// The same under another name.
    pub(super) const fn alias(&self, name: &'static str) -> Self {
        Self {
            name,
            naming: self.naming,
            parameters: self.parameters,
            optional: self.optional,
            repeated: self.repeated,
            returns: self.returns,
            body: self.body,
        }
    }

    /// The same whose last parameters may be left out.
    pub(super) const fn optional(mut self, count: usize) -> Self {
        self.optional = count;
        self
    }

    /// The same whose last parameter may come further times, up to so many arguments.
    pub(super) const fn repeated(mut self, most: usize) -> Self {
        self.repeated = most;
        self
    }

    /// Whether it takes so many arguments.
    pub(super) fn takes(&self, count: usize) -> bool {
        let most = self.parameters.len().max(self.repeated);
        (self.parameters.len() - self.optional..=most).contains(&count)
    }

    /// What resolves it from what is written, if that does.
    pub(super) fn raw(&self) -> Option<fn(&Call<'_>) -> Parsed<Bound>> {
        match self.body {
            Body::Written(bind) => Some(bind),
            _ => None,
        }
    }

    /// Resolves a call.
    ///
    /// # Errors
    /// When an argument does not fit.
    pub(super) fn bind(&self, call: &Call<'_>, arguments: Vec<Bound>) -> Parsed<Bound> {
        let types: Vec<ColumnType> = arguments.iter().map(|argument| argument.ty).collect();
        let mut ready = Vec::with_capacity(arguments.len());
        for (position, argument) in arguments.into_iter().enumerate() {
            let last = self.parameters.last().copied().unwrap_or(Kind::Any);
            let kind = self.parameters.get(position).copied().unwrap_or(last);
            ready.push(call.argument(kind, argument)?);
        }
        let run = match self.body {
            Body::Bound(bind) => return bind(call, ready),
            Body::Written(bind) => return bind(call),
            Body::Values(run) => run,
        };
        let ty = match self.returns {
            Returns::Type(ty) => ty,
            Returns::First => types.first().copied().unwrap_or(ColumnType::Dynamic),
            Returns::Widest => {
                let widest = types.iter().copied().fold(ColumnType::Long, wider);
                ready = ready
                    .into_iter()
                    .map(|argument| convert(argument, widest))
                    .collect();
                widest
            }
        };
        let function = move |values: &Values<'_>| {
            run(values)
                .filter(|value| !value.is_null())
                .unwrap_or_else(|| Value::absent(ty))
        };
        Ok(Bound::apply(ty, ready, Arc::new(function)))
    }
}

/// A call that is being resolved.
pub(super) struct Call<'c> {
    pub(super) scope: &'c Scope<'c>,
    pub(super) name: &'c str,
    pub(super) at: usize,
    pub(super) written: &'c [Expr],
}

impl Call<'_> {
    /// The error that an argument does not fit.
    pub(super) fn mismatch(&self, found: &str) -> KustoError {
        // A call that stands for a part of another has its name, behind a sign that no text can hold.
        let name = self.name.trim_start_matches('\0');
        let message = format!("{name}() does not take an argument of type {found}");
        self.scope.error("SEM0005", self.at, message)
    }

    /// An error of the call.
    pub(super) fn error(&self, code: &'static str, message: &str) -> KustoError {
        let message = format!("{}(): {message}", self.name);
        self.scope.error(code, self.at, message)
    }

    fn argument(&self, kind: Kind, argument: Bound) -> Parsed<Bound> {
        use ColumnType::{DateTime, Dynamic, Int, Long, Real, String, TimeSpan};
        let ty = argument.ty;
        let whole = matches!(ty, Int | Long);
        let (fits, wanted) = match kind {
            Kind::Any => (true, ty),
            Kind::AsText => (true, String),
            Kind::Text | Kind::Regex | Kind::Word(_) | Kind::ConstantText => {
                (matches!(ty, String | Dynamic), String)
            }
            Kind::Whole | Kind::ConstantWhole => (whole, Long),
            Kind::Integer => (whole, ty),
            Kind::Number => (ty.is_numeric(), ty),
            Kind::AsReal => (ty.is_numeric(), Real),
            Kind::Real => (whole || ty == Real, Real),
            Kind::Summable => (ty.is_numeric() || matches!(ty, DateTime | TimeSpan), ty),
            Kind::Plain => (ty != Dynamic, ty),
            Kind::Dynamic => (ty == Dynamic, ty),
            Kind::Source => (matches!(ty, String | Dynamic), ty),
            Kind::Of(only) => (ty == only, ty),
        };
        if !fits {
            return Err(self.mismatch(ty.kusto_name()));
        }
        let argument = convert(argument, wanted);
        self.constant(kind, &argument)?;
        Ok(argument)
    }

    fn constant(&self, kind: Kind, argument: &Bound) -> Parsed<()> {
        let value = match &argument.node {
            Node::Constant(value) => Some(value),
            _ => None,
        };
        match (kind, value) {
            (Kind::Regex, Some(Value::String(pattern))) if compiled(pattern).is_none() => {
                let message = format!("'{pattern}' is not a valid regular expression");
                Err(self.error("SEM0420", &message))
            }
            (Kind::Word(words), Some(Value::String(word)))
                if !words.contains(&word.to_lowercase().as_str()) =>
            {
                Err(self.error(
                    "SEM0031",
                    &format!("'{word}' is none of {}", words.join(", ")),
                ))
            }
            (Kind::Regex | Kind::Word(_) | Kind::ConstantText | Kind::ConstantWhole, None) => {
                Err(self.error("SEM0031", "an argument must be constant"))
            }
            _ => Ok(()),
        }
    }
}
