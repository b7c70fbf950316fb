//! Batches out of HDF5: a plan in, rows in the file's order out.
//!
//! Each batch is cut at multiples of the chunk size and its pieces are read, decoded and unpacked in
//! parallel, so that a chunk is decoded once and memory holds one batch, never a dataset.

use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;

use crate::formats::hdf5::layouts::catalog::{Extent, Stations};
use crate::formats::hdf5::library::{Reason, Scalar};
use crate::formats::hdf5::rows::fields::{Field, Storage, Target};
use crate::formats::hdf5::rows::plan::Plan;
use crate::formats::hdf5::rows::stored;
use crate::formats::hdf5::rows::stored::{RowReason, Runs, StationPart};
use crate::{Batch, ColumnInfo, Error, Result, Source, StationRun, Tally};
use isd_dataset::column::nullable;

/// Rows of a batch, about.
pub const BATCH_ROWS: u64 = 512 << 10;
/// Larger chunks than this are decoded once and kept for the batches that share them.
pub const LARGE_CHUNK_ROWS: u64 = 2 << 20;
/// Rows that one task reads and unpacks: half a megabyte of doubles stays in the cache.
const PIECE_ROWS: u64 = 64 << 10;
/// Bytes of records that one task reads.
const PIECE_BYTES: u64 = 2 << 20;

/// What the tally calls a value that quality control had removed from the file.
const FLAGGED: &str = "flagged";

/// An archive of rows that is read by a plan.
pub struct Hdf5Source {
    path: Arc<Path>,
    plan: Plan,
    rows: u64,
    batch_rows: u64,
    next_row: u64,
    /// Values that quality control had removed, by column.
    removed: Vec<u64>,
}

impl Hdf5Source {
    /// Reads `path` by `plan` from its first row.
    pub fn new(path: &Path, plan: Plan) -> Self {
        let batch_rows = batch_rows(plan.storages.iter().filter_map(Storage::chunk_rows));
        let rows = match plan.extent {
            Extent::Rows(rows) => rows,
            Extent::Grid { .. } => 0,
        };
        let removed = vec![0; plan.columns.len()];
        Self { path: path.into(), plan, rows, batch_rows, next_row: 0, removed }
    }
}

/// A multiple of the largest chunk, unless that is too large for one batch.
fn batch_rows(chunks: impl Iterator<Item = u64>) -> u64 {
    match chunks.max() {
        Some(chunk) if chunk <= BATCH_ROWS => BATCH_ROWS / chunk * chunk,
        Some(chunk) if chunk <= LARGE_CHUNK_ROWS => chunk,
        _ => BATCH_ROWS,
    }
}

/// Rows of a dataset that are read at once.
fn piece_rows(storage: &Storage) -> u64 {
    let by_bytes = PIECE_BYTES / (storage.row_bytes as u64).max(1);
    let rows = PIECE_ROWS.min(by_bytes).max(1);
    match storage.chunk_rows() {
        Some(chunk) if chunk <= rows => rows / chunk * chunk,
        Some(chunk) => chunk,
        None => rows,
    }
}

impl Source for Hdf5Source {
    fn columns(&self) -> &[ColumnInfo] {
        &self.plan.columns
    }

    fn rows(&self) -> Option<u64> {
        Some(self.rows)
    }

    fn layout(&self) -> &'static str {
        self.plan.layout
    }

    fn notes(&self) -> &[String] {
        &self.plan.notes
    }

    fn tally(&self) -> Tally {
        removed_tally(&self.plan.columns, &self.removed)
    }

    fn next_batch(&mut self) -> Result<Option<Batch>> {
        let start = self.next_row;
        let end = self.rows.min(start + self.batch_rows);
        if start >= end {
            return Ok(None);
        }
        // In the plan's order, so that of several errors it is always the same that is reported.
        let read: Vec<Result<StorageRows>> =
            self.plan.storages.par_iter().map(|storage| self.read_storage(storage, start, end)).collect();
        let mut values: Vec<Option<Vec<f64>>> = self.plan.columns.iter().map(|_| None).collect();
        let mut timestamps = Vec::new();
        let mut parts = Vec::new();
        for rows in read {
            let rows = rows?;
            for (index, column) in rows.values {
                if let Some(place) = values.get_mut(index) {
                    *place = Some(column);
                }
            }
            if let Some(times) = rows.times {
                timestamps = times;
            }
            for (index, removed) in rows.removed {
                if let Some(total) = self.removed.get_mut(index) {
                    *total += removed;
                }
            }
            parts.extend(rows.parts);
        }
        let rows = (end - start) as usize;
        let stations = match &self.plan.stations {
            Stations::Columns | Stations::Indexed(..) => stations(parts),
            Stations::One(name) | Stations::Group(name) => {
                vec![StationRun { station_id: Arc::clone(name), rows }]
            }
            Stations::Runs(runs) => cut_runs(runs, start, end),
            Stations::Axis(_) => Vec::new(),
        };
        let columns = values.into_par_iter().map(|column| nullable(column.unwrap_or_default())).collect();
        self.next_row = end;
        Ok(Some(Batch { path: Arc::clone(&self.path), first_row: start, stations, timestamps, columns }))
    }
}

/// What one dataset gives to a batch.
#[derive(Default)]
struct StorageRows {
    /// Column index and values, NaN where missing.
    values: Vec<(usize, Vec<f64>)>,
    times: Option<Vec<i64>>,
    parts: Vec<(StationPart, Runs)>,
    /// Column index and how many of its values quality control had removed.
    removed: Vec<(usize, u64)>,
}

/// What one task finds besides what it writes to its outputs.
#[derive(Default)]
struct Found {
    parts: Vec<(StationPart, Runs)>,
    removed: Vec<(usize, u64)>,
}

/// The counts of removed values as a tally.
pub fn removed_tally(columns: &[ColumnInfo], removed: &[u64]) -> Tally {
    let mut tally = Tally::default();
    for (column, &count) in columns.iter().zip(removed).filter(|&(_, &count)| count > 0) {
        tally.rejected.entry(column.name.clone()).or_default().insert(FLAGGED.into(), count);
    }
    tally
}

/// The runs between two rows, of all rows.
fn cut_runs(runs: &[(Arc<str>, u64)], start: u64, end: u64) -> Vec<StationRun> {
    let mut from = 0;
    let mut cut = Vec::new();
    for (station_id, rows) in runs {
        let to = from + rows;
        let shared = to.min(end).saturating_sub(from.max(start));
        if shared > 0 {
            cut.push(StationRun { station_id: Arc::clone(station_id), rows: shared as usize });
        }
        from = to;
    }
    cut
}

/// Rows that one task reads, and where it puts what it unpacks.
struct Piece<'a> {
    start: u64,
    rows: usize,
    outputs: Vec<Output<'a>>,
}

enum Output<'a> {
    Values(&'a mut [f64]),
    Times(&'a mut [i64]),
    /// Returned, since their number is not known beforehand.
    Runs,
}

impl Hdf5Source {
    fn read_storage(&self, storage: &Storage, start: u64, end: u64) -> Result<StorageRows> {
        let rows = (end - start) as usize;
        let mut values: Vec<(usize, Vec<f64>)> = Vec::new();
        let mut times = Vec::new();
        for field in &storage.fields {
            match field.target {
                Target::Value(index, ..) => values.push((index, vec![0.0; rows])),
                Target::Time(..) => times = vec![0; rows],
                Target::Station(..) | Target::StationIndex(..) => {}
            }
        }
        let mut pieces = pieces(storage, start, end);
        let mut columns = values.iter_mut();
        let mut times_left = times.as_mut_slice();
        for field in &storage.fields {
            match field.target {
                Target::Value(..) => {
                    let mut rest =
                        columns.next().map(|(_, column)| column.as_mut_slice()).unwrap_or_default();
                    for piece in &mut pieces {
                        piece
                            .outputs
                            .push(Output::Values(rest.split_off_mut(..piece.rows).unwrap_or_default()));
                    }
                }
                Target::Time(..) => {
                    for piece in &mut pieces {
                        piece
                            .outputs
                            .push(Output::Times(times_left.split_off_mut(..piece.rows).unwrap_or_default()));
                    }
                }
                Target::Station(..) | Target::StationIndex(..) => {
                    for piece in &mut pieces {
                        piece.outputs.push(Output::Runs);
                    }
                }
            }
        }
        let done: Vec<Result<Found>> =
            pieces.into_par_iter().map(|piece| self.read_piece(storage, piece)).collect();
        let mut found = Found::default();
        for piece in done {
            let piece = piece?;
            for (part, runs) in piece.parts {
                match found.parts.iter_mut().find(|(known, _)| *known == part) {
                    Some((_, all)) => all.extend(runs),
                    None => found.parts.push((part, runs)),
                }
            }
            found.removed.extend(piece.removed);
        }
        let times = (!times.is_empty()).then_some(times);
        Ok(StorageRows { values, times, parts: found.parts, removed: found.removed })
    }

    fn read_piece(&self, storage: &Storage, piece: Piece<'_>) -> Result<Found> {
        let end = piece.start + piece.rows as u64;
        let unreadable = |reason: Reason| Error::Column {
            path: self.path.to_path_buf(),
            column: storage.place.clone(),
            found: format!("rows {} to {} cannot be read: {reason}", piece.start, end - 1),
            hint: None,
        };
        let ranges = storage.ranges(0..1, piece.start..end);
        let mut found = Found::default();
        if let [Field { target: Target::Station(part, Scalar::VariableText), .. }] = storage.fields.as_slice()
        {
            let texts = storage.dataset.read_strings(&ranges).map_err(unreadable)?;
            let runs =
                stored::text_runs(*part, &texts).map_err(|reason| self.row_error(piece.start, reason))?;
            found.parts.push((*part, runs));
            return Ok(found);
        }
        let bytes = storage.dataset.read(&ranges).map_err(unreadable)?;
        let stride = storage.row_bytes;
        if bytes.len() != piece.rows * stride {
            return Err(unreadable(format!("{} bytes for {} rows", bytes.len(), piece.rows)));
        }
        for (field, output) in storage.fields.iter().zip(piece.outputs) {
            let stored = stored::Field { bytes: &bytes, stride, offset: field.offset };
            let done = match (&field.target, output) {
                (Target::Value(index, number, packing), Output::Values(out)) => {
                    let removed = stored::unpack(*number, stored, packing, out);
                    if removed > 0 {
                        found.removed.push((*index, removed));
                    }
                    Ok(())
                }
                (Target::Time(number, units, missing), Output::Times(out)) => {
                    stored::times(*number, stored, *units, missing, out)
                }
                (Target::Station(part, Scalar::Number(number)), _) => {
                    stored::number_runs(*part, *number, stored).map(|runs| found.parts.push((*part, runs)))
                }
                (Target::Station(part, Scalar::FixedText(size)), _) => {
                    // The characters of a name may be elements of their own.
                    let size = size * (stride / storage.dataset.element().size().max(1));
                    stored::fixed_text_runs(*part, size, stored).map(|runs| found.parts.push((*part, runs)))
                }
                (Target::StationIndex(number, first, names), _) => {
                    stored::indexed_runs(*number, stored, *first, names)
                        .map(|runs| found.parts.push((StationPart::Id, runs)))
                }
                _ => return Err(unreadable(format!("{} holds no such values", field.place))),
            };
            done.map_err(|reason| self.row_error(piece.start, reason))?;
        }
        Ok(found)
    }

    fn row_error(&self, start: u64, (row, found): RowReason) -> Error {
        Error::Row { path: self.path.to_path_buf(), row: start + row as u64, found, hint: None }
    }
}

/// The rows of a batch cut at multiples of the dataset's piece size.
fn pieces<'a>(storage: &Storage, start: u64, end: u64) -> Vec<Piece<'a>> {
    let size = piece_rows(storage);
    let mut pieces = Vec::new();
    let mut from = start;
    while from < end {
        let to = ((from / size + 1) * size).min(end);
        pieces.push(Piece { start: from, rows: (to - from) as usize, outputs: Vec::new() });
        from = to;
    }
    pieces
}

/// Joins the parts of the station names: runs of equal parts become runs of stations.
fn stations(mut parts: Vec<(StationPart, Runs)>) -> Vec<StationRun> {
    parts.sort_by_key(|(part, _)| *part != StationPart::Usaf);
    let mut parts = parts.into_iter().map(|(_, runs)| runs);
    let first = parts.next().unwrap_or_default();
    let Some(second) = parts.next() else {
        return merged(first.into_iter());
    };
    let mut second = second.into_iter();
    let (mut wban, mut left): (Arc<str>, usize) = second.next().unwrap_or_else(|| ("".into(), 0));
    let mut joined = Vec::new();
    for (usaf, mut rows) in first {
        while rows > 0 {
            if left == 0 {
                match second.next() {
                    Some((part, count)) => (wban, left) = (part, count),
                    // Both cover the same rows; this cannot be reached.
                    None => break,
                }
                continue;
            }
            let shared = rows.min(left);
            joined.push((format!("{usaf}-{wban}").into(), shared));
            rows -= shared;
            left -= shared;
        }
    }
    merged(joined.into_iter())
}

/// Runs with equal neighbours made one.
fn merged(runs: impl Iterator<Item = (Arc<str>, usize)>) -> Vec<StationRun> {
    let mut merged: Vec<StationRun> = Vec::new();
    for (station_id, rows) in runs {
        match merged.last_mut() {
            Some(last) if last.station_id == station_id => last.rows += rows,
            _ => merged.push(StationRun { station_id, rows }),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(runs: &[(&str, usize)]) -> Runs {
        runs.iter().map(|&(text, rows)| (text.into(), rows)).collect()
    }

    #[test]
    fn station_parts_are_joined_row_by_row() {
        let usaf = runs(&[("010010", 3), ("010020", 2), ("010020", 4)]);
        let wban = runs(&[("99999", 2), ("00001", 1), ("00001", 6)]);
        let joined = stations(vec![(StationPart::Wban, wban), (StationPart::Usaf, usaf)]);
        let joined: Vec<_> = joined.iter().map(|run| (run.station_id.as_ref(), run.rows)).collect();
        assert_eq!(joined, [("010010-99999", 2), ("010010-00001", 1), ("010020-00001", 6)]);
        let alone = stations(vec![(StationPart::Id, runs(&[("a", 1), ("a", 2), ("b", 1)]))]);
        assert_eq!(alone.len(), 2);
    }

    #[test]
    fn batches_are_multiples_of_chunks() {
        assert_eq!(batch_rows([65_536, 1_000].into_iter()), 524_288);
        assert_eq!(batch_rows([39_063].into_iter()), 13 * 39_063);
        assert_eq!(batch_rows([1 << 20].into_iter()), 1 << 20);
        assert_eq!(batch_rows([1 << 30].into_iter()), BATCH_ROWS);
        assert_eq!(batch_rows(std::iter::empty()), BATCH_ROWS);
    }
}
