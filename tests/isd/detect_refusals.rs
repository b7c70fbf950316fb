//! What `isd-detect` refuses, and what it leaves behind when it fails: every way to get it wrong.

use std::fs;
use std::path::Path;

use insta::assert_snapshot;

use crate::detect_cli::home;
use crate::shell::{self, ISD_DETECT, names, succeeds};

const DETECT: [&str; 4] = ["obs", "-m", "wind_speed_rate,air_temperature", "-o"];

/// All that a failing run shows.
fn fails(home: &Path, arguments: &[&str], status: i32) -> String {
    shell::fails(ISD_DETECT, home, arguments, status)
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
    hint: it may be hdf5 or isd-lite or isd-raw or ghcnh or global-hourly or parquet or arrow or station-csv
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
    hint: it has station_id, timestamp, measurement, value, rolling_mean, rolling_std, zscore, window_count, filled, window_filled
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
    hint: the formats are hdf5, isd-lite, isd-raw, ghcnh, global-hourly, parquet, arrow, station-csv; --format names one
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
    succeeds(ISD_DETECT, home, &[part.to_str().unwrap(), "-m", "wind_speed_rate"]);
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
    succeeds(ISD_DETECT, home, &[&DETECT[..], &["out.csv"]].concat());
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
