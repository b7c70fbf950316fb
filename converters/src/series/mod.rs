//! From an archive, in whatever order its rows come, to row groups of whole series, sorted, no key twice.
//!
//! An archive is taken as sorted until it turns out not to be: then what was made of it is void, and it is read again
//! and sorted, in memory or, where it does not fit, by way of sorted runs on disk.

mod gather;
mod merge;
mod sort;
mod unsorted_rows;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::archive::{Archive, ArchiveReader, FileReport, ReadError};
use crate::series::gather::{Gatherer, Key, Pushed, kept};
use crate::series::merge::Merge;
use crate::series::sort::Sorter;
use crate::{Batch, Error, Result};
use isd_dataset::layout::{ROW_GROUP_ROWS, block_of, block_prefix};
use isd_dataset::manifest::Duplicates;
use isd_dataset::series_group::SeriesGroup;
use isd_dataset::time::iso8601;

/// Bytes of observations held at once while sorting: so many that the whole process stays below 1 GiB.
const SORT_BYTES: usize = 256 << 20;

/// How to ingest.
#[derive(Debug, Clone)]
pub struct IngestOptions {
    /// Which of several rows of one station and time stays.
    pub duplicates: Duplicates,
    /// Directory for the sorted runs of an archive that is out of order and larger than memory should be. It need not
    /// exist; what is made in it is removed again.
    pub scratch: PathBuf,
    /// Rows of a row group, unless a single station has more.
    #[doc(hidden)]
    pub row_group_rows: usize,
    /// Bytes of observations held at once while sorting.
    #[doc(hidden)]
    pub sort_bytes: usize,
}

impl IngestOptions {
    /// The defaults, with this directory for what does not fit into memory.
    #[must_use]
    pub fn new(scratch: PathBuf) -> Self {
        Self {
            duplicates: Duplicates::default(),
            scratch,
            row_group_rows: ROW_GROUP_ROWS,
            sort_bytes: SORT_BYTES,
        }
    }
}

/// Takes the row groups of an archive, in the order of their stations.
pub trait Sink: Send {
    /// Takes the next row group, while the one behind it is read.
    ///
    /// # Errors
    /// Whatever keeps it from going on; ingesting ends with that error.
    fn take(&mut self, group: SeriesGroup) -> Result<()>;

    /// Takes note that files were read to their ends. Their rows may still be to come.
    ///
    /// # Errors
    /// As [`Sink::take`].
    fn files_read(&mut self, _files: &[FileReport]) -> Result<()> {
        Ok(())
    }

    /// Everything taken so far is void: the archive is read again from its start.
    ///
    /// # Errors
    /// As [`Sink::take`].
    fn reset(&mut self) -> Result<()>;
}

/// What there was in an archive.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ingested {
    /// The files that were read.
    pub files: Vec<FileReport>,
    /// Whether the rows had to be sorted.
    pub sorted: bool,
    /// Bytes of the sorted runs that were written to the scratch directory and removed again.
    pub spilled_bytes: u64,
}

/// The part of an archive that is ingested.
#[derive(Debug)]
pub(crate) struct Part {
    /// Which of the archive's files are read.
    pub(crate) files: Vec<bool>,
    /// Blocks whose rows are passed over.
    pub(crate) without: BTreeSet<String>,
}

/// Hands all rows of an archive to `sink`, as row groups of whole series in order.
///
/// While a row group is taken, on the ambient rayon pool, the next is read. `progress` is told, from any thread, how
/// many rows have been read, and, of rows that had to be sorted, then how many have been handed on; it may begin again.
///
/// # Errors
/// What the archive or the sink reports; differing rows of one key under [`Duplicates::Error`]; a scratch directory
/// that cannot be written.
pub fn ingest(
    archive: &mut Archive,
    options: &IngestOptions,
    sink: &mut dyn Sink,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Ingested> {
    let everything = Part { files: vec![true; archive.files().len()], without: BTreeSet::new() };
    ingest_part(archive, &everything, options, sink, progress)
}

/// As [`ingest`], of a part of the archive.
pub(crate) fn ingest_part(
    archive: &mut Archive,
    part: &Part,
    options: &IngestOptions,
    sink: &mut dyn Sink,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Ingested> {
    let mut sorted = false;
    loop {
        let pass = if sorted {
            sorted_pass(archive, part, options, sink, progress)
        } else {
            straight_pass(archive, part, options, sink, progress)
        };
        match pass {
            Ok(ingested) => return Ok(ingested),
            Err(Stop::Failed(error)) => return Err(error),
            // Rows that were sorted, or of which some were passed over, do not know their places.
            Err(Stop::Conflict(keys)) if sorted || !part.without.is_empty() => {
                return Err(locate(archive, part, &keys[1]));
            }
            Err(Stop::Conflict(keys)) => return Err(twice(archive, &keys[0], &keys[1])),
            Err(Stop::Damaged(ReadError { file, error, .. })) => archive.skip(file, error)?,
            Err(Stop::OutOfOrder) => sorted = true,
        }
        sink.reset()?;
    }
}

/// Why a pass over an archive ended before its time.
enum Stop {
    OutOfOrder,
    Damaged(ReadError),
    Conflict(Box<[Key; 2]>),
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

fn gatherer(archive: &Archive, options: &IngestOptions) -> Gatherer {
    Gatherer::new(archive.columns().len(), options.row_group_rows, options.duplicates)
}

/// Takes the rows as they come.
fn straight_pass(
    archive: &Archive,
    part: &Part,
    options: &IngestOptions,
    sink: &mut dyn Sink,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Ingested, Stop> {
    let mut gatherer = gatherer(archive, options);
    let mut reading = Reading::new(archive, part, progress);
    let mut files = Vec::new();
    let mut next = next_group(&mut gatherer, || reading.next_batch())?;
    while let Some(group) = next {
        let finished = reading.reader.take_finished();
        sink.files_read(&finished)?;
        files.extend(finished);
        let (taken, following) =
            rayon::join(|| sink.take(group), || next_group(&mut gatherer, || reading.next_batch()));
        taken?;
        next = following?;
    }
    let finished = reading.reader.take_finished();
    sink.files_read(&finished)?;
    files.extend(finished);
    Ok(Ingested { files, ..Ingested::default() })
}

/// Reads and sorts all rows, then takes them.
fn sorted_pass(
    archive: &Archive,
    part: &Part,
    options: &IngestOptions,
    sink: &mut dyn Sink,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Ingested, Stop> {
    let mut reading = Reading::new(archive, part, progress);
    let mut sorter = Sorter::new(archive.columns().len(), options.sort_bytes, &options.scratch);
    while let Some(batch) = reading.next_batch()? {
        sorter.push(&batch)?;
    }
    let files = reading.reader.take_finished();
    sink.files_read(&files)?;
    let sorted = sorter.finish();
    let spilled_bytes = sorted.spilled_bytes;
    let mut merge = Merge::new(sorted)?;
    let mut gatherer = gatherer(archive, options);
    let mut rows = 0;
    let mut next_batch = || -> Result<Option<Batch>, Stop> {
        let batch = merge.next_batch()?;
        rows += batch.as_ref().map_or(0, Batch::rows) as u64;
        progress(rows);
        Ok(batch)
    };
    let mut next = next_group(&mut gatherer, &mut next_batch)?;
    while let Some(group) = next {
        let (taken, following) =
            rayon::join(|| sink.take(group), || next_group(&mut gatherer, &mut next_batch));
        taken?;
        next = following?;
    }
    Ok(Ingested { files, sorted: true, spilled_bytes })
}

/// Takes batches until a row group is complete; `None` behind the last.
fn next_group(
    gatherer: &mut Gatherer,
    mut next_batch: impl FnMut() -> Result<Option<Batch>, Stop>,
) -> Result<Option<SeriesGroup>, Stop> {
    loop {
        if let Some(group) = gatherer.pop() {
            return Ok(Some(group));
        }
        if gatherer.is_finished() {
            return Ok(None);
        }
        let Some(batch) = next_batch()? else {
            gatherer.finish();
            continue;
        };
        match gatherer.push(batch)? {
            Pushed::InOrder => {}
            Pushed::OutOfOrder => return Err(Stop::OutOfOrder),
            Pushed::Conflict(keys) => return Err(Stop::Conflict(keys)),
        }
    }
}

/// The batches of a part of an archive.
struct Reading<'a> {
    reader: ArchiveReader<'a>,
    without: &'a BTreeSet<String>,
    rows: u64,
    progress: &'a (dyn Fn(u64) + Sync),
}

impl<'a> Reading<'a> {
    fn new(archive: &'a Archive, part: &'a Part, progress: &'a (dyn Fn(u64) + Sync)) -> Self {
        let wanted = |file: usize| part.files.get(file).copied().unwrap_or(false);
        Self { reader: archive.read(|file, _| wanted(file)), without: &part.without, rows: 0, progress }
    }

    fn next_batch(&mut self) -> Result<Option<Batch>, Stop> {
        let Some(batch) = self.reader.next_batch().map_err(Stop::Damaged)? else { return Ok(None) };
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
    let of_block = |a: &crate::StationRun, b: &crate::StationRun| {
        block_prefix(&a.station_id) == block_prefix(&b.station_id)
    };
    for runs in batch.stations.chunk_by(of_block) {
        let wanted = runs.first().is_some_and(|run| !blocks.contains(&block_of(&run.station_id)));
        keep.resize(keep.len() + runs.iter().map(|run| run.rows).sum::<usize>(), wanted);
    }
    // One whose runs do not add up is left as it is, to be reported.
    if keep.len() != batch.rows() || keep.iter().all(|&keep| keep) { batch } else { kept(&batch, &keep) }
}

/// Two rows of one key that differ.
fn twice(archive: &Archive, first: &Key, second: &Key) -> Error {
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

/// The error of a key whose rows differ and no longer know where they came from: they are looked for in the archive.
fn locate(archive: &Archive, part: &Part, key: &Key) -> Error {
    let mut found: Option<(Key, Vec<Option<u64>>)> = None;
    let everything = Part { files: part.files.clone(), without: BTreeSet::new() };
    let mut reading = Reading::new(archive, &everything, &|_| ());
    while let Ok(Some(batch)) = reading.next_batch() {
        let mut start = 0;
        for run in &batch.stations {
            let rows = start..start + run.rows;
            start = rows.end;
            if run.station_id != key.station_id {
                continue;
            }
            for row in rows.filter(|&row| batch.timestamps.get(row) == Some(&key.timestamp)) {
                let values = batch.columns.iter().map(|column| {
                    let value = column.iter().nth(row).flatten();
                    value.map(f64::to_bits)
                });
                let values: Vec<_> = values.collect();
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
