//! Files and objects by address: what `s3://`, `gs://`, `az://` and `https://` name, for programs that block.
//!
//! An address is a [`Path`](std::path::Path) such as `s3://bucket/observations`: it is joined, compared and printed like the path of a file.
//! [`is_address`] tells the two apart.
//!
//! ```text
//! Path --list--> Entry --Object::of--> Object --fetch--> bytes          several requests in flight: ReadAhead, Stream
//! File --upload--> Path                                                 appears whole
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | `address` | which paths are addresses, and what they name |
//! | `open` | from a bucket's address and the environment to its store |
//! | `runtime` | where requests run, and how a thread waits for them |
//! | `object` | an object: ranges of its bytes |
//! | `read_ahead` | ranges that are fetched before they are asked for |
//! | `stream` | an object from its beginning to its end |
//! | `list` | what there is below an address |
//! | `upload` | objects that appear whole, and the removal of others |
//! | `error` | why a request failed, in one line, and what to do about it |
//!
//! Requests that fail for a while (503, 429, connections that are refused or cut) are tried again, with pauses that grow.
//! Without the feature `object-stores` every address is refused, by a line that names the feature.

mod address;
mod error;

#[cfg(feature = "object-stores")]
mod list;
#[cfg(feature = "object-stores")]
mod object;
#[cfg(feature = "object-stores")]
mod open;
#[cfg(feature = "object-stores")]
mod read_ahead;
#[cfg(feature = "object-stores")]
mod runtime;
#[cfg(feature = "object-stores")]
mod stream;
#[cfg(feature = "object-stores")]
mod upload;

#[cfg(not(feature = "object-stores"))]
mod absent;

use std::path::PathBuf;
use std::time::SystemTime;

pub use address::{is_address, is_writable, listed_directory, without_secrets};
pub use error::{again, hint, not_found, of_store};

#[cfg(feature = "object-stores")]
pub use {
    list::{exists, list, stat},
    object::{Object, read},
    open::{Opened, open},
    read_ahead::ReadAhead,
    stream::Stream,
    upload::{abort_all, check_writable, remove, replace, upload},
};

#[cfg(not(feature = "object-stores"))]
pub use absent::{
    Object, ReadAhead, Stream, abort_all, check_writable, exists, list, read, remove, replace, stat, upload,
};

/// An object, as its store lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its address.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was written, where the store says so.
    pub modified: Option<SystemTime>,
    /// What tells one version of it from another, where the store says so.
    pub tag: Option<String>,
}
