//! Batches row by row, and the row groups of a dataset as batches.

use std::path::Path;
use std::sync::Arc;

use isd_dataset::block::BlockRecord;
use isd_dataset::read::{Dataset, RowGroup};

use crate::{Batch, ColumnInfo, Result};

/// A batch, and how far its rows were taken.
pub(crate) struct BatchRows {
    pub(crate) batch: Batch,
    /// The next row.
    pub(crate) row: usize,
    /// Index of the run that the row belongs to, and the first row after that run.
    run: usize,
    run_end: usize,
}

impl BatchRows {
    /// All rows of a batch.
    pub(crate) fn new(batch: Batch) -> Self {
        let run_end = batch.stations.first().map_or(0, |run| run.rows);
        let mut rows = Self { batch, row: 0, run: 0, run_end };
        rows.find_run();
        rows
    }

    /// Station and time of the row; `None` after the last.
    pub(crate) fn key(&self) -> Option<(&Arc<str>, i64)> {
        Some((&self.batch.stations.get(self.run)?.station_id, *self.batch.timestamps.get(self.row)?))
    }

    /// Goes on to the next row.
    pub(crate) fn step(&mut self) {
        self.row += 1;
        self.find_run();
    }

    /// Goes on to the run of the row; runs may have no rows.
    fn find_run(&mut self) {
        while self.row >= self.run_end && self.run + 1 < self.batch.stations.len() {
            self.run += 1;
            self.run_end += self.batch.stations[self.run].rows;
        }
    }
}

/// The row groups of a block, in order. `name` gives the names of its parts.
///
/// # Errors
/// A file that cannot be read.
pub(crate) fn stored_row_groups(
    dataset: &Path,
    block: &BlockRecord,
    name: fn(usize) -> String,
) -> Result<Vec<RowGroup>> {
    let mut groups = Vec::new();
    for (part, _) in block.files(name) {
        groups.extend(Dataset::open(&dataset.join(part))?.row_groups());
    }
    Ok(groups)
}

/// All rows of a row group, with these columns.
///
/// # Errors
/// A file that cannot be read.
pub(crate) fn stored_batch(group: &RowGroup, columns: &[ColumnInfo]) -> Result<Batch> {
    Ok(Batch {
        path: group.path().into(),
        first_row: 0,
        stations: group.stations()?,
        timestamps: group.timestamps()?.values().to_vec(),
        columns: columns.iter().map(|column| group.values(&column.name)).collect::<Result<_>>()?,
    })
}
