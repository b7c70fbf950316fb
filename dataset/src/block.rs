//! The record of one block of a dataset: from the row groups that were written to its files to what the journal says.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::layout::{block_directory, part_name};
use crate::series_group::SeriesGroup;
use crate::station_table::StationRecord;

/// A block whose files are complete.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct BlockRecord {
    /// Its name: the value of the Hive key `block`.
    pub block: String,
    /// Number of rows.
    pub rows: u64,
    /// Number of stations.
    pub stations: u64,
    /// Missing values in each value column, in the files' order.
    pub nulls: Vec<u64>,
    /// Earliest and latest time, in microseconds since 1970 UTC.
    pub time_range: (i64, i64),
    /// Rows left out because another row of the same station and time, with other values, stayed.
    pub duplicates: u64,
    /// Rows left out because another row said the same.
    pub identical: u64,
    /// Number of row groups in its files.
    pub row_groups: u64,
    /// What there is of each of its stations, in ascending order of their ids.
    #[serde(default)]
    pub series: Vec<StationRecord>,
    /// Size of each of its files, in bytes.
    pub parts: Vec<u64>,
}

impl BlockRecord {
    /// Counts a row group, which has so many missing values in each value column.
    pub(crate) fn add(&mut self, group: &SeriesGroup, nulls: &[u64]) {
        let (dropped, times) = (group.dropped, group.time_range());
        self.time_range = match self.row_groups {
            0 => times,
            _ => (self.time_range.0.min(times.0), self.time_range.1.max(times.1)),
        };
        self.series.extend(group.station_records());
        self.rows += group.rows() as u64;
        self.stations += group.station_count() as u64;
        self.duplicates += dropped.duplicates;
        self.identical += dropped.identical;
        self.row_groups += 1;
        self.nulls.resize(nulls.len(), 0);
        self.nulls.iter_mut().zip(nulls).for_each(|(all, nulls)| *all += nulls);
    }

    /// Number of rows in the source files that it was made of.
    #[must_use]
    pub fn source_rows(&self) -> u64 {
        self.rows + self.duplicates + self.identical
    }

    /// The paths of its files within the dataset, and their sizes in bytes.
    pub fn files(&self) -> impl Iterator<Item = (PathBuf, u64)> {
        let directory = PathBuf::from(block_directory(&self.block));
        self.parts.iter().enumerate().map(move |(number, &bytes)| (directory.join(part_name(number)), bytes))
    }

    /// Whether all of its files are in the dataset, each of the size that it had, and all of its stations are known.
    #[must_use]
    pub fn is_whole(&self, dataset: &Path) -> bool {
        let known = self.series.len() as u64 == self.stations;
        known
            && self.files().all(|(path, bytes)| {
                fs::metadata(dataset.join(path)).is_ok_and(|file| file.is_file() && file.len() == bytes)
            })
    }
}
