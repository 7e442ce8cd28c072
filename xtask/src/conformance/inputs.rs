//! The files of a scenario.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::scenario::Input;
use crate::storm::Dice;
use crate::workspace;

/// From here on data counts as large.
const LARGE: u64 = 1 << 20;
/// Random-looking data has lines of this many bytes, including their ends.
const LINE: usize = 100;

/// Writes an input into `directory`, and returns its path.
pub(crate) fn write(directory: &Path, name: &str, input: &Input) -> Result<PathBuf, String> {
    let path = directory.join(input.file_name.as_deref().unwrap_or(name));
    let mut bytes = content(input).map_err(|error| format!("input {name}: {error}"))?;
    let failed = |error: std::io::Error| format!("cannot write {}: {error}", path.display());
    if input.gzip {
        bytes = gzip(&bytes).map_err(failed)?;
    }
    workspace::create_directory(directory)?;
    std::fs::write(&path, bytes).map_err(failed)?;
    Ok(path)
}

/// How much of it is written to a stream at a time.
pub(crate) fn piece(path: &Path) -> u64 {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.len() >= LARGE => 64 * 1024,
        _ => 1000,
    }
}

fn content(input: &Input) -> Result<Vec<u8>, String> {
    match (&input.text, &input.base64, input.rows, input.bytes) {
        (Some(text), None, None, None) => Ok(text.clone().into_bytes()),
        (None, Some(text), None, None) => STANDARD.decode(text).map_err(|error| error.to_string()),
        (None, None, Some(count), None) => Ok(rows(count)),
        (None, None, None, Some(length)) => Ok(noise(length)),
        _ => Err("exactly one of text, base64, rows and bytes is needed".to_owned()),
    }
}

fn rows(count: u64) -> Vec<u8> {
    let row = |n| format!("{n},row {n}\n").into_bytes();
    (0..count).flat_map(row).collect()
}

/// Six bits in every byte, so that it cannot be made smaller than three quarters.
fn noise(length: u64) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-";
    let mut dice = Dice::new(1);
    let mut bytes: Vec<u8> = (0..length)
        .map(|_| DIGITS[dice.below(64) as usize])
        .collect();
    let ends = bytes.iter_mut().skip(LINE - 1).step_by(LINE);
    ends.for_each(|end| *end = b'\n');
    bytes
}

fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn of(value: Value) -> Result<Vec<u8>, String> {
        content(&serde_json::from_value(value).unwrap())
    }

    #[test]
    fn every_kind_of_content() {
        assert_eq!(of(json!({"text": "é\n"})).unwrap(), "é\n".as_bytes());
        assert_eq!(of(json!({"base64": "AP8="})).unwrap(), [0, 255]);
        assert_eq!(of(json!({"rows": 2})).unwrap(), b"0,row 0\n1,row 1\n");
        assert!(of(json!({"rows": 2, "text": ""})).is_err());
        assert!(of(json!({})).is_err());
    }

    #[test]
    fn noise_is_the_same_every_time_and_does_not_shrink() {
        let noise = of(json!({"bytes": 100_000})).unwrap();
        assert_eq!(noise, of(json!({"bytes": 100_000})).unwrap());
        assert_eq!(noise.iter().filter(|byte| **byte == b'\n').count(), 1000);
        assert!(gzip(&noise).unwrap().len() > 70_000);
    }
}
