//! One source file: a path or a member of a tar archive in, its bytes out, unpacked where they are compressed.

use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::compression::{Compression, MAGIC_BYTES, without_extension};
use crate::text_encoding::{Encoding, PEEKED_BYTES};
use crate::{Error, Result};
use bytes::Bytes;
use isd_dataset::storage::{self, LocalFile};
use isd_stores::{Object, Stream, is_address};

/// Bytes of a file that its format is recognised by.
const HEAD_BYTES: u64 = 64 << 10;
/// Bytes that are read from a file at once.
const READ_BYTES: usize = 256 << 10;
/// What some programs put before text in UTF-8. Where files were put one after the other, it is also within the text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A line without a byte order mark before it.
#[must_use]
pub fn without_mark(line: &[u8]) -> &[u8] {
    line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line)
}

/// One source file, which can be read again and again.
#[derive(Debug, Clone)]
pub struct Input {
    path: Arc<Path>,
    content: Content,
    /// A copy of an object, once a reader has needed a file; it is removed with the last clone of this input.
    copy: Arc<OnceLock<LocalFile>>,
    /// Counts the stored bytes that a [`reader`](Self::reader) takes.
    counter: Option<Arc<AtomicU64>>,
}

#[derive(Debug, Clone)]
enum Content {
    File,
    Memory(Bytes),
}

/// The first bytes of a file.
#[derive(Debug, Clone)]
pub struct Head {
    /// As they are stored.
    pub stored: Vec<u8>,
    /// Decompressed where they are compressed, and without a byte order mark.
    pub text: Vec<u8>,
    /// How `stored` is compressed.
    pub compression: Option<Compression>,
}

impl Head {
    /// The first line of `text`, without its line end; empty where there is none.
    #[must_use]
    pub fn first_line(&self) -> &[u8] {
        self.lines().next().unwrap_or(b"")
    }

    /// The lines of `text`, without their line ends; the last may be cut short.
    pub fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.text.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
    }
}

impl Input {
    fn of(path: Arc<Path>, content: Content) -> Self {
        Self { path, content, copy: Arc::default(), counter: None }
    }

    /// A file on disk, or an object by its address.
    #[must_use]
    pub fn file(path: &Path) -> Self {
        Self::of(path.into(), Content::File)
    }

    /// A member of an archive, whose path is the archive's path followed by the member's name.
    #[must_use]
    pub fn member(archive: &Path, name: &Path, content: Bytes) -> Self {
        Self::of(archive.join(name).into(), Content::Memory(content))
    }

    /// An input of the same path that holds another content.
    #[must_use]
    pub fn with_content(&self, content: Bytes) -> Self {
        Self::of(Arc::clone(&self.path), Content::Memory(content))
    }

    /// This input, which adds the stored bytes that are read of it to `counter`.
    #[must_use]
    pub fn counted(self, counter: Arc<AtomicU64>) -> Self {
        Self { counter: Some(counter), ..self }
    }

    /// Its path; of a member of an archive, the archive's path followed by the member's name.
    #[must_use]
    pub fn path(&self) -> &Arc<Path> {
        &self.path
    }

    /// The content of a member of an archive; `None` of a file on disk.
    #[must_use]
    pub fn memory(&self) -> Option<&Bytes> {
        match &self.content {
            Content::File => None,
            Content::Memory(bytes) => Some(bytes),
        }
    }

    /// A file that can be read from any place of it: an object is copied to one. Of a member of an archive it is the archive.
    ///
    /// # Errors
    /// An object that cannot be copied.
    pub fn local(&self) -> std::io::Result<&Path> {
        if let Some(copy) = self.copy.get() {
            return Ok(copy.as_ref());
        }
        let copy = storage::local(&self.path)?;
        Ok(self.copy.get_or_init(|| copy).as_ref())
    }

    /// The path that a library can open, which only a file on disk and an object have.
    ///
    /// # Errors
    /// A member of an archive, or an object that cannot be copied.
    pub fn on_disk(&self) -> Result<&Path> {
        match self.content {
            Content::File => self.local().map_err(|error| self.unreadable(error)),
            Content::Memory(_) => Err(Error::Format {
                path: self.path.to_path_buf(),
                found: "cannot be read inside an archive".into(),
                hint: Some("unpack the archive with `tar -xf` first".into()),
            }),
        }
    }

    /// The file's name without directory and without `.gz` or another extension of compression, which names its station
    /// where the format does not; empty where the path ends in none.
    #[must_use]
    pub fn name(&self) -> String {
        let name = self.path.file_name().map_or_else(Default::default, |name| name.to_string_lossy());
        without_extension(&name).to_owned()
    }

    /// Its first bytes.
    ///
    /// # Errors
    /// An unreadable file.
    pub fn head(&self) -> Result<Head> {
        let mut stored = Vec::new();
        let mut file = self.stored()?;
        file.by_ref().take(HEAD_BYTES).read_to_end(&mut stored).map_err(|error| self.unreadable(error))?;
        let compression = Compression::of(&stored);
        let mut text = Vec::new();
        match compression {
            Some(compression) => {
                // Nothing comes out of bzip2 before a whole block of it, which may be longer than the head.
                let whole = BufReader::with_capacity(READ_BYTES, stored.as_slice().chain(file));
                let inside = compression.reader(whole).map_err(|error| self.unreadable(error))?;
                let read = inside.take(HEAD_BYTES).read_to_end(&mut text);
                // The start of a damaged file may well say what it is; reading it will report the damage.
                if let Err(error) = read
                    && text.is_empty()
                {
                    return Err(self.unreadable(error));
                }
            }
            None => text.clone_from(&stored),
        }
        if let Some(encoding) = Encoding::of(&text[..text.len().min(PEEKED_BYTES)]) {
            let mut decoded = Vec::new();
            // The head may end within a character.
            let _ = encoding.reader(Box::new(Cursor::new(text))).read_to_end(&mut decoded);
            text = decoded;
        }
        if text.starts_with(BYTE_ORDER_MARK) {
            text.drain(..BYTE_ORDER_MARK.len());
        }
        Ok(Head { stored, text, compression })
    }

    /// Its bytes from the start, decompressed where they are compressed, and in lines of UTF-8 where they are text in
    /// UTF-16 or with line ends of a carriage return alone.
    ///
    /// # Errors
    /// A file that cannot be opened.
    pub fn reader(&self) -> Result<Box<dyn Read + Send>> {
        let mut magic = [0; MAGIC_BYTES];
        let mut stored = Counted { stored: self.stored()?, counter: self.counter.clone() };
        let mut read = 0;
        while let Some(rest) = magic.get_mut(read..).filter(|rest| !rest.is_empty()) {
            match stored.read(rest).map_err(|error| self.unreadable(error))? {
                0 => break,
                more => read += more,
            }
        }
        let start = magic[..read].to_vec();
        let compression = Compression::of(&start);
        let whole = BufReader::with_capacity(READ_BYTES, Cursor::new(start).chain(stored));
        let mut bytes: Box<dyn Read + Send> = match compression {
            Some(compression) => compression.reader(whole).map_err(|error| self.unreadable(error))?,
            None => Box::new(whole),
        };
        let mut start = Vec::with_capacity(PEEKED_BYTES);
        // What cannot be read here fails once more below.
        let failure = (&mut bytes).take(PEEKED_BYTES as u64).read_to_end(&mut start).err();
        let encoding = Encoding::of(&start);
        let start = Cursor::new(start);
        let bytes: Box<dyn Read + Send> = match failure {
            Some(error) => Box::new(start.chain(Failing(Some(error)))),
            None => Box::new(start.chain(bytes)),
        };
        Ok(match encoding {
            Some(encoding) => encoding.reader(bytes),
            None => bytes,
        })
    }

    fn stored(&self) -> Result<Box<dyn Read + Send>> {
        match &self.content {
            Content::File => {
                let open =
                    |source| Error::Io { path: self.path.to_path_buf(), action: "cannot open", source };
                if is_address(&self.path) {
                    let object = Object::open(&self.path).map_err(open)?;
                    return Ok(Box::new(Stream::of(object)));
                }
                let file = File::open(&self.path).map_err(open)?;
                if file.metadata().map_err(open)?.is_dir() {
                    return Err(Error::Format {
                        path: self.path.to_path_buf(),
                        found: "is a directory, expected a file of observations".into(),
                        hint: None,
                    });
                }
                Ok(Box::new(file))
            }
            Content::Memory(bytes) => Ok(Box::new(Cursor::new(bytes.clone()))),
        }
    }

    /// The error of this input when reading it failed.
    #[must_use]
    pub fn unreadable(&self, source: std::io::Error) -> Error {
        Error::Io { path: self.path.to_path_buf(), action: "cannot read", source }
    }
}

/// Fails by an error that was met before.
struct Failing(Option<std::io::Error>);

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

struct Counted {
    stored: Box<dyn Read + Send>,
    counter: Option<Arc<AtomicU64>>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.stored.read(buffer)?;
        if let Some(counter) = &self.counter {
            counter.fetch_add(read as u64, Ordering::Relaxed);
        }
        Ok(read)
    }
}
