//! The emulator's counters of a client's requests.

use serde_json::Value;

use super::scenario::Scenario;

/// Counters of one run, from `GET /emulator/v1/traffic`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    pub(crate) connections: u64,
    pub(crate) requests: u64,
    /// Bytes of request bodies.
    pub(crate) bytes: u64,
    blob_requests: u64,
    queue_requests: u64,
    /// For streaming ingestion.
    ingest_requests: u64,
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
            ingest_requests: number("/services/ingest/requests")?,
        })
    }

    /// Whether all data of the scenario arrived: a streaming request for each item, or a message for each and at least
    /// one request with data.
    pub(crate) fn check(&self, scenario: &Scenario) -> Result<(), String> {
        let items = scenario.items;
        if scenario.is_streamed() {
            let came = (self.ingest_requests, self.queue_requests);
            return match came == (items, 0) {
                true => Ok(()),
                false => Err(format!("{came:?} requests and messages for {items} items")),
            };
        }
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

    use super::super::scenario::INIT;
    use super::*;

    fn counters(blob: u64, queue: u64) -> Value {
        json!({
            "connections": 3, "requests": 9, "bytesReceived": 4096,
            "services": {
                "blob": { "requests": blob }, "queue": { "requests": queue }, "ingest": { "requests": 0 },
            },
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
        let check = |blob, queue| {
            let scenario = Scenario { items: 2, ..INIT };
            Traffic::parse(&counters(blob, queue))
                .unwrap()
                .check(&scenario)
        };
        assert_eq!(check(2, 2), Ok(()));
        assert_eq!(check(7, 2), Ok(()));
        assert!(check(7, 1).is_err());
        assert!(check(7, 3).is_err());
        assert!(check(1, 2).is_err());
    }
}
