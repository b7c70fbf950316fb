//! Rows of observations, and datasets of them.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::Float64Array;
use isd_dataset::layout::{block_of, schema};
use isd_dataset::series_group::{BatchValues, Dropped, Piece, SeriesGroup};
use isd_dataset::write::DatasetWriter;
use isd_dataset::{ColumnInfo, StationRun};

/// One observation: station, microseconds since 1970, wind speed.
pub type Row = (String, i64, Option<f64>);

pub const HOUR: i64 = 3_600_000_000;

/// `counts` rows for each station, hourly from 2020-01-01 on, tenths with every seventh missing.
pub fn hourly(counts: &[(&str, usize)]) -> Vec<Row> {
    let mut rows = Vec::new();
    for (station, count) in counts {
        for hour in 0..*count {
            let value = (hour % 7 != 6).then_some((hour % 250) as f64 / 10.0);
            rows.push(((*station).to_owned(), 1_577_836_800_000_000 + hour as i64 * HOUR, value));
        }
    }
    rows
}

/// Writes a dataset without a manifest; `rows` are sorted. A row group has stations of one block, and ends before the
/// station with which it would have more rows than `row_group_rows`.
pub fn write(rows: &[Row], row_group_rows: usize, target: &Path) {
    fs::create_dir(target).unwrap();
    let column = ColumnInfo { name: "wind_speed_rate".into(), ..ColumnInfo::default() };
    let mut writer = DatasetWriter::new(target, schema(&[column], false)).unwrap();
    let stations: Vec<&[Row]> = rows.chunk_by(|a, b| a.0 == b.0).collect();
    let mut rest = &stations[..];
    while let Some(first) = rest.first() {
        let block = block_of(&first[0].0);
        let mut count = 0;
        let end = rest.iter().position(|station| {
            count += station.len();
            block_of(&station[0].0) != block || (count > station.len() && count > row_group_rows)
        });
        let (stations, others) = rest.split_at(end.unwrap_or(rest.len()));
        writer.write(&group(&stations.concat(), block)).unwrap();
        rest = others;
    }
    writer.finish().unwrap();
}

fn group(rows: &[Row], block: String) -> SeriesGroup {
    let stations = rows
        .chunk_by(|a, b| a.0 == b.0)
        .map(|run| StationRun { station_id: run[0].0.as_str().into(), rows: run.len() })
        .collect();
    let values = Arc::new(BatchValues {
        timestamps: rows.iter().map(|row| Some(row.1)).collect(),
        columns: vec![rows.iter().map(|row| row.2).collect::<Float64Array>()],
    });
    let piece = Piece { values, start: 0, rows: rows.len(), stations };
    SeriesGroup { block, pieces: vec![piece], dropped: Dropped::default() }
}
