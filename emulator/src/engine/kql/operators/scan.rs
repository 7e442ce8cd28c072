//! The `scan` operator: sequences of rows, step by step.

use super::super::super::schema::Column;
use super::super::super::table::Row;
use super::super::super::value::{ColumnType, Value};
use super::super::ast::{Expr, ExprKind};
use super::super::bound::{Bound, is_true};
use super::super::budget::Made;
use super::super::cast::cast;
use super::super::lexer::TokenKind;
use super::super::parser::{Parsed, Parser};
use super::super::relation::Relation;
use super::super::run::Run;
use super::super::scope::{Scope, convert};
use super::add_column;

/// `scan`
#[derive(Clone, Debug, PartialEq)]
pub struct Scan {
    match_id: Option<String>,
    /// Columns that the steps assign, with their values before that.
    declared: Vec<(Column, Value)>,
    steps: Vec<Step>,
    at: usize,
}

#[derive(Clone, Debug, PartialEq)]
struct Step {
    name: String,
    output: Output,
    condition: Expr,
    assignments: Vec<(String, Expr)>,
}

/// Which of the rows that match a step are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Output {
    All,
    /// The last one of those that match it one after the other.
    Last,
    None,
}

impl Parser<'_> {
    pub(in super::super) fn scan(&mut self) -> Parsed<Scan> {
        let at = self.at();
        let match_id = match self.eat_word("with_match_id") {
            true => {
                self.expect("=")?;
                Some(self.name("a column name")?)
            }
            false => None,
        };
        let mut declared = Vec::new();
        if self.eat_word("declare") {
            self.expect("(")?;
            declared = self.list(Self::declaration)?;
            self.expect(")")?;
        }
        self.expect_word("with")?;
        self.expect("(")?;
        let mut steps = Vec::new();
        while steps.is_empty() || !self.eat(")") {
            steps.push(self.scan_step()?);
        }
        Ok(Scan {
            match_id,
            declared,
            steps,
            at,
        })
    }

    fn declaration(&mut self) -> Parsed<(Column, Value)> {
        let name = self.name("a column name")?;
        self.expect(":")?;
        let ty = self.column_type()?;
        let value = match self.eat("=") {
            true => cast(&self.constant()?, ty),
            false => Value::absent(ty),
        };
        Ok((Column::new(name, ty), value))
    }

    /// `step name [output = all | last | none] : condition [=> column = value, ...] ;`
    fn scan_step(&mut self) -> Parsed<Step> {
        self.expect_word("step")?;
        let name = self.name("a step's name")?;
        let mut output = Output::All;
        if self.eat_word("output") {
            self.expect("=")?;
            output = match self.peek() {
                TokenKind::Word(word) if word == "all" => Output::All,
                TokenKind::Word(word) if word == "last" => Output::Last,
                TokenKind::Word(word) if word == "none" => Output::None,
                _ => return Err(self.expected("all, last or none")),
            };
            self.advance();
        }
        self.expect(":")?;
        let condition = self.expression()?;
        let assignments = match self.eat("=>") {
            true => self.list(|parser| {
                let column = parser.name("a column name")?;
                parser.expect("=")?;
                Ok((column, parser.expression()?))
            })?,
            false => Vec::new(),
        };
        self.expect(";")?;
        Ok(Step {
            name,
            output,
            condition,
            assignments,
        })
    }
}

/// What a step remembers: the sequence's number, and of each step up to itself the last row.
#[derive(Clone)]
struct Sequence {
    number: i64,
    rows: Vec<Row>,
}

/// A step that is ready to run.
struct Ready {
    output: Output,
    condition: Bound,
    /// Places among a row's columns, and what they are assigned.
    assignments: Vec<(usize, Bound)>,
}

impl Run<'_> {
    pub(in super::super) fn scan(&self, input: &Relation, scan: &Scan) -> Parsed<Relation> {
        let scope = self.scope(&input.columns, "scan");
        if !input.serialized {
            let message = "scan needs a serialized row set: sort or serialize it before";
            return Err(scope.error("SEM0229", scan.at, message));
        }
        let mut columns = input.columns.clone();
        for (column, _) in &scan.declared {
            if columns.iter().any(|known| known.name == column.name) {
                let message = format!("a column '{}' is there already", column.name);
                return Err(scope.error("SEM0106", scan.at, message));
            }
            columns.push(column.clone());
        }
        let steps = self.ready(scan, &columns)?;
        // What stands for a row of a step that has none.
        let absent = input.columns.iter().map(|column| Value::absent(column.ty));
        let declared: Row = scan
            .declared
            .iter()
            .map(|(_, value)| value.clone())
            .collect();
        let mut scanner = Scanner {
            steps,
            nothing: absent.chain(declared.iter().cloned()).collect(),
            states: vec![None; scan.steps.len()],
            started: 0,
            numbered: scan.match_id.is_some(),
            found: Made::default(),
        };
        for row in input.rows.iter() {
            let own: Row = row.iter().chain(&declared).cloned().collect();
            scanner.take(&own)?;
        }
        for at in 0..scan.steps.len() {
            scanner.leave(at)?;
        }
        if let Some(name) = &scan.match_id {
            add_column(&mut columns, name, ColumnType::Long);
        }
        Ok(Relation::new(columns, scanner.found.into_rows()))
    }

    fn ready(&self, scan: &Scan, columns: &[Column]) -> Parsed<Vec<Ready>> {
        // A row's own columns, then those of each step's last row.
        let remembered = scan.steps.iter().flat_map(|step| {
            let hidden = |column: &Column| Column::new(hidden(&step.name, &column.name), column.ty);
            columns.iter().map(hidden)
        });
        let visible: Vec<Column> = columns.iter().cloned().chain(remembered).collect();
        let scope = self.scope(&visible, "scan");
        let resolved =
            |expr: &Expr| -> Parsed<Expr> { expr.rewritten(&mut |part| of_step(part, scan)) };
        let ready = |step: &Step| {
            let assignments = step.assignments.iter().map(|(name, value)| {
                let place = scope.column(name, value.at)?;
                let value = assigned(&scope, columns[place].ty, &resolved(value)?)?;
                Ok((place, value))
            });
            Ok(Ready {
                output: step.output,
                condition: scope.bind_predicate(&resolved(&step.condition)?)?,
                assignments: assignments.collect::<Parsed<_>>()?,
            })
        };
        scan.steps.iter().map(ready).collect()
    }
}

fn hidden(step: &str, column: &str) -> String {
    format!("\0{step}\0{column}")
}

/// `step.column` as the name of the hidden column.
fn of_step(expr: &Expr, scan: &Scan) -> Parsed<Option<Expr>> {
    let ExprKind::Member(base, column) = &expr.kind else {
        return Ok(None);
    };
    Ok(match &base.kind {
        ExprKind::Name(step) if scan.steps.iter().any(|known| known.name == *step) => {
            Some(Expr::name(&hidden(step, column), expr.at))
        }
        _ => None,
    })
}

fn assigned(scope: &Scope<'_>, ty: ColumnType, value: &Expr) -> Parsed<Bound> {
    let bound = scope.bind(value)?;
    if bound.ty != ty && !(bound.ty.is_numeric() && ty.is_numeric()) {
        let (found, wanted) = (bound.ty.kusto_name(), ty.kusto_name());
        let message = format!("a {found} is assigned to a column of type {wanted}");
        return Err(scope.error("SEM0064", value.at, message));
    }
    Ok(convert(bound, ty))
}

struct Scanner {
    steps: Vec<Ready>,
    nothing: Row,
    states: Vec<Option<Sequence>>,
    /// How many sequences have begun.
    started: i64,
    /// Whether the sequences' numbers are shown.
    numbered: bool,
    found: Made,
}

impl Scanner {
    /// Offers a row to every step, the last one first, as the reference lays it down.
    ///
    /// # Errors
    /// When the rows that match do not fit.
    fn take(&mut self, own: &Row) -> Parsed<()> {
        for at in (0..self.steps.len()).rev() {
            let before = at
                .checked_sub(1)
                .and_then(|before| self.states[before].clone());
            if let Some(sequence) = before
                && self.matches(at, own, Some(&sequence))
            {
                // Both sequences end here as what they were.
                self.leave(at - 1)?;
                self.leave(at)?;
                self.enter(at, own, sequence)?;
            } else if (at == 0 || self.states[at].is_some())
                && self.matches(at, own, self.states[at].as_ref())
            {
                let sequence = self.states[at].clone().unwrap_or_else(|| self.begin());
                self.enter(at, own, sequence)?;
            }
        }
        Ok(())
    }

    fn begin(&mut self) -> Sequence {
        self.started += 1;
        Sequence {
            number: self.started - 1,
            rows: Vec::new(),
        }
    }

    /// The row with the last rows of the sequence's steps behind it.
    fn wide(&self, own: &Row, sequence: Option<&Sequence>) -> Row {
        let mut wide = own.clone();
        for at in 0..self.steps.len() {
            let last = sequence.and_then(|sequence| sequence.rows.get(at));
            wide.extend(last.unwrap_or(&self.nothing).iter().cloned());
        }
        wide
    }

    fn matches(&self, at: usize, own: &Row, sequence: Option<&Sequence>) -> bool {
        let wide = self.wide(own, sequence);
        is_true(&self.steps[at].condition.eval(&wide))
    }

    fn show(&mut self, row: &Row, number: i64) -> Parsed<()> {
        let number = self.numbered.then_some(Value::Long(number));
        self.found.push(row.iter().cloned().chain(number).collect())
    }

    /// Ends the step's sequence, if it has one.
    fn leave(&mut self, at: usize) -> Parsed<()> {
        let Some(sequence) = self.states[at].take() else {
            return Ok(());
        };
        match sequence.rows.get(at) {
            Some(row) if self.steps[at].output == Output::Last => self.show(row, sequence.number),
            _ => Ok(()),
        }
    }

    /// Assigns the row's columns and makes it the last one of the step.
    fn enter(&mut self, at: usize, own: &Row, mut sequence: Sequence) -> Parsed<()> {
        let wide = self.wide(own, Some(&sequence));
        let mut row = own.clone();
        for (place, value) in &self.steps[at].assignments {
            row[*place] = value.eval(&wide).into_owned();
        }
        if self.steps[at].output == Output::All {
            self.show(&row, sequence.number)?;
        }
        sequence.rows.truncate(at);
        sequence.rows.push(row);
        self.states[at] = Some(sequence);
        Ok(())
    }
}
