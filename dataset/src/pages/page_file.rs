//! In: a Parquet file; out: its bytes for the library's readers, and an error where the file ends.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use std::path::Path;

use bytes::Bytes;
use parquet::errors::Result;
use parquet::file::reader::{ChunkReader, Length};

/// A Parquet file whose readers may not ask for more than it has.
///
/// The library passes over a field that it does not know by reading on, and takes the end of the file for its value. Where
/// a damaged header announces a list of two thousand million such fields, that lasts minutes.
#[derive(Debug)]
pub(crate) struct PageFile(File);

impl PageFile {
    /// Opens the file.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        File::open(path).map(Self)
    }
}

impl Length for PageFile {
    fn len(&self) -> u64 {
        self.0.len()
    }
}

impl ChunkReader for PageFile {
    type T = EndIsError<BufReader<File>>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(EndIsError(self.0.get_read(start)?))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        self.0.get_bytes(start, length)
    }
}

/// Bytes whose end is an error: a Parquet file ends in its footer, so that whoever reads pages never gets there.
pub(crate) struct EndIsError<R>(R);

impl<R: Read> Read for EndIsError<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 if !buffer.is_empty() => Err(ErrorKind::UnexpectedEof.into()),
            read => Ok(read),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_reader_gets_beyond_the_end() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        io::Write::write_all(&mut file, b"abc").unwrap();
        let pages = PageFile::open(file.path()).unwrap();
        let mut bytes = [0; 2];
        pages.get_read(1).unwrap().read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"bc");
        // What the library passes over a field with.
        let passed = io::copy(&mut pages.get_read(1).unwrap().take(8), &mut io::sink());
        assert_eq!(passed.unwrap_err().kind(), ErrorKind::UnexpectedEof);
        assert_eq!(pages.get_read(3).unwrap().read(&mut []).unwrap(), 0);
    }
}
