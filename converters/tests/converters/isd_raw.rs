use std::collections::BTreeMap;

use isd_converters::{MEASUREMENTS, Quality, ReadOptions, Tally};

use crate::texts::{Text, file, gzip, read_text, refusal_of, rows_of, seconds, shared};

const NAME: &str = "reports.txt";

/// A report whose variable part is that, with the length that the format asks for.
fn report(control: &str, mandatory: &str, variable: &str) -> String {
    assert_eq!((control.len(), mandatory.len()), (56, 45), "positions 5-60 and 61-105");
    format!("{:04}{control}{mandatory}{variable}\n", variable.len())
}

/// Control data: station, time, report type, each as wide as its field.
fn control(station: &str, time: &str, report_type: &str) -> String {
    format!("{station}{time}4+34028-118296{report_type}+0056KCQT V030")
}

const STATION: &str = "72287493134";
/// Wind, ceiling and visibility, and the others.
const MANDATORY: &str = "2705N005152200059N0160935N5+01835-01395101495";

/// One report with these mandatory data and groups.
fn one(mandatory: &str, variable: &str, quality: Quality) -> Text {
    let options = ReadOptions { quality, ..ReadOptions::default() };
    rows_of(NAME, report(&control(STATION, "200607130847", "FM-15"), mandatory, variable), &options)
}

/// The values of a file's only row, by measurement.
fn values(text: &Text) -> Vec<Option<f64>> {
    MEASUREMENTS.iter().map(|measurement| text.column(measurement.name)[0]).collect()
}

fn rejected(tally: &Tally) -> Vec<(&str, &str, u64)> {
    let columns = tally.rejected.iter();
    columns
        .flat_map(|(column, codes)| codes.iter().map(move |(code, &n)| (column.as_str(), code.as_str(), n)))
        .collect()
}

#[test]
fn a_report_is_read_by_its_positions() {
    let groups = "ADDAA101000595AA206001291GF108991999051000251999999REMMET012METAR AA101999995";
    let text = one(MANDATORY, groups, Quality::Drop);
    assert_eq!(text.layout, "raw ISD");
    assert_eq!(text.keys(), [("722874-93134", seconds("2006-07-13 08:47:00"))]);
    let expected = [18.3, -13.9, 1014.9, 270.0, 5.1, 8.0, 0.5, 1.2];
    assert_eq!(values(&text), expected.map(Some));
    assert_eq!(text.tally, Tally::default());
}

#[test]
fn missing_values_are_missing() {
    let none = "999999999999999999999999999+99999+99999999999";
    let text = one(none, "", Quality::Drop);
    assert_eq!(values(&text), [None; 8]);
    let text = one(none, "ADDAA101999999AA299001091GF199999999999999999999999", Quality::Drop);
    assert_eq!(values(&text), [None; 8]);
    assert_eq!(text.tally, Tally::default());
}

#[test]
fn calm_air_blows_from_0_and_variable_wind_from_nowhere() {
    let wind = |wind: &str| {
        let text = one(&format!("{wind}{}", &MANDATORY[10..]), "", Quality::Drop);
        (text.column("wind_direction")[0], text.column("wind_speed_rate")[0])
    };
    assert_eq!(wind("9999C00001"), (Some(0.0), Some(0.0)), "calm");
    assert_eq!(wind("9999900001"), (Some(0.0), Some(0.0)), "no type, and no wind: calm");
    assert_eq!(wind("9999C99999"), (None, None), "a report without wind");
    assert_eq!(wind("9991V00151"), (None, Some(1.5)), "variable");
    assert_eq!(wind("2705V00365"), (Some(270.0), Some(3.6)), "variable about a direction that is given");
    assert_eq!(wind("9999N00131"), (None, Some(1.3)));
    assert_eq!(wind("9999N00001"), (None, Some(0.0)));
    assert_eq!(wind("3601N00001"), (Some(360.0), Some(0.0)));
    assert_eq!(wind("9999C00003"), (None, None), "a calm that is erroneous is none");
}

#[test]
fn failed_values_are_dropped_and_counted_unless_kept() {
    let mandatory = "2702N005132200059N0160935N5+01836-01397101492";
    let groups = "ADDAA101000593AA206001296GF108992999051000251999999";
    let text = one(mandatory, groups, Quality::Drop);
    assert_eq!(values(&text), [None; 8]);
    let expected = [
        ("air_temperature", "6", 1),
        ("dew_point_temperature", "7", 1),
        ("liquid_precipitation_1h", "3", 1),
        ("liquid_precipitation_6h", "6", 1),
        ("sea_level_pressure", "2", 1),
        ("sky_condition", "2", 1),
        ("wind_direction", "2", 1),
        ("wind_speed_rate", "3", 1),
    ];
    assert_eq!(rejected(&text.tally), expected);
    let text = one(mandatory, groups, Quality::Keep);
    assert_eq!(values(&text), [18.3, -13.9, 1014.9, 270.0, 5.1, 8.0, 0.5, 1.2].map(Some));
    assert_eq!(text.tally, Tally::default());
}

#[test]
fn all_other_codes_are_kept_and_missing_values_not_counted() {
    for code in "014589ACIMPRU".chars() {
        let mandatory = MANDATORY.replacen("+01835", &format!("+0183{code}"), 1);
        assert_eq!(one(&mandatory, "", Quality::Drop).column("air_temperature"), [Some(18.3)], "{code}");
    }
    let missing = "9992999993220005990160935N5+99993+99996999997";
    assert_eq!(one(missing, "ADDAA101999993", Quality::Drop).tally, Tally::default());
}

#[test]
fn of_several_groups_the_first_with_a_value_counts() {
    let amounts = |groups: &str| {
        let text = one(MANDATORY, groups, Quality::Drop);
        (text.column("liquid_precipitation_1h")[0], text.column("liquid_precipitation_6h")[0], text.tally)
    };
    let (one_hour, six_hours, tally) = amounts("ADDAA101999999AA201000793AA301001291AA401009991");
    assert_eq!((one_hour, six_hours), (Some(1.2), None));
    assert_eq!(rejected(&tally), [("liquid_precipitation_1h", "3", 1)]);
    let (one_hour, six_hours, _) = amounts("ADDAA124005091AA203001091AA306020391");
    assert_eq!((one_hour, six_hours), (None, Some(20.3)));
    // Condition 3 begins a period of accumulation, but comes with amounts in published files.
    assert_eq!(amounts("ADDAA101000631").0, Some(0.6));
    let (one_hour, six_hours, tally) = amounts("ADDAA101000021AA206999925");
    assert_eq!((one_hour, six_hours), (Some(0.0), Some(0.0)));
    let traces = ["liquid_precipitation_1h", "liquid_precipitation_6h"].map(|name| (name.to_owned(), 1));
    assert_eq!(tally.traces, BTreeMap::from(traces));
    let (one_hour, _, tally) = amounts("ADDAA101000022AA201000021");
    assert_eq!((one_hour, tally.traces.values().sum()), (Some(0.0), 1_u64), "one failed, one is a trace");
}

#[test]
fn groups_are_found_where_they_begin() {
    let sky = |groups: &str| one(MANDATORY, groups, Quality::Drop).column("sky_condition")[0];
    let gf1 = "GF104991999051000251999999";
    // What looks like a group, within another group, a remark, or the quality of elements, is none.
    assert_eq!(sky(&format!("ADDAT1AUGF1070{gf1}")), None, "a group cut by another is no group");
    assert_eq!(sky(&format!("ADDAT1AU08HZ  1MD1310742+9999{gf1}MW1451")), Some(4.0));
    assert_eq!(sky(&format!("ADDWA1104091UA1M090201999{gf1}")), Some(4.0), "after groups that are not read");
    assert_eq!(sky(&format!("ADDKA1024M+03065REMSYN020{gf1}")), None);
    assert_eq!(sky(&format!("EQDQ01{gf1}")), None);
    assert_eq!(sky("ADDGF100991999051000251999999EQDGF108991999051000251999999"), Some(0.0));
}

#[test]
fn what_a_group_names_is_no_group() {
    // Offsets of times of other groups, which they name.
    let text = one(
        MANDATORY,
        "ADDAA101001391CO199-05CO2AA1+0240CO9GF1-0100GF108991081001001001001001",
        Quality::Drop,
    );
    assert_eq!(text.column("liquid_precipitation_1h"), [Some(1.3)]);
    assert_eq!(text.column("sky_condition"), [Some(8.0)]);
    assert_eq!(text.tally, Tally::default());
}

#[test]
fn an_unknown_group_ends_the_section_and_is_counted() {
    let sections = "ADDAA101001391ZZ1GF1089AA206002091GF104991999051000251999999REMAA206009091";
    let text = one(MANDATORY, sections, Quality::Drop);
    assert_eq!(text.column("air_temperature"), [Some(18.3)]);
    assert_eq!(text.column("liquid_precipitation_1h"), [Some(1.3)]);
    assert_eq!(text.column("liquid_precipitation_6h"), [None]);
    assert_eq!(text.column("sky_condition"), [None]);
    let counts: Vec<u64> = text.tally.left_out.values().copied().collect();
    assert_eq!(counts, [1], "{:?}", text.tally);
}

#[test]
fn summaries_and_reports_without_station_are_left_out() {
    let lines: String = [
        (STATION, "SOD  "),
        (STATION, "FM-15"),
        (STATION, "SOM  "),
        ("99999999999", "FM-13"),
        (STATION, "SOD  "),
        ("A0000199999", "FM-12"),
        ("99999993134", "FM-12"),
        ("72287499999", "FM-12"),
    ]
    .into_iter()
    .map(|(station, kind)| report(&control(station, "200607130847", kind), MANDATORY, ""))
    .collect();
    let text = rows_of(NAME, &lines, &ReadOptions::default());
    let stations: Vec<&str> = text.keys().iter().map(|(station, _)| *station).collect();
    assert_eq!(stations, ["722874-93134", "A00001-99999", "999999-93134", "722874-99999"]);
    let left_out = [
        ("reports without a station number", 1),
        ("summaries of a day (SOD)", 2),
        ("summaries of a month (SOM)", 1),
    ];
    assert_eq!(text.tally.left_out, BTreeMap::from(left_out.map(|(what, n)| (what.to_owned(), n))));
}

#[test]
fn rows_come_in_the_order_of_the_file() {
    let lines: String = [
        (STATION, "200607130847"),
        ("01002099999", "190101010600"),
        (STATION, "200607130800"),
        (STATION, "200607130800"),
    ]
    .into_iter()
    .map(|(station, time)| report(&control(station, time, "FM-15"), MANDATORY, ""))
    .collect();
    let text = rows_of("archive.gz", gzip(lines.replace('\n', "\r\n") + "\r\n"), &ReadOptions::default());
    let keys = [
        ("722874-93134", "2006-07-13 08:47:00"),
        ("010020-99999", "1901-01-01 06:00:00"),
        ("722874-93134", "2006-07-13 08:00:00"),
        ("722874-93134", "2006-07-13 08:00:00"),
    ];
    assert_eq!(text.keys(), keys.map(|(station, time)| (station, seconds(time))));
}

#[test]
fn what_is_wrong_with_a_line_is_said_with_its_number() {
    let good = report(&control(STATION, "200607130847", "FM-15"), MANDATORY, "ADDAA101000595REMSYN  ");
    let line = good.trim_end_matches('\n');
    let options = ReadOptions { format: Some("isd-raw".into()), ..ReadOptions::default() };
    for (bad, expected) in [
        (line[..100].to_owned(), "has 100 characters, expected at least 105"),
        (line[..110].to_owned(), "is cut short: 5 characters follow the first 105, expected 22"),
        (format!("{line}x"), "is too long: 23 characters follow the first 105, expected 22"),
        (line.replacen("0022", "00x2", 1), "begins with \"00x2\""),
        (line.replacen("722874", "7228-4", 1), "has the station \"7228-493134\""),
        (line.replacen("200607130847", "200607132447", 1), "has the time \"200607132447\""),
        (line.replacen("+0183", "+01 3", 1), "has \"+01 3\" as air temperature"),
        (line.replacen("N0051", "N00z1", 1), "has \"00z1\" as wind speed"),
        (line.replacen("AA1010005", "AA10100.5", 1), "has \"00.5\" as depth of precipitation"),
    ] {
        let message = refusal_of(NAME, format!("{good}{bad}\n{good}"), &options);
        assert!(message.contains(expected) && message.contains("line 2:"), "{message}");
    }
    // Blanks at the end of a line are often lost, which changes nothing.
    let text = rows_of(NAME, good.trim_end(), &ReadOptions::default());
    assert_eq!(text.column("liquid_precipitation_1h"), [Some(0.5)]);
}

#[test]
#[cfg_attr(no_shared_data, ignore = "needs ../shared/data")]
fn published_reports() {
    // Number of values and their sum in tenths, by measurement, as counted in the files by other means.
    type Column = (&'static str, usize, i64);
    let check = |name: &str, rows: usize, stations: usize, columns: &[Column]| {
        let text = read_text(&shared("isd-raw").join(name), &ReadOptions::default()).unwrap();
        assert_eq!((text.rows.timestamps.len(), text.rows.stations.len()), (rows, stations), "{name}");
        for measurement in &MEASUREMENTS {
            let (count, sum) = columns
                .iter()
                .find(|(column, ..)| *column == measurement.name)
                .map_or((0, 0), |(_, count, sum)| (*count, *sum));
            let values: Vec<f64> = text.column(measurement.name).iter().flatten().copied().collect();
            let tenths: i64 = values.iter().map(|value| (value * 10.0).round() as i64).sum();
            assert_eq!((values.len(), tenths), (count, sum), "{name} {}", measurement.name);
        }
        text
    };
    let norway = check(
        "014160-99999-2016.gz",
        7174,
        1,
        &[
            ("air_temperature", 3609, 390_483),
            ("dew_point_temperature", 3609, 225_321),
            ("liquid_precipitation_1h", 1451, 3985),
            ("liquid_precipitation_6h", 523, 5232),
        ],
    );
    assert_eq!(norway.tally, Tally::default());
    assert_eq!(norway.keys()[7173], ("014160-99999", 1_477_602_000));
    assert_eq!(norway.column("liquid_precipitation_1h")[7173], Some(1.0));
    let germany = check(
        "104270-99999-1928.gz",
        376,
        1,
        &[
            ("air_temperature", 319, 25_803),
            ("dew_point_temperature", 309, 15_241),
            ("wind_direction", 199, 412_200),
            ("wind_speed_rate", 376, 24_413),
            ("sky_condition", 374, 23_100),
        ],
    );
    assert_eq!(rejected(&germany.tally), [("air_temperature", "2", 1), ("dew_point_temperature", "2", 5)]);
    let california = check(
        "ISD-MISSING.gz",
        5000,
        1,
        &[
            ("air_temperature", 4999, 917_639),
            ("dew_point_temperature", 4995, 522_538),
            ("sea_level_pressure", 4108, 41_667_775),
            ("wind_direction", 4177, 1_291_600),
            ("wind_speed_rate", 5000, 29_432),
            ("sky_condition", 4854, 112_270),
            ("liquid_precipitation_1h", 4319, 3006),
            ("liquid_precipitation_6h", 29, 958),
        ],
    );
    assert_eq!(california.tally.left_out.values().copied().collect::<Vec<_>>(), [171, 5]);
    assert_eq!(california.tally.traces.values().copied().collect::<Vec<_>>(), [106, 9]);
    check(
        "ncdc-1901.gz",
        6565,
        6,
        &[
            ("air_temperature", 6564, 306_529),
            ("sea_level_pressure", 6547, 66_059_456),
            ("wind_direction", 6548, 11_909_600),
            ("wind_speed_rate", 6548, 417_462),
            ("sky_condition", 6554, 313_530),
        ],
    );
    let options = ReadOptions { quality: Quality::Keep, ..ReadOptions::default() };
    let kept = read_text(&shared("isd-raw/104270-99999-1928.gz"), &options).unwrap();
    assert_eq!(kept.column("air_temperature").iter().flatten().count(), 320);
    assert_eq!(kept.tally, Tally::default());
}

#[test]
fn a_cut_gzip_file_is_refused() {
    let report = report(&control(STATION, "200607130847", "FM-15"), MANDATORY, "");
    let whole = gzip(report.repeat(10_000));
    let file = file("reports.gz", &whole[..whole.len() - 9]);
    let error = read_text(&file.path, &ReadOptions::default()).unwrap_err().to_string();
    assert!(error.contains("reports.gz") && error.contains("cannot read"), "{error}");
}
