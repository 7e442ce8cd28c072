//! `.get ingestion resources` and `.get kusto identity token` (wire-v1 section 4.1).

use std::collections::BTreeSet;
use std::sync::Arc;

use time::format_description::well_known::Iso8601;
use time::{OffsetDateTime, UtcOffset};
use url::Url;

use crate::error::{Error, ErrorKind, Result, Step};
use crate::http::host::host_of;
use crate::http::retry::{RetryPolicy, retry};
use crate::http::storage::child_url;
use crate::op::Scope;
use crate::query::request::Service;
use crate::query::{DataSet, Value};
use crate::secret::{Secret, SecretUrl};

/// A storage resource with its signature. Clones share it: every call orders some of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StorageResource(Arc<Parts>);

#[derive(Debug, PartialEq, Eq)]
struct Parts {
    url: SecretUrl,
    /// The address below it that every message of a queue goes to.
    messages: Option<SecretUrl>,
    account: String,
    host: String,
}

/// A container for uploads (`TempStorage`).
pub(crate) type Container = StorageResource;
/// An input or notification queue.
pub(crate) type Queue = StorageResource;
/// An `IngestionsStatusTable`.
pub(crate) type StatusTable = StorageResource;

impl StorageResource {
    fn parse(root: &str) -> Option<Self> {
        let url = Url::parse(root).ok().filter(Url::has_host)?;
        // The account of `acct.blob.core...`; loopback accounts differ by their port.
        let account = match url.host() {
            Some(url::Host::Domain(name)) => name.split('.').next().unwrap_or(name).to_owned(),
            _ => host_of(&url),
        };
        let host = host_of(&url);
        let below = child_url(&url, &["messages"]).ok();
        let url = SecretUrl::new(url);
        Some(Self(Arc::new(Parts {
            messages: below.map(|below| url.with_same_query(below)),
            url,
            account,
            host,
        })))
    }

    /// The address with its signature.
    pub(crate) fn url(&self) -> &SecretUrl {
        &self.0.url
    }

    /// The address of a queue's messages, with its signature. `None` where an address has no path.
    pub(crate) fn messages(&self) -> Option<&SecretUrl> {
        self.0.messages.as_ref()
    }

    /// The storage account, for ranking by success.
    pub(crate) fn account(&self) -> &str {
        &self.0.account
    }

    /// Host and port.
    pub(crate) fn host(&self) -> &str {
        &self.0.host
    }

    /// The expiry of the signature (`se`), if it can be read.
    fn expires_at(&self) -> Option<OffsetDateTime> {
        let (_, text) = self
            .url()
            .expose()
            .query_pairs()
            .find(|(key, _)| key == "se")?;
        let time = OffsetDateTime::parse(&text, &Iso8601::PARSING).ok()?;
        // At the ends of the calendar an offset leads out of it.
        time.checked_to_offset(UtcOffset::UTC)
    }
}

/// The resources of `.get ingestion resources` that this library uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct IngestionResources {
    pub(crate) containers: Vec<Container>,
    pub(crate) input_queues: Vec<Queue>,
    pub(crate) failed_queues: Vec<Queue>,
    pub(crate) successful_queues: Vec<Queue>,
    pub(crate) status_tables: Vec<StatusTable>,
}

impl IngestionResources {
    /// Reads the answer. Types this library does not know are ignored: the service adds some.
    pub(crate) fn from_rows(data: &DataSet) -> Self {
        let mut resources = Self::default();
        for (kind, root) in resource_rows(data) {
            let list = match kind.to_ascii_lowercase().as_str() {
                "tempstorage" => &mut resources.containers,
                "securedreadyforaggregationqueue" => &mut resources.input_queues,
                "failedingestionsqueue" => &mut resources.failed_queues,
                "successfulingestionsqueue" => &mut resources.successful_queues,
                "ingestionsstatustable" => &mut resources.status_tables,
                _ => continue,
            };
            list.extend(StorageResource::parse(&root));
        }
        resources
    }

    /// One container with a signature that ends then.
    #[cfg(test)]
    pub(super) fn signed_until(end: OffsetDateTime) -> Self {
        use time::format_description::well_known::Rfc3339;
        let end = end.format(&Rfc3339).unwrap();
        Self {
            containers: StorageResource::parse(&format!("https://a.example/c?se={end}&sig=x"))
                .into_iter()
                .collect(),
            ..Self::default()
        }
    }

    fn all(&self) -> impl Iterator<Item = &StorageResource> {
        [
            &self.containers,
            &self.input_queues,
            &self.failed_queues,
            &self.successful_queues,
            &self.status_tables,
        ]
        .into_iter()
        .flatten()
    }

    /// Whether any of it is at another address, whatever the signatures and the order.
    pub(crate) fn is_elsewhere(&self, other: &Self) -> bool {
        self.addresses() != other.addresses()
    }

    fn addresses(&self) -> BTreeSet<&str> {
        self.all().map(|it| it.url().redacted()).collect()
    }

    /// When the first of the signatures expires.
    pub(crate) fn earliest_expiry(&self) -> Option<OffsetDateTime> {
        self.all().filter_map(StorageResource::expires_at).min()
    }
}

fn resource_rows(data: &DataSet) -> impl Iterator<Item = (String, String)> {
    let table = data.primary();
    let columns = table.and_then(|table| {
        Some((
            table.column_index("ResourceTypeName")?,
            table.column_index("StorageRoot")?,
        ))
    });
    let rows = table.into_iter().flat_map(|table| &table.rows);
    rows.filter_map(move |row| {
        let (kind, root) = columns?;
        match (row.get(kind)?, row.get(root)?) {
            (Value::String(kind), Value::String(root)) => Some((kind.clone(), root.clone())),
            _ => None,
        }
    })
}

/// Fetches the resources. The answer must hold at least one container and one input queue only
/// for the operations that need them; see the callers.
pub(crate) async fn fetch_resources(
    scope: &Scope,
    service: &Service,
) -> Result<IngestionResources> {
    let step = Step::FetchIngestionResources;
    let data = run(scope, service, step, ".get ingestion resources").await?;
    let resources = IngestionResources::from_rows(&data);
    if resources == IngestionResources::default() {
        let host = service.data_management_host();
        return Err(
            Error::new(ErrorKind::Service, step, "the answer contains no resources")
                .with_host(host),
        );
    }
    for resource in resources.all() {
        service.check_storage(resource.url().expose())?;
    }
    Ok(resources)
}

/// Fetches the identity token.
pub(crate) async fn fetch_identity_token(scope: &Scope, service: &Service) -> Result<Secret> {
    let step = Step::FetchIdentityToken;
    let data = run(scope, service, step, ".get kusto identity token").await?;
    let token = data.primary().and_then(|table| {
        let column = table.column_index("AuthorizationContext")?;
        match table.rows.first()?.get(column)? {
            Value::String(token) => Some(Secret::new(token.clone())),
            _ => None,
        }
    });
    token.filter(|token| !token.is_blank()).ok_or_else(|| {
        Error::new(
            ErrorKind::Service,
            step,
            "the answer contains no identity token",
        )
        .with_host(service.data_management_host())
    })
}

async fn run(scope: &Scope, service: &Service, step: Step, command: &str) -> Result<DataSet> {
    let host = service.data_management_host();
    retry(scope, step, host, RetryPolicy::SERVICE, || {
        service.data_management_command(scope, step, command)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::answer::Stop;

    fn parse(rows: &str) -> IngestionResources {
        let body = format!(
            r#"{{"Tables":[{{"TableName":"Table_0","Columns":[
                {{"ColumnName":"ResourceTypeName","DataType":"String"}},
                {{"ColumnName":"StorageRoot","DataType":"String"}}],"Rows":[{rows}]}}]}}"#
        );
        IngestionResources::from_rows(
            &crate::query::v1::parse(&body.into(), &Stop::default()).unwrap(),
        )
    }

    #[test]
    fn known_types_are_sorted_and_unknown_ones_ignored() {
        let resources = parse(
            r#"["TempStorage","https://a.blob.core.windows.net/c?se=2030-01-01T00:00:00Z&sig=x"],
               ["securedreadyforaggregationqueue","http://127.0.0.1:7/q?se=2029-01-01T00%3A00%3A00Z"],
               ["NewThing","https://x/y"],["TempStorage","not a url"],["TempStorage",null]"#,
        );
        assert_eq!(resources.containers.len(), 1);
        assert_eq!(resources.containers[0].account(), "a");
        assert_eq!(resources.input_queues[0].account(), "127.0.0.1:7");
        assert_eq!(resources.earliest_expiry().unwrap().year(), 2029);
        assert!(!format!("{resources:?}").contains("sig"));
    }

    proptest::proptest! {
        /// Dates of the service are compared and added to: none of them may overflow.
        #[test]
        fn no_expiry_breaks_the_lease(year in -9999i32..=9999, time in "[0-9:]{0,8}", zone in "Z|[+-][0-9]{2}:[0-9]{2}|") {
            let sign = if year < 0 { '-' } else { '+' };
            for year in [format!("{sign}{:06}", year.abs()), format!("{:04}", year.abs())] {
                for date in [format!("{year}-01-01T{time}{zone}"), format!("{year}-12-31T23:59:59{zone}")] {
                    limited(&date.replace('+', "%2B"));
                }
            }
        }
    }

    fn limited(expiry: &str) -> Option<OffsetDateTime> {
        let resources = parse(&format!(
            r#"["TempStorage","https://a.example/c?se={expiry}&sig=x"]"#
        ));
        let end = resources.earliest_expiry()?;
        let now = time::macros::datetime!(2024-05-01 10:00:00 UTC);
        crate::resources::lease_of(resources, now, now);
        Some(end)
    }

    #[test]
    fn the_ends_of_the_calendar_are_read_or_ignored() {
        for date in [
            "-009999-01-01T00:00:00Z",
            "+009999-12-31T23:59:59Z",
            "9999-12-31T23:59:59Z",
        ] {
            assert!(limited(&date.replace('+', "%2B")).is_some(), "{date}");
        }
        assert!(limited("-009999-01-01T00:00:00%2B14:00").is_none());
        assert!(limited("2024-05-01T10:20:00Z").is_some());
    }

    #[test]
    fn another_order_or_signature_is_no_other_place() {
        let queue = |name: &str, signature: &str| {
            format!(r#"["FailedIngestionsQueue","https://a.example/{name}?sig={signature}"]"#)
        };
        let lent = |rows: &[String]| parse(&rows.join(","));
        let first = lent(&[queue("one", "x"), queue("two", "x")]);
        for (rows, is_elsewhere) in [
            (vec![queue("two", "y"), queue("one", "y")], false),
            (vec![queue("one", "x"), queue("three", "x")], true),
            (vec![queue("two", "x")], true),
        ] {
            assert_eq!(lent(&rows).is_elsewhere(&first), is_elsewhere, "{rows:?}");
        }
    }

    #[test]
    fn an_empty_answer_has_no_resources() {
        assert_eq!(parse(""), IngestionResources::default());
    }
}

#[cfg(test)]
pub(super) mod tests_support {
    use super::StorageResource;

    /// A resource whose account is the first letter of its name.
    pub(in crate::resources) fn resource(name: &str) -> StorageResource {
        let account = &name[..1];
        StorageResource::parse(&format!(
            "https://{account}.blob.core.windows.net/{name}?sig=x"
        ))
        .unwrap()
    }
}
