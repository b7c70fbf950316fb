//! A row group: what it is, and the two ways to its columns, by the library and by hand.

use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::ArrayRef;
use isd_stores::ReadAhead;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder, RowSelection};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::page_index::offset_index::PageLocation;
use parquet::file::statistics::Statistics;

use crate::Result;
use crate::guard::{attempted, guarded};
use crate::pages::{PageFile, StoredChunk, ranges_of};
use crate::read::data_file::{DataFile, not_parquet};

/// Rows decoded at a time: small enough for the second-level cache, and for memory that is handed back and reused at once.
const BATCH_ROWS: usize = 1 << 15;

/// One row group of a dataset: whole series, which can be processed by themselves. Nothing of it is read before it is
/// asked for.
#[derive(Debug, Clone)]
pub struct RowGroup {
    pub(super) file: Arc<DataFile>,
    index: usize,
    /// The rows whose values are wanted, in ascending ranges; `None` for all.
    pub(super) wanted: Option<Arc<[Range<usize>]>>,
    /// Pages of a column of an object that were fetched and could not be read by hand, for the library: the column's number.
    kept: Arc<Mutex<Option<(usize, PageFile)>>>,
    /// What fetches its columns before they are asked for, of an object.
    pub(super) ahead: Option<Arc<ReadAhead>>,
}

impl RowGroup {
    /// All row groups of a file, in its order.
    pub(super) fn all_of(file: &Arc<DataFile>) -> impl Iterator<Item = Self> {
        (0..file.metadata().num_row_groups()).map(|index| Self {
            file: Arc::clone(file),
            index,
            wanted: None,
            kept: Arc::default(),
            ahead: None,
        })
    }

    /// The row group with all its rows, of whose value columns only those pages are read that hold rows of these ranges, which
    /// ascend. What other rows have for values means nothing.
    #[must_use]
    pub fn limited_to(&self, ranges: &[Range<usize>]) -> Self {
        Self { wanted: Some(ranges.into()), ..self.clone() }
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.metadata().num_rows() as usize
    }

    /// Bytes that these columns take in the file; what it does not have takes none.
    #[must_use]
    pub fn bytes<'a>(&self, columns: impl IntoIterator<Item = &'a str>) -> u64 {
        let columns = columns.into_iter().filter_map(|column| self.file.column(column));
        columns
            .map(|column| u64::try_from(self.metadata().column(column).compressed_size()).unwrap_or(0))
            .sum()
    }

    /// Its number in the file, from 0.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// The file that it lies in.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.file.path
    }

    /// What the footer says of the row group.
    pub(super) fn metadata(&self) -> &RowGroupMetaData {
        self.file.metadata().row_group(self.index)
    }

    /// The least and the greatest value of a column of numbers as stored, where the footer says them.
    pub(super) fn range(&self, column: &str) -> Option<(f64, f64)> {
        let (least, most) = match self.statistics(column)? {
            Statistics::Int32(both) => (both.min_opt().map(|&n| n.into()), both.max_opt().map(|&n| n.into())),
            Statistics::Int64(both) => (both.min_opt().map(|&n| n as f64), both.max_opt().map(|&n| n as f64)),
            Statistics::Float(both) => (both.min_opt().map(|&n| n.into()), both.max_opt().map(|&n| n.into())),
            Statistics::Double(both) => (both.min_opt().copied(), both.max_opt().copied()),
            _ => (None, None),
        };
        least.zip(most)
    }

    /// Whether the footer says that a column holds nothing but nulls.
    pub(super) fn is_null(&self, column: &str) -> bool {
        let rows = u64::try_from(self.metadata().num_rows()).ok();
        rows.is_some() && self.statistics(column).and_then(Statistics::null_count_opt) == rows
    }

    fn statistics(&self, column: &str) -> Option<&Statistics> {
        self.metadata().column(self.file.column(column)?).statistics()
    }

    /// The pages of a column, to be read by hand, or those that hold `wanted` rows; `None` where the file has no such column or cannot be opened.
    fn stored<'a>(&'a self, column: &str, wanted: Option<&'a [Range<usize>]>) -> Option<StoredChunk<'a>> {
        let column = self.file.column(column)?;
        Some(StoredChunk {
            file: self.pages(column, wanted).ok()?,
            metadata: self.metadata().column(column),
            rows: self.rows(),
            pages: self.page_locations(column).cloned(),
            wanted,
        })
    }

    /// Has `read` read the pages of a column by hand, of those that hold `wanted` rows. What was fetched and cannot be read so
    /// is kept for the library.
    pub(super) fn by_hand<T>(
        &self,
        column: &str,
        wanted: Option<&[Range<usize>]>,
        read: impl FnOnce(StoredChunk<'_>) -> Option<T>,
    ) -> Option<T> {
        let chunk = self.stored(column, wanted)?;
        let file = chunk.file.clone();
        let result = attempted(|| read(chunk));
        if let (None, PageFile::Object(_), None, Some(number)) =
            (&result, &file, wanted, self.file.column(column))
        {
            *self.kept() = Some((number, file));
        }
        result
    }

    fn kept(&self) -> MutexGuard<'_, Option<(usize, PageFile)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file, of which the pages of a column that hold some of these rows will be read; all of them where none are said.
    fn pages(&self, column: usize, rows: Option<&[Range<usize>]>) -> Result<PageFile> {
        let kept = self.kept().take_if(|(of, _)| *of == column);
        if let Some((_, file)) = kept.filter(|_| rows.is_none()) {
            return Ok(file);
        }
        let pages = self.page_locations(column).map(Vec::as_slice);
        let ranges = || ranges_of(self.metadata().column(column), pages, self.rows(), rows);
        self.file.pages(ranges, self.ahead.as_ref())
    }

    /// Where each data page of a column begins, if the file has an index of that.
    fn page_locations(&self, column: usize) -> Option<&Vec<PageLocation>> {
        let index = self.file.metadata().offset_index()?;
        Some(index.get(self.index)?.get(column)?.page_locations())
    }

    /// Has the library decode a column, or some rows of it, and hands it to `take` batch by batch.
    /// Errors: a column that is not there, a file that cannot be read, or what `take` returns.
    pub(super) fn decode(
        &self,
        footer: &ArrowReaderMetadata,
        column: &str,
        rows: Option<RowSelection>,
        mut take: impl FnMut(&ArrayRef) -> Result<()>,
    ) -> Result<()> {
        let path = &self.file.path;
        let leaf = self.file.column(column).ok_or_else(|| self.file.no_column(column))?;
        let ranges: Option<Vec<Range<usize>>> = rows.as_ref().map(selected);
        let file = self.pages(leaf, ranges.as_deref())?;
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, footer.clone())
            .with_row_groups(vec![self.index])
            .with_projection(ProjectionMask::leaves(footer.parquet_schema(), [leaf]))
            .with_batch_size(BATCH_ROWS);
        let expected = rows.as_ref().map_or(self.rows(), RowSelection::row_count);
        if let Some(rows) = rows {
            builder = builder.with_row_selection(rows);
        }
        let mut batches = guarded(|| builder.build()).map_err(|error| not_parquet(path, &error))?;
        let failed = |reason| self.file.column_error(column, format!("cannot read: {reason}"));
        let mut found = 0;
        // On damaged pages the library may panic, or find too few rows.
        while let Some(batch) = guarded(|| batches.next().transpose()).map_err(failed)? {
            found += batch.num_rows();
            take(batch.column(0))?;
        }
        if found != expected {
            return Err(failed(format!("found {found} rows, expected {expected}")));
        }
        Ok(())
    }
}

/// The rows that are selected, in ascending ranges.
fn selected(selection: &RowSelection) -> Vec<Range<usize>> {
    let mut end = 0;
    let mut ranges = Vec::new();
    for selector in selection.iter() {
        let start = end;
        end += selector.row_count;
        if !selector.skip {
            ranges.push(start..end);
        }
    }
    ranges
}
