//! CSV of any writer: separators, decimal commas, comments, marks for missing values, encodings, times, units.

use std::collections::BTreeMap;

use isd_converters::{ReadOptions, open};

use crate::archives::isd;
use crate::texts::{Text, file, refusal_of, rows_of, seconds};

const PLAIN: &str = "station_id,timestamp,air_temperature\n\
                     725300-94846,2017-01-01 00:00,5.1\n\
                     725300-94846,2017-01-01 01:00,-0.5\n";

fn read(content: impl AsRef<[u8]>) -> Text {
    rows_of("a.csv", content, &ReadOptions::default())
}

fn check(content: impl AsRef<[u8]>, what: &str) {
    let text = read(content);
    assert_eq!(text.layout, "station CSV", "{what}");
    let keys = ["2017-01-01 00:00:00", "2017-01-01 01:00:00"].map(|time| ("725300-94846", seconds(time)));
    assert_eq!(text.keys(), keys, "{what}");
    assert_eq!(text.column("air_temperature"), [Some(5.1), Some(-0.5)], "{what}");
}

fn notes(content: &str, options: &ReadOptions) -> Vec<String> {
    let found = file("a.csv", content);
    open(&found.path, options).unwrap().info().notes.clone()
}

fn mapped(columns: &[(&str, &str)], units: &[(&str, &str)]) -> ReadOptions {
    let owned =
        |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    ReadOptions { column_paths: owned(columns), units: owned(units), ..ReadOptions::default() }
}

#[test]
fn every_dialect_says_the_same() {
    check(PLAIN, "plain");
    for separator in [";", "\t", "|"] {
        let other = PLAIN.replace(',', separator);
        check(&other, separator);
        check(other.replace('.', ","), separator);
        check(format!("sep={separator}\n{other}"), "the separator in a line of its own");
    }
    check(PLAIN.replace("5.1", "\"5,1\"").replace("-0.5", "\"-0,5\""), "quoted decimal commas");
    for ends in ["\r\n", "\r"] {
        check(PLAIN.replace('\n', ends), "line ends");
        check(PLAIN.replace('\n', ends).trim_end(), "line ends, but for the last line");
    }
    check(format!("# exported 2017\n#\n\n# UTC\n{PLAIN}"), "comments");
    for (station, time) in [("station", "valid"), ("ID", "datetime"), ("STATION", "DATE"), ("id", "time")] {
        check(PLAIN.replace("station_id", station).replace("timestamp", time), station);
    }
    for big_endian in [false, true] {
        let bytes = |unit: u16| if big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() };
        let text = format!("\u{feff}{}", PLAIN.replace('\n', "\r\n"));
        check(text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>(), "UTF-16");
        let text = text.replace('\n', "");
        check(text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>(), "UTF-16 with carriage returns");
    }
}

#[test]
fn a_decimal_comma_is_noted() {
    let content = PLAIN.replace(',', ";").replace('.', ",");
    let noted = notes(&content, &ReadOptions::default());
    assert!(noted.iter().any(|note| note.contains("decimal comma")), "{noted:?}");
    // A point is no decimal mark then: it may separate thousands.
    let content = format!("{content}725300-94846;2017-01-01 02:00;1.029,6\n");
    let message = refusal_of("a.csv", content, &ReadOptions::default());
    assert!(message.contains("line 4: air_temperature is \"1.029,6\""), "{message}");
}

#[test]
fn a_comma_that_may_separate_thousands_decides_nothing() {
    let rows = |values: [&str; 3]| {
        let line = |(hour, value)| format!("A,2017-01-01 0{hour}:00,\"{value}\",\"8,5\"\n");
        let lines: String = values.into_iter().enumerate().map(line).collect();
        format!("station_id,timestamp,sea_level_pressure,t\n{lines}")
    };
    let options = ReadOptions::default();
    for (values, line) in [(["1,010", "1,011", "990"], 2), (["990", "-12,500", "991"], 3)] {
        // Commas of another column do not decide, nor does their absence.
        for content in [rows(values), rows(values).replace("8,5", "8"), rows(values).replace("8,5", "8.5")] {
            let message = refusal_of("a.csv", content, &options);
            let named = format!("line {line}: sea_level_pressure is \"{}\"", values[line - 2]);
            assert!(message.contains(&named) && message.contains("thousands"), "{message}");
        }
    }
    // Of the same column they do.
    let content = rows(["1,010", "12,5", "0,25"]);
    let text = rows_of("a.csv", &content, &options);
    assert_eq!(text.column("sea_level_pressure"), [Some(1.01), Some(12.5), Some(0.25)]);
    let noted = notes(&content, &options);
    assert!(noted.iter().any(|note| note.contains("decimal comma")), "{noted:?}");
    // A comma that the first lines do not show.
    let late = format!("{}{}", rows(["990"; 3]).replace("8,5", "8"), "A,2017-01-02,\"1,010\",8\n");
    let message = refusal_of("a.csv", late, &options);
    assert!(message.contains("line 5: sea_level_pressure is \"1,010\""), "{message}");
}

#[test]
fn an_open_quote_is_refused_by_its_line() {
    let options = ReadOptions::default();
    for line in [
        "\"A,2017-01-01 02:00,1",
        "A,2017-01-01 02:00,\"1",
        "\"A\nB\",2017-01-01 02:00,1",
        "\"A\"\"\",\"2017-01-01 02:00,1",
    ] {
        let message = refusal_of("a.csv", format!("{PLAIN}{line}\n"), &options);
        assert!(message.contains("line 4: has a quote that is not closed"), "{message}");
    }
    let header = PLAIN.replace("air_temperature", "\"air\ntemperature\"");
    let message = refusal_of("a.csv", format!("# logger\n{header}"), &options);
    assert!(message.contains("line 2: has a quote that is not closed"), "{message}");
    let content = "\"STATION\",\"DATE\",\"temperature\",\"temperature_Report_Type\",\"temperature_Quality_Code\"\n\
                   \"USW00094846\",\"2024-01-01T00:00:00\",\"5.1\",\"FM15,\"1\"\n";
    let message = refusal_of("a.csv", content, &options);
    assert!(message.contains("line 2: has a quote that is not closed"), "{message}");
    // Inches need no other.
    let text = read(format!("{PLAIN}5\" gauge,2017-01-01 02:00,1\n"));
    assert_eq!(text.keys().last().unwrap().0, "5\" gauge");
}

#[test]
fn utf_16_that_is_cut_is_read_to_where_it_is_cut() {
    let text = format!("\u{feff}{PLAIN}");
    let mut stored: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    stored.pop();
    let message = refusal_of("a.csv", stored, &ReadOptions::default());
    assert!(message.contains("UTF-16 that ends within a character"), "{message}");
}

#[test]
fn amounts_that_are_all_marks_are_amounts() {
    let content = "station,valid,p01i\nA,2017-01-01 00:00,T\nA,2017-01-01 01:00,M\n";
    let text = read(content);
    assert_eq!(text.column("p01i"), [Some(0.0), None]);
    assert_eq!(text.tally.traces["p01i"], 1);
}

#[test]
fn what_to_do_is_said_where_it_helps() {
    let refused = |time: &str| {
        let content = format!("{PLAIN}A,{time},1\n");
        refusal_of("a.csv", content, &ReadOptions::default())
    };
    assert!(refused("01.02.2017").contains("--time-format"));
    for time in ["", "noon"] {
        assert!(!refused(time).contains("--time"), "{}", refused(time));
    }
}

#[test]
fn numbers_that_look_missing_are_counted_and_are_missing_where_they_are_said_to_be() {
    // Tables and CSV with the columns of isd read alike.
    for header in
        ["station,valid,tmpc,slp,snow", "station_id,timestamp,air_temperature,sea_level_pressure,snow"]
    {
        let content = format!(
            "{header}\n\
             ORD,2017-01-01 00:51,-99.9,999.9,9999\n\
             ORD,2017-01-01 01:51,999.9,9999,-999\n\
             ORD,2017-01-01 02:51,9.9,1029.9,999\n\
             ORD,2017-01-01 03:51,-9999,1000,30\n"
        );
        let columns = [("air_temperature", "tmpc"), ("sea_level_pressure", "slp")];
        let options = if header.contains("tmpc") { mapped(&columns, &[]) } else { ReadOptions::default() };
        let read = rows_of("a.csv", &content, &options);
        assert_eq!(read.column("air_temperature"), [Some(-99.9), Some(999.9), Some(9.9), None]);
        assert_eq!(
            read.column("sea_level_pressure"),
            [Some(999.9), Some(9999.0), Some(1029.9), Some(1000.0)]
        );
        let counted: Vec<(&str, &str, u64)> = read
            .tally
            .like_missing
            .iter()
            .flat_map(|(column, counts)| counts.iter().map(|(number, &n)| (&**column, &**number, n)))
            .collect();
        let expected = [
            ("air_temperature", "-99.9", 1),
            ("air_temperature", "999.9", 1),
            ("sea_level_pressure", "9999", 1),
            ("snow", "-999", 1),
        ];
        assert_eq!(counted, expected);
        let missing = [
            (None, 9999.0),
            (None, -99.9),
            (Some("air_temperature".into()), 999.9),
            (Some("snow".into()), -999.0),
        ];
        let read = rows_of("a.csv", &content, &ReadOptions { missing: missing.into(), ..options });
        assert_eq!(read.column("air_temperature"), [None, None, Some(9.9), None]);
        assert_eq!(read.column("sea_level_pressure"), [Some(999.9), None, Some(1029.9), Some(1000.0)]);
        assert_eq!(read.column("snow"), [None, None, Some(999.0), Some(30.0)]);
        assert_eq!(read.tally.like_missing, BTreeMap::new());
    }
}

#[test]
fn values_of_nines_are_values() {
    // ISD's tenths of 999.9 hPa, and numbers of columns that nobody knows.
    let content = "station_usaf,timestamp,sea_level_pressure,wind_direction,visibility\n\
                   725300,2017-01-01 00:00,9999,99,9999\n725300,2017-01-01 01:00,10132,999,99\n";
    let read = read(content);
    assert_eq!(read.column("sea_level_pressure"), [Some(999.9), Some(1013.2)]);
    let counted: Vec<_> = read.tally.like_missing.keys().collect();
    assert_eq!(counted, ["wind_direction"]);
}

#[test]
fn marks_are_missing_values_and_traces() {
    let content = "station,valid,tmpf,sknt,p01m,remark\n\
                   ORD,2017-01-01 00:51,50,null,0.01,M\n\
                   ORD,2017-01-01 01:51,M,9.00,T,M\n\
                   ORD,2017-01-01 02:51,41,-,M,T\n";
    let options = mapped(
        &[("air_temperature", "tmpf"), ("wind_speed_rate", "sknt"), ("liquid_precipitation_1h", "p01m")],
        &[("air_temperature", "degF"), ("wind_speed_rate", "kt")],
    );
    let text = rows_of("a.csv", content, &options);
    assert_eq!(text.column("air_temperature"), [Some(10.0), None, Some(5.0)]);
    assert_eq!(text.column("wind_speed_rate"), [None, Some(4.63), None]);
    assert_eq!(text.column("liquid_precipitation_1h"), [Some(0.01), Some(0.0), None]);
    assert_eq!(text.tally.traces["liquid_precipitation_1h"], 1);
    let marks = [("-", 1), ("M", 2), ("null", 1)].map(|(mark, count)| (mark.to_owned(), count));
    assert_eq!(text.tally.missing, marks.into());
    assert_eq!(text.rows.columns.len(), 3, "marks alone make no column of numbers");
    let noted = notes(content, &options);
    for note in [
        "station_id is read from the column station",
        "timestamp is read from the column valid",
        "units were converted: air_temperature from degF to degC",
        "left out, since they are no column of numbers: remark",
    ] {
        assert!(noted.iter().any(|other| other == note), "{note} is not among {noted:?}");
    }
}

#[test]
fn numbers_of_times_are_what_they_spell_or_count() {
    let hour = seconds("2017-01-01 01:00:00");
    for (time, expected) in [
        ("1483232400000", hour),
        ("1483232400000000", hour),
        ("2017010101", hour),
        ("201701010100", hour),
        ("20170101010000", hour),
        ("20170101", hour - 3600),
    ] {
        let text =
            read(PLAIN.replace("2017-01-01 00:00", time).lines().take(2).collect::<Vec<_>>().join("\n"));
        assert_eq!(text.keys(), [("725300-94846", expected)], "{time}");
    }
}

#[test]
fn names_that_nobody_knows_are_the_users() {
    let content = PLAIN.replace("station_id", "site").replace("timestamp", "MESS_DATUM");
    let message = refusal_of("a.csv", &content, &ReadOptions::default());
    assert!(
        message.ends_with(
            "is a table without a column known as station_id and timestamp; it has site, MESS_DATUM, air_temperature"
        ),
        "{message}"
    );
    let options = mapped(&[("station_id", "site"), ("timestamp", "MESS_DATUM")], &[]);
    assert_eq!(rows_of("a.csv", &content, &options).column("air_temperature"), [Some(5.1), Some(-0.5)]);
}

#[test]
fn isds_two_numbers_may_have_other_names() {
    let content = "usaf,wban,time,t\n10010,,2017-01-01,1\n725300,94846,2017-01-01,2\n";
    let named = mapped(&[("station_usaf", "usaf"), ("station_wban", "wban")], &[]);
    let text = rows_of("a.csv", content, &named);
    let stations: Vec<&str> = text.keys().into_iter().map(|(station, _)| station).collect();
    assert_eq!(stations, ["010010-99999", "725300-94846"]);
}

#[test]
fn a_missing_station_is_refused_by_its_line() {
    for nothing in ["", "nan", "NA", "None", "-9999", "\t \u{a0}", "\u{1}", "A\u{0}"] {
        let content = format!("{PLAIN}{nothing},2017-01-01 02:00,1\n");
        let message = refusal_of("a.csv", content, &ReadOptions::default());
        let blank = nothing.trim().is_empty();
        let found = if blank { "has no station_id".to_owned() } else { format!("{nothing:?}") };
        assert!(message.contains("line 4: has") && message.contains(&found), "{message}");
    }
}

#[test]
fn tenths_and_units_exclude_each_other() {
    let options = ReadOptions { units: vec![("air_temperature".into(), "degF".into())], ..isd() };
    let message = refusal_of("a.csv", PLAIN, &options);
    assert!(message.contains("air_temperature: cannot be ISD's tenths and in degF"), "{message}");
}

#[test]
fn ghcnh_between_commas_is_ghcnh() {
    let content = "\"STATION\",\"DATE\",\"temperature\",\"temperature_Report_Type\",\"temperature_Quality_Code\"\n\
                   \"USW00094846\",\"2024-01-01T00:00:00\",\"5.1\",\"FM15, a|b\",\"1\"\n";
    let text = read(content);
    assert_eq!(text.layout, "GHCNh CSV");
    assert_eq!(text.keys(), [("USW00094846", seconds("2024-01-01 00:00:00"))]);
    assert_eq!(text.column("air_temperature"), [Some(5.1)]);
    let content =
        "Station_ID;Station_name;Year;Month;Day;Hour;Minute;temperature\nUSW00094846;A, B;2024;1;1;0;5;5.1\n";
    assert_eq!(read(content).keys(), [("USW00094846", seconds("2024-01-01 00:05:00"))]);
}

#[test]
fn days_and_times_of_day_in_two_columns_are_joined() {
    let joined = |date: &str, clock: &str, names: (&str, &str), options: &ReadOptions| {
        let (first, second) = names;
        let content = format!("station,{first},{second},air_temperature\nx,{date},{clock},5.1\n");
        let text = rows_of("a.csv", content, options);
        assert_eq!(text.column("air_temperature"), [Some(5.1)], "{date} {clock}");
        text.keys()[0].1
    };
    let options = ReadOptions::default();
    let expected = seconds("2017-01-31 06:30:00");
    for (date, clock) in
        [("2017-01-31", "06:30"), ("20170131", "6:30:00"), ("2017-01-31", "0630"), ("20170131", "630")]
    {
        assert_eq!(joined(date, clock, ("date", "time"), &options), expected, "{date} {clock}");
    }
    for clock in ["6", "06"] {
        assert_eq!(joined("2017-01-31", clock, ("DATE", "Hour"), &options), expected - 1800);
    }
    assert_eq!(joined("2017-01-31", "24", ("date", "hour"), &options), seconds("2017-02-01 00:00:00"));
    // Whole times beside an hour of their own are not moved.
    assert_eq!(joined("2017-01-31 06:30", "6", ("date", "hour"), &options), expected);
    assert_eq!(joined("2017-01-31", "2017-01-31 06:30", ("date", "time"), &options), expected);
    let named = mapped(&[("timestamp", "Tag+Uhrzeit")], &[]);
    assert_eq!(joined("2017-01-31", "06:30", ("Tag", "Uhrzeit"), &named), expected);
    let format = ReadOptions { time_format: Some("%d.%m.%Y %I:%M %p".into()), ..ReadOptions::default() };
    assert_eq!(joined("31.01.2017", "6:30 AM", ("date", "time"), &format), expected);
    let content = "station,date,hour,t\nx,2017-01-31,6,1\nx,2017-01-31,25,1\n";
    let message = refusal_of("a.csv", content, &options);
    assert!(message.contains("line 3: the time of day is \"25\""), "{message}");
}

#[test]
fn minutes_in_a_third_column_are_refused() {
    let content = "station,date,hour,Minute,t\nx,2017-01-31,6,10,1\nx,2017-01-31,6,40,2\n";
    let message = refusal_of("a.csv", content, &ReadOptions::default());
    assert!(message.contains("Minute: holds minutes beside a column of hours"), "{message}");
    let hours = rows_of("a.csv", content, &mapped(&[("timestamp", "date+hour")], &[]));
    assert_eq!(hours.keys(), [("x", seconds("2017-01-31 06:00:00")); 2]);
    // Where times of day have their minutes, the column is one of values.
    let content = "station,date,time,minute\nx,2017-01-31,06:10,10\n";
    let whole = rows_of("a.csv", content, &ReadOptions::default());
    assert_eq!(whole.keys(), [("x", seconds("2017-01-31 06:10:00"))]);
    assert_eq!(whole.column("minute"), [Some(10.0)]);
}

#[test]
fn stations_are_unquoted_and_decoded() {
    let lines: [&[u8]; 5] = [
        b"station_id,timestamp,t",
        b"\"say \"\"A\"\", B\",2017-01-01,1",
        b"Z\xfcrich,2017-01-01,2",
        b"\"Z\xc3\xbcrich\",2017-01-02,3",
        b"5\"\"6,2017-01-01,4",
    ];
    let text = read(lines.join(&b'\n'));
    let stations: Vec<&str> = text.keys().into_iter().map(|(station, _)| station).collect();
    assert_eq!(stations, ["say \"A\", B", "Zürich", "Zürich", "5\"\"6"]);
    // Names of columns, too.
    let text = read(b"station_id;timestamp;d\xe9bit\nx;2017-01-01;1\n");
    assert_eq!(text.column("débit"), [Some(1.0)]);
}

#[test]
fn a_header_may_be_a_comment() {
    check(format!("# exported\n#{PLAIN}"), "a header after #");
    check(format!("# {PLAIN}").replace(',', "\t"), "a header after # and a blank");
    check(format!("# a,b,c\n{PLAIN}"), "a comment with as many fields as the header");
}

#[test]
fn every_usual_unit_is_converted() {
    for (name, unit, stored, expected) in [
        ("air_temperature", "degF", "50", 10.0),
        ("air_temperature", "K", "283.15", 10.0),
        ("wind_speed_rate", "kt", "9", 4.63),
        ("wind_speed_rate", "knots", "9", 4.63),
        ("wind_speed_rate", "mph", "10", 4.4704),
        ("wind_speed_rate", "km/h", "36", 10.0),
        ("sea_level_pressure", "inHg", "29.92", 1013.2075),
        ("sea_level_pressure", "Pa", "101325", 1013.25),
        ("liquid_precipitation_1h", "in", "0.1", 2.54),
    ] {
        let content = format!("station,time,x\nA,2017-01-01,{stored}\n");
        let text = rows_of("a.csv", content, &mapped(&[(name, "x")], &[(name, unit)]));
        let found = text.column(name)[0].unwrap();
        assert!((found - expected).abs() < 1e-3, "{stored} {unit}: {found}");
    }
}

#[test]
fn a_table_of_one_station_may_be_named() {
    let named = mapped(&[("station_id", "=Oslo")], &[]);
    let text = rows_of("a.csv", "time;t\n2017-01-01;5,1\n", &named);
    assert_eq!(text.keys(), [("Oslo", seconds("2017-01-01 00:00:00"))]);
    assert_eq!(text.column("t"), [Some(5.1)]);
}
