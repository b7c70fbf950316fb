//! Outliers by year: `isd-detect --partition-by year` writes all of them or nothing, and replaces no other files.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

use arrow::array::{AsArray, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::TimestampMicrosecondType;
use chrono::{DateTime, Datelike};
use insta::assert_snapshot;
use isd::plan::table::OUTLIER_COLUMNS;
use isd_converters::ConvertOptions;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use tempfile::TempDir;

use crate::memory::{HOUR, Row, dataset};
use crate::shell::{self, ISD_DETECT, names, parquet};

const DETECT: [&str; 3] = ["obs", "-m", "gust"];
const BY_YEAR: [&str; 7] = ["obs", "-m", "gust", "-o", "out", "--partition-by", "year"];

/// Two stations of three years, each in row groups of its own, with outliers around both turns of the year.
fn home() -> TempDir {
    let home = TempDir::new().unwrap();
    // 2016-12-31T00:00:00Z and 2017-12-31T00:00:00Z
    let days = [1_483_142_400_000_000, 1_514_678_400_000_000];
    let mut rows: Vec<Row> = Vec::new();
    for station in ["010010-99999", "722020-12839"] {
        for day in days {
            let hours = (-40_i64..48).map(|hour| {
                // Each is far from windows that hold those before it.
                let value = match hour {
                    21 => 1e3,
                    23 => 1e5,
                    24 => 1e7,
                    40 => 1e9,
                    _ => hour.rem_euclid(3) as f64,
                };
                (station.to_owned(), day + hour * HOUR, vec![Some(value)])
            });
            rows.extend(hours);
        }
    }
    let options = ConvertOptions { row_group_rows: 100, ..ConvertOptions::default() };
    dataset(&home.path().join("obs"), &["gust"], &rows, &options);
    home
}

fn succeeds(home: &Path, arguments: &[&str]) {
    shell::succeeds(ISD_DETECT, home, arguments);
}

fn shown(home: &Path, arguments: &[&str]) -> String {
    shell::shown(ISD_DETECT, home, arguments)
}

/// The rows of each year in a table.
fn years(table: &RecordBatch) -> BTreeMap<i32, RecordBatch> {
    let times = table.column_by_name("timestamp").unwrap().as_primitive::<TimestampMicrosecondType>();
    let mut rows: BTreeMap<i32, Vec<u32>> = BTreeMap::new();
    for row in 0..times.len() {
        let year = DateTime::from_timestamp_micros(times.value(row)).unwrap().year();
        rows.entry(year).or_default().push(row as u32);
    }
    let take = |rows| take_record_batch(table, &UInt32Array::from(rows)).unwrap();
    rows.into_iter().map(|(year, rows)| (year, take(rows))).collect()
}

#[test]
fn a_year_holds_its_rows_as_they_are_in_one_file() {
    let home = home();
    let home = home.path();
    succeeds(home, &[&DETECT[..], &["-o", "whole.parquet"]].concat());
    assert_snapshot!(shown(home, &BY_YEAR), @"
    [stderr]
    gust: 2 series found, 2 kept, 16 outliers at 2 stations
    wrote out (16 rows, [SIZE] in 3 files)
    352 rows in [TIME] ([RATE])
    ");
    let whole = parquet(&home.join("whole.parquet"));
    let expected = years(&whole);
    assert_eq!(expected.keys().copied().collect::<Vec<_>>(), [2016, 2017, 2018]);

    assert_eq!(names(&home.join("out")), ["year=2016", "year=2017", "year=2018"]);
    for (year, expected) in expected {
        let directory = home.join(format!("out/year={year}"));
        assert_eq!(names(&directory), ["part-00000.parquet"]);
        let file = directory.join("part-00000.parquet");
        let found = parquet(&file);
        // The year stands in the path alone.
        let columns: Vec<String> = found.schema().fields().iter().map(|field| field.name().clone()).collect();
        assert_eq!(columns, OUTLIER_COLUMNS);
        assert_eq!(found, expected, "{year}");
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap()).unwrap();
        let pairs = reader.metadata().file_metadata().key_value_metadata().unwrap();
        let parameters = pairs.iter().find(|pair| pair.key == "isd.parameters").unwrap();
        let parameters: Value = serde_json::from_str(parameters.value.as_ref().unwrap()).unwrap();
        assert_eq!(parameters["measurements"], serde_json::json!(["gust"]));
    }
    assert_eq!(names(home), ["obs", "out", "whole.parquet"]);
}

#[test]
fn columns_need_not_hold_the_time() {
    let home = home();
    let home = home.path();
    succeeds(home, &[&BY_YEAR[..], &["--columns", "value,station_id"]].concat());
    let parts: Vec<RecordBatch> = names(&home.join("out"))
        .iter()
        .map(|year| parquet(&home.join("out").join(year).join("part-00000.parquet")))
        .collect();
    let columns: Vec<String> = parts[0].schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(columns, ["value", "station_id"]);
    succeeds(home, &[&DETECT[..], &["-o", "whole.parquet"]].concat());
    let found: usize = parts.iter().map(RecordBatch::num_rows).sum();
    assert_eq!(found, parquet(&home.join("whole.parquet")).num_rows());
}

#[test]
fn without_outliers_there_is_one_file_without_rows() {
    let home = home();
    let home = home.path();
    assert_snapshot!(shown(home, &[&BY_YEAR[..], &["--threshold", "999999"]].concat()), @"
    [stderr]
    gust: 2 series found, 2 kept, 0 outliers at 0 stations
    wrote out (0 rows, [SIZE])
    352 rows in [TIME] ([RATE])
    ");
    assert_eq!(names(&home.join("out")), ["year=1970"]);
    let table = parquet(&home.join("out/year=1970/part-00000.parquet"));
    assert_eq!((table.num_rows(), table.num_columns()), (0, OUTLIER_COLUMNS.len()));
    // It is replaced like any other file of outliers.
    succeeds(home, &BY_YEAR);
    assert_eq!(names(&home.join("out")).len(), 3);
}

#[test]
fn outliers_by_year_are_replaced_whole_or_not_at_all() {
    let home = home();
    let home = home.path();
    succeeds(home, &BY_YEAR);
    let part = home.join("out/year=2016/part-00000.parquet");
    let before = fs::read(&part).unwrap();
    shell::fails(ISD_DETECT, home, &[&BY_YEAR[..], &["-m", "gale"]].concat(), 1);
    assert_eq!(fs::read(&part).unwrap(), before);
    // No row of the run before stays under a year that this run lacks.
    succeeds(home, &[&BY_YEAR[..], &["--threshold", "999999"]].concat());
    assert_eq!(names(&home.join("out")), ["year=1970"]);
    assert_eq!(names(home), ["obs", "out"]);
}

#[test]
fn directories_with_other_files_are_not_replaced() {
    let home = home();
    let home = home.path();
    succeeds(home, &BY_YEAR);
    let mut shown = Vec::new();
    let ours = home.join("out/year=2017/part-00000.parquet");
    for (name, content) in [
        ("notes.txt", &b"precious"[..]),
        (".hidden", b"precious"),
        ("year=2017/notes.txt", b"precious"),
        ("year=2017/data_0.parquet", b"PAR1"),
        ("year=2017/.git/config", b""),
        ("yearly/part-00000.parquet", &fs::read(&ours).unwrap()),
    ] {
        let path = home.join("out").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        shown.push(shell::fails(ISD_DETECT, home, &BY_YEAR, 1));
        assert_eq!(fs::read(&path).unwrap(), content);
        fs::remove_file(&path).unwrap();
        // Fails, as it should, where the directory holds an outliers file.
        let _ = fs::remove_dir(path.parent().unwrap());
    }
    assert_snapshot!(shown.concat(), @"
    [stderr]
    error: out: holds notes.txt, which is no outliers file and would be lost
    hint: give another -o, or the name of outliers that --partition-by wrote
    [status 1]
    [stderr]
    error: out: holds .hidden, which is no outliers file and would be lost
    hint: give another -o, or the name of outliers that --partition-by wrote
    [status 1]
    [stderr]
    error: out: holds year=2017/notes.txt, which is no outliers file and would be lost
    hint: give another -o, or the name of outliers that --partition-by wrote
    [status 1]
    [stderr]
    error: out: holds year=2017/data_0.parquet, which is no outliers file and would be lost
    hint: give another -o, or the name of outliers that --partition-by wrote
    [status 1]
    [stderr]
    error: out: holds year=2017/.git, which is no outliers file and would be lost
    hint: give another -o, or the name of outliers that --partition-by wrote
    [status 1]
    [stderr]
    error: out: holds yearly, which is no outliers file and would be lost
    hint: give another -o, or the name of outliers that --partition-by wrote
    [status 1]
    ");
    succeeds(home, &BY_YEAR);

    // Parquet of the same layout without the metadata of isd-detect: a file of the dataset.
    let block = names(&home.join("obs")).into_iter().find(|name| name.starts_with("block=")).unwrap();
    fs::copy(home.join("obs").join(block).join("part-00000.parquet"), &ours).unwrap();
    assert_snapshot!(shell::fails(ISD_DETECT, home, &BY_YEAR, 1), @"
    [stderr]
    error: out: holds year=2017/part-00000.parquet, which is no outliers file and would be lost
    hint: give another -o, or the name of outliers that --partition-by wrote
    [status 1]
    ");
}

#[test]
fn a_place_that_is_not_free_is_refused() {
    let home = home();
    let home = home.path();
    fs::write(home.join("file"), "precious").unwrap();
    let by_year = |output| vec!["obs", "-m", "gust", "--partition-by", "year", "-o", output];
    let taken = ["file", "obs", "obs/out", "."].map(by_year);
    assert_snapshot!(shell::fails_each(ISD_DETECT, home, &taken, 1), @"
    > obs -m gust --partition-by year -o file
    [stderr]
    error: file: exists and is a file; a directory is to be written
    hint: give another -o
    [status 1]

    > obs -m gust --partition-by year -o obs
    [stderr]
    error: obs: holds _isd.json, which is no outliers file and would be lost
    hint: give another -o, or the name of outliers that --partition-by wrote
    [status 1]

    > obs -m gust --partition-by year -o obs/out
    [stderr]
    error: obs/out: lies inside the source obs
    hint: give another -o
    [status 1]

    > obs -m gust --partition-by year -o .
    [stderr]
    error: .: names no directory that could be created
    hint: give another -o
    [status 1]
    ");
    let mut refused = ["out.csv", "out.arrow", "out.ndjson"].map(by_year).to_vec();
    refused.push(vec!["obs", "-m", "gust", "--partition-by", "month", "-o", "out"]);
    assert_snapshot!(shell::fails_each(ISD_DETECT, home, &refused, 2), @"
    > obs -m gust --partition-by year -o out.csv
    [stderr]
    error: out.csv: --partition-by writes Parquet
    hint: give -o the name of a directory, or leave --partition-by out
    [status 2]

    > obs -m gust --partition-by year -o out.arrow
    [stderr]
    error: out.arrow: --partition-by writes Parquet
    hint: give -o the name of a directory, or leave --partition-by out
    [status 2]

    > obs -m gust --partition-by year -o out.ndjson
    [stderr]
    error: out.ndjson: --partition-by writes Parquet
    hint: give -o the name of a directory, or leave --partition-by out
    [status 2]

    > obs -m gust --partition-by month -o out
    [stderr]
    error: invalid value 'month' for '--partition-by <KEY>'
    hint: it may be year
    [status 2]
    ");
    fs::create_dir(home.join("empty")).unwrap();
    succeeds(home, &[&DETECT[..], &["--partition-by", "year", "-o", "empty"]].concat());
    succeeds(home, &[&DETECT[..], &["--partition-by", "year", "-o", "new/parents/out"]].concat());
    assert_eq!(names(&home.join("new/parents/out")).len(), 3);
}
