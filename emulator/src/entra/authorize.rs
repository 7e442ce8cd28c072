//! The authorize endpoint, where a browser goes: nobody is asked here, the directory says who signs in.

use hyper::{Response, StatusCode};
use url::form_urlencoded::Serializer;
use url::{Position, Url};
use uuid::Uuid;

use super::client::Door;
use super::device::signer;
use super::error::Refusal;
use super::form::Form;
use super::grants::{CODE_SECONDS, usable};
use super::route::EntraRoute;
use super::session::{Session, Subject, audience};
use super::{Entra, State};
use crate::http::{Body, empty, set, typed};

/// A code that waits for its exchange.
pub(super) struct Code {
    pub(super) session: Session,
    pub(super) redirect_uri: String,
    /// Of PKCE, method S256.
    pub(super) challenge: Option<String>,
    pub(super) made: i64,
}

/// What is sent back to the program, and how.
struct Reply {
    target: Url,
    fields: Vec<(&'static str, String)>,
    is_posted: bool,
}

/// What a browser would do next.
pub(crate) struct Visit {
    /// Where it goes.
    pub(crate) url: Url,
    /// The form that it posts there; without one it only goes there.
    pub(crate) form: Option<String>,
}

impl Entra {
    /// `GET /TENANT/oauth2/v2.0/authorize`
    pub(super) fn authorize(
        &self,
        door: &Door<'_>,
        form: &Form,
    ) -> Result<Response<Body>, Refusal> {
        let reply = self.reply(door, form)?;
        Ok(match reply.is_posted {
            true => reply.into_form(),
            false => reply.into_redirect(),
        })
    }

    /// What a browser would do that opens this address of the authorize endpoint.
    ///
    /// # Errors
    /// When it is no such address, or the endpoint refuses it.
    pub(crate) fn visit(&self, url: &Url) -> Result<Visit, String> {
        let Some(EntraRoute::Authorize(tenant)) = EntraRoute::of(url.path()) else {
            return Err("The address is not one of the authorize endpoint.".to_owned());
        };
        let door = Door {
            tenant: &tenant,
            base: &url[..Position::BeforePath],
        };
        let form = Form::of(url.query().unwrap_or_default().as_bytes());
        let reply = self.reply(&door, &form).map_err(|refusal| refusal.text())?;
        Ok(match reply.is_posted {
            true => Visit {
                form: Some(
                    Serializer::new(String::new())
                        .extend_pairs(&reply.fields)
                        .finish(),
                ),
                url: reply.target,
            },
            false => Visit {
                url: reply.with_fields(),
                form: None,
            },
        })
    }

    fn reply(&self, door: &Door<'_>, form: &Form) -> Result<Reply, Refusal> {
        let mut state = self.lock();
        Self::check_tenant(&state, door)?;
        let target = redirect(form)?;
        let is_posted = match form.get("response_mode") {
            Some("form_post") => true,
            None | Some("query") => false,
            Some(other) => {
                let text = format!("The response mode '{other}' is not supported.");
                return Err(Refusal::new("invalid_request", 70_007, text));
            }
        };
        let mut fields = match self.code(&mut state, form) {
            Ok(code) => vec![("code", code)],
            // An error of the login is the program's to show.
            Err(text) => vec![
                ("error", "access_denied".to_owned()),
                ("error_description", text),
            ],
        };
        if let Some(given) = form.get("state") {
            fields.push(("state", given.to_owned()));
        }
        Ok(Reply {
            target,
            fields,
            is_posted,
        })
    }

    fn code(&self, state: &mut State, form: &Form) -> Result<String, String> {
        let said = |refusal: Refusal| refusal.text();
        let app = Self::app(state, form).map_err(said)?;
        if form.get("response_type") != Some("code") {
            return Err("The response type must be 'code'.".to_owned());
        }
        let challenge = form.get("code_challenge").map(str::to_owned);
        if challenge.is_some() && form.get("code_challenge_method") != Some("S256") {
            return Err("The method of the code challenge must be S256.".to_owned());
        }
        let name = signer(state, form.get("login_hint"))?;
        let scope = form.required("scope").map_err(said)?;
        let session = Session {
            client_id: app.client_id,
            subject: Subject::of_user(usable(state, &name).map_err(said)?),
            audience: audience(scope).map_err(said)?,
            scope: scope.to_owned(),
            nonce: form.get("nonce").map(str::to_owned),
        };
        let redirect_uri = form.required("redirect_uri").map_err(said)?.to_owned();
        let code = format!("1.{}", Uuid::new_v4().simple());
        let made = self.now();
        // An expired one is still said to have expired for a while.
        state
            .codes
            .retain(|_, code| code.made + 2 * CODE_SECONDS > made);
        state.codes.insert(
            code.clone(),
            Code {
                session,
                redirect_uri,
                challenge,
                made,
            },
        );
        Ok(code)
    }
}

/// The address of the program: on this machine, as native programs have it (RFC 8252).
fn redirect(form: &Form) -> Result<Url, Refusal> {
    let text = form.required("redirect_uri")?;
    let url = Url::parse(text).ok();
    let is_local = |url: &Url| {
        let host = url.host_str().unwrap_or_default();
        url.scheme() == "http" && matches!(host, "localhost" | "127.0.0.1" | "[::1]")
    };
    url.filter(is_local).ok_or_else(|| {
        let text = format!(
            "The redirect URI '{text}' specified in the request does not match the redirect URIs configured for the application."
        );
        Refusal::new("invalid_request", 50_011, text)
    })
}

impl Reply {
    fn with_fields(mut self) -> Url {
        self.target.query_pairs_mut().extend_pairs(&self.fields);
        self.target
    }

    fn into_redirect(self) -> Response<Body> {
        let mut reply = empty(StatusCode::FOUND);
        set(&mut reply, "location", self.with_fields().as_str());
        set(&mut reply, "cache-control", "no-store");
        reply
    }

    /// A page with a form that sends itself.
    fn into_form(self) -> Response<Body> {
        let fields: String = self
            .fields
            .iter()
            .map(|(name, value)| {
                format!(
                    r#"<input type="hidden" name="{name}" value="{}">"#,
                    escaped(value)
                )
            })
            .collect();
        let page = format!(
            r#"<!doctype html><html><head><title>Signing in</title></head><body onload="document.forms[0].submit()"><form method="post" action="{}">{fields}<noscript><button>Continue</button></noscript></form></body></html>"#,
            escaped(self.target.as_str()),
        );
        let mut reply = typed(StatusCode::OK, "text/html; charset=utf-8", page);
        set(&mut reply, "cache-control", "no-store");
        reply
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
