//! Errors as the service gives them.

use std::fmt;

/// What kind of mistake it is; decides code, exception type and HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The text does not follow the grammar.
    Syntax,
    /// The text names or combines what does not exist or fit.
    Semantic,
    /// A database, table or mapping that is not there.
    EntityNotFound,
    /// A database, table or mapping that is there already.
    EntityExists,
    /// A request or command that cannot be executed as it stands.
    BadRequest,
    /// A command for the other service.
    WrongService,
    /// It ran for longer than it may, or nobody waits for it.
    TimedOut,
    /// It needs more than it may.
    LimitsExceeded,
}

impl ErrorKind {
    /// The HTTP status that it is answered with.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::TimedOut => 504,
            _ => 400,
        }
    }

    /// Whether the same request would fail again.
    #[must_use]
    pub fn is_permanent(self) -> bool {
        !matches!(self, Self::TimedOut | Self::LimitsExceeded)
    }
}

/// One service error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KustoError {
    /// Its kind.
    pub kind: ErrorKind,
    /// Code of a syntax or semantic error (`SYN0002`, `SEM0100`); empty for others.
    pub code: &'static str,
    /// The text, for people.
    pub message: String,
    /// Line and position in the request's text, both from 1 and 0 as the service counts.
    pub position: Option<(usize, usize)>,
}

impl KustoError {
    /// An error without code and position.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            code: "",
            message: message.into(),
            position: None,
        }
    }

    /// The text does not follow the grammar at byte `offset`.
    pub fn syntax(text: &str, offset: usize, message: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Syntax,
            code: "SYN0002",
            message: message.into(),
            position: Some(locate(text, offset)),
        }
    }

    /// A name or combination of types that does not resolve.
    pub fn semantic(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Semantic,
            code,
            message: message.into(),
            position: None,
        }
    }

    /// The same error with the place in the text it is about.
    pub fn located(mut self, text: &str, offset: usize) -> Self {
        self.position = Some(locate(text, offset));
        self
    }

    /// A request or command that cannot be executed as it stands.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::BadRequest, message)
    }

    /// An entity that is not there; `kind` as the service names it (`Table`, `Database`...).
    pub fn not_found(kind: &str, name: &str) -> Self {
        Self::new(
            ErrorKind::EntityNotFound,
            format!("Entity ID '{name}' of kind '{kind}' was not found."),
        )
    }

    /// An entity that is there already; `kind` as the service names it.
    pub fn exists(kind: &str, name: &str) -> Self {
        Self::new(
            ErrorKind::EntityExists,
            format!("Entity ID '{name}' of kind '{kind}' already exists."),
        )
    }
}

impl fmt::Display for KustoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ErrorKind::Syntax => write!(f, "Syntax error: {}: {}", self.code, self.message)?,
            ErrorKind::Semantic => write!(f, "Semantic error: {}: {}", self.code, self.message)?,
            _ => f.write_str(&self.message)?,
        }
        match self.position {
            Some((line, column)) => write!(f, " [line:position={line}:{column}]"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for KustoError {}

/// Line (from 1) and position in it (from 0) of a byte offset.
fn locate(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (
        before.matches('\n').count() + 1,
        before[line_start..].chars().count(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_from_one_and_characters_from_zero() {
        let error = KustoError::syntax("ä\nöx", "ä\nö".len(), "unexpected");
        assert_eq!(
            error.to_string(),
            "Syntax error: SYN0002: unexpected [line:position=2:1]"
        );
    }
}
