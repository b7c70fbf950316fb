//! Reading an archive: its files one after another in, batches with the archive's columns out.

use std::collections::{BTreeSet, VecDeque};

use arrow::array::Float64Array;

use super::Archive;
use crate::dataset::block_of;
use crate::{Batch, Error, Result, Source, Tally};

/// What one file held, once it has been read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileReport {
    /// Its index in [`Archive::files`].
    pub file: usize,
    /// Number of rows.
    pub rows: u64,
    /// Blocks that its rows belong to: see [`block_of`].
    pub blocks: BTreeSet<String>,
    /// What was left out.
    pub tally: Tally,
}

/// A file of an archive that cannot be read to its end.
#[derive(Debug)]
pub struct ReadError {
    /// Its index in [`Archive::files`], for [`Archive::skip`].
    pub file: usize,
    /// Why.
    pub error: Error,
}

/// Batches of the files of an archive.
pub struct ArchiveReader<'a> {
    archive: &'a Archive,
    waiting: VecDeque<usize>,
    current: Option<(Box<dyn Source>, FileReport)>,
    finished: Vec<FileReport>,
}

impl<'a> ArchiveReader<'a> {
    pub(super) fn new(archive: &'a Archive, files: VecDeque<usize>) -> Self {
        Self { archive, waiting: files, current: None, finished: Vec::new() }
    }

    /// The next rows, or `None` behind the last. Its columns are [`Archive::columns`]; one that the file lacks is null.
    ///
    /// # Errors
    /// A file that cannot be read. Reading cannot go on: rows of that file may have been handed out.
    pub fn next_batch(&mut self) -> Result<Option<Batch>, ReadError> {
        loop {
            if self.current.is_none() {
                let Some(file) = self.waiting.pop_front() else { return Ok(None) };
                let source = (self.archive.opener)(file).map_err(|error| ReadError { file, error })?;
                let report = FileReport { file, rows: 0, blocks: BTreeSet::new(), tally: Tally::default() };
                self.current = Some((source, report));
            }
            let Some((source, report)) = &mut self.current else { continue };
            let Some(batch) = source.next_batch().map_err(|error| ReadError { file: report.file, error })?
            else {
                report.tally = source.tally();
                self.finished.extend(self.current.take().map(|(_, report)| report));
                continue;
            };
            report.rows += batch.rows() as u64;
            for run in &batch.stations {
                report.blocks.insert(block_of(&run.station_id));
            }
            return Ok(Some(aligned(batch, source.as_ref(), self.archive)));
        }
    }

    /// Reports of the files read to their ends since the last call.
    pub fn take_finished(&mut self) -> Vec<FileReport> {
        std::mem::take(&mut self.finished)
    }
}

/// The batch with the archive's columns.
fn aligned(mut batch: Batch, source: &dyn Source, archive: &Archive) -> Batch {
    let own = source.columns();
    if own.len() == archive.columns.len() && own.iter().zip(&archive.columns).all(|(a, b)| a.name == b.name) {
        return batch;
    }
    let rows = batch.rows();
    let column = |name: &str| {
        let index = own.iter().position(|column| column.name == name)?;
        batch.columns.get(index).cloned()
    };
    let columns = archive.columns.iter();
    batch.columns =
        columns.map(|c| column(&c.name).unwrap_or_else(|| Float64Array::new_null(rows))).collect();
    batch
}
