//! Logins of devices (RFC 8628): somebody enters a code elsewhere, while the device asks again and again.

use hyper::{Response, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::client::Door;
use super::error::Refusal;
use super::form::Form;
use super::grants::usable;
use super::session::{Session, Subject, audience};
use super::{Entra, State};
use crate::http::{Body, typed};

/// How long a code is valid, in seconds.
const SECONDS: i64 = 900;

/// A login that waits for its user.
pub(super) struct Device {
    user_code: String,
    client_id: String,
    scope: String,
    audience: String,
    expires: i64,
    state: DeviceState,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum DeviceState {
    Pending,
    /// By the user of this name.
    Approved(String),
    Declined,
    Expired,
}

/// What is done with a code in place of a person.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", tag = "action")]
pub(crate) enum Decision {
    /// The user signs in; without a name the one who signs in everywhere.
    Approve {
        #[serde(default)]
        user: Option<String>,
    },
    Decline,
    Expire,
}

/// A code as it is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeviceShown {
    user_code: String,
    client_id: String,
    scope: String,
    state: DeviceState,
}

impl Entra {
    /// `POST /TENANT/oauth2/v2.0/devicecode`
    pub(super) fn device_code(
        &self,
        door: &Door<'_>,
        form: &Form,
    ) -> Result<Response<Body>, Refusal> {
        let mut state = self.lock();
        Self::check_tenant(&state, door)?;
        let app = Self::app(&state, form)?;
        let scope = form.required("scope")?;
        let device = Device {
            user_code: user_code(),
            client_id: app.client_id,
            scope: scope.to_owned(),
            audience: audience(scope)?,
            expires: self.now() + SECONDS,
            state: DeviceState::Pending,
        };
        let uri = format!("{}/emulator/v1/entra/devices", door.base);
        let message = format!(
            "To sign in, approve the code {} at {uri}.",
            device.user_code
        );
        let rules = &state.directory.tokens;
        let number = |number: i64| match rules.numbers_as_text {
            true => json!(number.to_string()),
            false => json!(number),
        };
        let code = Uuid::new_v4().simple().to_string();
        let answer = json!({
            "user_code": device.user_code,
            "device_code": code,
            "verification_uri": uri,
            "expires_in": number(SECONDS),
            "interval": number(rules.poll_seconds),
            "message": message,
        });
        let now = self.now();
        state
            .devices
            .retain(|_, device| device.expires + SECONDS > now);
        state.devices.insert(code, device);
        let json = "application/json; charset=utf-8";
        Ok(typed(StatusCode::OK, json, answer.to_string()))
    }

    /// The grant of a device code.
    pub(super) fn device_token(
        &self,
        state: &mut State,
        door: &Door<'_>,
        form: &Form,
    ) -> Result<Session, Refusal> {
        let app = self.client(state, door, form)?;
        // Older libraries name it so.
        let code = form.get("device_code").or_else(|| form.get("code"));
        let code = code.ok_or_else(|| Refusal::missing("device_code"))?;
        let known = state.devices.get(code);
        let Some(device) = known.filter(|device| device.client_id == app.client_id) else {
            let text = "The verification code is not known.";
            return Err(Refusal::new("bad_verification_code", 70_018, text));
        };
        let user = match &device.state {
            DeviceState::Expired => None,
            _ if device.expires <= self.now() => None,
            DeviceState::Pending => {
                let text =
                    "OAuth 2.0 device flow error. Authorization is pending. Continue polling.";
                return Err(Refusal::new("authorization_pending", 70_016, text));
            }
            DeviceState::Declined => {
                let text = "User declined to consent to access the app.";
                return Err(Refusal::new("authorization_declined", 65_004, text));
            }
            DeviceState::Approved(user) => Some(user),
        };
        let Some(user) = user else {
            let text = "The device code has expired.";
            return Err(Refusal::new("expired_token", 70_020, text));
        };
        let session = Session {
            subject: Subject::of_user(usable(state, user)?),
            client_id: app.client_id,
            audience: device.audience.clone(),
            scope: device.scope.clone(),
            nonce: None,
        };
        state.devices.remove(code);
        Ok(session)
    }

    /// Approves, declines or ends the code, whatever the case of its letters.
    ///
    /// # Errors
    /// When there is no such code or user.
    pub(crate) fn decide(&self, user_code: &str, decision: Decision) -> Result<(), String> {
        let mut state = self.lock();
        let decided = match decision {
            Decision::Decline => DeviceState::Declined,
            Decision::Expire => DeviceState::Expired,
            Decision::Approve { user } => DeviceState::Approved(signer(&state, user.as_deref())?),
        };
        let mut devices = state.devices.values_mut();
        let Some(device) = devices.find(|device| device.user_code.eq_ignore_ascii_case(user_code))
        else {
            return Err(format!("No device waits with the code '{user_code}'."));
        };
        device.state = decided;
        Ok(())
    }

    /// The codes that were given out and not used up.
    pub(crate) fn devices(&self) -> Vec<DeviceShown> {
        let state = self.lock();
        let shown = state.devices.values().map(|device| DeviceShown {
            user_code: device.user_code.clone(),
            client_id: device.client_id.clone(),
            scope: device.scope.clone(),
            state: device.state.clone(),
        });
        shown.collect()
    }
}

/// Who signs in: the user of this name, or the one of the directory.
pub(super) fn signer(state: &State, name: Option<&str>) -> Result<String, String> {
    let directory = &state.directory;
    let name = name.or(directory.signs_in.as_deref());
    let user = match name {
        Some(name) => directory.user(name),
        None => directory.users.first(),
    };
    user.map(|user| user.name.clone())
        .ok_or_else(|| format!("The directory has no user '{}'.", name.unwrap_or_default()))
}

/// Nine letters and digits.
fn user_code() -> String {
    let mut code = Uuid::new_v4().simple().to_string().to_uppercase();
    code.truncate(9);
    code
}
