//! The `make-series` operator.

use std::collections::HashMap;

use serde_json::Value as Json;

use super::super::super::schema::Column;
use super::super::super::table::Row;
use super::super::super::value::{ColumnType, Value};
use super::super::super::watch;
use super::super::ast::{Expr, ExprKind, Named, Operator};
use super::super::bound::Bound;
use super::super::budget::{Made, afford, may_be_made, weight};
use super::super::cast::{as_long, as_real, cast, push_key};
use super::super::functions::result_name;
use super::super::parser::{Parsed, Parser};
use super::super::relation::{Relation, Rows};
use super::super::run::Run;
use super::add_column;

/// Most elements of one series.
const MAX_ELEMENTS: usize = 1_048_576;
/// The column of the place on the axis, under a name that no text can hold.
const PLACE: &str = "\0place";

/// `make-series`
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    aggregates: Vec<(Named, Option<Expr>)>,
    axis: Named,
    from: Option<Expr>,
    to: Option<Expr>,
    step: Expr,
    by: Vec<Named>,
    /// `in range(...)`: the end belongs to the series, and places are multiples of the step.
    inclusive: bool,
    /// `kind=nonempty`: a series of defaults when there are no rows.
    nonempty: bool,
}

impl Parser<'_> {
    pub(in super::super) fn make_series(&mut self) -> Parsed<Series> {
        let settings = self.settings(&["kind"])?;
        let nonempty = match settings.get("kind").map(|kind| &kind.kind) {
            None => false,
            Some(ExprKind::Name(kind)) if kind == "nonempty" => true,
            Some(_) => return Err(self.error("the kind of make-series is nonempty")),
        };
        let aggregates = self.list(Self::series_aggregate)?;
        self.expect_word("on")?;
        let axis = self.axis()?;
        let (mut from, mut to, mut inclusive) = (None, None, false);
        let step = if self.eat_word("in") {
            self.expect_word("range")?;
            self.expect("(")?;
            from = Some(self.expression()?);
            self.expect(",")?;
            to = Some(self.expression()?);
            self.expect(",")?;
            let step = self.expression()?;
            self.expect(")")?;
            inclusive = true;
            step
        } else {
            if self.eat_word("from") {
                from = Some(self.expression()?);
            }
            if self.eat_word("to") {
                to = Some(self.expression()?);
            }
            self.expect_word("step")?;
            self.expression()?
        };
        let by = match self.eat_word("by") {
            true => self.list(Self::named)?,
            false => Vec::new(),
        };
        Ok(Series {
            aggregates,
            axis,
            from,
            to,
            step,
            by,
            inclusive,
            nonempty,
        })
    }

    fn series_aggregate(&mut self) -> Parsed<(Named, Option<Expr>)> {
        let named = self.named()?;
        let default = match self.eat_word("default") {
            true => {
                self.expect("=")?;
                Some(self.expression()?)
            }
            false => None,
        };
        Ok((named, default))
    }

    /// `[name =] axis`, before a possible `in range(...)`.
    fn axis(&mut self) -> Parsed<Named> {
        let name = self.assigned();
        let expr = self.sum()?;
        Ok(Named { name, expr })
    }
}

/// The axis' bounds and step as numbers: ticks, or the numbers themselves.
#[derive(Clone, Copy)]
struct Axis {
    ty: ColumnType,
    from: Option<f64>,
    to: Option<f64>,
    step: f64,
    inclusive: bool,
}

impl Axis {
    /// Ticks do not fit a real exactly, but their distance from the start does.
    #[allow(clippy::cast_possible_truncation)]
    fn place(&self, value: &Value) -> Option<i64> {
        let place = match (value, self.ty) {
            (Value::Null, _) => return None,
            (value, ColumnType::Real) => {
                ((as_real(value)? - self.origin()) / self.step).floor() as i64
            }
            (value, _) => as_long(value)?
                .checked_sub(self.origin() as i64)?
                .div_euclid(self.step as i64),
        };
        (place >= 0 || !self.aligned()).then_some(place)
    }

    fn aligned(&self) -> bool {
        self.from.is_some() && !self.inclusive
    }

    fn origin(&self) -> f64 {
        self.from.filter(|_| self.aligned()).unwrap_or(0.0)
    }

    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
    fn value(&self, place: i64) -> Value {
        match self.ty {
            ColumnType::Real => Value::Real(self.origin() + place as f64 * self.step),
            ty => {
                let number = place
                    .checked_mul(self.step as i64)
                    .and_then(|distance| distance.checked_add(self.origin() as i64));
                match (number, ty) {
                    (None, _) => Value::Null,
                    (Some(ticks), ColumnType::DateTime) => Value::DateTime(ticks),
                    (Some(ticks), ColumnType::TimeSpan) => Value::TimeSpan(ticks),
                    (Some(number), _) => Value::Long(number),
                }
            }
        }
    }

    /// The first place and the one behind the last, as far as the bounds give them.
    #[allow(clippy::cast_possible_truncation)]
    fn bounds(&self) -> (Option<i64>, Option<i64>) {
        let distance = |bound: f64| (bound - self.origin()) / self.step;
        let first = self.from.map(|from| distance(from).floor() as i64);
        let end = self.to.map(|to| match self.inclusive {
            true => distance(to).floor() as i64 + 1,
            false => distance(to).ceil() as i64,
        });
        (first, end)
    }
}

/// Whether a bound or the step may be of this type. An axis of ints has no step at all.
fn fits_axis(found: ColumnType, axis: ColumnType, is_step: bool) -> bool {
    use ColumnType::{DateTime, Int, Long, Real, TimeSpan};
    match axis {
        Int => found == Int && !is_step,
        Long => matches!(found, Int | Long),
        Real => matches!(found, Int | Long | Real),
        DateTime if is_step => found == TimeSpan,
        _ => found == axis,
    }
}

impl Run<'_> {
    pub(in super::super) fn make_series(
        &self,
        input: &Relation,
        series: &Series,
    ) -> Parsed<Relation> {
        let scope = self.scope(&input.columns, "make-series");
        let axis_value = scope.bind(&series.axis.expr)?;
        let axis = self.axis(input, series, axis_value.ty)?;
        let (first, end) = axis.bounds();
        let inside = |place: i64| {
            first.is_none_or(|first| place >= first) && end.is_none_or(|end| place < end)
        };
        let mut columns = input.columns.clone();
        columns.push(Column::new(PLACE, ColumnType::Long));
        let mut rows: Vec<Row> = Vec::new();
        for row in input.rows.iter() {
            if let Some(place) = axis.place(&axis_value.eval(row))
                && inside(place)
            {
                let mut row = row.to_vec();
                row.push(Value::Long(place));
                rows.push(row);
            }
        }
        let mut by = series.by.clone();
        by.push(Named {
            name: Some(PLACE.to_owned()),
            expr: Expr::name(PLACE, 0),
        });
        let grouped = Operator::Summarize {
            aggregates: series
                .aggregates
                .iter()
                .map(|(named, _)| named.clone())
                .collect(),
            by,
        };
        let grouped = self.step(Relation::new(columns, rows), &grouped)?;
        self.arrays(&grouped, series, &axis)
    }

    fn axis(&self, input: &Relation, series: &Series, ty: ColumnType) -> Parsed<Axis> {
        let scope = self.scope(&input.columns, "make-series");
        let at = series.axis.expr.at;
        let wrong = |message: &str| scope.error("SEM0096", at, message);
        if !matches!(
            ty,
            ColumnType::Int
                | ColumnType::Long
                | ColumnType::Real
                | ColumnType::DateTime
                | ColumnType::TimeSpan
        ) {
            return Err(wrong("the axis must be a number, a datetime or a timespan"));
        }
        let bounds = series.from.iter().chain(&series.to);
        for (expr, is_step) in bounds
            .map(|bound| (bound, false))
            .chain([(&series.step, true)])
        {
            let found = scope.bind(expr)?.ty;
            if !fits_axis(found, ty, is_step) {
                let (found, axis) = (found.kusto_name(), ty.kusto_name());
                let message = format!("a {found} is no bound or step of an axis of type {axis}");
                return Err(scope.error("SEM0096", expr.at, message));
            }
        }
        let number = |expr: &Expr| -> Parsed<f64> {
            let value = scope.bind(expr)?.eval(&[]).into_owned();
            #[allow(clippy::cast_precision_loss)]
            let number = match (&value, ty) {
                (Value::DateTime(ticks) | Value::TimeSpan(ticks), _) => Some(*ticks as f64),
                (value, ColumnType::Real) => as_real(value),
                (value, _) => as_long(value).map(|number| number as f64),
            };
            number.ok_or_else(|| {
                wrong("a bound or the step of the series is no constant of its type")
            })
        };
        let axis = Axis {
            ty,
            from: series.from.as_ref().map(number).transpose()?,
            to: series.to.as_ref().map(number).transpose()?,
            step: number(&series.step)?,
            inclusive: series.inclusive,
        };
        if axis.step <= 0.0 {
            return Err(wrong("the step of the series must be positive"));
        }
        Ok(axis)
    }

    /// A row for each group, in which the values of its places are arrays.
    fn arrays(&self, grouped: &Relation, series: &Series, axis: &Axis) -> Parsed<Relation> {
        let keys = series.by.len();
        let mut columns: Vec<Column> = grouped.columns[..keys].to_vec();
        let values = &grouped.columns[keys + 1..];
        for column in values {
            add_column(&mut columns, &column.name, ColumnType::Dynamic);
        }
        let name = series
            .axis
            .name
            .clone()
            .or_else(|| result_name(&series.axis.expr));
        add_column(
            &mut columns,
            &name.unwrap_or_else(|| "Column1".to_owned()),
            ColumnType::Dynamic,
        );
        let defaults = self.defaults(series, values)?;
        let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
        let mut groups: Vec<(Row, HashMap<i64, &[Value]>)> = Vec::new();
        for row in grouped.rows.iter() {
            let mut key = Vec::new();
            row[..keys]
                .iter()
                .for_each(|value| push_key(value, &mut key));
            let at = *places.entry(key).or_insert_with(|| {
                groups.push((row[..keys].to_vec(), HashMap::new()));
                groups.len() - 1
            });
            if let Some(place) = as_long(&row[keys]) {
                groups[at].1.insert(place, &row[keys + 1..]);
            }
        }
        if groups.is_empty() && series.nonempty && keys == 0 {
            groups.push((Row::new(), HashMap::new()));
        }
        let heaviest = defaults.iter().map(weight).max().unwrap_or(0);
        let mut made = Made::default();
        let mut total = 0;
        for (mut row, found) in groups {
            let range = range(axis, &found);
            let length = usize::try_from(range.1.saturating_sub(range.0)).unwrap_or(0);
            if length > MAX_ELEMENTS {
                return Err(self.scope(&[], "make-series").error(
                    "SEM0096",
                    series.axis.expr.at,
                    format!("a series would have more than {MAX_ELEMENTS} elements"),
                ));
            }
            total += length;
            afford(total, values.len() + 1)?;
            if !may_be_made(heaviest.saturating_mul(length)) {
                watch::verdict()?;
            }
            for (at, default) in defaults.iter().enumerate() {
                let element = |place| {
                    found
                        .get(&place)
                        .map_or_else(|| default.to_json(), |row| row[at].to_json())
                };
                row.push(Value::Dynamic(Json::Array(
                    (range.0..range.1).map(element).collect(),
                )));
            }
            let places = (range.0..range.1).map(|place| axis.value(place).to_json());
            row.push(Value::Dynamic(Json::Array(places.collect())));
            made.push(row)?;
        }
        Ok(Relation {
            columns,
            rows: Rows::Owned(made.into_rows()),
            serialized: false,
        })
    }

    /// What stands where a series has no rows: 0 unless it is said.
    fn defaults(&self, series: &Series, columns: &[Column]) -> Parsed<Vec<Value>> {
        let scope = self.scope(&[], "make-series");
        let given = series.aggregates.iter().map(|(_, default)| default);
        let defaults = given.zip(columns).map(|(default, column)| {
            let bound = match default {
                Some(default) => scope.bind(default)?,
                None => Bound::constant(Value::Long(0), ColumnType::Long),
            };
            Ok(match column.ty.is_numeric() {
                true if bound.ty != ColumnType::Real => cast(&bound.eval(&[]), column.ty),
                _ => bound.eval(&[]).into_owned(),
            })
        });
        defaults.collect()
    }
}

/// The first place of a series and the one behind its last.
fn range(axis: &Axis, found: &HashMap<i64, &[Value]>) -> (i64, i64) {
    let (first, end) = axis.bounds();
    let first = first.or_else(|| found.keys().min().copied()).unwrap_or(0);
    let end = end
        .or_else(|| found.keys().max().map(|last| last + 1))
        .unwrap_or(first);
    (first, end)
}
