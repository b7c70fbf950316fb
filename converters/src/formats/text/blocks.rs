//! Blocks of a text file: a reader in, bytes that end with a line out.

use std::io::{self, Read};

use memchr::{memchr_iter, memrchr};

/// Bytes of a block, but for a longer line.
const BLOCK_BYTES: u64 = 4 << 20;
/// A line longer than this is no line of any text format; it is the lines' reader that says so.
pub const LINE_BYTES: usize = 1 << 20;

/// A text file that is read block by block.
pub struct Blocks {
    reader: Box<dyn Read + Send>,
    /// The start of a line whose end has not been read.
    rest: Vec<u8>,
    ended: bool,
    /// Lines of a block that could not be read to its end.
    lost: u64,
}

impl Blocks {
    pub fn new(reader: Box<dyn Read + Send>) -> Self {
        Self { reader, rest: Vec::new(), ended: false, lost: 0 }
    }

    /// Whole lines that were read of a block before it could not be read to its end.
    pub fn lost_lines(&self) -> u64 {
        self.lost
    }

    /// The next whole lines, `None` behind the last.
    ///
    /// A block whose only line is longer than [`LINE_BYTES`] may lack the end of it.
    pub fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        if self.ended {
            return Ok(None);
        }
        let mut block = std::mem::take(&mut self.rest);
        loop {
            let read = (&mut self.reader).take(BLOCK_BYTES).read_to_end(&mut block);
            if read.is_err() {
                self.lost = memchr_iter(b'\n', &block).count() as u64;
            }
            let read = read?;
            if (read as u64) < BLOCK_BYTES {
                self.ended = true;
                return Ok((!block.is_empty()).then_some(block));
            }
            if let Some(end) = memrchr(b'\n', &block) {
                self.rest = block.split_off(end + 1);
                return Ok(Some(block));
            }
            if block.len() > LINE_BYTES {
                return Ok(Some(block));
            }
        }
    }
}
