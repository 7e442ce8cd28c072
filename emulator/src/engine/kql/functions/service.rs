//! Functions that ask the service about itself and about who asks. The emulator knows nobody: its one principal has the
//! form that the reference lays down, and identifiers of zeros.

use serde_json::{Value as Json, json};

use super::super::super::value::{ColumnType, Value};
use super::super::bound::{Bound, Node};
use super::super::parser::Parsed;
use super::record::{Call, Function, Kind};

/// The type, the id and the tenant of who asks.
pub(in super::super) const PRINCIPAL: &str =
    "aadapp=00000000-0000-0000-0000-000000000000;00000000-0000-0000-0000-000000000000";
const NOBODY: &str = "00000000-0000-0000-0000-000000000000";
const MOST_GROUPS: usize = 64;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::written("current_database", &[], |call| {
        text(call.scope.run.context.database)
    }),
    Function::written("current_cluster_endpoint", &[], |call| {
        text(call.scope.run.context.host)
    }),
    Function::written("current_principal", &[], |_| text(PRINCIPAL)),
    Function::written("current_principal_details", &[], |_| {
        let details = json!({
            "UserPrincipalName": "",
            "IdentityProvider": "",
            "Authority": NOBODY,
            "Mfa": "False",
            "Type": "AadApp",
            "DisplayName": "emulator",
            "ObjectId": NOBODY,
            "FQN": PRINCIPAL,
        });
        Ok(Bound::constant(
            Value::Dynamic(details),
            ColumnType::Dynamic,
        ))
    }),
    Function::bound("current_principal_is_member_of", &[Kind::Source], is_member)
        .repeated(MOST_GROUPS),
    Function::bound(
        "assert",
        &[Kind::Of(ColumnType::Bool), Kind::ConstantText],
        assert,
    ),
];

fn text(text: &str) -> Parsed<Bound> {
    let value = Value::String(text.to_owned());
    Ok(Bound::constant(value, ColumnType::String))
}

/// The groups are constant; the principal is in none but itself.
fn is_member(call: &Call<'_>, arguments: Vec<Bound>) -> Parsed<Bound> {
    let mut found = false;
    for argument in arguments {
        found |= match argument.node {
            Node::Constant(Value::String(name)) => name == PRINCIPAL,
            Node::Constant(Value::Dynamic(Json::Array(names))) => {
                names.iter().any(|name| name == PRINCIPAL)
            }
            _ => return Err(call.error("SEM0031", "a group must be a constant")),
        };
    }
    Ok(Bound::constant(Value::Bool(found), ColumnType::Bool))
}

fn assert(call: &Call<'_>, arguments: Vec<Bound>) -> Parsed<Bound> {
    let mut values = arguments.into_iter().map(|argument| argument.node);
    match (values.next(), values.next()) {
        (Some(Node::Constant(Value::Bool(true))), _) => {
            Ok(Bound::constant(Value::Bool(true), ColumnType::Bool))
        }
        (Some(Node::Constant(_)), Some(Node::Constant(Value::String(message)))) => {
            let message = format!("assert() has failed with message: '{message}'");
            Err(call.scope.error("SEM0301", call.at, message))
        }
        _ => Err(call.error("SEM0031", "the condition must be constant")),
    }
}
