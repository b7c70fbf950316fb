//! The bytes of a column chunk, read at once: a file in, what the Parquet library takes its pages from out.
//!
//! From a file the library reads page by page, and seeks before each: of a column of small pages that takes as long as
//! decompressing them.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use bytes::buf::Reader;
use bytes::{Buf, Bytes};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::{ChunkReader, Length};

/// A column chunk of a file.
pub(crate) struct ChunkBytes {
    /// Where it begins in the file.
    start: u64,
    bytes: Bytes,
}

impl ChunkBytes {
    /// `None` where the file does not hold it.
    pub fn read(mut file: File, chunk: &ColumnChunkMetaData) -> Option<Self> {
        let (start, length) = chunk.byte_range();
        if start.checked_add(length)? > file.metadata().ok()?.len() {
            return None;
        }
        let mut bytes = Vec::with_capacity(usize::try_from(length).ok()?);
        file.seek(SeekFrom::Start(start)).ok()?;
        file.take(length).read_to_end(&mut bytes).ok()?;
        Some(Self { start, bytes: bytes.into() })
    }

    fn from(&self, start: u64) -> Result<Bytes> {
        let skipped = start.checked_sub(self.start).and_then(|skipped| usize::try_from(skipped).ok());
        let skipped = skipped.filter(|skipped| *skipped <= self.bytes.len());
        let outside = || ParquetError::EOF("a page outside of its column chunk".into());
        Ok(self.bytes.slice(skipped.ok_or_else(outside)?..))
    }
}

impl Length for ChunkBytes {
    fn len(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

impl ChunkReader for ChunkBytes {
    type T = Reader<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(self.from(start)?.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let mut bytes = self.from(start)?;
        if length > bytes.len() {
            return Err(ParquetError::EOF("a page that ends behind its column chunk".into()));
        }
        bytes.truncate(length);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_lie_within_their_chunk() {
        let chunk = ChunkBytes { start: 100, bytes: Bytes::from_static(b"0123456789") };
        assert_eq!(chunk.len(), 110);
        assert_eq!(chunk.get_bytes(102, 3).unwrap(), "234");
        assert_eq!(chunk.get_bytes(110, 0).unwrap(), "");
        let mut rest = String::new();
        chunk.get_read(107).unwrap().read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "789");
        for (start, length) in [(99, 1), (111, 0), (105, 6), (u64::MAX, 1)] {
            assert!(chunk.get_bytes(start, length).is_err(), "{length} from {start}");
        }
    }
}
