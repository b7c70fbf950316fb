//! Which outliers are wanted: stations, times, and only what an earlier run has not reported.

use std::collections::BTreeMap;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::TimestampMicrosecondType;
use isd_dataset::Error;
use isd_dataset::layout::{STATION_ID, TIMESTAMP};
use isd_dataset::selection::Selection;

use crate::detect::error::DetectError;
use crate::detect::table::texts;

/// The time of the last row of each station, in microseconds since 1970, UTC.
pub type LatestTimes = BTreeMap<String, i64>;

/// Which outliers are wanted. The default is all of them.
///
/// Stations that are not wanted are not tested. Times say what is reported: the windows see the rows before, so that what is
/// reported are the outliers of a whole run that lie within the limits.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Stations and times.
    pub selection: Selection,
    /// Of each of these stations, only what comes after its time; that is the latest that was tested before.
    pub after: LatestTimes,
    /// Whether to note the time of the last row of each station.
    pub latest: bool,
}

impl Wanted {
    /// The rows of a table of outliers whose times are wanted.
    /// Errors: a table that is none of outliers.
    pub(super) fn of(&self, outliers: RecordBatch) -> Result<RecordBatch, DetectError> {
        if self.are_all_times() {
            return Ok(outliers);
        }
        let times = outliers
            .column_by_name(TIMESTAMP)
            .and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>())
            .ok_or_else(|| Error::internal("a table of outliers without their times"))?;
        let stations = texts(&outliers, STATION_ID)?;
        let wanted = stations.iter().zip(times.values()).map(|(station, time)| {
            let after = station.and_then(|station| self.after.get(station));
            self.selection.holds_time(*time) && after.is_none_or(|after| time > after)
        });
        let wanted = BooleanArray::from(wanted.collect::<Vec<bool>>());
        Ok(filter_record_batch(&outliers, &wanted)?)
    }

    /// Whether outliers of all times are wanted.
    pub(super) fn are_all_times(&self) -> bool {
        self.after.is_empty() && self.selection.is_of_all_times()
    }
}
