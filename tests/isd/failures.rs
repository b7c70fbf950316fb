//! isd-qc and isd-events that cannot go on, or know too little: a full disk, damaged data, stations without places.

use std::fs;
use std::path::{Path, PathBuf};

use insta::assert_snapshot;
use tempfile::TempDir;

use crate::shell::{self, ISD_CONVERT, ISD_EVENTS, ISD_QC, ISD_SYNTH, fails, names, succeeds};

/// A directory with the dataset `obs` of 60 stations, and what is known of them, `list.csv`.
fn home() -> TempDir {
    let home = TempDir::new().unwrap();
    let synth =
        ["-o", "a.h5", "--stations", "60", "--rows-per-station", "9000", "--station-list", "list.csv", "-q"];
    succeeds(ISD_SYNTH, home.path(), &synth);
    succeeds(ISD_CONVERT, home.path(), &["a.h5", "-o", "obs", "--stations", "list.csv", "-q"]);
    fs::remove_file(home.path().join("a.h5")).unwrap();
    home
}

/// The first part of a dataset.
fn part(dataset: &Path) -> PathBuf {
    let block = names(dataset).into_iter().find(|name| name.starts_with("block=")).unwrap();
    dataset.join(block).join("part-00000.parquet")
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_fills_up_leaves_nothing() {
    let home = home();
    let home = home.path();
    let runs: [(&str, &[&str]); 4] = [
        (ISD_QC, &["obs", "-o", "flags.csv", "-q"]),
        (ISD_QC, &["obs", "-o", "flags.parquet", "--thresholds", "limits.json", "-q"]),
        (ISD_EVENTS, &["obs", "--unchecked", "-o", "events.csv", "-q"]),
        (ISD_EVENTS, &["obs", "--unchecked", "-o", "events.geojson", "--members", "members.csv", "-q"]),
    ];
    let said: Vec<String> =
        runs.iter().map(|(tool, run)| shell::shown_on_full_disk(tool, home, run)).collect();
    assert_snapshot!(said.concat(), @"
    [stderr]
    error: flags.csv: cannot write: Io error: File too large (os error 27)
    [status 1]
    [stderr]
    error: limits.json: cannot write: File too large (os error 27)
    [status 1]
    [stderr]
    error: events.csv: cannot write: Csv error: File too large (os error 27)
    [status 1]
    [stderr]
    error: events.geojson: cannot write: File too large (os error 27)
    [status 1]
    ");
    // The directory beside the dataset that is written first has a random name.
    let clean =
        shell::shown_on_full_disk(ISD_QC, home, &["obs", "-o", "flags.parquet", "--clean", "clean", "-q"]);
    assert!(clean.lines().count() == 3 && clean.contains("cannot write: File too large"), "{clean}");
    assert_eq!(names(home), ["list.csv", "obs"]);
}

#[test]
fn a_broken_row_group_is_named_and_nothing_is_left() {
    let home = home();
    let home = home.path();
    let path = part(&home.join("obs"));
    let mut bytes = fs::read(&path).unwrap();
    // Past the magic number, in the first pages.
    bytes[40..4000].fill(0xAA);
    fs::write(&path, bytes).unwrap();
    let runs: [(&str, &[&str]); 2] = [
        (ISD_QC, &["obs", "-o", "flags.csv", "--clean", "clean", "--thresholds", "limits.json", "-q"]),
        (ISD_EVENTS, &["obs", "--unchecked", "-o", "events.csv", "--members", "members.csv", "-q"]),
    ];
    let said: Vec<String> = runs.iter().map(|(tool, run)| fails(tool, home, run, 1)).collect();
    assert_snapshot!(said.concat(), @"
    [stderr]
    error: obs/block=01/part-00000.parquet: station_id: cannot read: Parquet argument error: External: Data corruption detected
    [status 1]
    [stderr]
    error: obs/block=01/part-00000.parquet: station_id: cannot read: Parquet argument error: External: Data corruption detected
    [status 1]
    ");
    assert_eq!(names(home), ["list.csv", "obs"]);
}

#[test]
fn stations_without_places_are_said() {
    let home = home();
    let home = home.path();
    let list = fs::read_to_string(home.join("list.csv")).unwrap();
    let blank: Vec<String> = list
        .lines()
        .enumerate()
        .map(|(number, line)| {
            let mut cells: Vec<&str> = line.split(',').collect();
            if number > 0 {
                cells[6..8].fill("\"\"");
            }
            cells.join(",")
        })
        .collect();
    fs::write(home.join("blank.csv"), blank.join("\n")).unwrap();
    fs::remove_dir_all(home.join("obs")).unwrap();
    let synth = ["-o", "a.h5", "--stations", "60", "--rows-per-station", "9000", "-q"];
    succeeds(ISD_SYNTH, home, &synth);
    succeeds(ISD_CONVERT, home, &["a.h5", "-o", "obs", "-q"]);
    let (_, said) = succeeds(ISD_QC, home, &["obs", "--stations", "blank.csv", "-o", "flags.csv"]);
    let line = said.lines().find(|line| line.contains("the place of the station")).unwrap();
    assert_snapshot!(line, @"not run: neighbour of air_temperature, dew_point_temperature, sea_level_pressure, wind_speed_rate: the place of the station is not known");
    let (_, said) = succeeds(
        ISD_EVENTS,
        home,
        &["obs", "--stations", "blank.csv", "--flags", "flags.csv", "-o", "events.csv"],
    );
    let line = said.lines().find(|line| line.contains("places")).unwrap();
    assert_snapshot!(line, @"places known of 0 of 60 stations, the others are near no station; --stations takes a list");
}
