//! Archives of many files, as they are given to `isd-convert` and `isd-detect` from a shell.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::shell::{self, names};

const ISD_CONVERT: &str = env!("CARGO_BIN_EXE_isd-convert");
const ISD_DETECT: &str = env!("CARGO_BIN_EXE_isd-detect");

/// Two days of ISD-Lite, hourly, the wind in tenths: 30 and 31 in turn, 300 in hour `spike`.
fn days(year: u32, spike: usize) -> Vec<String> {
    (0..48)
        .map(|hour| {
            let wind = if hour == spike { 300 } else { 30 + hour % 2 };
            let (day, hour) = (1 + hour / 24, hour % 24);
            format!("{year} 01 {day:02} {hour:02}   -11 -9999 10132   270 {wind:5}     8     0 -9999\n")
        })
        .collect()
}

/// Two stations of two years each below `lite`, in directories by year.
fn home() -> TempDir {
    let home = TempDir::new().unwrap();
    for (name, year, spike) in [
        ("2016/010010-99999-2016", 2016, 40),
        ("2016/724940-23234-2016", 2016, 41),
        ("2017/010010-99999-2017", 2017, 42),
        ("2017/724940-23234-2017", 2017, 43),
    ] {
        let path = home.path().join("lite").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, days(year, spike).concat()).unwrap();
    }
    home
}

fn succeeds(tool: &str, home: &Path, arguments: &[&str]) -> (String, String) {
    let output = shell::run(tool, home, arguments);
    let (stdout, stderr) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    (stdout, stderr)
}

const OUTLIERS: [&str; 4] = [
    "010010-99999,2016-01-02T16:00:00Z",
    "010010-99999,2017-01-02T18:00:00Z",
    "724940-23234,2016-01-02T17:00:00Z",
    "724940-23234,2017-01-02T19:00:00Z",
];

#[test]
fn detection_straight_from_the_source_is_detection_in_its_dataset() {
    let home = home();
    let home = home.path();
    succeeds(ISD_CONVERT, home, &["lite", "-o", "obs"]);
    let columns = ["-m", "wind_speed_rate", "--columns", "station_id,timestamp"];
    let dataset = succeeds(ISD_DETECT, home, &[&["obs"], &columns[..]].concat()).0;
    let straight = succeeds(ISD_DETECT, home, &[&["lite"], &columns[..]].concat()).0;
    assert_eq!(dataset, straight);
    assert_eq!(straight.lines().skip(1).collect::<Vec<_>>(), OUTLIERS);

    // In any order of lines, with whatever else is tested.
    let path = home.join("lite/2016/010010-99999-2016");
    let mut lines = days(2016, 40);
    lines.reverse();
    fs::write(&path, lines.concat()).unwrap();
    assert_eq!(succeeds(ISD_DETECT, home, &[&["lite"], &columns[..]].concat()).0, straight);
    let (all, said) = succeeds(ISD_DETECT, home, &["lite", "--all", "--columns", "station_id,timestamp"]);
    assert_eq!(all, straight, "{said}");
    assert!(said.contains("leaving out wind_direction and sky_condition"), "{said}");
    assert_eq!(names(home), ["lite", "obs"]);
}

#[test]
fn a_file_that_cannot_be_read_is_left_out_and_listed_and_the_status_is_1() {
    let home = home();
    let home = home.path();
    fs::write(home.join("lite/2017/999999-99999-2017"), "2017 01 01 00   -11 -9999\n").unwrap();
    let output = shell::run(ISD_CONVERT, home, &["lite", "-o", "obs", "--json"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("left out: lite/2017/999999-99999-2017: "), "{stderr}");
    assert!(stderr.contains("error: 1 file could not be read and was left out\n"), "{stderr}");
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&summary["rows"], &summary["failed_files"]), (&192.into(), &1.into()));
    assert_eq!(summary["failures"][0]["path"], "lite/2017/999999-99999-2017");

    shell::fails(ISD_CONVERT, home, &["lite", "-o", "none", "--strict"], 1, "999999-99999-2017");
    assert_eq!(names(home), ["lite", "obs"]);
}

#[test]
fn what_a_source_holds_is_told_without_writing() {
    let home = home();
    let home = home.path();
    let (table, _) = succeeds(ISD_CONVERT, home, &["lite", "--inspect"]);
    assert!(table.starts_with("ISD-Lite: "), "{table}");
    assert!(
        table.contains("in 4 files, 192 rows, 2 stations, 2016-01-01T00:00:00Z to 2017-01-02T23:00:00Z"),
        "{table}"
    );
    let wind = table.lines().find(|line| line.trim_start().starts_with("wind_speed_rate")).unwrap();
    let words: Vec<&str> = wind.split_whitespace().collect();
    assert_eq!(words[words.len() - 5..], ["0.1", "3", "30", "0.0", "%"], "{wind}");

    let json = succeeds(ISD_CONVERT, home, &["lite", "--inspect", "--json"]).0;
    let found: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&found["rows"], &found["stations"], &found["sorted"]),
        (&192.into(), &2.into(), &true.into())
    );
    assert_eq!(
        (&found["columns"][1]["nulls"], &found["columns"][1]["min"]),
        (&192.into(), &serde_json::Value::Null)
    );

    let (table, _) = succeeds(ISD_CONVERT, home, &["lite", "--dry-run", "-o", "obs"]);
    assert!(table.contains("would write station_id, timestamp and 8 columns of float64 to obs"), "{table}");
    assert_eq!(names(home), ["lite"]);
    fs::create_dir(home.join("obs")).unwrap();
    fs::write(home.join("obs/notes.txt"), "").unwrap();
    shell::fails(ISD_CONVERT, home, &["lite", "--dry-run", "-o", "obs"], 1, "is no isd dataset");
}

#[test]
fn a_list_on_standard_input_names_the_files() {
    let home = home();
    let mut child = Command::new(ISD_CONVERT)
        .args(["-", "-o", "obs", "--json"])
        .current_dir(home.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let list = b"lite/2016/010010-99999-2016\nlite/2017/*\n";
    child.stdin.take().unwrap().write_all(list).unwrap();
    let output = child.wait_with_output().unwrap();
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&summary["rows"], &summary["source_files"]), (&144.into(), &3.into()));
}

#[test]
fn an_update_writes_what_changed() {
    let home = home();
    let home = home.path();
    succeeds(ISD_CONVERT, home, &["lite", "-o", "obs"]);
    let said = succeeds(ISD_CONVERT, home, &["lite", "-o", "obs", "--update"]).1;
    assert!(said.contains("no source file has changed: nothing was written"), "{said}");
    fs::write(home.join("lite/2018-new-724940-23234-2018"), "").unwrap();
    fs::remove_file(home.join("lite/2018-new-724940-23234-2018")).unwrap();
    fs::write(home.join("lite/2017/724940-23234-2018"), days(2018, 44).concat()).unwrap();
    let said = succeeds(ISD_CONVERT, home, &["lite", "-o", "obs", "--update"]).1;
    assert!(said.contains("updated: 1 block written, 1 kept"), "{said}");
    let found =
        succeeds(ISD_DETECT, home, &["obs", "-m", "wind_speed_rate", "--columns", "station_id,timestamp"]).0;
    let expected = [&OUTLIERS[..], &["724940-23234,2018-01-02T20:00:00Z"]].concat();
    assert_eq!(found.lines().skip(1).collect::<Vec<_>>(), expected);
    assert_eq!(names(home), ["lite", "obs"]);
}
