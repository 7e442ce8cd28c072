//! Functions of where a table's rows come from. A cursor is the time of an ingestion in ticks, as text: the examples of the
//! reference have that form.

use std::sync::Arc;

use super::super::super::datetime;
use super::super::super::value::{ColumnType, Value};
use super::super::bound::{Bound, Node};
use super::super::origin::{ID, Origin, TAGS, TIME};
use super::super::parser::Parsed;
use super::record::{Call, Function, Kind, Naming, Values};
use super::values::{long, text};

const TEXT: Kind = Kind::Of(ColumnType::String);
const EXTENT_ID: Function = Function::written("extent_id", &[], |call| known(call, &ID));
const CURSOR: Function = Function::written("cursor_current", &[], |call| {
    let cursor = call.scope.run.cursor().to_string();
    Ok(Bound::constant(Value::String(cursor), ColumnType::String))
});

pub(super) const FUNCTIONS: &[Function] = &[
    Function::written("ingestion_time", &[], |call| known(call, &TIME))
        .named(Naming::Always("$IngestionTime")),
    EXTENT_ID,
    EXTENT_ID.alias("extentid"),
    Function::written("extent_tags", &[], |call| known(call, &TAGS)),
    CURSOR,
    CURSOR.alias("current_cursor"),
    Function::bound("cursor_after", &[TEXT], |call, arguments| {
        compared(call, arguments, |came, cursor| came > cursor)
    }),
    Function::bound("cursor_before_or_at", &[TEXT], |call, arguments| {
        compared(call, arguments, |came, cursor| came <= cursor)
    }),
];

/// The hidden column of a table's rows.
fn known(call: &Call<'_>, origin: &Origin) -> Parsed<Bound> {
    let ty = origin.ty;
    let mut columns = call.scope.columns.iter();
    match (
        columns.position(|column| column.name == origin.column),
        origin.of_none(),
    ) {
        (Some(at), _) => Ok(Bound {
            node: Node::Column(at),
            ty,
        }),
        // No row of a table at all.
        (None, Some(value)) if call.scope.operator == "print" => Ok(Bound::constant(value, ty)),
        (None, _) => Err(call.error(
            "SEM0100",
            "the emulator knows it of the rows of a table, in the operators before they are made into others",
        )),
    }
}

/// Whether the row came before or after. Of a row whose time is not known, and of a text that is no cursor, it is null.
fn compared(call: &Call<'_>, arguments: Vec<Bound>, holds: fn(i64, i64) -> bool) -> Parsed<Bound> {
    if let Some(Node::Constant(Value::String(text))) = arguments.first().map(|first| &first.node)
        && cursor(text).is_none()
    {
        return Err(call.error("SEM0031", "its argument is neither empty nor a cursor"));
    }
    let time = known(call, &TIME)?;
    let run = move |v: &Values<'_>| match (long(v, 0), cursor(text(v, 1))) {
        (Some(came), Some(cursor)) => Value::Bool(holds(came, cursor)),
        _ => Value::Null,
    };
    let arguments = std::iter::once(time).chain(arguments).collect();
    Ok(Bound::apply(ColumnType::Bool, arguments, Arc::new(run)))
}

/// The ticks of a cursor. The empty one is before all.
fn cursor(text: &str) -> Option<i64> {
    match text {
        "" => Some(i64::MIN),
        _ => text.parse().ok().or_else(|| datetime::parse(text)),
    }
}
