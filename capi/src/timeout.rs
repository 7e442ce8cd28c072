//! Timeouts of the C interface: milliseconds, 0 for "at once", -1 for "no deadline".

use std::time::Duration;

use kusto_ingest::error::{Error, Result};
use kusto_ingest::op::CallOptions;

/// `KUSTO_FOREVER` of the header.
const FOREVER: i64 = -1;

/// `None` is no deadline.
pub(crate) fn duration(milliseconds: i64, argument: &str) -> Result<Option<Duration>> {
    match u64::try_from(milliseconds) {
        Ok(milliseconds) => Ok(Some(Duration::from_millis(milliseconds))),
        Err(_) if milliseconds == FOREVER => Ok(None),
        Err(_) => Err(Error::invalid_argument(
            argument,
            format!("{milliseconds} is neither a number of milliseconds nor KUSTO_FOREVER (-1)"),
        )),
    }
}

/// The options of a call with this timeout.
pub(crate) fn options(milliseconds: i64) -> Result<CallOptions> {
    Ok(match duration(milliseconds, "timeout_ms")? {
        Some(timeout) => CallOptions::new().with_timeout(timeout),
        None => CallOptions::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minus_one_is_for_ever_and_other_negatives_are_refused() {
        assert_eq!(duration(-1, "t").unwrap(), None);
        assert_eq!(duration(0, "t").unwrap(), Some(Duration::ZERO));
        assert_eq!(
            duration(1500, "t").unwrap(),
            Some(Duration::from_millis(1500))
        );
        assert!(duration(i64::MAX, "t").is_ok());
        for wrong in [-2, i64::MIN] {
            assert_eq!(duration(wrong, "t").unwrap_err().argument(), Some("t"));
        }
    }
}
