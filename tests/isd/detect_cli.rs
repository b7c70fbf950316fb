//! `isd-detect` as it is run from a shell: formats, summaries, and every way to get it wrong.

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

const COLUMNS: [&str; 4] = ["air_temperature", "wind_direction", "wind_speed_rate", "sky_condition"];

/// A directory with the dataset `obs`: thirty stations in several row groups.
fn home() -> TempDir {
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

/// All that a failing run shows.
fn fails(home: &Path, arguments: &[&str], status: i32) -> String {
    shell::fails(ISD_DETECT, home, arguments, status)
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
    leaving out wind_direction and sky_condition: a linear z-score of a direction or a code means nothing (--force tests them)
    air_temperature: 30 series found, 29 kept (1 too short), 38 outliers at 19 stations
    wind_speed_rate: 30 series found, 29 kept (1 too short), 38 outliers at 25 stations
    wrote out.csv (76 rows, [SIZE])
    5,825 rows in [TIME] ([RATE])
    ");
    assert_eq!(measurements(&["obs", "--all"]), ["air_temperature", "wind_speed_rate"]);
    assert_eq!(measurements(&["obs", "--all", "--force"]), COLUMNS);
    assert_snapshot!(fails(home, &["obs", "-m", "wind_direction"], 2), @"
    [stderr]
    error: wind_direction: a linear z-score of a direction or a code means nothing
    hint: --force tests it all the same
    [status 2]
    ");
    for name in ["wind_direction", "sky_condition"] {
        assert_eq!(measurements(&["obs", "-m", name, "--force"]), [name]);
    }
}

/// All that runs show which fail with status 2.
fn usage_errors(home: &Path, runs: &[&[&str]]) -> String {
    shell::fails_each(ISD_DETECT, home, runs, 2)
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    let home = home();
    let runs: &[&[&str]] = &[
        &[],
        &["obs"],
        &["obs", "--all", "-m", "wind_speed_rate"],
        &["obs", "--all", "--windw", "30"],
        &["obs", "--all", "--engine", "magic"],
        &["obs", "--all", "--window", "7d", "--engine", "expressions"],
        &["obs", "--all", "--partition-by", "year"],
        &["lite", "--all", "--format", "talk"],
    ];
    assert_snapshot!(usage_errors(home.path(), runs), @"
    > 
    [stderr]
    error: the following required arguments were not provided: --measurement <NAME> <SOURCE>...
    hint: -m wind_speed_rate names one, --all takes all
    [status 2]

    > obs
    [stderr]
    error: the following required arguments were not provided: --measurement <NAME>
    hint: -m wind_speed_rate names one, --all takes all
    [status 2]

    > obs --all -m wind_speed_rate
    [stderr]
    error: the argument '--all' cannot be used with '--measurement <NAME>'
    hint: --help lists the arguments
    [status 2]

    > obs --all --windw 30
    [stderr]
    error: unexpected argument '--windw' found
    hint: a similar argument exists: '--window'
    [status 2]

    > obs --all --engine magic
    [stderr]
    error: invalid value 'magic' for '--engine <ENGINE>'
    hint: it may be kernel or expressions
    [status 2]

    > obs --all --window 7d --engine expressions
    [stderr]
    error: --engine expressions: has no time windows
    hint: give --window as a number of values, or leave --engine out
    [status 2]

    > obs --all --partition-by year
    [stderr]
    error: the following required arguments were not provided: --output <FILE>
    hint: --help lists the arguments
    [status 2]

    > lite --all --format talk
    [stderr]
    error: invalid value 'talk' for '--format <FORMAT>'
    hint: it may be hdf5 or isd-lite or isd-raw or ghcnh or global-hourly or station-csv
    [status 2]
    ");
}

#[test]
fn options_that_make_no_test_are_refused() {
    let home = home();
    let runs: &[&[&str]] = &[
        &["obs", "--all", "--window", "0"],
        &["obs", "--all", "--window", "0h"],
        &["obs", "--all", "--window", "100001"],
        &["obs", "--all", "--window", "30", "--include-current"],
        &["obs", "--all", "--min-periods", "31"],
        &["obs", "--all", "--window", "7d", "--min-periods", "0"],
        &["obs", "--all", "--ddof", "30"],
        &["obs", "--all", "--window", "7d", "--ddof", "10"],
        &["obs", "--all", "--threshold=-1"],
        &["obs", "--all", "--min-std=-1"],
        &["obs", "--all", "--fill-limit", "0"],
        &["obs", "--all", "--fill-limit", "0h"],
    ];
    assert_snapshot!(usage_errors(home.path(), runs), @"
    > obs --all --window 0
    [stderr]
    error: a window of 0 rows: expected 1 to 100000
    [status 2]

    > obs --all --window 0h
    [stderr]
    error: a time window of 0 s: expected a positive time, such as 7d
    [status 2]

    > obs --all --window 100001
    [stderr]
    error: a window of 100001 rows: expected 1 to 100000
    [status 2]

    > obs --all --window 30 --include-current
    [stderr]
    error: no data can exceed 6 sigma when the window of 30 rows includes the tested one: the bound is 5.385
    hint: use a window of at least 38, a lower threshold, or leave the tested value out of its window
    [status 2]

    > obs --all --min-periods 31
    [stderr]
    error: min-periods 31: expected 1 to the window's 30
    [status 2]

    > obs --all --window 7d --min-periods 0
    [stderr]
    error: min-periods 0 of a time window: expected at least 1
    [status 2]

    > obs --all --ddof 30
    [stderr]
    error: a window of 30 rows leaves no degree of freedom: expected at least 31
    [status 2]

    > obs --all --window 7d --ddof 10
    [stderr]
    error: min-periods 10 of a time window: expected at least 11
    [status 2]

    > obs --all --threshold=-1
    [stderr]
    error: invalid value '-1' for '--threshold <SIGMA>': `-1` is not a number of at most 15 digits, 0 or more, such as 6 or 6.5
    hint: --help lists the arguments
    [status 2]

    > obs --all --min-std=-1
    [stderr]
    error: invalid value '-1' for '--min-std <STD>': `-1` is not a number of at most 15 digits, 0 or more, such as 6 or 6.5
    hint: --help lists the arguments
    [status 2]

    > obs --all --fill-limit 0
    [stderr]
    error: a fill limit of 0: expected a positive number of rows or a positive time
    [status 2]

    > obs --all --fill-limit 0h
    [stderr]
    error: a fill limit of 0: expected a positive number of rows or a positive time
    [status 2]
    ");
}

#[test]
fn values_that_are_no_numbers_and_no_times_are_refused() {
    let home = home();
    let home = home.path();
    assert_snapshot!(fails(home, &["obs", "--all", "--window", "many"], 2), @"
    [stderr]
    error: invalid value 'many' for '--window <N|TIME>': expected a number of values, such as 30, or a time such as 90m, 24h, 7d or 2w
    hint: --help lists the arguments
    [status 2]
    ");
    assert_snapshot!(fails(home, &["obs", "--all", "--fill-limit", "long"], 2), @"
    [stderr]
    error: invalid value 'long' for '--fill-limit <N|TIME>': expected a number of rows, or a time such as 90m, 24h, 7d or 2w
    hint: --help lists the arguments
    [status 2]
    ");
    assert_snapshot!(fails(home, &["obs", "--all", "--threshold", "six"], 2), @"
    [stderr]
    error: invalid value 'six' for '--threshold <SIGMA>': `six` is not a number of at most 15 digits, 0 or more, such as 6 or 6.5
    hint: --help lists the arguments
    [status 2]
    ");
    for (option, values) in [
        ("--threshold", &["nan", "1e3"][..]),
        ("--window", &["7y", "d", "1.5d", "99999999999999999999", "9999999999999999w", ""]),
        ("--fill-limit", &["5y", "h", "1.5d", "99999999999999999999", "9999999999999999w", ""]),
    ] {
        for value in values {
            let shown = fails(home, &["obs", "--all", &format!("{option}={value}")], 2);
            let expected = format!("[stderr]\nerror: invalid value '{value}' for '{option}");
            assert!(shown.starts_with(&expected) || value.is_empty() && shown.contains(option), "{shown}");
        }
    }
}

#[test]
fn columns_and_names_that_cannot_be_written_are_refused() {
    let home = home();
    let runs: &[&[&str]] = &[
        &["obs", "-m", "wind_speed_rate", "-o", "out.xlsx"],
        &["obs", "-m", "wind_speed_rate", "-o", "out"],
        &["obs", "-m", "wind_speed_rate", "--columns", "station_id,color"],
        &["obs", "-m", "wind_speed_rate", "--columns", "value,value"],
        &["obs", "-m", "wind_speed_rate", "-o", "obs/out.parquet"],
        &["obs", "-m", "wind_speed_rate", "-o", "./obs/block=01/part-00000.parquet"],
    ];
    assert_snapshot!(usage_errors(home.path(), runs), @"
    > obs -m wind_speed_rate -o out.xlsx
    [stderr]
    error: out.xlsx: expected a name that ends in .parquet, .csv, .arrow or .ndjson
    [status 2]

    > obs -m wind_speed_rate -o out
    [stderr]
    error: out: expected a name that ends in .parquet, .csv, .arrow or .ndjson
    [status 2]

    > obs -m wind_speed_rate --columns station_id,color
    [stderr]
    error: --columns color: no such column of the outliers table
    hint: it has station_id, timestamp, measurement, value, rolling_mean, rolling_std, zscore, window_count, filled
    [status 2]

    > obs -m wind_speed_rate --columns value,value
    [stderr]
    error: --columns value: named twice
    [status 2]

    > obs -m wind_speed_rate -o obs/out.parquet
    [stderr]
    error: obs/out.parquet: lies in what is read
    hint: give another -o
    [status 2]

    > obs -m wind_speed_rate -o ./obs/block=01/part-00000.parquet
    [stderr]
    error: ./obs/block=01/part-00000.parquet: lies in what is read
    hint: give another -o
    [status 2]
    ");
}

#[test]
fn an_unknown_measurement_is_refused_with_those_there_are() {
    let home = home();
    assert_snapshot!(fails(home.path(), &["obs", "-m", "wind_speed", "-o", "out.csv"], 1), @"
    [stderr]
    error: obs: holds no measurement wind_speed
    hint: it holds air_temperature, wind_direction, wind_speed_rate, sky_condition
    [status 1]
    ");
    assert_snapshot!(fails(home.path(), &["obs", "-m", "station_id"], 1), @"
    [stderr]
    error: obs: holds no measurement station_id
    hint: it holds air_temperature, wind_direction, wind_speed_rate, sky_condition
    [status 1]
    ");
}

#[test]
fn what_is_no_dataset_is_refused() {
    let home = home();
    let home = home.path();
    fs::create_dir(home.join("empty")).unwrap();
    fs::write(home.join("text.parquet"), "not Parquet at all, however long this text is").unwrap();
    fs::write(home.join("nothing.parquet"), "").unwrap();
    let block = names(&home.join("obs")).into_iter().find(|name| name.starts_with("block=")).unwrap();
    let part = home.join("obs").join(block).join("part-00000.parquet");
    let bytes = fs::read(&part).unwrap();
    fs::write(home.join("truncated.parquet"), &bytes[..bytes.len() / 2]).unwrap();
    let runs = ["missing", "empty", "text.parquet", "nothing.parquet", "truncated.parquet"]
        .map(|dataset| vec![dataset, "-m", "wind_speed_rate", "-o", "out.parquet"]);
    assert_snapshot!(shell::fails_each(ISD_DETECT, home, &runs, 1), @"
    > missing -m wind_speed_rate -o out.parquet
    [stderr]
    error: missing: cannot open: No such file or directory (os error 2)
    hint: check the path
    [status 1]

    > empty -m wind_speed_rate -o out.parquet
    [stderr]
    error: empty: is a directory without files of observations
    hint: name another
    [status 1]

    > text.parquet -m wind_speed_rate -o out.parquet
    [stderr]
    error: text.parquet: is of no format that is known here
    hint: the formats are hdf5, isd-lite, isd-raw, ghcnh, global-hourly, station-csv; --format names one
    [status 1]

    > nothing.parquet -m wind_speed_rate -o out.parquet
    [stderr]
    error: nothing.parquet: is empty, expected a file of observations
    [status 1]

    > truncated.parquet -m wind_speed_rate -o out.parquet
    [stderr]
    error: truncated.parquet: cannot be read as Parquet: Parquet error: Invalid Parquet file. Corrupt footer
    hint: convert the archive with isd-convert, again if this is its result
    [status 1]
    ");
    let mut damaged = bytes.clone();
    damaged[4..bytes.len() / 2].fill(0xff);
    fs::write(home.join("damaged.parquet"), &damaged).unwrap();
    let shown = fails(home, &["damaged.parquet", "-m", "wind_speed_rate", "-o", "out.parquet"], 1);
    assert!(shown.contains("damaged.parquet"), "{shown}");
    // One file is a dataset by itself; cut short beside others, it is none.
    succeeds(home, &[part.to_str().unwrap(), "-m", "wind_speed_rate"]);
    fs::write(&part, &bytes[..bytes.len() - 100]).unwrap();
    let shown = fails(home, &["obs", "-m", "wind_speed_rate", "-o", "out.parquet"], 1);
    assert!(shown.contains("part-00000.parquet"), "{shown}");
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let home = home();
    let home = home.path();
    fs::create_dir(home.join("folder.csv")).unwrap();
    fs::write(home.join("file"), "").unwrap();
    let runs = ["nowhere/out.csv", "folder.csv", "file/out.csv"]
        .map(|output| vec!["obs", "-m", "wind_speed_rate", "-o", output]);
    assert_snapshot!(shell::fails_each(ISD_DETECT, home, &runs, 1), @r#"
    > obs -m wind_speed_rate -o nowhere/out.csv
    [stderr]
    error: nowhere/out.csv: cannot create: No such file or directory (os error 2)
    hint: make the directory first
    [status 1]

    > obs -m wind_speed_rate -o folder.csv
    [stderr]
    error: folder.csv: cannot create: is a directory
    [status 1]

    > obs -m wind_speed_rate -o file/out.csv
    [stderr]
    error: file/out.csv: cannot create: Not a directory (os error 20)
    [status 1]
    "#);
}

#[cfg(unix)]
#[test]
#[cfg_attr(writes_everywhere, ignore = "needs a user who may not write everywhere")]
fn a_directory_without_write_permission_is_named() {
    let home = home();
    shell::lock(home.path());
    assert_snapshot!(fails(home.path(), &[&DETECT[..], &["locked/out.csv"]].concat(), 1), @"
    [stderr]
    error: locked/out.csv: cannot create: Permission denied (os error 13)
    hint: check who may write there
    [status 1]
    ");
}

#[test]
fn an_output_file_is_replaced_whole_or_not_at_all() {
    let home = home();
    let home = home.path();
    fs::write(home.join("out.csv"), "precious").unwrap();
    fails(home, &[&DETECT[..], &["out.csv", "-m", "gale"]].concat(), 1);
    assert_eq!(fs::read_to_string(home.join("out.csv")).unwrap(), "precious");
    succeeds(home, &[&DETECT[..], &["out.csv"]].concat());
    assert!(fs::read_to_string(home.join("out.csv")).unwrap().starts_with("station_id,"));
    assert_eq!(names(home), ["obs", "out.csv"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_fills_up_leaves_nothing() {
    let home = home();
    let arguments = ["obs", "-m", "wind_speed_rate", "-o", "out.csv"];
    assert_snapshot!(shell::shown_on_full_disk(ISD_DETECT, home.path(), &arguments), @"
    [stderr]
    error: out.csv: cannot write: Io error: File too large (os error 27)
    [status 1]
    ");
    assert_eq!(names(home.path()), ["obs"]);
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
