//! Columns beside the outliers: `isd-detect --stations`, on lists made up and on NOAA's own.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::Float64Type;
use arrow::ipc::reader::FileReader;
use insta::assert_snapshot;
use isd::plan::table::OUTLIER_COLUMNS;
use isd::stations::STATION_COLUMNS;
use isd_converters::ConvertOptions;
use isd_dataset::geography::Position;
use isd_dataset::place::Place;
use isd_dataset::station_table::StationTable;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::memory::{HOUR, Row, dataset};
use crate::shell::{self, ISD_DETECT, parquet};

const HEADER: &str =
    r#""USAF","WBAN","STATION NAME","CTRY","STATE","ICAO","LAT","LON","ELEV(M)","BEGIN","END""#;

const NONE: [&str; 0] = [];

/// A directory with a dataset in which each of these stations has one outlier, and a list of stations.
fn home(stations: &[impl AsRef<str>], list: &[impl AsRef<str>]) -> TempDir {
    let home = TempDir::new().unwrap();
    let value = |i| Some(if i == 35 { 70.0 } else { 5.0 + f64::from(i % 3) });
    let mut rows: Vec<Row> = Vec::new();
    for station in stations {
        rows.extend((0..40).map(|i| (station.as_ref().to_owned(), i64::from(i) * HOUR, vec![value(i)])));
    }
    dataset(&home.path().join("obs"), &["gust"], &rows, &ConvertOptions::default());
    let lines: Vec<&str> = std::iter::once(HEADER).chain(list.iter().map(AsRef::as_ref)).collect();
    fs::write(home.path().join("list.csv"), lines.join("\n") + "\n").unwrap();
    home
}

/// Standard output and standard error of a run with the list.
fn succeeds(home: &Path, arguments: &[&str]) -> (String, String) {
    let all = [&["obs", "-m", "gust", "--stations", "list.csv"], arguments].concat();
    shell::succeeds(ISD_DETECT, home, &all)
}

/// What a table says of its stations.
fn beside(table: &RecordBatch) -> BTreeMap<String, Value> {
    let ids = table.column_by_name("station_id").unwrap().as_string::<i32>();
    let cell = |name: &str, row: usize| -> Value {
        let column = table.column_by_name(name).unwrap();
        if column.is_null(row) {
            Value::Null
        } else if let Some(text) = column.as_string_opt::<i32>() {
            text.value(row).into()
        } else {
            column.as_primitive::<Float64Type>().value(row).into()
        }
    };
    let row = |row| (ids.value(row).to_owned(), STATION_COLUMNS.map(|name| cell(name, row)).to_vec().into());
    (0..table.num_rows()).map(row).collect()
}

#[test]
fn names_and_positions_come_after_the_outliers_in_every_format() {
    let home = home(
        &["010010-99999", "722020-12839", "999999-00001"],
        &[
            r#""010010","99999","JAN MAYEN, OLONKIN","NO","","ENJA","+70.933","-008.667","+0009.0","19310101","20250823""#,
            r#""722020","12839","MIAMI INTERNATIONAL AIRPORT","US","FL","KMIA","+25.791","-080.316","-0008.8","19730101","20250823""#,
        ],
    );
    let home = home.path();
    let expected = BTreeMap::from([
        ("010010-99999".to_owned(), json!(["JAN MAYEN, OLONKIN", "NO", 70.933, -8.667, 9.0])),
        ("722020-12839".to_owned(), json!(["MIAMI INTERNATIONAL AIRPORT", "US", 25.791, -80.316, -8.8])),
        ("999999-00001".to_owned(), json!([null, null, null, null, null])),
    ]);
    for extension in ["parquet", "csv", "arrow", "ndjson"] {
        let (_, stderr) = succeeds(home, &["-o", &format!("out.{extension}")]);
        assert!(stderr.contains("list.csv lacks 1 of 3 stations"), "{stderr}");
    }
    let columns = [&OUTLIER_COLUMNS[..], &STATION_COLUMNS[..]].concat();
    let table = parquet(&home.join("out.parquet"));
    let names: Vec<String> = table.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, columns);
    assert_eq!(beside(&table), expected);
    for (name, units) in [("latitude", "degrees_north"), ("longitude", "degrees_east"), ("elevation", "m")] {
        assert_eq!(table.schema().field_with_name(name).unwrap().metadata()["units"], units);
    }

    let arrow = FileReader::try_new(File::open(home.join("out.arrow")).unwrap(), None).unwrap();
    let schema = arrow.schema();
    let batches: Vec<RecordBatch> = arrow.map(Result::unwrap).collect();
    assert_eq!(beside(&concat_batches(&schema, &batches).unwrap()), expected);

    let csv = fs::read_to_string(home.join("out.csv")).unwrap();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], columns.join(","));
    assert!(lines[1].ends_with(r#",30,false,"JAN MAYEN, OLONKIN",NO,70.933,-8.667,9.0"#), "{csv}");
    assert!(lines[3].ends_with(",30,false,,,,,"), "{csv}");

    let ndjson = fs::read_to_string(home.join("out.ndjson")).unwrap();
    for line in ndjson.lines() {
        let row: BTreeMap<String, Value> = serde_json::from_str(line).unwrap();
        // A key that is left out is no null.
        let said: Vec<Value> = STATION_COLUMNS.iter().map(|name| row[*name].clone()).collect();
        assert_eq!(Value::from(said), expected[row["station_id"].as_str().unwrap()]);
    }
}

#[test]
fn what_the_list_does_not_know_is_null() {
    let line =
        |usaf: &str, place: &str| format!(r#""{usaf}","99999","X","","","",{place},"20000101","20010101""#);
    let cases = [
        ("000001", r#""","","""#, json!([null, null, null])),
        ("000002", r#""+00.000","+000.000","+0012.0""#, json!([null, null, 12.0])),
        ("000003", r#""+10.000","","-0999.0""#, json!([null, null, null])),
        ("000004", r#""+00.000","+010.000","-0998.9""#, json!([0.0, 10.0, -998.9])),
        ("000005", r#""+90.001","+010.000","-9999.0""#, json!([null, null, null])),
        ("000006", r#""-90.000","-180.000","+0000.0""#, json!([-90.0, -180.0, 0.0])),
    ];
    let ids: Vec<String> = cases.iter().map(|case| format!("{}-99999", case.0)).collect();
    let lines: Vec<String> = cases.iter().map(|case| line(case.0, case.1)).collect();
    let home = home(&ids, &lines);
    let (_, stderr) = succeeds(home.path(), &["-o", "out.parquet"]);
    assert!(!stderr.contains("lacks"), "{stderr}");
    let said = beside(&parquet(&home.path().join("out.parquet")));
    for (usaf, _, expected) in cases {
        let row = said[&format!("{usaf}-99999")].as_array().unwrap().clone();
        assert_eq!((&row[0], &row[1]), (&json!("X"), &Value::Null));
        assert_eq!(Value::from(row[2..].to_vec()), expected, "{usaf}");
    }
}

#[test]
fn of_several_lines_for_a_station_the_one_that_ends_last_is_taken() {
    let line = |name: &str, end: &str| {
        format!(r#""010010","99999","{name}","NO","","","+70.9","-8.7","+9","19310101","{end}""#)
    };
    for ends in [["20000101", "20250101", "20240101"], ["", "20250101", "19990101"]] {
        let lines = [line("A", ends[0]), line("B", ends[1]), line("C", ends[2])];
        let home = home(&["010010-99999"], &lines);
        let (csv, _) = succeeds(home.path(), &["--columns", "name,station_id"]);
        assert_eq!(csv, "name,station_id\nB,010010-99999\n");
    }
}

#[test]
fn columns_of_the_list_need_the_list() {
    let home = home(&["010010-99999"], &NONE);
    let home = home.path();
    let arguments = ["obs", "-m", "gust", "--columns", "station_id,country"];
    assert_snapshot!(shell::fails(ISD_DETECT, home, &arguments, 2), @"
    [stderr]
    error: --columns country: no such column of the outliers table
    hint: --stations isd-history.csv adds it
    [status 2]
    ");
    let (csv, _) = succeeds(home, &["--columns", "station_id,country", "--threshold", "9999"]);
    assert_eq!(csv, "station_id,country\n");
    let json = ["obs", "-m", "gust", "--stations", "list.csv", "--json"];
    assert_snapshot!(shell::shown(ISD_DETECT, home, &json), @r#"{"dataset":"obs","output":null,"parameters":{"measurements":["gust"],"window":30,"threshold":6.0,"include_current":false,"min_periods":30,"ddof":0,"min_std":0.0,"test_filled":false,"engine":"kernel","stations":"list.csv"},"rows":40,"stations":1,"outliers":1,"stations_not_listed":1,"measurements":[{"measurement":"gust","tested":1,"too_short":0,"outliers":1,"stations":1}],"notes":[],"failures":[],"seconds":0,"rows_per_second":0}"#);
}

#[test]
fn what_is_no_station_list_is_refused_before_the_work() {
    let home = home(&["010010-99999"], &NONE);
    let home = home.path();
    let good = r#""010010","99999","X","NO","","","+70.9","-8.7","+9","19310101","20250101""#;
    let broken = [
        ("other.csv", "station,name\n1,X\n".to_owned()),
        ("empty.csv", String::new()),
        ("binary.csv", "\0\u{1}\u{2}".repeat(5000)),
        ("cut.csv", format!("{HEADER}\n{good}\n\"010020\",\"99999\"\n")),
        ("place.csv", format!("{HEADER}\n{good}\n{}\n", good.replace("+70.9", "north"))),
        ("end.csv", format!("{HEADER}\n{}\n", good.replace("20250101", "today"))),
    ];
    for (name, text) in &broken {
        fs::write(home.join(name), text).unwrap();
    }
    let lists = broken.iter().map(|(name, _)| *name).chain(["none.csv"]);
    let runs: Vec<_> =
        lists.map(|name| vec!["obs", "-m", "gust", "--stations", name, "-o", "out.csv"]).collect();
    assert_snapshot!(shell::fails_each(ISD_DETECT, home, &runs, 1), @"
    > obs -m gust --stations other.csv -o out.csv
    [stderr]
    error: other.csv: is no station list: expected the columns USAF, WBAN, STATION NAME, CTRY, STATE, ICAO, LAT, LON, ELEV(M), BEGIN, END
    hint: --stations takes NOAA's isd-history.csv, or GHCNh's station list, as downloaded
    [status 1]

    > obs -m gust --stations empty.csv -o out.csv
    [stderr]
    error: empty.csv: is no station list: expected the columns USAF, WBAN, STATION NAME, CTRY, STATE, ICAO, LAT, LON, ELEV(M), BEGIN, END
    hint: --stations takes NOAA's isd-history.csv, or GHCNh's station list, as downloaded
    [status 1]

    > obs -m gust --stations binary.csv -o out.csv
    [stderr]
    error: binary.csv: is no station list: expected the columns USAF, WBAN, STATION NAME, CTRY, STATE, ICAO, LAT, LON, ELEV(M), BEGIN, END
    hint: --stations takes NOAA's isd-history.csv, or GHCNh's station list, as downloaded
    [status 1]

    > obs -m gust --stations cut.csv -o out.csv
    [stderr]
    error: cut.csv: cannot be read as a station list: Csv error: incorrect number of fields for line 3, expected 11 got 2
    hint: download isd-history.csv again
    [status 1]

    > obs -m gust --stations place.csv -o out.csv
    [stderr]
    error: place.csv: line 3: column LAT: found `north`, expected a number
    hint: download isd-history.csv again
    [status 1]

    > obs -m gust --stations end.csv -o out.csv
    [stderr]
    error: end.csv: line 2: column END: found `today`, expected a day, YYYYMMDD
    hint: download isd-history.csv again
    [status 1]

    > obs -m gust --stations none.csv -o out.csv
    [stderr]
    error: none.csv: cannot open: No such file or directory (os error 2)
    hint: check the path
    [status 1]
    ");
    let arguments = ["obs", "-m", "gust", "--stations", "list.csv", "-o", "list.csv"];
    assert_snapshot!(shell::fails(ISD_DETECT, home, &arguments, 2), @"
    [stderr]
    error: list.csv: lies in what is read
    hint: give another -o
    [status 2]
    ");
}

#[test]
fn a_dataset_knows_its_stations() {
    let home = home(&["722020-12839", "999999-99999"], &NONE);
    let home = home.path();
    let mut table = StationTable::read(&home.join("obs")).unwrap();
    table.set_places(|id| {
        let position = Position::of_station(25.791, -80.316);
        let place = Place { name: Some("MIAMI".into()), position, elevation: Some(8.8), ..Place::default() };
        id.starts_with('7').then_some(place)
    });
    table.write(&home.join("obs")).unwrap();
    let detect = |arguments: &[&str]| {
        shell::succeeds(ISD_DETECT, home, &[&["obs", "-m", "gust", "-q"], arguments].concat()).0
    };
    assert_eq!(
        detect(&["--columns", "station_id,name,country,latitude,longitude,elevation"]),
        "station_id,name,country,latitude,longitude,elevation\n\
         722020-12839,MIAMI,,25.791,-80.316,8.8\n\
         999999-99999,,,,,\n"
    );
    // They are added only where they are asked for.
    assert!(detect(&[]).starts_with(
        "station_id,timestamp,measurement,value,rolling_mean,rolling_std,zscore,window_count,filled\n"
    ));
    fs::remove_file(home.join("obs/_stations.csv")).unwrap();
    let refusal = shell::fails(ISD_DETECT, home, &["obs", "-m", "gust", "--columns", "name"], 2);
    assert!(refusal.contains("--columns name: no such column"), "{refusal}");
}

#[test]
#[cfg_attr(no_shared_data, ignore = "needs ../shared/data")]
fn noaas_own_list_names_its_stations() {
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/stations/isd-history.csv");
    let home = home(&["722020-12839", "007005-99999", "nowhere"], &NONE);
    fs::copy(&list, home.path().join("list.csv")).unwrap();
    succeeds(home.path(), &["-o", "out.parquet"]);
    let said = beside(&parquet(&home.path().join("out.parquet")));
    assert_eq!(said["007005-99999"], json!(["CWOS 07005", null, null, null, null]));
    assert_eq!(said["nowhere"], json!([null, null, null, null, null]));
    let miami = json!(["MIAMI INTERNATIONAL AIRPORT", "US", 25.791, -80.316, 8.8]);
    assert_eq!(said["722020-12839"], miami);
}
