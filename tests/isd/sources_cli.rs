//! Archives of many files, as they are given to `isd-convert` and `isd-detect` from a shell.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use insta::assert_snapshot;
use tempfile::TempDir;

use crate::shell::{self, ISD_CONVERT, ISD_DETECT, names, shown, succeeds};

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

    // The order of the lines does not matter, nor what else is tested.
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
    assert_snapshot!(shown(ISD_CONVERT, home, &["lite", "-o", "obs", "--json"]), @"");
    assert_snapshot!(shell::fails(ISD_CONVERT, home, &["lite", "-o", "none", "--strict"], 1), @"");
    assert_eq!(names(home), ["lite", "obs"]);
}

#[test]
fn what_a_source_holds_is_told_without_writing() {
    let home = home();
    let home = home.path();
    assert_snapshot!(shown(ISD_CONVERT, home, &["lite", "--inspect"]), @"");
    assert_snapshot!(shown(ISD_CONVERT, home, &["lite", "--inspect", "--json"]), @"");
    assert_snapshot!(shown(ISD_CONVERT, home, &["lite", "--dry-run", "-o", "obs"]), @"");
    assert_eq!(names(home), ["lite"]);
    fs::create_dir(home.join("obs")).unwrap();
    fs::write(home.join("obs/notes.txt"), "").unwrap();
    assert_snapshot!(shell::fails(ISD_CONVERT, home, &["lite", "--dry-run", "-o", "obs"], 1), @"");
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
    assert_snapshot!(shown(ISD_CONVERT, home, &["lite", "-o", "obs", "--update"]), @"");
    fs::write(home.join("lite/2018-new-724940-23234-2018"), "").unwrap();
    fs::remove_file(home.join("lite/2018-new-724940-23234-2018")).unwrap();
    fs::write(home.join("lite/2017/724940-23234-2018"), days(2018, 44).concat()).unwrap();
    assert_snapshot!(shown(ISD_CONVERT, home, &["lite", "-o", "obs", "--update"]), @"");
    let found =
        succeeds(ISD_DETECT, home, &["obs", "-m", "wind_speed_rate", "--columns", "station_id,timestamp"]).0;
    let expected = [&OUTLIERS[..], &["724940-23234,2018-01-02T20:00:00Z"]].concat();
    assert_eq!(found.lines().skip(1).collect::<Vec<_>>(), expected);
    assert_eq!(names(home), ["lite", "obs"]);
}
