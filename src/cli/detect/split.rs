//! `isd-detect --split`: a dataset and numbers of parts in, how evenly it is cut into each of them out. No value is read.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, UInt64Array};
use arrow::error::ArrowError;
use isd_dataset::layout::{STATION_ID, TIMESTAMP};
use isd_dataset::read::Dataset;
use serde::Serialize;

use crate::cli::common::CommonArgs;
use crate::cli::failure::Failure;
use crate::cli::stdout_table::print_table;
use crate::detect::parts::Balance;

/// What `--json` prints of a split.
#[derive(Serialize)]
struct SplitSummary {
    dataset: String,
    rows: u64,
    splits: Vec<Balance>,
}

/// Prints how the row groups of a dataset are cut into each number of parts. What a part reads are the stations, the times
/// and `measurements`: of the times, those of outliers at least.
/// Errors: standard output cannot be written.
pub(super) fn print_splits(
    dataset: &Dataset,
    numbers: &[usize],
    measurements: &[String],
    common: &CommonArgs,
) -> Result<(), Failure> {
    let row_groups = dataset.row_groups();
    let rows: Vec<u64> = row_groups.iter().map(|group| group.rows() as u64).collect();
    let read = || [STATION_ID, TIMESTAMP].into_iter().chain(measurements.iter().map(String::as_str));
    let bytes: Vec<u64> = row_groups.iter().map(|group| group.bytes(read())).collect();
    let splits: Vec<Balance> = numbers.iter().map(|parts| Balance::of(&rows, &bytes, *parts)).collect();
    if common.json {
        let dataset = dataset.path().display().to_string();
        return common.summarize(&SplitSummary { dataset, rows: rows.iter().sum(), splits }, "");
    }
    let table = table(&splits);
    let table =
        table.map_err(|error| Failure::error(format!("cannot make a table of the parts: {error}")))?;
    print_table(&table.schema(), [&table].into_iter().map(|table| Ok(table.clone())), "parts")
}

/// A row for each number of parts.
fn table(splits: &[Balance]) -> Result<RecordBatch, ArrowError> {
    let whole = |of: fn(&Balance) -> u64| -> ArrayRef {
        Arc::new(splits.iter().map(|split| Some(of(split))).collect::<UInt64Array>())
    };
    let share: Float64Array = splits.iter().map(|split| Some(split.largest_share)).collect();
    RecordBatch::try_from_iter([
        ("parts", whole(|split| split.parts as u64)),
        ("empty_parts", whole(|split| split.empty_parts as u64)),
        ("most_row_groups", whole(|split| split.most_row_groups as u64)),
        ("mean_rows", whole(|split| split.mean_rows)),
        ("most_rows", whole(|split| split.most_rows)),
        ("largest_share", Arc::new(share) as ArrayRef),
        ("mean_bytes", whole(|split| split.mean_bytes)),
        ("most_bytes", whole(|split| split.most_bytes)),
    ])
}
