//! Logins with certificates: what is signed, and what cannot be read.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use kusto_ingest::auth::Certificate;
use kusto_ingest::error::{Error, Result};
use kusto_ingest::prelude::*;
use kusto_ingest::secret::Secret;
use serde_json::Value as Json;

use crate::login::{cluster, command, granted, is_login, soon};

const KEY: &str = include_str!("../certificates/app.key");
const PKCS1: &str = include_str!("../certificates/app.pkcs1.key");
const CERTIFICATE: &str = include_str!("../certificates/app.crt");
const ISSUER: &str = include_str!("../certificates/ca.crt");
const ENCRYPTED: &str = include_str!("../certificates/encrypted.key");
/// With 3DES and SHA-1.
const OLDER: &str = include_str!("../certificates/des3.key");
const PFX: &[u8] = include_bytes!("../certificates/app.pfx");
const PASSWORD: &str = "secret-of-tests";
/// The SHA-1 of the certificate.
const THUMBPRINT: &str = "E0:72:A6:E5:40:DD:DA:61:11:19:D5:E5:A4:BC:5F:1D:1A:D2:71:3D";

fn login(pem: &str) -> Result<Certificate> {
    let login = Certificate::new("app-id", pem.as_bytes(), None)?;
    Ok(login.with_tenant("contoso.test"))
}

fn der(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with('-')).collect()
}

/// Header and claims of the assertion that this login sends, and the address that it is sent to.
async fn sent(login: Certificate) -> (Json, Json, String) {
    let server = cluster(|_, _| granted("t")).await;
    let client = server
        .builder()
        .credential(Arc::new(login))
        .build()
        .unwrap();
    command(&client, soon()).await.unwrap();
    let login = server.requests().into_iter().find(is_login).unwrap();
    let fields: std::collections::HashMap<_, _> =
        url::form_urlencoded::parse(login.body.as_bytes())
            .into_owned()
            .collect();
    assert_eq!(fields["grant_type"], "client_credentials");
    assert_eq!(fields["client_id"], "app-id");
    assert_eq!(
        fields["client_assertion_type"],
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    );
    let parts: Vec<_> = fields["client_assertion"].split('.').collect();
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    assert_eq!(decode(parts[2]).len(), 256);
    let json = |text: &str| serde_json::from_slice(&decode(text)).unwrap();
    let url = format!("{}/contoso.test/oauth2/v2.0/token", server.url);
    (json(parts[0]), json(parts[1]), url)
}

#[tokio::test]
async fn an_assertion_names_its_certificate_and_what_it_is_for() {
    let (header, claims, url) = sent(login(&format!("{KEY}{CERTIFICATE}")).unwrap()).await;
    assert_eq!(header["alg"], "PS256");
    assert_eq!(header["typ"], "JWT");
    assert_eq!(header["x5t#S256"].as_str().unwrap().len(), 43);
    assert!(header.get("x5c").is_none() && header.get("x5t").is_none());
    assert_eq!(claims["aud"], url.as_str());
    assert_eq!(
        (&claims["iss"], &claims["sub"]),
        (&"app-id".into(), &"app-id".into())
    );
    let second = |name: &str| claims[name].as_i64().unwrap();
    assert_eq!(second("exp") - second("iat"), 600);
    assert_eq!(second("iat") - second("nbf"), 60);
    assert_eq!(claims["jti"].as_str().unwrap().len(), 36);
}

/// Whatever the order, the key's own certificate is first.
#[tokio::test]
async fn the_chain_is_sent_when_it_is_asked_for() {
    for pem in [
        format!("{CERTIFICATE}{ISSUER}{KEY}"),
        format!("{ISSUER}{KEY}{CERTIFICATE}"),
        format!("{PKCS1}{ISSUER}{CERTIFICATE}"),
        format!("{ISSUER}{CERTIFICATE}{PKCS1}").replace('\n', "\\n"),
        // As an editor leaves it, and as a secret store writes it.
        format!("\u{FEFF}{KEY}{ISSUER}{CERTIFICATE}").replace('\n', "\r\n"),
        format!("{KEY}{ISSUER}{CERTIFICATE}").replace('\n', "\\r\\n") + "\n",
    ] {
        let (header, ..) = sent(login(&pem).unwrap().with_chain(true)).await;
        let expected: Json = vec![der(CERTIFICATE), der(ISSUER)].into();
        assert_eq!(header["x5c"], expected);
    }
}

#[tokio::test]
async fn a_key_alone_signs_with_a_thumbprint() {
    let alone = login(KEY).unwrap();
    let error = alone.check().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains("no certificate"), "{error}");
    let (header, ..) = sent(alone.clone().with_thumbprint(THUMBPRINT).unwrap()).await;
    assert_eq!(header["alg"], "RS256");
    let sha1 = URL_SAFE_NO_PAD
        .decode(header["x5t"].as_str().unwrap())
        .unwrap();
    assert_eq!((sha1.len(), sha1[0], sha1[19]), (20, 0xE0, 0x3D));
    let with_chain = alone.with_thumbprint(THUMBPRINT).unwrap().with_chain(true);
    assert!(with_chain.check().is_err());
    // With the certificate, it is checked.
    let whole = login(&format!("{KEY}{CERTIFICATE}")).unwrap();
    assert!(whole.clone().with_thumbprint(THUMBPRINT).is_ok());
    let error = whole.with_thumbprint(&"0".repeat(40)).unwrap_err();
    assert!(
        error.message().contains("not that of the certificate"),
        "{error}"
    );
}

fn refused(file: &[u8]) -> Error {
    Certificate::new("app-id", file, None).unwrap_err()
}

#[test]
fn what_cannot_sign_says_why() {
    let elliptic = include_str!("../certificates/ec.key");
    let sec1 = include_str!("../certificates/ec.sec1.key");
    let small = include_str!("../certificates/small.key");
    let half = &KEY[..KEY.len() / 2];
    let spoilt = KEY.replacen("MII", "MI!", 1);
    let cut = KEY.replacen("MII", "AAA", 1);
    for (text, says) in [
        (elliptic.to_owned(), "not RSA"),
        (sec1.to_owned(), "not RSA"),
        (small.to_owned(), "2048"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n"
                .to_owned(),
            "old way",
        ),
        (
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA".to_owned(),
            "ends within",
        ),
        (CERTIFICATE.to_owned(), "no private key"),
        (format!("{KEY}{ISSUER}"), "no certificate of its key"),
        (format!("{KEY}{KEY}"), "two keys"),
        (half.to_owned(), "ends within"),
        (spoilt, "base64"),
        (cut, "cannot be read"),
        ("nonsense".to_owned(), "neither PEM"),
    ] {
        let error = refused(text.as_bytes());
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        assert_eq!(error.argument(), Some("Application Certificate Blob"));
        assert!(error.message().contains(says), "{says}: {error}");
    }
}

/// As a redirection of PowerShell writes it.
#[test]
fn a_file_in_utf_16_is_read() {
    let text = format!("\u{FEFF}{KEY}{CERTIFICATE}");
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    Certificate::new("app-id", &wide, None)
        .unwrap()
        .check()
        .unwrap();
}

#[cfg(feature = "pfx")]
#[test]
fn an_encrypted_key_is_read_with_its_password() {
    let file = format!("{CERTIFICATE}{ENCRYPTED}");
    let password = Secret::from(PASSWORD);
    for file in [&file, &format!("{CERTIFICATE}{OLDER}")] {
        let login = Certificate::new("app-id", file.as_bytes(), Some(&password)).unwrap();
        login.check().unwrap();
    }
    // The last one leaves a padding that looks good.
    let others = ["wrong", "wrong-524"].map(Secret::from);
    for wrong in [None, Some(&others[0]), Some(&others[1])] {
        let error = Certificate::new("app-id", file.as_bytes(), wrong).unwrap_err();
        assert_eq!(
            error.argument(),
            Some("Application Certificate Password"),
            "{error}"
        );
    }
}

#[cfg(feature = "pfx")]
#[tokio::test]
async fn a_pfx_file_is_read_with_its_password() {
    let legacy = include_bytes!("../certificates/legacy.pfx");
    let password = Secret::from(PASSWORD);
    for file in [
        PFX.to_vec(),
        STANDARD.encode(PFX).into_bytes(),
        legacy.to_vec(),
    ] {
        let login = Certificate::new("app-id", &file, Some(&password)).unwrap();
        let login = login.with_tenant("contoso.test").with_chain(true);
        let (header, ..) = sent(login).await;
        let expected: Json = vec![der(CERTIFICATE), der(ISSUER)].into();
        assert_eq!(header["x5c"], expected);
    }
    for wrong in [None, Some(&Secret::from("wrong"))] {
        let error = Certificate::new("app-id", PFX, wrong).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        assert_eq!(
            error.argument(),
            Some("Application Certificate Password"),
            "{error}"
        );
    }
    // A key has an id only where a certificate belongs to it.
    let alone = include_bytes!("../certificates/key.pfx");
    let alone = Certificate::new("app-id", alone, Some(&password)).unwrap();
    alone.with_thumbprint(THUMBPRINT).unwrap().check().unwrap();
    let error = refused(&PFX[..PFX.len() / 2]);
    assert_eq!(
        error.argument(),
        Some("Application Certificate Blob"),
        "{error}"
    );
}

#[tokio::test]
async fn a_connection_string_holds_the_certificate() {
    let server = cluster(|_, _| granted("t")).await;
    let text = format!(
        "{};Application Client Id=app-id;Authority Id=contoso.test;SendX5c=true;\
         Application Certificate Blob=\"{ISSUER}{CERTIFICATE}{KEY}\"",
        server.url
    );
    let builder = Client::builder(&text).unwrap();
    let shown = format!("{builder:?}");
    assert!(
        !shown.contains("PRIVATE KEY") && shown.contains("****"),
        "{shown}"
    );
    command(&builder.build().unwrap(), soon()).await.unwrap();
    let login = server.requests().into_iter().find(is_login).unwrap();
    assert!(login.body.contains("client_assertion="), "{}", login.body);
    // A store of the system is not asked.
    let text = "https://h;AppClientId=i;Authority Id=t;Application Certificate Thumbprint=t";
    let error = Client::builder(text).unwrap().build().unwrap_err();
    assert!(error.message().contains("export it"), "{error}");
}
