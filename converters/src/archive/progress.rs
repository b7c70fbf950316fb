//! How far the reading of an archive has come: counts from several threads in, totals out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Files, bytes and rows read since reading began, and what there is to read.
#[derive(Debug, Default)]
pub struct ReadProgress {
    files: AtomicU64,
    files_total: AtomicU64,
    bytes: Arc<AtomicU64>,
    bytes_total: AtomicU64,
    passes: AtomicU64,
}

impl ReadProgress {
    /// Number of files that have been read to their ends, and of all files.
    #[must_use]
    pub fn files(&self) -> (u64, u64) {
        (self.files.load(Relaxed), self.files_total.load(Relaxed))
    }

    /// Number of stored bytes that have been read, and of all.
    #[must_use]
    pub fn bytes(&self) -> (u64, u64) {
        let total = self.bytes_total.load(Relaxed);
        (self.bytes.load(Relaxed).min(total), total)
    }

    /// How often reading began: more than once where rows turned out to be out of order, or a file damaged.
    #[must_use]
    pub fn passes(&self) -> u64 {
        self.passes.load(Relaxed)
    }

    pub(super) fn start(&self, files: u64, bytes: u64) {
        self.files.store(0, Relaxed);
        self.bytes.store(0, Relaxed);
        self.files_total.store(files, Relaxed);
        self.bytes_total.store(bytes, Relaxed);
        self.passes.fetch_add(1, Relaxed);
    }

    pub(super) fn file_done(&self) {
        self.files.fetch_add(1, Relaxed);
    }

    pub(super) fn add_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Relaxed);
    }

    /// The count to which an [`Input`](crate::Input) adds the stored bytes that are read of it.
    pub(super) fn counter(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.bytes)
    }
}
