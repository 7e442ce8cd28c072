//! The emulator's counters of a client's requests.

use serde_json::Value;

/// Counters of one run, from `GET /emulator/v1/traffic`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    pub(crate) connections: u64,
    pub(crate) requests: u64,
    /// Bytes of request bodies.
    pub(crate) bytes: u64,
    blob_requests: u64,
    queue_requests: u64,
}

impl Traffic {
    pub(crate) fn parse(answer: &Value) -> Result<Traffic, String> {
        let number = |path: &str| {
            let value = answer.pointer(path).and_then(Value::as_u64);
            value.ok_or_else(|| format!("no number {path} in the emulator's counters: {answer}"))
        };
        Ok(Traffic {
            connections: number("/connections")?,
            requests: number("/requests")?,
            bytes: number("/bytesReceived")?,
            blob_requests: number("/services/blob/requests")?,
            queue_requests: number("/services/queue/requests")?,
        })
    }

    /// Whether storage received all data of the scenario: one message for each item, and at least
    /// one request with data for each.
    pub(crate) fn check(&self, items: u64) -> Result<(), String> {
        if self.queue_requests != items {
            return Err(format!(
                "{} messages for {items} items",
                self.queue_requests
            ));
        }
        if self.blob_requests < items {
            return Err(format!("{} uploads for {items} items", self.blob_requests));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn counters(blob: u64, queue: u64) -> Value {
        json!({
            "connections": 3, "requests": 9, "bytesReceived": 4096,
            "services": { "blob": { "requests": blob }, "queue": { "requests": queue } },
        })
    }

    #[test]
    fn counters_are_read_and_a_missing_one_is_named() {
        let traffic = Traffic::parse(&counters(4, 2)).unwrap();
        assert_eq!(
            (traffic.connections, traffic.requests, traffic.bytes),
            (3, 9, 4096)
        );
        let error = Traffic::parse(&json!({ "connections": 3 })).unwrap_err();
        assert!(error.contains("/requests"), "{error}");
    }

    #[test]
    fn lost_and_doubled_items_are_noticed() {
        let check = |blob, queue| Traffic::parse(&counters(blob, queue)).unwrap().check(2);
        assert_eq!(check(2, 2), Ok(()));
        assert_eq!(check(7, 2), Ok(()));
        assert!(check(7, 1).is_err());
        assert!(check(7, 3).is_err());
        assert!(check(1, 2).is_err());
    }
}
