//! Rows of one station and time that differ: their keys in, the error that names both places out.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, Float64Array};
use isd_dataset::time::iso8601;

use super::selected::{Selected, SelectedReader};
use crate::archive::{Archive, ReadError};
use crate::{Batch, Error, StationRun};

/// The key of a row, station and time, and where the row stands.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) station_id: Arc<str>,
    pub(super) timestamp: i64,
    pub(super) path: Arc<Path>,
    pub(super) row: u64,
}

impl Key {
    /// The key of the row of a batch at `row`, which belongs to `run`.
    pub(super) fn of(batch: &Batch, run: &StationRun, row: usize) -> Self {
        Self {
            station_id: Arc::clone(&run.station_id),
            timestamp: batch.timestamps[row],
            path: Arc::clone(&batch.path),
            row: batch.first_row + row as u64,
        }
    }
}

/// Why a pass over an archive stopped early.
#[derive(Debug)]
pub(super) enum Stop {
    /// A row comes before one that was taken earlier.
    OutOfOrder,
    /// Two rows of one key differ, which is an error under [`Duplicates::Error`](crate::Duplicates::Error).
    Conflict(Box<[Key; 2]>),
    /// A file cannot be read.
    Damaged(ReadError),
    /// Anything else, after which there is no other pass.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<ReadError> for Stop {
    fn from(error: ReadError) -> Self {
        Self::Damaged(error)
    }
}

/// The error of two rows of one key that differ.
pub(super) fn twice(archive: &Archive, first: &Key, second: &Key) -> Error {
    let mut place = match archive.line_of(&first.path, first.row) {
        Some(line) => format!("line {line}"),
        None => format!("row {}", first.row),
    };
    if first.path != second.path {
        place = format!("{place} of {}", first.path.display());
    }
    let path = second.path.to_path_buf();
    let found = format!(
        "station {} at {} is there twice with different values, first in {place}; expected one row a station and time",
        second.station_id,
        iso8601(second.timestamp)
    );
    let hint = Some(
        "remove one of them from the source, or keep one of each with --duplicates first or last".into(),
    );
    match archive.line_of(&second.path, second.row) {
        Some(line) => Error::Line { path, line, found, hint },
        None => Error::Row { path, row: second.row, found, hint },
    }
}

/// The error of two rows of one key that differ and whose places are not known: `files` of the archive are searched for
/// them.
pub(super) fn locate(archive: &Archive, files: &[bool], key: &Key) -> Error {
    let mut found: Option<(Key, Vec<Option<u64>>)> = None;
    let selected = Selected::of_files(files.to_vec());
    let mut reader = SelectedReader::new(archive, &selected, &|_| ());
    while let Ok(Some(batch)) = reader.next_batch() {
        let mut start = 0;
        for run in &batch.stations {
            let rows = start..start + run.rows;
            start = rows.end;
            if run.station_id != key.station_id {
                continue;
            }
            for row in rows.filter(|&row| batch.timestamps.get(row) == Some(&key.timestamp)) {
                let bits = |column: &Float64Array| column.is_valid(row).then(|| column.value(row).to_bits());
                let values: Vec<_> = batch.columns.iter().map(bits).collect();
                let this =
                    Key { path: Arc::clone(&batch.path), row: batch.first_row + row as u64, ..key.clone() };
                match &found {
                    Some((first, other)) if *other != values => return twice(archive, first, &this),
                    Some(_) => {}
                    None => found = Some((this, values)),
                }
            }
        }
    }
    let path = archive.files().first().map_or(Path::new(""), |file| &file.path);
    Error::Format {
        path: path.to_owned(),
        found: format!(
            "the source changed while it was read: station {} at {} was there twice with different values",
            key.station_id,
            iso8601(key.timestamp)
        ),
        hint: Some("convert it when nothing writes to it".into()),
    }
}
