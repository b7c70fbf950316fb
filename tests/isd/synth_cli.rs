//! `isd-synth` as it is run from a shell: summaries, and every way to get it wrong.

use std::fs;

use insta::assert_snapshot;
use tempfile::TempDir;

use crate::shell::{self, ISD_SYNTH, names, shown};

#[test]
fn the_summary_says_what_was_made_and_planted() {
    let home = TempDir::new().unwrap();
    let home = home.path();
    let small = ["--stations", "20", "--rows-per-station", "2000"];
    let lists = ["-o", "a.h5", "--truth", "truth.csv", "--station-list", "stations.csv"];
    assert_snapshot!(shown(ISD_SYNTH, home, &[&small[..], &lists].concat()), @"
    [stderr]
    40,000 rows, 20 stations, [SIZE] in a.h5; [TIME], [RATE]
    planted: storm 644, heat_wave 80, cold_spell 86, stuck 240, gross_error 7, same_hour 38, dew_point 3, spike 7; listed in truth.csv
    stations listed in stations.csv
    ");
    assert_eq!(names(home), ["a.h5", "stations.csv", "truth.csv"]);
    let json = ["-o", "b.h5", "--seed", "7", "--compression", "gzip", "--chunk-rows", "1000", "--json"];
    assert_snapshot!(shown(ISD_SYNTH, home, &[&small[..], &json].concat()), @r#"{"archive":"b.h5","options":{"stations":20,"length":{"rows":2000},"start_year":2000,"seed":7,"plants":["storm","heat_wave","cold_spell","stuck","gross_error","frequent_value","clock","duplicate_month","repeated_day","same_hour","fahrenheit","dew_point","isolated_cluster","shifted_decimal","spike"]},"layout":{"compression":{"gzip":4},"chunk_rows":1000},"rows":40000,"stations":20,"bytes":0,"planted":{"storm":679,"cold_spell":102,"stuck":336,"gross_error":10,"dew_point":8,"shifted_decimal":1,"spike":5},"seconds":0,"rows_per_second":0}"#);
    assert_eq!(shown(ISD_SYNTH, home, &[&small[..], &["-o", "c.h5", "--quiet"]].concat()), "");
}

#[test]
fn usage_errors_are_one_line_a_hint_and_status_2() {
    let home = TempDir::new().unwrap();
    let runs: &[&[&str]] = &[
        &[],
        &["-o", "a.h5", "--rows-per-station", "9", "--years", "1"],
        &["-o", "a.h5", "--stations", "0"],
        &["-o", "a.h5", "--rows-per-station", "2000001"],
        &["-o", "a.h5", "--years", "201"],
        &["-o", "a.h5", "--start", "1700"],
        &["-o", "a.h5", "--gzip-level", "4"],
        &["-o", "a.h5", "--compression", "gzip", "--gzip-level", "10"],
        &["-o", "a.h5", "--chunk-rows", "0"],
        &["-o", "a.h5", "--compression", "zstd"],
        &["-o", "a.h5", "--truth", "a.h5"],
    ];
    assert_snapshot!(shell::fails_each(ISD_SYNTH, home.path(), runs, 2), @"
    > 
    [stderr]
    error: the following required arguments were not provided: --output <FILE>
    hint: --help lists the arguments
    [status 2]

    > -o a.h5 --rows-per-station 9 --years 1
    [stderr]
    error: the argument '--rows-per-station <N>' cannot be used with '--years <N>'
    hint: --help lists the arguments
    [status 2]

    > -o a.h5 --stations 0
    [stderr]
    error: --stations is 0, expected 1 to 200000
    [status 2]

    > -o a.h5 --rows-per-station 2000001
    [stderr]
    error: --rows-per-station is 2000001, expected 1 to 2000000
    [status 2]

    > -o a.h5 --years 201
    [stderr]
    error: --years is 201, expected 1 to 200
    [status 2]

    > -o a.h5 --start 1700
    [stderr]
    error: --start is 1700, expected 1800 to 2200
    [status 2]

    > -o a.h5 --gzip-level 4
    [stderr]
    error: --gzip-level is given without --compression gzip
    hint: add --compression gzip, or leave --gzip-level out
    [status 2]

    > -o a.h5 --compression gzip --gzip-level 10
    [stderr]
    error: --gzip-level is 10, expected 0 to 9
    [status 2]

    > -o a.h5 --chunk-rows 0
    [stderr]
    error: --chunk-rows is 0, expected 1 to 4194304
    [status 2]

    > -o a.h5 --compression zstd
    [stderr]
    error: invalid value 'zstd' for '--compression <COMPRESSION>'
    hint: it may be none or gzip
    [status 2]

    > -o a.h5 --truth a.h5
    [stderr]
    error: a.h5: is the target of both -o and --truth
    hint: give each output a path of its own
    [status 2]
    ");
}

#[test]
fn targets_that_cannot_be_written_are_refused() {
    let home = TempDir::new().unwrap();
    let home = home.path();
    fs::write(home.join("taken.h5"), "precious").unwrap();
    fs::create_dir(home.join("folder")).unwrap();
    let runs: &[&[&str]] = &[
        &["-o", "taken.h5"],
        &["-o", "folder", "--overwrite"],
        &["-o", "a.h5", "--truth", "taken.h5"],
        &["-o", "nowhere/a.h5"],
        &["-o", "taken.h5/a.h5"],
    ];
    assert_snapshot!(shell::fails_each(ISD_SYNTH, home, runs, 1), @"
    > -o taken.h5
    [stderr]
    error: taken.h5: exists already
    hint: give another path, or --overwrite to replace it
    [status 1]

    > -o folder --overwrite
    [stderr]
    error: folder: exists already
    hint: give another path, or --overwrite to replace it
    [status 1]

    > -o a.h5 --truth taken.h5
    [stderr]
    error: taken.h5: exists already
    hint: give another path, or --overwrite to replace it
    [status 1]

    > -o nowhere/a.h5
    [stderr]
    error: nowhere/a.h5: cannot create: No such file or directory (os error 2)
    hint: create the directory first, or check the path
    [status 1]

    > -o taken.h5/a.h5
    [stderr]
    error: taken.h5/a.h5: cannot create: Not a directory (os error 20)
    [status 1]
    ");
}

#[cfg(unix)]
#[test]
#[cfg_attr(writes_everywhere, ignore = "needs a user who may not write everywhere")]
fn a_directory_without_write_permission_is_named_and_left_alone() {
    let home = TempDir::new().unwrap();
    shell::lock(home.path());
    let arguments = ["-o", "locked/a.hdf5", "--stations", "2", "--rows-per-station", "10"];
    assert_snapshot!(shell::fails(ISD_SYNTH, home.path(), &arguments, 1), @"
    [stderr]
    error: locked/a.hdf5: cannot create: Permission denied (os error 13)
    hint: choose a directory that you may write to
    [status 1]
    ");
    assert!(shell::names(&home.path().join("locked")).is_empty());
}
