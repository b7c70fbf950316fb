//! `isd-events` on datasets made up: verdicts, options, mistakes, and every form of a result.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::ipc::writer::FileWriter;
use insta::assert_snapshot;
use isd_converters::ConvertOptions;
use isd_dataset::geography::Position;
use isd_dataset::place::Place;
use isd_dataset::station_table::StationTable;
use serde_json::Value;
use tempfile::TempDir;

use crate::memory::{HOUR, Row, dataset};
use crate::shell::{self, ISD_EVENTS, parquet, shown, succeeds};

const COLUMNS: [&str; 2] = ["wind_speed_rate", "sea_level_pressure"];
/// Hours of a year.
const YEAR: i64 = 8_760;
/// The hour of the storm.
const STORM: i64 = 4_000;

/// A year of a station: wind that rises and falls in the course of a day, pressure about 1013 hPa. `extreme` says what it
/// is instead in some hours.
fn year(station: &str, extreme: impl Fn(i64) -> Option<(f64, f64)>) -> impl Iterator<Item = Row> {
    (0..YEAR).map(move |hour| {
        let usual = (2.0 + (hour % 7) as f64, 1010.0 + (hour % 5) as f64);
        let (wind, pressure) = extreme(hour).unwrap_or(usual);
        (station.to_owned(), hour * HOUR, vec![Some(wind), Some(pressure)])
    })
}

/// Writes the dataset `obs`, with these places of its stations.
fn write(home: &Path, rows: &[Row], options: &ConvertOptions, places: &[(&str, f64, f64)]) {
    let path = home.join("obs");
    dataset(&path, &COLUMNS, rows, options);
    let mut table = StationTable::read(&path).unwrap();
    table.set_places(|id| {
        let (_, latitude, longitude) = places.iter().find(|(station, ..)| *station == id)?;
        let position = Position::of_station(*latitude, *longitude);
        Some(Place {
            name: Some(format!("STATION {id}")),
            country: Some("FJ".into()),
            position,
            ..Place::default()
        })
    });
    table.write(&path).unwrap();
}

/// Five stations about the date line, within 300 km of each other: a storm meets three of them; the fourth has one wild
/// value; the fifth is calm. Two more are far away, and one has no place.
const PLACES: [(&str, f64, f64); 7] = [
    ("a1", -17.0, 179.5),
    ("a2", -17.5, -179.8),
    ("a3", -18.0, 179.9),
    ("a4", -17.2, -179.6),
    ("a5", -17.8, 179.7),
    ("b1", 40.0, 10.0),
    ("b2", 60.0, 10.0),
];

fn storm(home: &Path, options: &ConvertOptions) {
    let at = |first: i64, last: i64, wind: f64, pressure: f64| {
        move |hour: i64| (first..=last).contains(&hour).then_some((wind, pressure))
    };
    let mut rows: Vec<Row> = Vec::new();
    rows.extend(year("a1", at(STORM, STORM + 2, 24.0, 990.0)));
    rows.extend(year("a2", at(STORM + 3, STORM + 4, 32.5, 975.5)));
    rows.extend(year("a3", at(STORM + 5, STORM + 5, 20.0, 985.0)));
    rows.extend(year("a4", at(1_002, 1_002, 66.5, 1012.0)));
    rows.extend(year("a5", |_| None));
    // Wind that its pressure confirms, and wind that nobody does.
    rows.extend(year("b1", at(2_000, 2_001, 18.0, 970.0)));
    rows.extend(year("b2", at(3_000, 3_000, 19.0, 1012.0)));
    rows.extend(year("c1", at(STORM, STORM, 40.0, 1012.0)));
    write(home, &rows, options, &PLACES);
}

fn home() -> TempDir {
    let home = TempDir::new().unwrap();
    storm(home.path(), &ConvertOptions::default());
    home
}

const WIND: [&str; 4] = ["obs", "--kind", "wind", "--unchecked"];

#[test]
fn events_are_told_from_errors() {
    let home = home();
    let home = home.path();
    let run = [&WIND[..], &["--members", "members.csv"]].concat();
    assert_snapshot!(shown(ISD_EVENTS, home, &run), @"
    event_id,kind,verdict,start,end,stations,observations,peak_value,peak_station,peak_time,latitude,longitude,extent_km,lowest_pressure,severity
    wind-19700616T1600Z-17.5S179.9E,wind,event,1970-06-16T16:00:00Z,1970-06-16T21:00:00Z,3,6,32.5,a2,1970-06-16T19:00:00Z,-17.5,179.866,119.0,975.5,9.563
    wind-19700211T1800Z-17.2S179.6W,wind,suspected_error,1970-02-11T18:00:00Z,1970-02-11T18:00:00Z,1,1,66.5,a4,1970-02-11T18:00:00Z,-17.2,-179.6,0.0,1010.0,8.313
    wind-19700616T1600Z-c1,wind,unconfirmed,1970-06-16T16:00:00Z,1970-06-16T16:00:00Z,1,1,40.0,c1,1970-06-16T16:00:00Z,,,0.0,1010.0,5.0
    wind-19700506T0000Z-60.0N010.0E,wind,unconfirmed,1970-05-06T00:00:00Z,1970-05-06T00:00:00Z,1,1,19.0,b2,1970-05-06T00:00:00Z,60.0,10.0,0.0,1010.0,2.375
    wind-19700325T0800Z-40.0N010.0E,wind,event,1970-03-25T08:00:00Z,1970-03-25T09:00:00Z,1,2,18.0,b1,1970-03-25T08:00:00Z,40.0,10.0,0.0,970.0,2.25
    [stderr]
    nothing was checked for errors
    places known of 7 of 8 stations, the others are near no station; --stations takes a list
    wind: 2 events, 1 of one or two stations that others contradict, 2 unconfirmed; 11 exceedances at 8 stations
    wrote members.csv (11 rows, [SIZE])
    70,080 rows in [TIME] ([RATE])
    ");
    let members = fs::read_to_string(home.join("members.csv")).unwrap();
    let members: Vec<&str> = members.lines().take(8).collect();
    assert_snapshot!(members.join("\n"), @"
    event_id,station_id,timestamp,measurement,value,threshold
    wind-19700616T1600Z-17.5S179.9E,a1,1970-06-16T16:00:00Z,wind_speed_rate,24.0,8.0
    wind-19700616T1600Z-17.5S179.9E,a1,1970-06-16T17:00:00Z,wind_speed_rate,24.0,8.0
    wind-19700616T1600Z-17.5S179.9E,a1,1970-06-16T18:00:00Z,wind_speed_rate,24.0,8.0
    wind-19700616T1600Z-17.5S179.9E,a2,1970-06-16T19:00:00Z,wind_speed_rate,32.5,8.0
    wind-19700616T1600Z-17.5S179.9E,a2,1970-06-16T20:00:00Z,wind_speed_rate,32.5,8.0
    wind-19700616T1600Z-17.5S179.9E,a3,1970-06-16T21:00:00Z,wind_speed_rate,20.0,8.0
    wind-19700211T1800Z-17.2S179.6W,a4,1970-02-11T18:00:00Z,wind_speed_rate,66.5,8.0
    ");
    // Without flags, quality control comes first.
    let (_, said) = succeeds(ISD_EVENTS, home, &WIND[..3]);
    assert!(
        said.contains("left out: 4 erroneous observations by the tests of isd-qc, which were run first"),
        "{said}"
    );
}

#[test]
fn what_is_flagged_erroneous_is_no_part_of_anything() {
    let home = home();
    let home = home.path();
    let flag = |station: &str, hour: i64, measurement: &str, verdict: &str| {
        let time = chrono::DateTime::from_timestamp(hour * 3600, 0).unwrap();
        let time = time.format("%Y-%m-%dT%H:%M:%SZ");
        format!("{station},{time},{measurement},1.0,spike,{verdict},,,,\n")
    };
    let header = "station_id,timestamp,measurement,value,test,verdict,statistic,lower,upper,detail\n";
    let rows = [
        flag("a4", 1_002, "wind_speed_rate", "erroneous"),
        flag("b2", 3_000, "wind_speed_rate", "suspect"),
        flag("c1", STORM, "wind_speed_rate", "released"),
        flag("a2", STORM + 3, "sea_level_pressure", "erroneous"),
    ];
    fs::write(home.join("flags.csv"), header.to_owned() + &rows.concat()).unwrap();
    let (csv, said) = succeeds(ISD_EVENTS, home, &[&WIND[..3], &["--flags", "flags.csv"]].concat());
    assert!(said.contains("left out: 2 erroneous observations by flags.csv"), "{said}");
    assert!(!csv.contains("66.5") && csv.contains("19.0") && csv.contains("40.0"), "{csv}");

    // The same as Arrow, and as Parquet.
    let texts = |texts: [&str; 4]| -> ArrayRef { Arc::new(StringArray::from(texts.to_vec())) };
    let times = [1_002, 3_000, STORM, STORM + 3].map(|hour| hour * HOUR);
    let batch = RecordBatch::try_from_iter([
        ("verdict", texts(["erroneous", "suspect", "released", "erroneous"])),
        (
            "measurement",
            texts(["wind_speed_rate", "wind_speed_rate", "wind_speed_rate", "sea_level_pressure"]),
        ),
        (
            "timestamp",
            Arc::new(TimestampMicrosecondArray::from(times.to_vec()).with_timezone("UTC")) as ArrayRef,
        ),
        ("station_id", texts(["a4", "b2", "c1", "a2"])),
    ])
    .unwrap();
    let mut arrow =
        FileWriter::try_new(fs::File::create(home.join("flags.arrow")).unwrap(), &batch.schema()).unwrap();
    arrow.write(&batch).unwrap();
    arrow.finish().unwrap();
    let file = fs::File::create(home.join("flags.parquet")).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    for flags in ["flags.arrow", "flags.parquet"] {
        assert_eq!(succeeds(ISD_EVENTS, home, &[&WIND[..3], &["--flags", flags]].concat()).0, csv, "{flags}");
    }
}

#[test]
fn every_form_of_a_result_says_the_same() {
    let home = home();
    let home = home.path();
    let (csv, _) = succeeds(ISD_EVENTS, home, &WIND);
    for name in ["e.csv", "e.parquet", "e.arrow", "e.ndjson", "e.geojson"] {
        succeeds(ISD_EVENTS, home, &[&WIND[..], &["-o", name, "-q"]].concat());
    }
    assert_eq!(fs::read_to_string(home.join("e.csv")).unwrap(), csv);
    let ids = |csv: &str| -> Vec<String> {
        csv.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()).collect()
    };
    let table = parquet(&home.join("e.parquet"));
    let column = arrow::array::AsArray::as_string::<i32>(table.column(0));
    assert_eq!(column.iter().flatten().collect::<Vec<_>>(), ids(&csv));
    let ndjson = fs::read_to_string(home.join("e.ndjson")).unwrap();
    let lines: Vec<Value> = ndjson.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().map(|line| line["event_id"].as_str().unwrap()).collect::<Vec<_>>(), ids(&csv));
    assert_eq!(lines[0]["lowest_pressure"], 975.5);

    let text = fs::read_to_string(home.join("e.geojson")).unwrap();
    let map: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(map["type"], "FeatureCollection");
    let features = map["features"].as_array().unwrap();
    let of_storm: Vec<&Value> =
        features.iter().filter(|feature| feature["properties"]["event_id"] == lines[0]["event_id"]).collect();
    let [point, track] = of_storm[..] else { panic!("{of_storm:?}") };
    assert_eq!(
        (&point["geometry"]["type"], &point["properties"]["shape"]),
        (&"Point".into(), &"point".into())
    );
    // From 179.5 degrees east across the date line and back.
    assert_eq!(track["geometry"]["type"], "MultiLineString");
    let lines = track["geometry"]["coordinates"].as_array().unwrap();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0][0], serde_json::json!([179.5, -17.0]));
    let nowhere = features.iter().filter(|feature| feature["geometry"].is_null()).count();
    assert_eq!(nowhere, 1, "the station without a place");
}

#[test]
fn results_do_not_depend_on_threads_or_row_groups() {
    let whole = home();
    let (expected, said) =
        succeeds(ISD_EVENTS, whole.path(), &["obs", "--threads", "1", "--members", "m.csv"]);
    assert!(said.contains("heat: not looked for, the dataset has no air_temperature"), "{said}");
    let members = fs::read(whole.path().join("m.csv")).unwrap();
    assert!(expected.lines().count() > 4);
    let cut = TempDir::new().unwrap();
    storm(cut.path(), &ConvertOptions { row_group_rows: 9_000, ..ConvertOptions::default() });
    for (home, threads) in [(whole.path(), "4"), (cut.path(), "1"), (cut.path(), "3")] {
        let (found, _) = succeeds(ISD_EVENTS, home, &["obs", "--threads", threads, "--members", "m.csv"]);
        assert_eq!(found, expected);
        assert_eq!(fs::read(home.join("m.csv")).unwrap(), members);
    }
}

#[test]
fn options_say_what_an_event_is() {
    let home = home();
    let found = |options: &[&str]| {
        let (csv, _) = succeeds(ISD_EVENTS, home.path(), &[&WIND[..], options].concat());
        let verdicts = csv.lines().skip(1).map(|line| line.split(',').nth(2).unwrap().to_owned());
        let mut counts = BTreeMap::<String, usize>::new();
        verdicts.for_each(|verdict| *counts.entry(verdict).or_default() += 1);
        ["event", "suspected_error", "unconfirmed"].map(|verdict| counts.get(verdict).copied().unwrap_or(0))
    };
    assert_eq!(found(&[]), [2, 1, 2]);
    assert_eq!(found(&["--min-wind", "30"]), [1, 1, 1]);
    // Each station by itself: pressure confirms what was the storm.
    assert_eq!(found(&["--distance", "1"]), [4, 0, 3]);
    assert_eq!(found(&["--gap", "0m", "--pressure-deviations", "1000"]), [0, 4, 7]);
    assert_eq!(found(&["--longest", "2h"])[0], 3);
    assert_eq!(found(&["--quiet-neighbours", "5"]), [2, 0, 3]);
    assert_eq!(found(&["--min-stations", "1"]), [5, 0, 0]);
    assert_eq!(found(&["--percentile", "100"]), [0, 0, 0]);
}

#[test]
fn a_short_record_takes_the_thresholds_of_its_neighbours() {
    let home = TempDir::new().unwrap();
    let home = home.path();
    let gale = |hour: i64| (STORM..STORM + 3).contains(&hour).then_some((22.0, 1012.0));
    let mut rows: Vec<Row> = ["a1", "a2"].into_iter().flat_map(|station| year(station, gale)).collect();
    // Two stations with a month of record around the storm, the second one with nobody near it.
    for station in ["a3", "b1"] {
        let month =
            year(station, gale).filter(|(_, time, _)| (STORM - 360..STORM + 360).contains(&(time / HOUR)));
        rows.extend(month);
    }
    write(home, &rows, &ConvertOptions::default(), &PLACES);
    let (csv, said) = succeeds(ISD_EVENTS, home, &WIND);
    assert!(
        said.contains(
            "at 3 stations, 1 with thresholds of their neighbours; 1 station of less than a year not judged"
        ),
        "{said}"
    );
    assert_eq!(csv.lines().count(), 2, "{csv}");
    assert!(csv.contains(",event,") && csv.contains(",3,9,22.0,"), "{csv}");
}

#[test]
fn the_smallest_datasets_hold_no_events() {
    for rows in [
        vec![("a1".to_owned(), 0, vec![Some(30.0), Some(1000.0)])],
        vec![("a1".to_owned(), 0, vec![None, None])],
        year("a1", |_| None).collect(),
    ] {
        let home = TempDir::new().unwrap();
        write(home.path(), &rows, &ConvertOptions::default(), &[]);
        let (csv, said) = succeeds(ISD_EVENTS, home.path(), &["obs"]);
        assert_eq!(csv.lines().count(), 1, "{csv}");
        assert!(said.contains("places known of 0 of 1 station, the others"), "{said}");
    }
}

#[test]
fn what_cannot_be_read_is_one_line_and_a_hint() {
    let home = home();
    let home = home.path();
    fs::write(home.join("flags.txt"), "x").unwrap();
    fs::write(home.join("short.csv"), "station_id,timestamp\na,1970-01-01T00:00:00Z\n").unwrap();
    fs::write(home.join("when.csv"), "station_id,timestamp,measurement,verdict\na,noon,b,erroneous\n")
        .unwrap();
    fs::write(home.join("bad.parquet"), "PAR1").unwrap();
    fs::create_dir(home.join("empty")).unwrap();
    let failures: &[&[&str]] = &[
        &["nowhere"],
        &["empty"],
        &["obs", "--flags", "none.csv"],
        &["obs", "--flags", "flags.txt"],
        &["obs", "--flags", "short.csv"],
        &["obs", "--flags", "when.csv"],
        &["obs", "--flags", "bad.parquet"],
        &["obs", "--stations", "short.csv"],
    ];
    assert_snapshot!(shell::fails_each(ISD_EVENTS, home, failures, 1), @"
    > nowhere
    [stderr]
    error: nowhere: is no isd dataset: it holds no _isd.json
    hint: name a directory that isd-convert wrote
    [status 1]

    > empty
    [stderr]
    error: empty: is no isd dataset: it holds no _isd.json
    hint: name a directory that isd-convert wrote
    [status 1]

    > obs --flags none.csv
    [stderr]
    error: none.csv: cannot open: No such file or directory (os error 2)
    hint: check the path
    [status 1]

    > obs --flags flags.txt
    [stderr]
    error: flags.txt: cannot be read as flags: its name does not end in .parquet, .csv or .arrow
    hint: --flags takes what isd-qc wrote: Parquet, CSV or Arrow
    [status 1]

    > obs --flags short.csv
    [stderr]
    error: short.csv: measurement: is missing
    hint: --flags takes what isd-qc wrote: Parquet, CSV or Arrow
    [status 1]

    > obs --flags when.csv
    [stderr]
    error: when.csv: cannot be read as flags: Parser error: Error parsing timestamp from 'noon': timestamp must contain at least 10 characters
    hint: --flags takes what isd-qc wrote: Parquet, CSV or Arrow
    [status 1]

    > obs --flags bad.parquet
    [stderr]
    error: bad.parquet: cannot be read as flags: EOF: Parquet file too small. Size is 4 but need 8
    hint: --flags takes what isd-qc wrote: Parquet, CSV or Arrow
    [status 1]

    > obs --stations short.csv
    [stderr]
    error: short.csv: is no station list: expected the columns USAF, WBAN, STATION NAME, CTRY, STATE, ICAO, LAT, LON, ELEV(M), BEGIN, END
    hint: --stations takes NOAA's isd-history.csv, or GHCNh's station list, as downloaded
    [status 1]
    ");
    // An older dataset does not know its stations.
    fs::remove_file(home.join("obs/_stations.csv")).unwrap();
    assert_snapshot!(shell::fails(ISD_EVENTS, home, &["obs"], 1), @"
    [stderr]
    error: obs: holds no _stations.csv, which says where its stations are
    hint: convert the archive again with isd-convert
    [status 1]
    ");
}

#[test]
fn arguments_that_make_no_sense_are_refused() {
    let home = home();
    let home = home.path();
    fs::write(home.join("good.csv"), "station_id,timestamp,measurement,verdict\n").unwrap();
    let usage: &[&[&str]] = &[
        &["obs", "--kind", "storm"],
        &["obs", "--percentile", "101"],
        &["obs", "--distance=-1"],
        &["obs", "--min-stations", "0"],
        &["obs", "--gap", "6"],
        &["obs", "-o", "events.txt"],
        &["obs", "-o", "e.csv", "--members", "e.csv"],
        &["obs", "--members", "m.geojson"],
        &["obs", "-o", "obs/e.csv"],
        &["obs", "--flags", "good.csv", "-o", "good.csv"],
    ];
    assert_snapshot!(shell::fails_each(ISD_EVENTS, home, usage, 2), @"
    > obs --kind storm
    [stderr]
    error: invalid value 'storm' for '--kind <KIND>'
    hint: it may be wind or low_pressure or heat or cold or rain
    [status 2]

    > obs --percentile 101
    [stderr]
    error: --percentile is 101, expected more than 0 to 100
    [status 2]

    > obs --distance=-1
    [stderr]
    error: --distance is -1, expected a number from 0 on
    [status 2]

    > obs --min-stations 0
    [stderr]
    error: --min-stations is 0, expected 1 or more
    [status 2]

    > obs --gap 6
    [stderr]
    error: invalid value '6' for '--gap <TIME>': expected a time such as 90m, 6h, 10d or 2w
    hint: --help lists the arguments
    [status 2]

    > obs -o events.txt
    [stderr]
    error: events.txt: expected a name that ends in .parquet, .csv, .arrow, .ndjson or .geojson
    [status 2]

    > obs -o e.csv --members e.csv
    [stderr]
    error: -o and --members name one file
    hint: give each a path of its own
    [status 2]

    > obs --members m.geojson
    [stderr]
    error: m.geojson: expected a name that ends in .parquet, .csv, .arrow or .ndjson
    [status 2]

    > obs -o obs/e.csv
    [stderr]
    error: obs/e.csv: lies in what is read
    hint: give another path
    [status 2]

    > obs --flags good.csv -o good.csv
    [stderr]
    error: good.csv: lies in what is read
    hint: give another path
    [status 2]
    ");
}

#[test]
fn a_choice_of_observations_gives_events_of_the_whole() {
    let home = home();
    let (whole, _) = succeeds(ISD_EVENTS, home.path(), &WIND);
    for (choice, members) in [
        (&["--station", "a2"][..], "a2"),
        (&["--from", "1970-06-16T21:00", "--to", "1970-06-16T21:00"], "a3"),
    ] {
        let (some, _) = succeeds(ISD_EVENTS, home.path(), &[&WIND[..], choice].concat());
        let rows: Vec<&str> = some.lines().skip(1).collect();
        assert_eq!(rows.len(), 1, "{members}: {some}");
        assert!(whole.lines().any(|line| line == rows[0]), "{members}: {some}");
        assert!(rows[0].contains(",3,6,32.5,a2,"), "{some}");
    }
}
