//! What a detection found: groups of whole series, each tested by itself, in; the outliers and an account out.

use std::path::Path;

use isd_dataset::Tally;
use serde::{Deserialize, Serialize};

use crate::detect::error::DetectError;
use crate::detect::group::TestedGroup;
use crate::detect::spool::Spool;
use crate::detect::wanted::LatestTimes;

/// The outliers of a dataset or an archive, and what was tested for them.
#[derive(Debug)]
pub struct Detection {
    /// The outliers table in batches, in order: see [`outliers_schema`](crate::detect::table::outliers_schema).
    pub outliers: Spool,
    /// Number of observations that were looked at.
    pub rows: u64,
    /// Number of stations in them.
    pub stations: usize,
    /// What of an archive was left out on the way. Empty for a dataset, whose manifest says it.
    pub tally: Tally,
    /// What was found of each measurement, in the order asked for.
    pub measurements: Vec<MeasurementCount>,
    /// The time of the last row of each station, where that was wanted.
    pub latest: LatestTimes,
    /// The row groups that hold wanted stations, in the order of these; none of an archive.
    pub row_groups: Vec<TestedRowGroup>,
}

/// A row group of a dataset, and how many outliers it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestedRowGroup {
    /// Its number in the dataset, from 0.
    pub number: usize,
    /// Id of its first station.
    pub first: String,
    /// Id of its last station.
    pub last: String,
    /// Number of outliers.
    pub outliers: usize,
}

/// Puts row groups into the order of their stations, which is that of the outliers table. `of` gives each and its file.
///
/// # Errors
/// [`DetectError::Split`] for two of which one does not end before the other begins.
pub fn order_row_groups<T>(
    groups: &mut [T],
    of: impl Fn(&T) -> (&TestedRowGroup, &Path),
) -> Result<(), DetectError> {
    groups.sort_by(|a, b| {
        let (a, b) = (of(a).0, of(b).0);
        a.first.cmp(&b.first).then(a.number.cmp(&b.number))
    });
    for pair in groups.windows(2) {
        let ((before, _), (after, path)) = (of(&pair[0]), of(&pair[1]));
        if before.last >= after.first {
            return Err(DetectError::Split { path: path.to_owned(), station: after.first.clone() });
        }
    }
    Ok(())
}

/// What was tested and found of one measurement.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasurementCount {
    /// Name of the measurement.
    pub measurement: String,
    /// Number of series that were tested.
    pub tested: usize,
    /// Number of series that were left out because they have fewer than `min_periods + 1` observed values.
    pub too_short: usize,
    /// Number of outliers.
    pub outliers: usize,
    /// Number of stations with at least one outlier.
    pub stations: usize,
}

impl Detection {
    /// Puts together what was found in groups, which are in the order of their stations, as are their `outliers`.
    pub(super) fn new(
        groups: &[TestedGroup],
        outliers: Spool,
        measurements: &[String],
        tally: Tally,
    ) -> Self {
        let mut counts: Vec<MeasurementCount> = measurements
            .iter()
            .map(|name| MeasurementCount { measurement: name.clone(), ..MeasurementCount::default() })
            .collect();
        for group in groups {
            for (total, count) in counts.iter_mut().zip(&group.counts) {
                total.tested += count.tested;
                total.too_short += count.too_short;
                total.outliers += count.outliers;
                total.stations += count.with_outliers;
            }
        }
        Self {
            outliers,
            rows: groups.iter().map(|group| group.rows).sum(),
            stations: groups.iter().map(|group| group.stations.len()).sum(),
            tally,
            measurements: counts,
            latest: groups.iter().flat_map(|group| group.latest.clone()).collect(),
            row_groups: Vec::new(),
        }
    }
}
