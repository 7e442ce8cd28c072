//! `kusto_source`: what to ingest.

use std::ffi::{c_char, c_void};
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use crate::callback::{UserData, kusto_drop_fn};
use crate::catalog::kusto_status;
use crate::error::kusto_error;
use crate::guard::{self, guarded};
use crate::handle::{self, Out};
use crate::kusto_bool;
use crate::progress::{ProgressCallback, Reporter, kusto_progress_fn};
use crate::runtime::Runtime;
use crate::text::{bytes, optional, raw, text};
use kusto_ingest::error::{Error, ErrorKind, Result, Step};
use kusto_ingest::source::{BlobSource, Compression, Source};

/// One ingestion's data. The call that ingests it takes ownership of it, even when that call fails.
pub struct kusto_source {
    content: Content,
    settings: Settings,
}

/// Where the bytes come from.
pub(crate) enum Content {
    Bytes(Bytes),
    Reader(Reader),
    Path(PathBuf),
    OpenFile(File),
    /// Pushed with kusto_stream_write.
    Stream,
    Blobs(Vec<BlobSource>),
}

/// The declared properties of the bytes.
#[derive(Default)]
pub(crate) struct Settings {
    id: Option<Uuid>,
    compression: Option<Compression>,
    raw_size: Option<u64>,
    progress: Option<ProgressCallback>,
}

impl kusto_source {
    pub(crate) fn new(content: Content) -> Self {
        Self {
            content,
            settings: Settings::default(),
        }
    }

    pub(crate) fn split(self) -> (Content, Settings) {
        (self.content, self.settings)
    }

    /// The settings of a source for pushed data.
    pub(crate) fn into_stream_settings(self) -> Result<Settings> {
        match self.content {
            Content::Stream => Ok(self.settings),
            _ => {
                let why = "already has data: kusto_source_stream creates a source for a stream";
                Err(Error::invalid_argument("source", why))
            }
        }
    }

    /// Each blob has its own id and size, and nothing is read from it here.
    fn local_settings(&mut self) -> Result<&mut Settings> {
        match self.content {
            Content::Blobs(_) => Err(Error::new(
                ErrorKind::InvalidState,
                Step::CheckArguments,
                "does not apply to blobs: see kusto_source_blobs_add",
            )
            .with_argument("source")),
            _ => Ok(&mut self.settings),
        }
    }
}

impl Content {
    /// As the core takes it; a reader is called on a thread of the library.
    pub(crate) fn into_source(self) -> Result<Source> {
        Ok(match self {
            Content::Bytes(data) => Source::bytes(data),
            Content::Reader(reader) => Source::reader(reader),
            Content::Path(path) => Source::file(path),
            Content::OpenFile(file) => Source::open_file(file),
            Content::Blobs(blobs) => Source::blobs(blobs),
            Content::Stream => {
                let why = "has no data: it is for kusto_stream_begin";
                return Err(Error::invalid_argument("source", why));
            }
        })
    }
}

impl Settings {
    /// Applies them to the source. The reporter, if there is one, calls the progress callback.
    pub(crate) fn apply(
        self,
        mut source: Source,
        runtime: &Runtime,
    ) -> Result<(Source, Option<Arc<Reporter>>)> {
        if let Some(id) = self.id {
            source = source.with_id(&id.to_string())?;
        }
        if let Some(compression) = self.compression {
            source = source.with_compression(compression);
        }
        if let Some(raw_size) = self.raw_size {
            source = source.with_raw_size(raw_size);
        }
        let reporter = self
            .progress
            .map(|callback| Reporter::new(callback, runtime.poster()));
        if let Some(reporter) = &reporter {
            let reporter = reporter.clone();
            source = source.with_progress(move |progress| reporter.report(progress));
        }
        Ok((source, reporter))
    }
}

/// Writes at most `cap` bytes to `buffer` and returns how many; 0 at the end of the data; a
/// negative number for a failure, which fails the ingestion. Never called by two threads at once.
/// kusto_ingest calls it on the calling thread, kusto_ingest_start on a thread of the library. Must
/// not throw.
pub type kusto_read_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, buffer: *mut u8, cap: usize) -> i64>;

/// The caller's function with its data, as a reader.
pub(crate) struct Reader {
    function: unsafe extern "C" fn(*mut c_void, *mut u8, usize) -> i64,
    user_data: UserData,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // SAFETY: the caller's own function; the buffer is writable for its length.
        let returned = self
            .user_data
            .call(|data| unsafe { (self.function)(data, buffer.as_mut_ptr(), buffer.len()) });
        match usize::try_from(returned) {
            Ok(length) if length <= buffer.len() => Ok(length),
            Ok(length) => Err(io::Error::other(overrun(length, buffer.len()))),
            Err(_) => Err(io::Error::other(format!(
                "the read callback failed ({returned})"
            ))),
        }
    }
}

fn overrun(length: usize, cap: usize) -> Error {
    Error::new(
        ErrorKind::Callback,
        Step::ReadSource,
        format!("the read callback returned {length} for a buffer of {cap} bytes"),
    )
}

/// Bytes that the caller lends until this is dropped.
struct Borrowed {
    data: *const u8,
    len: usize,
    _until: UserData,
}

// SAFETY: read only; the header requires the bytes to stay valid and unchanged until `drop`.
unsafe impl Send for Borrowed {}

impl AsRef<[u8]> for Borrowed {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: checked when this was made; the caller keeps them until `drop`.
        unsafe { bytes(self.data, self.len, "data") }.unwrap_or(&[])
    }
}

/// Data in memory. Without `drop` it is copied before the call returns. With `drop` it is borrowed:
/// it must stay valid and unchanged until `drop(drop_arg)` is called, once, on any thread, also
/// when this call fails.
///
/// Ownership: the caller frees `*out` with kusto_source_free, unless an ingestion takes it.
/// Threads: any.
/// Failure: KUSTO_E_INVALID_ARGUMENT; `*out` is NULL then. Empty data is an error of the ingestion.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_source_bytes(
    data: *const u8,
    len: usize,
    drop: kusto_drop_fn,
    drop_arg: *mut c_void,
    out: *mut *mut kusto_source,
    err: *mut *mut kusto_error,
) -> kusto_status {
    let until = UserData::new(drop_arg, drop);
    guarded(err, move || {
        let out = Out::required(out, "out")?;
        let given = bytes(data, len, "data")?;
        let content = match drop {
            None => Bytes::copy_from_slice(given),
            Some(_) => Bytes::from_owner(Borrowed {
                data,
                len,
                _until: until,
            }),
        };
        out.give(kusto_source::new(Content::Bytes(content)));
        Ok(())
    })
}

/// Data from a callback, read once from its start to its end.
///
/// Ownership: the caller frees `*out` with kusto_source_free, unless an ingestion takes it. Takes
/// `user_data`, even when the call fails; `drop` is called once, on any thread.
/// Threads: any.
/// Failure: KUSTO_E_INVALID_ARGUMENT; `*out` is NULL then. A failure of the callback is
/// KUSTO_E_SOURCE_IO of the ingestion, and nothing is ingested; a return value over `cap` is
/// KUSTO_E_CALLBACK.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_source_reader(
    callback: kusto_read_fn,
    user_data: *mut c_void,
    drop: kusto_drop_fn,
    out: *mut *mut kusto_source,
    err: *mut *mut kusto_error,
) -> kusto_status {
    let user_data = UserData::new(user_data, drop);
    guarded(err, move || {
        let out = Out::required(out, "out")?;
        let function = callback.ok_or_else(|| handle::null("callback"))?;
        out.give(kusto_source::new(Content::Reader(Reader {
            function,
            user_data,
        })));
        Ok(())
    })
}

/// A file, opened when the transfer starts; it must not change until the ingestion ends. Its
/// extension determines the compression (.gz, .zip) and, unless the properties set it, the format.
/// Paths are UTF-8 on Windows and bytes elsewhere.
///
/// Ownership: the caller frees `*out` with kusto_source_free, unless an ingestion takes it. The path
/// is copied.
/// Threads: any.
/// Failure: KUSTO_E_INVALID_ARGUMENT; `*out` is NULL then. A file that cannot be read, or that
/// changes, is KUSTO_E_SOURCE_IO of the ingestion.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_source_file(
    path: *const c_char,
    path_len: usize,
    out: *mut *mut kusto_source,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let out = Out::required(out, "out")?;
        let path = to_path(raw(path, path_len, "path")?)?;
        out.give(kusto_source::new(Content::Path(path)));
        Ok(())
    })
}

/// An open file, pipe or socket, read from its current position to its end, also when it is set not to
/// wait (O_NONBLOCK). The library works on a duplicate unless it takes ownership.
///
/// Ownership: the caller frees `*out` with kusto_source_free, unless an ingestion takes it. With
/// `take_ownership` the library closes the descriptor, unless this call fails.
/// Threads: any; nothing else may read from it until the ingestion ends.
/// Failure: KUSTO_E_INVALID_ARGUMENT when it is not open, KUSTO_E_UNSUPPORTED on Windows; `*out` is
/// NULL then.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_source_fd(
    fd: i32,
    take_ownership: kusto_bool,
    out: *mut *mut kusto_source,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let out = Out::required(out, "out")?;
        let file = open_file(fd, take_ownership != 0)?;
        out.give(kusto_source::new(Content::OpenFile(file)));
        Ok(())
    })
}

/// A source whose data the caller pushes with kusto_stream_write: it holds the settings for
/// kusto_stream_begin.
///
/// Ownership: the caller frees `*out` with kusto_source_free, unless kusto_stream_begin takes it.
/// Threads: any.
/// Failure: KUSTO_E_INVALID_ARGUMENT.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_source_stream(
    out: *mut *mut kusto_source,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        Out::required(out, "out")?.give(kusto_source::new(Content::Stream));
        Ok(())
    })
}

/// A list of existing blobs; add them with kusto_source_blobs_add. The service reads them: nothing
/// is uploaded.
///
/// Ownership: the caller frees `*out` with kusto_source_free, unless an ingestion takes it.
/// Threads: any.
/// Failure: KUSTO_E_INVALID_ARGUMENT. An empty list is an error of the ingestion.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_source_blobs(
    out: *mut *mut kusto_source,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        Out::required(out, "out")?.give(kusto_source::new(Content::Blobs(Vec::new())));
        Ok(())
    })
}

/// Adds a blob by its URL followed by the authorization for the service: `?SAS`, or one of the
/// documented `;` forms. `raw_size` is its uncompressed size in bytes, by which the service batches;
/// 0 if unknown. `source_id` is a UUID; NULL lets the library choose.
///
/// Ownership: both texts are copied.
/// Threads: one at a time for each source.
/// Failure: KUSTO_E_INVALID_ARGUMENT; KUSTO_E_INVALID_STATE if the source is not a list of blobs.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_source_blobs_add(
    source: *mut kusto_source,
    url: *const c_char,
    url_len: usize,
    raw_size: u64,
    source_id: *const c_char,
    source_id_len: usize,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let source = handle::borrow_mut(source, "source")?;
        let Content::Blobs(blobs) = &mut source.content else {
            return Err(Error::new(
                ErrorKind::InvalidState,
                Step::CheckArguments,
                "is not a list of blobs",
            )
            .with_argument("source"));
        };
        let mut blob = BlobSource::new(text(url, url_len, "url")?)?.with_raw_size(raw_size);
        if let Some(id) = optional(source_id, source_id_len, "source_id")? {
            blob = blob.with_id(id)?;
        }
        blobs.push(blob);
        Ok(())
    })
}

/// Sets the source id, a UUID, under which the outcome is reported; random by default. Not for blobs.
///
/// Ownership: the text is copied.
/// Threads: one at a time for each source.
/// Failure: KUSTO_E_INVALID_ARGUMENT; KUSTO_E_INVALID_STATE for blobs.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_source_set_id(
    source: *mut kusto_source,
    uuid: *const c_char,
    uuid_len: usize,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let settings = handle::borrow_mut(source, "source")?.local_settings()?;
        let uuid = Uuid::parse_str(text(uuid, uuid_len, "uuid")?.trim())
            .map_err(|error| Error::invalid_argument("uuid", error.to_string()))?;
        settings.id = Some(uuid);
        Ok(())
    })
}

/// Declares the compression that the data already has, KUSTO_COMPRESSION_*. By default a file's
/// extension decides and any other source counts as not compressed; the library then compresses it if
/// the format allows.
///
/// Ownership: none.
/// Threads: one at a time for each source.
/// Failure: KUSTO_E_INVALID_ARGUMENT; KUSTO_E_INVALID_STATE for blobs, whose names decide. Data that
/// does not match is an error of the ingestion.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_source_set_compression(
    source: *mut kusto_source,
    compression: i32,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let settings = handle::borrow_mut(source, "source")?.local_settings()?;
        let known = Compression::from_number(compression).ok_or_else(|| {
            Error::invalid_argument("compression", "is not the number of a compression")
        })?;
        settings.compression = Some(known);
        Ok(())
    })
}

/// Sets the uncompressed size in bytes of data that is already compressed, by which the service
/// batches. Other data is measured. Without it, or with 0, the size is left out, never guessed: the
/// service then determines it, and may ingest each such source by itself.
///
/// Ownership: none.
/// Threads: one at a time for each source.
/// Failure: KUSTO_E_INVALID_ARGUMENT; KUSTO_E_INVALID_STATE for blobs.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_source_set_raw_size(
    source: *mut kusto_source,
    raw_size: u64,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let settings = handle::borrow_mut(source, "source")?.local_settings()?;
        settings.raw_size = Some(raw_size);
        Ok(())
    })
}

/// Sets a callback for the progress of the transfer. NULL removes it.
///
/// Ownership: takes `user_data`, even when the call fails; `drop` is called once, on any thread.
/// Threads: one at a time for each source.
/// Failure: KUSTO_E_INVALID_ARGUMENT; KUSTO_E_INVALID_STATE for blobs, which are not transferred.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_source_set_progress(
    source: *mut kusto_source,
    callback: kusto_progress_fn,
    user_data: *mut c_void,
    drop: kusto_drop_fn,
    err: *mut *mut kusto_error,
) -> kusto_status {
    let user_data = UserData::new(user_data, drop);
    guarded(err, move || {
        let settings = handle::borrow_mut(source, "source")?.local_settings()?;
        settings.progress = callback.map(|function| ProgressCallback {
            function,
            user_data,
        });
        Ok(())
    })
}

/// Frees a source that no ingestion took.
///
/// Ownership: takes the source; NULL is allowed. Never free a source that was passed to an
/// ingestion, even one that failed.
/// Threads: any, once the source is no longer in use.
/// Failure: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_source_free(source: *mut kusto_source) {
    guard::value((), || drop(handle::take(source)));
}

fn to_path(path: &[u8]) -> Result<PathBuf> {
    let wrong = |why: &str| Err(Error::invalid_argument("path", why));
    if path.is_empty() {
        return wrong("must not be empty");
    }
    if path.contains(&0) {
        return wrong("holds a NUL");
    }
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt as _;
        Ok(PathBuf::from(std::ffi::OsStr::from_bytes(path)))
    }
    #[cfg(not(unix))]
    match std::str::from_utf8(path) {
        Ok(path) => Ok(PathBuf::from(path)),
        Err(_) => wrong("is not UTF-8"),
    }
}

#[cfg(unix)]
fn open_file(fd: i32, take_ownership: bool) -> Result<File> {
    use std::os::fd::{BorrowedFd, FromRawFd as _, OwnedFd};

    let wrong = |error: io::Error| Error::invalid_argument("fd", error.to_string());
    // SAFETY: asking whether a number is an open descriptor is always allowed.
    if unsafe { libc::fcntl(fd, libc::F_GETFD) } == -1 {
        return Err(wrong(io::Error::last_os_error()));
    }
    if take_ownership {
        // SAFETY: open, and owned by the library from here on.
        return Ok(File::from(unsafe { OwnedFd::from_raw_fd(fd) }));
    }
    // SAFETY: open, and lent by the caller during the call.
    let lent = unsafe { BorrowedFd::borrow_raw(fd) };
    lent.try_clone_to_owned().map(File::from).map_err(wrong)
}

#[cfg(not(unix))]
fn open_file(_: i32, _: bool) -> Result<File> {
    Err(Error::new(
        ErrorKind::Unsupported,
        Step::CheckArguments,
        "descriptors do not cross C runtimes: use a path or a reader",
    )
    .with_argument("fd"))
}
