//! Policies as JSON.

use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use super::super::error::KustoError;
use super::super::table::{BatchingPolicy, Policies, RetentionPolicy};
use super::super::timespan::{self, TICKS_PER_DAY, TICKS_PER_MINUTE, TICKS_PER_SECOND};
use super::command::PolicyKind;
use super::{row_level_security, update_policy};

/// The name of a policy as results have it.
pub(super) fn name(kind: PolicyKind) -> &'static str {
    match kind {
        PolicyKind::IngestionBatching => "IngestionBatchingPolicy",
        PolicyKind::StreamingIngestion => "StreamingIngestionPolicy",
        PolicyKind::IngestionTime => "IngestionTimePolicy",
        PolicyKind::Retention => "RetentionPolicy",
        PolicyKind::Caching => "CachingPolicy",
        PolicyKind::Update => "UpdatePolicy",
        PolicyKind::RowLevelSecurity => "RowLevelSecurityPolicy",
        PolicyKind::Kept(name) => name,
    }
}

/// The policy as the service prints it, if it is set.
pub(super) fn printed(policies: &Policies, kind: PolicyKind) -> Option<String> {
    match kind {
        PolicyKind::IngestionBatching => policies.batching.as_ref().map(batching_json),
        PolicyKind::StreamingIngestion => policies.streaming.clone(),
        PolicyKind::IngestionTime => policies
            .ingestion_time
            .map(|on| json!({ "IsEnabled": on }).to_string()),
        PolicyKind::Retention => policies.retention.as_ref().map(retention_json),
        PolicyKind::Caching => policies.caching.clone(),
        PolicyKind::Update => policies.update.as_deref().map(update_policy::print),
        PolicyKind::RowLevelSecurity => {
            let policy = policies.row_level_security.as_ref();
            policy.map(row_level_security::print)
        }
        PolicyKind::Kept(name) => policies.kept.get(name).cloned(),
    }
}

/// Sets a policy. `defaults` are those of ingestion batching.
///
/// # Errors
/// A bad request when the policy is not valid.
pub(super) fn set(
    policies: &mut Policies,
    kind: PolicyKind,
    json: &str,
    merge: bool,
    defaults: BatchingPolicy,
) -> Result<(), KustoError> {
    match kind {
        PolicyKind::IngestionBatching => {
            let base = policies.batching.filter(|_| merge).unwrap_or(defaults);
            policies.batching = Some(parse_batching(json, base)?);
        }
        PolicyKind::StreamingIngestion => policies.streaming = Some(parse_streaming(json)?),
        PolicyKind::IngestionTime => policies.ingestion_time = Some(parse_ingestion_time(json)?),
        PolicyKind::Retention => {
            let base = policies.retention.filter(|_| merge);
            policies.retention = Some(parse_retention(json, base.unwrap_or(RETENTION))?);
        }
        PolicyKind::Caching => policies.caching = Some(json.to_owned()),
        PolicyKind::Update => {
            let mut entries = policies.update.take().filter(|_| merge).unwrap_or_default();
            entries.extend(update_policy::parse(json)?);
            policies.update = Some(entries);
        }
        PolicyKind::Kept(name) => {
            let base = policies.kept.get(name).filter(|_| merge);
            policies.kept.insert(name, kept(name, json, base)?);
        }
        PolicyKind::RowLevelSecurity => {
            policies.row_level_security = Some(row_level_security::parse(json)?);
        }
    }
    Ok(())
}

/// Removes a policy.
pub(super) fn unset(policies: &mut Policies, kind: PolicyKind) {
    match kind {
        PolicyKind::IngestionBatching => policies.batching = None,
        PolicyKind::StreamingIngestion => policies.streaming = None,
        PolicyKind::IngestionTime => policies.ingestion_time = None,
        PolicyKind::Retention => policies.retention = None,
        PolicyKind::Caching => policies.caching = None,
        PolicyKind::Update => policies.update = None,
        PolicyKind::Kept(name) => {
            policies.kept.remove(name);
        }
        PolicyKind::RowLevelSecurity => policies.row_level_security = None,
    }
}

/// A policy that nothing here acts by, in short form; with `base`, what is not named stays as it is there.
fn kept(name: &str, text: &str, base: Option<&String>) -> Result<String, KustoError> {
    let given = serde_json::from_str(text);
    let given: Json = given.map_err(|_| invalid(format!("the {name} is not JSON")))?;
    let base = base.and_then(|base| serde_json::from_str(base).ok());
    let (Some(Json::Object(mut members)), Json::Object(given)) = (base, &given) else {
        return Ok(given.to_string());
    };
    members.extend(given.clone());
    Ok(Json::Object(members).to_string())
}

/// What members of a retention policy that are not set mean.
const RETENTION: RetentionPolicy = RetentionPolicy {
    soft_delete: 365_000 * TICKS_PER_DAY,
    recoverable: true,
};

fn parse_retention(text: &str, base: RetentionPolicy) -> Result<RetentionPolicy, KustoError> {
    let members = object("retention", text)?;
    let mut policy = base;
    for (name, value) in &members {
        let value = value.as_str().unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "softdeleteperiod" => {
                // With a period of 0 rows only pass through, to what update policies make of them.
                let ticks = timespan::parse(value).filter(|ticks| *ticks >= 0);
                policy.soft_delete = ticks
                    .ok_or_else(|| invalid("'SoftDeletePeriod' is not a timespan of 0 or more"))?;
            }
            "recoverability" if value.eq_ignore_ascii_case("enabled") => policy.recoverable = true,
            "recoverability" if value.eq_ignore_ascii_case("disabled") => {
                policy.recoverable = false;
            }
            "recoverability" => {
                return Err(invalid("'Recoverability' is neither Enabled nor Disabled"));
            }
            _ => {
                return Err(invalid(format!(
                    "'{name}' is not a member of the retention policy"
                )));
            }
        }
    }
    Ok(policy)
}

fn retention_json(policy: &RetentionPolicy) -> String {
    json!({
        "SoftDeletePeriod": timespan::print(policy.soft_delete),
        "Recoverability": if policy.recoverable { "Enabled" } else { "Disabled" },
    })
    .to_string()
}

fn parse_ingestion_time(text: &str) -> Result<bool, KustoError> {
    let members = object("ingestion time", text)?;
    let enabled = members.get("IsEnabled").and_then(Json::as_bool);
    enabled.ok_or_else(|| invalid("the ingestion time policy needs 'IsEnabled'"))
}

/// Reads an ingestion batching policy. Members that are not set come from `base`. The limits are
/// the service's but for the lower one of the time span (10 s there): tests want to be quicker.
///
/// # Errors
/// A bad request that names the member.
fn parse_batching(text: &str, base: BatchingPolicy) -> Result<BatchingPolicy, KustoError> {
    let members = object("ingestion batching", text)?;
    let mut policy = base;
    for (name, value) in &members {
        match name.to_ascii_lowercase().as_str() {
            "maximumbatchingtimespan" => policy.time_span = time_span(value)?,
            "maximumnumberofitems" => policy.max_items = number(name, value, 1, 25_000)?,
            "maximumrawdatasizemb" => {
                policy.max_raw_megabytes = number(name, value, 100, 4096)? as u64
            }
            _ => {
                return Err(invalid(format!(
                    "'{name}' is not a member of the ingestion batching policy"
                )));
            }
        }
    }
    Ok(policy)
}

/// Checks a streaming ingestion policy and gives it in short form.
///
/// # Errors
/// A bad request when it is no object or lacks `IsEnabled`.
fn parse_streaming(text: &str) -> Result<String, KustoError> {
    let members = object("streaming ingestion", text)?;
    match members.get("IsEnabled") {
        Some(Json::Bool(_)) => Ok(Json::Object(members).to_string()),
        _ => Err(invalid("the streaming ingestion policy needs 'IsEnabled'")),
    }
}

/// The policy as the service prints it.
fn batching_json(policy: &BatchingPolicy) -> String {
    json!({
        "MaximumBatchingTimeSpan": timespan::print(ticks(policy.time_span)),
        "MaximumNumberOfItems": policy.max_items,
        "MaximumRawDataSizeMB": policy.max_raw_megabytes,
    })
    .to_string()
}

fn ticks(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos() / 100).unwrap_or(i64::MAX)
}

fn invalid(why: impl Into<String>) -> KustoError {
    KustoError::bad_request(format!("The policy is invalid: {}.", why.into()))
}

fn object(kind: &str, text: &str) -> Result<Map<String, Json>, KustoError> {
    match serde_json::from_str(text) {
        Ok(Json::Object(members)) => Ok(members),
        _ => Err(invalid(format!("the {kind} policy is not a JSON object"))),
    }
}

fn time_span(value: &Json) -> Result<Duration, KustoError> {
    let ticks = value
        .as_str()
        .and_then(timespan::parse)
        .filter(|ticks| (1..=30 * TICKS_PER_MINUTE).contains(ticks));
    let ticks =
        ticks.ok_or_else(|| invalid("'MaximumBatchingTimeSpan' is not between 0 and 00:30:00"))?;
    let (seconds, rest) = (ticks / TICKS_PER_SECOND, ticks % TICKS_PER_SECOND);
    Ok(Duration::new(
        seconds.unsigned_abs(),
        u32::try_from(rest * 100).unwrap_or(0),
    ))
}

fn number(name: &str, value: &Json, least: usize, most: usize) -> Result<usize, KustoError> {
    let number = value
        .as_u64()
        .and_then(|number| usize::try_from(number).ok());
    number
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| invalid(format!("'{name}' is not between {least} and {most}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: BatchingPolicy = BatchingPolicy {
        time_span: Duration::from_secs(1),
        max_items: 500,
        max_raw_megabytes: 1024,
    };

    #[test]
    fn members_not_set_stay_as_they_are() {
        let policy =
            parse_batching(r#"{"MaximumBatchingTimeSpan":"00:00:30.5"}"#, BASE).expect("valid");
        assert_eq!(
            policy,
            BatchingPolicy {
                time_span: Duration::from_millis(30_500),
                ..BASE
            }
        );
        assert_eq!(
            batching_json(&policy),
            r#"{"MaximumBatchingTimeSpan":"00:00:30.5000000","MaximumNumberOfItems":500,"MaximumRawDataSizeMB":1024}"#
        );
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        for (text, name) in [
            (
                r#"{"MaximumBatchingTimeSpan":"00:31:00"}"#,
                "MaximumBatchingTimeSpan",
            ),
            (r#"{"MaximumNumberOfItems":0}"#, "MaximumNumberOfItems"),
            (r#"{"MaximumRawDataSizeMB":5000}"#, "MaximumRawDataSizeMB"),
            (r#"{"Items":1}"#, "Items"),
            ("[]", "not a JSON object"),
        ] {
            let error = parse_batching(text, BASE).expect_err(text).to_string();
            assert!(error.contains(name), "{error}");
        }
    }
}
