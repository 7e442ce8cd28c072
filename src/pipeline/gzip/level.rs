//! How hard to compress, and with what.

use std::fmt;
use std::str::FromStr;

use super::{Encoder, portable};
use crate::error::{Error, ErrorKind, Result, Step};

/// How hard data is compressed before it is sent: a choice between processor time and bytes.
///
/// Every level produces one ordinary gzip member. `benches/GZIP.md` has measurements of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CompressionLevel {
    /// Least processor time: ISA-L level 1 where the library was built with the feature `isal`
    /// (then the default), zlib-rs level 2 otherwise.
    Fast,
    /// zlib-rs level 3, the knee of its curve; the default without the feature `isal`.
    Balanced,
    /// Fewest bytes: zlib-rs level 6, zlib's own default.
    Small,
}

impl Default for CompressionLevel {
    fn default() -> Self {
        if cfg!(feature = "isal") {
            Self::Fast
        } else {
            Self::Balanced
        }
    }
}

impl CompressionLevel {
    pub(super) fn encoder(self) -> Box<dyn Encoder> {
        match self {
            #[cfg(feature = "isal")]
            Self::Fast => Box::new(super::isal::Isal::new()),
            #[cfg(not(feature = "isal"))]
            Self::Fast => Box::new(portable::Portable::new(2)),
            Self::Balanced => Box::new(portable::Portable::new(3)),
            Self::Small => Box::new(portable::Portable::new(6)),
        }
    }
}

#[cfg(feature = "bench")]
impl CompressionLevel {
    /// The result of [`CompressionLevel::encoder`] in words.
    pub(crate) fn encoder_name(self) -> &'static str {
        match self {
            Self::Fast if cfg!(feature = "isal") => "ISA-L 1",
            Self::Fast => "zlib-rs 2",
            Self::Balanced => "zlib-rs 3",
            Self::Small => "zlib-rs 6",
        }
    }
}

impl fmt::Display for CompressionLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fast => "fast",
            Self::Balanced => "balanced",
            Self::Small => "small",
        })
    }
}

impl FromStr for CompressionLevel {
    type Err = Error;

    /// Reads `fast`, `balanced` or `small`, in any case.
    fn from_str(text: &str) -> Result<Self> {
        [Self::Fast, Self::Balanced, Self::Small]
            .into_iter()
            .find(|level| text.trim().eq_ignore_ascii_case(&level.to_string()))
            .ok_or_else(|| {
                let why = format!("must be fast, balanced or small, not {text:?}");
                Error::new(ErrorKind::Config, Step::BuildClient, why)
                    .with_argument("compression level")
            })
    }
}
