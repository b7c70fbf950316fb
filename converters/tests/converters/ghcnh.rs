//! GHCNh: both header generations of its text, quality flags, and all that can be wrong with a file.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use isd_converters::{Error, Quality, ReadOptions, Tally, format_of, open_input};
use isd_dataset::layout::block_of;
use isd_dataset::time::iso8601;

use crate::samples::{Read, input, map, options, read_all, try_read};
use crate::texts::{gzip, shared};

const FLAGS: [&str; 5] =
    ["Measurement_Code", "Quality_Code", "Report_Type", "Source_Code", "Source_Station_ID"];

/// Variables of version 1.0, in the order of its files.
const VARIABLES_1_0: &str = "temperature dew_point_temperature station_level_pressure sea_level_pressure \
    wind_direction wind_speed wind_gust precipitation relative_humidity wet_bulb_temperature pres_wx_MW1 pres_wx_MW2 \
    pres_wx_MW3 pres_wx_AU1 pres_wx_AU2 pres_wx_AU3 pres_wx_AW1 pres_wx_AW2 pres_wx_AW3 snow_depth visibility altimeter \
    pressure_3hr_change sky_cover_1 sky_cover_baseht_1 sky_cover_2 sky_cover_baseht_2 sky_cover_3 sky_cover_baseht_3 \
    precipitation_3_hour precipitation_6_hour precipitation_9_hour precipitation_12_hour precipitation_15_hour \
    precipitation_18_hour precipitation_21_hour precipitation_24_hour remarks";

/// Columns of the dataset, whatever the file has.
pub const COLUMNS: [&str; 25] = [
    "air_temperature",
    "dew_point_temperature",
    "sea_level_pressure",
    "wind_direction",
    "wind_speed_rate",
    "liquid_precipitation_1h",
    "liquid_precipitation_6h",
    "station_level_pressure",
    "wind_gust",
    "relative_humidity",
    "wet_bulb_temperature",
    "snow_depth",
    "visibility",
    "altimeter",
    "pressure_3hr_change",
    "ceiling_height",
    "precipitation_5_minute",
    "precipitation_15_minute",
    "precipitation_3_hour",
    "precipitation_9_hour",
    "precipitation_12_hour",
    "precipitation_15_hour",
    "precipitation_18_hour",
    "precipitation_21_hour",
    "precipitation_24_hour",
];

pub fn header_1_0() -> String {
    let mut header =
        "Station_ID|Station_name|Year|Month|Day|Hour|Minute|Latitude|Longitude|Elevation".to_owned();
    for variable in VARIABLES_1_0.split_whitespace() {
        write!(header, "|{variable}").unwrap();
        for flag in FLAGS {
            write!(header, "|{variable}_{flag}").unwrap();
        }
    }
    header
}

/// A line of version 1.0 with these values: (variable, value, measurement code, quality code, source).
pub fn line_1_0(station: &str, time: &str, values: &[(&str, &str, &str, &str, &str)]) -> String {
    let mut line = format!("{station}|SOMEWHERE|{}|1.0|2.0|3.0", time.replace(' ', "|"));
    for variable in VARIABLES_1_0.split_whitespace() {
        let found = values.iter().find(|value| value.0 == variable);
        let (_, value, measurement, quality, source) = found.copied().unwrap_or(("", "", "", "", ""));
        write!(line, "|{value}|{measurement}|{quality}||{source}|").unwrap();
    }
    line
}

pub fn psv(lines: &[String]) -> Vec<u8> {
    let mut text = header_1_0();
    for line in lines {
        text += "\n";
        text += line;
    }
    (text + "\n").into_bytes()
}

fn rows_of(content: &[u8], options: &ReadOptions) -> (Read, Vec<BTreeMap<String, f64>>) {
    let read = read_all(&input(content), options);
    let rows = (0..read.rows()).map(|row| read.row(row)).collect();
    (read, rows)
}

/// A published file's rows.
fn published(name: &str) -> (Read, Vec<BTreeMap<String, f64>>) {
    rows_of(&fs::read(shared(name)).unwrap(), &options())
}

#[test]
fn a_line_of_version_1_0() {
    let line = line_1_0(
        "USW00013967",
        "2023 01 12 08 50",
        &[
            ("temperature", "4.0", "", "5", "343"),
            ("dew_point_temperature", "-1.5", "", "5", "343"),
            ("sea_level_pressure", "1015.25", "", "4", "343"),
            ("station_level_pressure", "968.3", "", "4", "343"),
            ("wind_direction", "330", "N-Normal", "5", "343"),
            ("wind_speed", "12.9", "N-Normal", "5", "343"),
            ("wind_gust", "18.0", "", "5", "343"),
            ("precipitation", "0.3", "3-Measurab", "5", "343"),
            ("precipitation_6_hour", "7.1", "", "1", "223"),
            ("precipitation_24_hour", "+17.0", "", "1", "223"),
            ("relative_humidity", "70", "Derived", "", "343"),
            ("visibility", "16.093", "", "5", "343"),
            ("sky_cover_1", "BKN:07", "07-Seven-o", "5", "343"),
            ("sky_cover_baseht_1", "+00701", "", "5", "343"),
            ("remarks", "MET 20SM", "", "", ""),
        ],
    );
    let (read, rows) = rows_of(&psv(&[line]), &options());
    assert_eq!(read.layout, "GHCNh");
    assert_eq!(read.names(), COLUMNS);
    assert_eq!(read.stations(), ["USW00013967"]);
    assert_eq!(iso8601(read.all.timestamps[0]), "2023-01-12T08:50:00Z");
    let expected = [
        ("air_temperature", 4.0),
        ("dew_point_temperature", -1.5),
        ("sea_level_pressure", 1015.25),
        ("wind_direction", 330.0),
        ("wind_speed_rate", 12.9),
        ("liquid_precipitation_1h", 0.3),
        ("liquid_precipitation_6h", 7.1),
        ("station_level_pressure", 968.3),
        ("wind_gust", 18.0),
        ("relative_humidity", 70.0),
        ("visibility", 16.093),
        ("precipitation_24_hour", 17.0),
    ];
    assert_eq!(rows, [map(&expected)]);
    assert_eq!(read.tally, Tally::default());
}

#[test]
fn columns_have_units_and_no_resolution() {
    let source = open_input(&input(psv(&[])), &options()).unwrap();
    for column in &source.info().columns {
        let expected = match column.name.as_str() {
            "air_temperature" | "dew_point_temperature" | "wet_bulb_temperature" => Some("degC"),
            "sea_level_pressure" | "station_level_pressure" | "altimeter" | "pressure_3hr_change" => {
                Some("hPa")
            }
            "wind_direction" => Some("degree"),
            "wind_speed_rate" | "wind_gust" => Some("m s-1"),
            "relative_humidity" => Some("percent"),
            "visibility" => Some("km"),
            "ceiling_height" => Some("m"),
            "snow_depth" => None,
            name if name.contains("precipitation") => Some("mm"),
            name => panic!("{name}"),
        };
        assert_eq!(column.units.as_deref(), expected, "{}", column.name);
        assert_eq!(column.resolution, None);
        assert!(column.long_name.as_ref().is_some_and(|name| !name.is_empty()), "{}", column.name);
    }
}

#[test]
fn missing_values() {
    for missing in ["", " ", "Null", "-9999", "-9999.0", "NaN"] {
        let line = line_1_0(
            "USW00013967",
            "2023 01 12 08 50",
            &[
                ("temperature", missing, "", "2", "343"),
                ("wind_direction", missing, "N", "2", "343"),
                ("precipitation", missing, "9-Missing", "2", "343"),
                ("wind_speed", "1.5", "", "", ""),
            ],
        );
        let (read, rows) = rows_of(&psv(&[line]), &options());
        assert_eq!(rows, [map(&[("wind_speed_rate", 1.5)])], "{missing:?}");
        assert_eq!(read.tally, Tally::default(), "{missing:?}");
    }
}

#[test]
fn calm_variable_and_trace() {
    let direction =
        |value, code| line_1_0("A", "2023 01 12 08 50", &[("wind_direction", value, code, "", "")]);
    let rain = |value, code| line_1_0("A", "2023 01 12 08 50", &[("precipitation", value, code, "", "")]);
    for (line, column, expected) in [
        (direction("999", "C"), "wind_direction", Some(0.0)),
        (direction("", "C-Calm"), "wind_direction", Some(0.0)),
        (direction("000", "C-Calm"), "wind_direction", Some(0.0)),
        (direction("VRB", "V-Variable"), "wind_direction", None),
        (direction("999", "V"), "wind_direction", None),
        (direction("999", ""), "wind_direction", None),
        (direction("210", "V"), "wind_direction", Some(210.0)),
        (rain("0.0", "T"), "liquid_precipitation_1h", Some(0.0)),
        (rain("", "2-Trace"), "liquid_precipitation_1h", Some(0.0)),
        (rain("0.0", "2"), "liquid_precipitation_1h", Some(0.0)),
        (rain("0.0", "3-Measurab"), "liquid_precipitation_1h", Some(0.0)),
        (rain("0.3", "T"), "liquid_precipitation_1h", Some(0.3)),
        (rain("", "2-hr-accum"), "liquid_precipitation_1h", None),
    ] {
        let (read, rows) = rows_of(&psv(std::slice::from_ref(&line)), &options());
        assert_eq!(rows[0].get(column).copied(), expected, "{line}");
        let trace = ["|0.0|T|", "||2-Trace|", "|0.0|2|"].iter().any(|trace| line.contains(trace));
        let expected = trace.then(|| ("liquid_precipitation_1h".to_owned(), 1));
        assert_eq!(read.tally.traces, expected.into_iter().collect(), "{line}");
    }
}

#[test]
fn values_that_failed_are_missing_and_counted_by_code() {
    let line = |quality, source, snow| {
        line_1_0(
            "A",
            "2023 01 12 08 50",
            &[
                ("temperature", "4.0", "", quality, source),
                ("wind_direction", "", "C-Calm", quality, source),
                ("precipitation_3_hour", "0.2", "", "X", "382"),
                ("snow_depth", snow, "", "X", "382"),
                ("wind_speed", "3.0", "", "A", source),
            ],
        )
    };
    let content =
        psv(&[line("2", "343", "1"), line("w", "", "2"), line("7", "223", "3"), line("7", "313", "4")]);
    let (read, rows) = rows_of(&content, &options());
    let passed = map(&[
        ("snow_depth", 3.0),
        ("wind_speed_rate", 3.0),
        ("air_temperature", 4.0),
        ("wind_direction", 0.0),
    ]);
    assert_eq!(rows[0], map(&[("snow_depth", 1.0), ("wind_speed_rate", 3.0)]));
    assert_eq!(rows[2], passed);
    let codes = |codes: &[(&str, u64)]| codes.iter().map(|(code, n)| ((*code).to_owned(), *n)).collect();
    let expected: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::from([
        ("air_temperature".to_owned(), codes(&[("2", 1), ("7", 1), ("wind", 1)])),
        ("wind_direction".to_owned(), codes(&[("2", 1), ("7", 1), ("wind", 1)])),
        ("precipitation_3_hour".to_owned(), codes(&[("X", 4)])),
    ]);
    assert_eq!(read.tally.rejected, expected);

    let (read, rows) = rows_of(&content, &ReadOptions { quality: Quality::Keep, ..options() });
    assert_eq!(read.tally, Tally::default());
    let kept = [("air_temperature", 4.0), ("wind_direction", 0.0), ("precipitation_3_hour", 0.2)];
    assert_eq!(rows[1], map(&[&kept[..], &[("snow_depth", 2.0), ("wind_speed_rate", 3.0)]].concat()));
}

#[test]
fn letters_of_version_1_0_are_its_own() {
    let line =
        |quality, source| line_1_0("A", "2023 01 12 08 50", &[("temperature", "4.0", "", quality, source)]);
    let lines = [
        line("S", "223"),
        line("d", ""),
        line("h", "343"),
        line("U", "343"),
        line("U", "223"),
        line("z", ""),
    ];
    let (read, rows) = rows_of(&psv(&lines), &options());
    let kept: Vec<bool> = rows.iter().map(|row| row.contains_key("air_temperature")).collect();
    assert_eq!(kept, [false, false, false, true, false, true]);
    let checks: Vec<&str> = read.tally.rejected["air_temperature"].keys().map(String::as_str).collect();
    assert_eq!(checks, ["distribution of values", "diurnal cycle", "humidity", "spike"]);
    // The same letters in a file of version 1.1.
    let content = "STATION|DATE|temperature|temperature_Quality_Code\n\
        A|2026-01-01T00:00:00|1.5|h\nA|2026-01-01T01:00:00|1.5|S\n";
    let (read, rows) = rows_of(content.as_bytes(), &options());
    assert!(!rows[0].contains_key("air_temperature") && rows[1].contains_key("air_temperature"));
    assert_eq!(read.tally.rejected["air_temperature"].keys().collect::<Vec<_>>(), ["high flag rate"]);
}

#[test]
fn columns_are_found_by_name_in_any_order_and_case() {
    let content = "wind_SPEED|Elevation|DATE|temperature|Station|temperature_Source_Code|temperature_quality_code\n\
        3.5||2026-01-01T00:30:00|1.5|FPI0000NTAT|343|1\n\
        4.5||2026-01-01 00:40:00|2.5|USW00012960|343|3\n";
    let read = read_all(&input(content), &options());
    assert_eq!(read.names(), COLUMNS);
    assert_eq!(read.stations(), ["FPI0000NTAT", "USW00012960"]);
    assert_eq!(iso8601(read.all.timestamps[0]), "2026-01-01T00:30:00Z");
    assert_eq!(read.row(0), map(&[("air_temperature", 1.5), ("wind_speed_rate", 3.5)]));
    assert_eq!(read.row(1), map(&[("wind_speed_rate", 4.5)]));
}

#[test]
fn the_header_repeats_lines_end_as_they_like_and_gzip_is_no_matter() {
    let lines = ["2023 01 12 08 50", "2023 01 12 08 55"]
        .map(|time| line_1_0("USW00013967", time, &[("temperature", "4.0", "", "5", "343")]));
    let expected = read_all(&input(psv(&lines)), &options());
    assert_eq!(expected.rows(), 2);
    let text = format!("{}\r\n{}\r\n{}\r\n\r\n{}", header_1_0(), lines[0], header_1_0(), lines[1]);
    assert_eq!(read_all(&input(&text), &options()), expected);
    assert_eq!(read_all(&input(gzip(&text)), &options()), expected);
    // A pipe in the remarks shifts nothing that is read.
    assert_eq!(read_all(&input(psv(&lines.map(|line| line + "|and more"))), &options()), expected);
}

#[test]
fn lines_that_cannot_be_read_are_named() {
    let good = line_1_0("USW00013967", "2023 01 12 08 50", &[]);
    let with =
        |variable, value| line_1_0("USW00013967", "2023 01 12 08 50", &[(variable, value, "", "", "")]);
    for (line, expected) in [
        ("TOOSHORT".to_owned(), "has 1 fields, expected 238"),
        (good[..100].to_owned(), "fields, expected 238"),
        (line_1_0("", "2023 01 12 08 50", &[]), "has no station"),
        (line_1_0("A", "2023 02 29 08 50", &[]), "has the time \"2023 02 29 08 50\", which there is not"),
        (line_1_0("A", "2023 1x 29 08 50", &[]), "has the time"),
        (line_1_0("A", "2023 01 12 24 00", &[]), "has the time"),
        (with("temperature", "4.0x"), "temperature is \"4.0x\", expected a number"),
        (with("temperature", "VRB"), "temperature is \"VRB\", expected a number"),
        (with("wind_speed", "1,5"), "wind_speed is \"1,5\", expected a number"),
        (header_1_0().to_uppercase().replace('|', "||"), "is a header of 475 columns"),
    ] {
        // The header is line 1, and one of those before is empty.
        let content = format!("{}\n{good}\n\n{line}\n{good}\n", header_1_0());
        match try_read(&input(&content), &options()) {
            Err(Error::Line { line: 4, found, .. }) => assert!(found.contains(expected), "{found}"),
            other => panic!("{line}: {other:?}"),
        }
    }
}

#[test]
fn headers_that_lack_a_column_are_refused_with_its_name() {
    for (header, column) in [
        ("Year|Month|Day|Hour|Minute|temperature", "Station_ID"),
        ("STATION|Year|Month|Day|Hour|temperature", "DATE"),
        ("STATION|DATE|pres_wx_MW1", "temperature"),
        ("STATION|DATE|temperature_Quality_Code|temperature", "temperature_quality_code"),
        ("", "Station_ID"),
    ] {
        let named = ReadOptions { format: Some("ghcnh".into()), ..options() };
        match open_input(&input(format!("{header}\n")), &named).err() {
            Some(Error::Column { column: found, .. }) => assert_eq!(found, column, "{header}"),
            other => panic!("{header}: {other:?}"),
        }
        // Nor is it taken for GHCNh by itself, unless quality codes say that it must be.
        let format = format_of(&input(header), &options()).map(isd_converters::Format::name).ok();
        assert_eq!(format == Some("ghcnh"), header.contains("Quality_Code"), "{header}");
    }
}

#[test]
fn only_the_measurements_asked_for_are_looked_at() {
    let line = line_1_0(
        "A",
        "2023 01 12 08 50",
        &[("temperature", "x", "", "", ""), ("wind_speed", "2", "", "", "")],
    );
    let wanted = ReadOptions { measurements: vec!["wind_speed_rate".into()], ..options() };
    let (read, rows) = rows_of(&psv(&[line]), &wanted);
    assert_eq!((read.names(), rows), (vec!["wind_speed_rate"], vec![map(&[("wind_speed_rate", 2.0)])]));
    let wanted = ReadOptions { measurements: vec!["wind_sped_rate".into()], ..options() };
    let error = open_input(&input(psv(&[])), &wanted).err().unwrap();
    assert_eq!(error.hint().as_deref(), Some("did you mean wind_speed_rate?"));
}

/// Independent of this crate's ids: those of ISD have a hyphen, or six characters.
#[test]
fn blocks_are_countries() {
    assert_eq!(block_of("USW00013967"), "US");
    assert_eq!(block_of("FPI0000NTAT"), "FP");
}

#[test]
#[cfg_attr(no_shared_data, ignore = "needs ../shared/data")]
fn published_files_of_version_1_0() {
    let (read, rows) = published("ghcnh/GHCNh_USW00024135_por.psv");
    assert_eq!(read.all.timestamps.len(), 5);
    assert_eq!(
        read.all.timestamps.iter().map(|&time| iso8601(time)).collect::<Vec<_>>(),
        [
            "1931-04-06T15:00:00Z",
            "2025-01-05T21:53:00Z",
            "2025-01-05T22:02:00Z",
            "2025-02-01T18:20:00Z",
            "2025-02-13T22:53:00Z",
        ]
    );
    assert_eq!(rows[0], map(&[("air_temperature", 3.3), ("wind_speed_rate", 0.0)]));
    assert_eq!(
        rows[3],
        map(&[
            ("air_temperature", -0.6),
            ("dew_point_temperature", -1.1),
            ("wind_direction", 10.0),
            ("wind_speed_rate", 3.1),
            ("liquid_precipitation_1h", 0.2),
            ("station_level_pressure", 820.8),
            ("relative_humidity", 96.0),
            ("wet_bulb_temperature", -0.8),
            ("visibility", 0.805),
            ("altimeter", 1006.8),
        ])
    );
    assert_eq!(
        read.tally,
        Tally {
            rejected: BTreeMap::from([("wind_direction".into(), BTreeMap::from([("wind".into(), 1)]))]),
            traces: BTreeMap::from([("liquid_precipitation_1h".into(), 2)]),
            ..Tally::default()
        }
    );

    let (read, rows) = published("ghcnh/GHCNh_USW00026442_por.psv");
    assert_eq!((read.stations(), rows.len()), (vec!["USW00026442"], 1));
    assert_eq!((rows[0].get("wind_direction"), rows[0]["wind_speed_rate"]), (None, 1.0));

    let (_, rows) = published("ghcnh/GHCNh_FPI0000NTAT_por.psv");
    let expected = [("visibility", 20_000.0), ("pressure_3hr_change", -0.1), ("precipitation_3_hour", 0.2)];
    assert!(expected.iter().all(|(name, value)| rows[0][*name] == *value), "{rows:?}");

    // This one ends in a line that someone cut short.
    let content = fs::read(shared("ghcnh/GHCNh_USW00013967_por.psv")).unwrap();
    match try_read(&input(content), &options()) {
        Err(Error::Line { line: 6, found, .. }) => assert_eq!(found, "has 1 fields, expected 238"),
        other => panic!("{other:?}"),
    }
}

#[test]
#[cfg_attr(no_shared_data, ignore = "needs ../shared/data")]
fn a_published_file_of_version_1_1() {
    let (read, rows) = published("ghcnh/ghcnh-iah-head.psv");
    assert_eq!((read.names(), read.stations()), (COLUMNS.to_vec(), vec!["USW00012960"]));
    assert_eq!(iso8601(read.all.timestamps[0]), "2026-01-01T00:00:00Z");
    assert_eq!(
        rows,
        [map(&[
            ("air_temperature", 12.2),
            ("dew_point_temperature", 0.0),
            ("sea_level_pressure", 1022.5),
            ("wind_direction", 170.0),
            ("wind_speed_rate", 2.1),
            ("station_level_pressure", 1018.0),
            ("relative_humidity", 43.0),
            ("wet_bulb_temperature", 6.8),
            ("visibility", 16.0),
            ("pressure_3hr_change", -0.8),
        ])]
    );
}

#[test]
fn formats_are_recognised_by_content() {
    let format =
        |content: &[u8]| format_of(&input(content), &options()).map(isd_converters::Format::name).ok();
    assert_eq!(format(&psv(&[])), Some("ghcnh"));
    assert_eq!(format(b"STATION|DATE|temperature"), Some("ghcnh"));
    assert_eq!(format(b"STATION|DATE|colour"), Some("station-csv"));
    assert_eq!(format(b"colour|size"), None);
    assert_eq!(format(b"PAR1"), Some("parquet"));
}
