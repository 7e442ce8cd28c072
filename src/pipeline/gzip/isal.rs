//! The fast encoder: Intel's ISA-L, level 1. Called through its C API, because the safe layer of
//! its crate has neither dictionaries nor sync flushes.

use std::ffi::c_int;
use std::io;

use isal::isal_sys::igzip_lib as igzip;

use super::Encoder;

/// One of ISA-L's functions that compress.
type Encode = unsafe extern "C" fn(*mut igzip::isal_zstream) -> c_int;

/// ISA-L's own size for level 1.
const LEVEL_BUFFER: u32 = igzip::ISAL_DEF_LVL1_DEFAULT;

const LEVEL: u32 = 1;

pub(super) struct Isal {
    stream: Box<igzip::isal_zstream>,
    /// Working memory that `stream` points into: never moved or resized. Aligned for ISA-L's use of
    /// it as a structure with pointers.
    level_buffer: Box<[u64]>,
}

// SAFETY: the stream's pointers lead to `level_buffer`, which moves with it, and to ISA-L's
// constant tables. Input and output pointers are only used within one `encode`.
unsafe impl Send for Isal {}

impl Isal {
    pub(super) fn new() -> Self {
        // SAFETY: all zeros is a valid value of this C structure (numbers, arrays, null pointers).
        let mut stream: Box<igzip::isal_zstream> = Box::new(unsafe { std::mem::zeroed() });
        // SAFETY: the pointer is valid; the function fills in the structure.
        unsafe { igzip::isal_deflate_init(&raw mut *stream) };
        Self {
            stream,
            level_buffer: vec![0; LEVEL_BUFFER.div_ceil(8) as usize].into_boxed_slice(),
        }
    }

    fn lend_level_buffer(&mut self) {
        self.stream.level_buf = self.level_buffer.as_mut_ptr().cast();
        self.stream.level_buf_size = LEVEL_BUFFER;
    }

    /// No pointer to the caller's memory stays.
    fn forget(&mut self) {
        self.stream.next_in = std::ptr::null_mut();
        self.stream.next_out = std::ptr::null_mut();
    }

    fn begin(&mut self, dictionary: &[u8]) -> io::Result<()> {
        self.lend_level_buffer();
        // SAFETY: the stream was initialised by `new`.
        unsafe { igzip::isal_deflate_reset(&raw mut *self.stream) };
        // The other kind of stream shares the hash table, and may have made it smaller.
        self.stream.level = LEVEL;
        self.stream.end_of_stream = 0;
        self.stream.gzip_flag = igzip::IGZIP_DEFLATE as u16;
        self.stream.flush = igzip::SYNC_FLUSH as u16;
        if dictionary.is_empty() {
            return Ok(());
        }
        let size = length(dictionary)?;
        // SAFETY: the stream is in its initial state, and the dictionary is readable for its length;
        // the function copies it and writes nothing there, although the pointer is mutable.
        let code = unsafe {
            igzip::isal_deflate_set_dict(
                &raw mut *self.stream,
                dictionary.as_ptr().cast_mut(),
                size,
            )
        };
        check(code)
    }

    /// Runs the encoder into the spare room of `out`; true when all input is out.
    fn step(&mut self, out: &mut Vec<u8>) -> io::Result<bool> {
        // SAFETY: `encode` has set a readable input that outlives this call.
        check(unsafe { self.run(out, igzip::isal_deflate) })?;
        // Remaining room means that the flush is complete.
        Ok(self.stream.avail_out > 0)
    }

    /// Calls one of ISA-L's functions with the spare room of `out`, and returns its code.
    ///
    /// # Safety
    /// The stream's input is readable.
    unsafe fn run(&mut self, out: &mut Vec<u8>, encode: Encode) -> c_int {
        let spare = out.spare_capacity_mut();
        let room = spare.len().min(u32::MAX as usize);
        self.stream.next_out = spare.as_mut_ptr().cast();
        self.stream.avail_out = room as u32;
        // SAFETY: the caller answers for the input; the output is writable for `avail_out` bytes; the
        // level buffer belongs to `self`.
        let code = unsafe { encode(&raw mut *self.stream) };
        let written = room - self.stream.avail_out as usize;
        // SAFETY: the encoder has initialised the first `written` bytes of the spare room.
        unsafe { out.set_len(out.len() + written) };
        code
    }
}

impl Encoder for Isal {
    fn encode(&mut self, dictionary: &[u8], data: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        self.begin(dictionary)?;
        self.stream.next_in = data.as_ptr().cast_mut();
        self.stream.avail_in = length(data)?;
        // Room for the worst case: where ISA-L runs out of it decides where it ends a deflate block,
        // and the same data must give the same bytes.
        out.reserve(room_for(data));
        while !self.step(out)? {
            out.reserve(data.len() / 8 + 1024);
        }
        self.forget();
        Ok(())
    }

    fn encode_all(&mut self, data: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        // SAFETY: the pointer is valid; the function sets what a separate stream begins with.
        unsafe { igzip::isal_deflate_stateless_init(&raw mut *self.stream) };
        self.stream.level = LEVEL;
        self.lend_level_buffer();
        self.stream.end_of_stream = 1;
        self.stream.flush = igzip::NO_FLUSH as u16;
        self.stream.gzip_flag = igzip::IGZIP_DEFLATE as u16;
        self.stream.next_in = data.as_ptr().cast_mut();
        self.stream.avail_in = length(data)?;
        out.reserve(room_for(data));
        // SAFETY: the input was just set, from a slice that outlives this call.
        let code = unsafe { self.run(out, igzip::isal_deflate_stateless) };
        self.forget();
        check(code)
    }
}

/// For the worst case, which is data that cannot be compressed.
fn room_for(data: &[u8]) -> usize {
    data.len() + data.len() / 8 + 1024
}

fn length(data: &[u8]) -> io::Result<u32> {
    u32::try_from(data.len()).map_err(io::Error::other)
}

fn check(code: c_int) -> io::Result<()> {
    match code {
        0 => Ok(()),
        code => Err(io::Error::other(format!("ISA-L answered {code}"))),
    }
}
