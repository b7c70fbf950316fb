//! `isd-convert` as it is run from a shell: exit status, error lines, what is left behind.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rust_hdf5::H5File;
use tempfile::TempDir;

use crate::shell::{self, names};

const ISD_CONVERT: &str = env!("CARGO_BIN_EXE_isd-convert");

fn isd_convert(home: &Path, arguments: &[&str]) -> Output {
    shell::run(ISD_CONVERT, home, arguments)
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

/// Asserts a failure; gives its hint, if there is one.
fn assert_fails(home: &Path, arguments: &[&str], status: i32, message: &str) -> Option<String> {
    shell::fails(ISD_CONVERT, home, arguments, status, message)
}

#[test]
fn an_archive_becomes_a_dataset_with_a_summary() {
    let home = home();
    let output = isd_convert(home.path(), &["a.h5", "-o", "obs"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(output.stdout.is_empty());
    assert!(stderr.contains("6 rows, 2 stations, 1970-01-01T00:00:00Z to 1970-01-01T02:00:00Z"), "{stderr}");
    let wind = stderr.lines().find(|line| line.contains("wind_speed_rate")).unwrap();
    assert!(wind.contains("33.3 % missing"), "{stderr}");
    assert!(stderr.contains("to obs;"), "{stderr}");
    assert_eq!(names(&home.path().join("obs")), ["_isd.json", "_journal.ndjson", "block=01", "block=72"]);
    assert_eq!(names(home.path()), ["a.h5", "obs"]);
}

#[test]
fn json_is_one_object_on_standard_output() {
    let home = home();
    let output =
        isd_convert(home.path(), &["a.h5", "-o", "obs", "--json", "-m", "wind_speed_rate", "--threads", "1"]);
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["dataset"], "obs");
    assert_eq!(summary["rows"], 6);
    assert_eq!(summary["stations"], 2);
    assert_eq!(summary["columns"].as_array().unwrap().len(), 1);
    assert_eq!(summary["columns"][0]["nulls"], 2);
    assert!(summary["bytes_in"].as_u64().unwrap() > 0 && summary["seconds"].as_f64().unwrap() > 0.0);
}

#[test]
fn quiet_says_nothing() {
    let home = home();
    let output = isd_convert(home.path(), &["a.h5", "-o", "obs", "--quiet"]);
    assert!(output.status.success() && output.stderr.is_empty() && output.stdout.is_empty());
}

#[test]
fn usage_errors_are_one_line_a_hint_and_status_2() {
    let home = home();
    let home = home.path();
    assert_fails(home, &[], 2, "required arguments were not provided");
    assert_fails(home, &["a.h5"], 2, "--output <DATASET>");
    let hint = assert_fails(home, &["a.h5", "-o", "obs", "--overwrit"], 2, "'--overwrit'");
    assert!(hint.unwrap().contains("'--overwrite'"));
    let hint = assert_fails(home, &["a.h5", "-o", "obs", "--scale", "tenths"], 2, "invalid value 'tenths'");
    assert_eq!(hint.unwrap(), "it may be attributes or isd");
    assert_fails(home, &["a.h5", "-o", "obs", "--column", "wind"], 2, "expected NAME=PATH");
    assert_fails(home, &["a.h5", "-o", "obs", "--threads", "0"], 2, "'0'");
}

#[test]
fn help_and_version_go_to_standard_output() {
    let home = TempDir::new().unwrap();
    for (flag, text) in [("--help", "--overwrite"), ("--version", env!("CARGO_PKG_VERSION"))] {
        let output = isd_convert(home.path(), &[flag]);
        assert_eq!(output.status.code(), Some(0));
        assert!(output.stderr.is_empty());
        assert!(String::from_utf8(output.stdout).unwrap().contains(text));
    }
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let home = home();
    let mut child = Command::new(env!("CARGO_BIN_EXE_isd-convert"))
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
    for (source, message) in [
        ("missing.h5", "missing.h5"),
        ("empty.h5", "empty.h5"),
        ("text.h5", "text.h5"),
        ("short.h5", "short.h5"),
        ("folder", "folder"),
    ] {
        assert_fails(home, &[source, "-o", "obs"], 1, message);
    }
    assert_fails(home, &["a.h5", "-o", "obs", "-m", "wind_sped_rate"], 1, "wind_sped_rate");
    assert_fails(home, &["a.h5", "-o", "obs", "--column", "wind_speed_rate=/no/such"], 1, "/no/such");
}

#[test]
fn rows_out_of_order_are_sorted_and_of_duplicates_one_stays() {
    let home = TempDir::new().unwrap();
    let home = home.path();
    archive(&home.join("unsorted.h5"), &[0.0, 7200.0, 3600.0, 0.0, 3600.0, 7200.0]);
    archive(&home.join("twice.h5"), &[0.0, 3600.0, 7200.0, 0.0, 3600.0, 3600.0]);
    let output = isd_convert(home, &["unsorted.h5", "-o", "sorted"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("were sorted"), "{said}");

    let output = isd_convert(home, &["twice.h5", "-o", "once"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("5 rows, 2 stations"), "{said}");
    assert!(said.contains("1 row whose station and time were there twice; the last stayed"), "{said}");
    let hint = assert_fails(
        home,
        &["twice.h5", "-o", "obs", "--duplicates", "error"],
        1,
        "twice.h5: row 5: station 724940-23234 at 1970-01-01T01:00:00Z",
    );
    assert!(hint.unwrap().contains("--duplicates"));
}

#[test]
fn a_target_that_exists_needs_overwrite() {
    let home = home();
    let home = home.path();
    assert!(isd_convert(home, &["a.h5", "-o", "obs", "-m", "wind_speed_rate"]).status.success());
    let hint = assert_fails(home, &["a.h5", "-o", "obs"], 1, "obs: exists already");
    assert!(hint.unwrap().contains("--overwrite"));
    assert!(isd_convert(home, &["a.h5", "-o", "obs", "--overwrite"]).status.success());
    let manifest = fs::read_to_string(home.join("obs/_isd.json")).unwrap();
    assert!(manifest.contains("air_temperature"));
    assert_eq!(names(home), ["a.h5", "obs"]);

    assert_fails(home, &["a.h5", "-o", "a.h5", "--overwrite"], 1, "a.h5: exists and is a file");
    assert_fails(home, &["a.h5", "-o", ".", "--overwrite"], 1, "names no directory");
    assert_fails(home, &["a.h5", "-o", "a.h5/obs"], 1, "a.h5");
    fs::create_dir(home.join("photos")).unwrap();
    fs::write(home.join("photos/cat.jpg"), "meow").unwrap();
    assert_fails(home, &["a.h5", "-o", "photos", "--overwrite"], 1, "is no isd dataset");
}

#[cfg(unix)]
#[test]
fn a_place_without_write_permission_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let home = home();
    let locked = home.path().join("locked");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o555)).unwrap();
    if File::create(locked.join("probe")).is_ok() {
        eprintln!("skipped: this user may write everywhere");
        return;
    }
    assert_fails(home.path(), &["a.h5", "-o", "locked/obs"], 1, "locked");
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_fills_up_leaves_nothing() {
    let home = home();
    // Files of at most one block of 1024 bytes: less than a part takes.
    let script = "ulimit -f 1 && trap '' XFSZ && exec \"$0\" a.h5 -o obs";
    let output = Command::new("bash")
        .args(["-c", script, env!("CARGO_BIN_EXE_isd-convert")])
        .current_dir(home.path())
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.starts_with("error: ") && stderr.contains("File too large"), "{stderr}");
    assert_eq!(names(home.path()), ["a.h5"]);
}

/// The published rows, where they are at hand.
fn published(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/hdf5").join(name);
    if !path.is_file() {
        eprintln!("skipped: {} is not there", path.display());
        return None;
    }
    Some(path.canonicalize().unwrap())
}

#[test]
fn the_published_archive_is_converted_whole() {
    let Some(source) = published("isdlite.hdf5") else { return };
    let home = TempDir::new().unwrap();
    let mut rows = Vec::new();
    for (target, scale) in [("stored", "attributes"), ("tenths", "isd")] {
        let output =
            isd_convert(home.path(), &[source.to_str().unwrap(), "-o", target, "--scale", scale, "--json"]);
        let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(summary["stations"], 63);
        assert_eq!(summary["columns"].as_array().unwrap().len(), 8);
        rows.push(summary["rows"].as_u64().unwrap());
    }
    assert_eq!(rows, [993_786, 993_786]);
}
