//! The lines of a text file, many at a time: a reader in, buffers of whole lines out.

use std::io::{self, Read};

use memchr::{memchr_iter, memrchr};

/// Bytes of a buffer, unless a line is longer.
const BUFFER_BYTES: u64 = 4 << 20;
/// A line longer than this is no line of any text format; whoever reads lines says so.
pub const LINE_BYTES: usize = 1 << 20;

/// A text file that is read buffer by buffer.
pub struct LineBuffers {
    reader: Box<dyn Read + Send>,
    /// The start of a line whose end has not been read.
    rest: Vec<u8>,
    ended: bool,
    /// Lines of a buffer that could not be read to its end.
    lost: u64,
}

impl LineBuffers {
    /// Reads from where `reader` is.
    pub fn new(reader: Box<dyn Read + Send>) -> Self {
        Self { reader, rest: Vec::new(), ended: false, lost: 0 }
    }

    /// Whole lines that were read into a buffer before it could not be read to its end.
    pub fn lost_lines(&self) -> u64 {
        self.lost
    }

    /// The next whole lines, `None` after the last.
    ///
    /// A buffer whose only line is longer than [`LINE_BYTES`] may lack the end of it.
    ///
    /// # Errors
    /// A file that cannot be read on.
    pub fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        if self.ended {
            return Ok(None);
        }
        let mut buffer = std::mem::take(&mut self.rest);
        loop {
            let read = (&mut self.reader).take(BUFFER_BYTES).read_to_end(&mut buffer);
            if read.is_err() {
                self.lost = memchr_iter(b'\n', &buffer).count() as u64;
            }
            let read = read?;
            if (read as u64) < BUFFER_BYTES {
                self.ended = true;
                return Ok((!buffer.is_empty()).then_some(buffer));
            }
            if let Some(end) = memrchr(b'\n', &buffer) {
                self.rest = buffer.split_off(end + 1);
                return Ok(Some(buffer));
            }
            if buffer.len() > LINE_BYTES {
                return Ok(Some(buffer));
            }
        }
    }
}
