//! The operators that choose and compute columns.

use super::super::super::schema::Column;
use super::super::super::value::Value;
use super::super::ast::{Expr, ExprKind, Named, Pattern};
use super::super::bound::Bound;
use super::super::budget::{Budget, Made};
use super::super::functions::{result_name, sorted_name};
use super::super::parser::Parsed;
use super::super::relation::{Relation, Rows};
use super::super::run::Run;
use super::super::summarize::{declared_once, push_column};

const COLUMN_IF_EXISTS: [&str; 2] = ["column_ifexists", "columnifexists"];

/// The name that the expression lends; a hidden column lends none, and `column_ifexists()` that of the
/// column it gives.
fn shown_name(columns: &[Column], expr: &Expr) -> Option<String> {
    match &expr.kind {
        ExprKind::Call(name, arguments) if COLUMN_IF_EXISTS.contains(&name.as_str()) => {
            let [wanted, otherwise] = arguments.as_slice() else {
                return None;
            };
            match &wanted.kind {
                ExprKind::Literal(Value::String(name), _)
                    if columns.iter().any(|column| column.name == *name) =>
                {
                    Some(name.clone())
                }
                _ => shown_name(columns, otherwise),
            }
        }
        _ => result_name(expr).filter(|name| !name.contains('\0')),
    }
}

impl Run<'_> {
    pub(in super::super) fn project(
        &self,
        columns: &[Column],
        rows: &Rows,
        list: &[Named],
    ) -> Parsed<Relation> {
        let scope = self.scope(columns, "project");
        declared_once(&scope, list.iter())?;
        let (mut projected, mut bounds) = (Vec::new(), Vec::new());
        for named in list {
            let bound = scope.bind(&named.expr)?;
            push_column(
                &mut projected,
                named
                    .name
                    .clone()
                    .or_else(|| shown_name(columns, &named.expr)),
                &bound,
            );
            bounds.push(bound);
        }
        let mut made = Made::default();
        for row in rows.iter() {
            let values = bounds.iter().map(|bound| bound.eval(row).into_owned());
            made.push(values.collect())?;
        }
        Ok(Relation::new(projected, made.into_rows()))
    }

    /// All expressions see the columns as they were before the step. A column of the same name is replaced by
    /// `extend`, and makes `serialize` number the new one.
    pub(in super::super) fn extend(
        &self,
        columns: Vec<Column>,
        rows: Rows,
        list: &[Named],
        operator: &'static str,
    ) -> Parsed<Relation> {
        let scope = self.scope(&columns, operator);
        declared_once(&scope, list.iter())?;
        let mut extended = columns.clone();
        let mut targets: Vec<(usize, Bound)> = Vec::new();
        for named in list {
            let bound = scope.bind(&named.expr)?;
            let name = named.name.clone();
            let name = name.or_else(|| shown_name(&columns, &named.expr));
            // One of several columns of a call keeps its own place.
            let is_one = named.name.is_none() && sorted_name(&named.expr).is_some();
            let is_itself = named.name.is_none() && matches!(named.expr.kind, ExprKind::Name(_));
            let place = name
                .as_ref()
                .filter(|_| is_itself || !(is_one || operator == "serialize"))
                .and_then(|name| extended.iter().position(|column| column.name == *name));
            match place {
                Some(place) => extended[place].ty = bound.ty,
                None => push_column(&mut extended, name, &bound),
            }
            targets.push((place.unwrap_or(extended.len() - 1), bound));
        }
        let width = extended.len();
        let mut all = rows.into_vec();
        let mut budget = Budget::default();
        for row in &mut all {
            let values: Vec<Value> = targets
                .iter()
                .map(|(_, bound)| bound.eval(row).into_owned())
                .collect();
            budget.take(&values)?;
            row.resize(width, Value::Null);
            for ((place, _), value) in targets.iter().zip(values) {
                row[*place] = value;
            }
        }
        Ok(Relation::new(extended, all))
    }

    pub(in super::super) fn select(
        &self,
        columns: Vec<Column>,
        rows: &Rows,
        patterns: &[Pattern],
        keep: bool,
    ) -> Parsed<Relation> {
        let scope = self.scope(&columns, if keep { "project-keep" } else { "project-away" });
        for pattern in patterns {
            if !columns.iter().any(|column| pattern.matches(&column.name)) {
                return Err(scope.unresolved(&pattern.text, pattern.at));
            }
        }
        let chosen = |column: &Column| patterns.iter().any(|pattern| pattern.matches(&column.name));
        let places: Vec<usize> = (0..columns.len())
            .filter(|at| chosen(&columns[*at]) == keep)
            .collect();
        let selected = places.iter().map(|at| columns[*at].clone()).collect();
        let rows = rows
            .iter()
            .map(|row| places.iter().map(|at| row[*at].clone()).collect())
            .collect();
        Ok(Relation::new(selected, rows))
    }

    pub(in super::super) fn rename(
        &self,
        columns: Vec<Column>,
        rows: Rows,
        names: &[(String, String, usize)],
    ) -> Parsed<Relation> {
        let scope = self.scope(&columns, "project-rename");
        let mut renamed = columns.clone();
        for (new, old, at) in names {
            if columns.iter().any(|column| column.name == *new) {
                let message = format!("a column with the name '{new}' is already declared");
                return Err(scope.error("SEM0106", *at, message));
            }
            let place = columns.iter().position(|column| column.name == *old);
            let place = place.ok_or_else(|| scope.unresolved(old, *at))?;
            new.clone_into(&mut renamed[place].name);
        }
        for (at, column) in renamed.iter().enumerate() {
            if renamed[..at].iter().any(|other| other.name == column.name) {
                let message = format!("there would be two columns named '{}'", column.name);
                return Err(scope.error("SEM0106", names[0].2, message));
            }
        }
        Ok(Relation {
            columns: renamed,
            rows,
            serialized: false,
        })
    }
}

impl Pattern {
    /// Whether a column of this name is meant.
    pub fn matches(&self, name: &str) -> bool {
        if !self.wild {
            return self.text == name;
        }
        let mut parts = self.text.split('*');
        let Some(mut rest) = parts.next().and_then(|start| name.strip_prefix(start)) else {
            return false;
        };
        let middle: Vec<&str> = parts.collect();
        let Some((last, middle)) = middle.split_last() else {
            return rest.is_empty();
        };
        for part in middle {
            match rest.find(part) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
        rest.ends_with(last)
    }
}
