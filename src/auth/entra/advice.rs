//! What to do about the causes that people meet most, by the numbers of Entra's public list "Microsoft
//! Entra authentication and authorization error codes".

/// What to do about a refusal; `None` where its own text has to do.
pub(super) fn advice(number: Option<u64>, error: Option<&str>) -> Option<&'static str> {
    number
        .and_then(of_number)
        .or_else(|| error.and_then(of_error))
}

/// Causes by their numbers, and what to do about each. docs/LOGIN.md has the same table.
const CAUSES: &[(&[u64], &str)] = &[
    (
        &[7000215],
        "the application's secret is wrong: give the secret's value, which is shown once when it \
         is made, not its id",
    ),
    (
        &[7000222],
        "the application's secret has expired: make another one in Entra ID",
    ),
    (
        &[7000218],
        "this application must prove itself with a secret or a certificate, or be allowed public \
         client flows in Entra ID: as the public client of a user it may log in by device code or \
         in the browser",
    ),
    (
        &[700016],
        "there is no such application in this tenant: check the application's id and the tenant \
         (`Authority Id`), or let an administrator of the tenant add the application",
    ),
    (
        &[700027],
        "Entra ID does not know the certificate: upload its public part to the application, or \
         check that key and certificate belong together",
    ),
    (
        &[700024],
        "the assertion is out of its time: set this machine's clock, or renew the federated token",
    ),
    (
        &[70025, 700211, 700212, 700213],
        "the application has no federated credential of this issuer, subject and audience: \
         compare them with those of the token",
    ),
    (
        &[90002, 900023],
        "there is no such tenant: check `Authority Id`",
    ),
    (
        &[500011, 650057],
        "this tenant does not know the cluster's service: log in to the tenant of the cluster",
    ),
    (
        &[50194],
        "this application is for one tenant: give its id as `Authority Id`",
    ),
    (
        &[50020],
        "this account is a guest or of another tenant: give the id of the cluster's tenant as \
         `Authority Id`",
    ),
    (
        &[50034],
        "there is no such user in this tenant: check the name and the tenant",
    ),
    (
        &[50126],
        "the user name or the password is wrong; it was sent once, because every wrong one counts \
         towards locking the account",
    ),
    (
        &[50053],
        "the account is locked after too many wrong passwords, or the address is blocked: wait, \
         or log in another way",
    ),
    (&[50055], "the password has expired: set another one"),
    (
        &[50057],
        "the account is disabled: an administrator of the tenant can enable it",
    ),
    (
        &[50076, 50079],
        "this account needs a second factor: use the login by device code or by browser",
    ),
    (
        &[50058],
        "nobody is signed in: use the login by device code or by browser",
    ),
    (
        &[65001],
        "nobody has consented to this application: an administrator of the tenant can",
    ),
    (
        &[53000, 53001, 53002, 53003],
        "the tenant's conditional access does not allow this device, place or application: log in \
         from an allowed one, or ask an administrator",
    ),
    (
        &[50173, 700082, 70043],
        "the earlier login has ended: log in again",
    ),
    (&[70020], "the code has expired: begin the login again"),
    (
        &[50011],
        "the application does not allow this way back from the browser: add `http://localhost` to \
         its redirect addresses for public clients",
    ),
];

fn of_number(number: u64) -> Option<&'static str> {
    let mut causes = CAUSES.iter();
    let (_, advice) = causes.find(|(numbers, _)| numbers.contains(&number))?;
    Some(advice)
}

fn of_error(error: &str) -> Option<&'static str> {
    Some(match error {
        "authorization_declined" | "access_denied" => "the user declined the login",
        "expired_token" | "code_expired" => "the code has expired: begin the login again",
        "unauthorized_client" => {
            "Entra ID does not allow this application this kind of login: change the application's \
             settings, or log in another way"
        }
        "consent_required" => "nobody has consented to this application: an administrator can",
        "interaction_required" | "login_required" => {
            "this login needs the user: use the login by device code or by browser"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_more_precise_than_the_error() {
        assert!(
            advice(Some(7000215), Some("unauthorized_client"))
                .unwrap()
                .contains("value")
        );
        assert!(
            advice(Some(1), Some("unauthorized_client"))
                .unwrap()
                .contains("kind of login")
        );
        assert_eq!(advice(None, Some("invalid_request")), None);
        assert_eq!(advice(None, None), None);
    }

    /// They stand inside the error's text, and say what to do.
    #[test]
    fn advice_is_a_clause_and_no_number_has_two() {
        let mut seen = std::collections::HashSet::new();
        for (numbers, text) in CAUSES {
            assert!(!text.ends_with('.') && !text.contains("  "), "{text}");
            assert!(
                numbers.iter().all(|number| seen.insert(*number)),
                "{numbers:?}"
            );
        }
        assert!(seen.len() >= 20);
    }

    #[test]
    fn the_page_about_logins_has_the_same_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/LOGIN.md");
        let Ok(page) = std::fs::read_to_string(path) else {
            // The crate alone, without its repository.
            return;
        };
        let rows = CAUSES.iter().map(|(numbers, text)| {
            let numbers: Vec<_> = numbers.iter().map(|it| format!("`AADSTS{it}`")).collect();
            format!("| {} | {text} |", numbers.join(", "))
        });
        let rows: Vec<_> = rows.collect();
        let shown: Vec<_> = page
            .lines()
            .filter(|line| line.starts_with("| `AADSTS"))
            .collect();
        assert_eq!(shown, rows);
    }
}
