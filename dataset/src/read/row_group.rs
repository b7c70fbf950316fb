//! A row group: what it is, and the two ways to its columns, by the library and by hand.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow::array::ArrayRef;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder, RowSelection};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::statistics::Statistics;

use crate::Result;
use crate::guard::guarded;
use crate::pages::StoredChunk;
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
}

impl RowGroup {
    /// All row groups of a file, in its order.
    pub(super) fn all_of(file: &Arc<DataFile>) -> impl Iterator<Item = Self> {
        (0..file.metadata().num_row_groups()).map(|index| Self {
            file: Arc::clone(file),
            index,
            wanted: None,
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

    /// The pages of a column, to be read by hand; `None` where the file has no such column or cannot be opened.
    pub(super) fn stored(&self, column: &str) -> Option<StoredChunk<'_>> {
        let column = self.file.column(column)?;
        let index = self.file.metadata().offset_index();
        let index = index.and_then(|index| index.get(self.index)?.get(column));
        Some(StoredChunk {
            file: self.file.pages().ok()?,
            metadata: self.metadata().column(column),
            rows: self.rows(),
            pages: index.map(|index| index.page_locations().clone()),
            wanted: None,
        })
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
        let file = self.file.pages()?;
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
