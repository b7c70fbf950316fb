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
    assert_snapshot!(shown(ISD_SYNTH, home, &[&small[..], &lists].concat()), @"");
    assert_eq!(names(home), ["a.h5", "stations.csv", "truth.csv"]);
    let json = ["-o", "b.h5", "--seed", "7", "--compression", "gzip", "--chunk-rows", "1000", "--json"];
    assert_snapshot!(shown(ISD_SYNTH, home, &[&small[..], &json].concat()), @"");
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
    assert_snapshot!(shell::fails_each(ISD_SYNTH, home.path(), runs, 2), @"");
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
    assert_snapshot!(shell::fails_each(ISD_SYNTH, home, runs, 1), @"");
}
