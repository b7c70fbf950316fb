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
fn a_file_that_cannot_be_read_is_left_out_and_listed_and_the_status_is_1() {
    let home = home();
    let home = home.path();
    fs::write(home.join("lite/2017/999999-99999-2017"), "2017 01 01 00   -11 -9999\n").unwrap();
    assert_snapshot!(shown(ISD_CONVERT, home, &["lite", "-o", "obs", "--json"]), @r#"
    {"dataset":"obs","format_version":1,"tool":"isd-convert [VERSION]","sources":["lite"],"layout":"ISD-Lite","options":{"measurements":[],"column_paths":[],"scale":"attributes","format":null,"quality":"drop","duplicates":"last","float32":false},"rows":192,"stations":2,"files":2,"row_groups":2,"first_timestamp":"2016-01-01T00:00:00Z","last_timestamp":"2017-01-02T23:00:00Z","columns":[{"name":"air_temperature","units":"degC","resolution":"0.1","nulls":0},{"name":"dew_point_temperature","units":"degC","resolution":"0.1","nulls":192},{"name":"sea_level_pressure","units":"hPa","resolution":"0.1","nulls":0},{"name":"wind_direction","units":"degree","resolution":"1","nulls":0},{"name":"wind_speed_rate","units":"m s-1","resolution":"0.1","nulls":0},{"name":"sky_condition","units":"1","resolution":"1","nulls":0},{"name":"liquid_precipitation_1h","units":"mm","resolution":"0.1","nulls":0},{"name":"liquid_precipitation_6h","units":"mm","resolution":"0.1","nulls":192}],"duplicates":0,"identical":0,"tally":{},"source_files":4,"failed_files":1,"notes":[],"failures":[{"error":"lite/2017/999999-99999-2017: is of no format that is known here","path":"lite/2017/999999-99999-2017"}],"stations_placed":0,"blocks_written":2,"blocks_kept":0,"blocks_removed":0,"had_to_sort":false,"bytes_in":0,"bytes_out":0,"seconds":0,"rows_per_second":0}
    [stderr]
    left out: lite/2017/999999-99999-2017: is of no format that is known here
    error: 1 file could not be read and was left out
    hint: the formats are hdf5, isd-lite, isd-raw, ghcnh, global-hourly, parquet, arrow, station-csv; --format names one
    [status 1]
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
    assert_snapshot!(shown(ISD_CONVERT, home, &["lite", "--inspect", "--json"]), @r#"{"layout":"ISD-Lite","files":4,"bytes":0,"rows":192,"stations":2,"first_timestamp":"2016-01-01T00:00:00Z","last_timestamp":"2017-01-02T23:00:00Z","sorted":true,"columns":[{"name":"air_temperature","origin":"characters 14-19, tenths","units":"degC","resolution":"0.1","nulls":0,"min":-1.1,"max":-1.1},{"name":"dew_point_temperature","origin":"characters 20-25, tenths","units":"degC","resolution":"0.1","nulls":192,"min":null,"max":null},{"name":"sea_level_pressure","origin":"characters 26-31, tenths","units":"hPa","resolution":"0.1","nulls":0,"min":1013.2,"max":1013.2},{"name":"wind_direction","origin":"characters 32-37","units":"degree","resolution":"1","nulls":0,"min":270.0,"max":270.0},{"name":"wind_speed_rate","origin":"characters 38-43, tenths","units":"m s-1","resolution":"0.1","nulls":0,"min":3.0,"max":30.0},{"name":"sky_condition","origin":"characters 44-49","units":"1","resolution":"1","nulls":0,"min":8.0,"max":8.0},{"name":"liquid_precipitation_1h","origin":"characters 50-55, tenths","units":"mm","resolution":"0.1","nulls":0,"min":0.0,"max":0.0},{"name":"liquid_precipitation_6h","origin":"characters 56-61, tenths","units":"mm","resolution":"0.1","nulls":192,"min":null,"max":null}],"notes":[],"failures":[]}"#);
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
    ");
    fs::write(home.join("lite/2018-new-724940-23234-2018"), "").unwrap();
    fs::remove_file(home.join("lite/2018-new-724940-23234-2018")).unwrap();
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
    [SIZE] read, [SIZE] written in 2 files to obs; [TIME], [RATE]
    ");
    let found =
        succeeds(ISD_DETECT, home, &["obs", "-m", "wind_speed_rate", "--columns", "station_id,timestamp"]).0;
    let expected = [&OUTLIERS[..], &["724940-23234,2018-01-02T20:00:00Z"]].concat();
    assert_eq!(found.lines().skip(1).collect::<Vec<_>>(), expected);
    assert_eq!(names(home), ["lite", "obs"]);
}
