use super::*;

fn grant(text: &str) -> Result<Grant> {
    Grant::parse(text.as_bytes(), OffsetDateTime::UNIX_EPOCH)
}

fn at(seconds: i64) -> Option<OffsetDateTime> {
    Some(OffsetDateTime::from_unix_timestamp(seconds).unwrap())
}

#[test]
fn seconds_are_numbers_or_texts() {
    for (life, expected) in [
        ("3599", at(3599)),
        ("\"3599\"", at(3599)),
        ("3599.5", at(3599)),
        ("-1", None),
        ("0", None),
        ("1e300", None),
        ("\"soon\"", None),
        ("null", None),
    ] {
        let text = format!(r#"{{"access_token":"a","expires_in":{life},"new":[1]}}"#);
        let grant = grant(&text).unwrap();
        assert_eq!(grant.access.expires_on(), expected, "{life}");
    }
}

#[test]
fn a_token_says_when_to_renew_it() {
    let text = r#"{"access_token":"a","expires_in":86400,"refresh_in":43200}"#;
    let grant = grant(text).unwrap();
    assert_eq!(grant.access.refresh_on(), at(43200));
}

#[test]
fn an_answer_without_a_token_may_be_followed_by_one_with() {
    for text in [
        "",
        "<html>",
        "{}",
        r#"{"access_token":""}"#,
        r#"{"access_token":7}"#,
    ] {
        let error = grant(text).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Auth, "{text}");
        assert!(error.is_retryable(), "{text}");
    }
}

#[test]
fn a_tenant_is_a_name_of_one() {
    let with = |tenant: &str| TokenRequest::new("s", Some(tenant.to_owned()));
    for good in [
        "contoso.onmicrosoft.com",
        "72f988bf-86f1-41af-91ab-2d7cd011db47",
    ] {
        assert_eq!(application_tenant(None, &with(good)).unwrap(), good);
    }
    for bad in [
        "",
        " ",
        "a/b",
        "..",
        "../x",
        "a b",
        "https://x",
        "ä",
        "common",
        "Organizations",
    ] {
        let error = application_tenant(None, &with(bad)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{bad}");
        assert_eq!(error.argument(), Some("Authority Id"));
    }
    let own = application_tenant(Some("own"), &with("other"))
        .unwrap()
        .to_owned();
    assert_eq!(own, "own");
}

#[test]
fn what_is_sent_once_is_not_repeated_by_the_caller_either() {
    let broken = || Error::new(ErrorKind::Network, Step::AcquireToken, "cut");
    assert!(finally(Sending::Repeatable, broken()).is_retryable());
    let once = finally(Sending::Once, broken());
    assert!(!once.is_retryable() && !once.is_permanent());
}
