//! Signatures against values computed independently (Python's hmac over strings written by hand).

use time::macros::datetime;

use super::*;

const START: OffsetDateTime = datetime!(2026-01-02 03:04:05 UTC);
const EXPIRY: OffsetDateTime = datetime!(2026-01-02 04:04:05 UTC);

fn account() -> AccountKey {
    AccountKey::built_in().remove(0)
}

fn sas(service: Service, resource: &str, permissions: &str) -> Query {
    let grant = Grant {
        service,
        resource,
        permissions,
        start: START,
        expiry: EXPIRY,
    };
    Query::parse(&service_sas(&account(), &grant))
}

fn check(
    service: Service,
    resource: &str,
    blob: &str,
    query: &Query,
    now: OffsetDateTime,
) -> Result<Permissions, StorageError> {
    verify(
        &account(),
        &Target {
            service,
            resource,
            blob,
            secure: false,
        },
        query,
        now,
    )
}

#[test]
fn signatures_equal_the_independent_vectors() {
    let container = sas(Service::Blob, "landing", "rcwdl");
    assert_eq!(
        container.get("sig"),
        Some("kxduWjHzvXvvbS+FAj4DVujEHZKq8E2JWVS/oTQFLQk=")
    );
    let queue = sas(Service::Queue, "failed", "rp");
    assert_eq!(
        queue.get("sig"),
        Some("Dqkpbrp9AKm2LbSbU6LTikR+T2K2YhbhU3bAlRFOOpM=")
    );
    let table = sas(Service::Table, "StatusTable", "raud");
    assert_eq!(
        table.get("sig"),
        Some("TjhcwKNc87IzFr9UC32iAJzSxcgylYaFx6GvhOkhe2U=")
    );
    let whole = Query::parse(&account_sas(
        &account(),
        START,
        EXPIRY
            .unix_timestamp()
            .abs_diff(START.unix_timestamp())
            .seconds(),
    ));
    assert_eq!(
        whole.get("sig"),
        Some("nQqo1u2SQQApSKNa9yK6k2t0YUvfdF/8uxVOsdbgrVs=")
    );
}

trait Seconds {
    fn seconds(self) -> Duration;
}

impl Seconds for u64 {
    fn seconds(self) -> Duration {
        Duration::from_secs(self)
    }
}

#[test]
fn a_blob_sas_made_elsewhere_opens_its_blob_and_no_other() {
    let query = Query::parse(
        "sv=2021-12-02&st=2026-01-02T03%3A04%3A05Z&se=2026-01-02T04%3A04%3A05Z&sr=b&sp=r&sig=WA4ej%2BkdK5%2BCH6Iu3dhOr%2BvSsKcJrQ0OY2mXT7RwTZM%3D",
    );
    assert!(check(Service::Blob, "landing", "dir/a b.csv", &query, START).is_ok());
    let error = check(Service::Blob, "landing", "other.csv", &query, START).unwrap_err();
    assert_eq!(error.code, "AuthenticationFailed");
}

#[test]
fn order_and_escaping_of_the_parameters_do_not_matter() {
    let query = "comp=list&sig=kxduWjHzvXvvbS%2BFAj4DVujEHZKq8E2JWVS/oTQFLQk=&sp=rcwdl&sr=c&se=2026-01-02T04:04:05Z&st=2026-01-02T03:04:05Z&sv=2021-12-02";
    let checked = |query| check(Service::Blob, "landing", "x", &Query::parse(query), START);
    assert!(checked(query).unwrap().has('l'));
    // But for a plus, which would be a space.
    assert!(checked(&query.replace("%2B", "+")).is_err());
}

#[test]
fn changed_fields_break_the_signature() {
    for (name, value) in [
        ("sp", "rcwdlx"),
        ("se", "2036-01-02T04:04:05Z"),
        ("sv", "2022-11-02"),
        ("rscc", "no-cache"),
    ] {
        let mut changed = Query::default();
        for (n, v) in sas(Service::Blob, "landing", "rcwdl").pairs() {
            if n != name {
                changed.push(n, v);
            }
        }
        changed.push(name, value);
        let error = check(Service::Blob, "landing", "x", &changed, START).unwrap_err();
        assert_eq!(error.code, "AuthenticationFailed", "{name}");
    }
}

#[test]
fn time_frame_is_half_open() {
    let query = sas(Service::Queue, "failed", "rp");
    let at = |now| check(Service::Queue, "failed", "", &query, now).map_err(|e| e.code);
    assert!(at(START).is_ok());
    assert_eq!(
        at(START - time::Duration::SECOND).unwrap_err(),
        "AuthenticationFailed"
    );
    assert!(at(EXPIRY - time::Duration::SECOND).is_ok());
    assert_eq!(at(EXPIRY).unwrap_err(), "AuthenticationFailed");
}

#[test]
fn missing_letters_and_missing_signatures_are_told_apart() {
    let permissions = check(
        Service::Queue,
        "failed",
        "",
        &sas(Service::Queue, "failed", "r"),
        START,
    )
    .unwrap();
    assert!(permissions.require_any("r").is_ok());
    assert_eq!(
        permissions.require_any("ap").unwrap_err().code,
        "AuthorizationPermissionMismatch"
    );
    let nothing = check(Service::Queue, "failed", "", &Query::default(), START).unwrap_err();
    assert_eq!(nothing.code, "NoAuthenticationInformation");
}

#[test]
fn short_forms_of_times_are_read() {
    for text in [
        "2026-01-02",
        "2026-01-02T00:00Z",
        "2026-01-02T00:00:00Z",
        "2026-01-02T00:00:00.0000000Z",
    ] {
        assert_eq!(
            parse_instant(text),
            Some(datetime!(2026-01-02 00:00 UTC)),
            "{text}"
        );
    }
    assert_eq!(parse_instant("soon"), None);
    assert_eq!(parse_instant("ééééé€€€€"), None);
}
