//! What an archive holds: its files in, columns, stations, times and missing values out; nothing is written.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::Array;
use arrow::compute;
use isd_dataset::time::iso8601;
use serde::Serialize;

use super::failures::Failure;
use super::files::Archive;
use super::reader::ReadError;
use crate::{ColumnInfo, Result, Tally};

/// What an archive holds.
#[derive(Debug, Clone, Serialize)]
pub struct Inspection {
    /// Layouts found, such as `ISD-Lite`.
    pub layout: String,
    /// Files that were read.
    pub files: u64,
    /// Size of these files in bytes.
    pub bytes: u64,
    /// Number of rows, repeated ones included.
    pub rows: u64,
    /// Number of stations.
    pub stations: u64,
    /// Earliest time, ISO 8601 in UTC; `None` where there are no rows.
    pub first_timestamp: Option<String>,
    /// Latest time, likewise.
    pub last_timestamp: Option<String>,
    /// Whether the rows come in ascending order of station and time, so that a conversion need not sort.
    pub sorted: bool,
    /// What the value columns hold, in the order of the dataset.
    pub columns: Vec<InspectedColumn>,
    /// What a conversion leaves out.
    #[serde(flatten)]
    pub tally: Tally,
    /// How the values are taken, one sentence each.
    pub notes: Vec<String>,
    /// Files that cannot be read.
    #[serde(skip)]
    pub failures: Vec<Failure>,
}

/// What a value column holds.
#[derive(Debug, Clone, Serialize)]
pub struct InspectedColumn {
    /// Its name in the dataset.
    pub name: String,
    /// Where it lies in the source, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// Units of the values as converted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub units: Option<String>,
    /// Scale of which every value is an integer multiple.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolution: Option<String>,
    /// Number of missing values.
    pub nulls: u64,
    /// Least value; `None` where all are missing.
    pub min: Option<f64>,
    /// Greatest value, likewise.
    pub max: Option<f64>,
}

/// Reads an archive to its end and says what it holds.
///
/// Memory holds a few batches and the names of the stations. `progress` is told how many rows have been read.
///
/// # Errors
/// A file that cannot be read, unless the archive leaves such files out.
pub fn inspect(archive: &mut Archive, progress: &(dyn Fn(u64) + Sync)) -> Result<Inspection> {
    loop {
        match survey(archive, progress) {
            Ok(inspection) => return Ok(Inspection { failures: archive.failures(), ..inspection }),
            // Some of its rows have been counted: all is read once more, without it.
            Err(failed) => archive.skip(failed.file, failed.error)?,
        }
    }
}

fn survey(archive: &Archive, progress: &(dyn Fn(u64) + Sync)) -> Result<Inspection, ReadError> {
    let mut found = Inspection {
        layout: archive.layout().to_owned(),
        files: 0,
        bytes: 0,
        rows: 0,
        stations: 0,
        first_timestamp: None,
        last_timestamp: None,
        sorted: true,
        columns: archive.columns().iter().map(InspectedColumn::new).collect(),
        tally: Tally::default(),
        notes: archive.notes().to_vec(),
        failures: Vec::new(),
    };
    let mut stations: HashSet<Arc<str>> = HashSet::new();
    let mut times: Option<(i64, i64)> = None;
    let mut last: Option<(Arc<str>, i64)> = None;
    let mut reader = archive.read(|_, _| true);
    while let Some(batch) = reader.next_batch()? {
        found.rows += batch.rows() as u64;
        progress(found.rows);
        for (column, values) in found.columns.iter_mut().zip(&batch.columns) {
            column.nulls += values.null_count() as u64;
            column.min = [column.min, compute::min(values)].into_iter().flatten().reduce(f64::min);
            column.max = [column.max, compute::max(values)].into_iter().flatten().reduce(f64::max);
        }
        let mut start = 0;
        for run in &batch.stations {
            let series = &batch.timestamps[start..start + run.rows];
            start += run.rows;
            let (Some(&first), Some(&end)) = (series.first(), series.last()) else { continue };
            let follows = last.as_ref().is_none_or(|(id, time)| (&**id, *time) < (&*run.station_id, first));
            found.sorted &= follows && series.is_sorted_by(|a, b| a < b);
            last = Some((Arc::clone(&run.station_id), end));
            if !stations.contains(&run.station_id) {
                stations.insert(Arc::clone(&run.station_id));
            }
            for &time in series {
                let range = times.get_or_insert((time, time));
                *range = (range.0.min(time), range.1.max(time));
            }
        }
    }
    for report in reader.take_finished() {
        found.files += 1;
        found.bytes += archive.files()[report.file].bytes;
        found.tally.add(&report.tally);
    }
    found.stations = stations.len() as u64;
    found.first_timestamp = times.map(|(first, _)| iso8601(first));
    found.last_timestamp = times.map(|(_, last)| iso8601(last));
    Ok(found)
}

impl InspectedColumn {
    fn new(column: &ColumnInfo) -> Self {
        Self {
            name: column.name.clone(),
            origin: column.origin.clone(),
            units: column.units.clone(),
            resolution: column.resolution.clone(),
            nulls: 0,
            min: None,
            max: None,
        }
    }
}
