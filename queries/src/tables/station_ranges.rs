//! In: a scan of a dataset's files; out: the same scan in parts that hold whole stations, each a range of station ids.
//!
//! A station lies in one file, and the files of a dataset are in the order of their stations. Where parts are ranges of
//! stations, groups and windows by station need no exchange of rows between threads.

use std::sync::Arc;

use arrow::compute::SortOptions;
use datafusion::common::{ScalarValue, SplitPoint};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfig, FileScanConfigBuilder};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::physical_expr::expressions::col;
use datafusion::physical_expr::{LexOrdering, Partitioning, PhysicalSortExpr, RangePartitioning};
use datafusion::physical_plan::ExecutionPlan;
use isd_dataset::layout::STATION_ID;

/// A file with the least and the greatest station id in it.
struct StationFile {
    file: PartitionedFile,
    least: ScalarValue,
    greatest: ScalarValue,
}

/// Puts the files into at most `parts` ranges of stations of about the same size. Where the files do not say which stations
/// they hold, two of them share one, or there is just one file, the scan stays as it is.
pub(super) fn in_station_ranges(
    plan: Arc<dyn ExecutionPlan>,
    parts: usize,
) -> Result<Arc<dyn ExecutionPlan>> {
    let Some(scan) = plan
        .downcast_ref::<DataSourceExec>()
        .and_then(|source| source.data_source().downcast_ref::<FileScanConfig>())
    else {
        return Ok(plan);
    };
    let schema = scan.file_schema();
    let Ok(station_column) = schema.index_of(STATION_ID) else { return Ok(plan) };
    let files = scan.file_groups.iter().flat_map(FileGroup::iter).cloned();
    let Some(mut files) = files.map(|file| station_file(file, station_column)).collect::<Option<Vec<_>>>()
    else {
        return Ok(plan);
    };
    files.sort_by(|a, b| a.least.partial_cmp(&b.least).unwrap_or(std::cmp::Ordering::Equal));
    let is_apart = files.is_sorted_by(|a, b| a.greatest < b.least);
    if files.len() < 2 || !is_apart {
        return Ok(plan);
    }
    let bytes: u64 = files.iter().map(|file| file.file.object_meta.size).sum();
    let mut groups: Vec<(usize, Vec<PartitionedFile>)> = Vec::new();
    let mut split_points = Vec::new();
    let mut before = 0;
    for StationFile { file, least, .. } in files {
        // The part that the middle of the file lies in, with all files one after the other.
        let middle = u128::from(before + file.object_meta.size / 2);
        before += file.object_meta.size;
        let part = (middle * parts as u128 / u128::from(bytes.max(1))) as usize;
        match groups.last_mut() {
            Some((last, group)) if *last == part => group.push(file),
            last => {
                if last.is_some() {
                    split_points.push(SplitPoint::new(vec![least]));
                }
                groups.push((part, vec![file]));
            }
        }
    }
    let station = PhysicalSortExpr::new(col(STATION_ID, scan.file_schema())?, ASCENDING);
    let Some(ordering) = LexOrdering::new([station]) else { return Ok(plan) };
    let partitioning = Partitioning::Range(RangePartitioning::try_new(ordering, split_points)?);
    let scan = FileScanConfigBuilder::from(scan.clone())
        .with_file_groups(groups.into_iter().map(|(_, group)| FileGroup::new(group)).collect())
        .with_output_partitioning(Some(partitioning))
        .build();
    Ok(DataSourceExec::from_data_source(scan))
}

/// The order of stations in a dataset.
const ASCENDING: SortOptions = SortOptions { descending: false, nulls_first: false };

/// A file with its range of stations; none where it does not say it.
fn station_file(file: PartitionedFile, station_column: usize) -> Option<StationFile> {
    let stations = file.statistics.as_ref()?.column_statistics.get(station_column)?;
    // A range that may be wider than what the file holds tells files apart as well.
    let least = stations.min_value.get_value()?.clone();
    let greatest = stations.max_value.get_value()?.clone();
    (!least.is_null() && !greatest.is_null()).then_some(StationFile { file, least, greatest })
}
