//! Datasets for tests: weather made up in memory, converted to Parquet as an archive would be.

use std::path::Path;
use std::sync::Arc;

use arrow::array::Float64Array;
use isd_converters::archive::Archive;
use isd_dataset::read::Dataset;
use isd_converters::{Batch, ColumnInfo, ConvertOptions, Result, Source, StationRun, convert};

/// One observation: station, microseconds, one value a column.
pub type Row = (String, i64, Vec<Option<f64>>);

pub const HOUR: i64 = 3_600_000_000;

/// A source that holds its rows.
#[derive(Clone)]
struct Memory {
    columns: Vec<ColumnInfo>,
    rows: Vec<Row>,
    next: usize,
}

impl Source for Memory {
    fn columns(&self) -> &[ColumnInfo] {
        &self.columns
    }

    fn rows(&self) -> Option<u64> {
        Some(self.rows.len() as u64)
    }

    fn layout(&self) -> &'static str {
        "memory"
    }

    fn notes(&self) -> &[String] {
        &[]
    }

    fn next_batch(&mut self) -> Result<Option<Batch>> {
        let rows = &self.rows[self.next..(self.next + 1000).min(self.rows.len())];
        if rows.is_empty() {
            return Ok(None);
        }
        let station = |run: &[Row]| StationRun { station_id: run[0].0.as_str().into(), rows: run.len() };
        let column = |at| rows.iter().map(|row| row.2[at]).collect::<Float64Array>();
        let batch = Batch {
            path: Arc::from(Path::new("memory")),
            first_row: self.next as u64,
            stations: rows.chunk_by(|a, b| a.0 == b.0).map(station).collect(),
            timestamps: rows.iter().map(|row| row.1).collect(),
            columns: (0..self.columns.len()).map(column).collect(),
        };
        self.next += rows.len();
        Ok(Some(batch))
    }
}

/// Writes rows as a dataset with these columns.
pub fn dataset(path: &Path, columns: &[&str], rows: &[Row], options: &ConvertOptions) -> Dataset {
    let column = |name: &&str| ColumnInfo {
        origin: None,
        name: (*name).to_owned(),
        units: None,
        long_name: None,
        resolution: Some("0.1".to_owned()),
    };
    let source = Memory { columns: columns.iter().map(column).collect(), rows: rows.to_vec(), next: 0 };
    let mut archive = Archive::of_source(move || Ok(Box::new(source.clone()))).unwrap();
    convert(&mut archive, path, options, &|_| ()).unwrap();
    Dataset::open(path).unwrap()
}

/// Thirty stations of two hundred observations, hourly or three-hourly: tenths with gaps and spikes; the last station
/// is too short to be tested.
pub fn weather(columns: usize) -> Vec<Row> {
    // Knuth's MMIX generator: any would do, as long as it never changes.
    let mut state = 42_u64;
    let mut below = |n: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % n
    };
    let mut rows = Vec::new();
    for station in 0..30_usize {
        let observations = if station == 29 { 25 } else { 200 };
        let step = if station % 4 == 0 { 3 * HOUR } else { HOUR };
        for i in 0..observations {
            let values = (0..columns).map(|_| match below(100) {
                0..12 => None,
                12 => Some((500 + below(400)) as f64 / 10.0),
                _ => Some((20 + below(25)) as f64 / 10.0),
            });
            rows.push((format!("{:06}-99999", 10_000 + station * 30_001), i * step, values.collect()));
        }
    }
    rows
}
