//! `isd-detect` as a job that runs again and again: choices of rows, additions to a file, statuses and JSON.

use std::fs;
use std::path::Path;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use serde_json::Value;
use tempfile::TempDir;

use crate::shell::{ISD_CONVERT, ISD_DETECT, ISD_QC, fails_each, parquet, run, shown, succeeds};

/// A station's file of ISD-Lite: hourly rows of January 2017 from hour 0 to `hours`, of the wind alone; a spike at each hour
/// that `spikes` names.
fn isd_lite(home: &Path, station: &str, hours: usize, spikes: &[usize]) {
    let line = |hour: usize| {
        let wind = if spikes.contains(&hour) { 900 + hour % 7 } else { 30 + hour * 7 % 11 };
        let (day, hour) = (hour / 24 + 1, hour % 24);
        format!("2017 01 {day:02} {hour:02} -9999 -9999 -9999 -9999 {wind:5} -9999 -9999 -9999\n")
    };
    fs::create_dir_all(home.join("lite")).unwrap();
    fs::write(home.join(format!("lite/{station}-2017")), (0..hours).map(line).collect::<String>()).unwrap();
}

/// Station, hour since the start of 2017 and value of each row of a table of outliers.
fn rows(batch: &RecordBatch) -> Vec<(String, i64, f64)> {
    let times = batch.column_by_name("timestamp").unwrap().as_primitive::<TimestampMicrosecondType>();
    let values = batch.column_by_name("value").unwrap().as_primitive::<arrow::datatypes::Float64Type>();
    let stations = batch.column_by_name("station_id").unwrap().as_string::<i32>();
    let hour = |time: i64| time / 3_600_000_000 - 412_008;
    (0..batch.num_rows())
        .map(|row| (stations.value(row).to_owned(), hour(times.value(row)), values.value(row)))
        .collect()
}

/// Three stations of 96 hours with spikes at hours 40 and 75, as files, as a dataset, and all their outliers.
fn sample() -> (TempDir, Vec<(String, i64, f64)>) {
    let home = TempDir::new().unwrap();
    for station in ["722020-12839", "722030-12844", "997299-99999"] {
        isd_lite(home.path(), station, 96, &[40, 75]);
    }
    succeeds(ISD_CONVERT, home.path(), &["lite", "-o", "obs"]);
    succeeds(ISD_DETECT, home.path(), &["obs", "-m", "wind_speed_rate", "-o", "all.parquet"]);
    let all = rows(&parquet(&home.path().join("all.parquet")));
    assert_eq!(all.len(), 6);
    (home, all)
}

/// Whether a station and an hour are wanted.
type Wanted = fn(&str, i64) -> bool;

#[test]
fn a_choice_of_stations_and_times_gives_those_rows_of_the_whole() {
    let (home, all) = sample();
    let choices: [(&[&str], Wanted); 8] = [
        (&["--station", "722020"], |id, _| id.starts_with("722020")),
        (&["--station", "722020-12839,997299-99999"], |id, _| id != "722030-12844"),
        (&["--station", "72"], |id, _| id.starts_with("72")),
        (&["--station", "*-99999"], |id, _| id.ends_with("-99999")),
        (&["--from", "2017-01-04T03:00"], |_, hour| hour >= 75),
        (&["--since", "2017-01-02T16:01"], |_, hour| hour >= 41),
        (&["--to", "2017-01-02"], |_, hour| hour < 48),
        (&["--station", "72202?-*", "--from", "2017-01-04 00:00", "--to", "2017-01-04T03:00"], |id, hour| {
            id.starts_with("722020") && hour > 48
        }),
    ];
    for (choice, wanted) in choices {
        let expected: Vec<_> = all.iter().filter(|(id, hour, _)| wanted(id, *hour)).cloned().collect();
        assert!(!expected.is_empty() && expected.len() < all.len());
        for (source, engine) in [("obs", "kernel"), ("lite", "kernel"), ("obs", "expressions")] {
            let arguments = [source, "-m", "wind_speed_rate", "-o", "some.parquet", "--engine", engine];
            let (_, summary) = succeeds(ISD_DETECT, home.path(), &[&arguments, choice].concat());
            assert_eq!(rows(&parquet(&home.path().join("some.parquet"))), expected, "{source} {choice:?}");
            let stations =
                expected.iter().map(|(id, ..)| id).collect::<std::collections::BTreeSet<_>>().len();
            let counts = format!("{} outlier{}", expected.len(), if expected.len() == 1 { "" } else { "s" });
            assert!(summary.contains(&format!("{counts} at {stations} station")), "{choice:?}: {summary}");
        }
    }
}

#[test]
fn choices_that_make_no_sense_are_refused() {
    let (home, _) = sample();
    let runs = [
        &["obs", "-m", "wind_speed_rate", "--station", "73"][..],
        &["lite", "-m", "wind_speed_rate", "--station", "73"],
    ];
    insta::assert_snapshot!(fails_each(ISD_DETECT, home.path(), &runs, 1));
    let runs = [
        &["obs", "-m", "wind_speed_rate", "--station", "7[3"][..],
        &["obs", "-m", "wind_speed_rate", "--from", "yesterday"],
        &["obs", "-m", "wind_speed_rate", "--from", "2017-01-02", "--to", "2017-01-01"],
        &["obs", "-m", "wind_speed_rate", "-o", "a.csv", "--append"],
        &["obs", "-m", "wind_speed_rate", "--append"],
        &["obs", "-m", "wind_speed_rate", "--since-file", "state", "--from", "2017-01-02"],
    ];
    insta::assert_snapshot!(fails_each(ISD_DETECT, home.path(), &runs, 2));
}

#[test]
fn each_row_is_reported_once_by_runs_with_a_since_file() {
    let home = TempDir::new().unwrap();
    let place = home.path();
    let detect = [
        "obs",
        "-m",
        "wind_speed_rate",
        "-o",
        "out.parquet",
        "--append",
        "--since-file",
        "state.json",
        "--json",
    ];
    let spikes = [40, 75];
    let mut reported = 0;
    for hours in (35..100).step_by(5) {
        isd_lite(place, "722020-12839", hours, &spikes);
        // Its rows come ten hours late.
        isd_lite(place, "997299-99999", hours - 10, &spikes);
        succeeds(
            ISD_CONVERT,
            place,
            &["lite", "-o", "obs", if hours == 35 { "--overwrite" } else { "--update" }],
        );
        let (summary, _) = succeeds(ISD_DETECT, place, &detect);
        reported += serde_json::from_str::<Value>(&summary).unwrap()["outliers"].as_u64().unwrap();
    }
    succeeds(ISD_DETECT, place, &["obs", "-m", "wind_speed_rate", "-o", "whole.parquet"]);
    let whole = rows(&parquet(&place.join("whole.parquet")));
    assert_eq!(rows(&parquet(&place.join("out.parquet"))), whole);
    assert_eq!(whole.len() as u64, reported);
    assert_eq!(whole.len(), 4);
    // A run without new rows reports nothing, and neither file loses any.
    let before = fs::read(place.join("state.json")).unwrap();
    succeeds(ISD_DETECT, place, &detect);
    assert_eq!(fs::read(place.join("state.json")).unwrap(), before);
    assert_eq!(rows(&parquet(&place.join("out.parquet"))), whole);
    insta::assert_snapshot!(String::from_utf8(before).unwrap());
    // Outliers that were reported are not reported again where their file is gone.
    fs::rename(place.join("out.parquet"), place.join("moved.parquet")).unwrap();
    let refused = crate::shell::fails(ISD_DETECT, place, &detect[..detect.len() - 1], 1);
    assert!(refused.contains("out.parquet: is not there, but outliers have been reported"), "{refused}");
    fs::rename(place.join("moved.parquet"), place.join("out.parquet")).unwrap();
    // Another test has a file and a result of its own.
    let runs = [
        &["obs", "-m", "wind_speed_rate", "--window", "20", "--since-file", "state.json"][..],
        &["obs", "-m", "wind_speed_rate", "--window", "20", "-o", "out.parquet", "--append"],
        &["obs", "-m", "wind_speed_rate", "--since-file", "out.parquet"],
        &["obs", "-m", "wind_speed_rate", "--columns", "station_id,value", "-o", "out.parquet", "--append"],
        &["obs", "-m", "wind_speed_rate", "-o", "obs.parquet", "--append", "--since-file", "missing/state"],
    ];
    insta::assert_snapshot!(fails_each(ISD_DETECT, place, &runs, 1));
}

#[test]
fn rows_are_added_in_order_and_replaced_where_they_are_there() {
    let (home, all) = sample();
    for file in ["out.parquet", "out.arrow"] {
        for choice in [["--station", "722030"], ["--from", "2017-01-03"], ["--to", "2017-01-03"]] {
            let arguments = ["obs", "-m", "wind_speed_rate", "-o", file, "--append"];
            succeeds(ISD_DETECT, home.path(), &[&arguments[..], &choice].concat());
        }
    }
    assert_eq!(rows(&parquet(&home.path().join("out.parquet"))), all);
    let file = fs::File::open(home.path().join("out.arrow")).unwrap();
    let batches: Vec<_> =
        arrow::ipc::reader::FileReader::try_new(file, None).unwrap().map(Result::unwrap).collect();
    assert_eq!(batches.iter().flat_map(rows).collect::<Vec<_>>(), all);
}

#[test]
fn the_status_says_what_became_of_a_run() {
    let (home, _) = sample();
    let status = |tool: &str, arguments: &[&str]| run(tool, home.path(), arguments).status.code().unwrap();
    let detect = ["obs", "-m", "wind_speed_rate", "--exit-code", "-o", "out.csv"];
    assert_eq!(status(ISD_DETECT, &detect), 5);
    assert_eq!(status(ISD_DETECT, &[&detect[..], &["--from", "2017-01-04T08:00"]].concat()), 0);
    fs::write(home.path().join("lite/722040-99999-2017"), "no observations\n").unwrap();
    assert_eq!(status(ISD_DETECT, &["lite", "-m", "wind_speed_rate", "--exit-code", "-o", "out.csv"]), 3);
    assert_eq!(status(ISD_CONVERT, &["lite", "-o", "new"]), 3);
    assert_eq!(status(ISD_CONVERT, &["lite", "-o", "new"]), 1);
    assert_eq!(status(ISD_CONVERT, &["lite", "--new"]), 2);
}

#[test]
fn a_failure_is_json_where_that_is_asked_for() {
    let (home, _) = sample();
    fs::write(home.path().join("lite/722040-99999-2017"), "no observations\n").unwrap();
    let runs: [(&str, &[&str]); 5] = [
        (ISD_DETECT, &["missing", "-m", "wind_speed_rate", "--json"]),
        (ISD_DETECT, &["obs", "-m", "wind", "--json"]),
        (ISD_DETECT, &["obs", "--json", "--windows", "3"]),
        (ISD_CONVERT, &["lite", "-o", "obs", "--json"]),
        (ISD_CONVERT, &["lite", "-o", "new", "--json"]),
    ];
    let shown = runs.map(|(tool, arguments)| {
        format!("> {}\n{}", arguments.join(" "), shown(tool, home.path(), arguments))
    });
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn progress_is_lines_of_json_where_that_is_asked_for() {
    let (home, _) = sample();
    let arguments = ["lite", "-m", "wind_speed_rate", "-o", "out.csv", "--json", "--progress", "json"];
    let output = run(ISD_DETECT, home.path(), &arguments);
    let lines: Vec<Value> = output
        .stderr
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    let last = &lines.last().unwrap()["progress"];
    assert_eq!(last["rows"], 288);
    assert_eq!((&last["files"], &last["files_total"]), (&3.into(), &3.into()));
    assert_eq!(last["bytes"], last["bytes_total"]);
    assert_eq!(lines[0]["schema"], 1);
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&summary["schema"], &summary["rows"]), (&1.into(), &288.into()));
}

#[test]
fn stations_are_chosen_by_where_they_lie() {
    let (home, all) = sample();
    let list = "\"USAF\",\"WBAN\",\"STATION NAME\",\"CTRY\",\"STATE\",\"ICAO\",\"LAT\",\"LON\",\"ELEV(M)\",\"BEGIN\",\"END\"\n\
        \"722020\",\"12839\",\"MIAMI\",\"US\",\"FL\",\"KMIA\",\"+25.791\",\"-080.316\",\"+0008.8\",\"19730101\",\"20250101\"\n\
        \"722030\",\"12844\",\"PALM BEACH\",\"US\",\"FL\",\"KPBI\",\"+26.685\",\"-080.099\",\"+0005.8\",\"19730101\",\"20250101\"\n\
        \"997299\",\"99999\",\"BUOY\",\"FJ\",\"\",\"\",\"-17.000\",\"+179.500\",\"+0000.0\",\"19730101\",\"20250101\"\n";
    fs::write(home.path().join("list.csv"), list).unwrap();
    succeeds(ISD_CONVERT, home.path(), &["lite", "-o", "placed", "--stations", "list.csv"]);
    for (choice, wanted) in [
        (&["--country", "us"][..], &["722020", "722030"][..]),
        (&["--country", "FJ,NO"], &["997299"]),
        (&["--state", "FL", "--station", "*-12844"], &["722030"]),
        (&["--bbox", "-81,25.791,-80.2,26"], &["722020"]),
        (&["--bbox", "179,-20,-80,26"], &["722020", "997299"]),
    ] {
        let expected: Vec<_> =
            all.iter().filter(|(id, ..)| wanted.iter().any(|one| id.starts_with(one))).cloned().collect();
        for source in [&["placed"][..], &["lite", "--stations", "list.csv"]] {
            let arguments = [source, &["-m", "wind_speed_rate", "-o", "some.parquet"], choice].concat();
            succeeds(ISD_DETECT, home.path(), &arguments);
            assert_eq!(rows(&parquet(&home.path().join("some.parquet"))), expected, "{arguments:?}");
        }
    }
    let runs = [&["placed", "-m", "wind_speed_rate", "--country", "NO"][..]];
    insta::assert_snapshot!(fails_each(ISD_DETECT, home.path(), &runs, 1), @"
    > placed -m wind_speed_rate --country NO
    [stderr]
    error: placed: holds no station there
    [status 1]
    ");
    let runs = [
        &["obs", "-m", "wind_speed_rate", "--country", "US"][..],
        &["placed", "-m", "wind_speed_rate", "--bbox", "1,2,3"],
        &["placed", "-m", "wind_speed_rate", "--bbox", "-81,26,-80,25"],
    ];
    insta::assert_snapshot!(fails_each(ISD_DETECT, home.path(), &runs, 2), @"
    > obs -m wind_speed_rate --country US
    [stderr]
    error: --country, --state and --bbox: it is not known where the stations lie
    hint: --stations isd-history.csv says it
    [status 2]

    > placed -m wind_speed_rate --bbox 1,2,3
    [stderr]
    error: invalid value '1,2,3' for '--bbox <W,S,E,N>': expected degrees of longitude and latitude, W,S,E,N, such as -88,24,-79,31
    hint: --help lists the arguments
    [status 2]

    > placed -m wind_speed_rate --bbox -81,26,-80,25
    [stderr]
    error: invalid value '-81,26,-80,25' for '--bbox <W,S,E,N>': expected degrees of longitude and latitude, W,S,E,N, such as -88,24,-79,31
    hint: --help lists the arguments
    [status 2]
    ");
}

#[test]
fn a_choice_is_converted_checked_and_searched() {
    let (home, _) = sample();
    let convert =
        ["lite", "-o", "some", "--station", "72", "--from", "2017-01-02", "--to", "2017-01-03T05:00"];
    succeeds(ISD_CONVERT, home.path(), &convert);
    let json = succeeds(ISD_CONVERT, home.path(), &[&convert[..], &["--overwrite", "--json"]].concat()).0;
    let summary: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&summary["rows"], &summary["stations"]), (&60.into(), &2.into()));
    assert_eq!(summary["first_timestamp"], "2017-01-02T00:00:00Z");
    assert_eq!(summary["last_timestamp"], "2017-01-03T05:00:00Z");
    // An update goes on with the same choice, and refuses another.
    succeeds(ISD_CONVERT, home.path(), &[&convert[..], &["--update"]].concat());
    let other = ["lite", "-o", "some", "--update"];
    insta::assert_snapshot!(crate::shell::fails(ISD_CONVERT, home.path(), &other, 1), @r#"
    [stderr]
    error: some: an update would change more than rows: selection default instead of "--station 72 --from 2017-01-02T00:00:00Z --to 2017-01-03T05:00:00Z"
    hint: convert with the options of the dataset, or anew with --overwrite
    [status 1]
    "#);
    for (choice, spikes) in [(&[][..], 6), (&["--station", "72"], 4), (&["--from", "2017-01-04"], 3)] {
        let (flags, _) =
            succeeds(ISD_QC, home.path(), &[&["obs", "--tests", "world_record"], choice].concat());
        assert_eq!(flags.lines().count(), 1 + spikes, "{choice:?}: {flags}");
    }
}
