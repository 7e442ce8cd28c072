//! The `find` operator.

use std::collections::HashSet;

use serde_json::{Map, Value as Json};

use super::super::super::schema::Column;
use super::super::super::value::{ColumnType, Value};
use super::super::ast::{Expr, ExprKind, Named, Operator, Pattern};
use super::super::budget::Made;
use super::super::cast::cast;
use super::super::parser::{Parsed, Parser};
use super::super::relation::Relation;
use super::super::run::Run;
use super::add_column;
use super::search::Search;
use super::union::{Leg, shown};

/// The column of what is not shown in one of its own.
const PACK: &str = "pack_";

/// `find`
#[derive(Clone, Debug, PartialEq)]
pub struct Find {
    source_column: String,
    /// None: those of the database.
    tables: Option<Vec<Leg>>,
    search: Search,
    shape: Shape,
}

#[derive(Clone, Debug, PartialEq)]
enum Shape {
    /// The columns of the predicate and those that all tables have.
    Smart,
    /// These; and whether the others are packed.
    Project(Vec<Projected>, bool),
}

/// A column of `project`.
#[derive(Clone, Debug, PartialEq)]
struct Projected {
    name: String,
    ty: Option<ColumnType>,
    at: usize,
}

impl Parser<'_> {
    /// Takes what follows `find`.
    pub(in super::super) fn find(&mut self) -> Parsed<Find> {
        let settings = self.settings(&["withsource"])?;
        let source_column = match settings.get("withsource").map(|name| &name.kind) {
            None => "source_".to_owned(),
            Some(ExprKind::Name(name)) => name.clone(),
            Some(_) => return Err(self.error("withsource names a column")),
        };
        let tables = match self.eat_word("in") {
            true => {
                self.expect("(")?;
                let tables = self.list(Self::leg)?;
                self.expect(")")?;
                self.expect_word("where")?;
                Some(tables)
            }
            false => {
                self.eat_word("where");
                None
            }
        };
        let search = self.predicate_of_search()?;
        let mut ahead = self.clone();
        let shape = match ahead.hyphenated().as_deref() {
            Some("project-smart") => {
                *self = ahead;
                Shape::Smart
            }
            Some("project") => {
                *self = ahead;
                self.projected()?
            }
            _ => Shape::Smart,
        };
        Ok(Find {
            source_column,
            tables,
            search,
            shape,
        })
    }

    /// `name[:type], ..., pack(*)`
    fn projected(&mut self) -> Parsed<Shape> {
        let (mut columns, mut packed) = (Vec::new(), false);
        loop {
            if packed {
                return Err(self.error("what is packed stands last"));
            }
            let at = self.at();
            let name = self.name("a column name")?;
            if matches!(name.as_str(), "pack" | "pack_all") && self.eat("(") {
                self.eat("*");
                self.expect(")")?;
                packed = true;
            } else {
                let ty = match self.eat(":") {
                    true => Some(self.column_type()?),
                    false => None,
                };
                columns.push(Projected { name, ty, at });
            }
            if !self.eat(",") {
                return Ok(Shape::Project(columns, packed));
            }
        }
    }
}

impl Run<'_> {
    pub(in super::super) fn find(&self, find: &Find) -> Parsed<Relation> {
        let tables = match &find.tables {
            Some(legs) => self.legs(legs)?,
            None => self.searched(None)?,
        };
        let used = used_columns(find.search.predicate(), &tables);
        let has_used = |table: &Relation| used.iter().any(|column| table.columns.contains(column));
        let kept: Vec<(String, Relation)> = tables
            .into_iter()
            .filter(|(_, table)| used.is_empty() || has_used(table))
            .collect();
        let mut found = Vec::new();
        for (name, table) in &kept {
            found.push((name.as_str(), self.found_in(find, table, &used)?));
        }
        let shape = match &find.shape {
            Shape::Smart => smart(&used, &kept),
            Shape::Project(columns, packed) => Shown {
                columns: self.projection(columns, &kept)?,
                packed: *packed,
            },
        };
        shape.arrange(&find.source_column, &found)
    }

    /// The rows that the predicate is true of. A column that the table lacks is absent in every row.
    fn found_in(&self, find: &Find, table: &Relation, used: &[Column]) -> Parsed<Relation> {
        let width = table.columns.len();
        let lacks = |column: &&Column| table.position(&column.name).is_none();
        // A name that tables have with several types is used once for each.
        let mut names = HashSet::new();
        let once = |column: &&Column| names.insert(column.name.clone());
        let absent: Vec<Named> = used.iter().filter(lacks).filter(once).map(absent).collect();
        let mut input = table.clone();
        if !absent.is_empty() {
            input = self.step(input, &Operator::Extend(absent))?;
        }
        let predicate = find.search.over(&table.columns);
        let mut rows = self.step(input, &Operator::Where(predicate))?;
        if rows.columns.len() > width {
            let kept = table.columns.iter().map(|column| Pattern {
                text: column.name.clone(),
                wild: false,
                at: 0,
            });
            rows = self.step(rows, &Operator::ProjectKeep(kept.collect()))?;
        }
        Ok(rows)
    }

    fn projection(
        &self,
        columns: &[Projected],
        tables: &[(String, Relation)],
    ) -> Parsed<Vec<(Column, Column)>> {
        let scope = self.scope(&[], "find");
        let column = |projected: &Projected| {
            let name = &projected.name;
            let all = tables.iter().flat_map(|(_, table)| &table.columns);
            let mut types: Vec<ColumnType> = all
                .filter(|column| column.name == *name)
                .map(|column| column.ty)
                .collect();
            types.dedup();
            let ty = match (projected.ty, types.as_slice()) {
                (_, []) => return Err(scope.unresolved(name, projected.at)),
                (Some(ty), _) => ty,
                (None, [ty]) => *ty,
                (None, _) => {
                    let message = format!("the column '{name}' has several types: name one");
                    return Err(scope.error("SEM0100", projected.at, message));
                }
            };
            let column = Column::new(name, ty);
            Ok((column.clone(), column))
        };
        columns.iter().map(column).collect()
    }
}

/// Of a table that lacks the column: no value of its type.
fn absent(column: &Column) -> Named {
    Named {
        name: Some(column.name.clone()),
        expr: Expr {
            kind: ExprKind::Literal(Value::absent(column.ty), column.ty),
            at: 0,
        },
    }
}

/// The columns that the predicate names, in its order; each type of a name is one of its own.
fn used_columns(predicate: &Expr, tables: &[(String, Relation)]) -> Vec<Column> {
    fn collect(expr: &Expr, names: &mut Vec<String>) {
        if let ExprKind::Name(name) = &expr.kind {
            names.push(name.clone());
        }
        expr.parts().for_each(|part| collect(part, names));
    }
    let mut names = Vec::new();
    collect(predicate, &mut names);
    let mut used: Vec<Column> = Vec::new();
    for name in names {
        let all = tables.iter().flat_map(|(_, table)| &table.columns);
        for column in all.filter(|column| column.name == name) {
            if !used.contains(column) {
                used.push(column.clone());
            }
        }
    }
    used
}

/// What is shown of each row: columns as the tables have them and as they are called in the result.
struct Shown {
    columns: Vec<(Column, Column)>,
    /// Whether the rest stands in a column of its own.
    packed: bool,
}

fn smart(used: &[Column], tables: &[(String, Relation)]) -> Shown {
    let first = tables.first();
    let first = first.map_or(&[][..], |(_, table)| table.columns.as_slice());
    let in_all = |column: &&Column| {
        let mut tables = tables.iter();
        tables.all(|(_, table)| table.columns.contains(column))
    };
    let mut kept: Vec<Column> = first.iter().filter(in_all).cloned().collect();
    for column in used {
        if !kept.contains(column) {
            kept.push(column.clone());
        }
    }
    let mut all = tables.iter().flat_map(|(_, table)| &table.columns);
    let packed = all.any(|column| !kept.contains(column));
    let named = shown(&kept);
    Shown {
        columns: kept.into_iter().zip(named).collect(),
        packed,
    }
}

impl Shown {
    fn arrange(&self, source_column: &str, tables: &[(&str, Relation)]) -> Parsed<Relation> {
        let mut columns = vec![Column::new(source_column, ColumnType::String)];
        for (_, column) in &self.columns {
            add_column(&mut columns, &column.name, column.ty);
        }
        if self.packed {
            add_column(&mut columns, PACK, ColumnType::Dynamic);
        }
        let mut made = Made::default();
        for (name, table) in tables {
            // Of a name with several types each column takes its own; a type that was asked for is cast to.
            let is_own = |own: &Column, column: &Column, shown: &Column| {
                own.name == column.name && (own.ty == column.ty || column == shown)
            };
            let places: Vec<Option<usize>> = self
                .columns
                .iter()
                .map(|(column, shown)| {
                    let mut own = table.columns.iter();
                    own.position(|own| is_own(own, column, shown))
                })
                .collect();
            for row in table.rows.iter() {
                let mut values = vec![Value::String((*name).to_owned())];
                for (place, (_, column)) in places.iter().zip(&self.columns) {
                    values.push(place.map_or_else(
                        || Value::absent(column.ty),
                        |place| cast(&row[place], column.ty),
                    ));
                }
                if self.packed {
                    values.push(Value::Dynamic(rest(&table.columns, row, &places)));
                }
                made.push(values)?;
            }
        }
        Ok(Relation::new(columns, made.into_rows()))
    }
}

/// The columns that are not shown, as a property bag.
fn rest(columns: &[Column], row: &[Value], shown: &[Option<usize>]) -> Json {
    let others = columns.iter().zip(row).enumerate();
    let others = others.filter(|(at, _)| !shown.contains(&Some(*at)));
    let members = others.map(|(_, (column, value))| (column.name.clone(), value.to_json()));
    Json::Object(members.collect::<Map<_, _>>())
}
