//! The `join` and `lookup` operators.

use std::collections::{HashMap, HashSet};

use super::super::super::schema::Column;
use super::super::super::table::Row;
use super::super::super::value::{ColumnType, Value};
use super::super::ast::{BinaryOp, Expr, ExprKind, Operator, Pipeline};
use super::super::budget::{Made, afford};
use super::super::cast::push_key;
use super::super::lexer::TokenKind;
use super::super::parser::{Parsed, Parser};
use super::super::relation::{Relation, Rows};
use super::super::run::Run;

/// Which rows a join gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    InnerUnique,
    Inner,
    LeftOuter,
    RightOuter,
    FullOuter,
    LeftSemi,
    RightSemi,
    LeftAnti,
    RightAnti,
}

/// `join` or `lookup`.
#[derive(Clone, Debug, PartialEq)]
pub struct Join {
    kind: Kind,
    right: Pipeline,
    on: Vec<Expr>,
    /// `lookup` gives the keys once.
    lookup: bool,
    at: usize,
}

impl Parser<'_> {
    /// Takes settings (`kind=...`) and hints (`hint.strategy=...`) and gives their values.
    pub(in super::super) fn settings(&mut self, known: &[&str]) -> Parsed<HashMap<String, Expr>> {
        let mut found = HashMap::new();
        loop {
            let mut ahead = self.clone();
            let TokenKind::Word(name) = ahead.peek().clone() else {
                return Ok(found);
            };
            ahead.advance();
            let hint = name == "hint" && ahead.eat(".");
            let name = match hint {
                true => format!("hint.{}", ahead.name("a hint")?),
                false => name,
            };
            if !ahead.eat("=") || !(hint || known.contains(&name.as_str())) {
                return Ok(found);
            }
            *self = ahead;
            let at = self.at();
            // A word ends there: what follows in parentheses is the operator's.
            let value = match self.peek() {
                TokenKind::Word(_) | TokenKind::Symbol("[") => {
                    Expr::name(&self.name("a value")?, at)
                }
                _ => self.primary()?,
            };
            found.insert(name, value);
        }
    }

    pub(in super::super) fn join(&mut self, lookup: bool) -> Parsed<Join> {
        let at = self.at();
        let settings = self.settings(&["kind"])?;
        let kind = match settings.get("kind").map(|kind| &kind.kind) {
            None if lookup => Kind::LeftOuter,
            None => Kind::InnerUnique,
            Some(ExprKind::Name(name)) => match kind(name, lookup) {
                Some(kind) => kind,
                None => return Err(self.error(format!("'{name}' is no kind of join here"))),
            },
            Some(_) => return Err(self.expected("a kind of join")),
        };
        let right = self.table_operand()?;
        self.expect_word("on")?;
        let on = self.list(Self::expression)?;
        Ok(Join {
            kind,
            right,
            on,
            lookup,
            at,
        })
    }
}

fn kind(name: &str, lookup: bool) -> Option<Kind> {
    Some(match name {
        "leftouter" => Kind::LeftOuter,
        "inner" => Kind::Inner,
        _ if lookup => return None,
        "innerunique" => Kind::InnerUnique,
        "rightouter" => Kind::RightOuter,
        "fullouter" => Kind::FullOuter,
        "leftsemi" => Kind::LeftSemi,
        "rightsemi" => Kind::RightSemi,
        "leftanti" | "anti" | "leftantisemi" => Kind::LeftAnti,
        "rightanti" | "rightantisemi" => Kind::RightAnti,
        _ => return None,
    })
}

/// The text that rows with equal keys share; `None` when one is null, which equals nothing.
fn key(row: &[Value], places: &[usize]) -> Option<Vec<u8>> {
    let mut key = Vec::new();
    for place in places {
        match &row[*place] {
            Value::Null => return None,
            Value::Int(number) => push_key(&Value::Long(i64::from(*number)), &mut key),
            value => push_key(value, &mut key),
        }
    }
    Some(key)
}

impl Run<'_> {
    pub(in super::super) fn join(&self, left: Relation, join: &Join) -> Parsed<Relation> {
        let right = self.pipeline(&join.right)?;
        let keys = self.keys(&left.columns, &right.columns, join)?;
        let (left_keys, right_keys): (Vec<usize>, Vec<usize>) = keys.into_iter().unzip();
        let mut places: HashMap<Vec<u8>, Vec<usize>> = HashMap::new();
        let rights: Vec<&[Value]> = right.rows.iter().collect();
        for (at, row) in rights.iter().enumerate() {
            if let Some(key) = key(row, &right_keys) {
                places.entry(key).or_default().push(at);
            }
        }
        let matches = |row: &[Value]| key(row, &left_keys).and_then(|key| places.get(&key));
        match join.kind {
            Kind::LeftSemi | Kind::LeftAnti => {
                let wanted = join.kind == Kind::LeftSemi;
                let rows = left.rows.clone();
                let rows = rows.filtered(|row| matches(row).is_some() == wanted);
                Ok(left.with_rows(rows))
            }
            Kind::RightSemi | Kind::RightAnti => {
                let wanted = join.kind == Kind::RightSemi;
                let known: HashSet<Vec<u8>> = left
                    .rows
                    .iter()
                    .filter_map(|row| key(row, &left_keys))
                    .collect();
                let found =
                    |row: &[Value]| key(row, &right_keys).is_some_and(|key| known.contains(&key));
                let rows = right.rows.clone().filtered(|row| found(row) == wanted);
                drop(rights);
                Ok(right.with_rows(rows))
            }
            _ => self.combine(
                &left,
                &right,
                &rights,
                &left_keys,
                &right_keys,
                join,
                &places,
            ),
        }
    }

    /// The left side, filtered by what follows `kind=innerunique`: as in the service, the row of each
    /// key is chosen of those that pass, not passed or dropped after the choice.
    pub(in super::super) fn filtered_before(
        &self,
        mut left: Relation,
        join: &Join,
        following: &[Operator],
    ) -> Parsed<Relation> {
        if join.kind != Kind::InnerUnique {
            return Ok(left);
        }
        for step in following {
            let Operator::Where(predicate) = step else {
                break;
            };
            for condition in conditions(predicate) {
                if is_of(condition, &left.columns) {
                    left = self.step(left, &Operator::Where(condition.clone()))?;
                }
            }
        }
        Ok(left)
    }

    /// The columns of both sides that must be equal.
    fn keys(&self, left: &[Column], right: &[Column], join: &Join) -> Parsed<Vec<(usize, usize)>> {
        let operator = if join.lookup { "lookup" } else { "join" };
        let (left, right) = (self.scope(left, operator), self.scope(right, operator));
        let mut keys = Vec::new();
        let mut conditions: Vec<&Expr> = join.on.iter().rev().collect();
        while let Some(condition) = conditions.pop() {
            let (l, r) = match &condition.kind {
                ExprKind::Binary(BinaryOp::And, first, second) => {
                    conditions.extend([second.as_ref(), first.as_ref()]);
                    continue;
                }
                ExprKind::Name(name) => (name, name),
                ExprKind::Binary(BinaryOp::Equal, first, second) => {
                    match (side(first), side(second)) {
                        (Some((true, l)), Some((false, r))) => (l, r),
                        _ => return Err(condition_error(&left, condition)),
                    }
                }
                _ => return Err(condition_error(&left, condition)),
            };
            let pair = (
                left.column(l, condition.at)?,
                right.column(r, condition.at)?,
            );
            let (l, r) = (left.columns[pair.0].ty, right.columns[pair.1].ty);
            if l == ColumnType::Dynamic || !alike(l, r) {
                let message = format!(
                    "the types {} and {} cannot be joined. Try adding explicit casts",
                    l.kusto_name(),
                    r.kusto_name()
                );
                return Err(left.error("SEM0024", condition.at, message));
            }
            keys.push(pair);
        }
        Ok(keys)
    }

    /// Rows of both sides next to each other.
    #[allow(clippy::too_many_arguments)]
    fn combine(
        &self,
        left: &Relation,
        right: &Relation,
        rights: &[&[Value]],
        left_keys: &[usize],
        right_keys: &[usize],
        join: &Join,
        places: &HashMap<Vec<u8>, Vec<usize>>,
    ) -> Parsed<Relation> {
        let shown: Vec<usize> = (0..right.columns.len())
            .filter(|at| !join.lookup || !right_keys.contains(at))
            .collect();
        let mut columns = left.columns.clone();
        add_right(&mut columns, shown.iter().map(|at| &right.columns[*at]));
        let keeps_left = matches!(join.kind, Kind::LeftOuter | Kind::FullOuter);
        let keeps_right = matches!(join.kind, Kind::RightOuter | Kind::FullOuter);
        let found = found(left, left_keys, join.kind, places);
        // Counted before any is made: rows take memory.
        let total = found.iter().map(|(_, found)| found.len().max(1)).sum();
        afford(total, columns.len())?;
        let mut matched = vec![false; rights.len()];
        let mut made = Made::default();
        for (row, found) in found {
            for at in found {
                matched[*at] = true;
                let added = shown.iter().map(|place| rights[*at][*place].clone());
                made.push(row.iter().cloned().chain(added).collect())?;
            }
            if found.is_empty() && keeps_left {
                let added = shown.iter().map(|at| Value::absent(right.columns[*at].ty));
                made.push(row.iter().cloned().chain(added).collect())?;
            }
        }
        if keeps_right {
            let nothing: Row = left
                .columns
                .iter()
                .map(|column| Value::absent(column.ty))
                .collect();
            for (row, _) in rights
                .iter()
                .zip(&matched)
                .filter(|(_, matched)| !**matched)
            {
                let added = shown.iter().map(|place| row[*place].clone());
                made.push(nothing.iter().cloned().chain(added).collect())?;
            }
        }
        Ok(Relation {
            columns,
            rows: Rows::Owned(made.into_rows()),
            serialized: false,
        })
    }
}

/// Each row of the left side with the places of those on the right that match it. `innerunique`
/// takes the first row of each key.
fn found<'l>(
    left: &'l Relation,
    keys: &[usize],
    kind: Kind,
    places: &'l HashMap<Vec<u8>, Vec<usize>>,
) -> Vec<(&'l [Value], &'l [usize])> {
    let mut seen: HashSet<Vec<u8>> = HashSet::new();
    let mut found = Vec::new();
    for row in left.rows.iter() {
        let key = key(row, keys);
        let matching = key.as_ref().and_then(|key| places.get(key));
        found.push((row, matching.map_or(&[][..], Vec::as_slice)));
        if kind == Kind::InnerUnique
            && let Some(key) = key
            && !seen.insert(key)
        {
            found.pop();
        }
    }
    found
}

/// Adds the columns of the right side. Names of either side are not given to renamed columns.
fn add_right<'c>(columns: &mut Vec<Column>, right: impl Iterator<Item = &'c Column> + Clone) {
    let left = columns.len();
    let own: Vec<&str> = right.clone().map(|column| column.name.as_str()).collect();
    for column in right {
        let name = &column.name;
        let taken = |name: &str| columns.iter().any(|known| known.name == name);
        if !columns[..left].iter().any(|known| known.name == *name) {
            columns.push(column.clone());
            continue;
        }
        // `a`, renamed to `a1` by a join before, becomes `a2`.
        let base = match name.trim_end_matches(|c: char| c.is_ascii_digit()) {
            base if columns[..left].iter().any(|known| known.name == base) => base,
            _ => name,
        };
        let mut numbers = 1_usize..;
        let free = numbers.find_map(|number| {
            let candidate = format!("{base}{number}");
            (!taken(&candidate) && !own.contains(&candidate.as_str())).then_some(candidate)
        });
        columns.push(Column::new(free.unwrap_or_default(), column.ty));
    }
}

fn alike(left: ColumnType, right: ColumnType) -> bool {
    let whole = |ty| matches!(ty, ColumnType::Int | ColumnType::Long);
    left == right || (whole(left) && whole(right))
}

fn condition_error(
    scope: &super::super::scope::Scope<'_>,
    condition: &Expr,
) -> super::super::super::error::KustoError {
    let message = "a condition is a column's name or '$left.a == $right.b'";
    scope.error("SEM0022", condition.at, message)
}

/// The parts of a predicate that must all hold.
fn conditions(predicate: &Expr) -> Vec<&Expr> {
    match &predicate.kind {
        ExprKind::Binary(BinaryOp::And, left, right) => {
            let mut parts = conditions(left);
            parts.extend(conditions(right));
            parts
        }
        _ => vec![predicate],
    }
}

/// Whether an expression is made of operators, constants and these columns only.
fn is_of(expr: &Expr, columns: &[Column]) -> bool {
    match &expr.kind {
        ExprKind::Name(name) => columns.iter().any(|column| column.name == *name),
        ExprKind::Literal(..) => true,
        ExprKind::Call(name, _) if name == "rand" || name == "new_guid" => false,
        ExprKind::Star | ExprKind::Query(_) | ExprKind::Assigned(..) | ExprKind::Names(..) => false,
        _ => expr.parts().all(|part| is_of(part, columns)),
    }
}

/// `$left.a` (true) or `$right.a` (false).
fn side(expr: &Expr) -> Option<(bool, &String)> {
    let ExprKind::Member(base, column) = &expr.kind else {
        return None;
    };
    match &base.kind {
        ExprKind::Name(name) if name == "$left" => Some((true, column)),
        ExprKind::Name(name) if name == "$right" => Some((false, column)),
        _ => None,
    }
}
