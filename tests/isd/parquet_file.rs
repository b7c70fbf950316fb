//! Tables of several row groups as Parquet files.

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::compute::concat_batches;
use arrow::error::ArrowError;
use isd::output::TableFile;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::RowGroupMetaData;

/// Rows of a row group.
const ROW_GROUP_ROWS: i64 = 1 << 17;

fn batch(rows: Range<i64>) -> RecordBatch {
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(rows));
    RecordBatch::try_from_iter([("n", numbers)]).unwrap()
}

/// A table, written and read again: the numbers of rows of its row groups, and the table.
fn written(batches: &[RecordBatch]) -> (Vec<i64>, RecordBatch) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("table.parquet");
    let schema = batch(0..0).schema();
    TableFile::create(&path).unwrap().write(&schema, batches.iter().cloned().map(Ok), &[]).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).unwrap()).unwrap();
    let groups = reader.metadata().row_groups().iter().map(RowGroupMetaData::num_rows).collect();
    let read: Result<Vec<_>, _> = reader.build().unwrap().collect();
    (groups, concat_batches(&schema, &read.unwrap()).unwrap())
}

#[test]
fn row_groups_hold_all_rows_in_order_and_are_full_but_for_the_last() {
    let full = ROW_GROUP_ROWS;
    let batches = [batch(0..10), batch(10..10), batch(10..2 * full + 5), batch(2 * full + 5..3 * full)];
    let ending = [batch(0..2 * full - 4), batch(2 * full - 4..2 * full + 5)];
    for (batches, groups) in [
        (&batches[..], vec![full; 3]),
        (&batches[..1], vec![10]),
        (&[], vec![]),
        (&ending[..], vec![full, full, 5]),
    ] {
        let table = batch(0..groups.iter().sum());
        assert_eq!(written(batches), (groups, table));
    }
}

#[test]
fn a_batch_that_is_an_error_ends_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = TableFile::create(&directory.path().join("table.parquet")).unwrap();
    let broken = [Ok(batch(0..2 * ROW_GROUP_ROWS)), Err(ArrowError::ComputeError("no more".into()))];
    let error = file.write(&batch(0..0).schema(), broken.into_iter(), &[]).unwrap_err();
    assert!(error.to_string().contains("no more"), "{error}");
}
