//! The part of an archive that is read: a choice of its files and blocks in, batches of them out.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::Float64Array;
use isd_dataset::layout::{block_of, block_prefix};

use super::retained::Retained;
use crate::archive::{Archive, ArchiveReader, ReadError};
use crate::{Batch, StationRun};

/// A choice of an archive's files, of blocks whose rows are passed over, and of rows that are not in the archive any more.
#[derive(Debug)]
pub(crate) struct Selected {
    /// For each of the archive's files, whether it is read.
    pub(crate) files: Vec<bool>,
    /// Blocks whose rows are passed over.
    pub(crate) without: BTreeSet<String>,
    /// Rows of an earlier dataset that stay.
    pub(crate) retained: Retained,
}

impl Selected {
    /// All rows of an archive.
    pub(super) fn all(archive: &Archive) -> Self {
        Self::of_files(vec![true; archive.files().len()])
    }

    /// Whether no row is passed over, and none retained: then the rows know their places.
    pub(super) fn is_whole(&self) -> bool {
        self.without.is_empty() && self.retained.is_empty()
    }

    /// All rows of some files of an archive.
    pub(super) fn of_files(files: Vec<bool>) -> Self {
        Self { files, without: BTreeSet::new(), retained: Retained::default() }
    }
}

/// Reads the selected rows of an archive.
pub(super) struct SelectedReader<'a> {
    pub(super) archive: ArchiveReader<'a>,
    without: &'a BTreeSet<String>,
    rows: u64,
    progress: &'a (dyn Fn(u64) + Sync),
}

impl<'a> SelectedReader<'a> {
    /// Reads from the start. `progress` is told how many rows have been read.
    pub(super) fn new(
        archive: &'a Archive,
        selected: &'a Selected,
        progress: &'a (dyn Fn(u64) + Sync),
    ) -> Self {
        let archive = archive.read(|file, _| selected.files[file]);
        Self { archive, without: &selected.without, rows: 0, progress }
    }

    /// The next rows, or `None` after the last.
    ///
    /// # Errors
    /// A file that cannot be read and must not be left out.
    pub(super) fn next_batch(&mut self) -> Result<Option<Batch>, ReadError> {
        let Some(batch) = self.archive.next_batch()? else { return Ok(None) };
        self.rows += batch.rows() as u64;
        (self.progress)(self.rows);
        Ok(Some(without(batch, self.without)))
    }
}

/// The batch without the rows of some blocks.
fn without(batch: Batch, blocks: &BTreeSet<String>) -> Batch {
    if blocks.is_empty() {
        return batch;
    }
    let mut keep = Vec::with_capacity(batch.rows());
    let of_block =
        |a: &StationRun, b: &StationRun| block_prefix(&a.station_id) == block_prefix(&b.station_id);
    for runs in batch.stations.chunk_by(of_block) {
        let wanted = runs.first().is_some_and(|run| !blocks.contains(&block_of(&run.station_id)));
        keep.resize(keep.len() + runs.iter().map(|run| run.rows).sum::<usize>(), wanted);
    }
    if keep.iter().all(|&keep| keep) { batch } else { kept(&batch, &keep) }
}

/// The rows marked in `keep`, copied, so that nothing holds the others in memory. The runs stay as many, some of them
/// without rows.
pub(super) fn kept(batch: &Batch, keep: &[bool]) -> Batch {
    let chosen = |column: &Float64Array| -> Float64Array {
        column.iter().zip(keep).filter_map(|(value, &keep)| keep.then_some(value)).collect()
    };
    let mut rest = keep;
    let stations = batch.stations.iter().map(|run| {
        let (own, others) = rest.split_at(run.rows);
        rest = others;
        StationRun { station_id: Arc::clone(&run.station_id), rows: own.iter().filter(|&&keep| keep).count() }
    });
    let times = batch.timestamps.iter().zip(keep).filter_map(|(&time, &keep)| keep.then_some(time));
    Batch {
        path: Arc::clone(&batch.path),
        first_row: batch.first_row,
        stations: stations.collect(),
        timestamps: times.collect(),
        columns: batch.columns.iter().map(chosen).collect(),
    }
}
