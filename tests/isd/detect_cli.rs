//! `isd-detect` as it is run from a shell: formats, summaries and the plan.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use arrow::ipc::reader::FileReader;
use insta::assert_snapshot;
use isd::plan::table::OUTLIER_COLUMNS;
use isd_converters::ConvertOptions;
use isd_dataset::time::iso8601;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use tempfile::TempDir;

use crate::memory::{HOUR, Row, dataset, weather};
use crate::shell::{self, ISD_DETECT, names, parquet};

/// Columns of the dataset of [`home`].
const COLUMNS: [&str; 4] = ["air_temperature", "wind_direction", "wind_speed_rate", "sky_condition"];

/// A directory with the dataset `obs`: thirty stations in several row groups.
pub fn home() -> TempDir {
    let home = TempDir::new().unwrap();
    let options = ConvertOptions { row_group_rows: 1000, ..ConvertOptions::default() };
    dataset(&home.path().join("obs"), &COLUMNS, &weather(4), &options);
    home
}

fn succeeds(home: &Path, arguments: &[&str]) -> (String, String) {
    shell::succeeds(ISD_DETECT, home, arguments)
}

/// All that a run shows.
fn shown(home: &Path, arguments: &[&str]) -> String {
    shell::shown(ISD_DETECT, home, arguments)
}

fn metadata(path: &Path) -> BTreeMap<String, String> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let pairs = reader.metadata().file_metadata().key_value_metadata().unwrap();
    pairs.iter().map(|pair| (pair.key.clone(), pair.value.clone().unwrap_or_default())).collect()
}

/// The rows of a whole table as JSON objects of text and numbers.
fn rows(batch: &RecordBatch) -> Vec<BTreeMap<String, Value>> {
    let cell = |name: &str, at: usize| -> Value {
        let column = batch.column_by_name(name).unwrap();
        match name {
            "timestamp" => iso8601(column.as_primitive::<TimestampMicrosecondType>().value(at)).into(),
            "window_count" => column.as_primitive::<Int64Type>().value(at).into(),
            "filled" => column.as_boolean().value(at).into(),
            "station_id" | "measurement" => column.as_string::<i32>().value(at).into(),
            // Through the parser that the files' texts go through, which may miss the last digit.
            _ => serde_json::from_str(&format!("{:?}", column.as_primitive::<Float64Type>().value(at)))
                .unwrap(),
        }
    };
    let row = |at| OUTLIER_COLUMNS.iter().map(|name| ((*name).to_owned(), cell(name, at))).collect();
    (0..batch.num_rows()).map(row).collect()
}

const DETECT: [&str; 4] = ["obs", "-m", "wind_speed_rate,air_temperature", "-o"];

#[test]
fn every_format_holds_the_same_rows() {
    let home = home();
    let home = home.path();
    for extension in ["parquet", "csv", "arrow", "ndjson"] {
        succeeds(home, &[&DETECT[..], &[&format!("out.{extension}")]].concat());
    }
    let whole = parquet(&home.join("out.parquet"));
    assert!(whole.num_rows() > 20);
    let expected = rows(&whole);
    let keys = |row: &BTreeMap<String, Value>| {
        ["station_id", "timestamp", "measurement"].map(|key| row[key].as_str().unwrap().to_owned())
    };
    assert!(expected.iter().map(keys).is_sorted());

    let arrow = FileReader::try_new(File::open(home.join("out.arrow")).unwrap(), None).unwrap();
    assert!(arrow.schema().metadata().contains_key("isd.parameters"));
    let schema = arrow.schema();
    let batches: Vec<RecordBatch> = arrow.map(Result::unwrap).collect();
    assert_eq!(rows(&concat_batches(&schema, &batches).unwrap()), expected);

    let lines = fs::read_to_string(home.join("out.ndjson")).unwrap();
    let parsed: Vec<BTreeMap<String, Value>> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(parsed, expected);

    let csv = fs::read_to_string(home.join("out.csv")).unwrap();
    let mut lines = csv.lines();
    assert_eq!(lines.next().unwrap(), OUTLIER_COLUMNS.join(","));
    let parsed: Vec<BTreeMap<String, Value>> = lines
        .map(|line| {
            let cells = OUTLIER_COLUMNS.iter().zip(line.split(','));
            let cell = |name: &str, text: &str| match name {
                "station_id" | "timestamp" | "measurement" => Value::from(text),
                _ => serde_json::from_str(text).unwrap(),
            };
            cells.map(|(name, text)| ((*name).to_owned(), cell(name, text))).collect()
        })
        .collect();
    assert_eq!(parsed, expected);
    assert_eq!(names(home), ["obs", "out.arrow", "out.csv", "out.ndjson", "out.parquet"]);
}

#[test]
fn a_parquet_file_says_how_it_was_made() {
    let home = home();
    let home = home.path();
    let options =
        ["out.parquet", "--window", "40", "--threshold", "5.5", "--fill-limit", "2d", "--ddof", "1"];
    succeeds(home, &[&DETECT[..], &options].concat());
    let metadata = metadata(&home.join("out.parquet"));
    assert_eq!(metadata["isd.tool"], concat!("isd-detect ", env!("CARGO_PKG_VERSION")));
    let parameters: Value = serde_json::from_str(&metadata["isd.parameters"]).unwrap();
    assert_eq!(
        parameters,
        serde_json::json!({
            "measurements": ["wind_speed_rate", "air_temperature"], "window": 40, "threshold": 5.5,
            "include_current": false, "min_periods": 40, "ddof": 1, "min_std": 0.0,
            "fill_limit_seconds": 172_800.0, "test_filled": false, "engine": "kernel",
        })
    );
    let source: Value = serde_json::from_str(&metadata["isd.source"]).unwrap();
    let manifest: Value =
        serde_json::from_str(&fs::read_to_string(home.join("obs/_isd.json")).unwrap()).unwrap();
    assert_eq!(source, manifest);
}

#[test]
fn a_window_is_given_in_values_or_in_time() {
    let home = home();
    let home = home.path();
    let parameters = |options: &[&str]| {
        let (json, _) = succeeds(home, &[&["obs", "-m", "wind_speed_rate", "--json"], options].concat());
        let summary: Value = serde_json::from_str(&json).unwrap();
        assert!(summary["outliers"].as_u64().unwrap() > 0, "{json}");
        let parameter = |name: &str| summary["parameters"].get(name).cloned();
        ["window", "window_seconds", "min_periods"].map(parameter)
    };
    assert_eq!(parameters(&["--window", "24"]), [Some(24.into()), None, Some(24.into())]);
    for (window, seconds) in [("1440m", 86_400.0), ("24h", 86_400.0), ("7d", 604_800.0), ("2w", 1_209_600.0)]
    {
        assert_eq!(parameters(&["--window", window]), [None, Some(seconds.into()), Some(10.into())]);
    }
    let including = ["--window", "3d", "--include-current", "--min-periods", "40"];
    assert_eq!(parameters(&including), [None, Some(259_200.0.into()), Some(40.into())]);
}

#[test]
fn columns_are_picked_and_ordered() {
    let home = home();
    let home = home.path();
    let (csv, _) = succeeds(home, &["obs", "-m", "wind_speed_rate", "--columns", "value,station_id"]);
    assert!(csv.starts_with("value,station_id\n"), "{csv}");
    let columns = ["out.parquet", "--columns", "timestamp", "--columns", "zscore"];
    succeeds(home, &[&DETECT[..], &columns].concat());
    let batch = parquet(&home.join("out.parquet"));
    let names: Vec<String> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["timestamp", "zscore"]);
}

#[test]
fn a_pipe_gets_csv_and_a_table_without_rows_its_header() {
    let home = home();
    let home = home.path();
    let (piped, _) = succeeds(home, &["obs", "-m", "wind_speed_rate"]);
    succeeds(home, &["obs", "-m", "wind_speed_rate", "-o", "out.csv", "--quiet"]);
    assert_eq!(piped, fs::read_to_string(home.join("out.csv")).unwrap());

    let none = ["obs", "-m", "wind_speed_rate", "--threshold", "9999"];
    assert_eq!(succeeds(home, &none).0, OUTLIER_COLUMNS.join(",") + "\n");
    for extension in ["parquet", "arrow", "csv", "ndjson"] {
        let (_, stderr) = succeeds(home, &[&none[..], &["-o", &format!("none.{extension}")]].concat());
        assert!(stderr.contains("(0 rows"), "{stderr}");
    }
    assert_eq!(parquet(&home.join("none.parquet")).num_rows(), 0);
}

#[test]
fn infinite_scores_are_written_in_every_format() {
    let home = TempDir::new().unwrap();
    let value = |i| Some(if i == 35 { 7.0 } else { 5.0 });
    let stuck: Vec<Row> = (0..40).map(|i| ("a".to_owned(), i * HOUR, vec![value(i)])).collect();
    dataset(&home.path().join("obs"), &["gust"], &stuck, &ConvertOptions::default());
    let (csv, _) = succeeds(home.path(), &["obs", "-m", "gust"]);
    assert!(csv.lines().nth(1).unwrap().contains(",7.0,5.0,0.0,inf,30,"), "{csv}");
    for extension in ["parquet", "ndjson"] {
        succeeds(home.path(), &["obs", "-m", "gust", "-o", &format!("out.{extension}")]);
    }
    let scores = parquet(&home.path().join("out.parquet"));
    assert_eq!(scores["zscore"].as_primitive::<Float64Type>().value(0), f64::INFINITY);
    let line = fs::read_to_string(home.path().join("out.ndjson")).unwrap();
    let row: Value = serde_json::from_str(line.lines().next().unwrap()).unwrap();
    assert!(row["zscore"].is_null() && row["value"] == 7.0, "{line}");
}

#[test]
fn json_is_one_object_on_standard_output() {
    let home = home();
    let json = shown(home.path(), &[&DETECT[..], &["out.parquet", "--json"]].concat());
    assert_snapshot!(json, @r#"{"dataset":"obs","output":"out.parquet","parameters":{"measurements":["wind_speed_rate","air_temperature"],"window":30,"threshold":6.0,"include_current":false,"min_periods":30,"ddof":0,"min_std":0.0,"test_filled":false,"engine":"kernel"},"rows":5825,"stations":30,"outliers":76,"measurements":[{"measurement":"wind_speed_rate","tested":29,"too_short":1,"outliers":38,"stations":25},{"measurement":"air_temperature","tested":29,"too_short":1,"outliers":38,"stations":19}],"notes":[],"failures":[],"seconds":0,"rows_per_second":0}"#);
    let summary: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(summary["outliers"], parquet(&home.path().join("out.parquet")).num_rows());
}

#[test]
fn the_summary_says_what_was_tested_found_and_written() {
    let home = home();
    let home = home.path();
    assert_snapshot!(shown(home, &[&DETECT[..], &["out.csv"]].concat()), @"
    [stderr]
    wind_speed_rate: 30 series found, 29 kept (1 too short), 38 outliers at 25 stations
    air_temperature: 30 series found, 29 kept (1 too short), 38 outliers at 19 stations
    wrote out.csv (76 rows, [SIZE])
    5,825 rows in [TIME] ([RATE])
    ");
    assert_eq!(shown(home, &[&DETECT[..], &["out.csv", "--quiet"]].concat()), "");
}

#[test]
fn explain_prints_the_plan_and_runs_nothing() {
    let home = home();
    let home = home.path();
    let explain = ["obs", "-m", "wind_speed_rate", "-o", "out.csv", "--explain"];
    assert_snapshot!(shown(home, &explain), @r#"
    The plan of each of 30 row groups:
    SELECT [col("wind_speed_rate").rolling_outliers[window 30 values before]()]
      SCAN row group of obs
      PROJECT 1/3 COLUMNS
    "#);
    assert_snapshot!(shown(home, &[&explain[..], &["--window", "7d"]].concat()), @r#"
    The plan of each of 30 row groups:
    SELECT [col("timestamp").rolling_outliers[window 604800 s before]([col("wind_speed_rate")])]
      SCAN row group of obs
      PROJECT 2/3 COLUMNS
    "#);
    assert_snapshot!(shown(home, &[&explain[..], &["--engine", "expressions"]].concat()), @r#"
    The plan of each of 30 row groups:
    SORT BY [maintain_order: true] [col("station_id"), col("timestamp"), col("measurement")]
      UNION[maintain_order: true]
        PLAN 0:
          simple π 9/9 ["station_id", "timestamp", ... 7 other columns]
             WITH_COLUMNS:
             ["wind_speed_rate".alias("measurement"), ((col("value") - col("rolling_mean")) rust_div when(col("rolling_std") > 0.0).then(col("rolling_std")).otherwise(0.0)).alias("zscore"), col("observed").is_null().alias("filled")] 
              FILTER (((col("value") - col("rolling_mean"))).abs() > (6.0 * when(col("rolling_std") > 0.0).then(col("rolling_std")).otherwise(0.0)))
              FROM
                 WITH_COLUMNS:
                 [(col("rolling_std") * ((col("window_count").cast(Float64) rust_div (col("window_count").cast(Float64) - 0.0))).sqrt())] 
                  FILTER (col("observed").is_not_null() & (((col("value") - col("rolling_mean"))).abs() > (1.0000e-12 * col("value").abs())))
                  FROM
                     WITH_COLUMNS:
                     [col("value").rolling_mean().shift([dyn int: 1]).over([col("station_id")]).alias("rolling_mean"), col("value").rolling_std().shift([dyn int: 1]).over([col("station_id")]).alias("rolling_std"), col("value").is_not_null().cast(Float64).rolling_rsum().shift([dyn int: 1]).over([col("station_id")]).cast(Int64).alias("window_count")] 
                      simple π 4/4 ["station_id", "timestamp", ... 2 other columns]
                        FILTER (col("observations") > 30) & col("value").is_not_null()
                        FROM
                           WITH_COLUMNS:
                           [col("observed").fill_null_with_strategy().over([col("station_id")]).alias("value"), col("observed").count().over([col("station_id")]).alias("observations")] 
                             WITH_COLUMNS:
                             [when(col("observed").is_finite()).then(col("observed")).otherwise(null.cast(Float64))] 
                              SELECT [col("station_id"), col("timestamp"), col("wind_speed_rate").alias("observed")]
                                SCAN row group of obs
                                PROJECT */3 COLUMNS
      END UNION[maintain_order: true]
    "#);
    assert_eq!(names(home), ["obs"]);
}

#[test]
fn all_leaves_out_what_is_not_linear_and_says_so() {
    let home = home();
    let home = home.path();
    let measurements = |arguments: &[&str]| -> Vec<String> {
        let (stdout, _) = succeeds(home, &[arguments, &["--json", "-q"]].concat());
        let summary: Value = serde_json::from_str(&stdout).unwrap();
        let measurements = summary["parameters"]["measurements"].as_array().unwrap().clone();
        measurements.iter().map(|name| name.as_str().unwrap().to_owned()).collect()
    };
    assert_snapshot!(shown(home, &["obs", "--all", "-o", "out.csv"]), @"
    [stderr]
    leaving out wind_direction, sky_condition: a linear z-score of a direction, a code or precipitation means nothing (--force tests them)
    air_temperature: 30 series found, 29 kept (1 too short), 38 outliers at 19 stations
    wind_speed_rate: 30 series found, 29 kept (1 too short), 38 outliers at 25 stations
    wrote out.csv (76 rows, [SIZE])
    5,825 rows in [TIME] ([RATE])
    ");
    assert_eq!(measurements(&["obs", "--all"]), ["air_temperature", "wind_speed_rate"]);
    assert_eq!(measurements(&["obs", "--all", "--force"]), COLUMNS);
    assert_snapshot!(shell::fails(ISD_DETECT, home, &["obs", "-m", "wind_direction"], 2), @"
    [stderr]
    error: wind_direction: a linear z-score of a direction, a code or precipitation means nothing
    hint: --force tests it all the same
    [status 2]
    ");
    for name in ["wind_direction", "sky_condition"] {
        assert_eq!(measurements(&["obs", "-m", name, "--force"]), [name]);
    }
}

#[test]
fn precipitation_is_tested_only_by_force() {
    let home = TempDir::new().unwrap();
    let home = home.path();
    // A dry month with one drop, which lies infinitely far from its window, and a wind that never changes.
    let drop = |hour| if hour == 700 { Some(0.2) } else { Some(0.0) };
    let row = |hour| ("010010-99999".to_owned(), hour * HOUR, vec![Some(3.0), drop(hour), drop(hour)]);
    let rows: Vec<Row> = (0..720).map(row).collect();
    let columns = ["wind_speed_rate", "liquid_precipitation_6h", "precipitation_24_hour"];
    dataset(&home.join("rain"), &columns, &rows, &ConvertOptions::default());
    let (stdout, stderr) = succeeds(home, &["rain", "--all"]);
    assert_eq!(stdout.lines().count(), 1, "{stdout}");
    assert!(stderr.contains("leaving out liquid_precipitation_6h, precipitation_24_hour"), "{stderr}");
    for name in &columns[1..] {
        let refusal = shell::fails(ISD_DETECT, home, &["rain", "-m", name], 2);
        assert!(refusal.contains("or precipitation means nothing"), "{refusal}");
        let (stdout, _) = succeeds(home, &["rain", "-m", name, "--force"]);
        assert!(stdout.contains("1970-01-30T04:00:00Z"), "{stdout}");
    }
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let home = home();
    // Everything is an outlier: far more text than a pipe takes before somebody reads it.
    let all = ["--window", "1", "--threshold", "0", "--test-filled"];
    for lines in [0, 1] {
        let mut child = Command::new(ISD_DETECT)
            .args([&["obs", "-m", "wind_speed_rate,air_temperature"][..], &all].concat())
            .current_dir(home.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        assert_eq!(stdout.lines().take(lines).map(Result::unwrap).count(), lines);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
