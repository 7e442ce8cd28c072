//! The library's version and build.

use std::ffi::{CStr, c_char};

use crate::{guard, kusto_bool, text};

/// The parts of `major.minor.patch`, known when this is compiled.
const fn part(text: &str) -> u32 {
    let bytes = text.as_bytes();
    let (mut number, mut index) = (0, 0);
    while index < bytes.len() {
        number = number * 10 + (bytes[index] - b'0') as u32;
        index += 1;
    }
    number
}

const MAJOR: u32 = part(env!("CARGO_PKG_VERSION_MAJOR"));
const MINOR: u32 = part(env!("CARGO_PKG_VERSION_MINOR"));
const PATCH: u32 = part(env!("CARGO_PKG_VERSION_PATCH"));

/// Optional parts of this library that are built in.
const FEATURES: &[&str] = &[
    #[cfg(feature = "isal")]
    "isal",
    #[cfg(feature = "pfx")]
    "pfx",
];

/// The library's version as `(major << 16) | (minor << 8) | patch`; compare KUSTO_VERSION_NUMBER.
///
/// Ownership: none.
/// Threads: any.
/// Failure: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn kusto_version_number() -> u32 {
    (MAJOR << 16) | (MINOR << 8) | PATCH
}

/// The library's version as text, such as "0.1.0".
///
/// Ownership: the text is static.
/// Threads: any.
/// Failure: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn kusto_version_string() -> *const c_char {
    c_text(concat!(env!("CARGO_PKG_VERSION"), "\0"))
}

/// The number of the binary interface: reject a library whose number is not KUSTO_ABI_VERSION.
/// Interface 0 may change from one version to the next.
///
/// Ownership: none.
/// Threads: any.
/// Failure: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn kusto_abi_version() -> u32 {
    MAJOR
}

/// How the library was built, as JSON, for bug reports: version, system, processor, and the optional
/// parts that are built in ("features"; kusto_has_feature says what there can be).
///
/// Ownership: the text is static.
/// Threads: any.
/// Failure: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn kusto_build_info() -> *const c_char {
    #[cfg(debug_assertions)]
    const PROFILE: &CStr = c"debug";
    #[cfg(not(debug_assertions))]
    const PROFILE: &CStr = c"release";
    static INFO: std::sync::OnceLock<text::CText> = std::sync::OnceLock::new();
    guard::value(c"{}".as_ptr(), || {
        let info = INFO.get_or_init(|| {
            let json = serde_json::json!({
                "version": env!("CARGO_PKG_VERSION"),
                "os": std::env::consts::OS,
                "arch": std::env::consts::ARCH,
                "profile": PROFILE.to_string_lossy(),
                "features": FEATURES,
            });
            text::CText::new(json.to_string())
        });
        // SAFETY: no length is asked for.
        unsafe { info.lend(std::ptr::null_mut()) }
    })
}

/// Whether an optional part is built in. All functions exist in every build; those of a part that
/// is not built in fail with KUSTO_E_UNSUPPORTED. The optional parts of this version: "isal", which
/// compresses with Intel's ISA-L, and "pfx", which reads certificates from PFX files.
///
/// Ownership: `name` is borrowed during the call.
/// Threads: any.
/// Failure: 0 for an unknown or missing name.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_has_feature(name: *const c_char, name_len: usize) -> kusto_bool {
    guard::value(0, || {
        text::text(name, name_len, "name")
            .is_ok_and(|name| FEATURES.contains(&name))
            .into()
    })
}

fn c_text(text: &'static str) -> *const c_char {
    // Falls back to the empty text rather than to one without its NUL.
    CStr::from_bytes_with_nul(text.as_bytes())
        .unwrap_or_default()
        .as_ptr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_build_lists_the_features_that_it_has() {
        // SAFETY: static texts.
        let (info, isal, pfx) = unsafe {
            (
                CStr::from_ptr(kusto_build_info()),
                kusto_has_feature(c"isal".as_ptr(), 4),
                kusto_has_feature(c"pfx".as_ptr(), 3),
            )
        };
        let info: serde_json::Value = serde_json::from_slice(info.to_bytes()).unwrap();
        assert_eq!(info["features"], serde_json::json!(FEATURES));
        assert_eq!(isal == 1, cfg!(feature = "isal"));
        assert_eq!(pfx == 1, cfg!(feature = "pfx"));
    }

    #[test]
    fn the_packed_version_is_cargos() {
        let number = kusto_version_number();
        let text = format!(
            "{}.{}.{}",
            number >> 16,
            (number >> 8) & 0xff,
            number & 0xff
        );
        assert_eq!(text, env!("CARGO_PKG_VERSION"));
        // SAFETY: a static text.
        let string = unsafe { CStr::from_ptr(kusto_version_string()) };
        assert_eq!(string.to_str(), Ok(env!("CARGO_PKG_VERSION")));
    }
}
