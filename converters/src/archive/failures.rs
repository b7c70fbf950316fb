//! Files that were left out of an archive: their errors in, a list of them out.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::{Error, Result};

/// A file, or a member of an archive file, that was left out.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Its path; of a member that of the archive file followed by its name.
    pub path: PathBuf,
    /// Why it was left out.
    pub error: Arc<Error>,
}

/// What has been left out so far, and whether anything may be.
#[derive(Debug, Clone)]
pub struct Failures {
    strict: bool,
    list: Arc<Mutex<Vec<Failure>>>,
}

impl Failures {
    /// An empty list, which must stay empty where reading is `strict`.
    pub fn new(strict: bool) -> Self {
        Self { strict, list: Arc::default() }
    }

    /// Lists a file as left out, once however often it is read.
    ///
    /// # Errors
    /// The file's own error, where nothing may be left out.
    pub fn add(&self, path: &Path, error: Error) -> Result<()> {
        if self.strict {
            return Err(error);
        }
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        if list.iter().all(|failure| failure.path != path) {
            list.push(Failure { path: path.to_owned(), error: Arc::new(error) });
        }
        Ok(())
    }

    /// Whether a path that was left out so far is one of those that `wanted` says.
    pub fn any(&self, wanted: impl Fn(&Path) -> bool) -> bool {
        let list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        list.iter().any(|failure| wanted(&failure.path))
    }

    /// All that was left out so far.
    pub fn list(&self) -> Vec<Failure> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
