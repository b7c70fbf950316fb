//! How a dataset is cut into parts: rows and stations of each. The parts are those of `isd-detect --part`.

use std::path::Path;

use isd::cli::Failure;
use isd::dataset::read::{Dataset, RowGroup};
use isd::detect::parts::{MOST_PARTS, Part, split};
use pyo3::prelude::*;

use crate::errors::exception;

/// Number of rows of each part.
///
/// # Errors
/// An unreadable dataset, or a number of parts that none can have.
pub fn rows_of_parts(py: Python<'_>, dataset: &Path, parts: usize) -> PyResult<Vec<u64>> {
    py.detach(|| {
        if !(1..=MOST_PARTS).contains(&parts) {
            return Err(Failure::usage(format!(
                "{parts} parts: expected a number of parts, from 1 to {MOST_PARTS}"
            )));
        }
        let rows = rows(&Dataset::open(dataset)?.row_groups());
        let sum = |part: Vec<usize>| part.into_iter().map(|group| rows[group]).sum();
        Ok(split(&rows, parts).into_iter().map(sum).collect())
    })
    .map_err(|failure| exception(py, failure))
}

/// Ids of the stations of part `number` of `parts`, in order.
///
/// # Errors
/// An unreadable dataset.
pub fn stations_of_part(
    py: Python<'_>,
    dataset: &Path,
    number: usize,
    parts: usize,
) -> PyResult<Vec<String>> {
    py.detach(|| {
        let part = Part::new(number, parts);
        let part = part.ok_or_else(|| Failure::usage(format!("{number}/{parts}: no such part")))?;
        let row_groups = Dataset::open(dataset)?.row_groups();
        let mut stations = Vec::new();
        for group in part.items(&rows(&row_groups)) {
            stations.extend(row_groups[group].stations()?.into_iter().map(|run| run.station_id.to_string()));
        }
        stations.sort_unstable();
        Ok(stations)
    })
    .map_err(|failure: Failure| exception(py, failure))
}

fn rows(row_groups: &[RowGroup]) -> Vec<u64> {
    row_groups.iter().map(|group| group.rows() as u64).collect()
}
