//! `isd-detect` as it is run from a shell: formats, summaries, and every way to get it wrong.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use arrow::ipc::reader::FileReader;
use isd::plan::OUTLIER_COLUMNS;
use isd_converters::ConvertOptions;
use isd_dataset::time::iso8601;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use tempfile::TempDir;

use crate::memory::{HOUR, Row, dataset, weather};
use crate::shell::{self, names, parquet};

const COLUMNS: [&str; 4] = ["air_temperature", "wind_direction", "wind_speed_rate", "sky_condition"];

const ISD_DETECT: &str = env!("CARGO_BIN_EXE_isd-detect");

fn isd_detect(home: &Path, arguments: &[&str]) -> Output {
    shell::run(ISD_DETECT, home, arguments)
}

/// A directory with the dataset `obs`: thirty stations in several row groups.
fn home() -> TempDir {
    let home = TempDir::new().unwrap();
    let options = ConvertOptions { row_group_rows: 1000, ..ConvertOptions::default() };
    dataset(&home.path().join("obs"), &COLUMNS, &weather(4), &options);
    home
}

/// Runs it to the end: standard output and standard error.
fn succeeds(home: &Path, arguments: &[&str]) -> (String, String) {
    let output = isd_detect(home, arguments);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {stderr}");
    (stdout, stderr)
}

/// Asserts a failure; gives its hint, or nothing.
fn fails(home: &Path, arguments: &[&str], status: i32, message: &str) -> String {
    shell::fails(ISD_DETECT, home, arguments, status, message).unwrap_or_default()
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
        let (stdout, stderr) = succeeds(home, &[&DETECT[..], &[&format!("out.{extension}")]].concat());
        assert!(stdout.is_empty());
        assert!(stderr.contains(&format!("wrote out.{extension} (")), "{stderr}");
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

    let (plan, _) = succeeds(home, &["obs", "-m", "wind_speed_rate", "--window", "7d", "--explain"]);
    assert!(plan.contains("timestamp") && plan.contains("window 604800 s before"), "{plan}");
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
    let (stdout, stderr) = succeeds(home.path(), &[&DETECT[..], &["out.parquet", "--json"]].concat());
    assert!(stderr.is_empty(), "{stderr}");
    let summary: Value = serde_json::from_str(&stdout).unwrap();
    let outliers = parquet(&home.path().join("out.parquet")).num_rows();
    assert_eq!(summary["outliers"], outliers);
    assert_eq!((&summary["rows"], &summary["stations"]), (&5825.into(), &30.into()));
    assert_eq!((&summary["dataset"], &summary["output"]), (&"obs".into(), &"out.parquet".into()));
    let measurements = summary["measurements"].as_array().unwrap();
    assert_eq!(measurements[0]["measurement"], "wind_speed_rate");
    assert_eq!((&measurements[1]["tested"], &measurements[1]["too_short"]), (&29.into(), &1.into()));
    let sum: u64 = measurements.iter().map(|m| m["outliers"].as_u64().unwrap()).sum();
    assert_eq!(sum as usize, outliers);
}

#[test]
fn the_summary_says_what_the_talk_says() {
    let home = home();
    let (_, stderr) = succeeds(home.path(), &["obs", "-m", "wind_speed_rate", "-o", "out.csv"]);
    let first = stderr.lines().next().unwrap();
    assert!(first.starts_with("wind_speed_rate: 30 series found, 29 kept (1 too short), "), "{stderr}");
    assert!(first.contains(" outliers at ") && first.ends_with(" stations"), "{stderr}");
    assert!(stderr.contains("5,825 rows in ") && stderr.contains(" rows/s"), "{stderr}");
    let (_, quiet) = succeeds(home.path(), &["obs", "-m", "wind_speed_rate", "-o", "out.csv", "-q"]);
    assert!(quiet.is_empty());
}

#[test]
fn explain_prints_the_plan_and_runs_nothing() {
    let home = home();
    let (kernel, _) = succeeds(home.path(), &["obs", "-m", "wind_speed_rate", "-o", "out.csv", "--explain"]);
    assert!(kernel.contains("rolling_outliers") && kernel.contains("SCAN row group of obs"), "{kernel}");
    assert_eq!(names(home.path()), ["obs"]);
    let (plan, _) =
        succeeds(home.path(), &["obs", "-m", "wind_speed_rate", "--explain", "--engine", "expressions"]);
    assert!(plan.contains("rolling_mean") && plan.contains("SCAN row group of obs"), "{plan}");
    assert!(!plan.contains("rolling_outliers"), "{plan}");
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
    let (_, stderr) = succeeds(home, &["obs", "--all", "-o", "out.csv"]);
    assert!(stderr.starts_with("leaving out wind_direction and sky_condition"), "{stderr}");
    assert_eq!(measurements(&["obs", "--all"]), ["air_temperature", "wind_speed_rate"]);
    assert_eq!(measurements(&["obs", "--all", "--force"]), COLUMNS);
    for name in ["wind_direction", "sky_condition"] {
        let hint = fails(home, &["obs", "-m", name], 2, name);
        assert!(hint.contains("--force"), "{hint}");
        assert_eq!(measurements(&["obs", "-m", name, "--force"]), [name]);
    }
}

#[test]
fn usage_errors_are_one_line_a_hint_and_status_2() {
    let home = home();
    let home = home.path();
    let with = |options: &[&str], message: &str| {
        fails(home, &[&["obs", "-m", "wind_speed_rate"], options].concat(), 2, message)
    };
    fails(home, &[], 2, "required arguments");
    fails(home, &["obs"], 2, "required arguments");
    fails(home, &["obs", "--all", "-m", "wind_speed_rate"], 2, "cannot be used with");
    with(&["--window", "0"], "window of 0");
    with(&["--window", "many"], "--window");
    let hint = with(&["--window", "30", "--include-current"], "5.385");
    assert!(hint.contains("38"), "{hint}");
    for threshold in ["six", "nan", "1e3", "--threshold=-1"] {
        let flag = if threshold.starts_with('-') { vec![threshold] } else { vec!["--threshold", threshold] };
        with(&flag, "--threshold");
    }
    for limit in ["long", "5y", "h", "1.5d", "99999999999999999999", "9999999999999999w", ""] {
        with(&[&format!("--fill-limit={limit}")], "--fill-limit");
    }
    with(&["--fill-limit", "0"], "fill limit of 0");
    with(&["--fill-limit", "0h"], "fill limit of 0");
    with(&["--min-periods", "31"], "min-periods 31");
    with(&["--ddof", "30"], "leaves no degree of freedom");
    with(&["--window", "0h"], "window of 0 s");
    for window in ["7y", "d", "1.5d", "99999999999999999999", "9999999999999999w", ""] {
        with(&[&format!("--window={window}")], "--window");
    }
    with(&["--window", "7d", "--min-periods", "0"], "min-periods 0");
    with(&["--window", "7d", "--ddof", "10"], "min-periods 10");
    let hint = with(&["--window", "7d", "--engine", "expressions"], "no time windows");
    assert!(hint.contains("number of values"), "{hint}");
    with(&["--engine", "magic"], "magic");
    with(&["-o", "out.xlsx"], "out.xlsx");
    with(&["-o", "out"], "expected a name that ends in .parquet");
    let hint = with(&["--columns", "station_id,color"], "color");
    assert!(hint.contains("zscore"), "{hint}");
    with(&["--columns", "value,value"], "value");
    with(&["-o", "obs/out.parquet"], "obs/out.parquet");
    with(&["-o", "./obs/block=01/part-00000.parquet"], "part-00000.parquet");
}

#[test]
fn an_unknown_measurement_is_refused_with_those_there_are() {
    let home = home();
    let hint = fails(home.path(), &["obs", "-m", "wind_speed", "-o", "out.csv"], 1, "wind_speed");
    assert!(hint.contains("wind_speed_rate"), "{hint}");
    fails(home.path(), &["obs", "-m", "station_id"], 1, "station_id");
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
    let mut damaged = bytes.clone();
    damaged[4..bytes.len() / 2].fill(0xff);
    fs::write(home.join("damaged.parquet"), &damaged).unwrap();
    for dataset in
        ["missing", "empty", "text.parquet", "nothing.parquet", "truncated.parquet", "damaged.parquet"]
    {
        fails(home, &[dataset, "-m", "wind_speed_rate", "-o", "out.parquet"], 1, dataset);
    }
    // Alone it is a dataset; the first bytes of another file beside it are none.
    succeeds(home, &[part.to_str().unwrap(), "-m", "wind_speed_rate"]);
    fs::write(&part, &bytes[..bytes.len() - 100]).unwrap();
    fails(home, &["obs", "-m", "wind_speed_rate", "-o", "out.parquet"], 1, "part-00000.parquet");
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let home = home();
    let home = home.path();
    let hint = fails(home, &[&DETECT[..], &["nowhere/out.csv"]].concat(), 1, "nowhere/out.csv");
    assert!(!hint.is_empty());
    fs::create_dir(home.join("folder.csv")).unwrap();
    fails(home, &[&DETECT[..], &["folder.csv"]].concat(), 1, "folder.csv");
    fs::write(home.join("file"), "").unwrap();
    fails(home, &[&DETECT[..], &["file/out.csv"]].concat(), 1, "file/out.csv");
}

#[cfg(unix)]
#[test]
fn a_directory_without_write_permission_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let home = home();
    let locked = home.path().join("locked");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o555)).unwrap();
    if File::create(locked.join("probe")).is_ok() {
        eprintln!("skipped: this user may write everywhere");
        return;
    }
    fails(home.path(), &[&DETECT[..], &["locked/out.csv"]].concat(), 1, "locked/out.csv");
}

#[test]
fn an_output_file_is_replaced_whole_or_not_at_all() {
    let home = home();
    let home = home.path();
    fs::write(home.join("out.csv"), "precious").unwrap();
    fails(home, &[&DETECT[..], &["out.csv", "-m", "gale"]].concat(), 1, "gale");
    assert_eq!(fs::read_to_string(home.join("out.csv")).unwrap(), "precious");
    succeeds(home, &[&DETECT[..], &["out.csv"]].concat());
    assert!(fs::read_to_string(home.join("out.csv")).unwrap().starts_with("station_id,"));
    assert_eq!(names(home), ["obs", "out.csv"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_fills_up_leaves_nothing() {
    let home = home();
    // Files of at most one block of 1024 bytes: less than the table takes.
    let script = "ulimit -f 1 && trap '' XFSZ && exec \"$0\" obs -m wind_speed_rate -o out.csv";
    let output = Command::new("bash")
        .args(["-c", script, env!("CARGO_BIN_EXE_isd-detect")])
        .current_dir(home.path())
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.starts_with("error: out.csv") && stderr.contains("File too large"), "{stderr}");
    assert_eq!(names(home.path()), ["obs"]);
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let home = home();
    // Everything is an outlier: far more text than a pipe takes before somebody reads it.
    let all = ["--window", "1", "--threshold", "0", "--test-filled"];
    for lines in [0, 1] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_isd-detect"))
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

#[test]
fn help_and_version_go_to_standard_output() {
    let home = TempDir::new().unwrap();
    for (flag, text) in [("--help", "--include-current"), ("--version", env!("CARGO_PKG_VERSION"))] {
        let (stdout, stderr) = succeeds(home.path(), &[flag]);
        assert!(stderr.is_empty() && stdout.contains(text), "{stdout}");
    }
}
