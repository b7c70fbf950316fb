//! Whole series: an archive in, whatever the order of its rows; row groups of whole series out, sorted, no key twice.
//!
//! An archive is taken as sorted until it turns out not to be: then what was made of it is void, and it is read again
//! and sorted, in memory or, where it does not fit, by way of sorted segments on disk.
//!
//! `selected` reads the batches, `gather` makes row groups of batches in order, `sort` and `merge` put rows in order
//! (`rows_in_memory` holds them), `retained` puts rows of an earlier dataset among them (`batch_rows` reads
//! them), and `conflicts` names two rows of one station and time that differ.

mod batch_rows;
mod conflicts;
mod gather;
mod merge;
mod retained;
mod rows_in_memory;
mod selected;
mod sort;

use std::path::PathBuf;

use isd_dataset::layout::ROW_GROUP_ROWS;
use isd_dataset::manifest::Duplicates;
use isd_dataset::series_group::SeriesGroup;

pub(crate) use batch_rows::{BatchRows, stored_batch, stored_row_groups};
use conflicts::{Stop, locate, twice};
use gather::Gatherer;
pub(crate) use gather::same;
use merge::Merge;
use retained::WithRetained;
pub(crate) use retained::{Region, Retained};
pub(crate) use selected::Selected;
use selected::SelectedReader;
use sort::Sorter;

use crate::archive::{Archive, FileReport, ReadError};
use crate::{Batch, Result};

/// Bytes of observations held at once while sorting: so many that the whole process stays below 1 GiB.
const SORT_BYTES: usize = 256 << 20;

/// How whole series are made of an archive.
#[derive(Debug, Clone)]
pub struct SeriesOptions {
    /// Which of several rows of one station and time stays.
    pub duplicates: Duplicates,
    /// Directory for the sorted segments of an archive that is out of order and larger than memory should be. It need not
    /// exist; what is made in it is removed again.
    pub scratch: PathBuf,
    /// Rows of a row group, unless a single station has more.
    #[doc(hidden)]
    pub row_group_rows: usize,
    /// Bytes of observations held at once while sorting.
    #[doc(hidden)]
    pub sort_bytes: usize,
}

impl SeriesOptions {
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
    /// Takes the next row group, while the one after it is read.
    ///
    /// # Errors
    /// Whatever keeps it from going on; [`read_series`] ends with that error.
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

/// What was read of an archive, and how.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SeriesReport {
    /// The files that were read.
    pub files: Vec<FileReport>,
    /// Whether the rows had to be sorted.
    pub sorted: bool,
    /// Bytes of the sorted segments that were written to the scratch directory and removed again.
    pub spilled_bytes: u64,
}

/// Hands all rows of an archive to `sink`, as row groups of whole series in order.
///
/// While a row group is taken, on the ambient rayon pool, the next is read. `progress` is told, from any thread, how
/// many rows have been read, and, of rows that had to be sorted, then how many have been handed on; it may begin again.
///
/// # Errors
/// What the archive or the sink reports; differing rows of one key under [`Duplicates::Error`]; a scratch directory
/// that cannot be written.
pub fn read_series(
    archive: &mut Archive,
    options: &SeriesOptions,
    sink: &mut dyn Sink,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<SeriesReport> {
    let all = Selected::all(archive);
    read_selected(archive, &all, options, sink, progress)
}

/// Hands the selected rows of an archive to `sink`, as [`read_series`] does with all of them.
///
/// # Errors
/// As [`read_series`].
pub(crate) fn read_selected(
    archive: &mut Archive,
    selected: &Selected,
    options: &SeriesOptions,
    sink: &mut dyn Sink,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<SeriesReport> {
    let mut sort = false;
    loop {
        match pass(archive, selected, options, sink, progress, sort) {
            Ok(report) => return Ok(report),
            Err(Stop::Failed(error)) => return Err(error),
            // Rows that were sorted, or of which some were passed over, do not know their places.
            Err(Stop::Conflict(keys)) if sort || !selected.is_whole() => {
                return Err(locate(archive, &selected.files, &keys[1]));
            }
            Err(Stop::Conflict(keys)) => return Err(twice(archive, &keys[0], &keys[1])),
            Err(Stop::Damaged(ReadError { file, error, .. })) => archive.skip(file, error)?,
            Err(Stop::OutOfOrder) => sort = true,
        }
        sink.reset()?;
    }
}

/// Reads all rows once and hands them over as they come, or after sorting them.
fn pass(
    archive: &Archive,
    selected: &Selected,
    options: &SeriesOptions,
    sink: &mut dyn Sink,
    progress: &(dyn Fn(u64) + Sync),
    sort: bool,
) -> Result<SeriesReport, Stop> {
    let mut report = SeriesReport { sorted: sort, ..SeriesReport::default() };
    let mut reader = SelectedReader::new(archive, selected, progress);
    if !sort {
        let mut rows = WithRetained::new(reader, &selected.retained, archive.columns())?;
        hand_over(&mut rows, options, sink, &mut report.files)?;
        return Ok(report);
    }
    let mut sorter = Sorter::new(archive.columns().len(), options.sort_bytes, &options.scratch);
    while let Some(batch) = reader.next_batch()? {
        sorter.push(&batch)?;
    }
    report.files = reader.archive.take_finished();
    sink.files_read(&report.files)?;
    let sorted = sorter.finish();
    report.spilled_bytes = sorted.spilled_bytes;
    let merge = Merge::new(sorted, progress)?;
    let mut rows = WithRetained::new(merge, &selected.retained, archive.columns())?;
    hand_over(&mut rows, options, sink, &mut report.files)?;
    Ok(report)
}

/// Batches in the order in which their rows are taken.
trait Batches: Send {
    /// The next batch, or `None` after the last.
    fn next(&mut self) -> Result<Option<Batch>, Stop>;

    /// Files read to their ends since the last call.
    fn finished(&mut self) -> Vec<FileReport> {
        Vec::new()
    }
}

impl Batches for SelectedReader<'_> {
    fn next(&mut self) -> Result<Option<Batch>, Stop> {
        Ok(self.next_batch()?)
    }

    fn finished(&mut self) -> Vec<FileReport> {
        self.archive.take_finished()
    }
}

impl Batches for Merge<'_> {
    fn next(&mut self) -> Result<Option<Batch>, Stop> {
        Ok(self.next_batch()?)
    }
}

/// Hands batches to the sink as row groups. While one is taken, the next is read. Finished files are added to `files`.
fn hand_over(
    batches: &mut impl Batches,
    options: &SeriesOptions,
    sink: &mut dyn Sink,
    files: &mut Vec<FileReport>,
) -> Result<(), Stop> {
    let mut gatherer = Gatherer::new(options.row_group_rows, options.duplicates);
    let mut next = next_group(&mut gatherer, batches)?;
    loop {
        let finished = batches.finished();
        sink.files_read(&finished)?;
        files.extend(finished);
        let Some(group) = next else { return Ok(()) };
        let (taken, following) = rayon::join(|| sink.take(group), || next_group(&mut gatherer, batches));
        taken?;
        next = following?;
    }
}

/// Takes batches until a row group is complete; `None` after the last.
fn next_group(gatherer: &mut Gatherer, batches: &mut impl Batches) -> Result<Option<SeriesGroup>, Stop> {
    loop {
        if let Some(group) = gatherer.pop() {
            return Ok(Some(group));
        }
        if gatherer.is_finished() {
            return Ok(None);
        }
        match batches.next()? {
            Some(batch) => gatherer.push(batch)?,
            None => gatherer.finish(),
        }
    }
}
