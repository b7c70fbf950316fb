//! Reading an archive: its files one after another in, batches with the archive's columns out.

use std::collections::{BTreeMap, VecDeque};

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
    /// Blocks that its rows belong to, see [`block_of`], and how many do.
    pub blocks: BTreeMap<String, u64>,
    /// What was left out.
    pub tally: Tally,
}

/// A file of an archive that cannot be read to its end.
#[derive(Debug)]
pub struct ReadError {
    /// Its index in [`Archive::files`], for [`Archive::skip`].
    pub file: usize,
    /// Rows of it that were handed out before.
    pub rows: u64,
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
    /// A file that cannot be read, of which rows may have been handed out; the next call goes on with the other files.
    pub fn next_batch(&mut self) -> Result<Option<Batch>, ReadError> {
        loop {
            if self.current.is_none() {
                let Some(file) = self.waiting.pop_front() else { return Ok(None) };
                let source =
                    (self.archive.opener)(file).map_err(|error| ReadError { file, rows: 0, error })?;
                let report = FileReport { file, rows: 0, blocks: BTreeMap::new(), tally: Tally::default() };
                self.current = Some((source, report));
            }
            let Some((source, report)) = &mut self.current else { continue };
            let batch = match source.next_batch() {
                Ok(Some(batch)) => batch,
                Ok(None) => {
                    report.tally = source.tally();
                    self.finished.extend(self.current.take().map(|(_, report)| report));
                    continue;
                }
                Err(error) => {
                    let (file, rows) = (report.file, report.rows);
                    self.current = None;
                    return Err(ReadError { file, rows, error });
                }
            };
            report.rows += batch.rows() as u64;
            for run in &batch.stations {
                *report.blocks.entry(block_of(&run.station_id)).or_default() += run.rows as u64;
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
