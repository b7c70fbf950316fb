//! A tool within another program: what it prints and how far it is, runs side by side, and runs that are cancelled.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::ipc::reader::FileReader;
use isd::cli::convert::ConvertArgs;
use isd::cli::detect::DetectArgs;
use isd::cli::embedded::EmbeddedRun;
use isd::cli::{Failure, Kind};
use isd_converters::ConvertOptions;
use serde_json::Value;
use tempfile::TempDir;

use crate::memory::{HOUR, Row, dataset};

/// A dataset of that many stations of 60 rows, each with one outlier.
fn observations(home: &Path, stations: u32) -> String {
    let row = |station: u32, hour: i64| -> Row {
        let value = if hour == 50 { 90.0 } else { (20 + hour % 3) as f64 / 10.0 };
        (format!("{station:06}-99999"), hour * HOUR, vec![Some(value)])
    };
    let rows: Vec<Row> =
        (0..stations).flat_map(|station| (0..60).map(move |hour| row(station, hour))).collect();
    dataset(&home.join("obs"), &["wind_speed_rate"], &rows, &ConvertOptions::default());
    home.join("obs").display().to_string()
}

fn line(arguments: &[&str]) -> Vec<OsString> {
    arguments.iter().map(OsString::from).collect()
}

#[test]
fn what_is_printed_and_how_far_it_is_are_told() {
    let home = TempDir::new().unwrap();
    let observations = observations(home.path(), 5);
    let run = Arc::new(EmbeddedRun::default());
    let arguments = ["isd-detect", &observations, "-m", "wind_speed_rate", "--json", "--threads", "2"];
    run.run::<DetectArgs>(line(&arguments)).unwrap();
    let printed = run.printed();
    let summary: Value = serde_json::from_str(&printed.stdout).unwrap();
    assert_eq!((&summary["rows"], &summary["outliers"]), (&300.into(), &5.into()));
    assert_eq!(printed.stderr, "");
    let progress = run.progress().unwrap();
    assert_eq!((progress.rows, progress.rows_total), (300, Some(300)));

    let run = Arc::new(EmbeddedRun::default());
    run.run::<DetectArgs>(line(&["isd-detect", "--help"])).unwrap();
    assert!(run.printed().stdout.contains("Usage: isd-detect"));
}

#[test]
fn a_table_is_kept_where_it_is_asked_for() {
    let home = TempDir::new().unwrap();
    let observations = observations(home.path(), 5);
    let file = home.path().join("outliers.arrow").display().to_string();
    let arguments = ["isd-detect", &observations, "-m", "wind_speed_rate", "--json"];
    let run = Arc::new(EmbeddedRun::for_table());
    run.run::<DetectArgs>(line(&arguments)).unwrap();
    let (schema, batches) = run.table().unwrap();
    assert!(run.table().is_none());
    assert_eq!(serde_json::from_str::<Value>(&run.printed().stdout).unwrap()["output"], Value::Null);

    // With a file, it is not.
    let run = Arc::new(EmbeddedRun::for_table());
    run.run::<DetectArgs>(line(&[&arguments[..], &["-o", &file]].concat())).unwrap();
    assert!(run.table().is_none());
    let reader = FileReader::try_new(fs::File::open(&file).unwrap(), None).unwrap();
    assert_eq!(reader.schema(), schema);
    assert!(schema.metadata().contains_key("isd.parameters"));
    let written: Vec<RecordBatch> = reader.collect::<Result<_, _>>().unwrap();
    let whole = |batches: &[RecordBatch]| concat_batches(batches[0].schema_ref(), batches).unwrap();
    assert_eq!(whole(&written).columns(), whole(&batches).columns());
    assert_eq!(whole(&batches).num_rows(), 5);
}

#[test]
fn mistakes_are_failures_and_nothing_ends() {
    let run = Arc::new(EmbeddedRun::default());
    let failure =
        run.run::<DetectArgs>(line(&["isd-detect", "x", "-m", "t", "--window", "soon"])).unwrap_err();
    assert!(matches!(failure, Failure::Report(report) if report.kind == Kind::Usage));
    let failure = run.run::<DetectArgs>(line(&["isd-detect", "/nowhere", "-m", "t"])).unwrap_err();
    assert!(matches!(failure, Failure::Report(report) if report.path.is_some()));
}

#[test]
fn runs_side_by_side_do_not_mix() {
    let homes: Vec<TempDir> = (0..4).map(|_| TempDir::new().unwrap()).collect();
    thread::scope(|scope| {
        for (home, stations) in homes.iter().zip(1..) {
            scope.spawn(move || {
                let observations = observations(home.path(), stations);
                for _ in 0..5 {
                    let run = Arc::new(EmbeddedRun::default());
                    let arguments = ["isd-detect", &observations, "-m", "wind_speed_rate", "--json"];
                    run.run::<DetectArgs>(line(&arguments)).unwrap();
                    let summary: Value = serde_json::from_str(&run.printed().stdout).unwrap();
                    assert_eq!(summary["stations"], stations);
                }
            });
        }
    });
}

#[test]
fn a_cancelled_conversion_leaves_nothing() {
    let home = TempDir::new().unwrap();
    let row = |minute: u32| format!("DEN,2017-09-10 {:02}:{:02},5.0\n", minute / 60, minute % 60);
    let text: String = ["station,valid,sknt\n".to_owned()].into_iter().chain((0..1000).map(row)).collect();
    fs::write(home.path().join("source.csv"), text).unwrap();
    let (source, target) = (home.path().join("source.csv"), home.path().join("new"));
    let run = Arc::new(EmbeddedRun::default());
    run.cancel();
    let arguments = ["isd-convert", source.to_str().unwrap(), "-o", target.to_str().unwrap(), "--json"];
    let failure = run.run::<ConvertArgs>(line(&arguments)).unwrap_err();
    assert!(matches!(failure, Failure::Cancelled));
    let left: Vec<_> = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["source.csv"]);
}
