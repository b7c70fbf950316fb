//! What a build without object stores says of every address.

use std::convert::Infallible;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::ops::Range;
use std::path::Path;

use bytes::Bytes;

use crate::Entry;
use crate::error::Failed;

/// Why an address is refused.
fn refused() -> io::Error {
    Failed::new(ErrorKind::Unsupported, "this program was built without object stores")
        .hint("build it with the feature object-stores, which is on by default")
        .into()
}

/// An object, of which this build has none.
#[derive(Debug, Clone)]
pub struct Object(Infallible);

impl Object {
    /// Refuses the address.
    ///
    /// # Errors
    /// Always.
    pub fn open(_: &Path) -> io::Result<Self> {
        Err(refused())
    }

    /// Refuses the address.
    ///
    /// # Errors
    /// Always.
    pub fn of(_: &Entry) -> io::Result<Self> {
        Err(refused())
    }

    /// The address of no object.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self.0 {}
    }

    /// The size of no object.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self.0 {}
    }

    /// Whether no object is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self.0 {}
    }

    /// Bytes of no object.
    ///
    /// # Errors
    /// None: there is no object.
    pub fn fetch(&self, _: Range<u64>) -> io::Result<Bytes> {
        match self.0 {}
    }

    /// Bytes of no object.
    ///
    /// # Errors
    /// None: there is no object.
    pub fn fetch_all(&self, _: &[Range<u64>]) -> io::Result<Vec<Bytes>> {
        match self.0 {}
    }
}

/// Ranges of no objects.
#[derive(Debug)]
pub struct ReadAhead(());

impl ReadAhead {
    /// Of no ranges.
    #[must_use]
    pub fn new(_: Vec<(Object, Range<u64>)>) -> Self {
        Self(())
    }

    /// Bytes of no object.
    ///
    /// # Errors
    /// None: there is no object.
    pub fn fetch(&self, object: &Object, _: Range<u64>) -> io::Result<Bytes> {
        match object.0 {}
    }
}

/// No object, from its beginning to its end.
#[derive(Debug)]
pub struct Stream(Object);

impl Stream {
    /// From the beginning of no object.
    #[must_use]
    pub fn of(object: Object) -> Self {
        Self(object)
    }
}

impl Read for Stream {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        match self.0.0 {}
    }
}

/// Refuses the address.
///
/// # Errors
/// Always.
pub fn read(_: &Path) -> io::Result<Bytes> {
    Err(refused())
}

/// Refuses the address.
///
/// # Errors
/// Always.
pub fn stat(_: &Path) -> io::Result<Option<Entry>> {
    Err(refused())
}

/// Refuses the address.
///
/// # Errors
/// Always.
pub fn list(_: &Path) -> io::Result<Vec<Entry>> {
    Err(refused())
}

/// Refuses the address.
///
/// # Errors
/// Always.
pub fn exists(_: &Path) -> io::Result<bool> {
    Err(refused())
}

/// Refuses the address.
///
/// # Errors
/// Always.
pub fn upload(_: &File, _: &Path) -> io::Result<u64> {
    Err(refused())
}

/// Refuses the address.
///
/// # Errors
/// Always.
pub fn replace(_: Vec<u8>, _: &Path, _: Option<&Entry>) -> io::Result<()> {
    Err(refused())
}

/// Refuses the address.
///
/// # Errors
/// Always.
pub fn check_writable(_: &Path) -> io::Result<()> {
    Err(refused())
}

/// Refuses the addresses.
///
/// # Errors
/// Always.
pub fn remove<'a>(_: impl IntoIterator<Item = &'a Path>) -> io::Result<()> {
    Err(refused())
}

/// There is nothing to take back.
pub fn abort_all() {}
