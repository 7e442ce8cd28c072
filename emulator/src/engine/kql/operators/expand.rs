//! The `mv-expand` and `mv-apply` operators.

use serde_json::Value as Json;

use super::super::super::schema::Column;
use super::super::super::value::{ColumnType, Value};
use super::super::ast::{Expr, ExprKind, Named, Pipeline};
use super::super::bound::Bound;
use super::super::budget::{Made, afford};
use super::super::cast::{cast, scalar};
use super::super::functions::result_name;
use super::super::parser::{Parsed, Parser};
use super::super::relation::Relation;
use super::super::run::Run;
use super::super::summarize::{declared_once, push_column};
use super::add_column;

/// `mv-expand` or `mv-apply`
#[derive(Clone, Debug, PartialEq)]
pub struct Expansion {
    items: Vec<Item>,
    /// `kind=array`: the properties of a bag become pairs of key and value.
    pairs: bool,
    index: Option<String>,
    limit: Option<Expr>,
    /// What `mv-apply` runs on each row's elements.
    apply: Option<Pipeline>,
}

#[derive(Clone, Debug, PartialEq)]
struct Item {
    named: Named,
    ty: ColumnType,
}

/// An item resolved: what is expanded, and the column that it goes to.
struct Target {
    bound: Bound,
    place: usize,
    ty: ColumnType,
}

/// Most rows of the legacy operator for each input row.
const LEGACY_LIMIT: i64 = 128;

impl Parser<'_> {
    pub(in super::super) fn expansion(&mut self, legacy: bool, apply: bool) -> Parsed<Expansion> {
        let settings = self.settings(&["kind", "bagexpansion", "with_itemindex"])?;
        let word = |name: &str| match settings.get(name).map(|value| &value.kind) {
            Some(ExprKind::Name(word)) => Some(word.as_str()),
            _ => None,
        };
        let pairs = match word("kind").or_else(|| word("bagexpansion")) {
            None | Some("bag") => false,
            Some("array") if !apply => true,
            Some(_) => return Err(self.error("bags are expanded as bag or array")),
        };
        let index = word("with_itemindex").map(str::to_owned);
        let items = self.list(Self::expanded)?;
        let limit = match self.eat_word("limit") {
            true => Some(self.expression()?),
            false => legacy.then(|| Expr {
                kind: ExprKind::Literal(Value::Long(LEGACY_LIMIT), ColumnType::Long),
                at: 0,
            }),
        };
        let apply = match apply {
            true => {
                self.expect_word("on")?;
                Some(self.subquery()?)
            }
            false => None,
        };
        Ok(Expansion {
            items,
            pairs,
            index,
            limit,
            apply,
        })
    }

    fn expanded(&mut self) -> Parsed<Item> {
        let named = self.named()?;
        let ty = match self.eat_word("to") {
            true => {
                self.expect_word("typeof")?;
                self.expect("(")?;
                let ty = self.column_type()?;
                self.expect(")")?;
                ty
            }
            false => ColumnType::Dynamic,
        };
        Ok(Item { named, ty })
    }
}

impl Run<'_> {
    pub(in super::super) fn expand(
        &self,
        input: Relation,
        expansion: &Expansion,
    ) -> Parsed<Relation> {
        let operator = match expansion.apply {
            Some(_) => "mv-apply",
            None => "mv-expand",
        };
        let (mut columns, targets) = self.targets(&input, expansion, operator)?;
        if let Some(index) = &expansion.index {
            add_column(&mut columns, index, ColumnType::Long);
        }
        let limit = match &expansion.limit {
            Some(limit) => self.scope(&[], operator).bind_count(limit)?,
            None => usize::MAX,
        };
        let expander = Expander {
            targets,
            width: columns.len(),
            indexed: expansion.index.is_some(),
            pairs: expansion.pairs,
            limit,
        };
        match &expansion.apply {
            Some(query) => self.apply_each(&input, columns, &expander, query),
            None => {
                // Counted before any is made: rows take memory.
                let mut total = 0_usize;
                for row in input.rows.iter() {
                    total = total.saturating_add(expander.length(row));
                    afford(total, columns.len())?;
                }
                let mut made = Made::default();
                for row in input.rows.iter() {
                    expander.expand(row, &mut made)?;
                }
                Ok(Relation::new(columns, made.into_rows()))
            }
        }
    }

    fn targets(
        &self,
        input: &Relation,
        expansion: &Expansion,
        operator: &'static str,
    ) -> Parsed<(Vec<Column>, Vec<Target>)> {
        let scope = self.scope(&input.columns, operator);
        declared_once(&scope, expansion.items.iter().map(|item| &item.named))?;
        let mut columns = input.columns.clone();
        let mut targets = Vec::new();
        for Item { named, ty } in &expansion.items {
            let bound = scope.bind(&named.expr)?;
            if bound.ty != ColumnType::Dynamic {
                let message = format!(
                    "expanded expressions must be dynamic and not {}",
                    bound.ty.kusto_name()
                );
                return Err(scope.error("SEM0085", named.expr.at, message));
            }
            let name = named.name.clone().or_else(|| result_name(&named.expr));
            let place = name.as_ref().and_then(|name| input.position(name));
            let place = match place {
                Some(place) => {
                    columns[place].ty = *ty;
                    place
                }
                None => {
                    push_column(&mut columns, name, &Bound::constant(Value::Null, *ty));
                    columns.len() - 1
                }
            };
            targets.push(Target {
                bound,
                place,
                ty: *ty,
            });
        }
        Ok((columns, targets))
    }

    /// Runs the subquery on the elements of each row. Its columns follow those of the input that
    /// are not expanded.
    fn apply_each(
        &self,
        input: &Relation,
        columns: Vec<Column>,
        expander: &Expander,
        query: &Pipeline,
    ) -> Parsed<Relation> {
        let replaced = |place: &usize| expander.targets.iter().any(|target| target.place == *place);
        let kept: Vec<usize> = (0..input.columns.len())
            .filter(|place| !replaced(place))
            .collect();
        let inner = |rows| {
            let mut table = Relation::new(columns.clone(), rows);
            table.serialized = true;
            self.steps(table, &query.operators)
        };
        let given = inner(Vec::new())?.columns;
        let mut result: Vec<Column> = kept.iter().map(|at| input.columns[*at].clone()).collect();
        let added: Vec<usize> = (0..given.len())
            .filter(|at| !result.iter().any(|column| column.name == given[*at].name))
            .collect();
        result.extend(added.iter().map(|at| given[*at].clone()));
        let mut made = Made::default();
        for row in input.rows.iter() {
            let mut elements = Made::default();
            expander.expand(row, &mut elements)?;
            for found in inner(elements.into_rows())?.rows.iter() {
                let left = kept.iter().map(|at| row[*at].clone());
                let right = added.iter().map(|at| found[*at].clone());
                made.push(left.chain(right).collect())?;
            }
        }
        Ok(Relation::new(result, made.into_rows()))
    }
}

struct Expander {
    targets: Vec<Target>,
    width: usize,
    indexed: bool,
    pairs: bool,
    limit: usize,
}

impl Expander {
    /// How many rows come of one.
    fn length(&self, row: &[Value]) -> usize {
        let lengths = self
            .targets
            .iter()
            .map(|target| match target.bound.eval(row).as_ref() {
                Value::Dynamic(Json::Array(elements)) => elements.len(),
                Value::Dynamic(Json::Object(bag)) => bag.len(),
                _ => 1,
            });
        lengths.max().unwrap_or(0).min(self.limit)
    }

    /// A row for each element. Shorter arrays are filled with nulls.
    fn expand(&self, row: &[Value], made: &mut Made) -> Parsed<()> {
        let lists: Vec<Vec<Value>> = self
            .targets
            .iter()
            .map(|target| self.elements(&target.bound.eval(row)))
            .collect();
        let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
        // Each row is a copy, and an array of a million elements must not be in a million of them.
        let mut kept = row.to_vec();
        kept.resize(self.width, Value::Null);
        for target in &self.targets {
            kept[target.place] = Value::Null;
        }
        for at in 0..longest.min(self.limit) {
            let mut expanded = kept.clone();
            for (target, list) in self.targets.iter().zip(&lists) {
                expanded[target.place] = match list.get(at) {
                    Some(element) => conform(element, target.ty),
                    None => Value::absent(target.ty),
                };
            }
            if self.indexed {
                expanded[self.width - 1] = Value::Long(i64::try_from(at).unwrap_or(i64::MAX));
            }
            made.push(expanded)?;
        }
        Ok(())
    }

    fn elements(&self, value: &Value) -> Vec<Value> {
        let dynamic = |json: &Json| match json {
            Json::Null => Value::Null,
            json => Value::Dynamic(json.clone()),
        };
        match value {
            Value::Dynamic(Json::Array(elements)) => elements.iter().map(dynamic).collect(),
            Value::Dynamic(Json::Object(bag)) => bag
                .iter()
                .map(|(key, value)| {
                    Value::Dynamic(match self.pairs {
                        true => Json::Array(vec![Json::String(key.clone()), value.clone()]),
                        false => Json::Object([(key.clone(), value.clone())].into_iter().collect()),
                    })
                })
                .collect(),
            other => vec![other.clone()],
        }
    }
}

/// An element as this type; numbers are not read from text.
fn conform(element: &Value, ty: ColumnType) -> Value {
    match (element, ty) {
        (Value::Null, _) => Value::absent(ty),
        (element, ColumnType::Dynamic) => element.clone(),
        (Value::Dynamic(Json::String(_)), ty) if ty.is_numeric() => Value::Null,
        (Value::Dynamic(Json::String(text)), ty) => cast(&Value::String(text.clone()), ty),
        (Value::Dynamic(Json::Array(_) | Json::Object(_)), ty) if ty != ColumnType::String => {
            Value::Null
        }
        (element, ty) => cast(&scalar(element, ty), ty),
    }
}
