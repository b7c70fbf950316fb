//! Where the series in a column end: a column of keys, or lengths, in; the number of rows of each series out.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use polars::prelude::*;

/// Where one series ends and the next begins.
#[derive(Debug, Clone)]
pub enum Boundaries {
    /// A run of equal values of this column is a series: strings or integers, no nulls, no value in two runs.
    Runs(PlSmallStr),
    /// The series have these numbers of rows, which add up to the frame's.
    Lengths(Arc<[usize]>),
}

impl Boundaries {
    /// The column that the boundaries are read from, if there is one.
    pub(super) fn column(&self) -> Option<Expr> {
        match self {
            Self::Runs(keys) => Some(col(keys.clone())),
            Self::Lengths(_) => None,
        }
    }

    /// The number of rows of each series, in row order; `keys` holds the values of [`Boundaries::column`].
    /// Errors: a null key, or a key in two runs.
    pub(super) fn lengths(&self, keys: Option<&Column>) -> PolarsResult<Cow<'_, [usize]>> {
        match (self, keys) {
            (Self::Lengths(lengths), _) => Ok(Cow::Borrowed(lengths)),
            (Self::Runs(_), Some(keys)) => run_lengths(keys).map(Cow::Owned),
            (Self::Runs(keys), None) => polars_bail!(ComputeError: "{keys}: no such column of series"),
        }
    }
}

/// Lengths of the runs of equal keys, each of which has one run only.
fn run_lengths(keys: &Column) -> PolarsResult<Vec<usize>> {
    polars_ensure!(keys.null_count() == 0, ComputeError: "{}: holds rows without a series", keys.name());
    if let Column::Scalar(_) = keys {
        return Ok(if keys.is_empty() { Vec::new() } else { vec![keys.len()] });
    }
    let keys = keys.as_materialized_series().rechunk();
    let text = keys.cast(&DataType::String)?;
    let mut runs: Vec<(&str, usize)> = Vec::new();
    // Nothing is left out here: there are no nulls.
    for key in text.str()?.iter().flatten() {
        match runs.last_mut() {
            Some((last, len)) if *last == key => *len += 1,
            _ => runs.push((key, 1)),
        }
    }
    let mut seen = HashSet::with_capacity(runs.len());
    if let Some((key, _)) = runs.iter().find(|(key, _)| !seen.insert(*key)) {
        polars_bail!(ComputeError: "{}: the rows of {key} lie in two places: expected rows sorted by series", keys.name());
    }
    Ok(runs.into_iter().map(|(_, len)| len).collect())
}
