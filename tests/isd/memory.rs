//! Datasets for tests: weather made up in memory, converted to Parquet as an archive would be.

use std::path::Path;

use isd_converters::{ConvertOptions, convert};
use isd_dataset::read::Dataset;

use crate::memory_source::MemorySource;
pub use crate::memory_source::Row;

/// Microseconds.
pub const HOUR: i64 = 3_600_000_000;

/// Writes rows as a dataset with these columns.
pub fn dataset(path: &Path, columns: &[&str], rows: &[Row], options: &ConvertOptions) -> Dataset {
    let mut archive = MemorySource::new(columns, rows.to_vec(), 1000).archive();
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
