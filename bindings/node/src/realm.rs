//! The events of one JavaScript thread.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use kusto_ingest::error::{Error, ErrorKind, Result, Step};
use kusto_ingest::op::{CallOptions, CancelToken};
use napi::bindgen_prelude::{FnArgs, Function, ToNapiValue, Unknown};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Status, sys};
use napi_derive::napi;

use crate::failure;
use crate::ingest::Latest;
use crate::prompt::NativePrompt;
use crate::runtime::runtime;
use crate::token::NativeTokenRequest;

/// V8's limit in characters (2^29 - 24) is one in bytes for texts that are ASCII.
const LONGEST_TEXT: usize = (1 << 29) - 24;

/// An event: the id of its subject, and its content.
pub(crate) struct Event {
    id: u32,
    told: Told,
}

/// The content of an event. `lib/native.js` reads it by its name.
pub(crate) enum Told {
    /// An operation ended with this value (JSON).
    Value(String),
    /// An operation ended with this error (JSON).
    Failure(String),
    /// The progress of an ingestion.
    Progress(Arc<Latest>),
    /// A client requests a token.
    Token(NativeTokenRequest),
    /// A login of a client asks its user.
    Prompt(NativePrompt),
    /// A line of the log: level, target, message.
    Log(u32, String, String),
    /// An event of a client's own log: level, name, message, fields (JSON).
    Record(u32, String, String, String),
}

impl Told {
    fn name(&self) -> &'static str {
        match self {
            Told::Value(_) => "value",
            Told::Failure(_) => "failure",
            Told::Progress(_) => "progress",
            Told::Token(_) => "token",
            Told::Prompt(_) => "prompt",
            Told::Log(..) => "log",
            Told::Record(..) => "record",
        }
    }
}

impl ToNapiValue for Told {
    unsafe fn to_napi_value(env: sys::napi_env, told: Self) -> napi::Result<sys::napi_value> {
        // SAFETY: as the caller promises, `env` is that of the current thread.
        unsafe {
            match told {
                Told::Value(json) | Told::Failure(json) => String::to_napi_value(env, json),
                Told::Progress(latest) => Vec::<f64>::to_napi_value(env, latest.take()),
                Told::Token(request) => NativeTokenRequest::to_napi_value(env, request),
                Told::Prompt(prompt) => NativePrompt::to_napi_value(env, prompt),
                Told::Log(level, target, message) => {
                    let line = vec![level.to_string(), target, message];
                    Vec::<String>::to_napi_value(env, line)
                }
                Told::Record(level, event, message, fields) => {
                    let record = vec![level.to_string(), event, message, fields];
                    Vec::<String>::to_napi_value(env, record)
                }
            }
        }
    }
}

type Arguments = FnArgs<(&'static str, u32, Told)>;
/// Weak: events alone do not keep the thread alive, `lib/native.js` does while something is pending.
type Tell = ThreadsafeFunction<Event, Unknown<'static>, Arguments, Status, false, true>;

/// One JavaScript thread: where its events go.
pub(crate) struct Realm {
    tell: Tell,
    last_id: AtomicU32,
}

impl Realm {
    /// The id for the subject of future events.
    pub(crate) fn next_id(&self) -> u32 {
        self.last_id.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
    }

    /// Sends an event, from any thread. When the JavaScript thread has ended it is dropped; napi never frees
    /// events that were still queued then, so their memory leaks. The calls themselves end nevertheless.
    pub(crate) fn tell(&self, id: u32, told: Told) {
        let _ = self
            .tell
            .call(Event { id, told }, ThreadsafeFunctionCallMode::NonBlocking);
    }

    /// Runs `work` in the background and reports its result. It runs on its own task, so that a panic is
    /// reported too.
    pub(crate) fn run(
        self: &Arc<Self>,
        id: u32,
        work: impl Future<Output = Result<String>> + Send + 'static,
    ) -> Result<()> {
        let realm = self.clone();
        let runtime = runtime()?;
        let task = runtime.spawn(work);
        runtime.spawn(async move {
            let ended = task.await.unwrap_or_else(|panicked| {
                let message = format!("a task ended without a result: {panicked}");
                Err(Error::new(ErrorKind::Internal, Step::Wait, message).with_in_doubt(true))
            });
            realm.tell(
                id,
                match ended.and_then(fitting) {
                    Ok(value) => Told::Value(value),
                    Err(error) => Told::Failure(failure::to_json(&error).to_string()),
                },
            );
        });
        Ok(())
    }
}

/// A text too long for a JavaScript string would throw where no caller can catch it.
fn fitting(value: String) -> Result<String> {
    if value.len() <= LONGEST_TEXT {
        return Ok(value);
    }
    let message = format!(
        "the result has {} bytes, more than a JavaScript string can hold",
        value.len()
    );
    Err(Error::new(ErrorKind::TooLarge, Step::Wait, message))
}

/// Where the events of a JavaScript thread go.
#[napi]
pub struct NativeRealm {
    pub(crate) realm: Arc<Realm>,
}

#[napi]
impl NativeRealm {
    /// `told(name, id, what)` is called for every event, in order.
    #[napi(constructor, catch_unwind)]
    pub fn new(told: Function<'_, Unknown<'static>, Unknown<'static>>) -> napi::Result<Self> {
        let tell = told
            .build_threadsafe_function::<Event>()
            .callee_handled::<false>()
            .weak::<true>()
            .build_callback(|context| {
                let Event { id, told } = context.value;
                Ok(FnArgs::from((told.name(), id, told)))
            })?;
        Ok(Self {
            realm: Arc::new(Realm {
                tell,
                last_id: AtomicU32::new(0),
            }),
        })
    }
}

/// Something under way, until an event with its id reports its result.
#[napi]
pub struct NativeOperation {
    id: u32,
    cancel: CancelToken,
}

impl NativeOperation {
    /// An operation that can be cancelled, and the limits for its call.
    pub(crate) fn begin(realm: &Realm, options: CallOptions) -> (Self, CallOptions) {
        let cancel = CancelToken::new();
        let operation = Self {
            id: realm.next_id(),
            cancel: cancel.clone(),
        };
        (operation, options.with_cancel(cancel))
    }
}

#[napi]
impl NativeOperation {
    /// The id of its events.
    #[napi(getter, catch_unwind)]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Asks it to stop.
    #[napi(catch_unwind)]
    pub fn cancel(&self) {
        self.cancel.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_javascript_cannot_hold_is_an_error() {
        assert!(fitting("x".repeat(LONGEST_TEXT)).is_ok());
        let error = fitting("x".repeat(LONGEST_TEXT + 1)).err();
        assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::TooLarge));
    }
}
