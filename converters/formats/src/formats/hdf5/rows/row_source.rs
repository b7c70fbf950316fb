//! Batches out of datasets with one element a row: a plan in, rows in the file's order out.
//!
//! Each batch is cut at multiples of the chunk size, and tasks read, decode and unpack its parts in parallel, so that a
//! chunk is decoded once and memory holds one batch, never a dataset.

use std::collections::VecDeque;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use isd_dataset::column::nullable;
use rayon::prelude::*;

use super::fields::{DatasetFields, Field, Target};
use super::read_plan::ReadPlan;
use super::station_runs::{Runs, cut_runs, fixed_text_runs, indexed_runs, number_runs, stations, text_runs};
use super::unpack::{RowReason, times, unpack};
use crate::formats::hdf5::layouts::{StationPart, Stations};
use crate::formats::hdf5::library::{Element, FieldBytes, Reason, Scalar, StoredNumbers, is_written};
use crate::{Batch, ColumnInfo, Error, Result, Source, SourceInfo, StationRun, Tally};

/// Number of rows of a batch, about.
pub const BATCH_ROWS: u64 = 512 << 10;
/// Chunks of more rows than this are decoded once and kept for the batches that share them.
pub const LARGE_CHUNK_ROWS: u64 = 2 << 20;
/// Rows that one task reads and unpacks: half a megabyte of doubles stays in the cache.
const TASK_ROWS: u64 = 64 << 10;
/// Bytes of records that one task reads.
const TASK_BYTES: u64 = 2 << 20;

/// What the tally calls a value that quality control had removed from the file.
const FLAGGED: &str = "flagged";
/// What the tally calls a row for which the file has no storage.
const EMPTY: &str = "rows that were never written";

/// A file of datasets with one element a row, read by a plan.
pub struct RowSource {
    path: Arc<Path>,
    plan: ReadPlan,
    /// Rows that are yet to be read, ascending and apart.
    ranges: VecDeque<Range<u64>>,
    /// Rows that were never written.
    empty: u64,
    batch_rows: u64,
    /// Values that quality control had removed, by column.
    removed: Vec<u64>,
}

impl RowSource {
    /// Reads `rows` rows of `path` by `plan`, from the first.
    pub fn new(path: &Path, mut plan: ReadPlan, rows: u64) -> Self {
        let ranges: VecDeque<Range<u64>> = match plan.written.take() {
            Some(written) => written.into(),
            None => std::iter::once(0..rows).collect(),
        };
        let written = ranges.iter().map(|range| range.end - range.start).sum();
        plan.info.rows = Some(written);
        let batch_rows = batch_rows(plan.datasets.iter().filter_map(DatasetFields::chunk_rows));
        let removed = vec![0; plan.info.columns.len()];
        Self { path: path.into(), plan, ranges, empty: rows - written, batch_rows, removed }
    }
}

/// Rows of a batch: a multiple of the largest chunk, unless that is too large for one batch.
fn batch_rows(chunks: impl Iterator<Item = u64>) -> u64 {
    match chunks.max() {
        Some(chunk) if chunk <= BATCH_ROWS => BATCH_ROWS / chunk * chunk,
        Some(chunk) if chunk <= LARGE_CHUNK_ROWS => chunk,
        _ => BATCH_ROWS,
    }
}

/// Rows of a dataset that one task reads.
fn task_rows(dataset: &DatasetFields) -> u64 {
    let by_bytes = TASK_BYTES / (dataset.row_bytes as u64).max(1);
    let rows = TASK_ROWS.min(by_bytes).max(1);
    match dataset.chunk_rows() {
        Some(chunk) if chunk <= rows => rows / chunk * chunk,
        Some(chunk) => chunk,
        None => rows,
    }
}

impl Source for RowSource {
    fn info(&self) -> &SourceInfo {
        &self.plan.info
    }

    fn tally(&self) -> Tally {
        left_out(&self.plan.info.columns, &self.removed, (EMPTY, self.empty))
    }

    fn next_batch(&mut self) -> Result<Option<Batch>> {
        let Some(range) = self.ranges.front() else { return Ok(None) };
        let (start, end) = (range.start, range.end.min(range.start + self.batch_rows));
        // In the plan's order, so that of several errors it is always the same that is reported.
        let read: Vec<Result<Unpacked>> =
            self.plan.datasets.par_iter().map(|dataset| self.read_dataset(dataset, start, end)).collect();
        let mut values: Vec<Option<Vec<f64>>> = vec![None; self.plan.info.columns.len()];
        let mut timestamps = Vec::new();
        let mut parts = Vec::new();
        for unpacked in read {
            let unpacked = unpacked?;
            for (index, column) in unpacked.values {
                values[index] = Some(column);
            }
            if !unpacked.times.is_empty() {
                timestamps = unpacked.times;
            }
            for (index, removed) in unpacked.found.removed {
                self.removed[index] += removed;
            }
            parts.extend(unpacked.found.parts);
        }
        let rows = (end - start) as usize;
        let stations = match &self.plan.stations {
            Stations::Columns | Stations::Indexed(..) => stations(parts),
            Stations::One(name) | Stations::Group(name) => {
                vec![StationRun { station_id: Arc::clone(name), rows }]
            }
            Stations::Runs(runs) => cut_runs(runs, start, end),
            Stations::Axis(_) => return Err(Error::internal("a grid was read row by row")),
        };
        let unread = || Error::internal("a planned column was not read");
        let columns = values.into_par_iter().map(|column| column.map(nullable).ok_or_else(unread));
        match self.ranges.front_mut() {
            Some(range) if end < range.end => range.start = end,
            _ => drop(self.ranges.pop_front()),
        }
        Ok(Some(Batch {
            path: Arc::clone(&self.path),
            first_row: start,
            stations,
            timestamps,
            columns: columns.collect::<Result<_>>()?,
        }))
    }
}

/// What one dataset gives to a batch.
struct Unpacked {
    /// Column index and values, NaN where missing.
    values: Vec<(usize, Vec<f64>)>,
    /// Times, one a row, where the dataset holds them; else none.
    times: Vec<i64>,
    found: Found,
}

/// What tasks find besides what they write to their outputs.
#[derive(Default)]
struct Found {
    parts: Vec<(StationPart, Runs)>,
    /// Column index and how many of its values quality control had removed.
    removed: Vec<(usize, u64)>,
}

/// A tally of the values that quality control had removed, counted by column, and of what held no observation: what it is
/// called, and how many there were.
pub fn left_out(columns: &[ColumnInfo], removed: &[u64], empty: (&str, u64)) -> Tally {
    let mut tally = Tally::default();
    if empty.1 > 0 {
        tally.left_out.insert(empty.0.into(), empty.1);
    }
    for (column, &count) in columns.iter().zip(removed).filter(|&(_, &count)| count > 0) {
        tally.rejected.entry(column.name.clone()).or_default().insert(FLAGGED.into(), count);
    }
    tally
}

/// Rows that one task reads, and where it puts what it unpacks.
struct Task<'a> {
    start: u64,
    rows: usize,
    /// One a field of the dataset.
    outputs: Vec<Output<'a>>,
}

enum Output<'a> {
    Values(&'a mut [f64]),
    Times(&'a mut [i64]),
    /// Stations are returned, since the number of their runs is not known beforehand.
    Stations,
}

/// Shares out a column among the tasks that fill it.
fn share<'a, T>(column: &'a mut [T], tasks: &mut [Task<'a>], output: fn(&'a mut [T]) -> Output<'a>) {
    let mut rest = column;
    for task in tasks {
        let (own, others) = rest.split_at_mut(task.rows);
        task.outputs.push(output(own));
        rest = others;
    }
}

impl RowSource {
    fn read_dataset(&self, dataset: &DatasetFields, start: u64, end: u64) -> Result<Unpacked> {
        let rows = (end - start) as usize;
        let mut values: Vec<(usize, Vec<f64>)> = Vec::new();
        let mut times = Vec::new();
        for field in &dataset.fields {
            match field.target {
                Target::Value(index, ..) => values.push((index, vec![0.0; rows])),
                Target::Time(..) => times = vec![0; rows],
                Target::Station(..) | Target::StationIndex(..) => {}
            }
        }
        let mut tasks = tasks(dataset, start, end);
        let mut columns = values.iter_mut();
        let mut unshared_times = Some(&mut times);
        for field in &dataset.fields {
            match field.target {
                Target::Value(..) => {
                    let (_, column) =
                        columns.next().ok_or_else(|| Error::internal("a column has no room"))?;
                    share(column, &mut tasks, Output::Values);
                }
                Target::Time(..) => {
                    let times = unshared_times.take();
                    let times = times.ok_or_else(|| Error::internal("a dataset holds the times twice"))?;
                    share(times, &mut tasks, Output::Times);
                }
                Target::Station(..) | Target::StationIndex(..) => {
                    for task in &mut tasks {
                        task.outputs.push(Output::Stations);
                    }
                }
            }
        }
        let done: Vec<Result<Found>> =
            tasks.into_par_iter().map(|task| self.read_task(dataset, task)).collect();
        let mut found = Found::default();
        for task in done {
            let task = task?;
            for (part, runs) in task.parts {
                match found.parts.iter_mut().find(|(known, _)| *known == part) {
                    Some((_, all)) => all.extend(runs),
                    None => found.parts.push((part, runs)),
                }
            }
            found.removed.extend(task.removed);
        }
        Ok(Unpacked { values, times, found })
    }

    fn read_task(&self, dataset: &DatasetFields, task: Task<'_>) -> Result<Found> {
        let end = task.start + task.rows as u64;
        let unreadable = |reason: Reason| Error::Column {
            path: self.path.to_path_buf(),
            column: dataset.place.clone(),
            found: format!("rows {} to {} cannot be read: {reason}", task.start, end - 1),
            hint: None,
        };
        let ranges = dataset.ranges(0..1, task.start..end);
        let mut found = Found::default();
        let in_rows = dataset.time_axis == Some(0);
        if in_rows && !is_written(dataset.dataset.written(), &(task.start..end)) {
            // The values of these rows were never written, though their times were.
            for output in task.outputs {
                match output {
                    Output::Values(out) => out.fill(f64::NAN),
                    Output::Times(_) | Output::Stations => {
                        return Err(unreadable("they were never written".into()));
                    }
                }
            }
            return Ok(found);
        }
        if let [Field { target: Target::Station(part, Scalar::VariableText), .. }] = dataset.fields.as_slice()
            && matches!(dataset.dataset.element(), Element::Scalar(_))
        {
            let texts = dataset.dataset.read_strings(&ranges).map_err(unreadable)?;
            let runs = text_runs(*part, &texts).map_err(|reason| self.row_error(task.start, reason))?;
            found.parts.push((*part, runs));
            return Ok(found);
        }
        let bytes = dataset.dataset.read(&ranges).map_err(unreadable)?;
        let stride = dataset.row_bytes;
        if bytes.len() != task.rows * stride {
            return Err(unreadable(format!("{} bytes for {} rows", bytes.len(), task.rows)));
        }
        for (field, output) in dataset.fields.iter().zip(task.outputs) {
            let outside = || Error::internal(format!("{} does not lie within its row", field.place));
            let numbers =
                |number| StoredNumbers::new(number, &bytes, stride, field.offset).ok_or_else(outside);
            let done = match (&field.target, output) {
                (Target::Value(index, number, unpacking), Output::Values(out)) => {
                    let removed = unpack(numbers(*number)?, unpacking, out);
                    if removed > 0 {
                        found.removed.push((*index, removed));
                    }
                    Ok(())
                }
                (Target::Time(number, units, missing), Output::Times(out)) => {
                    times(numbers(*number)?, *units, missing, false, out)
                }
                (Target::Station(part, Scalar::Number(number)), _) => {
                    number_runs(*part, numbers(*number)?).map(|runs| found.parts.push((*part, runs)))
                }
                (Target::Station(part, Scalar::VariableText), _) => {
                    let texts = dataset.dataset.read_member_strings(&ranges, field.offset);
                    text_runs(*part, &texts.map_err(unreadable)?).map(|runs| found.parts.push((*part, runs)))
                }
                (Target::Station(part, Scalar::FixedText(size)), _) => {
                    // The characters of a name may be elements of their own.
                    let size = size * (stride / dataset.dataset.element().size().max(1));
                    let texts = FieldBytes::new(&bytes, stride, field.offset, size).ok_or_else(outside)?;
                    fixed_text_runs(*part, texts).map(|runs| found.parts.push((*part, runs)))
                }
                (Target::StationIndex(number, first, names), _) => {
                    let runs = indexed_runs(numbers(*number)?, *first, names);
                    runs.map(|runs| found.parts.push((StationPart::Id, runs)))
                }
                _ => return Err(unreadable(format!("{} holds no such values", field.place))),
            };
            done.map_err(|reason| self.row_error(task.start, reason))?;
        }
        Ok(found)
    }

    fn row_error(&self, start: u64, (row, found): RowReason) -> Error {
        Error::Row { path: self.path.to_path_buf(), row: start + row as u64, found, hint: None }
    }
}

/// The rows of a batch cut at multiples of what one task reads, and where written rows begin and end.
fn tasks<'a>(dataset: &DatasetFields, start: u64, end: u64) -> Vec<Task<'a>> {
    let written = dataset.dataset.written().filter(|_| dataset.time_axis == Some(0));
    cut(start..end, task_rows(dataset))
        .flat_map(|rows| at_edges(written, rows))
        .map(|rows| Task { start: rows.start, rows: (rows.end - rows.start) as usize, outputs: Vec::new() })
        .collect()
}

/// A range cut where one of the written ranges, which ascend and are apart, begins or ends.
pub fn at_edges(written: Option<&[Range<u64>]>, range: Range<u64>) -> Vec<Range<u64>> {
    let mut parts = Vec::new();
    let mut from = range.start;
    let written = written.unwrap_or(&[]);
    let first = written.partition_point(|stored| stored.end <= range.start);
    let edges = written.iter().skip(first).take_while(|stored| stored.start < range.end);
    for edge in edges.flat_map(|stored| [stored.start, stored.end]) {
        if from < edge && edge < range.end {
            parts.push(from..edge);
            from = edge;
        }
    }
    parts.push(from..range.end);
    parts
}

/// The range cut at multiples of `step`.
pub fn cut(range: Range<u64>, step: u64) -> impl Iterator<Item = Range<u64>> {
    let mut from = range.start;
    std::iter::from_fn(move || {
        let start = from;
        from = ((start / step + 1) * step).min(range.end);
        (start < range.end).then_some(start..from)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_written_from_end_to_end_or_not_at_all() {
        let whole = vec![Range { start: 3, end: 9 }];
        assert_eq!(at_edges(None, 3..9), whole);
        assert_eq!(at_edges(Some(&[]), 3..9), whole);
        assert_eq!(at_edges(Some(&[0..4, 6..8, 20..30]), 3..9), [3..4, 4..6, 6..8, 8..9]);
        assert_eq!(at_edges(Some(&[0..3, 9..10]), 3..9), whole);
        assert_eq!(at_edges(Some(&[0..5, 5..30]), 3..9), [3..5, 5..9]);
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
