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
    assert!(said.contains("leaving out wind_direction, sky_condition, liquid_precipitation_1h"), "{said}");
    assert_eq!(names(home), ["lite", "obs"]);
}

#[test]
fn a_file_that_cannot_be_read_is_left_out_and_listed_and_the_status_is_3() {
    let home = home();
    let home = home.path();
    fs::write(home.join("lite/2017/999999-99999-2017"), "2017 01 01 00   -11 -9999\n").unwrap();
    assert_snapshot!(shown(ISD_CONVERT, home, &["lite", "-o", "obs", "--json"]), @r#"
    {"schema":1,"dataset":"obs","pattern":"obs/**/*.parquet","format_version":1,"tool":"isd-convert [VERSION]","sources":["lite"],"layout":"ISD-Lite","options":{"measurements":[],"column_paths":[],"scale":"attributes","format":null,"quality":"drop","duplicates":"last","float32":false},"rows":192,"stations":2,"files":2,"row_groups":2,"first_timestamp":"2016-01-01T00:00:00Z","last_timestamp":"2017-01-02T23:00:00Z","columns":[{"name":"air_temperature","units":"degC","resolution":"0.1","nulls":0},{"name":"dew_point_temperature","units":"degC","resolution":"0.1","nulls":192},{"name":"sea_level_pressure","units":"hPa","resolution":"0.1","nulls":0},{"name":"wind_direction","units":"degree","resolution":"1","nulls":0},{"name":"wind_speed_rate","units":"m s-1","resolution":"0.1","nulls":0},{"name":"sky_condition","units":"1","resolution":"1","nulls":0},{"name":"liquid_precipitation_1h","units":"mm","resolution":"0.1","nulls":0},{"name":"liquid_precipitation_6h","units":"mm","resolution":"0.1","nulls":192}],"duplicates":0,"identical":0,"tally":{},"source_files":4,"failed_files":1,"retained_files":0,"notes":[],"failures":[{"path":"lite/2017/999999-99999-2017","message":"lite/2017/999999-99999-2017: is of no format that is known here","hint":"the formats are hdf5, isd-lite, isd-raw, ghcnh, global-hourly, parquet, arrow, station-csv; --format names one"}],"stations_placed":0,"gone":[],"files_new":4,"files_changed":0,"files_unchanged":0,"files_unreadable":1,"files_gone":0,"rows_added":192,"rows_replaced":0,"rows_removed":0,"blocks_written":2,"blocks_kept":0,"blocks_removed":0,"had_to_sort":false,"bytes_in":0,"bytes_out":0,"seconds":0,"rows_per_second":0}
    [stderr]
    left out: lite/2017/999999-99999-2017: is of no format that is known here
    error: 1 file could not be read and was left out
    hint: the formats are hdf5, isd-lite, isd-raw, ghcnh, global-hourly, parquet, arrow, station-csv; --format names one
    [status 3]
    "#);
    assert_snapshot!(shell::fails(ISD_CONVERT, home, &["lite", "-o", "none", "--strict"], 1), @"
    [stderr]
    error: lite/2017/999999-99999-2017: is of no format that is known here
    hint: the formats are hdf5, isd-lite, isd-raw, ghcnh, global-hourly, parquet, arrow, station-csv; --format names one
    [status 1]
    ");
    assert_eq!(names(home), ["lite", "obs"]);
}

#[test]
fn what_a_source_holds_is_told_without_writing() {
    let home = home();
    let home = home.path();
    assert_snapshot!(shown(ISD_CONVERT, home, &["lite", "--inspect"]), @"
    ISD-Lite: [SIZE] in 4 files, 192 rows, 2 stations, 2016-01-01T00:00:00Z to 2017-01-02T23:00:00Z
      column                   from                      units   step   least  greatest  missing
      air_temperature          characters 14-19, tenths  degC     0.1    -1.1      -1.1    0.0 %
      dew_point_temperature    characters 20-25, tenths  degC     0.1                    100.0 %
      sea_level_pressure       characters 26-31, tenths  hPa      0.1  1013.2    1013.2    0.0 %
      wind_direction           characters 32-37          degree     1     270       270    0.0 %
      wind_speed_rate          characters 38-43, tenths  m s-1    0.1       3        30    0.0 %
      sky_condition            characters 44-49          1          1       8         8    0.0 %
      liquid_precipitation_1h  characters 50-55, tenths  mm       0.1       0         0    0.0 %
      liquid_precipitation_6h  characters 56-61, tenths  mm       0.1                    100.0 %
    ");
    assert_snapshot!(shown(ISD_CONVERT, home, &["lite", "--inspect", "--json"]), @r#"{"schema":1,"layout":"ISD-Lite","files":4,"bytes":0,"rows":192,"stations":2,"first_timestamp":"2016-01-01T00:00:00Z","last_timestamp":"2017-01-02T23:00:00Z","sorted":true,"columns":[{"name":"air_temperature","origin":"characters 14-19, tenths","units":"degC","resolution":"0.1","nulls":0,"min":-1.1,"max":-1.1},{"name":"dew_point_temperature","origin":"characters 20-25, tenths","units":"degC","resolution":"0.1","nulls":192,"min":null,"max":null},{"name":"sea_level_pressure","origin":"characters 26-31, tenths","units":"hPa","resolution":"0.1","nulls":0,"min":1013.2,"max":1013.2},{"name":"wind_direction","origin":"characters 32-37","units":"degree","resolution":"1","nulls":0,"min":270.0,"max":270.0},{"name":"wind_speed_rate","origin":"characters 38-43, tenths","units":"m s-1","resolution":"0.1","nulls":0,"min":3.0,"max":30.0},{"name":"sky_condition","origin":"characters 44-49","units":"1","resolution":"1","nulls":0,"min":8.0,"max":8.0},{"name":"liquid_precipitation_1h","origin":"characters 50-55, tenths","units":"mm","resolution":"0.1","nulls":0,"min":0.0,"max":0.0},{"name":"liquid_precipitation_6h","origin":"characters 56-61, tenths","units":"mm","resolution":"0.1","nulls":192,"min":null,"max":null}],"notes":[],"failures":[]}"#);
    assert_snapshot!(shown(ISD_CONVERT, home, &["lite", "--dry-run", "-o", "obs"]), @"
    ISD-Lite: [SIZE] in 4 files, 192 rows, 2 stations, 2016-01-01T00:00:00Z to 2017-01-02T23:00:00Z
      column                   from                      units   step   least  greatest  missing
      air_temperature          characters 14-19, tenths  degC     0.1    -1.1      -1.1    0.0 %
      dew_point_temperature    characters 20-25, tenths  degC     0.1                    100.0 %
      sea_level_pressure       characters 26-31, tenths  hPa      0.1  1013.2    1013.2    0.0 %
      wind_direction           characters 32-37          degree     1     270       270    0.0 %
      wind_speed_rate          characters 38-43, tenths  m s-1    0.1       3        30    0.0 %
      sky_condition            characters 44-49          1          1       8         8    0.0 %
      liquid_precipitation_1h  characters 50-55, tenths  mm       0.1       0         0    0.0 %
      liquid_precipitation_6h  characters 56-61, tenths  mm       0.1                    100.0 %
    would write station_id, timestamp and 8 columns of float64 to obs
    ");
    assert_eq!(names(home), ["lite"]);
    fs::create_dir(home.join("obs")).unwrap();
    fs::write(home.join("obs/notes.txt"), "").unwrap();
    assert_snapshot!(shell::fails(ISD_CONVERT, home, &["lite", "--dry-run", "-o", "obs"], 1), @"
    [stderr]
    error: obs: exists and is no isd dataset: it holds no _isd.json
    hint: give another -o
    [status 1]
    ");
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
    assert_snapshot!(shown(ISD_CONVERT, home, &["lite", "-o", "obs", "--update"]), @"
    [stderr]
    ISD-Lite: 192 rows, 2 stations, 2016-01-01T00:00:00Z to 2017-01-02T23:00:00Z
      air_temperature          degC      0.0 % missing
      dew_point_temperature    degC    100.0 % missing
      sea_level_pressure       hPa       0.0 % missing
      wind_direction           degree    0.0 % missing
      wind_speed_rate          m s-1     0.0 % missing
      sky_condition            1         0.0 % missing
      liquid_precipitation_1h  mm        0.0 % missing
      liquid_precipitation_6h  mm      100.0 % missing
    no source file has changed: nothing was written
    source files: 0 new, 0 changed, 4 unchanged, 0 unreadable, 0 gone
    rows: 0 added, 0 replaced, 0 removed
    ");
    fs::write(home.join("lite/2017/724940-23234-2018"), days(2018, 44).concat()).unwrap();
    assert_snapshot!(shown(ISD_CONVERT, home, &["lite", "-o", "obs", "--update"]), @"
    [stderr]
    ISD-Lite: 240 rows, 2 stations, 2016-01-01T00:00:00Z to 2018-01-02T23:00:00Z
      air_temperature          degC      0.0 % missing
      dew_point_temperature    degC    100.0 % missing
      sea_level_pressure       hPa       0.0 % missing
      wind_direction           degree    0.0 % missing
      wind_speed_rate          m s-1     0.0 % missing
      sky_condition            1         0.0 % missing
      liquid_precipitation_1h  mm        0.0 % missing
      liquid_precipitation_6h  mm      100.0 % missing
    updated: 1 block written, 1 kept
    source files: 1 new, 0 changed, 4 unchanged, 0 unreadable, 0 gone
    rows: 48 added, 0 replaced, 0 removed
    [SIZE] read, [SIZE] written in 2 files, obs/**/*.parquet; [TIME], [RATE]
    ");
    let found =
        succeeds(ISD_DETECT, home, &["obs", "-m", "wind_speed_rate", "--columns", "station_id,timestamp"]).0;
    let expected = [&OUTLIERS[..], &["724940-23234,2018-01-02T20:00:00Z"]].concat();
    assert_eq!(found.lines().skip(1).collect::<Vec<_>>(), expected);
    assert_eq!(names(home), ["lite", "obs"]);
}

/// A download that broke off and a directory that is not mounted: all rows stay, and the status says that something is amiss.
#[test]
fn an_update_keeps_the_rows_of_files_that_are_gone_or_damaged() {
    let home = home();
    let home = home.path();
    succeeds(ISD_CONVERT, home, &["lite", "-o", "obs"]);
    let damaged = home.join("lite/2016/010010-99999-2016");
    let whole = fs::read_to_string(&damaged).unwrap();
    fs::write(&damaged, &whole[..1000]).unwrap();
    let gone = home.join("lite/2017/724940-23234-2017");
    let moved = home.join("724940-23234-2017");
    fs::rename(&gone, &moved).unwrap();
    let update = ["lite", "-o", "obs", "--update"];
    let text =
        shown(ISD_CONVERT, home, &update).replace(home.canonicalize().unwrap().to_str().unwrap(), "[HOME]");
    assert_snapshot!(text, @"
    [stderr]
    ISD-Lite: 192 rows, 2 stations, 2016-01-01T00:00:00Z to 2017-01-02T23:00:00Z
      air_temperature          degC      0.0 % missing
      dew_point_temperature    degC    100.0 % missing
      sea_level_pressure       hPa       0.0 % missing
      wind_direction           degree    0.0 % missing
      wind_speed_rate          m s-1     0.0 % missing
      sky_condition            1         0.0 % missing
      liquid_precipitation_1h  mm        0.0 % missing
      liquid_precipitation_6h  mm      100.0 % missing
    updated: 0 blocks written, 2 kept
    source files: 0 new, 0 changed, 2 unchanged, 1 unreadable, 1 gone
    rows: 0 added, 0 replaced, 0 removed
    [SIZE] read, [SIZE] written in 2 files, obs/**/*.parquet; [TIME], [RATE]
    gone: [HOME]/lite/2017/724940-23234-2017
    cannot be read: lite/2016/010010-99999-2016: line 17: has 8 characters, expected 61 of ISD-Lite
    error: 1 source file gone, 1 unreadable; rows of theirs that were in the dataset stay
    hint: --prune removes those of files that are gone; the lines above say why others cannot be read
    [status 3]
    ");
    let summary = shown(ISD_CONVERT, home, &[&update[..], &["--json", "-q"]].concat());
    let summary: serde_json::Value = serde_json::from_str(summary.lines().next().unwrap()).unwrap();
    let counts = [
        "files_new",
        "files_changed",
        "files_unchanged",
        "files_unreadable",
        "files_gone",
        "rows_added",
        "rows_replaced",
        "rows_removed",
        "rows",
    ];
    assert_eq!(counts.map(|name| summary[name].as_u64().unwrap()), [0, 0, 2, 1, 1, 0, 0, 0, 192]);
    assert!(summary["gone"][0].as_str().unwrap().ends_with("lite/2017/724940-23234-2017"));
    let found =
        succeeds(ISD_DETECT, home, &["obs", "-m", "wind_speed_rate", "--columns", "station_id,timestamp"]).0;
    assert_eq!(found.lines().skip(1).collect::<Vec<_>>(), OUTLIERS);

    // What is gone can be removed, what is damaged repaired.
    fs::write(&damaged, &whole).unwrap();
    let (_, said) = succeeds(ISD_CONVERT, home, &[&update[..], &["--prune"]].concat());
    assert!(said.contains("0 unreadable, 1 gone\nrows: 0 added, 0 replaced, 48 removed\n"), "{said}");
    fs::rename(&moved, &gone).unwrap();
    let (_, said) = succeeds(ISD_CONVERT, home, &update);
    assert!(said.contains("rows: 48 added, 0 replaced, 0 removed\n"), "{said}");

    // Nothing but rows is changed by an update.
    assert_snapshot!(shell::fails_each(ISD_CONVERT, home, &[
        [&update[..], &["-m", "wind_speed_rate"]].concat(),
        [&update[..], &["--duplicates", "first"]].concat(),
        [&update[..], &["--float32"]].concat(),
    ], 1), @r#"
    > lite -o obs --update -m wind_speed_rate
    [stderr]
    error: obs: an update would change more than rows: measurements ["wind_speed_rate"] instead of default
    hint: convert with the options of the dataset, or anew with --overwrite
    [status 1]

    > lite -o obs --update --duplicates first
    [stderr]
    error: obs: an update would change more than rows: duplicates "first" instead of "last"
    hint: convert with the options of the dataset, or anew with --overwrite
    [status 1]

    > lite -o obs --update --float32
    [stderr]
    error: obs: an update would change more than rows: float32 true instead of false
    hint: convert with the options of the dataset, or anew with --overwrite
    [status 1]
    "#);
    assert_snapshot!(shell::fails(ISD_CONVERT, home, &["lite", "-o", "obs", "--prune"], 2), @"
    [stderr]
    error: the following required arguments were not provided: --update
    hint: --help lists the arguments
    [status 2]
    ");
}

/// A unit file may say `--resume` at all times.
#[test]
fn to_resume_a_dataset_that_is_complete_is_no_failure() {
    let home = home();
    let home = home.path();
    let resume = ["lite", "-o", "obs", "--resume"];
    let (_, said) = succeeds(ISD_CONVERT, home, &resume);
    assert!(said.contains("there was nothing to resume: everything was converted"), "{said}");
    let (_, said) = succeeds(ISD_CONVERT, home, &resume);
    assert!(said.ends_with("obs is complete: nothing was written\nsource files: 0 new, 0 changed, 4 unchanged, 0 unreadable, 0 gone\n"), "{said}");
    fs::write(home.join("lite/2017/724940-23234-2018"), days(2018, 44).concat()).unwrap();
    let (_, said) = succeeds(ISD_CONVERT, home, &resume);
    assert!(
        said.ends_with(
            "1 new, 0 changed, 4 unchanged, 0 unreadable, 0 gone\n--update brings the dataset up to date\n"
        ),
        "{said}"
    );
    let (_, said) = succeeds(ISD_CONVERT, home, &[&resume[..], &["--update"]].concat());
    assert!(said.contains("rows: 48 added, 0 replaced, 0 removed\n"), "{said}");
}
