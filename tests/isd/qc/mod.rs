//! The tests of quality control, one module for a few of them: by hand from their definitions, and against slow models.

mod cli; // isd-qc as it is run from a shell
mod climatology; // tests that rest on a station's own record
mod logic; // humidity, wind, pressure, precipitation, world records, clean-up
mod models; // most tests against plain, slow models
mod neighbours; // stations beside those around them
mod page; // the page of the documentation
mod published; // the published rows: labelled points, cold hours, storms
mod repeats; // duplicate months, streaks, frequent values, isolated clusters
mod rolling; // rolling and Hampel
mod spikes; // spikes and plateaus

use isd::qc::derived::Derived;
use isd::qc::series_stage::{NotRun, run_test};
use isd::qc::settings::test_index;
use isd::qc::{CATALOGUE, Finding, Settings, Station, Verdict};
use isd_dataset::geography::Position;

use crate::memory::HOUR;

pub use isd::qc::test::{
    DEW_POINT, PRESSURE, RAIN_1H, RAIN_6H, SKY, TEMPERATURE, WIND_DIRECTION, WIND_SPEED,
};

/// No value.
pub const NONE: f64 = f64::NAN;
/// 2001-01-01T00:00Z in hours since 1970.
pub const START: i64 = 271_752;

/// A station with an observation every `step` hours from 2001 on.
pub fn station_every(step: i64, columns: &[(usize, Vec<f64>)]) -> Station {
    let rows = columns.iter().map(|(_, values)| values.len()).max().unwrap_or(0) as i64;
    at_hours(&(0..rows).map(|row| row * step).collect::<Vec<_>>(), columns)
}

/// A station with hourly observations from 2001 on.
pub fn station(columns: &[(usize, Vec<f64>)]) -> Station {
    station_every(1, columns)
}

/// A station with observations at these hours after the beginning of 2001.
pub fn at_hours(hours: &[i64], columns: &[(usize, Vec<f64>)]) -> Station {
    let times = hours.iter().map(|hour| (START + hour) * HOUR).collect();
    let position = Position::of_station(45.0, 7.0);
    let station = Station::new("010010-99999".into(), position, times);
    columns.iter().fold(station, |station, (measurement, values)| station.with(*measurement, values.clone()))
}

/// What a test finds, by measurement and row, and why it did not act.
pub fn run(test: &str, station: &Station, settings: &Settings) -> (Vec<Finding>, Vec<&'static str>) {
    let mut not_run = NotRun::new();
    let index = test_index(test).unwrap();
    let found = run_test(index, station, settings, &[], &mut Derived::default(), &mut not_run).unwrap();
    let reasons = not_run.into_keys().map(|(_, _, why)| why);
    // Most stations here have one measurement.
    (found, reasons.filter(|why| *why != "the station has no values of it").collect())
}

/// The settings with a test switched on.
pub fn on(test: &str) -> Settings {
    let mut settings = Settings::default();
    let index = test_index(test).unwrap();
    (0..8).for_each(|measurement| settings.turn(index, measurement, true));
    settings
}

/// Rows of a measurement that a test finds.
pub fn rows(test: &str, station: &Station, measurement: usize) -> Vec<usize> {
    let (found, _) = run(test, station, &on(test));
    let mine = found.into_iter().filter(|finding| usize::from(finding.measurement) == measurement);
    mine.map(|finding| finding.row as usize).collect()
}

/// The verdict on a value; `None` where the test finds nothing of it.
pub fn verdict(test: &str, station: &Station, measurement: usize, row: usize) -> Option<Verdict> {
    let (found, _) = run(test, station, &on(test));
    let mine =
        |finding: &&Finding| usize::from(finding.measurement) == measurement && finding.row as usize == row;
    found.iter().find(mine).map(|finding| finding.verdict)
}

/// Numbers that look drawn by chance, from 0 to 1: Knuth's MMIX generator.
pub fn drawn(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(1_u32 << 31)
    }
}

/// Temperatures in tenths: a year, a day, and weather that changes slowly.
pub fn temperatures(rows: usize, seed: u64) -> Vec<f64> {
    let mut draw = drawn(seed);
    let mut weather = 0.0;
    let mut value = |row: usize| {
        weather = 0.97 * weather + 1.6 * (draw() - 0.5);
        let (year, day) = (row as f64 / 8766.0, row as f64 / 24.0);
        let turn = 2.0 * std::f64::consts::PI;
        let value = 10.0 - 10.0 * (turn * year).cos() - 4.0 * (turn * day).cos() + weather;
        (value * 10.0).round() / 10.0
    };
    (0..rows).map(&mut value).collect()
}

#[test]
fn no_test_finds_or_breaks_anything_in_nothing() {
    let all: Vec<usize> = (0..8).collect();
    for test in CATALOGUE.iter().map(|test| test.about().name) {
        for rows in [0, 1, 2, 3, 50] {
            let missing: Vec<_> = all.iter().map(|&measurement| (measurement, vec![NONE; rows])).collect();
            assert_eq!(run(test, &station(&missing), &on(test)).0, [], "{test}: nothing at all");
            let single: Vec<_> = all
                .iter()
                .map(|&m| (m, if m == PRESSURE { 1005.0 } else { 5.0 }))
                .map(|(m, value)| {
                    (m, (0..rows).map(|row| if row == rows / 2 { value } else { NONE }).collect())
                })
                .collect();
            assert_eq!(run(test, &station(&single), &on(test)).0, [], "{test}: one value in {rows} rows");
        }
    }
}

#[test]
fn constant_series_are_streaks_and_nothing_else() {
    let values = vec![7.3; 2000];
    for test in CATALOGUE.iter().map(|test| test.about().name).filter(|&test| test != "streak") {
        for measurement in [TEMPERATURE, PRESSURE, WIND_SPEED] {
            // 1013 hPa, so that it is no record.
            let value = if measurement == PRESSURE { 1013.3 } else { 7.3 };
            let station = station(&[(measurement, vec![value; 2000])]);
            let found = rows(test, &station, measurement);
            let frequent = test == "frequent_value" && measurement != WIND_SPEED;
            assert_eq!(found.len(), if frequent { 2000 } else { 0 }, "{test} of {measurement}");
        }
    }
    assert_eq!(rows("streak", &station(&[(TEMPERATURE, values)]), TEMPERATURE).len(), 2000);
}

#[test]
fn all_tests_have_names_units_and_sources_of_their_own() {
    let mut names: Vec<&str> = CATALOGUE.iter().map(|test| test.about().name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), CATALOGUE.len());
    for about in CATALOGUE.iter().map(|test| test.about()) {
        assert!(!about.definition.is_empty() && !about.source.is_empty(), "{}", about.name);
        assert!(about.measurements.is_sorted() && !about.measurements.is_empty(), "{}", about.name);
    }
}
