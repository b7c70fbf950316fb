//! In: a Parquet file; out: its bytes for the library's readers, and an error where the file ends.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::Result;
use parquet::file::reader::{ChunkReader, Length};

use super::object_pages::{ObjectFrom, ObjectPages};

/// A Parquet file whose readers may not ask for more than it has.
///
/// The library passes over a field that it does not know by reading on, and takes the end of the file for its value. Where
/// a damaged header announces a list of two thousand million such fields, that lasts minutes.
#[derive(Debug, Clone)]
pub(crate) enum PageFile {
    /// A local file.
    File(Arc<File>),
    /// An object in a store.
    Object(Arc<ObjectPages>),
}

impl Length for PageFile {
    fn len(&self) -> u64 {
        match self {
            Self::File(file) => file.as_ref().len(),
            Self::Object(object) => object.len(),
        }
    }
}

impl ChunkReader for PageFile {
    type T = EndIsError<PageReader>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(EndIsError(match self {
            Self::File(file) => {
                PageReader::File(BufReader::new(FileFrom { file: Arc::clone(file), position: start }))
            }
            Self::Object(object) => PageReader::Object(ObjectFrom::new(Arc::clone(object), start)),
        }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let end = start.checked_add(length as u64).filter(|end| *end <= self.len());
        let end = end.ok_or_else(|| io::Error::from(ErrorKind::UnexpectedEof))?;
        match self {
            Self::File(file) => {
                let mut bytes = vec![0; length];
                FileFrom { file: Arc::clone(file), position: start }.read_exact(&mut bytes)?;
                Ok(bytes.into())
            }
            Self::Object(object) => Ok(object.bytes(start..end)?),
        }
    }
}

/// The bytes of a file or an object from a place of it on.
pub(crate) enum PageReader {
    File(BufReader<FileFrom>),
    Object(ObjectFrom),
}

impl Read for PageReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(buffer),
            Self::Object(object) => object.read(buffer),
        }
    }
}

/// A file from a place of it on.
pub(crate) struct FileFrom {
    file: Arc<File>,
    position: u64,
}

impl Read for FileFrom {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        #[cfg(unix)]
        let read = std::os::unix::fs::FileExt::read_at(&*self.file, buffer, self.position)?;
        #[cfg(windows)]
        let read = std::os::windows::fs::FileExt::seek_read(&*self.file, buffer, self.position)?;
        self.position += read as u64;
        Ok(read)
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
        let pages = PageFile::File(Arc::new(file.reopen().unwrap()));
        let mut bytes = [0; 2];
        pages.get_read(1).unwrap().read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"bc");
        // What the library passes over a field with.
        let passed = io::copy(&mut pages.get_read(1).unwrap().take(8), &mut io::sink());
        assert_eq!(passed.unwrap_err().kind(), ErrorKind::UnexpectedEof);
        assert_eq!(pages.get_read(3).unwrap().read(&mut []).unwrap(), 0);
        assert_eq!(pages.get_bytes(1, 2).unwrap(), &b"bc"[..]);
        assert!(pages.get_bytes(1, 3).is_err() && pages.get_bytes(u64::MAX, 2).is_err());
    }
}
