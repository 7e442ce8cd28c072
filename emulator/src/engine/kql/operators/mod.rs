//! The steps of a pipeline: one file per family, with its syntax, its grammar and its execution.

pub mod evaluate;
pub mod expand;
pub mod find;
pub mod join;
pub mod keys;
pub mod nested;
pub mod parse;
pub mod partition;
mod project;
pub mod render;
pub mod reorder;
mod sample;
pub mod scan;
pub mod search;
pub mod series;
mod sort;
pub mod union;
mod window;

use super::super::schema::Column;
use super::super::value::{ColumnType, Value};
use super::super::watch;
use super::ast::{Expr, Named, Operator, SortKey};
use super::bound::is_true;
use super::functions::sorted_apart;
use super::origin::{bare, may_see};
use super::parser::Parsed;
use super::relation::Relation;
use super::run::Run;
use super::summarize;
use super::user_functions::Evaluated;

impl Run<'_> {
    /// Runs one step.
    pub(super) fn step(&self, relation: Relation, step: &Operator) -> Parsed<Relation> {
        let relation = match may_see(step) {
            true => relation,
            false => bare(relation),
        };
        let before = relation.serialized;
        watch::verdict()?;
        let mut result = self.apply(relation, step)?;
        // Its loops may have been left early.
        watch::verdict()?;
        result.serialized = match step {
            Operator::Sort(_)
            | Operator::Top(..)
            | Operator::Serialize(_)
            | Operator::Scan(_)
            | Operator::GetSchema
            | Operator::TopHitters(_)
            | Operator::TopNested(_) => true,
            Operator::Summarize { .. }
            | Operator::Distinct(_)
            | Operator::Sample(_)
            | Operator::SampleDistinct(..)
            | Operator::Join(_)
            | Operator::Union(_)
            | Operator::MakeSeries(_)
            | Operator::Partition(_)
            | Operator::Evaluate(_)
            | Operator::Search(_) => false,
            Operator::Invoke(..) => result.serialized,
            _ => before,
        };
        Ok(result)
    }

    fn apply(&self, relation: Relation, step: &Operator) -> Parsed<Relation> {
        match step {
            Operator::Count(name) => Ok(count(relation.rows.len(), name.as_deref())),
            Operator::Take(number) => {
                let number = self.scope(&[], "take").bind_count(number)?;
                let rows = relation.rows.clone().first(number);
                Ok(relation.with_rows(rows))
            }
            Operator::Where(predicate) => self.filter(relation, predicate),
            Operator::Project(list) => {
                let list: Vec<Named> = list.iter().flat_map(sorted_apart).collect();
                let (input, list) = self.windowed(relation, &list, "project")?;
                self.project(&input.columns, &input.rows, &list)
            }
            Operator::Extend(list) => self.extended(relation, list, "extend"),
            Operator::Serialize(list) => {
                let serialized = Relation {
                    serialized: true,
                    ..relation
                };
                self.extended(serialized, list, "serialize")
            }
            Operator::ProjectAway(patterns) => {
                self.select(relation.columns, &relation.rows, patterns, false)
            }
            Operator::ProjectKeep(patterns) => {
                self.select(relation.columns, &relation.rows, patterns, true)
            }
            Operator::ProjectRename(names) => self.rename(relation.columns, relation.rows, names),
            Operator::ProjectByNames(list) => self.by_names(&relation, list),
            Operator::ProjectReorder(list) => self.reorder(&relation, list),
            Operator::Summarize { aggregates, by } => {
                let scope = self.scope(&relation.columns, "summarize");
                summarize::run(&scope, &relation.rows, aggregates, by)
            }
            Operator::Distinct(list) => {
                let scope = self.scope(&relation.columns, "distinct");
                summarize::distinct(&scope, &relation.rows, list.as_deref())
            }
            Operator::Sort(keys) => self.sort(relation.columns, relation.rows, keys),
            Operator::Top(number, key) => self.top(relation, number, key),
            Operator::GetSchema => Ok(schema(&relation.columns)),
            Operator::Consume => Ok(Relation::default()),
            Operator::Expand(expansion) => self.expand(relation, expansion),
            Operator::Join(join) => self.join(relation, join),
            Operator::Union(union) => self.union_step(Some(relation), union),
            Operator::Parse(parse) => self.parse(relation, parse),
            Operator::ParseKeys(parse) => self.parse_key_values(relation, parse),
            Operator::Partition(partition) => self.partition(&relation, partition),
            Operator::Scan(scan) => self.scan(&relation, scan),
            Operator::Sample(number) => self.sample(relation, number),
            Operator::SampleDistinct(number, of) => self.sample_distinct(&relation, number, of),
            Operator::TopHitters(hitters) => self.top_hitters(&relation, hitters),
            Operator::TopNested(levels) => self.top_nested(&relation, levels),
            Operator::MakeSeries(series) => self.make_series(&relation, series),
            Operator::Evaluate(plugin) => self.plugin(relation, plugin),
            Operator::Search(search) => self.search_step(Some(relation), search),
            Operator::Invoke(name, arguments, at) => self.invoke(relation, name, arguments, *at),
            Operator::As(..) => Ok(relation),
            Operator::AssertSchema(columns, at) => self.assert_schema(relation, columns, *at),
            Operator::Render(_) | Operator::Fork(_) | Operator::Facet(_) | Operator::Find(_) => {
                Err(self.misplaced(step))
            }
        }
    }

    /// Runs an operator that begins a query.
    pub(super) fn step_without_input(&self, step: &Operator) -> Parsed<Relation> {
        match step {
            Operator::Union(union) => self.union_step(None, union),
            Operator::Search(search) => self.search_step(None, search),
            Operator::Find(find) => self.find(find),
            _ => Err(self.misplaced(step)),
        }
    }

    fn misplaced(&self, step: &Operator) -> super::super::error::KustoError {
        let name = match step {
            Operator::Render(_) => "render",
            Operator::Fork(_) => "fork",
            Operator::Facet(_) => "facet",
            _ => "operator",
        };
        let message = format!("'{name}' must be the last operator of the query");
        super::super::error::KustoError::semantic("SEM0025", message)
    }

    fn filter(&self, relation: Relation, predicate: &Expr) -> Parsed<Relation> {
        let list = [Named {
            name: None,
            expr: predicate.clone(),
        }];
        let width = relation.columns.len();
        let (relation, list) = self.windowed(relation, &list, "where")?;
        let bound = self
            .scope(&relation.columns, "where")
            .bind_predicate(&list[0].expr)?;
        let rows = relation.rows.filtered(|row| is_true(&bound.eval(row)));
        let mut columns = relation.columns;
        if columns.len() == width {
            return Ok(Relation {
                columns,
                rows,
                serialized: false,
            });
        }
        columns.truncate(width);
        let mut rows = rows.into_vec();
        rows.iter_mut().for_each(|row| row.truncate(width));
        Ok(Relation::new(columns, rows))
    }

    fn extended(
        &self,
        relation: Relation,
        list: &[Named],
        operator: &'static str,
    ) -> Parsed<Relation> {
        if list.is_empty() {
            return Ok(relation);
        }
        let width = relation.columns.len();
        let list: Vec<Named> = list.iter().flat_map(sorted_apart).collect();
        let (relation, list) = self.windowed(relation, &list, operator)?;
        let hidden = relation.columns.len() - width;
        let mut extended = self.extend(relation.columns, relation.rows, &list, operator)?;
        if hidden > 0 {
            extended.columns.drain(width..width + hidden);
            let mut rows = extended.rows.into_vec();
            for row in &mut rows {
                row.drain(width..width + hidden);
            }
            extended.rows = super::relation::Rows::Owned(rows);
        }
        Ok(extended)
    }

    fn top(&self, relation: Relation, number: &Expr, key: &SortKey) -> Parsed<Relation> {
        let number = self.scope(&[], "top").bind_count(number)?;
        let sorted = self.sort(relation.columns, relation.rows, std::slice::from_ref(key))?;
        let rows = sorted.rows.first(number);
        Ok(Relation::new(sorted.columns, rows.into_vec()))
    }

    /// The rows as they are, if they have these columns.
    fn assert_schema(&self, relation: Relation, columns: &[Column], at: usize) -> Parsed<Relation> {
        match columns
            .iter()
            .find(|column| !relation.columns.contains(column))
        {
            None => Ok(relation),
            Some(Column { name, ty }) => {
                let message = format!("the rows have no column '{name}:{}'", ty.kusto_name());
                let scope = self.scope(&[], "assert-schema");
                Err(scope.error("SEM0100", at, message))
            }
        }
    }

    fn invoke(
        &self,
        relation: Relation,
        name: &str,
        arguments: &[Expr],
        at: usize,
    ) -> Parsed<Relation> {
        let scope = self.scope(&[], "invoke");
        match self.call(&scope, name, arguments, Some(relation), at)? {
            Some(Evaluated::Table(table)) => Ok(table),
            Some(Evaluated::Scalar(_)) => {
                Err(scope.error("SEM0100", at, format!("{name}() gives no table")))
            }
            None => Err(scope.error("SEM0260", at, format!("Unknown function: '{name}'."))),
        }
    }
}

/// Adds a column; a name already there gets a number.
pub(super) fn add_column(columns: &mut Vec<Column>, name: &str, ty: ColumnType) {
    let bound = super::bound::Bound::constant(Value::Null, ty);
    summarize::push_column(columns, Some(name.to_owned()), &bound);
}

fn count(rows: usize, name: Option<&str>) -> Relation {
    let number = i64::try_from(rows).unwrap_or(i64::MAX);
    Relation::new(
        vec![Column::new(name.unwrap_or("Count"), ColumnType::Long)],
        vec![vec![Value::Long(number)]],
    )
}

fn schema(columns: &[Column]) -> Relation {
    let text = |text: &str| Value::String(text.to_owned());
    let rows = columns.iter().enumerate().map(|(at, column)| {
        vec![
            text(&column.name),
            Value::Long(i64::try_from(at).unwrap_or(i64::MAX)),
            text(&column.ty.dotnet_full_name()),
            text(column.ty.kusto_name()),
        ]
    });
    let names = ["ColumnName", "ColumnOrdinal", "DataType", "ColumnType"];
    let types = [
        ColumnType::String,
        ColumnType::Long,
        ColumnType::String,
        ColumnType::String,
    ];
    let header = names
        .into_iter()
        .zip(types)
        .map(|(name, ty)| Column::new(name, ty))
        .collect();
    Relation::new(header, rows.collect())
}
