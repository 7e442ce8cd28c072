//! Table policies as JSON.

use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use super::super::error::KustoError;
use super::super::table::BatchingPolicy;
use super::super::timespan::{self, TICKS_PER_MINUTE, TICKS_PER_SECOND};

/// Reads an ingestion batching policy. Members that are not set come from `base`. The limits are
/// the service's but for the lower one of the time span (10 s there): tests want to be quicker.
///
/// # Errors
/// A bad request that names the member.
pub(super) fn parse_batching(
    text: &str,
    base: BatchingPolicy,
) -> Result<BatchingPolicy, KustoError> {
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
pub(super) fn parse_streaming(text: &str) -> Result<String, KustoError> {
    let members = object("streaming ingestion", text)?;
    match members.get("IsEnabled") {
        Some(Json::Bool(_)) => Ok(Json::Object(members).to_string()),
        _ => Err(invalid("the streaming ingestion policy needs 'IsEnabled'")),
    }
}

/// The policy as the service prints it.
pub(super) fn batching_json(policy: &BatchingPolicy) -> String {
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
