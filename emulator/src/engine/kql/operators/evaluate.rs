//! The `evaluate` operator: the plugins `bag_unpack`, `narrow` and `pivot`.

use serde_json::Value as Json;

use super::super::super::schema::Column;
use super::super::super::table::Row;
use super::super::super::value::{ColumnType, Value};
use super::super::ast::{Expr, ExprKind, Named, Operator};
use super::super::budget::{Made, afford};
use super::super::cast::{cast, scalar};
use super::super::parser::{Parsed, Parser};
use super::super::relation::Relation;
use super::super::run::Run;

/// `evaluate plugin(...)`
#[derive(Clone, Debug, PartialEq)]
pub struct Plugin {
    name: String,
    arguments: Vec<Expr>,
    schema: Option<Schema>,
    at: usize,
}

/// The columns that the query expects.
#[derive(Clone, Debug, PartialEq)]
struct Schema {
    /// `*`: the input's own columns come first.
    own: bool,
    columns: Vec<Column>,
}

/// What may stand behind the column of `bag_unpack()`, in this order or by name.
const BAG_UNPACK_OPTIONS: [&str; 3] =
    ["OutputColumnPrefix", "columnsConflict", "ignoredProperties"];

impl Parser<'_> {
    pub(in super::super) fn evaluate_step(&mut self) -> Parsed<Plugin> {
        self.settings(&[])?;
        let start = self.clone();
        let name = self.name("a plugin")?;
        if !matches!(name.as_str(), "bag_unpack" | "narrow" | "pivot") {
            return Err(start.error(format!("the plugin '{name}' is not supported")));
        }
        let at = self.at();
        self.expect("(")?;
        let mut arguments = Vec::new();
        if !self.eat(")") {
            arguments = self.list(Self::operand)?;
            self.expect(")")?;
        }
        let schema = match self.eat(":") {
            true => Some(self.schema()?),
            false => None,
        };
        Ok(Plugin {
            name,
            arguments,
            schema,
            at,
        })
    }

    fn schema(&mut self) -> Parsed<Schema> {
        let mut ahead = self.clone();
        ahead.expect("(")?;
        if !ahead.eat("*") {
            let columns = self.columns()?;
            return Ok(Schema {
                own: false,
                columns,
            });
        }
        *self = ahead;
        let mut columns = Vec::new();
        while self.eat(",") {
            let name = self.name("a column name")?;
            self.expect(":")?;
            columns.push(Column::new(name, self.column_type()?));
        }
        self.expect(")")?;
        Ok(Schema { own: true, columns })
    }
}

impl Run<'_> {
    pub(in super::super) fn plugin(&self, input: Relation, plugin: &Plugin) -> Parsed<Relation> {
        let own = input.columns.clone();
        let result = match plugin.name.as_str() {
            "bag_unpack" => self.bag_unpack(&input, plugin)?,
            "narrow" => narrow(&input)?,
            _ => self.pivot(input, plugin)?,
        };
        let Some(schema) = &plugin.schema else {
            return Ok(result);
        };
        // The plugin may have taken a column of the input away.
        let mut expected = schema.columns.clone();
        if schema.own {
            let kept = own
                .into_iter()
                .filter(|column| result.columns.contains(column));
            let kept: Vec<Column> = kept.filter(|column| !expected.contains(column)).collect();
            expected = [kept, expected].concat();
        }
        let schema = &expected;
        let mut places = Vec::new();
        for column in schema {
            let place = result.position(&column.name);
            if place.is_some_and(|place| result.columns[place].ty != column.ty) {
                let message = format!("the column '{}' has another type", column.name);
                return Err(self
                    .scope(&[], "evaluate")
                    .error("SEM0045", plugin.at, message));
            }
            places.push(place);
        }
        let rows = result.rows.iter().map(|row| {
            let cells = places.iter().zip(schema).map(|(place, column)| {
                place.map_or_else(|| Value::absent(column.ty), |place| row[place].clone())
            });
            cells.collect()
        });
        Ok(Relation::new(schema.clone(), rows.collect()))
    }

    fn bag_unpack(&self, input: &Relation, plugin: &Plugin) -> Parsed<Relation> {
        let scope = self.scope(&input.columns, "evaluate");
        let wrong = |message: &str| scope.error("SEM0045", plugin.at, message);
        let Some(ExprKind::Name(bag)) = plugin.arguments.first().map(|bag| &bag.kind) else {
            return Err(wrong("bag_unpack() needs a column"));
        };
        let bag = scope.column(bag, plugin.at)?;
        if input.columns[bag].ty != ColumnType::Dynamic {
            return Err(wrong("the column of bag_unpack() must be dynamic"));
        }
        for argument in &plugin.arguments {
            if let ExprKind::Assigned(name, _) = &argument.kind
                && !BAG_UNPACK_OPTIONS.contains(&name.as_str())
            {
                return Err(wrong(&format!("bag_unpack() has no argument '{name}'")));
            }
        }
        let constant = |at: usize| -> Parsed<Value> {
            let option = BAG_UNPACK_OPTIONS[at - 1];
            let called = |argument: &&Expr| matches!(&argument.kind, ExprKind::Assigned(name, _) if *name == option);
            let argument = match plugin.arguments.get(at).map(|argument| &argument.kind) {
                None | Some(ExprKind::Assigned(..)) => plugin.arguments.iter().find(called),
                Some(_) => plugin.arguments.get(at),
            };
            let Some(argument) = argument else {
                return Ok(Value::Null);
            };
            let value = match &argument.kind {
                ExprKind::Assigned(_, value) => value,
                _ => argument,
            };
            Ok(scope.bind(value)?.eval(&[]).into_owned())
        };
        let text = |value: Value| match value {
            Value::String(text) => text,
            _ => String::new(),
        };
        let prefix = text(constant(1)?);
        let conflict = text(constant(2)?);
        let ignored = match constant(3)? {
            Value::Dynamic(Json::Array(names)) => names,
            _ => Vec::new(),
        };
        let mut slots: Vec<(String, Option<ColumnType>)> = Vec::new();
        for row in input.rows.iter() {
            let Value::Dynamic(Json::Object(properties)) = &row[bag] else {
                continue;
            };
            for (key, value) in properties {
                if ignored.iter().any(|name| name == key) {
                    continue;
                }
                let ty = slot_type(value);
                match slots.iter_mut().find(|(known, _)| known == key) {
                    None => slots.push((key.clone(), ty)),
                    Some((_, known)) if known.is_none() => *known = ty,
                    Some((_, known)) if ty.is_some() && *known != ty => {
                        *known = Some(ColumnType::Dynamic);
                    }
                    Some(_) => {}
                }
            }
        }
        // The service orders the new columns by name.
        slots.sort_by(|(left, _), (right, _)| left.cmp(right));
        let mut kept: Vec<usize> = (0..input.columns.len()).filter(|at| *at != bag).collect();
        let name = |slot: &str| format!("{prefix}{slot}");
        for slot in slots.clone() {
            let same = |at: &usize| input.columns[*at].name == name(&slot.0);
            if !kept.iter().any(same) {
                continue;
            }
            match conflict.as_str() {
                "replace_source" => kept.retain(|at| !same(at)),
                "keep_source" => slots.retain(|other| *other != slot),
                _ => {
                    return Err(wrong(&format!(
                        "there would be two columns named '{}'",
                        name(&slot.0)
                    )));
                }
            }
        }
        let mut columns: Vec<Column> = kept.iter().map(|at| input.columns[*at].clone()).collect();
        columns.extend(
            slots
                .iter()
                .map(|(slot, ty)| Column::new(name(slot), ty.unwrap_or(ColumnType::Dynamic))),
        );
        afford(input.rows.len(), columns.len())?;
        let mut made = Made::default();
        for row in input.rows.iter() {
            let values = slots
                .iter()
                .map(|(slot, ty)| unpacked(&row[bag], slot, ty.unwrap_or(ColumnType::Dynamic)));
            let kept = kept.iter().map(|at| row[*at].clone());
            made.push(kept.chain(values).collect())?;
        }
        Ok(Relation::new(columns, made.into_rows()))
    }

    fn pivot(&self, input: Relation, plugin: &Plugin) -> Parsed<Relation> {
        let scope = self.scope(&input.columns, "evaluate");
        let wrong = |message: &str| scope.error("SEM0045", plugin.at, message);
        let Some(ExprKind::Name(pivot)) = plugin.arguments.first().map(|pivot| &pivot.kind) else {
            return Err(wrong("pivot() needs a column"));
        };
        let aggregate = match plugin.arguments.get(1) {
            Some(aggregate) => aggregate.clone(),
            None => Expr {
                kind: ExprKind::Call("count".to_owned(), Vec::new()),
                at: plugin.at,
            },
        };
        let used = match &aggregate.kind {
            ExprKind::Call(_, arguments) => arguments.first().map(|argument| argument.kind.clone()),
            _ => {
                return Err(wrong(
                    "the second argument of pivot() must be an aggregation",
                ));
            }
        };
        let mut by: Vec<Expr> = plugin.arguments.iter().skip(2).cloned().collect();
        if by.is_empty() {
            let names = input
                .columns
                .iter()
                .map(|column| Expr::name(&column.name, plugin.at));
            by.extend(names.filter(|name| {
                name.kind != ExprKind::Name(pivot.clone()) && Some(&name.kind) != used.as_ref()
            }));
        }
        let keys = by.len();
        by.push(Expr::name(pivot, plugin.at));
        let grouped = Operator::Summarize {
            aggregates: vec![Named {
                name: None,
                expr: aggregate.clone(),
            }],
            by: by
                .into_iter()
                .map(|expr| Named { name: None, expr })
                .collect(),
        };
        let counts = matches!(&aggregate.kind, ExprKind::Call(name, _) if matches!(name.as_str(), "count" | "countif" | "dcount" | "dcountif" | "sum" | "sumif"));
        let grouped = self.step(input, &grouped)?;
        pivoted(&grouped, keys, counts)
    }
}

/// The type of a property, when it has one.
fn slot_type(value: &Json) -> Option<ColumnType> {
    Some(match value {
        Json::Null => return None,
        Json::Bool(_) => ColumnType::Bool,
        Json::Number(number) if number.is_i64() => ColumnType::Long,
        Json::Number(_) => ColumnType::Real,
        Json::String(text) if super::super::super::datetime::parse(text).is_some() => {
            ColumnType::DateTime
        }
        Json::String(_) => ColumnType::String,
        Json::Array(_) | Json::Object(_) => ColumnType::Dynamic,
    })
}

fn unpacked(bag: &Value, slot: &str, ty: ColumnType) -> Value {
    let found = match bag {
        Value::Dynamic(Json::Object(properties)) => properties.get(slot),
        _ => None,
    };
    match (found, ty) {
        (None | Some(Json::Null), _) => Value::absent(ty),
        (Some(value), ColumnType::Dynamic) => Value::Dynamic(value.clone()),
        (Some(value), ty) => match scalar(&Value::Dynamic(value.clone()), ty) {
            value if value.fits(ty) => value,
            value => cast(&value, ty),
        },
    }
}

/// A row for each cell: its row's number, its column and its text.
fn narrow(input: &Relation) -> Parsed<Relation> {
    let columns = [
        ("Row", ColumnType::Long),
        ("Column", ColumnType::String),
        ("Value", ColumnType::String),
    ];
    afford(input.rows.len(), 3 * input.columns.len())?;
    let mut made = Made::default();
    for (at, row) in input.rows.iter().enumerate() {
        for (column, value) in input.columns.iter().zip(row) {
            made.push(vec![
                Value::Long(i64::try_from(at).unwrap_or(i64::MAX)),
                Value::String(column.name.clone()),
                cast(value, ColumnType::String),
            ])?;
        }
    }
    let columns = columns.map(|(name, ty)| Column::new(name, ty));
    Ok(Relation::new(columns.to_vec(), made.into_rows()))
}

/// Rows of keys, a pivot value and an aggregate, with a column for each pivot value.
fn pivoted(grouped: &Relation, keys: usize, counts: bool) -> Parsed<Relation> {
    let ty = grouped.columns[keys + 1].ty;
    let mut names: Vec<String> = Vec::new();
    let mut rows: Vec<(Row, Vec<(String, Value)>)> = Vec::new();
    for row in grouped.rows.iter() {
        let name = row[keys].to_text();
        if !names.contains(&name) {
            names.push(name.clone());
        }
        let value = (name, row[keys + 1].clone());
        match rows.iter_mut().find(|(known, _)| known[..] == row[..keys]) {
            Some((_, values)) => values.push(value),
            None => rows.push((row[..keys].to_vec(), vec![value])),
        }
    }
    names.sort();
    let absent = match counts {
        true => cast(&Value::Long(0), ty),
        false => Value::absent(ty),
    };
    let mut columns = grouped.columns[..keys].to_vec();
    for name in &names {
        super::add_column(&mut columns, name, ty);
    }
    afford(rows.len(), columns.len())?;
    let mut made = Made::default();
    for (key, values) in rows {
        let cell = |name: &String| {
            let found = values.iter().find(|(known, _)| known == name);
            found.map_or_else(|| absent.clone(), |(_, value)| value.clone())
        };
        made.push(key.into_iter().chain(names.iter().map(cell)).collect())?;
    }
    Ok(Relation::new(columns, made.into_rows()))
}
