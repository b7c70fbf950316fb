//! Reading an archive: its files one after another in, batches with the archive's columns out.
//!
//! Small files are read as a whole, several at a time; others piece by piece.

use std::collections::{BTreeMap, HashSet, VecDeque};

use isd_dataset::layout::{block_of, block_prefix};
use rayon::prelude::*;

use super::files::{Archive, Opener, SourceFile};
use crate::{Batch, ColumnInfo, Error, Result, Source, Tally};

/// Stored bytes of small files that are read at a time.
const TOGETHER_BYTES: u64 = 16 << 20;
/// Small files that each thread reads at a time.
const TOGETHER: usize = 4;

/// Rows of a file that is read as a whole, at most: a compressed file may hold many more than its size suggests.
const WHOLE_ROWS: usize = 256 << 10;

/// What one file held that has been read to its end.
#[derive(Debug, Clone, PartialEq)]
pub struct FileReport {
    /// Its index in [`Archive::files`].
    pub file: usize,
    /// Number of rows.
    pub rows: u64,
    /// Blocks that its rows belong to, see [`block_of`], and how many rows each has.
    pub blocks: BTreeMap<String, u64>,
    /// What was left out of it.
    pub tally: Tally,
}

impl FileReport {
    fn new(file: usize) -> Self {
        Self { file, rows: 0, blocks: BTreeMap::new(), tally: Tally::default() }
    }

    fn add(&mut self, batch: &Batch) {
        self.rows += batch.rows() as u64;
        // Mostly, the stations of a block follow each other.
        for runs in batch.stations.chunk_by(|a, b| block_prefix(&a.station_id) == block_prefix(&b.station_id))
        {
            let Some(first) = runs.first() else { continue };
            let rows: usize = runs.iter().map(|run| run.rows).sum();
            *self.blocks.entry(block_of(&first.station_id)).or_default() += rows as u64;
        }
    }
}

/// A file of an archive that cannot be read to its end.
#[derive(Debug)]
pub struct ReadError {
    /// Its index in [`Archive::files`], for [`Archive::skip`].
    pub file: usize,
    /// Number of its rows that were handed out before.
    pub rows: u64,
    /// Why.
    pub error: Error,
}

impl Archive {
    /// Reads the files for which `wanted` says so, from their starts.
    ///
    /// They are read in the order of their first rows, so that the rows of archives with one file a station or a year
    /// come sorted; nothing else is promised of their order.
    pub fn read(&self, wanted: impl Fn(usize, &SourceFile) -> bool) -> ArchiveReader<'_> {
        let files = self.files.iter().enumerate().filter(|&(index, file)| wanted(index, file));
        let chosen: Vec<usize> = files.map(|(index, _)| index).collect();
        let bytes = chosen.iter().map(|&index| self.files[index].bytes).sum();
        self.progress.start(chosen.len() as u64, bytes);
        ArchiveReader {
            archive: self,
            waiting: chosen.into(),
            large: HashSet::new(),
            ready: VecDeque::new(),
            current: None,
            finished: Vec::new(),
        }
    }
}

/// Reads the files of an archive, batch by batch.
pub struct ArchiveReader<'a> {
    archive: &'a Archive,
    waiting: VecDeque<usize>,
    /// Files whose stored bytes are few but whose rows are many.
    large: HashSet<usize>,
    /// Batches of small files, which have been read to their ends.
    ready: VecDeque<Batch>,
    current: Option<(Box<dyn Source>, FileReport)>,
    finished: Vec<FileReport>,
}

impl ArchiveReader<'_> {
    /// The next rows, or `None` after the last. Its columns are [`Archive::columns`]; one that the file lacks is null.
    ///
    /// # Errors
    /// A file that cannot be read and must not be left out, or of which rows were handed out; the next call goes on
    /// with the other files.
    pub fn next_batch(&mut self) -> Result<Option<Batch>, ReadError> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return Ok(Some(batch));
            }
            if let Some((mut source, mut report)) = self.current.take() {
                match source.next_batch() {
                    Err(error) => return Err(ReadError { file: report.file, rows: report.rows, error }),
                    Ok(None) => self.finish(report, source.as_ref()),
                    Ok(Some(batch)) => {
                        report.add(&batch);
                        self.count_bytes(report.file, source.info().rows, batch.rows());
                        let (file, rows) = (report.file, report.rows);
                        let batch = aligned(batch, source.as_ref(), &self.archive.columns)
                            .map_err(|error| ReadError { file, rows, error })?;
                        self.current = Some((source, report));
                        return Ok(Some(batch));
                    }
                }
            } else if self.waiting.is_empty() {
                return Ok(None);
            } else {
                self.advance()?;
            }
        }
    }

    /// Reports of the files read to their ends since the last call.
    pub fn take_finished(&mut self) -> Vec<FileReport> {
        std::mem::take(&mut self.finished)
    }

    /// Reads the next small files to their ends, or opens the next large one.
    fn advance(&mut self) -> Result<(), ReadError> {
        let mut together: Vec<(usize, &Opener)> = Vec::new();
        let mut bytes = 0;
        while let Some(&file) = self.waiting.front() {
            match &self.archive.openers[file] {
                None => {}
                Some(opener) if opener.small && !self.large.contains(&file) => {
                    bytes += self.archive.files[file].bytes;
                    let full =
                        bytes > TOGETHER_BYTES || together.len() == TOGETHER * rayon::current_num_threads();
                    if full && !together.is_empty() {
                        break;
                    }
                    together.push((file, opener));
                }
                Some(_) if !together.is_empty() => break,
                Some(opener) => {
                    self.waiting.pop_front();
                    let source = (opener.open)().map_err(|error| ReadError { file, rows: 0, error })?;
                    self.current = Some((source, FileReport::new(file)));
                    return Ok(());
                }
            }
            self.waiting.pop_front();
        }
        let columns = &self.archive.columns;
        let read =
            together.par_iter().with_max_len(1).map(|(_, opener)| read_whole((opener.open)()?, columns));
        let read: Vec<Result<_>> = read.collect();
        for (&(file, _), read) in together.iter().zip(read) {
            match read {
                Ok((_, None)) => {
                    // It and those after it are read once more, in their order.
                    let again =
                        together.iter().map(|(file, _)| *file).rev().take_while(|&other| other != file);
                    again.for_each(|file| self.waiting.push_front(file));
                    self.waiting.push_front(file);
                    self.large.insert(file);
                    break;
                }
                Ok((source, Some(batches))) => {
                    let mut report = FileReport::new(file);
                    for batch in &batches {
                        report.add(batch);
                    }
                    self.ready.extend(batches);
                    self.finish(report, source.as_ref());
                }
                Err(error) => self.leave_out(file, error)?,
            }
        }
        Ok(())
    }

    /// Leaves out a file of which no row was handed out.
    ///
    /// # Errors
    /// Its error, where it is the only file or none may be left out.
    fn leave_out(&self, file: usize, error: Error) -> Result<(), ReadError> {
        if self.archive.openers.len() == 1 {
            return Err(ReadError { file, rows: 0, error });
        }
        let path = &self.archive.files[file].path;
        self.archive.failures.add(path, error).map_err(|error| ReadError { file, rows: 0, error })
    }

    /// Counts the bytes of some rows of a file, where its reader knows how many rows it has and does not count bytes.
    fn count_bytes(&self, file: usize, all_rows: Option<u64>, rows: usize) {
        if let Some(all @ 1..) = all_rows {
            let share = u128::from(self.archive.files[file].bytes) * rows as u128 / u128::from(all);
            self.archive.progress.add_bytes(share as u64);
        }
    }

    /// Reports a file that was read to its end.
    fn finish(&mut self, mut report: FileReport, source: &dyn Source) {
        report.tally = source.tally();
        self.finished.push(report);
        self.archive.progress.file_done();
    }
}

/// A source that was read to its end, and its batches; `None` where they are too many.
type Whole = (Box<dyn Source>, Option<Vec<Batch>>);

/// All batches of a source, with these columns; `None` where they hold more than [`WHOLE_ROWS`].
///
/// # Errors
/// A source that cannot be read to its end.
pub fn read_whole(mut source: Box<dyn Source>, columns: &[ColumnInfo]) -> Result<Whole> {
    let mut batches = Vec::new();
    let mut rows = 0;
    while let Some(batch) = source.next_batch()? {
        rows += batch.rows();
        if rows > WHOLE_ROWS {
            return Ok((source, None));
        }
        batches.push(aligned(batch, source.as_ref(), columns)?);
    }
    Ok((source, Some(batches)))
}

/// A batch of a source, with the columns `all`; those that the source lacks are null.
///
/// # Errors
/// A batch that breaks the contract of [`Batch`].
fn aligned(batch: Batch, source: &dyn Source, all: &[ColumnInfo]) -> Result<Batch> {
    let own = &source.info().columns;
    batch.check(own.len())?;
    Ok(batch.with_columns(own, all))
}
