//! Rules from JSON. What is wrong is told by the name of its field, nested ones included, which derived
//! deserialization does not do.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use super::rule::{CutPoint, Fault, FaultRule, KustoAnswer, RuleError, StallPoint};

impl TryFrom<Json> for FaultRule {
    type Error = RuleError;

    fn try_from(json: Json) -> Result<Self, RuleError> {
        let mut fields = Fields::of(json, "")?;
        let fault = fields
            .0
            .remove("fault")
            .ok_or_else(|| RuleError::new("fault", "it is missing"))?;
        let rule = Self {
            service: fields.needed(
                "service",
                "one of metadata, mgmt, query, ingest, blob, queue and table",
            )?,
            operation: fields.optional("operation", "the name of a storage operation")?,
            command: fields.optional("command", "a text")?,
            account: fields.optional("account", "a text")?,
            resource: fields.optional("resource", "a text")?,
            database: fields.optional("database", "a text")?,
            table: fields.optional("table", "a text")?,
            attempt: fields.optional("attempt", "a whole number")?,
            skip: fields.optional("skip", "a whole number")?.unwrap_or(0),
            times: fields.optional("times", "a whole number or null")?,
            insist: fields.optional("insist", "true or false")?.unwrap_or(false),
            fault: read_fault(fault)?,
        };
        fields.end()?;
        rule.check()?;
        Ok(rule)
    }
}

fn read_fault(json: Json) -> Result<Fault, RuleError> {
    const KINDS: &str = "one of status, kusto, reply, cut, late, hold, stall, garbage, expiredSas, wrongSas and invalidBlockList";
    let mut fields = Fields::of(json, "fault.")?;
    let kind: String = fields.needed("kind", KINDS)?;
    let fault = match kind.as_str() {
        "status" => Fault::Status {
            status: fields.needed("status", "an HTTP status")?,
            retry_after: fields.optional("retryAfter", "a whole number of seconds")?,
            code: fields.optional("code", "a text")?,
            body: fields.optional("body", "a text")?,
        },
        "kusto" => Fault::Kusto(read_kusto(&mut fields)?),
        "reply" => Fault::Reply {
            body: fields.needed("body", "a text")?,
        },
        "cut" => Fault::Cut(read_cut(&mut fields)?),
        "late" => Fault::Late {
            millis: fields.needed("millis", "a whole number of milliseconds")?,
        },
        "hold" => Fault::Hold,
        "stall" => Fault::Stall {
            when: read_stall(&mut fields)?,
        },
        "garbage" => Fault::Garbage,
        "expiredSas" => Fault::ExpiredSas,
        "wrongSas" => Fault::WrongSas,
        "invalidBlockList" => Fault::InvalidBlockList,
        _ => return Err(fields.wrong("kind", KINDS)),
    };
    fields.end()?;
    Ok(fault)
}

fn read_kusto(fields: &mut Fields) -> Result<KustoAnswer, RuleError> {
    Ok(KustoAnswer {
        status: fields.needed("status", "an HTTP status")?,
        retry_after: fields.optional("retryAfter", "a whole number of seconds")?,
        code: fields.optional("code", "a text")?,
        exception: fields.optional("type", "a text")?,
        message: fields.optional("message", "a text")?,
        permanent: fields.optional("permanent", "true or false")?,
        failure_code: fields.optional("failureCode", "a number or a text")?,
    })
}

fn read_cut(fields: &mut Fields) -> Result<CutPoint, RuleError> {
    const POINTS: &str = "one of before, during and after";
    match fields.needed::<String>("when", POINTS)?.as_str() {
        "before" => Ok(CutPoint::Before),
        "during" => Ok(CutPoint::During {
            bytes: fields.needed("bytes", "a whole number")?,
        }),
        "after" => Ok(CutPoint::After),
        _ => Err(fields.wrong("when", POINTS)),
    }
}

fn read_stall(fields: &mut Fields) -> Result<StallPoint, RuleError> {
    const POINTS: &str = "before or after";
    match fields.needed::<String>("when", POINTS)?.as_str() {
        "before" => Ok(StallPoint::Before),
        "after" => Ok(StallPoint::After),
        _ => Err(fields.wrong("when", POINTS)),
    }
}

/// The members of an object that were not looked at yet, and what stands before their names.
struct Fields(Map<String, Json>, &'static str);

impl Fields {
    fn of(json: Json, prefix: &'static str) -> Result<Self, RuleError> {
        match json {
            Json::Object(members) => Ok(Self(members, prefix)),
            _ => {
                let name = if prefix.is_empty() { "rule" } else { "fault" };
                Err(RuleError::new(name, "it is a JSON object"))
            }
        }
    }

    fn wrong(&self, name: &str, expected: &str) -> RuleError {
        RuleError::new(
            format!("{}{name}", self.1),
            format!("it must be {expected}"),
        )
    }

    fn optional<T: DeserializeOwned>(
        &mut self,
        name: &str,
        expected: &str,
    ) -> Result<Option<T>, RuleError> {
        let given = self.0.remove(name).unwrap_or(Json::Null);
        serde_json::from_value(given).map_err(|_| self.wrong(name, expected))
    }

    fn needed<T: DeserializeOwned>(&mut self, name: &str, expected: &str) -> Result<T, RuleError> {
        self.optional(name, expected)?
            .ok_or_else(|| self.wrong(name, expected))
    }

    /// A member that nobody asked for is a mistake: a rule with a misspelt field would mean more than was wanted.
    fn end(self) -> Result<(), RuleError> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => Err(RuleError::new(
                format!("{}{name}", self.1),
                "the field is unknown",
            )),
        }
    }
}
