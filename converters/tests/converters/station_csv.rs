use std::collections::BTreeMap;

use isd_converters::{ReadOptions, Scale, Tally, open};

use crate::archives::isd;
use crate::texts::{Text, file, gzip, read_text, refusal_of, rows_of, seconds};

const TALK: &str = "\
timestamp,station_usaf,station_wban,wind_speed_rate,air_temperature,sky_condition,wind_direction,liquid_precipitation_1h
2017-01-01 00:00:00,724060,93721,51,-35,9,190,-1
2017-01-01 01:00:00,10010,99999,-9999,-9999.0,-9999,,0
2017-01-01 02:00:00,A00001,12,0,183.0,0,360,1016
";

fn read(content: &str) -> Text {
    rows_of("talk.csv", content, &ReadOptions::default())
}

fn check_talk(text: &Text) {
    assert_eq!(text.layout, "station CSV");
    let keys = [
        ("724060-93721", "2017-01-01 00:00:00"),
        ("010010-99999", "2017-01-01 01:00:00"),
        ("A00001-00012", "2017-01-01 02:00:00"),
    ];
    assert_eq!(text.keys(), keys.map(|(station, time)| (station, seconds(time))));
    let columns: Vec<&str> = text.rows.columns.iter().map(|(name, _)| name.as_str()).collect();
    let expected =
        ["air_temperature", "wind_direction", "wind_speed_rate", "sky_condition", "liquid_precipitation_1h"];
    assert_eq!(columns, expected);
    assert_eq!(text.column("wind_speed_rate"), [Some(5.1), None, Some(0.0)]);
    assert_eq!(text.column("air_temperature"), [Some(-3.5), None, Some(18.3)]);
    assert_eq!(text.column("sky_condition"), [Some(9.0), None, Some(0.0)]);
    assert_eq!(text.column("wind_direction"), [Some(190.0), None, Some(360.0)]);
    assert_eq!(text.column("liquid_precipitation_1h"), [Some(0.0), Some(0.0), Some(101.6)]);
    let traces = BTreeMap::from([("liquid_precipitation_1h".to_owned(), 1)]);
    assert_eq!(text.tally, Tally { traces, ..Tally::default() });
}

#[test]
fn the_talks_columns_are_tenths() {
    check_talk(&read(TALK));
    check_talk(&rows_of("talk.csv", TALK, &isd()));
    check_talk(&rows_of("talk.csv.gz", gzip(TALK), &ReadOptions::default()));
}

#[test]
fn how_the_text_is_written_does_not_matter() {
    let quoted: String = TALK
        .lines()
        .map(|line| {
            line.split(',').map(|field| format!("\"{field}\"")).collect::<Vec<_>>().join(",") + "\r\n"
        })
        .collect();
    check_talk(&read(&quoted));
    check_talk(&read(&format!("\u{feff}{TALK}")));
    check_talk(&read(&TALK.replacen("timestamp,station_usaf", "Timestamp, STATION_USAF", 1)));
    check_talk(&read(TALK.trim_end()));
    check_talk(&read(&format!("\n{}", TALK.replace('\n', "\n\n"))));
    // Files written one after another with their headers, as by cat.
    let (header, rows) = TALK.split_once('\n').unwrap();
    let (first, others) = rows.split_once('\n').unwrap();
    check_talk(&read(&format!("{header}\n{first}\n{header}\n{others}")));
    // A data frame's row numbers, and the floats it makes of integers.
    let framed: String = TALK
        .lines()
        .enumerate()
        .map(|(row, line)| match row {
            0 => format!(",{line}\n"),
            _ => format!("{row},{}\n", line.replace(",51,", ",51.0,").replace("10010,", "10010.0,")),
        })
        .collect();
    check_talk(&read(&framed));
}

#[test]
fn other_columns_of_numbers_are_carried() {
    let text = read(
        "station_usaf,name,timestamp,visibility,wind_speed_rate,snow\n\
         724060,\"Baltimore, MD\",2017-01-01 00:00:00,16093.5,51,\n\
         724060,\"\",2017-01-01 01:00:00,NaN,52,-9999\n",
    );
    assert_eq!(text.rows.stations, [("724060".to_owned(), 2)], "the USAF alone where there is no WBAN");
    let columns: Vec<&str> = text.rows.columns.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(columns, ["wind_speed_rate", "visibility", "snow"]);
    assert_eq!(text.column("visibility"), [Some(16_093.5), None]);
    assert_eq!(text.column("snow"), [None, None]);
}

#[test]
fn an_exported_dataset_is_in_its_units() {
    let export = "\
        station_id,timestamp,air_temperature,sea_level_pressure,liquid_precipitation_1h,block\n\
        724060-93721,2017-01-01T00:00:00Z,-3.5,1029.6,0.0,72\n\
        724060-93721,2017-01-01T01:00:00Z,-3,,0.3,72\n";
    let text = read(export);
    assert_eq!(text.rows.stations, [("724060-93721".to_owned(), 2)]);
    assert_eq!(text.column("air_temperature"), [Some(-3.5), Some(-3.0)]);
    assert_eq!(text.column("sea_level_pressure"), [Some(1029.6), None]);
    assert_eq!(text.column("liquid_precipitation_1h"), [Some(0.0), Some(0.3)]);
    assert_eq!(text.rows.columns.len(), 3, "the partition's key is no value");
    let tenths = rows_of("talk.csv", export, &isd());
    assert_eq!(tenths.column("air_temperature"), [Some(-0.35), Some(-0.3)]);
}

#[test]
fn times_in_all_their_spellings() {
    let hour = seconds("2017-01-01 01:00:00");
    for time in [
        "2017-01-01 01:00:00",
        "2017-01-01T01:00",
        "2017-01-01T01:00:00.000Z",
        "2017-01-01 01:00:00+00",
        "2017-01-01T02:30:00+01:30",
        "1483232400",
        "1483232400.0",
    ] {
        let text = read(&format!("station_id,timestamp,wind_speed_rate\nx,{time},5.1\n"));
        assert_eq!(text.keys(), [("x", hour)], "{time}");
    }
}

#[test]
fn times_that_are_numbers_are_read_by_digits_and_magnitude() {
    let source = |times: [&str; 2], options: &ReadOptions| {
        let found = file("a.csv", format!("station_id,timestamp,t\nx,{},1\nx,{},2\n", times[0], times[1]));
        let notes = open(&found.path, options).map(|source| source.info().notes.clone()).unwrap();
        let text = read_text(&found.path, options).unwrap();
        (text.keys().iter().map(|(_, time)| *time).collect::<Vec<_>>(), notes.join(" "))
    };
    let hours = vec![seconds("2017-01-01 00:00:00"), seconds("2017-01-01 01:00:00")];
    for (times, note) in [
        (["1483228800000", "1483232400000"], "milliseconds"),
        (["1483228800000000", "1483232400000000.0"], "microseconds"),
        (["1483228800000000000", "1483232400000000000"], "nanoseconds"),
        (["2017010100", "2017010101"], "YYYYMMDDHH"),
        (["201701010000", "201701010100"], "YYYYMMDDHHMM"),
        (["20170101000000", "20170101010000"], "YYYYMMDDHHMMSS"),
    ] {
        let (keys, notes) = source(times, &ReadOptions::default());
        assert_eq!(keys, hours, "{times:?}");
        assert!(notes.contains(note), "{notes}");
    }
    let (keys, notes) = source(["20170101", "20170102"], &ReadOptions::default());
    assert_eq!(keys, [seconds("2017-01-01 00:00:00"), seconds("2017-01-02 00:00:00")]);
    assert!(notes.contains("YYYYMMDD"), "{notes}");
    let (keys, notes) = source(["1483228800", "1483232400"], &ReadOptions::default());
    assert_eq!((keys, notes), (hours.clone(), String::new()));

    let hourly = ReadOptions { time_unit: Some(isd_converters::TimeUnit::Hours), ..ReadOptions::default() };
    assert_eq!(source(["412008", "412009"], &hourly).0, hours);
    let german = ReadOptions { time_format: Some("%d.%m.%Y %H".into()), ..ReadOptions::default() };
    assert_eq!(source(["01.01.2017 00", "01.01.2017 01"], &german).0, hours);
}

#[test]
fn times_of_other_centuries_are_refused() {
    let refused = |first: &str, second: &str| {
        let text = format!("station_id,timestamp,t\nx,{first},1\nx,{second},2\n");
        refusal_of("a.csv", text, &ReadOptions::default())
    };
    for (first, second) in [
        ("99999999999999999999", "0"),
        ("1483228800", "1483232400000000000"),
        ("1599-12-31", "2017-01-01"),
        ("2017-01-01", "2200-01-01T00:00:00Z"),
    ] {
        let message = refused(first, second);
        assert!(message.contains("timestamp"), "{message}");
    }
}

#[test]
fn stations_that_are_missing_are_refused_by_their_row() {
    for station in ["", "nan", "NA", "None", "\"\"", "null", "<NA>"] {
        let text = format!("station_id,timestamp,t\nx,2017-01-01,1\n{station},2017-01-02,2\n");
        let message = refusal_of("a.csv", text, &ReadOptions::default());
        assert!(message.contains("line 3: ") && message.contains("station_id"), "{message}");
    }
}

#[test]
fn fractions_are_no_tenths() {
    let header = "timestamp,station_usaf,station_wban,air_temperature\n";
    let row = |value: &str| format!("2017-01-01 00:00:00,724060,93721,{value}\n");
    let content = format!("{header}{}{}", row("-3.5"), row("12"));
    let found = file("talk.csv", &content);
    let source = open(&found.path, &ReadOptions::default()).unwrap();
    assert!(source.info().notes.iter().any(|note| note.contains("--scale isd")), "{:?}", source.info().notes);
    assert_eq!(read(&content).column("air_temperature"), [Some(-3.5), Some(12.0)]);
    assert_eq!(rows_of("talk.csv", &content, &isd()).column("air_temperature"), [Some(-0.35), Some(1.2)]);
    // Behind the lines that decide, a fraction is a contradiction.
    let content = format!("{header}{}{}", row("12").repeat(5000), row("-3.5"));
    let message = refusal_of("talk.csv", &content, &ReadOptions::default());
    assert!(message.contains("line 5002:") && message.contains("expected whole tenths"), "{message}");
    let options = ReadOptions { scale: Scale::Isd, ..ReadOptions::default() };
    assert_eq!(rows_of("talk.csv", &content, &options).column("air_temperature")[5000], Some(-0.35));
}

#[test]
fn columns_of_other_names() {
    let content = "DATE,ID,WS,WD\n2017-01-01 00:00:00,x,5.1,190\n";
    let options = ReadOptions {
        format: Some("station-csv".into()),
        column_paths: [("timestamp", "DATE"), ("station_id", "ID"), ("wind_speed_rate", "WS")]
            .map(|(column, path)| (column.to_owned(), path.to_owned()))
            .to_vec(),
        ..ReadOptions::default()
    };
    let text = rows_of("x.csv", content, &options);
    assert_eq!(text.column("wind_speed_rate"), [Some(5.1)]);
    assert_eq!(text.column("WD"), [Some(190.0)]);
    let message = refusal_of("x.csv", content.replace("WS", "speed"), &options);
    assert!(
        message.contains("wind_speed_rate: is to be WS, which does not exist; the file has DATE"),
        "{message}"
    );
}

#[test]
fn some_measurements_alone() {
    let options = ReadOptions { measurements: vec!["wind_speed_rate".into()], ..ReadOptions::default() };
    let content = TALK.replace(",-35,", ",n/a,");
    let text = rows_of("talk.csv", content, &options);
    assert_eq!(text.rows.columns.len(), 1);
    assert_eq!(text.column("wind_speed_rate"), [Some(5.1), None, Some(0.0)]);
    assert_eq!(text.tally, Tally::default());
}

#[test]
fn what_is_wrong_with_a_file_is_said() {
    let row = "2017-01-01 00:00:00,724060,93721,51,-35,9,190,-1";
    let options = ReadOptions::default();
    for (other, expected) in [
        ("2017-01-01 00:00:00,724060,93721,51,-35,9,190", "line 3: has 7 fields, expected 8"),
        ("2017-01-01 00:00:00,724060,93721,51,-35,9,190,-1,5", "line 3: has 9 fields, expected 8"),
        ("01/01/2017 00:00,724060,93721,51,-35,9,190,-1", "line 3: timestamp is \"01/01/2017 00:00\""),
        ("2017-01-01 00:00:00,7240600,93721,51,-35,9,190,-1", "line 3: station_usaf is \"7240600\""),
        ("2017-01-01 00:00:00,,93721,51,-35,9,190,-1", "line 3: station_usaf is \"\""),
        ("2017-01-01 00:00:00,724060,9372-1,51,-35,9,190,-1", "line 3: station_wban is \"9372-1\""),
        ("2017-01-01 00:00:00,724060,93721,5 1,-35,9,190,-1", "line 3: wind_speed_rate is \"5 1\""),
    ] {
        let header = TALK.lines().next().unwrap();
        let message = refusal_of("talk.csv", format!("{header}\n{row}\n{other}\n"), &options);
        assert!(message.contains(expected), "{message}");
    }
    for (content, expected) in [
        ("timestamp,station_id\n", "holds no measurement; it has timestamp, station_id"),
        ("timestamp,station_id,t,t\n0,x,1,2\n", "t: stands in the header twice"),
        ("station_id,wind\nx,1\n", "is a table without a column known as timestamp; it has station_id, wind"),
    ] {
        let message = refusal_of("talk.csv", content, &options);
        assert!(message.contains(expected), "{message}");
    }
    // Its first name is still taken, but no list of formats shows it.
    for name in ["station-csv", "talk-csv"] {
        let named = ReadOptions { format: Some(name.into()), ..ReadOptions::default() };
        let message = refusal_of("talk.csv", "station_id,wind\nx,1\n", &named);
        assert!(message.contains("timestamp: does not exist; the file has station_id, wind"), "{message}");
    }
    assert_eq!(isd_converters::format_names().last(), Some(&"station-csv"));
}
