//! Datasets to read and the fields of their rows: a column that was found in, the ranges of elements that hold its rows
//! out.

use std::ops::Range;
use std::sync::Arc;

use crate::formats::hdf5::cf::{TimeUnits, Unpacking};
use crate::formats::hdf5::layouts::{Entry, StationPart};
use crate::formats::hdf5::library::{Hdf5Dataset, Number, NumberType, Scalar};

/// A field of a row and what becomes of it.
pub struct Field {
    /// Path, or table and member, for messages.
    pub place: String,
    /// Bytes from the start of a row.
    pub offset: usize,
    /// What it becomes.
    pub target: Target,
}

/// What a field becomes.
pub enum Target {
    /// Values of the column of that index.
    Value(usize, NumberType, Unpacking),
    /// Times in these units; the numbers given mean a missing one.
    Time(NumberType, TimeUnits, Vec<Number>),
    /// A part of the station's name, stored as that type.
    Station(StationPart, Scalar),
    /// The number of the station among these, counted from the number given.
    StationIndex(NumberType, i128, Arc<[Arc<str>]>),
}

/// A dataset and the fields that are taken from its rows.
pub struct DatasetFields {
    /// The dataset.
    pub dataset: Arc<dyn Hdf5Dataset>,
    /// Its path, for messages.
    pub place: String,
    /// The dimension that runs over rows or times, where there is one.
    pub time_axis: Option<usize>,
    /// The dimension that runs over stations, where there is one.
    pub station_axis: Option<usize>,
    /// Bytes of a row.
    pub row_bytes: usize,
    /// Fields of a row.
    pub fields: Vec<Field>,
}

impl DatasetFields {
    /// The dataset that holds a column, and that column alone.
    pub fn of(entry: &Entry, target: Target) -> Self {
        Self {
            dataset: Arc::clone(&entry.dataset),
            place: entry.place.clone(),
            time_axis: entry.axes.time,
            station_axis: entry.axes.station,
            row_bytes: entry.row_bytes(),
            fields: vec![Field { place: entry.place.clone(), offset: entry.offset, target }],
        }
    }

    /// The ranges of the dataset that hold these times (or rows) of these stations.
    pub fn ranges(&self, stations: Range<u64>, times: Range<u64>) -> Vec<Range<u64>> {
        let mut ranges: Vec<Range<u64>> = self.dataset.shape().iter().map(|&length| 0..length).collect();
        for (axis, range) in [(self.station_axis, stations), (self.time_axis, times)] {
            if let Some(axis) = axis {
                ranges[axis] = range;
            }
        }
        ranges
    }

    /// Elements of a chunk along a dimension; `None` where the dataset has no chunks.
    pub fn chunk_along(&self, axis: Option<usize>) -> Option<u64> {
        self.dataset.chunk()?.get(axis?).copied()
    }

    /// Rows of a chunk; `None` where the dataset has no chunks.
    pub fn chunk_rows(&self) -> Option<u64> {
        self.chunk_along(self.time_axis)
    }

    /// Elements of a chunk; `None` where the dataset has no chunks.
    pub fn chunk_elements(&self) -> Option<u64> {
        Some(self.dataset.chunk()?.iter().fold(1_u64, |n, &length| n.saturating_mul(length)))
    }
}
