//! What to do about the causes that people meet most, by the numbers of Entra's public list "Microsoft
//! Entra authentication and authorization error codes".

/// What to do about a refusal; `None` where its own text has to do.
pub(in crate::auth) fn advice(number: Option<u64>, error: Option<&str>) -> Option<&'static str> {
    number
        .and_then(of_number)
        .or_else(|| error.and_then(of_error))
}

fn of_number(number: u64) -> Option<&'static str> {
    Some(match number {
        7000215 => {
            "the application's secret is wrong: give the secret's value, which is shown once when it is \
             made, not its id"
        }
        7000222 => "the application's secret has expired: make another one in Entra ID",
        7000218 => {
            "this application must prove itself with a secret or a certificate, or be allowed public \
             client flows in Entra ID"
        }
        700016 => {
            "there is no such application in this tenant: check the application's id and the tenant \
             (`Authority Id`), or let an administrator of the tenant add the application"
        }
        700027 => {
            "Entra ID does not know the certificate: upload its public part to the application, or check \
             that key and certificate belong together"
        }
        700024 => {
            "the assertion is out of its time: set this machine's clock, or renew the federated token"
        }
        70025 | 700211 | 700212 | 700213 => {
            "the application has no federated credential of this issuer, subject and audience: compare \
             them with those of the token"
        }
        90002 | 900023 => "there is no such tenant: check `Authority Id`",
        500011 | 650057 => {
            "this tenant does not know the cluster's service: log in to the tenant of the cluster"
        }
        50194 => "this application is for one tenant: give its id as `Authority Id`",
        50020 => {
            "this account is a guest or of another tenant: give the id of the cluster's tenant as \
             `Authority Id`"
        }
        50034 => "there is no such user in this tenant: check the name and the tenant",
        50126 => {
            "the user name or the password is wrong; it was sent once, because every wrong one counts \
             towards locking the account"
        }
        50053 => "the account is locked after too many wrong passwords, or the address is blocked",
        50055 => "the password has expired: set another one",
        50057 => "the account is disabled",
        50076 | 50079 => {
            "this account needs a second factor: use the login by device code or by browser"
        }
        50058 => "nobody is signed in: use the login by device code or by browser",
        65001 => "nobody has consented to this application: an administrator of the tenant can",
        53000..=53003 => {
            "the tenant's conditional access does not allow this device, place or application"
        }
        50173 | 700082 | 70043 => "the earlier login has ended: log in again",
        70020 => "the code has expired: begin the login again",
        _ => return None,
    })
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

    /// They stand inside the error's text.
    #[test]
    fn advice_is_a_clause() {
        let numbers = [
            7000215, 7000222, 7000218, 700016, 700027, 700024, 70025, 700211, 90002, 500011, 50194,
            50020, 50034, 50126, 50053, 50055, 50057, 50076, 50079, 50058, 65001, 53003, 50173,
            70020,
        ];
        for number in numbers {
            let text = of_number(number).unwrap_or_else(|| panic!("{number}"));
            assert!(!text.ends_with('.') && !text.contains("  "), "{text}");
        }
    }
}
