use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::WriterProperties;
use tempfile::TempDir;

/// 2017-09-10T00:00:00Z, a day of Hurricane Irma, in microseconds.
const START: i64 = 1_505_001_600_000_000;
const HOUR: i64 = 3_600_000_000;

/// Five outliers of two stations: three of `722010-12836` (09-10 00:00, 09-10 12:00, 10-01 00:00), two of
/// `010010-99999` (09-10 01:00, 09-11 01:00), the last with an infinite z-score, one filled.
pub fn outliers() -> RecordBatch {
    let stations = ["010010-99999", "010010-99999", "722010-12836", "722010-12836", "722010-12836"];
    let times = [START + HOUR, START + 25 * HOUR, START, START + 12 * HOUR, START + 21 * 24 * HOUR];
    let values = [20.0, 0.5, 51.4, 36.0, 25.7];
    let times = TimestampMicrosecondArray::from(times.to_vec()).with_timezone("UTC");
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("station_id", Arc::new(StringArray::from(stations.to_vec()))),
        ("timestamp", Arc::new(times)),
        ("measurement", Arc::new(StringArray::from(vec!["wind_speed_rate"; 5]))),
        ("value", Arc::new(Float64Array::from(values.to_vec()))),
        ("rolling_mean", Arc::new(Float64Array::from(vec![3.0, 0.0, 5.1, 6.0, 4.0]))),
        ("rolling_std", Arc::new(Float64Array::from(vec![1.0, 0.0, 2.5, 2.0, 3.0]))),
        ("zscore", Arc::new(Float64Array::from(vec![17.0, f64::INFINITY, 18.52, 15.0, 7.25]))),
        ("window_count", Arc::new(Int64Array::from(vec![30; 5]))),
        ("filled", Arc::new(BooleanArray::from(vec![false, true, false, false, false]))),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

/// Hourly observations of one station: `wind_speed_rate` counts up from `first`, every third is missing.
pub fn observations(station: &str, first: u32, rows: usize) -> RecordBatch {
    let times: Vec<i64> = (0..rows as i64).map(|row| START + row * HOUR).collect();
    let winds = (0..rows).map(|row| (row % 3 != 2).then_some(f64::from(first) + row as f64));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("station_id", Arc::new(StringArray::from(vec![station; rows]))),
        ("timestamp", Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC"))),
        ("wind_speed_rate", Arc::new(winds.collect::<Float64Array>())),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

pub fn write_parquet(path: &Path, batch: &RecordBatch) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

/// Writes a Parquet file which says that it is sorted by its first two columns, as the files of a dataset do.
pub fn write_sorted_parquet(path: &Path, batch: &RecordBatch) {
    let ascending = |column_idx| SortingColumn { column_idx, descending: false, nulls_first: false };
    let properties =
        WriterProperties::builder().set_sorting_columns(Some(vec![ascending(0), ascending(1)])).build();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let file = File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

/// Writes the manifest of a dataset of so many rows, which makes a directory one.
pub fn write_manifest(dataset: &Path, rows: u64) {
    let manifest = format!(
        r#"{{"format_version": 1, "tool": "isd-convert 0.1.0", "sources": ["a.csv"], "layout": "station CSV",
            "options": {{"measurements": [], "column_paths": [], "scale": "attributes", "format": null, "quality": "drop",
                         "duplicates": "last", "float32": false}},
            "rows": {rows}, "stations": 3, "files": 3, "row_groups": 3, "first_timestamp": "2017-09-10T00:00:00Z",
            "last_timestamp": "2017-09-10T08:00:00Z", "columns": [{{"name": "wind_speed_rate", "nulls": 0}}]}}"#
    );
    std::fs::write(dataset.join("_isd.json"), manifest).unwrap();
}

/// NOAA's list as it is downloaded: a position of (0, 0), a complete line, one without height, one without anything.
const STATIONS: [&str; 5] = [
    "\"USAF\",\"WBAN\",\"STATION NAME\",\"CTRY\",\"STATE\",\"ICAO\",\"LAT\",\"LON\",\"ELEV(M)\",\"BEGIN\",\"END\"",
    "\"007018\",\"99999\",\"WXPOD 7018\",\"\",\"\",\"\",\"+00.000\",\"+000.000\",\"+7018.0\",\"20130710\",\"20130730\"",
    "\"010010\",\"99999\",\"JAN MAYEN(NOR-NAVY)\",\"NO\",\"\",\"ENJA\",\"+70.933\",\"-008.667\",\"+0009.0\",\"19310101\",\"20170924\"",
    "\"722010\",\"12836\",\"KEY WEST INTL\",\"US\",\"FL\",\"KEYW\",\"+24.555\",\"-081.752\",\"-0999.0\",\"19730101\",\"20170925\"",
    "\"A00001\",\"99999\",\"NOWHERE\",\"US\",\"\",\"\",\"\",\"\",\"\",\"\",\"\"",
];

/// A directory with a table of each kind: `outliers.parquet`, the dataset `observations` as `isd-convert` lays it out (two
/// WMO blocks, three stations, a manifest) and the station list `isd-history.csv`.
pub fn place() -> TempDir {
    let place = TempDir::new().unwrap();
    write_parquet(&place.path().join("outliers.parquet"), &outliers());
    let dataset = place.path().join("observations");
    write_parquet(&dataset.join("block=01/part-00000.parquet"), &observations("010010-99999", 0, 6));
    write_parquet(&dataset.join("block=72/part-00000.parquet"), &observations("722010-12836", 10, 9));
    write_parquet(&dataset.join("block=72/part-00001.parquet"), &observations("723150-03812", 20, 3));
    write_manifest(&dataset, 18);
    std::fs::write(place.path().join("isd-history.csv"), STATIONS.join("\n") + "\n").unwrap();
    place
}

/// A [`place`] and the path of its station list.
pub fn station_list() -> (TempDir, PathBuf) {
    let place = place();
    let path = place.path().join("isd-history.csv");
    (place, path)
}

/// A [`place`] and the path of its outliers.
pub fn outliers_file() -> (TempDir, PathBuf) {
    let place = place();
    let path = place.path().join("outliers.parquet");
    (place, path)
}

/// A [`place`] and the path of its dataset.
pub fn dataset() -> (TempDir, PathBuf) {
    let place = place();
    let path = place.path().join("observations");
    (place, path)
}

/// Runs `isd-query` with these arguments and nothing on standard input.
pub fn run(arguments: &[&str]) -> Output {
    run_with_input(arguments, "")
}

pub fn run_with_input(arguments: &[&str], input: &str) -> Output {
    run_with_bytes(arguments, input.as_bytes())
}

pub fn run_with_bytes(arguments: &[&str], input: &[u8]) -> Output {
    run_in(Path::new("."), arguments, input)
}

fn run_in(directory: &Path, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_isd-query"))
        .args(arguments)
        .current_dir(directory)
        // Help is wrapped to it.
        .env_remove("COLUMNS")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A run that is refused at once closes its input: that is its right.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

/// All that a run in a directory shows, for a snapshot: standard output; standard error, where there is any, after a line
/// `[stderr]`; the status, where it is not 0, in a line `[status 1]`. What differs from run to run is replaced: the directory
/// by `[DIR]`, the version by `[VERSION]`, the time of `5 rows, 0.02 s` by `[TIME]`, the name of a temporary file.
pub fn shown(directory: &TempDir, arguments: &[&str]) -> String {
    let output = run_in(directory.path(), arguments, b"");
    let mut text = String::from_utf8(output.stdout).unwrap();
    // A snapshot does not tell whether it ends in a line break.
    assert!(text.is_empty() || text.ends_with('\n'), "{text:?}");
    let errors = String::from_utf8(output.stderr).unwrap();
    if !errors.is_empty() {
        assert!(errors.ends_with('\n'), "{errors:?}");
        text += "[stderr]\n";
        text.extend(errors.lines().map(|line| without_time(line) + "\n"));
    }
    if !output.status.success() {
        writeln!(text, "[status {}]", output.status.code().unwrap()).unwrap();
    }
    let version = concat!("isd-query ", env!("CARGO_PKG_VERSION"));
    let text =
        text.replace(directory.path().to_str().unwrap(), "[DIR]").replace(version, "isd-query [VERSION]");
    without_temporary_name(&text)
}

/// The text with the name of an output file in the making, such as `.isd-JDzCng.tmp`, as `[TEMPORARY]`.
fn without_temporary_name(text: &str) -> String {
    let Some((before, rest)) = text.split_once(".isd-") else { return text.to_owned() };
    let (_, after) = rest.split_once(".tmp").unwrap();
    format!("{before}[TEMPORARY]{after}")
}

/// [`shown`] of several statements on one table, each after a line with its text.
pub fn shown_each(directory: &TempDir, table: &str, statements: &[&str]) -> String {
    let one = |sql: &&str| format!("> {sql}\n{}", shown(directory, &[table, sql, "--quiet"]));
    statements.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn without_time(line: &str) -> String {
    let is_time = |text: &str| text.strip_suffix(" s").is_some_and(|number| number.parse::<f64>().is_ok());
    match line.rsplit_once(", ") {
        Some((rows, time)) if is_time(time) => format!("{rows}, [TIME]"),
        _ => line.to_owned(),
    }
}

/// Standard output of a run that must succeed and say nothing else.
pub fn answer(path: &Path, sql: &str, options: &[&str]) -> String {
    let mut arguments = vec![path.to_str().unwrap(), sql, "--quiet"];
    arguments.extend(options);
    let output = run(&arguments);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{sql}\n{stderr}");
    assert_eq!(stderr, "", "{sql}");
    String::from_utf8(output.stdout).unwrap()
}

/// Standard output of a run that must succeed.
pub fn stdout(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{arguments:?}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Standard error of a run that must fail with this status and write no result.
pub fn failure(arguments: &[&str], status: i32) -> String {
    let output = run(arguments);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(status), "{stderr}");
    assert_eq!(output.stdout, b"", "{stderr}");
    assert!(stderr.starts_with("error: "), "{stderr}");
    assert!(stderr.lines().count() <= 2, "{stderr}");
    assert!(stderr.lines().skip(1).all(|line| line.starts_with("hint: ")), "{stderr}");
    stderr
}
