use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> ConnectionString {
    ConnectionString::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn error(text: &str) -> Error {
    ConnectionString::parse(text).expect_err(text)
}

#[test]
fn the_data_source_stands_in_front_or_behind_any_of_its_names() {
    for text in [
        "https://h.example",
        "https://h.example/",
        " https://h.example ; ",
        "https://h.example?a=b",
        "Data Source=https://h.example",
        "datasource=https://h.example/;;",
        "SERVER = https://h.example",
        "addr=https://h.example",
        "Network Address=https://H.example",
        "Data Source=https://wrong.example;Address=https://h.example",
    ] {
        assert_eq!(
            parse(text).data_source().as_str(),
            "https://h.example/",
            "{text}"
        );
    }
}

#[test]
fn a_path_of_one_segment_is_the_database_unless_one_is_named() {
    let cases = [
        ("https://h", "https://h/", "NetDefaultDB"),
        ("https://h/Db", "https://h/", "Db"),
        ("https://h:8443/Db/", "https://h:8443/", "Db"),
        ("https://h/%C3%84rger", "https://h/", "Ärger"),
        ("https://h/Db;Database=Other", "https://h/Db", "Other"),
        (
            "Database=Other;Server=https://h/Db",
            "https://h/Db",
            "Other",
        ),
        ("https://h/a/b", "https://h/a/b", "NetDefaultDB"),
        ("https://h;Initial Catalog=x y", "https://h/", "x y"),
        ("https://h;Initial Catalog=", "https://h/", "NetDefaultDB"),
    ];
    for (text, data_source, database) in cases {
        let parsed = parse(text);
        assert_eq!(parsed.data_source().as_str(), data_source, "{text}");
        assert_eq!(parsed.database(), database, "{text}");
    }
}

#[test]
fn values_keep_their_equals_signs_and_quoting_is_undone() {
    let parsed = parse("https://h;AppClientId=i;AppKey=a=b==;User Name for Tracing=\"x;'y'\"\"z\"");
    assert_eq!(parsed.get(Keyword::ApplicationKey), Some("a=b=="));
    assert_eq!(parsed.user_name_for_tracing(), Some("x;'y'\"z"));
    assert_eq!(
        parse("https://h;TraceAppName='it''s;'").application_name_for_tracing(),
        Some("it's;")
    );
}

#[test]
fn booleans() {
    for (text, value) in [
        ("true", "true"),
        ("TRUE", "true"),
        ("1", "true"),
        ("False", "false"),
        ("0", "false"),
    ] {
        let parsed = parse(&format!("https://h;Fed={text}"));
        assert_eq!(
            parsed.get(Keyword::FederatedSecurity),
            Some(value),
            "{text}"
        );
    }
    let error = error("https://h;aadfed=yes");
    assert_eq!(error.argument(), Some("AAD Federated Security"));
}

#[test]
fn what_is_wrong_is_named() {
    let cases = [
        ("", "Data Source"),
        (" ; ", "Data Source"),
        ("Database=x", "Data Source"),
        ("help", "Data Source"),
        ("ftp://h", "Data Source"),
        ("https://user:pass@h", "Data Source"),
        ("https://h;AppKee=x", "AppKee"),
        ("https://h;Region=x", "Azure Region"),
        ("https://h;dSTS Fed=true", "dSTS Federated Security"),
    ];
    for (text, argument) in cases {
        let error = error(text);
        assert_eq!(error.kind(), ErrorKind::Config, "{text}");
        assert_eq!(error.step(), Step::ParseConnectionString, "{text}");
        assert_eq!(error.argument(), Some(argument), "{text}");
    }
}

#[test]
fn settings_of_dotnet_clients_are_accepted_and_change_nothing() {
    let text = "https://h;Streaming=true;Uncompressed=false;Accept=true;EnforceMfa=true;\
                Query Consistency=weakconsistency";
    assert_eq!(parse(text), parse("https://h"));
}

#[test]
fn errors_do_not_repeat_what_may_be_the_rest_of_a_secret() {
    for text in [
        "https://h;AppKey=abc;s3cr3t+/",
        "https://h;AppKey=abc;s3cr3t+/=x",
        "https://h;AppKey=\"s3cr3t",
        "https://h;AppKey=\"a\"s3cr3t",
        "https://user:s3cr3t@h",
        "https://h;Password=ab;s3cr3t=x",
        "https://h;UserToken=ab;Fed=true;s3cr3t=x",
    ] {
        let error = error(text);
        assert!(!format!("{error:?}").contains("s3cr3t"), "{error:?}");
    }
}

#[test]
fn printing_masks_every_secret() {
    let mut text = "https://h".to_owned();
    for keyword in Keyword::ALL.into_iter().filter(|k| k.is_secret()) {
        text.push_str(&format!(";{keyword}=hidden"));
    }
    let parsed = parse(&text);
    assert!(!format!("{parsed} {parsed:?} {parsed:#?}").contains("hidden"));
    assert_eq!(parsed.to_string().matches(MASK).count(), 7);
    assert_eq!(parsed.expose_secrets().matches("hidden").count(), 7);
}

#[test]
fn authentication_follows_from_what_is_there() {
    let interactive = |hint: Option<&str>| Authentication::Interactive {
        hint: hint.map(str::to_owned),
        client_id: None,
    };
    let user = || Authentication::UserToken(Secret::from("u"));
    let cases = [
        ("", Authentication::None),
        ("Fed=false", Authentication::None),
        ("UserToken=u", user()),
        ("Fed=true;UserToken=u", user()),
        ("UserToken=u;AppClientId=i;TenantId=t", user()),
        (
            "AppToken=a",
            Authentication::ApplicationToken(Secret::from("a")),
        ),
        (
            "AppClientId=i;AppKey=k;Authority Id=t;UID=me",
            Authentication::ApplicationKey {
                client_id: "i".to_owned(),
                key: Secret::from("k"),
            },
        ),
        (
            "UID=me;Pwd=p",
            Authentication::UserPassword {
                user: "me".to_owned(),
                password: Secret::from("p"),
                client_id: None,
            },
        ),
        (
            "AppClientId=i;Authority Id=t;Application Certificate Blob=b;AppCert=p;SendX5c=true",
            Authentication::Certificate {
                client_id: "i".to_owned(),
                file: Secret::from("b"),
                password: None,
                thumbprint: Some("p".to_owned()),
                sends_chain: true,
            },
        ),
        ("Fed=true", Authentication::Incomplete),
        ("Fed=true;UID=me", interactive(Some("me"))),
        (
            "UID=me;AppClientId=i",
            Authentication::Interactive {
                hint: Some("me".to_owned()),
                client_id: Some("i".to_owned()),
            },
        ),
        ("Login=Interactive", interactive(None)),
        (
            "Login=device",
            Authentication::DeviceCode { client_id: None },
        ),
    ];
    for (text, expected) in cases {
        let parsed = parse(&format!("https://h;{text}"));
        assert_eq!(parsed.authentication().unwrap(), expected, "{text}");
    }
    let store = parse("https://h;AppClientId=i;AppCert=t").authentication();
    let Ok(Authentication::Unsupported { flow }) = store else {
        panic!("{store:?}");
    };
    assert!(flow.contains("export it"), "{flow}");
    for (text, argument) in [
        ("Fed=false;UserToken=u", "AAD Federated Security"),
        ("AppKey=k", "Application Client Id"),
        ("AppKey=k;AppClientId=i", "Authority Id"),
        ("Application Certificate Blob=b", "Application Client Id"),
        ("Password=p", "User ID"),
    ] {
        let error = parse(&format!("https://h;{text}"))
            .authentication()
            .unwrap_err();
        assert_eq!(error.argument(), Some(argument), "{text}");
    }
}

#[test]
fn two_logins_are_an_error_that_names_both() {
    for (text, first, second) in [
        ("UserToken=u;AppToken=a", "User Token", "Application Token"),
        (
            "AppClientId=i;AppKey=k;Authority Id=t;UserToken=u",
            "User Token",
            "Application Key",
        ),
        (
            "AppClientId=i;AppKey=k;Authority Id=t;UID=me;Pwd=p",
            "Application Key",
            "Password",
        ),
        (
            "AppClientId=i;AppKey=k;Authority Id=t;AppCert=p",
            "Application Key",
            "Application Certificate Thumbprint",
        ),
    ] {
        let parsed = parse(&format!("https://h;{text}"));
        let error = parsed.authentication().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{text}");
        for name in [first, second] {
            let quoted = format!("'{name}'");
            assert!(error.message().contains(&quoted), "{text}: {error}");
        }
    }
}

#[test]
fn a_misspelt_keyword_is_answered_with_the_one_that_was_meant() {
    for (wrong, meant) in [
        ("Feed", "fed"),
        ("Sever", "server"),
        ("Initial Catalogue", "Initial Catalog"),
    ] {
        let error = ConnectionString::parse(&format!("https://h;{wrong}=x")).unwrap_err();
        let expected = format!("unknown keyword '{wrong}': did you mean '{meant}'?");
        assert!(error.message().contains(&expected), "{error}");
    }
}

#[test]
fn values_can_be_set_one_by_one() {
    let mut parsed = parse("https://h/Db;AppClientId=i");
    parsed.set("database", "Other").unwrap();
    parsed.set("App Client Id", "").unwrap();
    parsed.set("streaming", "true").unwrap();
    assert_eq!(parsed, parse("https://h;Database=Other"));
    parsed.set("server", "https://g/Third").unwrap();
    assert_eq!(parsed, parse("https://g/Third"));
    assert_eq!(
        parsed.set("nonsense", "1").unwrap_err().argument(),
        Some("nonsense")
    );
    assert!(parsed.set("server", "").is_err());
    assert_eq!(parsed.data_source().as_str(), "https://g/");
}

fn any_value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9+/=]{1,20}",
        "[ a;=\"'\\\\?]{1,12}",
        any::<String>(),
    ]
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back(
        values in proptest::collection::btree_map(1..Keyword::ALL.len(), any_value(), 0..6)
    ) {
        let mut text = "Data Source=https://h.example:8443".to_owned();
        for (index, value) in &values {
            let keyword = Keyword::ALL[*index];
            let value = if keyword.is_boolean() { "True" } else { value };
            text.push_str(&format!("; {keyword} ={} ", quote(value)));
        }
        let parsed = ConnectionString::parse(&text).unwrap();
        for (index, value) in &values {
            let keyword = Keyword::ALL[*index];
            let expected = if keyword.is_boolean() { "true" } else { value };
            let expected = Some(expected).filter(|value| !value.is_empty());
            prop_assert_eq!(parsed.get(keyword), expected);
        }
        prop_assert_eq!(&ConnectionString::parse(&parsed.expose_secrets()).unwrap(), &parsed);
    }

    #[test]
    fn no_text_breaks_the_parser(text in any::<String>()) {
        let _ = ConnectionString::parse(&text);
        let _ = ConnectionString::parse(&format!("https://h;{text}"));
    }
}

#[test]
fn quotes_and_invisible_characters_around_the_text_are_ignored() {
    let plain = parse("https://h;UserToken=\"a;b\"");
    for text in [
        "\u{feff}https://h;UserToken=\"a;b\"",
        "\"https://h;UserToken=\"a;b\"\"",
        "'https://h;UserToken=\"a;b\"'\n",
        "\u{feff} \"Data Source=https://h;UserToken=\"a;b\"\" ",
    ] {
        assert_eq!(parse(text), plain, "{text}");
    }
    for text in ["\"https://h", "'https://h\"", "\"", "\"\""] {
        assert!(ConnectionString::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_value_may_end_with_what_is_ignored_around_the_text() {
    let mut parsed = parse("https://h");
    parsed.set("User ID", "a\u{feff}").unwrap();
    assert_eq!(parse(&parsed.expose_secrets()), parsed);
}
