//! Functions that compress text, and take it apart again. What is compressed has the form of the pages' examples, which is
//! that of data stored as it is.

use std::io::{Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::{GzDecoder, ZlibDecoder};
use flate2::write::ZlibEncoder;
use flate2::{Compression, GzBuilder};

use super::super::super::value::{ColumnType, Value};
use super::super::budget::may_be_made;
use super::record::{Function, Kind, Returns, Values};
use super::values::{string, text};

/// The mark of an unknown system in the header of gzip.
const UNKNOWN_SYSTEM: u8 = 255;
/// The place of the compression's effort there.
const EFFORT: usize = 8;

const fn of_text(name: &'static str, run: fn(&Values<'_>) -> Option<Value>) -> Function {
    Function::new(name, &[Kind::Text], Returns::Type(ColumnType::String), run)
}

pub(super) const FUNCTIONS: &[Function] = &[
    of_text("zlib_compress_to_base64_string", |v| {
        let mut writer = ZlibEncoder::new(Vec::new(), Compression::none());
        writer.write_all(text(v, 0).as_bytes()).ok()?;
        string(STANDARD.encode(writer.finish().ok()?))
    }),
    of_text("gzip_compress_to_base64_string", |v| {
        let header = GzBuilder::new().operating_system(UNKNOWN_SYSTEM);
        let mut writer = header.write(Vec::new(), Compression::none());
        writer.write_all(text(v, 0).as_bytes()).ok()?;
        let mut made = writer.finish().ok()?;
        // The examples do not say how hard it was tried.
        *made.get_mut(EFFORT)? = 0;
        string(STANDARD.encode(made))
    }),
    of_text("zlib_decompress_from_base64_string", |v| {
        let bytes = STANDARD.decode(text(v, 0)).ok()?;
        unpacked(ZlibDecoder::new(bytes.as_slice()))
    }),
    of_text("gzip_decompress_from_base64_string", |v| {
        let bytes = STANDARD.decode(text(v, 0)).ok()?;
        unpacked(GzDecoder::new(bytes.as_slice()))
    }),
];

/// The text, unless it is none or too large.
fn unpacked(mut reader: impl Read) -> Option<Value> {
    let (mut content, mut part) = (Vec::new(), [0_u8; 8192]);
    loop {
        let count = reader.read(&mut part).ok()?;
        if count == 0 {
            return string(String::from_utf8(content).ok()?);
        }
        may_be_made(content.len() + count).then_some(())?;
        content.extend(&part[..count]);
    }
}
