//! NOAA Global Hourly CSV: packed groups, quality codes, and all that can be wrong with a file.

use std::collections::BTreeMap;

use isd_converters::{Error, Input, MEASUREMENTS, Quality, ReadOptions, Tally, format_of, open_input};
use isd_dataset::time::iso8601;

use crate::samples::{input, map, options, read_all, try_read};
use crate::texts::{gzip, shared};

const HEADER: &str = r#""STATION","DATE","SOURCE","LATITUDE","LONGITUDE","ELEVATION","NAME","REPORT_TYPE","CALL_SIGN","QUALITY_CONTROL","WND","CIG","VIS","TMP","DEW","SLP","AA1","AA2","GF1","MA1","REM""#;

/// A line with these columns; the others are empty.
fn line(columns: &[(&str, &str)]) -> String {
    let fields = HEADER.split(',').map(|name| {
        let name = name.trim_matches('"');
        let value = columns.iter().find(|(column, _)| *column == name).map(|(_, value)| *value);
        value.or(match name {
            "STATION" => Some("01234099999"),
            "DATE" => Some("2017-02-10T14:04:00"),
            "NAME" => Some("WXPOD, \"\"7026\"\", AF"),
            "REPORT_TYPE" => Some("FM-15"),
            _ => None,
        })
    });
    fields
        .map(|value| value.map_or(String::new(), |value| format!("\"{value}\"")))
        .collect::<Vec<_>>()
        .join(",")
}

fn file(lines: &[String]) -> String {
    format!("{HEADER}\n{}\n", lines.join("\n"))
}

fn values(columns: &[(&str, &str)]) -> BTreeMap<String, f64> {
    read_all(&input(file(&[line(columns)])), &options()).row(0)
}

#[test]
fn all_groups_of_a_line() {
    let text = file(&[line(&[
        ("WND", "030,1,N,0051,1"),
        ("TMP", "-0021,1"),
        ("DEW", "-0080,5"),
        ("SLP", "10132,1"),
        ("AA1", "06,0123,9,1"),
        ("AA2", "01,0013,3,1"),
        ("GF1", "07,99,1,99,9,99,9,99999,9,99,9,99,9"),
        ("REM", "MET, \"\"quoted\"\" 02/M08="),
    ])]);
    let read = read_all(&input(&text), &options());
    assert_eq!((read.layout, read.stations()), ("Global Hourly", vec!["012340-99999"]));
    assert_eq!(read.names(), MEASUREMENTS.map(|measurement| measurement.name));
    assert_eq!(iso8601(read.all.timestamps[0]), "2017-02-10T14:04:00Z");
    let expected = [
        ("air_temperature", -2.1),
        ("dew_point_temperature", -8.0),
        ("sea_level_pressure", 1013.2),
        ("wind_direction", 30.0),
        ("wind_speed_rate", 5.1),
        ("sky_condition", 7.0),
        ("liquid_precipitation_1h", 1.3),
        ("liquid_precipitation_6h", 12.3),
    ];
    assert_eq!(read.row(0), map(&expected));
    assert_eq!(read.tally, Tally::default());
}

#[test]
fn what_is_missing() {
    assert_eq!(values(&[]), map(&[]));
    let all = [
        ("WND", "999,9,9,9999,9"),
        ("TMP", "+9999,9"),
        ("DEW", "+9999,9"),
        ("SLP", "99999,9"),
        ("AA1", "01,9999,9,9"),
        ("AA2", "99,0012,9,1"),
        ("GF1", "99,99,9,02,1"),
    ];
    assert_eq!(values(&all), map(&[]));
    // Amounts of other periods are no measurement.
    assert_eq!(values(&[("AA1", "24,0100,9,1")]), map(&[]));
}

#[test]
fn calm_and_variable_wind() {
    for (wind, expected) in [
        ("999,9,C,0000,1", [Some(0.0), Some(0.0)]),
        ("999,9,9,0000,1", [Some(0.0), Some(0.0)]),
        ("999,9,V,0015,1", [None, Some(1.5)]),
        ("210,1,V,0015,1", [Some(210.0), Some(1.5)]),
        ("999,9,9,9999,9", [None, None]),
        ("360,1,N,0015,1", [Some(360.0), Some(1.5)]),
    ] {
        let found = values(&[("WND", wind)]);
        let found = ["wind_direction", "wind_speed_rate"].map(|column| found.get(column).copied());
        assert_eq!(found, expected, "{wind}");
    }
}

#[test]
fn traces_are_no_rain_and_counted() {
    let read = read_all(&input(file(&[line(&[("AA1", "01,0000,2,1"), ("AA2", "06,9999,2,1")])])), &options());
    assert_eq!(read.row(0), map(&[("liquid_precipitation_1h", 0.0), ("liquid_precipitation_6h", 0.0)]));
    let expected =
        ["liquid_precipitation_1h", "liquid_precipitation_6h"].map(|column| (column.to_owned(), 1));
    assert_eq!(read.tally.traces, BTreeMap::from(expected));
}

#[test]
fn values_that_failed_are_missing_and_counted_by_code() {
    let groups = |code: char| {
        line(&[
            ("WND", &format!("030,{code},N,0051,{code}")),
            ("TMP", &format!("+0020,{code}")),
            ("SLP", &format!("10132,{code}")),
            ("AA1", &format!("01,0012,9,{code}")),
            ("GF1", &format!("08,99,{code},99,9")),
        ])
    };
    let codes = "0123456789ACIMPRU";
    let text = file(&codes.chars().map(groups).collect::<Vec<_>>());
    let read = read_all(&input(&text), &options());
    let columns = [
        "air_temperature",
        "liquid_precipitation_1h",
        "sea_level_pressure",
        "sky_condition",
        "wind_direction",
        "wind_speed_rate",
    ];
    for (row, code) in codes.chars().enumerate() {
        let expected = if "2367".contains(code) { 0 } else { columns.len() };
        assert_eq!(read.row(row).len(), expected, "{code}");
    }
    let counts: BTreeMap<String, u64> = ["2", "3", "6", "7"].map(|code| (code.to_owned(), 1)).into();
    assert_eq!(read.tally.rejected, columns.map(|column| (column.to_owned(), counts.clone())).into());

    let read = read_all(&input(&text), &ReadOptions { quality: Quality::Keep, ..options() });
    assert!((0..codes.len()).all(|row| read.row(row).len() == columns.len()));
    assert_eq!(read.tally, Tally::default());
}

#[test]
fn summaries_and_reports_of_no_station_are_left_out_and_counted() {
    let text = file(&[
        line(&[("REPORT_TYPE", "SOD  "), ("TMP", "+0020,1")]),
        line(&[("REPORT_TYPE", "SOM"), ("TMP", "+0020,1")]),
        line(&[("STATION", "99999999999"), ("TMP", "+0020,1")]),
        line(&[("REPORT_TYPE", "FM-12"), ("TMP", "+0030,1")]),
        line(&[("REPORT_TYPE", "SOD"), ("DATE", "")]),
    ]);
    let read = read_all(&input(&text), &options());
    assert_eq!((read.rows(), read.row(0)), (1, map(&[("air_temperature", 3.0)])));
    let expected = [
        ("reports without a station number", 1),
        ("summaries of a day (SOD)", 2),
        ("summaries of a month (SOM)", 1),
    ];
    assert_eq!(read.tally.left_out, expected.map(|(what, count)| (what.to_owned(), count)).into());
}

#[test]
fn stations() {
    for (station, expected) in [
        ("72494023234", "724940-23234"),
        ("A0000153848", "A00001-53848"),
        ("702699999", "007026-99999"),
        ("199999", "000001-99999"),
    ] {
        let read = read_all(&input(file(&[line(&[("STATION", station)])])), &options());
        assert_eq!(read.stations(), [expected]);
    }
}

#[test]
fn columns_are_found_by_name_in_any_order_without_quotes_and_with_others_absent() {
    let text = "TMP,NAME,Date,dew,STATION\n\
        \"+0020,1\",\"A, B\",2017-02-10 14:04:00,\"-0011,1\",72494023234\n\
        \"+0030,1\",C,2017-02-10T15:04:00Z,,72494023235\n";
    let read = read_all(&input(text), &options());
    assert_eq!(read.stations(), ["724940-23234", "724940-23235"]);
    assert_eq!(read.row(0), map(&[("air_temperature", 2.0), ("dew_point_temperature", -1.1)]));
    assert_eq!(read.row(1), map(&[("air_temperature", 3.0)]));
    // All eight, whatever the file has.
    assert_eq!(read.names().len(), 8);
}

#[test]
fn the_header_repeats_lines_end_as_they_like_and_gzip_is_no_matter() {
    let lines = ["+0020,1", "+0030,1"].map(|value| line(&[("TMP", value)]));
    let expected = read_all(&input(file(&lines)), &options());
    let text = format!("{HEADER}\r\n{}\r\n\r\n{HEADER}\r\n{}", lines[0], lines[1]);
    assert_eq!(read_all(&input(&text), &options()), expected);
    assert_eq!(read_all(&input(gzip(&text)), &options()), expected);
}

#[test]
fn lines_that_cannot_be_read_are_named() {
    let good = line(&[("TMP", "+0020,1")]);
    for (bad, expected) in [
        ("\"01234099999\"".to_owned(), "has 1 fields, expected 21"),
        (line(&[("STATION", "1234")]), "has the STATION \"1234\", expected 6 characters"),
        (line(&[("STATION", "0123409999X")]), "has the STATION"),
        (line(&[("STATION", "")]), "has the STATION \"\""),
        (line(&[("DATE", "2017-02-30T14:04:00")]), "has the DATE \"2017-02-30T14:04:00\""),
        (line(&[("TMP", "+00x0,1")]), "TMP is \"+00x0,1\", expected a group such as \"+0020,1\""),
        (line(&[("TMP", "+0020")]), "TMP is \"+0020\""),
        (line(&[("TMP", "2.1")]), "TMP is \"2.1\""),
        (line(&[("TMP", "+0020,12")]), "TMP is"),
        (line(&[("WND", "030,1,N,0051")]), "WND is \"030,1,N,0051\""),
        (line(&[("AA2", "01,0013,9")]), "AA1 to AA4 is \"01,0013,9\""),
        (line(&[("GF1", "08")]), "GF1 is \"08\""),
        ("STATION,DATE,TMP".to_owned(), "is a header of 3 columns that differs from the first line's of 21"),
        (good.replace("\"+0020,1\"", "\"+0020,1"), "has a quote that is not closed"),
    ] {
        let text = format!("{HEADER}\n{good}\n\n{bad}\n{good}\n");
        match try_read(&input(&text), &options()) {
            Err(Error::Line { line: 4, found, .. }) => assert!(found.contains(expected), "{found}"),
            other => panic!("{bad}: {other:?}"),
        }
    }
}

#[test]
fn headers_that_lack_a_column_are_refused_with_its_name() {
    let named = ReadOptions { format: Some("global-hourly".into()), ..options() };
    for (header, column) in
        [("DATE,TMP", "STATION"), ("STATION,TMP", "DATE"), ("STATION,DATE,NAME", "TMP"), ("", "STATION")]
    {
        match open_input(&input(header), &named).err() {
            Some(Error::Column { column: found, .. }) => assert_eq!(found, column, "{header}"),
            other => panic!("{header}: {other:?}"),
        }
        let format = format_of(&input(header), &options()).map(isd_converters::Format::name);
        assert_ne!(format.ok(), Some("global-hourly"), "{header}");
    }
    assert_eq!(format_of(&input(HEADER), &options()).unwrap().name(), "global-hourly");
}

/// Counts and sums of the values as stored were made by Python's csv module.
#[test]
#[cfg_attr(no_shared_data, ignore = "needs ../shared/data")]
fn a_published_file() {
    let path = shared("global-hourly/00702699999.csv");
    let read = read_all(&Input::file(&path), &options());
    let rows: Vec<_> = (0..read.rows()).map(|row| read.row(row)).collect();
    assert_eq!((rows.len(), read.stations()), (6843, vec!["007026-99999"]));
    let (first, last) = (read.all.timestamps[0], read.all.timestamps[6842]);
    assert_eq!([iso8601(first), iso8601(last)], ["2017-02-10T14:04:00Z", "2017-08-22T13:29:00Z"]);
    let expected = [
        ("air_temperature", 6836, 1_383_200),
        ("dew_point_temperature", 6811, 614_740),
        ("sea_level_pressure", 0, 0),
        ("wind_direction", 4600, 4_543_500),
        ("wind_speed_rate", 6843, 73_638),
        ("sky_condition", 5141, 0),
        ("liquid_precipitation_1h", 0, 0),
        ("liquid_precipitation_6h", 0, 0),
    ];
    for (column, count, tenths) in expected {
        let values: Vec<f64> = rows.iter().filter_map(|row| row.get(column).copied()).collect();
        let sum: i64 = values.iter().map(|value| (value * 10.0).round() as i64).sum();
        assert_eq!((values.len(), sum), (count, tenths), "{column}");
    }
    let counts = |count: u64| BTreeMap::from([("2".to_owned(), count)]);
    let rejected =
        [("air_temperature".to_owned(), counts(4)), ("dew_point_temperature".to_owned(), counts(24))];
    assert_eq!(read.tally, Tally { rejected: rejected.into(), ..Tally::default() });
    let expected = [
        ("air_temperature", 2.0),
        ("dew_point_temperature", -8.0),
        ("wind_speed_rate", 0.5),
        ("sky_condition", 0.0),
    ];
    assert_eq!(rows[0], map(&expected));
    assert_eq!(rows[7]["wind_direction"], 0.0);
}
