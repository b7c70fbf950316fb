use isd_dataset::place::Place;

use crate::support::{Rows, dataset, hours, names, one_station, stderr, view};

/// Runs it on a dataset of one station; checks that nothing was written, and gives the status and the two lines.
fn failure(arguments: &[&str]) -> (Option<i32>, String) {
    let directory = one_station("Palm Beach", &[Some(2.0); 40]);
    std::fs::write(directory.path().join("text.parquet"), "no Parquet").unwrap();
    std::fs::write(directory.path().join("other.csv"), "station_id,when\n722030-12844,now\n").unwrap();
    std::fs::write(
        directory.path().join("time.csv"),
        "station_id,timestamp,measurement,value,zscore\n722030-12844,yesterday,wind_speed_rate,1,1\n",
    )
    .unwrap();
    let before = names(&directory);
    let output = view(&directory, arguments);
    assert_eq!(names(&directory), before, "nothing is left behind");
    assert!(output.stdout.is_empty());
    let lines = stderr(&output);
    assert!(lines.starts_with("error: ") && lines.lines().count() <= 2, "{lines}");
    (output.status.code(), lines)
}

fn series(arguments: &[&str]) -> (Option<i32>, String) {
    let start = ["--plot", "series", "-m", "wind_speed_rate", "-o", "picture.svg"];
    failure(&[&start, arguments].concat())
}

#[test]
fn a_station_that_is_not_there_is_answered_with_the_nearest() {
    let (status, lines) = series(&["--station", "722030-12845"]);
    assert_eq!(status, Some(1));
    assert_eq!(
        lines,
        "error: observations: holds no station 722030-12845\nhint: the nearest is 722030-12844\n"
    );
}

#[test]
fn a_measurement_that_is_not_there_is_answered_with_the_nearest() {
    let arguments = ["--plot", "calendar", "-m", "wind_sped_rate", "-o", "picture.svg"];
    let expected =
        "error: observations: holds no measurement wind_sped_rate\nhint: did you mean wind_speed_rate?\n";
    assert_eq!(failure(&arguments), (Some(1), expected.to_owned()));
}

#[test]
fn files_that_are_none_of_their_kind_are_refused() {
    for (file, found) in [
        ("text.parquet", "text.parquet: is no file of outliers: "),
        ("other.csv", "other.csv: is no file of outliers: it has no column measurement"),
        ("time.csv", "time.csv: is no file of outliers: timestamp: "),
        ("absent.csv", "absent.csv: cannot open: "),
        (
            "observations",
            "observations: is no file of outliers: its name does not end in .parquet, .csv or .arrow",
        ),
    ] {
        let (status, lines) = series(&["--station", "722030", "--outliers", file]);
        assert_eq!(status, Some(1), "{lines}");
        assert!(lines.starts_with(&format!("error: {found}")) && lines.contains("\nhint: "), "{lines}");
    }
}

#[test]
fn arguments_that_make_no_sense_are_usage() {
    for (arguments, found) in [
        (&["--plot", "series", "-m", "x", "-o", "a.svg"][..], "--plot series: needs --station"),
        (&["--plot", "series", "--station", "7", "-o", "a.svg"], "--plot series: needs -m"),
        (&["--plot", "calendar", "-o", "a.svg"], "--plot calendar: needs -m"),
        (&["--plot", "map", "-o", "a.pdf"], "-o a.pdf: expected a name that ends in .svg, .png or .html"),
        (&["--plot", "map", "-o", "a.svg", "--station", "7"], "--station: is for --plot series or calendar"),
        (&["--plot", "map", "-o", "a.svg", "--around", "1,2"], "invalid value '1,2' for '--around"),
        (
            &["--plot", "map", "-o", "a.svg", "--from", "2018-01-01", "--to", "2017-01-01"],
            "--to: lies before --from",
        ),
        (&["--plot", "globe", "-o", "a.svg"], "invalid value 'globe' for '--plot"),
        (&["--plot", "map", "-o", "a.svg", "--window", "0"], "a window of 0 rows"),
        (&["--plot", "map", "-o", "a.svg", "--threshold", "x"], "invalid value 'x' for '--threshold"),
        (&["--plot", "map"], "the following required arguments were not provided: --output <FILE>"),
        (&["-o", "a.svg"], "the following required arguments were not provided: --plot <WHAT>"),
        (&["--export", "a.pdf"], "--export a.pdf: expected a name that ends in .html"),
        (
            &["--export", "a.html", "--port", "80"],
            "the argument '--export <FILE>' cannot be used with '--port <N>'",
        ),
        (&["--around", "1,2,3"], "--around: is for --plot map"),
        (&["--members", "a.csv"], "the following required arguments were not provided: --events <FILE>"),
    ] {
        let (status, lines) = failure(arguments);
        assert_eq!(status, Some(2), "{lines}");
        assert!(lines.starts_with(&format!("error: {found}")), "{lines}");
    }
}

#[test]
fn a_page_of_what_is_not_there_is_refused() {
    for (arguments, found) in [
        (&["--no-open", "--station", "722030-12845"][..], "observations: holds no station 722030-12845"),
        (&["--no-open", "--flags", "other.csv"], "other.csv: is no file of flags: it has no column "),
        (&["--export", "a.html", "--events", "text.parquet"], "text.parquet: is no file of events: "),
        (&["--no-open", "--events", "absent.csv"], "absent.csv: cannot open: "),
        (
            &["--export", "a.html", "-m", "wind_sped_rate"],
            "observations: holds no measurement wind_sped_rate",
        ),
    ] {
        let (status, lines) = failure(arguments);
        assert_eq!(status, Some(1), "{lines}");
        assert!(lines.starts_with(&format!("error: {found}")), "{lines}");
    }
}

#[test]
fn a_map_needs_places() {
    let rows = Rows {
        station_id: "722030-12844",
        place: Place::default(),
        times: hours(2),
        values: vec![Some(1.0), Some(2.0)],
    };
    let directory = dataset(&[rows]);
    let output = view(&directory, &["--plot", "map", "-o", "map.svg"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        stderr(&output),
        "error: observations: it is not known where its stations are\n\
         hint: --stations isd-history.csv says it, here or of isd-convert\n"
    );
}

#[test]
fn a_file_is_replaced_by_a_whole_one_only() {
    let directory = one_station("Palm Beach", &[Some(2.0); 40]);
    std::fs::write(directory.path().join("old.svg"), "old").unwrap();
    let arguments = ["--plot", "series", "-m", "wind_speed_rate", "-o", "old.svg", "--station"];
    assert!(!view(&directory, &[&arguments[..], &["999999"]].concat()).status.success());
    assert_eq!(std::fs::read_to_string(directory.path().join("old.svg")).unwrap(), "old");
    assert!(view(&directory, &[&arguments[..], &["722030"]].concat()).status.success());
    assert!(std::fs::read_to_string(directory.path().join("old.svg")).unwrap().ends_with("</svg>\n"));
    let output = view(&directory, &["--plot", "map", "-o", "absent/map.svg"]);
    assert_eq!((output.status.code(), stderr(&output).lines().count()), (Some(1), 2));
}
