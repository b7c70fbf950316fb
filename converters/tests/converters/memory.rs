//! A source whose rows are given by the test.

use std::path::Path;
use std::sync::Arc;

use arrow::array::Float64Array;
use isd_converters::archive::Archive;
use isd_converters::{Batch, ColumnInfo, Error, Measurement, Result, Source, SourceInfo, StationRun};

/// One observation: station, microseconds, one value a column.
pub type Row = (String, i64, Vec<Option<f64>>);

/// Yields the given rows in batches of a fixed size.
#[derive(Clone)]
pub struct MemorySource {
    info: SourceInfo,
    rows: Vec<Row>,
    batch_rows: usize,
    next: usize,
    /// Row at which reading fails.
    pub fails_at: Option<usize>,
}

pub const SOURCE_PATH: &str = "memory.h5";

impl MemorySource {
    pub fn new(columns: &[&str], rows: Vec<Row>, batch_rows: usize) -> Self {
        let column = |name: &&str| ColumnInfo {
            origin: None,
            name: (*name).to_owned(),
            units: Some(Measurement::named(name).map_or("m s-1", |known| known.units).to_owned()),
            long_name: None,
            resolution: Some("0.1".to_owned()),
        };
        let info = SourceInfo {
            columns: columns.iter().map(column).collect(),
            rows: Some(rows.len() as u64),
            layout: "memory",
            ..SourceInfo::default()
        };
        Self { info, rows, batch_rows, next: 0, fails_at: None }
    }

    pub fn archive(self) -> Archive {
        self.try_archive().unwrap()
    }

    pub fn try_archive(self) -> Result<Archive> {
        Archive::of_source(move || Ok(Box::new(self.clone())))
    }
}

impl Source for MemorySource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn next_batch(&mut self) -> Result<Option<Batch>> {
        let end = (self.next + self.batch_rows).min(self.rows.len());
        if self.fails_at.is_some_and(|row| row < end) {
            return Err(Error::Format {
                path: SOURCE_PATH.into(),
                found: "is truncated".to_owned(),
                hint: None,
            });
        }
        let rows = &self.rows[self.next..end];
        if rows.is_empty() {
            return Ok(None);
        }
        let batch = Batch {
            path: Arc::from(Path::new(SOURCE_PATH)),
            first_row: self.next as u64,
            stations: rows
                .chunk_by(|a, b| a.0 == b.0)
                .map(|run| StationRun { station_id: Arc::from(run[0].0.as_str()), rows: run.len() })
                .collect(),
            timestamps: rows.iter().map(|row| row.1).collect(),
            columns: (0..self.info.columns.len())
                .map(|column| rows.iter().map(|row| row.2[column]).collect::<Float64Array>())
                .collect(),
        };
        self.next = end;
        Ok(Some(batch))
    }
}

/// `counts` rows for each station, hourly from 2020-01-01 on, tenths with every seventh missing.
pub fn hourly(counts: &[(&str, usize)]) -> Vec<Row> {
    let mut rows = Vec::new();
    for (station, count) in counts {
        for hour in 0..*count {
            let value = (hour % 7 != 6).then_some((hour % 250) as f64 / 10.0);
            let time = 1_577_836_800_000_000 + hour as i64 * 3_600_000_000;
            rows.push(((*station).to_owned(), time, vec![value]));
        }
    }
    rows
}
