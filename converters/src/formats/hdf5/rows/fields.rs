//! What a plan consists of: the datasets to read, the fields of their rows, and what becomes of each.

use std::ops::Range;
use std::sync::Arc;

use crate::formats::hdf5::cf::time::TimeUnits;
use crate::formats::hdf5::cf::{Number, Packing};
use crate::formats::hdf5::layouts::catalog::Entry;
use crate::formats::hdf5::library::{Hdf5Dataset, NumberType, Scalar};
use crate::formats::hdf5::rows::stored::StationPart;

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
    Value(usize, NumberType, Packing),
    /// Times.
    Time(NumberType, TimeUnits, Vec<Number>),
    /// A part of the station's name, stored as that type.
    Station(StationPart, Scalar),
    /// The number of the station, counted from the second.
    StationIndex(NumberType, i128, Arc<[Arc<str>]>),
}

/// A dataset and the fields that are taken from its rows.
pub struct Storage {
    /// The dataset.
    pub dataset: Arc<dyn Hdf5Dataset>,
    /// Its path, for messages.
    pub place: String,
    /// The dimension that runs over rows or times.
    pub time_axis: Option<usize>,
    /// The dimension that runs over stations.
    pub station_axis: Option<usize>,
    /// Bytes of a row.
    pub row_bytes: usize,
    /// Fields of a row.
    pub fields: Vec<Field>,
}

impl Storage {
    /// A column by itself.
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
            if let Some(place) = axis.and_then(|axis| ranges.get_mut(axis)) {
                *place = range;
            }
        }
        ranges
    }

    /// Length of a chunk along a dimension, where the dataset has chunks.
    pub fn chunk_along(&self, axis: Option<usize>) -> Option<u64> {
        self.dataset.chunk()?.get(axis?).copied()
    }

    /// Rows of a chunk; `None` where the rows lie side by side.
    pub fn chunk_rows(&self) -> Option<u64> {
        self.chunk_along(self.time_axis)
    }

    /// Elements of a chunk; `None` where they lie side by side.
    pub fn chunk_elements(&self) -> Option<u64> {
        Some(self.dataset.chunk()?.iter().fold(1_u64, |n, &length| n.saturating_mul(length)))
    }
}
