//! Reading an archive: its files one after another in, batches with the archive's columns out.
//!
//! Small files are read as a whole, several at a time; others piece by piece.

use std::collections::{BTreeMap, HashSet, VecDeque};

use arrow::array::Float64Array;
use rayon::prelude::*;

use crate::archive::{Archive, Opener};
use crate::{Batch, ColumnInfo, Error, Result, Source, Tally};
use isd_dataset::layout::{block_of, block_prefix};

/// Stored bytes of small files that are read at a time.
const TOGETHER_BYTES: u64 = 16 << 20;
/// Small files that each thread reads at a time.
const TOGETHER: usize = 4;

/// Rows of a file that is read as a whole: compressed text may be much larger than it looks.
const WHOLE_ROWS: usize = 256 << 10;

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

impl FileReport {
    fn new(file: usize) -> Self {
        Self { file, rows: 0, blocks: BTreeMap::new(), tally: Tally::default() }
    }

    fn add(&mut self, batch: &Batch) {
        self.rows += batch.rows() as u64;
        // Stations of a block come together.
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
    /// Rows of it that were handed out before.
    pub rows: u64,
    /// Why.
    pub error: Error,
}

/// Batches of the files of an archive.
pub struct ArchiveReader<'a> {
    archive: &'a Archive,
    waiting: VecDeque<usize>,
    /// Files that are larger than they look.
    large: HashSet<usize>,
    /// Batches of small files, which have been read to their ends.
    ready: VecDeque<Batch>,
    current: Option<(Box<dyn Source>, FileReport)>,
    finished: Vec<FileReport>,
}

impl<'a> ArchiveReader<'a> {
    pub(super) fn new(archive: &'a Archive, files: VecDeque<usize>) -> Self {
        Self {
            archive,
            waiting: files,
            large: HashSet::new(),
            ready: VecDeque::new(),
            current: None,
            finished: Vec::new(),
        }
    }

    /// The next rows, or `None` behind the last. Its columns are [`Archive::columns`]; one that the file lacks is null.
    ///
    /// # Errors
    /// A file that cannot be read and must not be left out, or of which rows were handed out; the next call goes on
    /// with the other files.
    pub fn next_batch(&mut self) -> Result<Option<Batch>, ReadError> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return Ok(Some(batch));
            }
            if let Some((source, report)) = &mut self.current {
                let (file, rows) = (report.file, report.rows);
                let batch = source.next_batch().map_err(|error| ReadError { file, rows, error });
                let Ok(batch) = batch else {
                    self.current = None;
                    return batch;
                };
                if let Some(batch) = batch {
                    report.add(&batch);
                    self.count_rows(file, batch.rows());
                    let own = self.current.as_ref().map_or(&[][..], |(source, _)| source.columns());
                    return Ok(Some(aligned(batch, own, &self.archive.columns)));
                }
                report.tally = source.tally();
                self.finished.extend(self.current.take().map(|(_, report)| report));
                self.archive.progress.file_done();
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

    /// Reads the next small files, or opens the next other one.
    fn advance(&mut self) -> Result<(), ReadError> {
        let mut together: Vec<(usize, &Opener)> = Vec::new();
        let mut bytes = 0;
        while let Some(&file) = self.waiting.front() {
            match self.archive.openers.get(file).and_then(Option::as_ref) {
                None => {}
                Some(opener) if opener.small && !self.large.contains(&file) => {
                    bytes += self.archive.files.get(file).map_or(0, |file| file.bytes);
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
        let read: Vec<Result<_>> =
            together.par_iter().with_max_len(1).map(|(_, opener)| read_whole((opener.open)()?)).collect();
        for (&(file, _), read) in together.iter().zip(read) {
            match read {
                Ok((_, None)) => {
                    // Those behind it have to wait for it.
                    let behind = together.iter().map(|(file, _)| *file).skip_while(|&other| other != file);
                    let behind: Vec<usize> = behind.collect();
                    behind.into_iter().rev().for_each(|file| self.waiting.push_front(file));
                    self.large.insert(file);
                    break;
                }
                Ok((source, Some(batches))) => {
                    let mut report = FileReport::new(file);
                    for batch in batches {
                        report.add(&batch);
                        self.ready.push_back(aligned(batch, source.columns(), &self.archive.columns));
                    }
                    report.tally = source.tally();
                    self.finished.push(report);
                    self.archive.progress.file_done();
                }
                Err(error) => self.leave_out(file, error)?,
            }
        }
        Ok(())
    }

    /// A file of which no row was handed out need not be the end, unless it is the only one.
    fn leave_out(&self, file: usize, error: Error) -> Result<(), ReadError> {
        if self.archive.openers.len() == 1 {
            return Err(ReadError { file, rows: 0, error });
        }
        let path = self.archive.files.get(file).map(|file| file.path.clone()).unwrap_or_default();
        self.archive.failures.add(&path, error).map_err(|error| ReadError { file, rows: 0, error })
    }

    /// Counts the bytes of rows of a file whose reader does not count them itself.
    fn count_rows(&self, file: usize, rows: usize) {
        let all = self.current.as_ref().and_then(|(source, _)| source.rows());
        if let (Some(all @ 1..), Some(file)) = (all, self.archive.files.get(file)) {
            let share = u128::from(file.bytes) * rows as u128 / u128::from(all);
            self.archive.progress.add_bytes(share as u64);
        }
    }
}

/// A source that was read to its end, and its batches, unless they are too many.
type Whole = (Box<dyn Source>, Option<Vec<Batch>>);

/// All batches of a source; none where they hold more than [`WHOLE_ROWS`].
pub(super) fn read_whole(mut source: Box<dyn Source>) -> Result<Whole> {
    let mut batches = Vec::new();
    let mut rows = 0;
    while let Some(batch) = source.next_batch()? {
        rows += batch.rows();
        if rows > WHOLE_ROWS {
            return Ok((source, None));
        }
        batches.push(batch);
    }
    Ok((source, Some(batches)))
}

/// The batch of a source with the columns `own`, with the columns `all` instead.
pub(super) fn aligned(mut batch: Batch, own: &[ColumnInfo], all: &[ColumnInfo]) -> Batch {
    if own.len() == all.len() && own.iter().zip(all).all(|(a, b)| a.name == b.name) {
        return batch;
    }
    let rows = batch.rows();
    let mut missing: Option<Float64Array> = None;
    let column = |name: &str| {
        let index = own.iter().position(|column| column.name == name)?;
        batch.columns.get(index).cloned()
    };
    let columns = all.iter().map(|info| {
        column(&info.name)
            .unwrap_or_else(|| missing.get_or_insert_with(|| Float64Array::new_null(rows)).clone())
    });
    batch.columns = columns.collect();
    batch
}
