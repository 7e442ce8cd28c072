//! Prompts of logins, shown by JavaScript.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use kusto_ingest::auth::{LoginError, Prompt, PromptKind, Prompted};
use kusto_ingest::client::ClientBuilder;
use napi_derive::napi;

use crate::realm::{Realm, Told};

type Answer = Result<Prompted, String>;

/// Has the JavaScript side of the client with this id show what its login asks.
pub(crate) fn shown_by(builder: ClientBuilder, realm: &Arc<Realm>, client: u32) -> ClientBuilder {
    let realm = realm.clone();
    // The thread is the prompt's own: it may wait.
    builder.prompt(move |prompt| {
        let (native, answered) = NativePrompt::new(prompt);
        realm.tell(client, Told::Prompt(native));
        match answered.recv() {
            Ok(answer) => answer.map_err(LoginError::from),
            Err(_) => Err("nothing has shown the prompt".into()),
        }
    })
}

/// What a login asks its user. If it is collected unanswered, the login fails.
#[napi]
pub struct NativePrompt {
    prompt: Prompt,
    answer: Sender<Answer>,
}

impl NativePrompt {
    fn new(prompt: &Prompt) -> (Self, Receiver<Answer>) {
        let (answer, answered) = channel();
        let prompt = prompt.clone();
        (Self { prompt, answer }, answered)
    }
}

#[napi]
impl NativePrompt {
    /// Whether it is a code to enter, and not a browser to open.
    #[napi(getter, catch_unwind)]
    pub fn is_device_code(&self) -> bool {
        self.prompt.kind() == PromptKind::DeviceCode
    }

    /// The address to open.
    #[napi(getter, catch_unwind)]
    pub fn url(&self) -> String {
        self.prompt.url().to_owned()
    }

    /// What to enter there.
    #[napi(getter, catch_unwind)]
    pub fn code(&self) -> Option<String> {
        self.prompt.code().map(str::to_owned)
    }

    /// All of it in one text.
    #[napi(getter, catch_unwind)]
    pub fn message(&self) -> String {
        self.prompt.message().to_owned()
    }

    /// Until when the login waits, in milliseconds since 1970.
    #[napi(getter, catch_unwind)]
    pub fn expires_on(&self) -> f64 {
        self.prompt.expires_on().unix_timestamp() as f64 * 1000.0
    }

    /// It is shown; or the library is to open the browser.
    #[napi(catch_unwind)]
    pub fn done(&self, opens_browser: bool) {
        let prompted = match opens_browser {
            true => Prompted::OpenBrowser,
            false => Prompted::Shown,
        };
        // The login may be over by now.
        let _ = self.answer.send(Ok(prompted));
    }

    /// It could not be shown.
    #[napi(catch_unwind)]
    pub fn fail(&self, message: String) {
        let _ = self.answer.send(Err(message));
    }
}
