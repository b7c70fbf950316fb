//! `isd-convert` as it is run from a shell: exit status, error lines, what is left behind.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use insta::assert_snapshot;
use rust_hdf5::H5File;
use tempfile::TempDir;

use crate::shell::{self, ISD_CONVERT, names};

/// All that a run shows.
fn shown(home: &Path, arguments: &[&str]) -> String {
    shell::shown(ISD_CONVERT, home, arguments)
}

/// All that a failing run shows.
fn fails(home: &Path, arguments: &[&str], status: i32) -> String {
    shell::fails(ISD_CONVERT, home, arguments, status)
}

/// Writes a flat archive: two stations of three hours each, wind in tenths.
fn archive(path: &Path, timestamps: &[f64; 6]) {
    let file = H5File::create(path).unwrap();
    let ints = |name: &str, values: &[i64]| {
        let dataset = file.new_dataset::<i64>().shape([values.len()]).create(name).unwrap();
        dataset.write_raw(values).unwrap();
    };
    let floats = |name: &str, values: &[f64]| {
        let dataset = file.new_dataset::<f64>().shape([values.len()]).create(name).unwrap();
        dataset.write_raw(values).unwrap();
    };
    ints("station_usaf", &[10_010, 10_010, 10_010, 724_940, 724_940, 724_940]);
    ints("station_wban", &[99_999, 99_999, 99_999, 23_234, 23_234, 23_234]);
    floats("timestamp", timestamps);
    floats("wind_speed_rate", &[51.0, f64::NAN, 26.0, 0.0, 10.0, -9999.0]);
    floats("air_temperature", &[-11.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
    file.close().unwrap();
}

const SORTED: [f64; 6] = [0.0, 3600.0, 7200.0, 0.0, 3600.0, 7200.0];

/// A directory with the archive `a.h5`.
fn home() -> TempDir {
    let home = TempDir::new().unwrap();
    archive(&home.path().join("a.h5"), &SORTED);
    home
}

#[test]
fn an_archive_becomes_a_dataset_with_a_summary() {
    let home = home();
    assert_snapshot!(shown(home.path(), &["a.h5", "-o", "obs"]), @"
    [stderr]
    flat HDF5: 6 rows, 2 stations, 1970-01-01T00:00:00Z to 1970-01-01T02:00:00Z
      air_temperature            0.0 % missing
      wind_speed_rate           33.3 % missing
    note: values are stored as found, without a scale_factor, for air_temperature, wind_speed_rate; if they are ISD's tenths, --scale isd converts them
    [SIZE] read, [SIZE] written in 2 files, obs/**/*.parquet; [TIME], [RATE]
    ");
    assert_eq!(
        names(&home.path().join("obs")),
        ["_isd.json", "_journal.ndjson", "_stations.csv", "block=01", "block=72"]
    );
    assert_eq!(names(home.path()), ["a.h5", "obs"]);
}

#[test]
fn json_is_one_object_on_standard_output() {
    let home = home();
    let json = ["a.h5", "-o", "obs", "--json", "-m", "wind_speed_rate", "--threads", "1"];
    assert_snapshot!(shown(home.path(), &json), @r#"{"schema":1,"dataset":"obs","pattern":"obs/**/*.parquet","format_version":1,"tool":"isd-convert [VERSION]","sources":["a.h5"],"layout":"flat HDF5","options":{"measurements":["wind_speed_rate"],"column_paths":[],"scale":"attributes","format":null,"quality":"drop","duplicates":"last","float32":false},"rows":6,"stations":2,"files":2,"row_groups":2,"first_timestamp":"1970-01-01T00:00:00Z","last_timestamp":"1970-01-01T02:00:00Z","columns":[{"name":"wind_speed_rate","nulls":2}],"duplicates":0,"identical":0,"tally":{},"source_files":1,"failed_files":0,"retained_files":0,"notes":["values are stored as found, without a scale_factor, for wind_speed_rate; if they are ISD's tenths, --scale isd converts them"],"failures":[],"stations_placed":0,"gone":[],"files_new":1,"files_changed":0,"files_unchanged":0,"files_unreadable":0,"files_gone":0,"rows_added":6,"rows_replaced":0,"rows_removed":0,"blocks_written":2,"blocks_kept":0,"blocks_removed":0,"had_to_sort":false,"bytes_in":0,"bytes_out":0,"seconds":0,"rows_per_second":0}"#);
}

#[test]
fn quiet_says_nothing() {
    let home = home();
    assert_eq!(shown(home.path(), &["a.h5", "-o", "obs", "--quiet"]), "");
}

#[test]
fn usage_errors_are_one_line_a_hint_and_status_2() {
    let home = home();
    let runs = [
        vec![],
        vec!["a.h5"],
        vec!["a.h5", "-o", "obs", "--overwrit"],
        vec!["a.h5", "-o", "obs", "--overwrite", "--update"],
        vec!["a.h5", "-o", "obs", "--scale", "tenths"],
        vec!["a.h5", "-o", "obs", "--column", "wind"],
        vec!["a.h5", "-o", "obs", "--threads", "0"],
        vec!["a.h5", "-o", "obs", "--threads", "-1"],
    ];
    assert_snapshot!(shell::fails_each(ISD_CONVERT, home.path(), &runs, 2), @"
    > 
    [stderr]
    error: the following required arguments were not provided: --output <DATASET> <SOURCE>...
    hint: --help lists the arguments
    [status 2]

    > a.h5
    [stderr]
    error: the following required arguments were not provided: --output <DATASET>
    hint: --help lists the arguments
    [status 2]

    > a.h5 -o obs --overwrit
    [stderr]
    error: unexpected argument '--overwrit' found
    hint: a similar argument exists: '--overwrite'
    [status 2]

    > a.h5 -o obs --overwrite --update
    [stderr]
    error: the argument '--overwrite' cannot be used with '--update'
    hint: --help lists the arguments
    [status 2]

    > a.h5 -o obs --scale tenths
    [stderr]
    error: invalid value 'tenths' for '--scale <SCALE>'
    hint: it may be attributes or isd
    [status 2]

    > a.h5 -o obs --column wind
    [stderr]
    error: invalid value 'wind' for '--column <NAME=PATH>': expected NAME=PATH, such as wind_speed_rate=/surface/wind
    hint: --help lists the arguments
    [status 2]

    > a.h5 -o obs --threads 0
    [stderr]
    error: invalid value '0' for '--threads <N>': expected a number from 1 to 4096
    hint: --help lists the arguments
    [status 2]

    > a.h5 -o obs --threads -1
    [stderr]
    error: invalid value '-1' for '--threads <N>': expected a number from 1 to 4096
    hint: --help lists the arguments
    [status 2]
    ");
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let home = home();
    let mut child = Command::new(ISD_CONVERT)
        .args(["a.h5", "-o", "obs", "--json"])
        .current_dir(home.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn sources_that_are_none_are_refused() {
    let home = home();
    let home = home.path();
    fs::write(home.join("empty.h5"), "").unwrap();
    fs::write(home.join("text.h5"), "not HDF5 at all, however long this text is").unwrap();
    let bytes = fs::read(home.join("a.h5")).unwrap();
    fs::write(home.join("short.h5"), &bytes[..bytes.len() / 2]).unwrap();
    fs::create_dir(home.join("folder")).unwrap();
    let mut runs = ["missing.h5", "empty.h5", "text.h5", "short.h5", "folder"]
        .map(|source| vec![source, "-o", "obs"])
        .to_vec();
    runs.push(vec!["a.h5", "-o", "obs", "-m", "wind_sped_rate"]);
    runs.push(vec!["a.h5", "-o", "obs", "--column", "wind_speed_rate=/no/such"]);
    assert_snapshot!(shell::fails_each(ISD_CONVERT, home, &runs, 1), @"
    > missing.h5 -o obs
    [stderr]
    error: missing.h5: cannot open: No such file or directory (os error 2)
    hint: check the path
    [status 1]

    > empty.h5 -o obs
    [stderr]
    error: empty.h5: is empty, expected a file of observations
    [status 1]

    > text.h5 -o obs
    [stderr]
    error: text.h5: is of no format that is known here
    hint: the formats are hdf5, isd-lite, isd-raw, ghcnh, global-hourly, parquet, arrow, station-csv; --format names one
    [status 1]

    > short.h5 -o obs
    [stderr]
    error: short.h5: is cut short: 467 bytes, and its superblock says 935
    hint: copy or write it again
    [status 1]

    > folder -o obs
    [stderr]
    error: folder: is a directory without files of observations
    hint: name another
    [status 1]

    > a.h5 -o obs -m wind_sped_rate
    [stderr]
    error: a.h5: wind_sped_rate: does not exist; the file has air_temperature, station_usaf, station_wban, timestamp, wind_speed_rate
    hint: did you mean wind_speed_rate?
    [status 1]

    > a.h5 -o obs --column wind_speed_rate=/no/such
    [stderr]
    error: a.h5: wind_speed_rate: is to lie at /no/such, which does not exist; the file has air_temperature, station_usaf, station_wban, timestamp, wind_speed_rate
    [status 1]
    ");
}

#[test]
fn rows_out_of_order_are_sorted_and_of_duplicates_one_stays() {
    let home = TempDir::new().unwrap();
    let home = home.path();
    archive(&home.join("unsorted.h5"), &[0.0, 7200.0, 3600.0, 0.0, 3600.0, 7200.0]);
    archive(&home.join("twice.h5"), &[0.0, 3600.0, 7200.0, 0.0, 3600.0, 3600.0]);
    assert_snapshot!(shown(home, &["unsorted.h5", "-o", "sorted"]), @"
    [stderr]
    flat HDF5: 6 rows, 2 stations, 1970-01-01T00:00:00Z to 1970-01-01T02:00:00Z
      air_temperature            0.0 % missing
      wind_speed_rate           33.3 % missing
    note: values are stored as found, without a scale_factor, for air_temperature, wind_speed_rate; if they are ISD's tenths, --scale isd converts them
    the rows were not in order of station and time, and were sorted
    [SIZE] read, [SIZE] written in 2 files, sorted/**/*.parquet; [TIME], [RATE]
    ");
    assert_snapshot!(shown(home, &["twice.h5", "-o", "once"]), @"
    [stderr]
    flat HDF5: 5 rows, 2 stations, 1970-01-01T00:00:00Z to 1970-01-01T02:00:00Z
      air_temperature            0.0 % missing
      wind_speed_rate           40.0 % missing
    note: values are stored as found, without a scale_factor, for air_temperature, wind_speed_rate; if they are ISD's tenths, --scale isd converts them
    left out: 1 row whose station and time were there twice; the last stayed
    [SIZE] read, [SIZE] written in 2 files, once/**/*.parquet; [TIME], [RATE]
    ");
    assert_snapshot!(fails(home, &["twice.h5", "-o", "obs", "--duplicates", "error"], 1), @"
    [stderr]
    error: twice.h5: row 5: station 724940-23234 at 1970-01-01T01:00:00Z is there twice with different values, first in row 4; expected one row a station and time
    hint: remove one of them from the source, or keep one of each with --duplicates first or last
    [status 1]
    ");
}

#[test]
fn a_target_that_exists_needs_overwrite() {
    let home = home();
    let home = home.path();
    shell::succeeds(ISD_CONVERT, home, &["a.h5", "-o", "obs", "-m", "wind_speed_rate"]);
    assert_snapshot!(fails(home, &["a.h5", "-o", "obs"], 1), @"
    [stderr]
    error: obs: exists already
    hint: give another -o, or --overwrite to replace it
    [status 1]
    ");
    shell::succeeds(ISD_CONVERT, home, &["a.h5", "-o", "obs", "--overwrite"]);
    let manifest = fs::read_to_string(home.join("obs/_isd.json")).unwrap();
    assert!(manifest.contains("air_temperature"));
    assert_eq!(names(home), ["a.h5", "obs"]);

    fs::create_dir(home.join("photos")).unwrap();
    fs::write(home.join("photos/cat.jpg"), "meow").unwrap();
    let runs = ["a.h5", ".", "a.h5/obs", "photos"].map(|target| vec!["a.h5", "--overwrite", "-o", target]);
    assert_snapshot!(shell::fails_each(ISD_CONVERT, home, &runs, 1), @"
    > a.h5 --overwrite -o a.h5
    [stderr]
    error: a.h5: exists and is a file; a directory is to be written
    hint: give another -o
    [status 1]

    > a.h5 --overwrite -o .
    [stderr]
    error: .: names no directory that could be created
    hint: give another -o
    [status 1]

    > a.h5 --overwrite -o a.h5/obs
    [stderr]
    error: a.h5/obs: lies inside the source a.h5
    hint: give another -o
    [status 1]

    > a.h5 --overwrite -o photos
    [stderr]
    error: photos: exists and is no isd dataset: it holds no _isd.json
    hint: give another -o
    [status 1]
    ");
}

#[cfg(unix)]
#[test]
#[cfg_attr(writes_everywhere, ignore = "needs a user who may not write everywhere")]
fn a_place_without_write_permission_is_named() {
    let home = home();
    shell::lock(home.path());
    assert_snapshot!(fails(home.path(), &["a.h5", "-o", "locked/obs"], 1), @"
    [stderr]
    error: locked: cannot create a directory in it: Permission denied (os error 13)
    hint: check who may read or write there
    [status 1]
    ");
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_fills_up_leaves_nothing() {
    let home = home();
    let shown = shell::shown_on_full_disk(ISD_CONVERT, home.path(), &["a.h5", "-o", "obs"]);
    assert!(shown.starts_with("[stderr]\nerror: ") && shown.ends_with("[status 1]\n"), "{shown}");
    assert!(shown.contains("File too large"), "{shown}");
    assert_eq!(names(home.path()), ["a.h5"]);
}

#[test]
#[cfg_attr(no_shared_data, ignore = "needs ../shared/data")]
fn the_published_archive_is_converted_whole() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/hdf5/isdlite.hdf5");
    let home = TempDir::new().unwrap();
    for (target, scale) in [("stored", "attributes"), ("tenths", "isd")] {
        let arguments = [source.to_str().unwrap(), "-o", target, "--scale", scale, "--json"];
        let (json, _) = shell::succeeds(ISD_CONVERT, home.path(), &arguments);
        let summary: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(summary["stations"], 63);
        assert_eq!(summary["columns"].as_array().unwrap().len(), 8);
        assert_eq!(summary["rows"], 993_786);
    }
}
